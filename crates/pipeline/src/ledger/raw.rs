//! A raw object, read.

use crate::port::StoredObject;
use crate::stage::ingest::place::meta;
use jiff::Timestamp;
use leadwire_domain::json::Object;
use leadwire_domain::lead::id::{EventId, LeadId, Sha256Hex};
use leadwire_domain::source::{EventFilter, Extracted, Source};

/// A raw object, read: what its metadata say, else what its body says.
pub(crate) struct Raw {
    pub(crate) lead_id: LeadId,
    pub(crate) event_id: EventId,
    pub(crate) source: Source,
    pub(crate) accepted_at: Timestamp,
    pub(crate) sha256: Sha256Hex,
    pub(crate) fields: Object,
}

/// What a raw object is, by its metadata; what they lack is read from its body and its `LastModified`, for an object that was put by hand.
pub(crate) fn label(stored: &StoredObject, name: &str) -> Option<Raw> {
    let text = |key: &str| stored.metadata.get(key);
    let (source, event) = match text(meta::SOURCE).and_then(|source| Source::from_name(source)) {
        Some(source) => match source.parse(&stored.bytes, EventFilter::All).ok()? {
            Extracted::Event(event) => (source, *event),
            Extracted::Ignored => return None,
        },
        None => Source::parse_unlabelled(&stored.bytes).ok()?,
    };
    let given_id = text(meta::EVENT_ID).and_then(|id| EventId::parse(id).ok());
    Some(Raw {
        lead_id: event.lead_id,
        event_id: given_id
            .or(event.event_id)
            .or_else(|| EventId::parse(name).ok())?,
        source,
        accepted_at: text(meta::ACCEPTED_AT)
            .and_then(|at| at.parse().ok())
            .unwrap_or(stored.last_modified),
        sha256: Sha256Hex::of(&stored.bytes),
        fields: event.fields,
    })
}
