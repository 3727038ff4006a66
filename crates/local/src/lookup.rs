//! The owner files: a folder that others write, read as the bucket `Lookup`.

use crate::durable::{sync_folder, write_whole};
use crate::system::{HomeClock, blocking};
use jiff::Timestamp;
use leadwire_domain::key::{lead_of_lookup_key, lookup_key};
use leadwire_domain::lead::id::{LeadId, Sha256Hex};
use leadwire_pipeline::port::{ETag, Fetched, ListPage, Listed, Metadata, PortError, StoredObject};
use std::fs::{self, OpenOptions};
use std::io::{self, ErrorKind, Read as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

/// A file that changed this recently may be half written: it is looked at again after that time, and what is found then counts. A file
/// that is cut off even then is known as such, since no beginning of a good one is good.
const SETTLE: Duration = Duration::from_millis(300);

const GET: &str = "get owner file";
const LIST: &str = "list owner files";

/// What tells two versions of an owner file apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FileVersion {
    modified_at: SystemTime,
    size: u64,
}

/// The folder `lookup/`.
#[derive(Clone, Debug)]
pub struct LookupFolder {
    path: PathBuf,
    clock: HomeClock,
}

impl LookupFolder {
    pub(crate) fn new(path: PathBuf, clock: HomeClock) -> Self {
        Self { path, clock }
    }

    /// Writes a lead's owner file as a whole: no reader ever meets half of it.
    pub async fn put(&self, lead_id: &LeadId, json: Vec<u8>) -> Result<(), PortError> {
        const ACTION: &str = "put owner file";
        let path = self.path(lead_id);
        let write = move || {
            let written = write_whole(&path, &json);
            written.map_err(|error| PortError::transient(ACTION, error))
        };
        blocking(ACTION, write).await
    }

    /// Deletes an owner file. False where there is none, or where the key is not a lead's.
    pub(crate) async fn remove(&self, key: &str) -> Result<bool, PortError> {
        const ACTION: &str = "delete owner file";
        let Some(lead_id) = lead_of_lookup_key(key) else {
            return Ok(false);
        };
        let path = self.path(&lead_id);
        blocking(ACTION, move || {
            match fs::remove_file(&path).and_then(|()| sync_folder(&path)) {
                Ok(()) => Ok(true),
                Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
                Err(error) => Err(PortError::transient(ACTION, error)),
            }
        })
        .await
    }

    /// Where a lead's owner file is.
    pub fn path(&self, lead_id: &LeadId) -> PathBuf {
        self.path.join(lookup_key(lead_id))
    }

    /// Which version of its owner file each of these leads has, where it has one. A folder that cannot be read has none.
    pub(crate) async fn versions(&self, leads: Vec<LeadId>) -> Vec<(LeadId, FileVersion)> {
        if leads.is_empty() {
            return Vec::new();
        }
        let folder = self.clone();
        let look = move || {
            let version = |lead_id: LeadId| {
                let metadata = fs::metadata(folder.path(&lead_id)).ok()?;
                let version = FileVersion {
                    modified_at: metadata.modified().ok()?,
                    size: metadata.len(),
                };
                metadata.is_file().then_some((lead_id, version))
            };
            Ok(leads.into_iter().filter_map(version).collect())
        };
        blocking("look at owner files", look)
            .await
            .unwrap_or_default()
    }

    /// Reads an owner file. A key that is not a lead's names nothing, so that no key leads out of the folder.
    pub(crate) async fn get(&self, key: &str, bytes_max: usize) -> Result<Fetched, PortError> {
        let Some(lead_id) = lead_of_lookup_key(key) else {
            return Ok(Fetched::Missing);
        };
        let path = self.path(&lead_id);
        let first = look(&path, bytes_max).await?;
        let Fetched::Found(seen) = &first else {
            return Ok(first);
        };
        let Some(wait) = self.until_settled(seen.last_modified) else {
            return Ok(first);
        };
        tokio::time::sleep(wait).await;
        look(&path, bytes_max).await
    }

    fn until_settled(&self, modified_at: Timestamp) -> Option<Duration> {
        let age = Duration::try_from(self.clock.now().duration_since(modified_at)).ok()?;
        SETTLE.checked_sub(age).filter(|wait| !wait.is_zero())
    }

    /// The owner files that begin with `prefix`, in byte order.
    pub(crate) async fn list(
        &self,
        prefix: &str,
        after: Option<&str>,
        entries_max: usize,
    ) -> Result<ListPage, PortError> {
        let (path, prefix, after) = (
            self.path.clone(),
            prefix.to_owned(),
            after.unwrap_or_default().to_owned(),
        );
        let listing =
            move || list(&path, &prefix, &after).map_err(|error| PortError::transient(LIST, error));
        let mut entries = blocking(LIST, listing).await?;
        let more = entries.len() > entries_max;
        entries.truncate(entries_max);
        Ok(ListPage { entries, more })
    }
}

async fn look(path: &Path, bytes_max: usize) -> Result<Fetched, PortError> {
    let path = path.to_owned();
    blocking(GET, move || match read(&path, bytes_max) {
        Ok(Ok((bytes, modified_at))) => found(bytes, modified_at),
        Ok(Err(not_found)) => Ok(not_found),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(Fetched::Missing),
        Err(error) if error.kind() == ErrorKind::PermissionDenied => Ok(Fetched::Denied),
        Err(error) => Err(PortError::transient(GET, error)),
    })
    .await
}

/// A file's bytes and when it changed, or why it is not read.
fn read(path: &Path, bytes_max: usize) -> io::Result<Result<(Vec<u8>, SystemTime), Fetched>> {
    // Opening a named pipe must not wait for its other end.
    let flags = i32::try_from(rustix::fs::OFlags::NONBLOCK.bits()).unwrap_or(0);
    let file = OpenOptions::new()
        .read(true)
        .custom_flags(flags)
        .open(path)?;
    if !file.metadata()?.is_file() {
        // A folder or a device of that name says nothing about an owner.
        return Ok(Err(Fetched::Denied));
    }
    let limit = u64::try_from(bytes_max).unwrap_or(u64::MAX);
    let mut bytes = Vec::new();
    (&file)
        .take(limit.saturating_add(1))
        .read_to_end(&mut bytes)?;
    if bytes.len() > bytes_max {
        return Ok(Err(Fetched::TooLarge));
    }
    // Taken after the bytes: what changed meanwhile counts as fresh.
    let modified_at = file.metadata()?.modified()?;
    Ok(Ok((bytes, modified_at)))
}

fn found(bytes: Vec<u8>, modified_at: SystemTime) -> Result<Fetched, PortError> {
    let last_modified = modified_at
        .try_into()
        .map_err(|error| PortError::permanent(GET, error))?;
    Ok(Fetched::Found(StoredObject {
        etag: ETag(Sha256Hex::of(&bytes).to_string()),
        bytes,
        metadata: Metadata::new(),
        last_modified,
    }))
}

fn list(folder: &Path, prefix: &str, after: &str) -> io::Result<Vec<Listed>> {
    let mut entries = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name();
        let Some(key) = name.to_str().filter(|key| {
            lead_of_lookup_key(key).is_some() && key.starts_with(prefix) && *key > after
        }) else {
            continue;
        };
        // One that vanished meanwhile is not there.
        let Ok(metadata) = fs::metadata(entry.path()) else {
            continue;
        };
        if let (true, Ok(Ok(last_modified))) = (
            metadata.is_file(),
            metadata.modified().map(TryInto::try_into),
        ) {
            entries.push(Listed {
                key: key.to_owned(),
                size: metadata.len(),
                last_modified,
            });
        }
    }
    entries.sort_by(|one, other| one.key.cmp(&other.key));
    Ok(entries)
}

#[cfg(test)]
mod tests;
