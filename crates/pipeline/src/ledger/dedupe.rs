//! `dedupe/…`: the identity entry, which keeps the name of an event whose form does not fix its time. It is that of the first delivery.

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

/// What an identity entry keeps.
pub(crate) struct FirstDelivery {
    /// Its own time, or that of receipt.
    pub(crate) time: Timestamp,
    /// The event's name in slot 0, by that time and the lead that it named.
    pub(crate) name: EventName,
}

/// The entry of an identity, and where it lies.
pub(crate) fn new_dedupe(
    lead_id: &LeadId,
    identity: &Identity<'_>,
    time: Timestamp,
) -> (Bucket, String, NewObject) {
    let entry = Entry {
        v: 1,
        raw_key: EventName::new(lead_id, time).raw_key(),
        time,
    };
    let bytes = serde_json::to_vec(&entry).expect("plain fields always serialise");
    (
        Bucket::Enriched,
        identity.dedupe_key(),
        NewObject::of(bytes),
    )
}

impl<S: ObjectStore> Ledger<'_, S> {
    /// Keeps the name, where none is kept for this identity.
    pub(crate) async fn create_dedupe(
        self,
        lead_id: &LeadId,
        identity: &Identity<'_>,
        time: Timestamp,
    ) -> Result<Created, PortError> {
        let (bucket, key, object) = new_dedupe(lead_id, identity, time);
        self.store.create(bucket, &key, object).await
    }

    /// What is kept.
    pub(crate) async fn first_delivery(
        self,
        identity: &Identity<'_>,
    ) -> Result<Option<FirstDelivery>, PortError> {
        let at = (Bucket::Enriched, &*identity.dedupe_key());
        match self.read(READ, at, MESSAGE_BYTES_MAX).await? {
            Read::Found(object) => {
                let entry: Entry = serde_json::from_slice(&object.bytes)
                    .map_err(|error| PortError::permanent(READ, error))?;
                let name = EventName::parse_raw_key(&entry.raw_key)
                    .map_err(|error| PortError::permanent(READ, error))?;
                let time = entry.time;
                Ok(Some(FirstDelivery { time, name }))
            }
            Read::Missing => Ok(None),
            Read::TooLarge => Err(PortError::permanent(READ, "larger than an entry can be")),
        }
    }
}
