//! Views of objects as files, for people: `raw/` and `enriched/`. Written after the commit by a thread of their own; what happens to them
//! never matters, since the database is the truth and nothing reads them back.

use crate::database::{connect_to_read, number};
use crate::folder::DataFolder;
use leadwire_domain::key::{ENRICHED, EventName, RAW};
use leadwire_domain::source::canary;
use leadwire_pipeline::observe::{ViewNotWritten, ViewsNotRebuilt};
use leadwire_pipeline::port::Bucket;
use rusqlite::Connection;
use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvError, SyncSender, TryRecvError, sync_channel};
use tokio::sync::oneshot;

/// Views that may wait. What does not fit is made up for by looking at everything once.
const WAITING_MAX: usize = 128;
/// How a view ends that is being written.
const TEMPORARY: &str = ".tmp";

/// A handle on the thread that writes views.
#[derive(Clone, Debug)]
pub(crate) struct Views {
    orders: SyncSender<Order>,
    folder: Arc<DataFolder>,
    /// Whether a view was left out.
    lacking: Arc<AtomicBool>,
}

#[derive(Debug)]
enum Order {
    Write(PathBuf, Arc<Vec<u8>>),
    Remove(PathBuf, oneshot::Sender<()>),
    /// Makes the views that lack.
    Rebuild,
    Tell(oneshot::Sender<()>),
}

impl Views {
    /// Starts the thread.
    pub(crate) fn start(folder: &DataFolder) -> io::Result<Self> {
        let (orders, queue) = sync_channel(WAITING_MAX);
        let views = Self {
            orders,
            folder: Arc::new(folder.clone()),
            lacking: Arc::default(),
        };
        let (folder, lacking) = (Arc::clone(&views.folder), Arc::clone(&views.lacking));
        std::thread::Builder::new()
            .name("leadwire-views".to_owned())
            .spawn(move || work_off(&folder, &lacking, &queue))?;
        Ok(views)
    }

    /// Shows an object, soon; an empty one is not shown. Called by the writing thread: it never waits.
    pub(crate) fn write(&self, bucket: Bucket, key: &str, bytes: Arc<Vec<u8>>) {
        if let Some(path) = view_path(&self.folder, bucket, key)
            && self.orders.try_send(Order::Write(path, bytes)).is_err()
        {
            self.rebuild();
        }
    }

    /// Makes the views that lack, soon.
    pub(crate) fn rebuild(&self) {
        self.lacking.store(true, Ordering::Release);
        // Where there is no room, the thread is at work, and looks before it rests.
        drop(self.orders.try_send(Order::Rebuild));
    }

    /// Removes a view, and waits until it is gone.
    pub(crate) async fn remove(&self, bucket: Bucket, key: &str) {
        if let Some(path) = view_path(&self.folder, bucket, key) {
            self.ask(|done| Order::Remove(path, done)).await;
        }
    }

    /// Waits until what was committed before is shown.
    pub(crate) async fn written(&self) {
        self.ask(Order::Tell).await;
    }

    async fn ask(&self, order: impl FnOnce(oneshot::Sender<()>) -> Order) {
        let (done, answer) = oneshot::channel();
        let (orders, order) = (self.orders.clone(), order(done));
        let asked = tokio::task::spawn_blocking(move || orders.send(order)).await;
        if matches!(asked, Ok(Ok(()))) {
            // No answer means that the thread has gone, and with it every view to come.
            drop(answer.await);
        }
    }
}

/// Where an object is shown. Only names that are plain files everywhere are; nothing else of ours has such a prefix. The canaries are not:
/// the folders are for people who look for leads.
fn view_path(folder: &DataFolder, bucket: Bucket, key: &str) -> Option<PathBuf> {
    let (parent, name) = match bucket {
        Bucket::Raw => (folder.raw(), key.strip_prefix(RAW)?),
        Bucket::Enriched => (folder.enriched(), key.strip_prefix(ENRICHED)?),
        Bucket::Lookup => return None,
    };
    let is_plain = name.starts_with(|c: char| c.is_ascii_alphanumeric())
        && name.len() <= 240
        && name
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-'));
    (is_plain && !is_canary(name)).then(|| parent.join(name))
}

fn is_canary(name: &str) -> bool {
    EventName::parse_raw_key(&format!("{RAW}{name}"))
        .is_ok_and(|name| name.may_be_of(&canary::lead_id()))
}

fn work_off(folder: &DataFolder, lacking: &AtomicBool, queue: &Receiver<Order>) {
    loop {
        let order = match queue.try_recv() {
            Ok(order) => order,
            Err(TryRecvError::Disconnected) => return,
            // What was left out is made up for before the thread rests.
            Err(TryRecvError::Empty) if lacking.swap(false, Ordering::AcqRel) => {
                rebuild(folder);
                continue;
            }
            Err(TryRecvError::Empty) => match queue.recv() {
                Ok(order) => order,
                Err(RecvError) => return,
            },
        };
        // And before the callers that wait for the views are answered.
        if !matches!(order, Order::Write(..)) && lacking.swap(false, Ordering::AcqRel) {
            rebuild(folder);
        }
        match order {
            Order::Write(path, bytes) => log_failure(&path, show(&path, &bytes)),
            Order::Remove(path, done) => {
                log_failure(&path, remove_view(&path));
                answer(done);
            }
            Order::Rebuild => {}
            Order::Tell(done) => answer(done),
        }
    }
}

fn answer(done: oneshot::Sender<()>) {
    // The caller may have gone.
    let _gone = done.send(());
}

/// Logs a view that could not be written; the event itself is safe.
fn log_failure(path: &Path, done: io::Result<()>) {
    if let Err(error) = done {
        let path = path.display().to_string();
        ViewNotWritten {
            path,
            error: &error,
        }
        .emit();
    }
}

/// An empty object is a tombstone: its view goes.
fn show(path: &Path, bytes: &[u8]) -> io::Result<()> {
    if bytes.is_empty() {
        remove_view(path)
    } else {
        write_view(path, bytes)
    }
}

/// Written whole and then renamed, so that a reader never sees half of it. Not synced: it can be made again.
fn write_view(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let (Some(parent), Some(name)) = (path.parent(), path.file_name()) else {
        return Ok(());
    };
    let temporary = parent.join(format!(
        ".{}.{}{TEMPORARY}",
        name.to_string_lossy(),
        std::process::id()
    ));
    let written = fs::write(&temporary, bytes).or_else(|error| {
        // Somebody tidied the view away; a data folder that has gone is not made anew.
        if error.kind() == ErrorKind::NotFound {
            fs::create_dir(parent).and_then(|()| fs::write(&temporary, bytes))
        } else {
            Err(error)
        }
    });
    written
        .and_then(|()| fs::rename(&temporary, path))
        .inspect_err(|_error| drop(fs::remove_file(&temporary)))
}

fn remove_view(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
        Ok(()) | Err(_) => Ok(()),
    }
}

/// Makes the views that lack; those that are there are left alone, whatever is in them, unless their object is empty.
fn rebuild(folder: &DataFolder) {
    remove_leftovers(&folder.raw());
    remove_leftovers(&folder.enriched());
    let result = connect_to_read(&folder.database()).and_then(|connection| {
        rebuild_bucket(&connection, folder, Bucket::Raw, RAW)?;
        rebuild_bucket(&connection, folder, Bucket::Enriched, ENRICHED)
    });
    if let Err(error) = result {
        ViewsNotRebuilt { error: &error }.emit();
    }
}

fn rebuild_bucket(
    connection: &Connection,
    folder: &DataFolder,
    bucket: Bucket,
    prefix: &str,
) -> rusqlite::Result<()> {
    let number = number(bucket);
    let mut keys = connection.prepare(
        "SELECT key, size FROM objects WHERE bucket = ?1 AND key >= ?2 AND key < ?2 || char(0x10ffff) ORDER BY key",
    )?;
    let mut bytes =
        connection.prepare("SELECT bytes FROM objects WHERE bucket = ?1 AND key = ?2")?;
    let mut rows = keys.query((number, prefix))?;
    while let Some(row) = rows.next()? {
        let (key, size): (String, i64) = (row.get(0)?, row.get(1)?);
        let Some(path) = view_path(folder, bucket, &key) else {
            continue;
        };
        let is_shown = fs::symlink_metadata(&path).is_ok();
        if is_shown == (size > 0) {
            continue;
        }
        let bytes: Vec<u8> = bytes.query_row((number, &key), |row| row.get(0))?;
        log_failure(&path, show(&path, &bytes));
    }
    Ok(())
}

/// What a process that died left half written.
fn remove_leftovers(folder: &Path) {
    let Ok(entries) = fs::read_dir(folder) else {
        return;
    };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let name = name.to_string_lossy();
        if name.starts_with('.') && name.ends_with(TEMPORARY) {
            log_failure(&entry.path(), remove_view(&entry.path()));
        }
    }
}
