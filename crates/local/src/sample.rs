//! What the tests of this crate share: a home in a temporary folder, with a clock that stands still.

use crate::folder::FileSystem;
use crate::home::{LocalHome, Mode, OpenOptions};
use jiff::{SignedDuration, Timestamp};
use leadwire_pipeline::port::{Clock, OutgoingMessage};
use leadwire_pipeline::trace::TraceContext;
use std::error::Error;
use std::iter::successors;
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
    let home = LocalHome::open_with(folder.path(), Mode::Serve, options(&clock)).unwrap();
    Sample {
        home,
        clock,
        folder,
    }
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
    home.database.read(work).await.unwrap()
}

/// An error and all that led to it, as a log line has it.
pub(crate) fn chain(error: &(dyn Error + 'static)) -> String {
    let causes = successors(Some(error), |error| (**error).source());
    causes
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join(": ")
}

/// Waits until `state` holds, at most a minute.
pub(crate) async fn eventually<F: Future<Output = bool>>(what: &str, mut state: impl FnMut() -> F) {
    let deadline = tokio::time::Instant::now() + Duration::from_mins(1);
    while !state().await {
        assert!(tokio::time::Instant::now() < deadline, "never: {what}");
        tokio::task::yield_now().await;
    }
}
