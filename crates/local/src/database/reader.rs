//! A few connections that only read, each used by one caller at a time.

use super::{Fault, connect_to_read};
use crate::system::lock;
use rusqlite::Connection;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use tokio::sync::Semaphore;

/// Readers at once. They do not wait for the writer; more than the cores of a small machine gain nothing.
const READERS_MAX: usize = 8;

#[derive(Debug)]
pub(super) struct Readers {
    path: PathBuf,
    idle: Mutex<Vec<Connection>>,
    turns: Semaphore,
}

impl Readers {
    pub(super) fn new(path: PathBuf) -> Self {
        Self {
            path,
            idle: Mutex::default(),
            turns: Semaphore::new(READERS_MAX),
        }
    }

    pub(super) async fn read<T: Send + 'static>(
        self: &Arc<Self>,
        work: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, Fault> {
        let turn = self.turns.acquire().await;
        let _turn = turn.map_err(|_closed| Fault::Closed)?;
        let readers = Arc::clone(self);
        let reading = tokio::task::spawn_blocking(move || readers.read_now(work));
        reading
            .await
            .map_err(|_panicked_or_shut_down| Fault::Closed)?
    }

    fn read_now<T>(
        &self,
        work: impl FnOnce(&Connection) -> rusqlite::Result<T>,
    ) -> Result<T, Fault> {
        let idle = lock(&self.idle).pop();
        let connection = match idle {
            Some(connection) => connection,
            None => connect_to_read(&self.path)?,
        };
        let result = work(&connection)?;
        // One that failed is not used again.
        lock(&self.idle).push(connection);
        Ok(result)
    }
}
