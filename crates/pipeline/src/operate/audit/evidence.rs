//! What is stored about one event, read. A marker is read before the document that it rests on, which was written before it: so work that
//! goes on meanwhile is never mistaken for a flaw.

use crate::ledger::raw::label;
use crate::port::{Bucket, Fetched, Home, ObjectStore, PortError, StoredObject};
use crate::stage::ingest::place::meta;
use futures_util::future::try_join_all;
use jiff::Timestamp;
use leadwire_domain::claim::{Claim, META_SETTLED_AT, META_STATE, Settled};
use leadwire_domain::key::EventName;
use leadwire_domain::lead::document::parse_enriched;
use leadwire_domain::lead::id::{LeadId, Sha256Hex};
use leadwire_domain::limits::{MESSAGE_BYTES_MAX, OBJECT_BYTES_MAX};
use std::collections::BTreeSet;

/// Everything about an event and its revisions.
#[derive(Clone, Debug)]
pub(super) struct Evidence {
    pub(super) name: EventName,
    pub(super) raw: Raw,
    /// The event itself.
    pub(super) event: Trace,
    /// Its replays.
    pub(super) replays: Vec<Trace>,
    /// When the sweep enqueued it last.
    pub(super) swept_at: Option<Timestamp>,
}

/// The raw object.
#[derive(Clone, Debug)]
pub(super) enum Raw {
    Missing,
    There(RawFacts),
}

/// What a raw object says, and what is said of it.
#[derive(Clone, Debug)]
pub(super) struct RawFacts {
    pub(super) stored_at: Timestamp,
    pub(super) sha256: Sha256Hex,
    /// The digest in the metadata, where there is one.
    pub(super) given_sha256: Option<String>,
    /// The lead in the body, where that is an event.
    pub(super) lead_id: Option<LeadId>,
    /// The lead in the metadata, where there is one.
    pub(super) given_lead_id: Option<String>,
}

/// What one revision left.
#[derive(Clone, Debug)]
pub(super) struct Trace {
    pub(super) name: EventName,
    pub(super) mail: Mail,
    pub(super) document: Document,
    /// Whether `failed/` says why it failed. Not asked of what is settled.
    pub(super) has_failed: bool,
}

/// What lies at `mail/X`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Mail {
    Absent,
    Sent,
    Forgotten { at: Timestamp },
    Claimed(Claim),
    Unreadable,
}

/// What lies at `enriched/X`.
#[derive(Clone, Debug)]
pub(super) enum Document {
    Absent,
    Unreadable,
    There {
        lead_id: LeadId,
        raw_key: String,
        raw_sha256: Sha256Hex,
    },
}

impl Evidence {
    pub(super) async fn read<H: Home>(
        home: &H,
        name: &EventName,
        revisions: &BTreeSet<u32>,
    ) -> Result<Self, PortError> {
        let event = read_trace(home, name.clone());
        let replays = revisions.iter().filter(|revision| **revision > 0);
        let replays = try_join_all(
            replays.map(|revision| read_trace(home, name.clone().with_revision(*revision))),
        );
        let (event, replays) = tokio::try_join!(event, replays)?;
        let raw = read_raw(home, name).await?;
        let swept_at = if event.mail.is_settled() {
            None
        } else {
            let swept = get(home, &name.swept_key(), MESSAGE_BYTES_MAX).await?;
            found(swept).map(|count| count.last_modified)
        };
        Ok(Self {
            name: name.clone(),
            raw,
            event,
            replays,
            swept_at,
        })
    }
}

impl Mail {
    pub(super) fn is_settled(&self) -> bool {
        matches!(self, Self::Sent | Self::Forgotten { .. })
    }
}

async fn read_trace<H: Home>(home: &H, name: EventName) -> Result<Trace, PortError> {
    let mail = match get(home, &name.mail_key(), MESSAGE_BYTES_MAX).await? {
        Fetched::Found(object) => read_mail(&object),
        Fetched::Missing => Mail::Absent,
        Fetched::Denied | Fetched::TooLarge => Mail::Unreadable,
    };
    let document = match get(home, &name.enriched_key(), OBJECT_BYTES_MAX).await? {
        Fetched::Found(object) => read_document(&object),
        Fetched::Missing => Document::Absent,
        Fetched::Denied | Fetched::TooLarge => Document::Unreadable,
    };
    let has_failed = !mail.is_settled()
        && found(get(home, &name.failed_key(), MESSAGE_BYTES_MAX).await?).is_some();
    Ok(Trace {
        name,
        mail,
        document,
        has_failed,
    })
}

async fn read_raw<H: Home>(home: &H, name: &EventName) -> Result<Raw, PortError> {
    let key = name.raw_key();
    let fetched = home
        .store()
        .get(Bucket::Raw, &key, OBJECT_BYTES_MAX)
        .await?;
    let object = match fetched {
        Fetched::Found(object) => object,
        Fetched::Missing => return Ok(Raw::Missing),
        Fetched::Denied | Fetched::TooLarge => {
            return Err(PortError::permanent(
                "read the raw object",
                format!("{key} is denied or too large"),
            ));
        }
    };
    let text = |key: &str| object.metadata.get(key).cloned();
    Ok(Raw::There(RawFacts {
        stored_at: object.last_modified,
        sha256: Sha256Hex::of(&object.bytes),
        given_sha256: text(meta::SHA256),
        lead_id: label(&object, &name.to_string()).map(|raw| raw.lead_id),
        given_lead_id: text(meta::LEAD_ID),
    }))
}

/// As the stage reads it: an empty object is settled whatever its metadata say.
fn read_mail(object: &StoredObject) -> Mail {
    if !object.bytes.is_empty() {
        return serde_json::from_slice(&object.bytes).map_or(Mail::Unreadable, Mail::Claimed);
    }
    let text = |name: &str| object.metadata.get(name);
    match text(META_STATE).and_then(|state| Settled::from_name(state)) {
        Some(Settled::Forgotten) => Mail::Forgotten {
            at: text(META_SETTLED_AT)
                .and_then(|at| at.parse().ok())
                .unwrap_or(object.last_modified),
        },
        // A replay that mails nobody has come to its end like any other.
        Some(Settled::Sent | Settled::Silent) | None => Mail::Sent,
    }
}

fn read_document(object: &StoredObject) -> Document {
    parse_enriched(&object.bytes).map_or(Document::Unreadable, |document| Document::There {
        lead_id: document.lead_id,
        raw_key: document.provenance.raw_key,
        raw_sha256: document.provenance.raw_sha256,
    })
}

async fn get<H: Home>(home: &H, key: &str, bytes_max: usize) -> Result<Fetched, PortError> {
    home.store().get(Bucket::Enriched, key, bytes_max).await
}

fn found(fetched: Fetched) -> Option<StoredObject> {
    match fetched {
        Fetched::Found(object) => Some(object),
        Fetched::Missing | Fetched::Denied | Fetched::TooLarge => None,
    }
}
