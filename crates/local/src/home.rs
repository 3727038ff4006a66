//! The one-machine home: a data folder, opened.

use crate::database::{Database, Migrated, bring_up_to_date, connect, refused, timestamp};
use crate::durable::make_private;
use crate::error::{OpenError, OpenWarning};
use crate::folder::{DataFolder, FileSystem, file_system};
use crate::lock;
use crate::lookup::LookupFolder;
use crate::mail::{ANSWER_DEADLINE, BEFORE_DEADLINE, Guard, LocalMailer, MailLog, SmtpServer};
use crate::queue::{SqliteQueue, release};
use crate::secrets::{FileSecrets, make_canary_secret};
use crate::stop::Stopping;
use crate::store::SqliteStore;
use crate::system::{HomeClock, random_hex};
use crate::telemetry::TelemetryStore;
use crate::view::Views;
use jiff::{SignedDuration, Timestamp};
use leadwire_pipeline::os::{OsEntropy, SystemClock};
use leadwire_pipeline::port::{Clock, Mailer, Ports};
use leadwire_pipeline::settings::Pace;
use rusqlite::Connection;
use std::fs::File;
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// The ports of this home, for a stage.
pub type LocalPorts<M> = Ports<SqliteStore, SqliteQueue, M, SystemClock, OsEntropy>;

/// How long a record may take on this machine: as long as a mail server may.
pub const PACE: Pace = Pace {
    record: Duration::from_mins(28),
    send: Duration::from_mins(26),
};
/// The life of a claim on this machine, in seconds. Nobody waits for it: another run's claim is over at once.
pub const LEASE_SECONDS: u32 = 1800;

const _: () = assert!(
    BEFORE_DEADLINE.as_secs() + ANSWER_DEADLINE.as_secs() < PACE.send.as_secs()
        && PACE.send.as_secs() < PACE.record.as_secs()
        && PACE.record.as_secs() + 60 < 1800
        && LEASE_SECONDS == 1800
);

/// A clock may stand this much before the newest stored time: time daemons correct that much without a word.
const CLOCK_TOLERANCE: SignedDuration = SignedDuration::from_secs(2);

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
    pub file_system: fn(&Path) -> io::Result<FileSystem>,
}

impl Default for OpenOptions {
    fn default() -> Self {
        Self {
            clock: Arc::new(SystemClock),
            file_system,
        }
    }
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

/// An open data folder. Everything that it gives out is a cheap handle that keeps it open, lock included.
#[derive(Clone, Debug)]
pub struct LocalHome {
    folder: DataFolder,
    report: Arc<OpenReport>,
    boot: Option<String>,
    pub(crate) clock: HomeClock,
    pub(crate) database: Database,
    pub(crate) views: Views,
    queue: SqliteQueue,
    guard: Guard,
    stopping: Stopping,
    telemetry: TelemetryStore,
}

impl LocalHome {
    /// Opens the folder at `dir`.
    pub fn open(dir: &Path, mode: Mode) -> Result<Self, OpenError> {
        Self::open_with(dir, mode, OpenOptions::default())
    }

    /// Opens the folder at `dir` with a clock and a file system of the caller's.
    pub fn open_with(dir: &Path, mode: Mode, options: OpenOptions) -> Result<Self, OpenError> {
        let clock = HomeClock(options.clock);
        let folder = DataFolder::new(dir);
        if mode == Mode::Operate && !folder.database().exists() {
            return Err(OpenError::Absent {
                path: dir.to_owned(),
            });
        }
        folder.make()?;
        let mut report = OpenReport::default();
        check_file_system(&folder, options.file_system, &mut report)?;
        let now = clock.now();
        let serves = mode == Mode::Serve;
        let lock = serves.then(|| lock::take(&folder.lock(), now));
        let lock = lock.transpose()?;
        if serves {
            forget_shown(&folder);
        }
        folder.make_rooms()?;
        let boot = serves.then(random_hex);
        let connection = open_database(&folder, (mode, boot.as_deref()), now, &mut report)?;
        check_secrets(&folder, &mut report);
        if serves {
            make_canary_secret(&folder)?;
        }
        let io = |action| OpenError::io(action, folder.path());
        let views = Views::start(&folder, serves).map_err(io("start the views' thread for"))?;
        let database = Database::start(connection, &folder.database(), lock)
            .map_err(io("start the writing thread for"))?;
        Ok(Self {
            queue: SqliteQueue::new(database.clone(), clock.clone()),
            guard: Guard::new(MailLog::new(database.clone(), clock.clone())),
            telemetry: TelemetryStore::new(folder.telemetry()),
            stopping: Stopping::new(),
            boot,
            report: Arc::new(report),
            folder,
            clock,
            database,
            views,
        })
    }

    /// What opening found.
    pub fn report(&self) -> &OpenReport {
        &self.report
    }

    /// The folder.
    pub fn folder(&self) -> &DataFolder {
        &self.folder
    }

    /// The id of this run, where it serves: `EnrichConfig::boot`.
    pub fn boot(&self) -> Option<&str> {
        self.boot.as_deref()
    }

    /// Objects.
    pub fn store(&self) -> SqliteStore {
        let (database, views) = (self.database.clone(), self.views.clone());
        let (lookup, queue) = (self.lookup(), self.queue());
        SqliteStore::new(database, views, lookup, queue, self.clock.clone())
    }

    /// The delay queue and its dead letters.
    pub fn queue(&self) -> SqliteQueue {
        self.queue.clone()
    }

    /// The owner files, for the commands that put and list them.
    pub fn lookup(&self) -> LookupFolder {
        LookupFolder::new(self.folder.lookup(), self.clock.clone())
    }

    /// The sources document.
    pub fn secrets(&self) -> FileSecrets {
        FileSecrets::new(self.folder.sources())
    }

    /// The canary's secret, which this home makes itself when it first serves.
    pub fn canary_secret(&self) -> FileSecrets {
        FileSecrets::new(self.folder.canary())
    }

    /// Traces and metrics that are kept on this machine. Nothing is opened yet.
    pub fn telemetry(&self) -> TelemetryStore {
        self.telemetry.clone()
    }

    /// Mail into the outbox folder.
    pub fn outbox(&self) -> LocalMailer {
        LocalMailer::outbox(self.folder.outbox(), self.clock.clone(), self.guard.clone())
    }

    /// Mail by SMTP.
    pub fn smtp(&self, server: impl Into<SmtpServer>) -> LocalMailer {
        let (clock, guard) = (self.clock.clone(), self.guard.clone());
        LocalMailer::smtp(server.into(), clock, guard, self.stopping.clone())
    }

    /// How its mails learn that this process stops.
    pub fn stopping(&self) -> &Stopping {
        &self.stopping
    }

    /// The ports of a stage, with a mailer (`NoMailer` for `ingest` and `sweep`).
    pub fn ports<M: Mailer>(&self, mailer: M) -> LocalPorts<M> {
        Ports {
            store: self.store(),
            queue: self.queue(),
            mailer,
            clock: SystemClock,
            entropy: OsEntropy,
        }
    }
}

const SERVED_AT: &str = "INSERT INTO meta (name, value) VALUES ('served_at', ?1)
    ON CONFLICT DO UPDATE SET value = excluded.value";

const BOOT: &str = "INSERT INTO boots (boot, at) VALUES (?1, ?2)";

fn check_file_system(
    folder: &DataFolder,
    probe: fn(&Path) -> io::Result<FileSystem>,
    report: &mut OpenReport,
) -> Result<(), OpenError> {
    let path = folder.path();
    match probe(path).map_err(OpenError::io("look at the file system of", path))? {
        FileSystem::Local => Ok(()),
        FileSystem::Unusual(kind) => {
            let warning = OpenWarning::UnusualFileSystem { kind };
            report.warnings.push(warning);
            Ok(())
        }
        FileSystem::Network(kind) => Err(OpenError::NetworkFileSystem {
            path: path.to_owned(),
            kind,
        }),
    }
}

fn open_database(
    folder: &DataFolder,
    (mode, boot): (Mode, Option<&str>),
    now: Timestamp,
    report: &mut OpenReport,
) -> Result<Connection, OpenError> {
    let path = folder.database();
    let database = |action| move |source| OpenError::Database { action, source };
    make_private(&path)
        .map_err(|source| OpenError::during("make", &path, folder.path(), source))?;
    let mut connection = connect(&path).map_err(refused(&path))?;
    let may_migrate = || mode == Mode::Serve || lock::is_free(&folder.lock());
    match bring_up_to_date(&mut connection, &path, may_migrate).map_err(refused(&path))?? {
        Migrated::Created => report.created = true,
        Migrated::From(version) => report.migrated_from = Some(version),
        Migrated::UpToDate => {}
    }
    // The names of what was made survive a power cut too.
    let synced = File::open(folder.path()).and_then(|folder| folder.sync_all());
    synced.map_err(OpenError::io("sync", folder.path()))?;
    if let Some(newest) = newest(&connection).map_err(database("look for the newest entry"))?
        && newest.duration_since(now) > CLOCK_TOLERANCE
    {
        let warning = OpenWarning::ClockWentBack { now, newest };
        report.warnings.push(warning);
    }
    if mode == Mode::Serve {
        // The lock is ours: the worker that held these messages is dead.
        report.released =
            release(&connection, now).map_err(database("give back what a dead process held"))?;
        let served_at = [now.as_microsecond().to_string()];
        connection
            .execute(SERVED_AT, served_at)
            .map_err(database("note the start"))?;
        connection
            .execute(BOOT, (boot, now.as_microsecond()))
            .map_err(database("note the start"))?;
    }
    Ok(connection)
}

/// Views in a folder that somebody tidied away are made anew.
fn forget_shown(folder: &DataFolder) {
    let rooms = [folder.raw(), folder.enriched()];
    if rooms.iter().any(|room| !room.exists()) {
        // Where it cannot be removed it will not be written either.
        drop(std::fs::remove_file(folder.views()));
    }
}

/// The newest time that the clock has given so far, as far as what came last shows it. What is due lies ahead, and is no evidence.
fn newest(connection: &Connection) -> rusqlite::Result<Option<Timestamp>> {
    let newest: Option<i64> = connection.query_row(
        "SELECT max(t) FROM (
            SELECT last_modified AS t FROM objects WHERE rowid = (SELECT max(rowid) FROM objects)
            UNION ALL SELECT sent_at FROM messages WHERE number = (SELECT max(number) FROM messages)
            UNION ALL SELECT at FROM mail_log WHERE id = (SELECT max(id) FROM mail_log)
            UNION ALL SELECT CAST(value AS INTEGER) FROM meta WHERE name = 'served_at')",
        [],
        |row| row.get(0),
    )?;
    Ok(newest.map(timestamp))
}

fn check_secrets(folder: &DataFolder, report: &mut OpenReport) {
    if let Ok(metadata) = std::fs::metadata(folder.sources())
        && metadata.permissions().mode() & 0o077 != 0
    {
        report.warnings.push(OpenWarning::SecretsReadableByOthers);
    }
}

#[cfg(test)]
mod tests;
