//! `seen/<source>`: that something verified came from a source that has `silence_hours`. The object is empty; when it was written is what counts.

use super::{Ledger, Listing};
use crate::port::{Bucket, Listed, NewObject, ObjectStore, PortError};
use jiff::Timestamp;
use leadwire_domain::key::{SEEN, seen_key, source_of_seen_key};
use leadwire_domain::source::SourceName;
use std::collections::BTreeMap;

impl<S: ObjectStore> Ledger<'_, S> {
    /// When something verified was recorded last, of each source of which there is a record.
    pub async fn seen(self) -> Result<BTreeMap<SourceName, Timestamp>, PortError> {
        let listed = Listing::new(self.store, Bucket::Enriched, SEEN).all();
        let read = |entry: Listed| Some((source_of_seen_key(&entry.key)?, entry.last_modified));
        Ok(listed.await?.into_iter().filter_map(read).collect())
    }

    /// Records it now.
    pub(crate) async fn put_seen(self, source: SourceName) -> Result<(), PortError> {
        let (key, object) = (seen_key(source), NewObject::default());
        self.store.put(Bucket::Enriched, &key, object).await
    }
}
