//! `--save-refused`: requests that a source refused, as files for `source check`. Off unless a folder is named, bounded, and never in the
//! way of an answer.

use hyper::http::request::Parts;
use jiff::Timestamp;
use leadwire_domain::limits::BODY_BYTES_MAX;
use leadwire_domain::source::Source;
use leadwire_domain::source::check::SavedRequest;
use leadwire_pipeline::observe::{RefusedNotSaved, RefusedSaved};
use leadwire_pipeline::stage::ingest::Answer;
use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{self, ErrorKind, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use tokio::sync::mpsc::{Receiver, Sender, channel};

/// The most files of ours in the folder: anyone who can reach the door can fill it.
const FILES_MAX: usize = 100;
/// The most bytes of them.
const BYTES_MAX: u64 = 64 * 1024 * 1024;
/// Requests that wait to be written. More are not saved: an answer never waits for a disk.
const WAITING_MAX: usize = 8;
/// How the names of the files begin and end.
const NAME: (&str, &str) = ("refused-", ".http");
/// Requests of one source within a microsecond that get names of their own.
const NAMESAKES_MAX: usize = 100;

/// A folder that can be written.
#[derive(Clone, Debug)]
pub(crate) struct RefusedFolder(PathBuf);

/// Saves requests beside the door.
#[derive(Debug)]
pub(crate) struct RefusedFiles(Sender<(Source, SavedRequest)>);

/// Why a request is not saved.
#[derive(Debug, thiserror::Error)]
enum NotSaved {
    #[error("the folder holds {FILES_MAX} refused requests or 64 MiB of them; delete some")]
    Full,
    #[error(transparent)]
    Io(#[from] io::Error),
}

impl RefusedFolder {
    /// Makes the folder where there is none, for its owner alone, and tries to write into it.
    pub(crate) fn open(path: impl Into<PathBuf>) -> io::Result<Self> {
        let folder = Self(path.into());
        let mut builder = DirBuilder::new();
        builder.recursive(true).mode(0o700).create(&folder.0)?;
        let trial = folder.0.join(format!(".trial-{}", std::process::id()));
        create(&trial, b"").and_then(|()| fs::remove_file(&trial))?;
        Ok(folder)
    }

    /// Writes a request into a file of its own.
    fn write(&self, source: Source, request: &SavedRequest) -> Result<PathBuf, NotSaved> {
        let file = request.render();
        let bytes = u64::try_from(file.len()).unwrap_or(u64::MAX);
        let (files, taken) = self.taken()?;
        if files >= FILES_MAX || taken.saturating_add(bytes) > BYTES_MAX {
            return Err(NotSaved::Full);
        }
        let (begin, end) = NAME;
        let time = request.received_at.unwrap_or_default();
        let time = time.strftime("%Y%m%dT%H%M%S%.6fZ");
        for namesake in 0..NAMESAKES_MAX {
            let path = self
                .0
                .join(format!("{begin}{time}-{source}-{namesake}{end}"));
            match create(&path, &file) {
                Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
                done => return Ok(done.map(|()| path)?),
            }
        }
        Err(io::Error::from(ErrorKind::AlreadyExists).into())
    }

    /// How many files of ours there are, and of how many bytes together. Looked at anew each time: a person deletes what was looked into.
    fn taken(&self) -> io::Result<(usize, u64)> {
        let (begin, end) = NAME;
        let (mut files, mut bytes) = (0, 0_u64);
        for entry in fs::read_dir(&self.0)? {
            let entry = entry?;
            let name = entry.file_name();
            let is_own = |name: &str| name.starts_with(begin) && name.ends_with(end);
            if name.to_str().is_some_and(is_own) {
                files += 1;
                // One that was deleted meanwhile takes no room.
                bytes += entry.metadata().map_or(0, |facts| facts.len());
            }
        }
        Ok((files, bytes))
    }
}

impl RefusedFiles {
    /// Begins to write into a folder. It ends when the door is gone.
    pub(crate) fn start(folder: RefusedFolder) -> Self {
        let (sender, receiver) = channel(WAITING_MAX);
        drop(tokio::task::spawn_blocking(move || {
            write_all(&folder, receiver);
        }));
        Self(sender)
    }

    /// Saves a request that its source refused. One that no source knows, is verified, is too large for the doctor or could not be stored for a
    /// reason of ours is none of these.
    pub(crate) fn save(&self, answer: &Answer, head: &Parts, body: &[u8], received_at: Timestamp) {
        let is_refused = (400..500).contains(&answer.status) && !answer.is_verified;
        let Some(source) = answer.source.filter(|_| is_refused) else {
            return;
        };
        if body.len() > BODY_BYTES_MAX {
            return;
        }
        let target = (
            head.method.as_str(),
            head.uri.path(),
            head.uri.query().unwrap_or_default(),
        );
        let headers = head.headers.iter();
        let headers = headers.map(|(name, value)| (name.to_string(), value.as_bytes().to_vec()));
        let request = SavedRequest::new(target, headers.collect(), body, received_at);
        // Where many are refused at once, a few of them tell as much as all.
        drop(self.0.try_send((source, request)));
    }
}

/// Writes what comes, and says once when that cannot be done.
fn write_all(folder: &RefusedFolder, mut requests: Receiver<(Source, SavedRequest)>) {
    let mut works = true;
    while let Some((source, request)) = requests.blocking_recv() {
        match folder.write(source, &request) {
            Ok(path) => {
                works = true;
                let path = path.display().to_string();
                RefusedSaved { source, path }.emit();
            }
            Err(error) if works => {
                works = false;
                let folder = folder.0.display().to_string();
                let cause = error.to_string();
                RefusedNotSaved { folder, cause }.emit();
            }
            // It was reported.
            Err(_again) => {}
        }
    }
}

/// A new file, for its owner alone. What was begun and could not be ended goes again.
fn create(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true).mode(0o600);
    let written = options.open(path)?.write_all(bytes);
    written.inspect_err(|_error| drop(fs::remove_file(path)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use leadwire_domain::source::SourceKind;

    fn request(bytes: usize) -> SavedRequest {
        let file = format!("POST /ingest/close HTTP/1.1\n\n{}", "x".repeat(bytes));
        SavedRequest::parse(file.as_bytes()).unwrap()
    }

    fn full(folder: &RefusedFolder) -> bool {
        let written = folder.write(SourceKind::Close.into(), &request(10));
        matches!(written, Err(NotSaved::Full))
    }

    #[test]
    fn the_hundredth_file_is_written_and_no_other_until_one_is_deleted() {
        let temporary = tempfile::tempdir().unwrap();
        let folder = RefusedFolder::open(temporary.path().join("refused")).unwrap();
        // Of the same moment, all of them.
        let written = (0..FILES_MAX).map(|_| folder.write(SourceKind::Close.into(), &request(10)));
        let written: Vec<PathBuf> = written.collect::<Result<_, _>>().unwrap();
        assert!(full(&folder));
        fs::remove_file(&written[17]).unwrap();
        assert!(!full(&folder));
        assert!(full(&folder));
    }

    #[test]
    fn no_more_than_64_mib_lie_there_and_files_of_others_do_not_count() {
        let temporary = tempfile::tempdir().unwrap();
        let folder = RefusedFolder::open(temporary.path()).unwrap();
        let big = |name: &str| {
            let file = fs::File::create(temporary.path().join(name)).unwrap();
            file.set_len(BYTES_MAX - 100).unwrap();
        };
        big("holiday.http");
        assert!(!full(&folder));
        big("refused-before.http");
        assert!(full(&folder));
    }
}
