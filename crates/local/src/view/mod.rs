//! Views of objects as files, for people: `raw/` and `enriched/`. A thread of their own writes them after the commit, in the order of the
//! database and at a pace that leaves the machine to the leads. What happens to them never matters: the database is the truth, and nothing
//! reads them back.

mod shelf;
mod tail;

pub(crate) use shelf::{FILES_MAX, Shelf, folders};

use crate::database::{connect_to_read, number};
use crate::folder::DataFolder;
use leadwire_domain::key::{ENRICHED, EventName, RAW};
use leadwire_domain::source::canary;
use leadwire_pipeline::observe::{ViewNotWritten, ViewsNotRebuilt};
use leadwire_pipeline::port::Bucket;
use rusqlite::{Connection, OptionalExtension as _};
use std::fs;
use std::io::{self, ErrorKind};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::Duration;
use tail::{Next, Tail};
use tokio::sync::oneshot;

/// How a view ends that is being written.
const TEMPORARY: &str = ".tmp";
/// After this the disk is asked again that took no view.
const PAUSE_AFTER_FAILURE: Duration = Duration::from_secs(5);

/// A handle on the thread that writes views.
#[derive(Clone, Debug)]
pub(crate) struct Views {
    orders: Sender<Order>,
    /// What is new, where this process shows what is appended.
    new: Option<Arc<New>>,
}

/// What the writing thread reports of new objects, for nearly nothing.
#[derive(Debug)]
struct New {
    /// The lowest of their numbers.
    lowest: AtomicI64,
    /// Whether the thread was asked to look, and has not looked yet.
    asked: AtomicBool,
}

#[derive(Debug)]
enum Order {
    /// There are new objects.
    Look,
    /// An object was written whose number may be an old one.
    Show(Bucket, String),
    Remove(Bucket, String, oneshot::Sender<()>),
    Tell(oneshot::Sender<()>),
}

impl Views {
    /// Starts the thread. Where it `tails`, it shows whatever is appended to the database, and goes on where the process before it stopped.
    pub(crate) fn start(folder: &DataFolder, tails: bool) -> io::Result<Self> {
        let (orders, queue) = channel();
        let new = tails.then(|| {
            Arc::new(New {
                lowest: AtomicI64::new(i64::MAX),
                asked: AtomicBool::new(false),
            })
        });
        let views = Self {
            orders,
            new: new.clone(),
        };
        let mut worker = Worker::new(folder, new);
        std::thread::Builder::new()
            .name("leadwire-views".to_owned())
            .spawn(move || worker.work_off(&queue))?;
        if tails {
            views.send(Order::Look);
        }
        Ok(views)
    }

    /// Shows an object that was created, soon; an empty one is not shown. `row` is its number in the database.
    pub(crate) fn created(&self, bucket: Bucket, key: &str, row: i64) {
        if view_name(bucket, key).is_none() {
            return;
        }
        let Some(new) = &self.new else {
            return self.written(bucket, key);
        };
        new.lowest.fetch_min(row, Ordering::AcqRel);
        if !new.asked.swap(true, Ordering::AcqRel) {
            self.send(Order::Look);
        }
    }

    /// The same of one that may have been there before.
    pub(crate) fn written(&self, bucket: Bucket, key: &str) {
        if view_name(bucket, key).is_some() {
            self.send(Order::Show(bucket, key.to_owned()));
        }
    }

    /// Removes a view, and waits until it is gone.
    pub(crate) async fn remove(&self, bucket: Bucket, key: &str) {
        if view_name(bucket, key).is_some() {
            self.ask(|done| Order::Remove(bucket, key.to_owned(), done))
                .await;
        }
    }

    /// Waits until what was committed before is shown.
    pub(crate) async fn shown(&self) {
        self.ask(Order::Tell).await;
    }

    async fn ask(&self, order: impl FnOnce(oneshot::Sender<()>) -> Order) {
        let (done, answer) = oneshot::channel();
        self.send(order(done));
        // No answer means that the thread has gone, and with it every view to come.
        drop(answer.await);
    }

    fn send(&self, order: Order) {
        // The thread has gone only where it panicked.
        drop(self.orders.send(order));
    }
}

/// What an object's view is called. Only names that are plain files everywhere are shown; nothing else of ours has such a prefix. The
/// canaries are not: the folders are for people who look for leads.
fn view_name(bucket: Bucket, key: &str) -> Option<&str> {
    let name = match bucket {
        Bucket::Raw => key.strip_prefix(RAW)?,
        Bucket::Enriched => key.strip_prefix(ENRICHED)?,
        Bucket::Lookup => return None,
    };
    let is_plain = name.starts_with(|c: char| c.is_ascii_alphanumeric())
        && name.len() <= 240
        && name
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-'));
    (is_plain && !is_canary(name)).then_some(name)
}

fn is_canary(name: &str) -> bool {
    // Nearly no name is; most are not worth a parser.
    name.contains(canary::LEAD_ID)
        && EventName::parse_raw_key(&format!("{RAW}{name}"))
            .is_ok_and(|name| name.may_be_of(&canary::lead_id()))
}

/// The thread's own.
struct Worker {
    folder: DataFolder,
    raw: Shelf,
    enriched: Shelf,
    tail: Option<(Tail, Arc<New>)>,
    connection: Option<Connection>,
}

/// An object to be shown.
struct View<'a> {
    bucket: Bucket,
    name: &'a str,
    /// Of its last change.
    day: String,
    bytes: &'a [u8],
}

impl Worker {
    fn new(folder: &DataFolder, new: Option<Arc<New>>) -> Self {
        Self {
            raw: Shelf::new(folder.raw(), FILES_MAX),
            enriched: Shelf::new(folder.enriched(), FILES_MAX),
            tail: new.map(|new| (Tail::new(folder), new)),
            connection: None,
            folder: folder.clone(),
        }
    }

    fn work_off(&mut self, queue: &Receiver<Order>) {
        // A folder of ten thousand files is not read for each command.
        if self.tail.is_some() {
            for folder in [self.folder.raw(), self.folder.enriched()] {
                remove_leftovers(&folder);
            }
        }
        let mut next = Next::Wait;
        loop {
            let order = match next {
                Next::Rest(time) | Next::Note(time) => queue.recv_timeout(time),
                Next::Wait => queue.recv().map_err(RecvTimeoutError::from),
            };
            match order {
                // Who rests is not hurried by what is new.
                Ok(Order::Look) if matches!(next, Next::Rest(_)) => {}
                Ok(Order::Look) | Err(RecvTimeoutError::Timeout) => next = self.show_some(),
                Ok(Order::Show(bucket, key)) => self.show_again(bucket, &key),
                Ok(Order::Remove(bucket, key, done)) => {
                    if let Some(name) = view_name(bucket, &key) {
                        self.log_failure((bucket, name), self.shelf(bucket).remove(name));
                    }
                    answer(done);
                }
                Ok(Order::Tell(done)) => {
                    next = self.show_all();
                    answer(done);
                }
                Err(RecvTimeoutError::Disconnected) => {
                    if let Some((tail, _)) = &mut self.tail {
                        tail.note();
                    }
                    return;
                }
            }
        }
    }

    /// Somebody waits: there is no rest but the one that a disk needs.
    fn show_all(&mut self) -> Next {
        loop {
            let next = self.show_some();
            let is_behind = self.tail.as_ref().is_some_and(|(tail, _)| tail.is_behind());
            if !is_behind || next == Next::Rest(PAUSE_AFTER_FAILURE) {
                return next;
            }
        }
    }

    fn show_some(&mut self) -> Next {
        let Some((mut tail, new)) = self.tail.take() else {
            return Next::Wait;
        };
        new.asked.store(false, Ordering::Release);
        tail.go_back_to(new.lowest.swap(i64::MAX, Ordering::AcqRel));
        let mut next = Next::Rest(PAUSE_AFTER_FAILURE);
        if let Some(connection) = self.connection() {
            next = tail.show_some(&connection, self, &new.asked);
            self.connection = Some(connection);
        }
        self.tail = Some((tail, new));
        next
    }

    /// Shows one object as it is now.
    fn show_again(&mut self, bucket: Bucket, key: &str) {
        let (Some(name), Some(connection)) = (view_name(bucket, key), self.connection()) else {
            return;
        };
        let sql = "SELECT last_modified, bytes FROM objects WHERE bucket = ?1 AND key = ?2";
        let read = connection.query_row(sql, (number(bucket), key), |row| {
            Ok((row.get::<_, i64>(0)?, row.get::<_, Vec<u8>>(1)?))
        });
        match read.optional() {
            Ok(object) => {
                let (at, bytes) = object.unwrap_or_default();
                let view = View {
                    bucket,
                    name,
                    day: tail::day(at),
                    bytes: &bytes,
                };
                let shown = self.show(&view);
                self.log_failure((bucket, name), shown);
                self.connection = Some(connection);
            }
            Err(error) => ViewsNotRebuilt { error: &error }.emit(),
        }
    }

    /// The connection that reads; it is given back after use, unless it failed.
    fn connection(&mut self) -> Option<Connection> {
        let open = || connect_to_read(&self.folder.database());
        let connection = self.connection.take().map_or_else(open, Ok);
        connection
            .inspect_err(|error| ViewsNotRebuilt { error }.emit())
            .ok()
    }

    fn shelf(&self, bucket: Bucket) -> &Shelf {
        match bucket {
            Bucket::Enriched => &self.enriched,
            Bucket::Raw | Bucket::Lookup => &self.raw,
        }
    }

    fn shelf_mut(&mut self, bucket: Bucket) -> &mut Shelf {
        match bucket {
            Bucket::Enriched => &mut self.enriched,
            Bucket::Raw | Bucket::Lookup => &mut self.raw,
        }
    }

    /// Shows an object in the place where it is shown already, else in a new one. An empty object is a tombstone: its view goes.
    fn show(&mut self, view: &View<'_>) -> io::Result<()> {
        if view.bytes.is_empty() {
            return self.shelf(view.bucket).remove(view.name);
        }
        match self.shelf(view.bucket).find(view.name, &view.day) {
            Some(path) => write_view(&path, view.bytes, self.shelf(view.bucket)),
            None => self.show_new(view),
        }
    }

    fn show_new(&mut self, view: &View<'_>) -> io::Result<()> {
        let path = self.shelf_mut(view.bucket).place(view.name, &view.day);
        write_view(&path, view.bytes, self.shelf(view.bucket))
    }

    /// Makes a view that lacks; one that is there is left alone, whatever is in it, unless its object is empty.
    fn show_lacking(&mut self, view: &View<'_>) -> io::Result<()> {
        if view.bytes.is_empty() {
            return self.shelf(view.bucket).remove(view.name);
        }
        match self.shelf(view.bucket).find(view.name, &view.day) {
            Some(_path) => Ok(()),
            None => self.show_new(view),
        }
    }

    /// Logs a view that could not be written; the event itself is safe.
    fn log_failure(&self, (bucket, name): (Bucket, &str), done: io::Result<()>) {
        if let Err(error) = done {
            let folder = match bucket {
                Bucket::Enriched => self.folder.enriched(),
                Bucket::Raw | Bucket::Lookup => self.folder.raw(),
            };
            let path = folder.join(name).display().to_string();
            ViewNotWritten {
                path,
                error: &error,
            }
            .emit();
        }
    }
}

fn answer(done: oneshot::Sender<()>) {
    // The caller may have gone.
    let _gone = done.send(());
}

/// Written whole and then renamed, so that a reader never sees half of it. Not synced: it can be made again.
fn write_view(path: &Path, bytes: &[u8], shelf: &Shelf) -> io::Result<()> {
    let (Some(parent), Some(name)) = (path.parent(), path.file_name()) else {
        return Ok(());
    };
    let temporary = parent.join(format!(
        ".{}.{}{TEMPORARY}",
        name.to_string_lossy(),
        std::process::id()
    ));
    let written = fs::write(&temporary, bytes).or_else(|error| {
        if error.kind() == ErrorKind::NotFound {
            shelf
                .make_room(path)
                .and_then(|()| fs::write(&temporary, bytes))
        } else {
            Err(error)
        }
    });
    written
        .and_then(|()| fs::rename(&temporary, path))
        .inspect_err(|_error| drop(fs::remove_file(&temporary)))
}

/// What a process that died left half written.
fn remove_leftovers(folder: &Path) {
    for folder in folders(folder).unwrap_or_default() {
        let Ok(entries) = fs::read_dir(folder) else {
            continue;
        };
        for entry in entries.flatten() {
            let name = entry.file_name();
            let name = name.to_string_lossy();
            if name.starts_with('.') && name.ends_with(TEMPORARY) {
                // What cannot be removed is in no one's way.
                drop(fs::remove_file(entry.path()));
            }
        }
    }
}
