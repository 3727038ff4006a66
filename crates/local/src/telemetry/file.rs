//! The file: opened, checked, and set aside where it cannot be used.

use super::TelemetryError;
use crate::database::{connect_to_read, is_without_tables};
use crate::durable::make_private;
use rusqlite::{Connection, ErrorCode, TransactionBehavior, ffi};
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Distinguishes the file from others (`PRAGMA application_id`): `LDWT`.
const APPLICATION_ID: i32 = 0x4c44_5754;
/// The schema. There are no migrations: a file with another one is set aside.
const VERSION: i32 = 1;
const SCHEMA: &str = include_str!("v1.sql");
/// How long a connection waits for another one. Shorter than a second, in which the next write comes.
const BUSY_TIMEOUT: Duration = Duration::from_millis(500);
/// The write-ahead log is cut to this after a checkpoint, in bytes.
const LOG_BYTES_MAX: i64 = 16 * 1024 * 1024;

/// A file that is open to be written, and which one it is.
#[derive(Debug)]
pub(super) struct TelemetryFile {
    connection: Connection,
    identity: Option<(u64, u64)>,
}

impl TelemetryFile {
    /// Opens the file, and makes it where there is none.
    pub(super) fn open(path: &Path) -> Result<Self, TelemetryError> {
        let database = |source| super::database_error("open", path, source);
        make_private(path).map_err(|source| TelemetryError::Io {
            action: "open",
            path: path.to_owned(),
            source,
        })?;
        let mut connection = Connection::open(path).map_err(database)?;
        prepare(&mut connection).map_err(database)?;
        Ok(Self {
            connection,
            identity: identity(path),
        })
    }

    /// Whether the path still names this file. It may be deleted at any time.
    pub(super) fn is_still_at(&self, path: &Path) -> bool {
        self.identity.is_some() && self.identity == identity(path)
    }

    /// Runs `work` in a transaction.
    pub(super) fn commit<T>(
        &mut self,
        work: impl FnOnce(&Connection) -> rusqlite::Result<T>,
    ) -> rusqlite::Result<T> {
        let transaction = self
            .connection
            .transaction_with_behavior(TransactionBehavior::Immediate)?;
        let value = work(&transaction)?;
        transaction.commit()?;
        Ok(value)
    }

    #[cfg(test)]
    pub(super) fn connection(&self) -> &Connection {
        &self.connection
    }
}

fn identity(path: &Path) -> Option<(u64, u64)> {
    let metadata = fs::metadata(path).ok()?;
    Some((metadata.dev(), metadata.ino()))
}

/// WAL, and no fsync at each commit: after a power cut the last seconds may be missing, and nothing is damaged.
fn prepare(connection: &mut Connection) -> rusqlite::Result<()> {
    connection.busy_timeout(BUSY_TIMEOUT)?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "NORMAL")?;
    connection.pragma_update(None, "journal_size_limit", LOG_BYTES_MAX)?;
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    if is_without_tables(&transaction)? {
        transaction.execute_batch(SCHEMA)?;
        transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
        transaction.pragma_update(None, "user_version", VERSION)?;
    }
    check(&transaction)?;
    transaction.commit()
}

fn check(connection: &Connection) -> rusqlite::Result<()> {
    let number = |pragma| connection.pragma_query_value(None, pragma, |row| row.get::<_, i32>(0));
    if number("application_id")? == APPLICATION_ID && number("user_version")? == VERSION {
        Ok(())
    } else {
        Err(rusqlite::Error::SqliteFailure(
            ffi::Error::new(ffi::SQLITE_NOTADB),
            Some("another program's database, or another schema".to_owned()),
        ))
    }
}

/// Opens the file to read. `None` where it has been made and has no tables yet.
pub(super) fn open_to_read(path: &Path) -> rusqlite::Result<Option<Connection>> {
    let connection = connect_to_read(path)?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    if is_without_tables(&connection)? {
        return Ok(None);
    }
    check(&connection)?;
    Ok(Some(connection))
}

/// Whether the file itself is at fault, and not the disk or who holds it.
pub(super) fn is_damage(error: &rusqlite::Error) -> bool {
    matches!(
        error.sqlite_error_code(),
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase)
    )
}

/// Gives the file another name, which replaces one that was set aside earlier, and removes what belongs to it.
pub(super) fn set_aside(path: &Path) -> io::Result<()> {
    let aside = beside(path, "-damaged");
    if aside.is_dir() {
        fs::remove_dir_all(&aside)?;
    }
    match fs::rename(path, &aside) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        Ok(()) | Err(_) => {}
    }
    for log in ["-wal", "-shm"] {
        // SQLite makes them anew; of a file that is gone they say nothing.
        drop(fs::remove_file(beside(path, log)));
    }
    Ok(())
}

fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}
