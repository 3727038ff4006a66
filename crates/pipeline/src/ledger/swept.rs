//! `swept/X`: how often the sweep enqueued an event.

use super::{Kind, Ledger, Read};
use crate::port::{NewObject, ObjectStore, PortError};
use jiff::Timestamp;
use leadwire_domain::key::EventName;
use leadwire_domain::limits::MESSAGE_BYTES_MAX;
use serde::{Deserialize, Serialize};

const READ: &str = "read the sweeper's count";

#[derive(Serialize, Deserialize)]
struct Count {
    count: u32,
}

impl<S: ObjectStore> Ledger<'_, S> {
    /// How often an event was enqueued.
    pub(crate) async fn times_swept(self, name: &EventName) -> Result<u32, PortError> {
        match self
            .read_kind(READ, Kind::Swept, name, MESSAGE_BYTES_MAX)
            .await?
        {
            Read::Found(object) => serde_json::from_slice(&object.bytes)
                .map(|counted: Count| counted.count)
                .map_err(|error| PortError::permanent(READ, error)),
            Read::Missing => Ok(0),
            Read::TooLarge => Err(PortError::permanent(READ, "larger than a count can be")),
        }
    }

    /// When an event was enqueued last.
    pub(crate) async fn swept_at(self, name: &EventName) -> Result<Option<Timestamp>, PortError> {
        Ok(
            match self
                .read_kind(READ, Kind::Swept, name, MESSAGE_BYTES_MAX)
                .await?
            {
                Read::Found(object) => Some(object.last_modified),
                Read::Missing | Read::TooLarge => None,
            },
        )
    }

    /// Counts.
    pub(crate) async fn put_swept(self, name: &EventName, count: u32) -> Result<(), PortError> {
        let bytes = serde_json::to_vec(&Count { count }).expect("plain fields always serialise");
        let (bucket, key) = (Kind::Swept.bucket(), Kind::Swept.key(name));
        self.store.put(bucket, &key, NewObject::of(bytes)).await
    }
}
