//! A few threads that read, each with a connection of its own: a read neither waits for the writer nor starts a thread.

use super::{Fault, connect_to_read};
use crate::system::lock;
use rusqlite::Connection;
use std::collections::VecDeque;
use std::io;
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::JoinHandle;
use tokio::sync::oneshot;

/// Readers at once: more than the cores of a small machine gain little, and a long listing should not keep the others waiting.
const READERS: usize = 4;

/// A handle on the threads that read.
#[derive(Debug)]
pub(super) struct Readers {
    queue: Arc<Queue>,
    threads: Vec<JoinHandle<()>>,
}

/// What is to be read.
#[derive(Default)]
struct Queue {
    waiting: Mutex<Waiting>,
    more: Condvar,
}

#[derive(Default)]
struct Waiting {
    jobs: VecDeque<Job>,
    is_closed: bool,
}

/// A read: it answers its caller, also where there is no connection. It says whether the connection may be used again.
type Job = Box<dyn FnOnce(Result<&Connection, Fault>) -> bool + Send>;

impl Readers {
    pub(super) fn start(path: &Path) -> io::Result<Self> {
        let queue = Arc::<Queue>::default();
        let start = |_number| {
            let (path, queue) = (path.to_owned(), Arc::clone(&queue));
            std::thread::Builder::new()
                .name("leadwire-reader".to_owned())
                .spawn(move || work_off(&path, &queue))
        };
        let threads = (0..READERS).map(start).collect::<io::Result<_>>()?;
        Ok(Self { queue, threads })
    }

    pub(super) async fn read<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, Fault> {
        let (caller, answer) = oneshot::channel();
        let job = move |connection: Result<&Connection, Fault>| {
            let read = connection.and_then(|connection| work(connection).map_err(Fault::from));
            let is_sound = read.is_ok();
            // A caller that has gone away needs no answer.
            drop(caller.send(read));
            is_sound
        };
        self.queue.push(Box::new(job));
        answer.await.map_err(|_panicked| Fault::Closed)?
    }
}

impl Drop for Readers {
    /// Waits until the connections are closed: the last one that is closed empties the write-ahead log.
    fn drop(&mut self) {
        lock(&self.queue.waiting).is_closed = true;
        self.queue.more.notify_all();
        for thread in self.threads.drain(..) {
            // A read that panicked has failed its caller.
            drop(thread.join());
        }
    }
}

impl Queue {
    fn push(&self, job: Job) {
        lock(&self.waiting).jobs.push_back(job);
        self.more.notify_one();
    }

    /// The next job; none once the queue is closed and empty.
    fn next(&self) -> Option<Job> {
        let mut waiting = lock(&self.waiting);
        loop {
            if let Some(job) = waiting.jobs.pop_front() {
                return Some(job);
            }
            if waiting.is_closed {
                return None;
            }
            waiting = self
                .more
                .wait(waiting)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }
}

impl std::fmt::Debug for Queue {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Queue").finish_non_exhaustive()
    }
}

fn work_off(path: &Path, queue: &Queue) {
    let mut idle = None;
    while let Some(job) = queue.next() {
        let connection = idle.take().map_or_else(|| connect_to_read(path), Ok);
        match connection {
            Ok(connection) => {
                // One that failed is not used again.
                idle = job(Ok(&connection)).then_some(connection);
            }
            Err(error) => drop(job(Err(Fault::from(error)))),
        }
    }
}
