//! What is left of a lead's events, deleted versions included: for `forget` alone.

use super::{Document, Kind, Ledger, Raw, RawState};
use crate::port::{Bucket, Eraser, Fetched, ObjectStore, PortError, StoredObject};
use leadwire_domain::failure::FailureRecord;
use leadwire_domain::key::{EventName, Identity, lookup_key};
use leadwire_domain::lead::id::{EventId, LeadId};
use leadwire_domain::limits::{MESSAGE_BYTES_MAX, OBJECT_BYTES_MAX};
use leadwire_domain::source::Source;
use std::collections::BTreeSet;

/// What is deleted of an event, and after it what the tombstone hides: that says whose event it is, should the deletion be interrupted.
const ERASED: [Kind; 3] = [Kind::Document, Kind::Failure, Kind::Swept];

/// What is left of an event.
#[derive(Debug)]
pub(crate) struct Left {
    /// What lies at `raw/X`.
    pub(crate) raw: RawState,
    /// What holds something of it: its raw object last, where there is more of that than a tombstone.
    pub(crate) keys: Vec<(Bucket, String)>,
    /// Versions of the raw object, and marks of their deletion; a tombstone is none of them.
    pub(crate) raw_versions: u64,
}

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
            let left = self.store.list_versions(kind.bucket(), &prefix).await?;
            let parsed = left
                .iter()
                .filter_map(|object| kind.parse(&object.key).ok());
            names.extend(parsed.map(|name| name.with_revision(0)));
        }
        names.extend(self.raw_named_by_hand().await?);
        Ok(names)
    }

    /// What is left of an event and its revisions. Claims and the tombstone are not among it: they hold no personal data.
    pub(crate) async fn left(self, name: &EventName) -> Result<Left, PortError> {
        let mut keys = Vec::new();
        for kind in ERASED {
            let prefix = name.revisions_prefix(kind.prefix());
            let left = self.store.list_versions(kind.bucket(), &prefix).await?;
            keys.extend(left.into_iter().map(|object| (kind.bucket(), object.key)));
        }
        let raw_key = Kind::Raw.key(name);
        let raw = self.raw(name).await?;
        let objects = self.store.list_versions(Bucket::Raw, &raw_key).await?;
        let object = objects.iter().find(|object| object.key == raw_key);
        let is_counted = !matches!(raw, RawState::Forgotten(_));
        let raw_versions = object.map_or(0, |object| {
            let there = object.size.filter(|_size| is_counted);
            object.hidden + u64::from(there.is_some())
        });
        if raw_versions > 0 {
            keys.push((Bucket::Raw, raw_key));
        }
        Ok(Left {
            raw,
            keys,
            raw_versions,
        })
    }

    /// Whose the event is. What is left of it is asked in the order of how much it knows: the raw object, a document, a failure.
    pub(crate) async fn ownership(
        self,
        name: &EventName,
        left: &Left,
    ) -> Result<Ownership, PortError> {
        let mut known = Ownership {
            lead_id: None,
            identity: match &left.raw {
                RawState::Forgotten(tombstone) => tombstone.identity.clone(),
                RawState::Absent | RawState::TooLarge | RawState::Stored(_) => None,
            },
        };
        for (bucket, key) in left.keys.iter().rev() {
            if known.lead_id.is_some() && known.identity.is_some() {
                break;
            }
            let fetched = self.store.get_any_version(*bucket, key, OBJECT_BYTES_MAX);
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

    /// Deletes every version of what is left of an event, and last those of its raw object that its tombstone hides. Returns how many
    /// there were.
    pub(crate) async fn erase(self, name: &EventName, left: &Left) -> Result<u64, PortError> {
        let mut versions = 0;
        for (bucket, key) in &left.keys {
            if *bucket != Bucket::Raw {
                versions += self.store.erase(*bucket, key).await?;
            }
        }
        let raw_key = Kind::Raw.key(name);
        Ok(versions + self.store.erase_hidden(Bucket::Raw, &raw_key).await?)
    }

    /// Deletes a raw object that is too large to be an event, so that a tombstone can be made in its place.
    pub(crate) async fn erase_raw(self, name: &EventName) -> Result<u64, PortError> {
        self.store.erase(Bucket::Raw, &Kind::Raw.key(name)).await
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
        let from = &lead.provenance;
        let source = Source::of_labels(&from.source, from.kind.as_deref());
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
