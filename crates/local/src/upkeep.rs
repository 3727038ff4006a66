//! What an operator does to a data folder besides working with it.

use crate::database::{Fault, connect};
use crate::durable::sync_folder;
use crate::home::LocalHome;
use leadwire_pipeline::port::PortError;
use rusqlite::Connection;
use std::fs::File;
use std::path::Path;

impl LocalHome {
    /// Waits until the views show everything committed before this call.
    pub async fn views_written(&self) {
        self.views.written().await;
    }

    /// Writes a consistent copy of the database to a file that must not exist, while work goes on, and syncs it.
    pub async fn backup(&self, to: &Path) -> Result<(), PortError> {
        const ACTION: &str = "back up the database";
        let name = to
            .to_str()
            .ok_or_else(|| PortError::permanent(ACTION, "the path is not UTF-8"))?
            .to_owned();
        if to.exists() {
            return Err(PortError::permanent(ACTION, "there is a file of that name"));
        }
        self.work_apart(ACTION, move |connection| {
            connection.execute("VACUUM INTO ?1", [name]).map(drop)
        })
        .await?;
        let copy = to.to_owned();
        let synced = tokio::task::spawn_blocking(move || {
            File::open(&copy)?.sync_all()?;
            sync_folder(&copy)
        });
        match synced.await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => Err(PortError::transient(ACTION, error)),
            Err(stopped) => Err(PortError::transient(ACTION, stopped)),
        }
    }

    /// Reads the whole database and tells what is damaged; empty where all is well.
    pub async fn check(&self) -> Result<Vec<String>, PortError> {
        let work = |connection: &Connection| {
            let mut check = connection.prepare("PRAGMA integrity_check")?;
            let lines = check.query_map([], |row| row.get::<_, String>(0))?;
            lines
                .filter(|line| !line.as_ref().is_ok_and(|line| line == "ok"))
                .collect()
        };
        self.database
            .read(work)
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
