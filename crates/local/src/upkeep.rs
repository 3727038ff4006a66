//! What an operator does to a data folder besides working with it.

use crate::database::{Fault, connect, damage};
use crate::home::LocalHome;
use crate::system::blocking;
use crate::view::folders;
use leadwire_domain::key::{ENRICHED, EventName, RAW};
use leadwire_domain::lead::id::LeadId;
use leadwire_pipeline::port::{Bucket, Fetched, ObjectStore as _, PortError};
use rusqlite::Connection;
use std::io;
use std::path::Path;

const SCRUB: &str = "empty the write-ahead log";
const TOMBSTONES_AT: &str = "INSERT INTO meta (name, value) VALUES ('tombstones_at', ?1)
    ON CONFLICT DO UPDATE SET value = excluded.value";
const HAS_TOMBSTONES: &str = "SELECT EXISTS (SELECT 1 FROM meta WHERE name = 'tombstones_at')";

impl LocalHome {
    /// Waits until the views show everything committed before this call.
    pub async fn views_written(&self) {
        self.views.shown().await;
    }

    /// Whether all that was ever forgotten here is known to have its tombstone: the first edition made none.
    pub async fn has_tombstones(&self) -> Result<bool, PortError> {
        let work =
            |connection: &Connection| connection.query_row(HAS_TOMBSTONES, [], |row| row.get(0));
        self.database.read("look for the tombstones", work).await
    }

    /// Notes that it has.
    pub async fn note_tombstones(&self) -> Result<(), PortError> {
        let now = self.clock.now().as_microsecond().to_string();
        let work =
            move |connection: &Connection| connection.execute(TOMBSTONES_AT, [&now]).map(drop);
        self.database.write("note the tombstones", work).await
    }

    /// Reads the whole database and returns what is damaged; empty where all is well.
    pub async fn check(&self) -> Result<Vec<String>, PortError> {
        self.database.read("check the database", damage).await
    }

    /// Removes views of a lead's events that are not stored any more, and says how many there were. A process that made all views anew, from
    /// what it had read before a deletion, has written them after it.
    pub async fn remove_stale_views(&self, lead_id: &LeadId) -> Result<usize, PortError> {
        let (store, folder) = (self.store(), self.folder());
        let mut removed = 0;
        for (bucket, prefix, view) in [
            (Bucket::Raw, RAW, folder.raw()),
            (Bucket::Enriched, ENRICHED, folder.enriched()),
        ] {
            for key in shown_of(&view, prefix, lead_id)
                .map_err(|error| PortError::transient("look at the views", error))?
            {
                // What is found within no bytes is empty, and shown no more than what is missing.
                let stored = store.get(bucket, &key, 0).await?;
                if matches!(stored, Fetched::Missing | Fetched::Found(_)) {
                    self.views.remove(bucket, &key).await;
                    removed += 1;
                }
            }
        }
        Ok(removed)
    }

    /// Empties the write-ahead log into the database, so that deleted data lie in neither. Ends `forget`. False where a reader held it up.
    /// On a connection of its own: neither a reader may do it, nor the writer inside a transaction.
    pub async fn scrub(&self) -> Result<bool, PortError> {
        let path = self.folder().database();
        let work = move || {
            let busy = connect(&path).and_then(|connection| {
                connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| {
                    row.get::<_, i64>(0)
                })
            });
            busy.map(|busy| busy == 0)
                .map_err(|error| Fault::from(error).during(SCRUB))
        };
        blocking(SCRUB, work).await
    }
}

/// The keys of a lead's events that a folder shows.
fn shown_of(view: &Path, prefix: &str, lead_id: &LeadId) -> io::Result<Vec<String>> {
    let mut keys = Vec::new();
    for folder in folders(view)? {
        for entry in std::fs::read_dir(folder)? {
            let key = format!("{prefix}{}", entry?.file_name().to_string_lossy());
            if EventName::parse_key(prefix, &key).is_ok_and(|name| name.may_be_of(lead_id)) {
                keys.push(key);
            }
        }
    }
    Ok(keys)
}
