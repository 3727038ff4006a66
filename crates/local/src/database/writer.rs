//! The one thread that writes. It takes everything that waits, runs it in one transaction, and answers after the commit has been synced:
//! under load, one fsync serves many callers. Where one of them fails, all are run again with a savepoint each, so that it takes none with
//! it: savepoints copy pages, and nearly no transaction needs them.

use super::Fault;
use leadwire_pipeline::observe::WriterPanicked;
use rusqlite::Connection;
use std::fs::File;
use std::io;
use std::thread::JoinHandle;
use tokio::sync::{mpsc, oneshot};

/// Jobs in one transaction. With objects of at most two mebibytes this bounds what a commit holds.
const BATCH_MAX: usize = 256;
/// Jobs that may wait; further callers wait before they queue.
const WAITING_MAX: usize = 1024;

/// A handle on the writing thread.
#[derive(Debug)]
pub(super) struct Writer {
    jobs: Option<mpsc::Sender<Box<dyn Job>>>,
    thread: Option<JoinHandle<()>>,
}

/// Work to be committed, whatever it returns.
trait Job: Send {
    /// Does the work inside the transaction; once more where that was rolled back.
    fn run(&mut self, connection: &Connection) -> rusqlite::Result<()>;
    /// Answers the caller, after the commit.
    fn answer(self: Box<Self>, committed: Result<(), Fault>);
}

struct Task<T, F, A> {
    work: F,
    done: Option<T>,
    after: A,
    caller: oneshot::Sender<Result<T, Fault>>,
}

impl<T, F, A> Job for Task<T, F, A>
where
    T: Send,
    F: FnMut(&Connection) -> rusqlite::Result<T> + Send,
    A: FnOnce(&T) + Send,
{
    fn run(&mut self, connection: &Connection) -> rusqlite::Result<()> {
        self.done = None;
        self.done = Some((self.work)(connection)?);
        Ok(())
    }

    fn answer(self: Box<Self>, committed: Result<(), Fault>) {
        let result = committed.and(self.done.ok_or(Fault::Closed));
        if let Ok(value) = &result {
            (self.after)(value);
        }
        // A caller that has gone away needs no answer; its work is done all the same.
        drop(self.caller.send(result));
    }
}

impl Writer {
    /// Starts the thread. It drops `guard` after its last commit.
    pub(super) fn start(connection: Connection, guard: Option<File>) -> io::Result<Self> {
        let (jobs, queue) = mpsc::channel(WAITING_MAX);
        let thread = std::thread::Builder::new()
            .name("leadwire-writer".to_owned())
            .spawn(move || {
                work_off(&connection, queue);
                drop(connection);
                drop(guard);
            })?;
        Ok(Self {
            jobs: Some(jobs),
            thread: Some(thread),
        })
    }

    pub(super) async fn write<T: Send + 'static>(
        &self,
        work: impl FnMut(&Connection) -> rusqlite::Result<T> + Send + 'static,
        after: impl FnOnce(&T) + Send + 'static,
    ) -> Result<T, Fault> {
        let jobs = self.jobs.as_ref().ok_or(Fault::Closed)?;
        let (caller, answer) = oneshot::channel();
        let task = Task {
            work,
            done: None,
            after,
            caller,
        };
        let sent = jobs.send(Box::new(task)).await;
        sent.map_err(|_closed| Fault::Closed)?;
        answer.await.map_err(|_closed| Fault::Closed)?
    }
}

impl Drop for Writer {
    /// Waits for what was asked for to be committed, so that the next process finds the folder and its lock free.
    fn drop(&mut self) {
        drop(self.jobs.take());
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            WriterPanicked {}.emit();
        }
    }
}

fn work_off(connection: &Connection, mut queue: mpsc::Receiver<Box<dyn Job>>) {
    while let Some(first) = queue.blocking_recv() {
        let mut batch = vec![(first, Ok(()))];
        while batch.len() < BATCH_MAX
            && let Ok(job) = queue.try_recv()
        {
            batch.push((job, Ok(())));
        }
        let committed = commit(connection, &mut batch).map_err(Fault::from);
        for (job, ran) in batch {
            // A job's own failure says more than the commit's.
            job.answer(ran.and_then(|()| committed.clone()));
        }
    }
}

/// A job and what became of it.
type Ran = (Box<dyn Job>, Result<(), Fault>);

fn commit(connection: &Connection, batch: &mut [Ran]) -> rusqlite::Result<()> {
    execute(connection, "BEGIN IMMEDIATE")?;
    let ended = run_all(connection, batch)
        .or_else(|_error| run_each(connection, batch))
        .and_then(|()| execute(connection, "COMMIT"));
    // A full or failing disk: SQLite may have rolled everything back by itself.
    if ended.is_err() && !connection.is_autocommit() {
        execute(connection, "ROLLBACK")?;
    }
    ended
}

/// The ordinary case.
fn run_all(connection: &Connection, batch: &mut [Ran]) -> rusqlite::Result<()> {
    batch
        .iter_mut()
        .try_for_each(|(job, _)| job.run(connection))
}

/// Everything again, each by itself.
fn run_each(connection: &Connection, batch: &mut [Ran]) -> rusqlite::Result<()> {
    if !connection.is_autocommit() {
        execute(connection, "ROLLBACK")?;
    }
    execute(connection, "BEGIN IMMEDIATE")?;
    for (job, ran) in batch {
        execute(connection, "SAVEPOINT job")?;
        if let Err(error) = job.run(connection) {
            if connection.is_autocommit() {
                return Err(error);
            }
            *ran = Err(Fault::from(error));
            execute(connection, "ROLLBACK TO job")?;
        }
        execute(connection, "RELEASE job")?;
    }
    Ok(())
}

fn execute(connection: &Connection, sql: &str) -> rusqlite::Result<()> {
    connection.prepare_cached(sql)?.execute([]).map(drop)
}

#[cfg(test)]
mod tests;
