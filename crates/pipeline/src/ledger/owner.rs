//! The owner files, which others write.

use super::Ledger;
use crate::port::{Bucket, Fetched, NewObject, ObjectStore, PortError};
use jiff::Timestamp;
use leadwire_domain::json::Object;
use leadwire_domain::key::lookup_key;
use leadwire_domain::lead::id::LeadId;
use leadwire_domain::lead::owner::{OwnerFileError, parse_owner_file};
use leadwire_domain::limits::LOOKUP_BYTES_MAX;

/// What lies in the lookup bucket for a lead.
#[derive(Clone, Debug)]
pub enum OwnerState {
    /// Nothing.
    Absent,
    /// The store does not say: S3 answers so for a missing file where listing is not allowed.
    Denied,
    /// A file over the limit.
    TooLarge,
    /// A file.
    Stored(Owner),
}

/// An owner file.
#[derive(Clone, Debug)]
pub struct Owner {
    lead_id: LeadId,
    /// Its bytes.
    pub bytes: Vec<u8>,
    /// Its version.
    pub etag: String,
    /// When it was written.
    pub modified_at: Timestamp,
}

impl Owner {
    /// Its fields, or why it cannot be used.
    pub fn fields(&self) -> Result<Object, OwnerFileError> {
        parse_owner_file(&self.lead_id, &self.bytes)
    }
}

impl<S: ObjectStore> Ledger<'_, S> {
    /// Reads the owner file of a lead.
    pub async fn owner(self, lead_id: &LeadId) -> Result<OwnerState, PortError> {
        let (bucket, key) = (Bucket::Lookup, lookup_key(lead_id));
        Ok(
            match self.store.get(bucket, &key, LOOKUP_BYTES_MAX).await? {
                Fetched::Found(object) => OwnerState::Stored(Owner {
                    lead_id: lead_id.clone(),
                    bytes: object.bytes,
                    etag: object.etag.0,
                    modified_at: object.last_modified,
                }),
                Fetched::Missing => OwnerState::Absent,
                Fetched::Denied => OwnerState::Denied,
                Fetched::TooLarge => OwnerState::TooLarge,
            },
        )
    }

    /// Writes an owner file.
    pub(crate) async fn put_owner(self, lead_id: &LeadId, bytes: Vec<u8>) -> Result<(), PortError> {
        let (bucket, key) = (Bucket::Lookup, lookup_key(lead_id));
        self.store.put(bucket, &key, NewObject::of(bytes)).await
    }
}
