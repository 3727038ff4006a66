//! A copy of the database, made while work goes on.
//!
//! `VACUUM INTO` reads one snapshot, however long it takes: `SQLite`'s online backup begins anew whenever another process commits, and on a
//! busy folder never ends. It also leaves out what was deleted.

use crate::database::{Fault, connect, damage};
use crate::durable::{folder_of, make_temporary, take_name};
use crate::home::LocalHome;
use crate::system::blocking;
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

#[derive(Debug, thiserror::Error)]
#[error("the copy cannot be written")]
struct Unwritable(#[source] io::Error);

impl LocalHome {
    /// Writes a consistent copy of the database to a file that must not exist, while work goes on; checks it, and syncs it. The file
    /// appears when it is whole, for its owner alone.
    pub async fn backup(&self, to: &Path) -> Result<Backup, PortError> {
        let (from, to) = (self.folder().database(), to.to_owned());
        blocking(ACTION, move || back_up(&from, &to)).await
    }
}

fn back_up(from: &Path, to: &Path) -> Result<Backup, PortError> {
    let taken = "there is a file of that name, and it is left as it is";
    if fs::symlink_metadata(to).is_ok() {
        return Err(PortError::permanent(ACTION, taken));
    }
    let temporary = make_temporary(folder_of(to)).map_err(unwritable)?;
    let copied = copy(from, &temporary).and_then(|backup| {
        let is_ours = take_name(&temporary, to).map_err(unwritable)?;
        is_ours
            .then_some(backup)
            .ok_or_else(|| PortError::permanent(ACTION, taken))
    });
    drop(fs::remove_file(&temporary));
    copied
}

fn unwritable(error: io::Error) -> PortError {
    PortError::transient(ACTION, Unwritable(error))
}

/// Into an empty file, so that it is private from its first byte on.
fn copy(from: &Path, to: &Path) -> Result<Backup, PortError> {
    let refused = |error| Fault::from(error).during(ACTION);
    let name = to.to_str().ok_or_else(|| {
        let error = io::Error::new(io::ErrorKind::InvalidInput, "the path is not UTF-8");
        unwritable(error)
    })?;
    let copied = connect(from).and_then(|database| database.execute("VACUUM INTO ?1", [name]));
    copied.map_err(refused)?;
    let (events, wrong) = look(to).map_err(refused)?;
    if let Some(wrong) = wrong {
        let damaged = format!("the copy is damaged: {wrong}");
        return Err(PortError::permanent(ACTION, damaged));
    }
    let synced = File::open(to).and_then(|file| {
        file.sync_all()?;
        Ok(file.metadata()?.len())
    });
    let bytes = synced.map_err(unwritable)?;
    Ok(Backup { bytes, events })
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
