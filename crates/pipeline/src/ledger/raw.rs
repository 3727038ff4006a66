//! `raw/X`: the bytes of a webhook, labelled by ingest. What the labels lack is read from the body, for an object that was put by hand.

use super::{Kind, Ledger, Read};
use crate::port::{
    Bucket, Created, ETag, Metadata, NewObject, ObjectStore, PortError, Replaced, StoredObject,
};
use crate::trace::{TRACEPARENT, TraceContext};
use jiff::{SignedDuration, Timestamp};
use leadwire_domain::json::Object;
use leadwire_domain::key::{EventName, Identity};
use leadwire_domain::lead::id::{EventId, LeadId, Sha256Hex};
use leadwire_domain::limits::OBJECT_BYTES_MAX;
use leadwire_domain::message::{Notify, TriggerFacts};
use leadwire_domain::source::{Event, EventFilter, Extracted, Source, SourceKind};

const LEAD_ID: &str = "lead-id";
const EVENT_ID: &str = "event-id";
const SOURCE: &str = "source";
const KIND: &str = "kind";
/// How its source had it read, where that is no matter of the kind.
const MAPPING: &str = "mapping";
const SHA256: &str = "sha256";
const ACCEPTED_AT: &str = "accepted-at";
/// On a tombstone: what it is.
const STATE: &str = "state";
const FORGOTTEN: &str = "forgotten";
/// On a tombstone: which event it was.
const IDENTITY: &str = "identity";
/// On a tombstone: since when.
const FORGOTTEN_AT: &str = "forgotten-at";
const READ: &str = "read the raw object";

/// What lies at `raw/X`.
#[derive(Clone, Debug)]
pub enum RawState {
    /// Nothing.
    Absent,
    /// An object that is larger than a webhook can be.
    TooLarge,
    /// The event was forgotten on request.
    Forgotten(Tombstone),
    /// An object.
    Stored(Box<Raw>),
}

impl RawState {
    /// The object, where there is one that can be read.
    pub fn stored(self) -> Option<Raw> {
        match self {
            Self::Stored(raw) => Some(*raw),
            Self::Absent | Self::TooLarge | Self::Forgotten(_) => None,
        }
    }
}

/// What lies where a forgotten event's raw object lay: an empty object. It keeps the event from being stored again, and holds no personal
/// data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tombstone {
    /// Since when the event is forgotten.
    pub at: Timestamp,
    /// Which event it was, where that was known: its identity key.
    pub identity: Option<String>,
    /// Its version.
    pub etag: ETag,
}

impl Tombstone {
    /// An empty object that says so. One that does not was put by hand, and holds no event.
    fn decode(object: &StoredObject) -> Option<Self> {
        let is_forgotten = object
            .metadata
            .get(STATE)
            .is_some_and(|state| state == FORGOTTEN);
        let at = object.metadata.get(FORGOTTEN_AT);
        let at: Option<Timestamp> = at.and_then(|at| at.parse().ok());
        (object.bytes.is_empty() && is_forgotten).then(|| Self {
            at: at.unwrap_or(object.last_modified),
            identity: object.metadata.get(IDENTITY).cloned(),
            etag: object.etag.clone(),
        })
    }

    /// Whether it names this event, as far as that is known.
    pub(crate) fn is_of(&self, identity: Option<&str>) -> bool {
        identity.is_none() || self.identity.as_deref() == identity
    }

    fn encode(at: Timestamp, identity: Option<&str>) -> NewObject {
        let mut metadata = Metadata::from([
            (STATE.to_owned(), FORGOTTEN.to_owned()),
            (FORGOTTEN_AT.to_owned(), at.to_string()),
        ]);
        if let Some(identity) = identity {
            metadata.insert(IDENTITY.to_owned(), identity.to_owned());
        }
        NewObject {
            bytes: Vec::new(),
            metadata,
        }
    }
}

/// A raw object.
#[derive(Clone, Debug)]
pub struct Raw {
    name: EventName,
    bytes: Vec<u8>,
    labels: Metadata,
    stored_at: Timestamp,
    etag: ETag,
}

/// The event in a raw object.
#[derive(Clone, Debug)]
pub struct RawEvent {
    /// The lead, as the body names it.
    pub lead_id: LeadId,
    /// The event's id: the label's, else the body's, else the name of the object.
    pub event_id: EventId,
    /// Where it came from: the labels, else the shape of the body.
    pub source: Source,
    /// When it was accepted: the label, else when the object was written.
    pub accepted_at: Timestamp,
    /// The digest of the bytes.
    pub sha256: Sha256Hex,
    /// The lead's fields.
    pub fields: Object,
}

/// An event that is to be stored.
#[derive(Clone, Copy, Debug)]
pub(crate) struct NewRaw<'a> {
    pub(crate) lead_id: &'a LeadId,
    pub(crate) identity: Identity<'a>,
    pub(crate) accepted_at: Timestamp,
    pub(crate) traceparent: Option<&'a str>,
    /// How its source has it read.
    pub(crate) mapping: Option<&'a str>,
    pub(crate) body: &'a [u8],
    /// The digest of the body.
    pub(crate) sha256: Sha256Hex,
}

impl Raw {
    pub(super) fn decode(name: &EventName, object: StoredObject) -> Self {
        Self {
            name: name.clone(),
            bytes: object.bytes,
            labels: object.metadata,
            stored_at: object.last_modified,
            etag: object.etag,
        }
    }

    /// Its version.
    pub(crate) fn etag(&self) -> &ETag {
        &self.etag
    }

    /// Reads the event.
    pub fn event(&self) -> Option<RawEvent> {
        let (kind, event) = self.parse_body()?;
        let labelled = self.label(EVENT_ID).and_then(|id| EventId::parse(id).ok());
        Some(RawEvent {
            lead_id: event.lead_id,
            event_id: labelled
                .or(event.event_id)
                .or_else(|| EventId::parse(&self.name.to_string()).ok())?,
            source: self.source_label().unwrap_or_else(|| kind.into()),
            accepted_at: self.accepted_at(),
            sha256: self.sha256(),
            fields: event.fields,
        })
    }

    fn parse_body(&self) -> Option<(SourceKind, Event)> {
        let Some(kind) = self.kind_label() else {
            return SourceKind::parse_unlabelled(&self.bytes).ok();
        };
        let parsed = kind.parse_mapped(&self.bytes, self.label(MAPPING), EventFilter::All);
        match parsed.ok()? {
            Extracted::Event(event) => Some((kind, *event)),
            Extracted::Ignored(_) => None,
        }
    }

    /// The bytes, as they came in.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The digest of the bytes.
    pub fn sha256(&self) -> Sha256Hex {
        Sha256Hex::of(&self.bytes)
    }

    /// When the object was written.
    pub fn stored_at(&self) -> Timestamp {
        self.stored_at
    }

    /// When the event was accepted: the label, else when the object was written.
    pub fn accepted_at(&self) -> Timestamp {
        self.accepted_at_label().unwrap_or(self.stored_at)
    }

    /// The trace that the event belongs to.
    pub fn trace(&self) -> TraceContext {
        let traceparent = self.label(TRACEPARENT).map(str::to_owned);
        traceparent
            .map(TraceContext::of_traceparent)
            .unwrap_or_default()
    }

    /// The lead that the label names.
    pub fn lead_id_label(&self) -> Option<&str> {
        self.label(LEAD_ID)
    }

    /// The id that the label gives the event.
    pub fn event_id_label(&self) -> Option<&str> {
        self.label(EVENT_ID)
    }

    /// The kind by which it is read. An object of the first edition has no such label: its source's name is the kind.
    fn kind_label(&self) -> Option<SourceKind> {
        let kind = self.label(KIND).or_else(|| self.label(SOURCE));
        kind.and_then(SourceKind::from_name)
    }

    /// The source that the labels name, where this code knows its kind.
    pub fn source_label(&self) -> Option<Source> {
        Source::of_labels(self.source_text_label()?, self.label(KIND))
    }

    /// The same, as it is written.
    pub fn source_text_label(&self) -> Option<&str> {
        self.label(SOURCE)
    }

    /// The digest that the label names.
    pub(crate) fn sha256_label(&self) -> Option<&str> {
        self.label(SHA256)
    }

    fn accepted_at_label(&self) -> Option<Timestamp> {
        self.label(ACCEPTED_AT)?.parse().ok()
    }

    /// Whether ingest stored it for this event. An object without labels is no delivery.
    pub(crate) fn is_of(&self, identity: &Identity<'_>) -> bool {
        self.label(EVENT_ID) == Some(identity.event_id.as_str())
            && self.label(SOURCE) == Some(identity.source.as_str())
    }

    /// Whether it was stored by this very request, whose trace is no other's.
    pub(crate) fn was_stored_by(&self, new: &NewRaw<'_>) -> bool {
        new.traceparent.is_some()
            && self.label(TRACEPARENT) == new.traceparent
            && self.accepted_at() == new.accepted_at
    }

    /// What ingest said of it in its message; nothing where a label is missing.
    pub(crate) fn facts(&self, delay_seconds: u32) -> Option<TriggerFacts> {
        let accepted_at = self.accepted_at_label()?;
        let delay = SignedDuration::from_secs(i64::from(delay_seconds));
        Some(TriggerFacts {
            lead_id: LeadId::parse(self.label(LEAD_ID)?).ok()?,
            event_id: EventId::parse(self.label(EVENT_ID)?).ok()?,
            source: self.source_label()?,
            sha256: self.sha256(),
            accepted_at,
            not_before: accepted_at.checked_add(delay).unwrap_or(accepted_at),
            notify: Notify::Force,
        })
    }

    fn label(&self, name: &str) -> Option<&str> {
        self.labels.get(name).map(String::as_str)
    }
}

impl NewRaw<'_> {
    /// The object, and where it lies under a name.
    pub(crate) fn placed(&self, name: &EventName) -> (Bucket, String, NewObject) {
        (Kind::Raw.bucket(), Kind::Raw.key(name), self.encode())
    }

    fn encode(&self) -> NewObject {
        let labels = [
            (LEAD_ID, self.lead_id.to_string()),
            (EVENT_ID, self.identity.event_id.to_string()),
            (SOURCE, self.identity.source.to_string()),
            (KIND, self.identity.source.kind().to_string()),
            (SHA256, self.sha256.to_string()),
            (ACCEPTED_AT, self.accepted_at.to_string()),
        ];
        let trace = self.traceparent.map(|text| (TRACEPARENT, text.to_owned()));
        let mapping = self.mapping.map(|text| (MAPPING, text.to_owned()));
        let labels = labels.into_iter().chain(trace).chain(mapping);
        NewObject {
            bytes: self.body.to_vec(),
            metadata: labels
                .map(|(name, value)| (name.to_owned(), value))
                .collect(),
        }
    }
}

impl<S: ObjectStore> Ledger<'_, S> {
    /// Reads the raw object of an event, which its revisions share.
    pub async fn raw(self, name: &EventName) -> Result<RawState, PortError> {
        Ok(
            match self
                .read_kind(READ, Kind::Raw, name, OBJECT_BYTES_MAX)
                .await?
            {
                Read::Found(object) => match Tombstone::decode(&object) {
                    Some(tombstone) => RawState::Forgotten(tombstone),
                    None => RawState::Stored(Box::new(Raw::decode(name, object))),
                },
                Read::Missing => RawState::Absent,
                Read::TooLarge => RawState::TooLarge,
            },
        )
    }

    /// Stores an event under a name that holds none.
    pub(crate) async fn create_raw(
        self,
        name: &EventName,
        new: &NewRaw<'_>,
    ) -> Result<Created, PortError> {
        self.create(Kind::Raw, name, new.encode()).await
    }

    /// Writes a tombstone over the version that was read, or where there is none. False where another was faster.
    pub(crate) async fn write_tombstone(
        self,
        name: &EventName,
        over: Option<&ETag>,
        (at, identity): (Timestamp, Option<&str>),
    ) -> Result<bool, PortError> {
        let tombstone = Tombstone::encode(at, identity);
        let Some(over) = over else {
            let created = self.create(Kind::Raw, name, tombstone).await?;
            return Ok(matches!(created, Created::New(_)));
        };
        let (bucket, key) = (Kind::Raw.bucket(), Kind::Raw.key(name));
        let replaced = self.store.replace(bucket, &key, over, tombstone).await?;
        Ok(matches!(replaced, Replaced::New(_)))
    }
}
