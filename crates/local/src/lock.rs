//! The lock of the one process that serves a folder.

use crate::error::OpenError;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read as _, Seek as _, Write as _};
use std::path::Path;

/// What the lock file says about its holder, for the message to a second one.
#[derive(Serialize, Deserialize)]
struct Holder {
    pid: u32,
    since: Timestamp,
}

/// Takes the lock, and says who holds it now. The kernel gives it back when the file is closed, however the process ends.
pub(crate) fn take(path: &Path, now: Timestamp) -> Result<File, OpenError> {
    let folder = path.parent().unwrap_or(path);
    let io = |action| move |source| OpenError::during(action, path, folder, source);
    let mut file = open(path).map_err(io("open the lock"))?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => return Err(held(&mut file)),
        Err(TryLockError::Error(error)) => return Err(io("lock")(error)),
    }
    let holder = Holder {
        pid: std::process::id(),
        since: now,
    };
    let text = serde_json::to_string(&holder).expect("plain fields always serialise");
    let emptied = file.set_len(0).and_then(|()| file.rewind());
    let written = emptied.and_then(|()| file.write_all(text.as_bytes()));
    written.map_err(io("write the lock"))?;
    Ok(file)
}

/// Whether the folder is free. The lock is not kept.
pub(crate) fn is_free(path: &Path) -> bool {
    open(path).is_ok_and(|file| file.try_lock().is_ok())
}

fn open(path: &Path) -> std::io::Result<File> {
    // Never truncated here: it may be another's.
    OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .open(path)
}

fn held(file: &mut File) -> OpenError {
    let mut text = String::new();
    // Between its lock and its words, a holder has no name yet.
    let read = file.read_to_string(&mut text).ok();
    let holder: Option<Holder> = read.and_then(|_length| serde_json::from_str(&text).ok());
    let (pid, since) = match holder {
        Some(holder) => (holder.pid.to_string(), holder.since.to_string()),
        None => ("unknown".to_owned(), "an unknown time".to_owned()),
    };
    OpenError::Served { pid, since }
}
