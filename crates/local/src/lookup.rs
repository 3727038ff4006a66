//! The owner files: a folder that others write, read as the bucket `Lookup`.

use crate::durable::{sync_folder, write_whole};
use leadwire_domain::key::lookup_key;
use leadwire_domain::lead::id::{LeadId, Sha256Hex};
use leadwire_pipeline::port::{
    Clock, ETag, Fetched, ListPage, Listed, Metadata, PortError, StoredObject,
};
use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Read as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};
use tokio::task::spawn_blocking;

/// A file that changed this recently may be half written: it is looked at again after that time.
const SETTLE: Duration = Duration::from_millis(300);

/// The folder `lookup/`.
#[derive(Clone)]
pub struct LookupFolder {
    path: PathBuf,
    clock: Arc<dyn Clock>,
}

/// What a look at a file gave.
enum Look {
    There(Box<Seen>),
    Not(Fetched),
}

/// A file that was read.
struct Seen {
    bytes: Vec<u8>,
    modified_at: SystemTime,
}

impl LookupFolder {
    pub(crate) fn new(path: PathBuf, clock: Arc<dyn Clock>) -> Self {
        Self { path, clock }
    }

    /// Writes a lead's owner file as a whole: no reader ever meets half of it.
    pub async fn put(&self, lead_id: &LeadId, json: Vec<u8>) -> Result<(), PortError> {
        let path = self.path(lead_id);
        let written = spawn_blocking(move || write_whole(&path, &json)).await;
        match written {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => Err(PortError::transient("put owner file", error)),
            Err(stopped) => Err(PortError::transient("put owner file", stopped)),
        }
    }

    /// Deletes an owner file. False where there is none, or where the key is not a lead's.
    pub(crate) async fn remove(&self, key: &str) -> Result<bool, PortError> {
        const ACTION: &str = "delete owner file";
        let Some(lead_id) = lead_of(key) else {
            return Ok(false);
        };
        let path = self.path(&lead_id);
        let removed = spawn_blocking(move || {
            fs::remove_file(&path)?;
            sync_folder(&path)
        });
        match removed.await {
            Ok(Ok(())) => Ok(true),
            Ok(Err(error)) if error.kind() == ErrorKind::NotFound => Ok(false),
            Ok(Err(error)) => Err(PortError::transient(ACTION, error)),
            Err(stopped) => Err(PortError::transient(ACTION, stopped)),
        }
    }

    /// Where a lead's owner file is.
    pub fn path(&self, lead_id: &LeadId) -> PathBuf {
        self.path.join(lookup_key(lead_id))
    }

    /// Reads an owner file. A key that is not a lead's names nothing, so that no key leads out of the folder.
    pub(crate) async fn get(&self, key: &str, bytes_max: usize) -> Result<Fetched, PortError> {
        let Some(lead_id) = lead_of(key) else {
            return Ok(Fetched::Missing);
        };
        let path = self.path(&lead_id);
        let seen = match look(&path, bytes_max).await? {
            Look::There(seen) => seen,
            Look::Not(fetched) => return Ok(fetched),
        };
        let Some(wait) = self.until_settled(seen.modified_at) else {
            return found(*seen);
        };
        tokio::time::sleep(wait).await;
        match look(&path, bytes_max).await? {
            Look::There(again)
                if again.modified_at == seen.modified_at
                    && again.bytes.len() == seen.bytes.len() =>
            {
                found(*again)
            }
            Look::There(_) => Err(PortError::transient(
                "get owner file",
                "the file is being written",
            )),
            Look::Not(fetched) => Ok(fetched),
        }
    }

    fn until_settled(&self, modified_at: SystemTime) -> Option<Duration> {
        let now = SystemTime::try_from(self.clock.now()).ok()?;
        let age = now.duration_since(modified_at).unwrap_or(SETTLE);
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
        let listing = spawn_blocking(move || list(&path, &prefix, &after)).await;
        let mut entries = match listing {
            Ok(Ok(entries)) => entries,
            Ok(Err(error)) => return Err(PortError::transient("list owner files", error)),
            Err(stopped) => return Err(PortError::transient("list owner files", stopped)),
        };
        let more = entries.len() > entries_max;
        entries.truncate(entries_max);
        Ok(ListPage { entries, more })
    }
}

/// The lead whose owner file has this name.
pub(crate) fn lead_of(key: &str) -> Option<LeadId> {
    LeadId::parse(key.strip_suffix(".json")?).ok()
}

async fn look(path: &Path, bytes_max: usize) -> Result<Look, PortError> {
    let path = path.to_owned();
    match spawn_blocking(move || read(&path, bytes_max)).await {
        Ok(Ok(look)) => Ok(look),
        Ok(Err(error)) if error.kind() == ErrorKind::NotFound => Ok(Look::Not(Fetched::Missing)),
        Ok(Err(error)) if error.kind() == ErrorKind::PermissionDenied => {
            Ok(Look::Not(Fetched::Denied))
        }
        Ok(Err(error)) => Err(PortError::transient("get owner file", error)),
        Err(stopped) => Err(PortError::transient("get owner file", stopped)),
    }
}

fn read(path: &Path, bytes_max: usize) -> io::Result<Look> {
    // Opening a named pipe must not wait for its other end.
    let flags = i32::try_from(rustix::fs::OFlags::NONBLOCK.bits()).unwrap_or(0);
    let file = OpenOptions::new()
        .read(true)
        .custom_flags(flags)
        .open(path)?;
    let metadata = file.metadata()?;
    if !metadata.is_file() {
        // A folder or a device of that name says nothing about an owner.
        return Ok(Look::Not(Fetched::Denied));
    }
    let limit = u64::try_from(bytes_max).unwrap_or(u64::MAX);
    let mut bytes = Vec::new();
    (&file)
        .take(limit.saturating_add(1))
        .read_to_end(&mut bytes)?;
    if bytes.len() > bytes_max {
        return Ok(Look::Not(Fetched::TooLarge));
    }
    Ok(Look::There(Box::new(Seen {
        bytes,
        modified_at: modified_at(&file)?,
    })))
}

/// Taken after the bytes: what changed meanwhile counts as fresh.
fn modified_at(file: &File) -> io::Result<SystemTime> {
    file.metadata()?.modified()
}

fn found(seen: Seen) -> Result<Fetched, PortError> {
    let last_modified = seen
        .modified_at
        .try_into()
        .map_err(|error| PortError::permanent("get owner file", error))?;
    let etag = ETag(Sha256Hex::of(&seen.bytes).to_string());
    Ok(Fetched::Found(StoredObject {
        bytes: seen.bytes,
        etag,
        metadata: Metadata::new(),
        last_modified,
    }))
}

fn list(folder: &Path, prefix: &str, after: &str) -> io::Result<Vec<Listed>> {
    let mut entries = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name();
        let Some(key) = name
            .to_str()
            .filter(|key| lead_of(key).is_some() && key.starts_with(prefix) && *key > after)
        else {
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

impl std::fmt::Debug for LookupFolder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LookupFolder")
            .field("path", &self.path)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
