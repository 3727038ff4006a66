//! What is left of a lead's events, deleted versions included: for `forget` alone.

use super::{Document, Kind, Ledger, Raw};
use crate::port::{Bucket, Eraser, Fetched, ObjectStore, PortError, StoredObject};
use leadwire_domain::failure::FailureRecord;
use leadwire_domain::key::{EventName, Identity, lookup_key};
use leadwire_domain::lead::id::{EventId, LeadId};
use leadwire_domain::limits::{MESSAGE_BYTES_MAX, OBJECT_BYTES_MAX};
use leadwire_domain::source::Source;
use std::collections::BTreeSet;

/// What is deleted of an event, the raw object last: it says whose event it is, should the deletion be interrupted.
const ERASED: [Kind; 3] = [Kind::Document, Kind::Failure, Kind::Swept];

/// Whose event it is, and which.
#[derive(Debug, Default)]
pub(crate) struct Ownership {
    pub(crate) lead_id: Option<LeadId>,
    /// What a CRM's retry is known by: the dedupe key.
    pub(crate) identity: Option<String>,
}

impl<S: ObjectStore + Eraser> Ledger<'_, S> {
    /// The events that may be a lead's: by their keys, and those that a person put under names of another form.
    pub(crate) async fn candidates(
        self,
        lead_id: &LeadId,
    ) -> Result<BTreeSet<EventName>, PortError> {
        let mut names = BTreeSet::new();
        for kind in ERASED.into_iter().chain([Kind::Raw]) {
            let prefix = EventName::key_prefix(kind.prefix(), lead_id);
            let keys = self.store.remains(kind.bucket(), &prefix).await?;
            let parsed = keys.iter().filter_map(|key| kind.parse(key).ok());
            names.extend(parsed.map(|name| name.with_revision(0)));
        }
        names.extend(self.raw_named_by_hand().await?);
        Ok(names)
    }

    /// What is left of an event and its revisions, the raw object last. Claims are not among it: they hold no personal data.
    pub(crate) async fn remains(
        self,
        name: &EventName,
    ) -> Result<Vec<(Bucket, String)>, PortError> {
        let mut left = Vec::new();
        for kind in ERASED {
            let prefix = name.revisions_prefix(kind.prefix());
            let keys = self.store.remains(kind.bucket(), &prefix).await?;
            left.extend(keys.into_iter().map(|key| (kind.bucket(), key)));
        }
        let raw_key = Kind::Raw.key(name);
        let raw = self.store.remains(Bucket::Raw, &raw_key).await?;
        let raw = raw.into_iter().filter(|key| *key == raw_key);
        left.extend(raw.map(|key| (Bucket::Raw, key)));
        Ok(left)
    }

    /// Whose the event is. What is left of it is asked in the order of how much it knows: the raw object, a document, a failure.
    pub(crate) async fn ownership(
        self,
        name: &EventName,
        remains: &[(Bucket, String)],
    ) -> Result<Ownership, PortError> {
        let mut known = Ownership::default();
        for (bucket, key) in remains.iter().rev() {
            if known.lead_id.is_some() && known.identity.is_some() {
                break;
            }
            let fetched = self.store.get_remains(*bucket, key, OBJECT_BYTES_MAX);
            let Fetched::Found(object) = fetched.await? else {
                continue;
            };
            let said = match bucket {
                Bucket::Raw => Ownership::of_raw(&Raw::decode(name, object)),
                Bucket::Enriched | Bucket::Lookup => Ownership::of_enriched(key, object),
            };
            known.lead_id = known.lead_id.or(said.lead_id);
            known.identity = known.identity.or(said.identity);
        }
        Ok(known)
    }

    /// Deletes every version of an object. Returns how many there were.
    pub(crate) async fn erase(self, bucket: Bucket, key: &str) -> Result<u64, PortError> {
        self.store.erase(bucket, key).await
    }

    /// Deletes every version of an owner file. Returns how many there were.
    pub(crate) async fn erase_owner(self, lead_id: &LeadId) -> Result<u64, PortError> {
        self.store.erase(Bucket::Lookup, &lookup_key(lead_id)).await
    }
}

impl Ownership {
    fn of_raw(raw: &Raw) -> Self {
        let labelled = raw.lead_id_label().and_then(|id| LeadId::parse(id).ok());
        let event = raw.event();
        Self {
            identity: event
                .as_ref()
                .map(|event| dedupe_key(event.source, &event.event_id)),
            lead_id: labelled.or(event.map(|event| event.lead_id)),
        }
    }

    fn of_enriched(key: &str, object: StoredObject) -> Self {
        if Kind::Document.parse(key).is_err() {
            return Self::of_failure(&object.bytes);
        }
        let Some(Document { lead, .. }) = Document::parse(object.bytes) else {
            return Self::default();
        };
        let source = Source::from_name(&lead.provenance.source);
        Self {
            identity: source.map(|source| dedupe_key(source, &lead.provenance.event_id)),
            lead_id: Some(lead.lead_id),
        }
    }

    fn of_failure(bytes: &[u8]) -> Self {
        let is_small = bytes.len() <= MESSAGE_BYTES_MAX;
        let failure = is_small.then(|| serde_json::from_slice::<FailureRecord>(bytes).ok());
        Self {
            lead_id: failure.flatten().and_then(|failure| failure.lead_id),
            identity: None,
        }
    }
}

fn dedupe_key(source: Source, event_id: &EventId) -> String {
    Identity { source, event_id }.dedupe_key()
}
