//! Shows what is appended to the database, in its order, and notes how far it came.

use super::{PAUSE_AFTER_FAILURE, View, Worker, view_name};
use crate::database::timestamp;
use crate::folder::DataFolder;
use leadwire_pipeline::observe::ViewsNotRebuilt;
use leadwire_pipeline::port::Bucket;
use rusqlite::{Connection, Row};
use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// Views that are written before the thread looks whether others need the machine.
const VIEWS_AT_ONCE: usize = 64;
/// Rows that are read at once; most objects are not shown.
const ROWS_AT_ONCE: usize = 512;
/// While leads come in, the thread rests so many times as long as it worked.
const RESTS: u32 = 9;
/// How often it is noted how far the views are. What was shown since is looked at again at the next start.
const NOTE_EVERY: Duration = Duration::from_secs(1);

const NEW: &str = "SELECT rowid, bucket, key, last_modified, bytes FROM objects WHERE rowid > ?1 ORDER BY rowid LIMIT ?2";
const NEWEST: &str = "SELECT max(rowid) FROM objects";

/// What to do after some were shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// Rest that long, whatever comes; there is more to show.
    Rest(Duration),
    /// Wait for what comes, and note at the latest then how far the views are.
    Note(Duration),
    /// Wait for what comes: everything is shown and noted.
    Wait,
}

/// How far the views are.
#[derive(Debug)]
pub(super) struct Tail {
    path: PathBuf,
    /// The number of the last object that is shown.
    shown: i64,
    /// The number of the newest object when the process began, once that was read: up to it, views may be there already.
    began: Option<i64>,
    noted: (i64, Instant),
    is_behind: bool,
    /// Whether the disk took no view the last time: an outage is logged once.
    is_failing: bool,
}

impl Tail {
    /// Goes on where the last process stopped; from the beginning where a folder has gone.
    pub(super) fn new(folder: &DataFolder) -> Self {
        let path = folder.views();
        let shown = read_number(&path).unwrap_or_default();
        Self {
            path,
            shown,
            began: None,
            noted: (shown, Instant::now()),
            is_behind: true,
            is_failing: false,
        }
    }

    pub(super) fn is_behind(&self) -> bool {
        self.is_behind
    }

    /// A number that was free again may have been given once more.
    pub(super) fn go_back_to(&mut self, lowest: i64) {
        self.shown = self.shown.min(lowest.saturating_sub(1));
    }

    /// Shows some of what is new.
    pub(super) fn show_some(
        &mut self,
        connection: &Connection,
        worker: &mut Worker,
        asked: &AtomicBool,
    ) -> Next {
        let began = Instant::now();
        let shown = self.show_rows(connection, worker);
        let next = match shown {
            Err(error) => {
                ViewsNotRebuilt { error: &error }.emit();
                Next::Rest(PAUSE_AFTER_FAILURE)
            }
            Ok(()) if self.is_failing => Next::Rest(PAUSE_AFTER_FAILURE),
            // Leads come in: most of the machine is theirs.
            Ok(()) if asked.load(Ordering::Acquire) => {
                Next::Rest(began.elapsed().saturating_mul(RESTS))
            }
            Ok(()) if self.is_behind => Next::Rest(Duration::ZERO),
            Ok(()) => Next::Wait,
        };
        let (noted, at) = self.noted;
        if noted == self.shown {
            return next;
        }
        if at.elapsed() >= NOTE_EVERY {
            self.note();
        } else if next == Next::Wait {
            return Next::Note(NOTE_EVERY);
        }
        next
    }

    /// Shows some rows, as far as the disk takes them.
    fn show_rows(&mut self, connection: &Connection, worker: &mut Worker) -> rusqlite::Result<()> {
        let began = match self.began {
            Some(began) => began,
            None => self.begin(connection)?,
        };
        let mut select = connection.prepare_cached(NEW)?;
        let limit = i64::try_from(ROWS_AT_ONCE).unwrap_or(i64::MAX);
        // The statement stays open while its rows are shown: who empties the write-ahead log to forget somebody is held up until then.
        let mut rows = select.query([self.shown, limit])?;
        let (mut read, mut views) = (0, 0);
        while let Some(row) = rows.next()? {
            let number: i64 = row.get(0)?;
            read += 1;
            if let Some(view) = view(row)? {
                views += 1;
                let done = if number > began {
                    worker.show_fresh(&view)
                } else {
                    worker.show_lacking(&view)
                };
                if !self.took(worker, (view.bucket, view.name), done) {
                    return Ok(());
                }
            }
            self.shown = number;
            if views == VIEWS_AT_ONCE {
                self.is_behind = true;
                return Ok(());
            }
        }
        self.is_behind = read == ROWS_AT_ONCE;
        Ok(())
    }

    /// The database may be an older one than the note: a backup.
    fn begin(&mut self, connection: &Connection) -> rusqlite::Result<i64> {
        let newest: Option<i64> = connection.query_row(NEWEST, [], |row| row.get(0))?;
        let newest = newest.unwrap_or_default();
        self.began = Some(newest);
        self.shown = self.shown.min(newest);
        Ok(newest)
    }

    /// Whether to go on. A disk that takes nothing is asked again later; one file that cannot be written is left out.
    fn took(&mut self, worker: &Worker, view: (Bucket, &str), done: io::Result<()>) -> bool {
        let is_of_disk = done.as_ref().is_err_and(|error| {
            matches!(
                error.kind(),
                ErrorKind::StorageFull
                    | ErrorKind::QuotaExceeded
                    | ErrorKind::ReadOnlyFilesystem
                    | ErrorKind::PermissionDenied
                    | ErrorKind::NotFound
            )
        });
        if !(is_of_disk && self.is_failing) {
            worker.log_failure(view, done);
        }
        self.is_failing = is_of_disk;
        !is_of_disk
    }

    /// Notes how far the views are. Not synced: where it is lost, views that are there are looked at again.
    pub(super) fn note(&mut self) {
        let temporary = self.path.with_extension("tmp");
        let noted = fs::write(&temporary, self.shown.to_string())
            .and_then(|()| fs::rename(&temporary, &self.path));
        if noted.is_err() {
            drop(fs::remove_file(&temporary));
        }
        self.noted = (self.shown, Instant::now());
    }
}

impl Worker {
    fn show_fresh(&mut self, view: &View<'_>) -> io::Result<()> {
        if view.bytes.is_empty() {
            return Ok(());
        }
        self.show_new(view)
    }
}

fn view<'a>(row: &'a Row<'_>) -> rusqlite::Result<Option<View<'a>>> {
    let bucket = match row.get(1)? {
        1 => Bucket::Raw,
        _ => Bucket::Enriched,
    };
    let Some(name) = view_name(bucket, row.get_ref(2)?.as_str()?) else {
        return Ok(None);
    };
    Ok(Some(View {
        bucket,
        name,
        day: day(row.get(3)?),
        bytes: row.get_ref(4)?.as_blob()?,
    }))
}

/// The day of a stored time, UTC.
pub(super) fn day(microseconds: i64) -> String {
    timestamp(microseconds).strftime("%Y-%m-%d").to_string()
}

fn read_number(path: &Path) -> Option<i64> {
    fs::read_to_string(path).ok()?.trim().parse().ok()
}
