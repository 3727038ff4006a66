//! Traces and metrics of one machine, in a database of their own beside the truth. It may be deleted at any time; where it cannot be
//! written, that is logged once and the values are dropped: telemetry never holds up a lead.

mod file;
mod sql;

use crate::system::lock;
use file::TelemetryFile;
use jiff::{SignedDuration, Timestamp};
use leadwire_pipeline::observe::{TelemetryNotStored, TelemetrySetAside, TelemetryStoredAgain};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

/// Spans older than this are deleted: an event is over after at most four days, and two weeks is as far as people look back.
const SPAN_AGE_MAX: SignedDuration = SignedDuration::from_hours(14 * 24);
/// More spans than this are not kept: about 400 MB, or 40,000 leads.
const SPANS_MAX: i64 = 500_000;
/// Minutes older than this are deleted: the month of an objective, and a few days to look at it.
pub const MINUTE_AGE_MAX: SignedDuration = SignedDuration::from_hours(35 * 24);

/// A finished span. What is in it is its reader's business.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredSpan {
    /// The trace that it is part of, 32 hexadecimal digits.
    pub trace_id: String,
    /// Its own id, 16 hexadecimal digits.
    pub span_id: String,
    /// When it began, nanoseconds since 1970.
    pub start_unix_nanos: i64,
    /// All of it, as JSON.
    pub json: String,
}

/// The values of a metric in a minute.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Minute {
    /// Minutes since 1970.
    pub minute: i64,
    /// How many values.
    pub count: u64,
    /// Their sum.
    pub sum: f64,
    /// The smallest.
    pub min: f64,
    /// The largest.
    pub max: f64,
}

/// A metric's minute to be added to what is there.
#[derive(Clone, Debug, PartialEq)]
pub struct NewMinute {
    /// The metric's name.
    pub metric: String,
    /// Its dimensions.
    pub dimensions: BTreeMap<String, String>,
    /// The values.
    pub minute: Minute,
}

/// Telemetry that could not be kept or read.
#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    /// The file is damaged, or of something else. A writer sets it aside by itself.
    #[error("{} is damaged, or not ours; `leadwire up` sets it aside and makes a new one", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What it is.
        #[source]
        source: rusqlite::Error,
    },
    /// The database refused.
    #[error("could not {action} {}", path.display())]
    Database {
        /// What was attempted.
        action: &'static str,
        /// On what.
        path: PathBuf,
        /// Why.
        #[source]
        source: rusqlite::Error,
    },
    /// The file cannot be made, looked at or set aside.
    #[error("could not {action} {}", path.display())]
    Io {
        /// What was attempted.
        action: &'static str,
        /// On what.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
}

impl TelemetryError {
    /// Whether another file in its place would do: this one is damaged, or something that cannot be opened.
    fn is_the_files(&self, path: &Path) -> bool {
        match self {
            Self::Damaged { .. } => true,
            Self::Io { .. } => path.exists(),
            Self::Database { .. } => false,
        }
    }
}

/// The telemetry of a data folder. A cheap handle; its file is opened when it is first needed. Calls wait for the disk.
#[derive(Clone, Debug)]
pub struct TelemetryStore {
    path: Arc<Path>,
    writer: Arc<Mutex<Writer>>,
}

#[derive(Debug, Default)]
struct Writer {
    file: Option<TelemetryFile>,
    /// Whether the last write failed: an outage is logged once.
    is_failing: bool,
}

impl TelemetryStore {
    /// The telemetry in the file at `path`. Nothing is opened yet.
    pub(crate) fn new(path: PathBuf) -> Self {
        Self {
            path: path.into(),
            writer: Arc::default(),
        }
    }

    /// Keeps spans. One that is there already is replaced.
    pub fn keep_spans(&self, spans: &[StoredSpan]) -> Result<(), TelemetryError> {
        if spans.is_empty() {
            return Ok(());
        }
        self.write("keep spans in", |connection| sql::keep(connection, spans))
    }

    /// The spans of a trace, the earliest first.
    pub fn spans_of(&self, trace_id: &str) -> Result<Vec<StoredSpan>, TelemetryError> {
        self.read("read spans from", |connection| {
            sql::spans_of(connection, trace_id)
        })
    }

    /// Adds minutes to what is there of them.
    pub fn add_minutes(&self, minutes: &[NewMinute]) -> Result<(), TelemetryError> {
        if minutes.is_empty() {
            return Ok(());
        }
        self.write("keep metrics in", |connection| {
            sql::add_minutes(connection, minutes)
        })
    }

    /// The minutes of a metric with exactly these dimensions, from one minute to before another, in their order. A minute in which
    /// nothing was recorded is not among them.
    pub fn read_minutes(
        &self,
        metric: &str,
        dimensions: &BTreeMap<String, String>,
        from_minute: i64,
        to_minute: i64,
    ) -> Result<Vec<Minute>, TelemetryError> {
        self.read("read metrics from", |connection| {
            sql::read_minutes(connection, metric, dimensions, from_minute..to_minute)
        })
    }

    /// The minutes of a metric from one minute on, whatever its dimensions.
    pub fn read_all_minutes(
        &self,
        metric: &str,
        from_minute: i64,
    ) -> Result<Vec<NewMinute>, TelemetryError> {
        self.read("read metrics from", |connection| {
            sql::read_all_minutes(connection, metric, from_minute)
        })
    }

    /// Deletes what is too old or too much, a part at a time. Returns how many rows went.
    pub fn prune(&self, now: Timestamp) -> Result<u64, TelemetryError> {
        let mut pruned = 0;
        loop {
            let some = self.write("delete old rows from", |connection| {
                sql::prune(connection, now)
            })?;
            if some == 0 {
                return Ok(pruned);
            }
            pruned += some;
        }
    }

    /// Runs `work` in a transaction. A file that proves damaged is set aside, and the work done on a new one.
    fn write<T>(
        &self,
        action: &'static str,
        work: impl Fn(&rusqlite::Connection) -> rusqlite::Result<T>,
    ) -> Result<T, TelemetryError> {
        let (result, news) = {
            let mut writer = lock(&self.writer);
            writer.write(&self.path, action, work)
        };
        // Logged without the lock: a sink may store telemetry too.
        news.emit(&self.path, result.as_ref().err());
        result
    }

    /// Runs `work` on a connection that sees everything committed before. Where there is no file, there is nothing.
    fn read<T>(
        &self,
        action: &'static str,
        work: impl FnOnce(&rusqlite::Connection) -> rusqlite::Result<Vec<T>>,
    ) -> Result<Vec<T>, TelemetryError> {
        let path = &self.path;
        if !path.exists() {
            return Ok(Vec::new());
        }
        let rows = file::open_to_read(path).and_then(|connection| match connection {
            Some(connection) => work(&connection),
            None => Ok(Vec::new()),
        });
        rows.map_err(|source| database_error(action, path, source))
    }
}

/// What a write has to tell besides its result.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct News {
    set_aside: bool,
    began_to_fail: bool,
    works_again: bool,
}

impl News {
    fn emit(self, path: &Path, error: Option<&TelemetryError>) {
        if self.set_aside {
            let path = path.display().to_string();
            TelemetrySetAside { path }.emit();
        }
        if let (true, Some(error)) = (self.began_to_fail, error) {
            TelemetryNotStored { error }.emit();
        }
        if self.works_again {
            TelemetryStoredAgain {}.emit();
        }
    }
}

impl Writer {
    fn write<T>(
        &mut self,
        path: &Path,
        action: &'static str,
        work: impl Fn(&rusqlite::Connection) -> rusqlite::Result<T>,
    ) -> (Result<T, TelemetryError>, News) {
        let mut news = News::default();
        let mut result = self.attempt(path, action, &work);
        if result.as_ref().is_err_and(|error| error.is_the_files(path)) {
            self.file = None;
            // Where it cannot be set aside either, why it could not be opened says more.
            if file::set_aside(path).is_ok() {
                news.set_aside = true;
                result = self.attempt(path, action, &work);
            }
        }
        news.began_to_fail = result.is_err() && !self.is_failing;
        news.works_again = result.is_ok() && self.is_failing;
        self.is_failing = result.is_err();
        (result, news)
    }

    fn attempt<T>(
        &mut self,
        path: &Path,
        action: &'static str,
        work: impl Fn(&rusqlite::Connection) -> rusqlite::Result<T>,
    ) -> Result<T, TelemetryError> {
        // The old one is closed first: closing removes a log by its name, and that must not be the new one's.
        drop(self.file.take_if(|file| !file.is_still_at(path)));
        let file = match &mut self.file {
            Some(file) => file,
            none => none.insert(TelemetryFile::open(path)?),
        };
        let done = file.commit(work);
        done.map_err(|source| database_error(action, path, source))
    }
}

fn database_error(action: &'static str, path: &Path, source: rusqlite::Error) -> TelemetryError {
    let path = path.to_owned();
    if file::is_damage(&source) {
        TelemetryError::Damaged { path, source }
    } else {
        TelemetryError::Database {
            action,
            path,
            source,
        }
    }
}

#[cfg(test)]
mod tests;
