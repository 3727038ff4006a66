//! What an operator does to a data folder besides working with it.

use crate::database::{Fault, connect, damage};
use crate::home::LocalHome;
use leadwire_pipeline::port::PortError;
use rusqlite::Connection;

impl LocalHome {
    /// Waits until the views show everything committed before this call.
    pub async fn views_written(&self) {
        self.views.written().await;
    }

    /// Reads the whole database and tells what is damaged; empty where all is well.
    pub async fn check(&self) -> Result<Vec<String>, PortError> {
        self.database
            .read(damage)
            .await
            .map_err(|fault| fault.during("check the database"))
    }

    /// Empties the write-ahead log into the database, so that deleted data lie in neither. Ends `forget`. False where a reader held it up.
    pub async fn scrub(&self) -> Result<bool, PortError> {
        let work = |connection: &Connection| {
            let busy = connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| {
                row.get::<_, i64>(0)
            });
            busy.map(|busy| busy == 0)
        };
        self.work_apart("empty the write-ahead log", work).await
    }

    /// Work on a connection of its own: neither a reader may do it, nor the writer inside a transaction.
    async fn work_apart<T: Send + 'static>(
        &self,
        action: &'static str,
        work: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, PortError> {
        let path = self.folder().database();
        match tokio::task::spawn_blocking(move || {
            connect(&path).and_then(|connection| work(&connection))
        })
        .await
        {
            Ok(Ok(value)) => Ok(value),
            Ok(Err(error)) => Err(Fault::from(error).during(action)),
            Err(stopped) => Err(PortError::transient(action, stopped)),
        }
    }
}
