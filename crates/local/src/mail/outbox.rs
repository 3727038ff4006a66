//! Mail into a folder: one file a mail, named by it and created exclusively, hence exactly once. A thread writes whatever waits together, so
//! that under load many mails share the two flushes that one needs.

use super::ACTION;
use super::name::MailName;
use crate::durable::{create_all, create_whole};
use leadwire_pipeline::port::{MailOutcome, PortError};
use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, Sender, channel};
use tokio::sync::oneshot;

/// Mails that are written together.
const BATCH_MAX: usize = 256;

/// The folder, and the thread that writes into it. The thread ends with the last handle.
#[derive(Clone, Debug)]
pub(super) struct Outbox {
    folder: PathBuf,
    waiting: Sender<Put>,
}

/// A file to be written, and who waits for it.
#[derive(Debug)]
struct Put {
    path: PathBuf,
    message: Vec<u8>,
    done: oneshot::Sender<io::Result<()>>,
}

impl Outbox {
    pub(super) fn new(folder: PathBuf) -> Self {
        let (waiting, queue) = channel();
        let write = move || write_what_waits(&queue);
        let thread = std::thread::Builder::new().name("leadwire-outbox".to_owned());
        // Without its thread every mail is busy, as on a machine that has no memory for one.
        drop(thread.spawn(write));
        Self { folder, waiting }
    }

    /// Puts a mail into a file of the folder, readable by any mail program.
    pub(super) async fn put(&self, name: &MailName, message: Vec<u8>) -> Result<(), MailOutcome> {
        let (done, written) = oneshot::channel();
        let put = Put {
            path: self.folder.join(name.file()),
            message,
            done,
        };
        // There already or new: either way it is there once. A failure leaves nothing, or a whole file that the next attempt finds.
        let sent = self.waiting.send(put);
        sent.map_err(|_closed| busy(ErrorKind::BrokenPipe.into()))?;
        match written.await {
            Ok(written) => written.map_err(busy),
            Err(gone) => Err(MailOutcome::Ambiguous(PortError::transient(ACTION, gone))),
        }
    }

    /// Shows that a mail could be put there: its file gets a name at which no mail program looks, and is removed again.
    pub(super) async fn prove(&self, name: &MailName, message: Vec<u8>) -> Result<(), MailOutcome> {
        let path = self.folder.join(name.canary_file());
        let work = move || {
            create_whole(&path, &message)?;
            fs::remove_file(&path)
        };
        let proved = tokio::task::spawn_blocking(work).await;
        proved.map_err(io::Error::other).flatten().map_err(busy)
    }
}

fn busy(error: io::Error) -> MailOutcome {
    MailOutcome::Busy(PortError::transient(ACTION, error))
}

fn write_what_waits(queue: &Receiver<Put>) {
    while let Ok(first) = queue.recv() {
        let rest = queue.try_iter().take(BATCH_MAX - 1);
        let batch: Vec<Put> = std::iter::once(first).chain(rest).collect();
        let files: Vec<(&Path, &[u8])> = batch
            .iter()
            .map(|put| (&*put.path, &*put.message))
            .collect();
        let written = create_all(&files);
        for (put, written) in batch.into_iter().zip(written) {
            // Who has gone away needs no answer.
            drop(put.done.send(written.map(drop)));
        }
    }
}
