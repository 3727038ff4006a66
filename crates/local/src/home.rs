//! The one-machine home: a data folder, opened.

use crate::error::{OpenError, OpenWarning};
use crate::folder::{DataFolder, FileSystem};
use crate::lookup::LookupFolder;
use crate::mail::{LocalMailer, MailLog, SmtpUrl};
use crate::queue::SqliteQueue;
use crate::secrets::FileSecrets;
use crate::store::SqliteStore;
use crate::system::{OsEntropy, SystemClock};
use leadwire_pipeline::port::{Clock, Mailer, PortError, Ports};
use std::path::Path;
use std::sync::Arc;

/// The ports of this home, for a stage.
pub type LocalPorts<M> = Ports<SqliteStore, SqliteQueue, M, SystemClock, OsEntropy>;

/// Who opens the folder, and for what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// The one process that receives webhooks and works: it takes the folder's lock, and makes the folder where there is none.
    Serve,
    /// A command, whether somebody serves or not. The folder must be there.
    Operate,
    /// A command that makes the folder where there is none.
    Prepare,
}

/// What tests and unusual machines replace.
#[derive(Clone)]
pub struct OpenOptions {
    /// The time, for what is stored and what is due.
    pub clock: Arc<dyn Clock>,
    /// What kind of file system a folder lies on.
    pub file_system: fn(&Path) -> std::io::Result<FileSystem>,
}

/// What opening found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OpenReport {
    /// Whether the folder's database was made just now.
    pub created: bool,
    /// The schema that it was brought up from, where it was older.
    pub migrated_from: Option<u32>,
    /// Messages that a dead process held, given back.
    pub released: u64,
    /// What a person should know.
    pub warnings: Vec<OpenWarning>,
}

/// An open data folder. Everything that it gives out is a cheap handle that keeps it open.
#[derive(Clone, Debug)]
pub struct LocalHome {}

impl LocalHome {
    /// Opens the folder at `dir`.
    pub fn open(dir: &Path, mode: Mode) -> Result<Self, OpenError> {
        todo!()
    }

    /// Opens the folder at `dir` with a clock and a file system of the caller's.
    pub fn open_with(dir: &Path, mode: Mode, options: &OpenOptions) -> Result<Self, OpenError> {
        todo!()
    }

    /// What opening found.
    pub fn report(&self) -> &OpenReport {
        todo!()
    }

    /// The folder.
    pub fn folder(&self) -> &DataFolder {
        todo!()
    }

    /// The id of this run, where it serves: `EnrichConfig::boot`.
    pub fn boot(&self) -> Option<&str> {
        todo!()
    }

    /// Objects.
    pub fn store(&self) -> SqliteStore {
        todo!()
    }

    /// The delay queue and its dead letters.
    pub fn queue(&self) -> SqliteQueue {
        todo!()
    }

    /// The owner files, for the commands that put and list them.
    pub fn lookup(&self) -> LookupFolder {
        todo!()
    }

    /// The sources document.
    pub fn secrets(&self) -> FileSecrets {
        todo!()
    }

    /// Which mails went out.
    pub fn mail_log(&self) -> MailLog {
        todo!()
    }

    /// Mail into the outbox folder.
    pub fn outbox(&self) -> LocalMailer {
        todo!()
    }

    /// Mail by SMTP.
    pub fn smtp(&self, url: &SmtpUrl) -> LocalMailer {
        todo!()
    }

    /// The ports of a stage, with a mailer (`NoMailer` for `ingest` and `sweep`).
    pub fn ports<M: Mailer>(&self, mailer: M) -> LocalPorts<M> {
        todo!()
    }

    /// Waits until the views show everything committed before this call.
    pub async fn views_written(&self) {
        todo!()
    }

    /// Writes a consistent copy of the database to a file that must not exist, while work goes on, and syncs it.
    pub async fn backup(&self, to: &Path) -> Result<(), PortError> {
        todo!()
    }

    /// Reads the whole database and tells what is damaged; empty where all is well.
    pub async fn check(&self) -> Result<Vec<String>, PortError> {
        todo!()
    }

    /// Empties the write-ahead log into the database, so that deleted data lie in neither. Ends `forget`.
    pub async fn scrub(&self) -> Result<(), PortError> {
        todo!()
    }
}
