//! The database: one thread writes and commits what has gathered together, a few connections read.

mod fault;
mod reader;
mod schema;
mod value;
mod writer;

pub(crate) use fault::Fault;
pub(crate) use schema::{Migrated, bring_up_to_date, is_without_tables, refused};
pub(crate) use value::{number, timestamp};

use leadwire_pipeline::port::PortError;
use reader::Readers;
use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use writer::Writer;

/// How long a connection waits for another process's commit. Shorter than the four seconds in which a webhook is answered.
const BUSY_TIMEOUT: Duration = Duration::from_secs(3);

/// The write-ahead log goes into the database when it has so many pages: 4 MiB, as `SQLite` has it. A commit waits for that: with 64 MiB the
/// 99th of a hundred answers took three times as long, and no lead cost less.
const LOG_PAGES: i64 = 1000;
/// The log's file is cut back to so many: what is cut must grow again, and each growth is a commit of the file system.
const LOG_PAGES_KEPT: i64 = 4 * LOG_PAGES;
const PAGE_BYTES: i64 = 4096;
/// What the writer keeps of the database: the upper parts of its indexes over a million leads. The system keeps the rest.
const CACHE_KIBIBYTES: i64 = 4000;

/// The open database. Dropping the last handle commits what was asked for and closes it.
#[derive(Clone, Debug)]
pub(crate) struct Database {
    writer: Arc<Writer>,
    readers: Arc<Readers>,
}

impl Database {
    /// Takes a connection that [`connect`] opened and that is up to date. `guard` is dropped after the last commit: the folder's lock.
    pub(crate) fn start(
        connection: Connection,
        path: &Path,
        guard: Option<std::fs::File>,
    ) -> std::io::Result<Self> {
        Ok(Self {
            writer: Arc::new(Writer::start(connection, guard)?),
            readers: Arc::new(Readers::start(path)?),
        })
    }

    /// Runs `work` in a transaction of its own or of several, once more where another one's failure rolled it back; returns when it is
    /// synced.
    pub(crate) async fn write<T: Send + 'static>(
        &self,
        action: &'static str,
        work: impl FnMut(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, PortError> {
        self.write_then(action, work, |_value| ()).await
    }

    /// The same. `after` runs once it is synced, in order of commits, even where the caller has gone.
    pub(crate) async fn write_then<T: Send + 'static>(
        &self,
        action: &'static str,
        work: impl FnMut(&Connection) -> rusqlite::Result<T> + Send + 'static,
        after: impl FnOnce(&T) + Send + 'static,
    ) -> Result<T, PortError> {
        let written = self.writer.write(work, after).await;
        written.map_err(|fault| fault.during(action))
    }

    /// Runs `work` on a connection that sees everything committed before.
    pub(crate) async fn read<T: Send + 'static>(
        &self,
        action: &'static str,
        work: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, PortError> {
        let read = self.readers.read(work).await;
        read.map_err(|fault| fault.during(action))
    }
}

/// Opens a connection that writes: WAL, every commit synced, deleted data overwritten.
pub(crate) fn connect(path: &Path) -> rusqlite::Result<Connection> {
    let connection = Connection::open(path)?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    // Where fsync alone does not reach the disk (macOS); without effect elsewhere.
    connection.pragma_update(None, "fullfsync", true)?;
    connection.pragma_update(None, "checkpoint_fullfsync", true)?;
    connection.pragma_update(None, "foreign_keys", true)?;
    connection.pragma_update(None, "secure_delete", true)?;
    connection.pragma_update(None, "wal_autocheckpoint", LOG_PAGES)?;
    connection.pragma_update(None, "journal_size_limit", LOG_PAGES_KEPT * PAGE_BYTES)?;
    connection.pragma_update(None, "cache_size", -CACHE_KIBIBYTES)?;
    keep_statements(&connection)?;
    Ok(connection)
}

/// Statements are prepared once: neither for want of room nor because another value might have another plan.
fn keep_statements(connection: &Connection) -> rusqlite::Result<()> {
    connection.set_prepared_statement_cache_capacity(64);
    let qpsg = DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG;
    connection.set_db_config(qpsg, true).map(drop)
}

/// Opens a connection that only reads.
pub(crate) fn connect_to_read(path: &Path) -> rusqlite::Result<Connection> {
    // Not SQLITE_OPEN_READ_ONLY: a reader of a WAL database writes to its shared index.
    let connection = Connection::open_with_flags(
        path,
        OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX,
    )?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    connection.pragma_update(None, "query_only", true)?;
    keep_statements(&connection)?;
    Ok(connection)
}

/// What is wrong with a database; nothing where it is whole.
pub(crate) fn damage(connection: &Connection) -> rusqlite::Result<Vec<String>> {
    let mut check = connection.prepare("PRAGMA integrity_check")?;
    let lines = check.query_map([], |row| row.get::<_, String>(0))?;
    lines
        .filter(|line| !line.as_ref().is_ok_and(|line| line == "ok"))
        .collect()
}
