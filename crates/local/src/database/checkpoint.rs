//! Moves the write-ahead log into the database while others commit, so that a commit that finds the log full has little left to move.

use super::connect_to_read;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::Duration;

/// How often it is looked whether there is much to move.
const EVERY: Duration = Duration::from_millis(250);
/// Writes that are worth it: of fewer the log holds days.
const WRITES_MIN: u64 = 1_000;

/// Ends the thread when it is dropped.
#[derive(Debug)]
pub(super) struct Checkpoints {
    _open: Sender<()>,
}

impl Checkpoints {
    /// Starts the thread; `writes` counts what was written.
    pub(super) fn start(path: PathBuf, writes: Arc<AtomicU64>) -> io::Result<Self> {
        let (open, closed) = channel();
        std::thread::Builder::new()
            .name("leadwire-log".to_owned())
            .spawn(move || move_log(&path, &writes, &closed))?;
        Ok(Self { _open: open })
    }
}

fn move_log(path: &Path, writes: &AtomicU64, closed: &Receiver<()>) {
    let mut moved = 0;
    while closed.recv_timeout(EVERY) == Err(RecvTimeoutError::Timeout) {
        let written = writes.load(Ordering::Relaxed);
        if written - moved < WRITES_MIN {
            continue;
        }
        moved = written;
        // What fails here is done by the next commit that finds the log full; no connection is kept, since one that reads holds up who empties the log.
        let done = connect_to_read(path).and_then(|connection| {
            connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_row| Ok(()))
        });
        drop(done);
    }
}
