//! What the tests of this crate share: a home in a temporary folder, with a clock that stands still.

use crate::folder::FileSystem;
use crate::home::{LocalHome, Mode, OpenOptions};
use crate::queue::QueueDepth;
use jiff::{SignedDuration, Timestamp};
use leadwire_domain::limits::OBJECT_BYTES_MAX;
use leadwire_pipeline::port::{
    Bucket, Clock, Created, DelayQueue as _, Fetched, NewObject, ObjectStore as _, OutgoingMessage,
    StoredObject,
};
use leadwire_pipeline::settings::EnrichConfig;
use leadwire_pipeline::stage::enrich::Record;
use leadwire_pipeline::testkit;
use leadwire_pipeline::trace::TraceContext;
use std::error::Error;
use std::iter::successors;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tempfile::TempDir;

/// A clock that moves only when a test moves it.
#[derive(Debug)]
pub(crate) struct StoppedClock(Mutex<Timestamp>);

impl StoppedClock {
    pub(crate) fn at(time: &str) -> Arc<Self> {
        Arc::new(Self(Mutex::new(time.parse().unwrap())))
    }

    pub(crate) fn advance(&self, seconds: i64) {
        let mut now = self.0.lock().unwrap();
        *now = now.checked_add(SignedDuration::from_secs(seconds)).unwrap();
    }
}

impl Clock for StoppedClock {
    fn now(&self) -> Timestamp {
        *self.0.lock().unwrap()
    }
}

/// A home that serves, its folder, and its clock.
pub(crate) struct Sample {
    pub(crate) home: LocalHome,
    pub(crate) clock: Arc<StoppedClock>,
    pub(crate) folder: TempDir,
}

pub(crate) fn sample() -> Sample {
    let folder = tempfile::tempdir().unwrap();
    let clock = StoppedClock::at("2026-11-23T07:00:00Z");
    let home = open(folder.path(), Mode::Serve, &clock);
    Sample {
        home,
        clock,
        folder,
    }
}

pub(crate) fn open(folder: &Path, mode: Mode, clock: &Arc<StoppedClock>) -> LocalHome {
    LocalHome::open_with(folder, mode, options(clock)).unwrap()
}

impl Sample {
    /// A command's view of the folder.
    pub(crate) fn command(&self) -> LocalHome {
        open(self.folder.path(), Mode::Operate, &self.clock)
    }

    /// The same folder after its process ended and another one began to serve it.
    pub(crate) fn reopened(self) -> Self {
        drop(self.home);
        let home = open(self.folder.path(), Mode::Serve, &self.clock);
        Self { home, ..self }
    }

    pub(crate) async fn create(&self, bucket: Bucket, key: &str, bytes: impl Into<Vec<u8>>) {
        let object = NewObject::of(bytes.into());
        let created = self.home.store().create(bucket, key, object).await;
        assert!(matches!(created.unwrap(), Created::New(_)), "{key}");
    }

    pub(crate) async fn get(&self, bucket: Bucket, key: &str) -> Option<StoredObject> {
        let fetched = self.home.store().get(bucket, key, OBJECT_BYTES_MAX).await;
        match fetched.unwrap() {
            Fetched::Found(object) => Some(object),
            Fetched::Missing => None,
            Fetched::Denied | Fetched::TooLarge => panic!("neither denied nor too large"),
        }
    }

    pub(crate) async fn send(&self, body: &str, delay_seconds: u32) {
        let message = message(body, delay_seconds);
        self.home.queue().send(message).await.unwrap();
    }

    /// What is due, hidden from then on for six minutes; after three receives it is dead.
    pub(crate) async fn receive(&self) -> Vec<Record> {
        let visibility = Duration::from_mins(6);
        let records = self.home.queue().receive(10, visibility, 3).await;
        records.unwrap()
    }

    pub(crate) async fn depth(&self) -> QueueDepth {
        self.home.queue().depth().await.unwrap()
    }
}

/// As a home with no delays has it: the owner is there at once, or the event has failed.
pub(crate) fn enrich_config(home: &LocalHome) -> EnrichConfig {
    EnrichConfig {
        delay_seconds: 0,
        owner_wait_seconds: 0,
        mail_wait_seconds: 0,
        boot: home.boot().map(str::to_owned),
        ..testkit::enrich_config()
    }
}

/// How many entries a folder has.
pub(crate) fn count(folder: &Path) -> usize {
    std::fs::read_dir(folder).unwrap().count()
}

/// The permissions of a file or folder.
pub(crate) fn mode(path: &Path) -> u32 {
    std::fs::metadata(path).unwrap().permissions().mode() & 0o777
}

/// A clock, and a disk that is always local, wherever the tests run.
pub(crate) fn options(clock: &Arc<StoppedClock>) -> OpenOptions {
    let clock: Arc<dyn Clock> = Arc::<StoppedClock>::clone(clock);
    OpenOptions {
        clock,
        file_system: local,
    }
}

#[expect(clippy::unnecessary_wraps, reason = "the probe's signature")]
pub(crate) fn local(_path: &Path) -> std::io::Result<FileSystem> {
    Ok(FileSystem::Local)
}

pub(crate) fn message(body: &str, delay_seconds: u32) -> OutgoingMessage {
    OutgoingMessage {
        body: body.to_owned(),
        delay_seconds,
        trace: TraceContext::default(),
    }
}

/// The attempts in the mail log, oldest first: outcome, number, and the mail's id where it was accepted.
pub(crate) async fn mail_log(home: &LocalHome) -> Vec<(String, u32, Option<String>)> {
    let work = |connection: &rusqlite::Connection| {
        let attempts = "SELECT outcome, attempt, message_id FROM mail_log ORDER BY id";
        let mut attempts = connection.prepare(attempts)?;
        let rows = attempts.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
        rows.collect()
    };
    home.database.read("read the log", work).await.unwrap()
}

/// An error and all that led to it, as a log line has it.
pub(crate) fn chain(error: &(dyn Error + 'static)) -> String {
    let causes = successors(Some(error), |error| (**error).source());
    let causes: Vec<String> = causes.map(ToString::to_string).collect();
    causes.join(": ")
}

/// Waits until `state` holds, at most a minute.
pub(crate) async fn eventually<F: Future<Output = bool>>(what: &str, mut state: impl FnMut() -> F) {
    let deadline = tokio::time::Instant::now() + Duration::from_mins(1);
    while !state().await {
        assert!(tokio::time::Instant::now() < deadline, "never: {what}");
        tokio::task::yield_now().await;
    }
}
