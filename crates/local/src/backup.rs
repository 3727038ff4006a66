//! A copy of the database, made while work goes on.
//!
//! `VACUUM INTO` reads one snapshot, however long it takes: `SQLite`'s online backup begins anew whenever another process commits, and on a
//! busy folder never ends. It also leaves out what was deleted.

use crate::database::{Fault, connect, damage};
use crate::durable::{folder_of, make_temporary, take_name};
use crate::home::LocalHome;
use leadwire_pipeline::port::PortError;
use rusqlite::{Connection, OpenFlags};
use std::fs::{self, File};
use std::io;
use std::path::Path;

const ACTION: &str = "back up the database";

/// What a copy holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Backup {
    /// Its size.
    pub bytes: u64,
    /// Raw events in it.
    pub events: u64,
}

/// Why there is no copy.
#[derive(Debug, thiserror::Error)]
enum BackupError {
    #[error("there is a file of that name, and it is left as it is")]
    NameTaken,
    #[error("the copy is damaged: {0}")]
    Damaged(String),
    #[error("the copy cannot be written")]
    Io(#[source] io::Error),
    #[error(transparent)]
    Database(#[from] Fault),
}

impl LocalHome {
    /// Writes a consistent copy of the database to a file that must not exist, while work goes on; checks it, and syncs it. The file
    /// appears when it is whole, for its owner alone.
    pub async fn backup(&self, to: &Path) -> Result<Backup, PortError> {
        let (from, to) = (self.folder().database(), to.to_owned());
        match tokio::task::spawn_blocking(move || back_up(&from, &to)).await {
            Ok(Ok(backup)) => Ok(backup),
            Ok(Err(BackupError::Database(fault))) => Err(fault.during(ACTION)),
            Ok(Err(BackupError::Io(error))) => Err(PortError::transient(ACTION, error)),
            Ok(Err(error)) => Err(PortError::permanent(ACTION, error)),
            Err(stopped) => Err(PortError::transient(ACTION, stopped)),
        }
    }
}

fn back_up(from: &Path, to: &Path) -> Result<Backup, BackupError> {
    if fs::symlink_metadata(to).is_ok() {
        return Err(BackupError::NameTaken);
    }
    let temporary = make_temporary(folder_of(to)).map_err(BackupError::Io)?;
    let copied = copy(from, &temporary).and_then(|backup| {
        let is_ours = take_name(&temporary, to).map_err(BackupError::Io)?;
        is_ours.then_some(backup).ok_or(BackupError::NameTaken)
    });
    drop(fs::remove_file(&temporary));
    copied
}

/// Into an empty file, so that it is private from its first byte on.
fn copy(from: &Path, to: &Path) -> Result<Backup, BackupError> {
    let name = to.to_str().ok_or_else(|| {
        let error = io::Error::new(io::ErrorKind::InvalidInput, "the path is not UTF-8");
        BackupError::Io(error)
    })?;
    let copied =
        connect(from).and_then(|connection| connection.execute("VACUUM INTO ?1", [name]).map(drop));
    copied.map_err(Fault::from)?;
    let (events, wrong) = look(to).map_err(Fault::from)?;
    if let Some(wrong) = wrong {
        return Err(BackupError::Damaged(wrong));
    }
    let synced = File::open(to).and_then(|file| {
        file.sync_all()?;
        Ok(file.metadata()?.len())
    });
    Ok(Backup {
        bytes: synced.map_err(BackupError::Io)?,
        events,
    })
}

/// How many events are in a copy, and what is wrong with it.
fn look(path: &Path) -> rusqlite::Result<(u64, Option<String>)> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    let events: i64 = connection.query_row(
        "SELECT count(*) FROM objects WHERE bucket = 1 AND key >= 'raw/' AND key < 'raw0'",
        [],
        |row| row.get(0),
    )?;
    let wrong = damage(&connection)?.into_iter().next();
    Ok((u64::try_from(events).unwrap_or(0), wrong))
}

#[cfg(test)]
mod tests;
