//! `dedupe/…`: the identity entry, which keeps the time in the name of an event whose form does not fix it. It is that of the first delivery.

use super::{Ledger, Read};
use crate::port::{Bucket, Created, NewObject, ObjectStore, PortError};
use jiff::Timestamp;
use leadwire_domain::key::{EventName, Identity};
use leadwire_domain::lead::id::LeadId;
use leadwire_domain::limits::MESSAGE_BYTES_MAX;
use serde::{Deserialize, Serialize};

const READ: &str = "read the identity entry";

#[derive(Serialize, Deserialize)]
struct Entry {
    v: u32,
    raw_key: String,
    time: Timestamp,
}

impl<S: ObjectStore> Ledger<'_, S> {
    /// Keeps the time, where none is kept for this identity.
    pub(crate) async fn create_dedupe(
        self,
        lead_id: &LeadId,
        identity: &Identity<'_>,
        time: Timestamp,
    ) -> Result<Created, PortError> {
        let entry = Entry {
            v: 1,
            raw_key: EventName::new(lead_id, time).raw_key(),
            time,
        };
        let bytes = serde_json::to_vec(&entry).expect("plain fields always serialise");
        let object = NewObject::of(bytes);
        self.store
            .create(Bucket::Enriched, &identity.dedupe_key(), object)
            .await
    }

    /// The time that is kept.
    pub(crate) async fn dedupe_time(
        self,
        identity: &Identity<'_>,
    ) -> Result<Option<Timestamp>, PortError> {
        let at = (Bucket::Enriched, &*identity.dedupe_key());
        match self.read(READ, at, MESSAGE_BYTES_MAX).await? {
            Read::Found(object) => serde_json::from_slice(&object.bytes)
                .map(|entry: Entry| Some(entry.time))
                .map_err(|error| PortError::permanent(READ, error)),
            Read::Missing => Ok(None),
            Read::TooLarge => Err(PortError::permanent(READ, "larger than an entry can be")),
        }
    }
}
