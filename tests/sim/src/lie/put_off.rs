//! `forget` with its marks in the other order: the tombstone waits until `mail/X` has its mark, and the lease counts from that.

use super::Lying;
use leadwire_domain::claim::Settled;
use leadwire_domain::key::{MAIL, RAW};
use leadwire_domain::limits::CLAIM_BYTES_MAX;
use leadwire_pipeline::port::{
    Bucket, Created, ETag, Fetched, Home, Metadata, NewObject, ObjectStore as _, PortError,
    Replaced, StoredObject,
};
use std::sync::{MutexGuard, PoisonError};

/// A tombstone that is not written yet.
#[derive(Debug)]
pub(super) struct PutOff {
    bucket: Bucket,
    key: String,
    over: Option<ETag>,
    tombstone: NewObject,
}

impl<H: Home> Lying<H> {
    fn held_back(&self) -> MutexGuard<'_, Option<PutOff>> {
        self.put_off.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A tombstone is said to be written, and is not.
    pub(super) fn put_off(
        &self,
        bucket: Bucket,
        key: &str,
        over: Option<ETag>,
        tombstone: NewObject,
    ) {
        *self.held_back() = Some(PutOff {
            bucket,
            key: key.to_owned(),
            over,
            tombstone,
        });
    }

    /// It is written, where one was put off.
    pub(super) async fn write_put_off(&self) -> Result<(), PortError> {
        let Some(held_back) = self.held_back().take() else {
            return Ok(());
        };
        let PutOff {
            bucket,
            key,
            over,
            tombstone,
        } = held_back;
        let store = self.honest.store();
        let is_written = match over {
            None => {
                let created = store.create(bucket, &key, tombstone).await?;
                matches!(created, Created::New(_))
            }
            Some(over) => {
                let replaced = store.replace(bucket, &key, &over, tombstone).await?;
                matches!(replaced, Replaced::New(_))
            }
        };
        if is_written {
            return Ok(());
        }
        // The command is run once more.
        Err(PortError::transient(
            "write the tombstone",
            "another write was faster",
        ))
    }

    /// Of an event that has its mark, and no tombstone yet, is said that it has one, as old as the mark.
    pub(super) async fn misread_raw(&self, bucket: Bucket, key: &str, raw: &mut StoredObject) {
        let mail = key.replacen(RAW, MAIL, 1);
        let store = self.honest.store();
        let marker = store.get(Bucket::Enriched, &mail, CLAIM_BYTES_MAX).await;
        let Ok(Fetched::Found(marker)) = marker else {
            return;
        };
        let state = marker.metadata.get("state").map(String::as_str);
        if raw.bytes.is_empty() || state != Some(Settled::Forgotten.as_str()) {
            return;
        }
        let labels = [
            ("state", "state"),
            ("settled-at", "forgotten-at"),
            ("identity", "identity"),
        ];
        let metadata: Metadata = labels
            .into_iter()
            .filter_map(|(from, to)| Some((to.to_owned(), marker.metadata.get(from)?.clone())))
            .collect();
        let tombstone = NewObject {
            bytes: Vec::new(),
            metadata: metadata.clone(),
        };
        self.put_off(bucket, key, Some(raw.etag.clone()), tombstone);
        raw.bytes.clear();
        raw.metadata = metadata;
    }
}
