//! Where an event's bytes go: a key that every retry of the same event meets again, created once, never overwritten (docs/PROTOCOL.md, Identity and slots).

use crate::observe::{CallFailed, Subject};
use crate::port::{
    Bucket, Created, Fetched, Home, Metadata, NewObject, ObjectStore, PortError, StoredObject,
};
use crate::trace::{TRACEPARENT, TraceContext};
use jiff::Timestamp;
use leadwire_domain::claim::{META_IDENTITY, META_STATE, Settled};
use leadwire_domain::key::{EventName, Identity};
use leadwire_domain::lead::id::{LeadId, Sha256Hex};
use leadwire_domain::limits::{BODY_BYTES_MAX, SLOTS_MAX};
use serde::{Deserialize, Serialize};

/// The names of a raw object's metadata.
pub(crate) mod meta {
    pub(crate) const LEAD_ID: &str = "lead-id";
    pub(crate) const EVENT_ID: &str = "event-id";
    pub(crate) const SOURCE: &str = "source";
    pub(crate) const SHA256: &str = "sha256";
    pub(crate) const ACCEPTED_AT: &str = "accepted-at";
}

/// An event that is to be stored.
#[derive(Debug)]
pub(super) struct Arrival<'a> {
    pub(super) lead_id: &'a LeadId,
    pub(super) identity: Identity<'a>,
    /// The event's own time.
    pub(super) time: Option<Timestamp>,
    /// Whether the id is the sender's, so that a retry brings it again.
    pub(super) has_own_id: bool,
    pub(super) body: &'a [u8],
    pub(super) received_at: Timestamp,
    pub(super) trace: &'a TraceContext,
}

/// Where an event lies now.
#[derive(Debug)]
pub(super) struct Placed {
    pub(super) name: EventName,
    pub(super) accepted_at: Timestamp,
    pub(super) sha256: Sha256Hex,
    pub(super) duplicate: bool,
    pub(super) conflicting: bool,
    /// Whether the event has come to its end already, so that it needs no trigger.
    pub(super) settled: bool,
}

/// What became of one slot.
enum Slot {
    Ours(Placed),
    AnotherEvent,
}

/// What `dedupe/…` remembers of an event without a time of its own.
#[derive(Serialize, Deserialize)]
struct Chosen {
    v: u32,
    raw_key: String,
    time: Timestamp,
}

impl Arrival<'_> {
    fn subject(&self) -> Subject<'_> {
        Subject {
            lead_id: Some(self.lead_id),
            event_id: Some(self.identity.event_id),
            source: Some(self.identity.source),
        }
    }

    /// Stores the event, or finds it where an earlier delivery stored it.
    pub(super) async fn place<H: Home>(&self, home: &H) -> Result<Placed, PortError> {
        let time = self.key_time(home).await?;
        for slot in 0..SLOTS_MAX {
            let name = EventName::in_slot(self.lead_id, time, &self.identity, slot);
            if let Slot::Ours(placed) = self.try_slot(home, name).await? {
                return Ok(placed);
            }
        }
        Err(PortError::transient(
            "find a free key",
            "every slot holds another event of this lead and time",
        ))
    }

    /// The time in the key: the event's own, else the one that was chosen when the event's id came first, else now.
    async fn key_time<H: Home>(&self, home: &H) -> Result<Timestamp, PortError> {
        match self.time {
            Some(time) => Ok(time),
            None if self.has_own_id => self.chosen_time(home).await,
            None => Ok(self.received_at),
        }
    }

    async fn chosen_time<H: Home>(&self, home: &H) -> Result<Timestamp, PortError> {
        let key = self.identity.dedupe_key();
        let raw_key = EventName::new(self.lead_id, self.received_at).raw_key();
        let chosen = Chosen {
            v: 1,
            raw_key,
            time: self.received_at,
        };
        let body = serde_json::to_vec(&chosen).expect("plain fields always serialise");
        let created = home
            .store()
            .create(Bucket::Enriched, &key, NewObject::of(body))
            .await;
        if matches!(created, Ok(Created::New(_))) {
            return Ok(self.received_at);
        }
        // There already, or the reply was lost: what is stored counts.
        match home
            .store()
            .get(Bucket::Enriched, &key, BODY_BYTES_MAX)
            .await?
        {
            Fetched::Found(object) => {
                let chosen: Chosen = serde_json::from_slice(&object.bytes)
                    .map_err(|error| PortError::permanent("read the dedupe entry", error))?;
                Ok(chosen.time)
            }
            Fetched::Missing | Fetched::Denied | Fetched::TooLarge => {
                Err(lost_write(created.err(), "write the dedupe entry"))
            }
        }
    }

    async fn try_slot<H: Home>(&self, home: &H, name: EventName) -> Result<Slot, PortError> {
        let settled = match home
            .store()
            .get(Bucket::Enriched, &name.mail_key(), BODY_BYTES_MAX)
            .await?
        {
            Fetched::Found(marker) if is_forgotten(&marker) => {
                return Ok(self.forgotten(name, &marker));
            }
            Fetched::Found(marker) => marker.bytes.is_empty(),
            Fetched::Missing | Fetched::Denied | Fetched::TooLarge => false,
        };
        let (store, key) = (home.store(), name.raw_key());
        let created = store.create(Bucket::Raw, &key, self.object()).await;
        if matches!(created, Ok(Created::New(_))) {
            return Ok(Slot::Ours(self.placed(name)));
        }
        if let Err(error) = &created {
            CallFailed {
                subject: self.subject(),
                error,
            }
            .emit();
        }
        // Something is there, or the reply was lost: read it back and compare.
        match store.get(Bucket::Raw, &key, BODY_BYTES_MAX).await? {
            Fetched::Found(stored) => Ok(self.recognise(name, &stored, settled)),
            Fetched::Missing | Fetched::Denied | Fetched::TooLarge => {
                Err(lost_write(created.err(), "write the raw object"))
            }
        }
    }

    /// A forgotten event is never stored again; a slot that belonged to another event is taken.
    fn forgotten(&self, name: EventName, marker: &StoredObject) -> Slot {
        if marker
            .metadata
            .get(META_IDENTITY)
            .is_none_or(|identity| *identity != self.identity.dedupe_key())
        {
            return Slot::AnotherEvent;
        }
        Slot::Ours(Placed {
            duplicate: true,
            settled: true,
            ..self.placed(name)
        })
    }

    /// Whether what lies there is this event.
    fn recognise(&self, name: EventName, stored: &StoredObject, settled: bool) -> Slot {
        let same = |key: &str, value: &str| {
            stored
                .metadata
                .get(key)
                .is_some_and(|stored| stored == value)
        };
        let is_same = same(meta::EVENT_ID, self.identity.event_id.as_str())
            && same(meta::SOURCE, self.identity.source.as_str());
        if !is_same {
            return Slot::AnotherEvent;
        }
        let sha256 = Sha256Hex::of(&stored.bytes);
        let accepted_at = stored
            .metadata
            .get(meta::ACCEPTED_AT)
            .and_then(|at| at.parse().ok())
            .unwrap_or(stored.last_modified);
        // Our own write whose reply was lost is not a duplicate: nobody else has our trace.
        let ours = self
            .trace
            .traceparent
            .as_deref()
            .is_some_and(|trace| same(TRACEPARENT, trace))
            && accepted_at == self.received_at;
        let conflicting = sha256 != Sha256Hex::of(self.body);
        Slot::Ours(Placed {
            name,
            accepted_at,
            sha256,
            duplicate: !ours,
            conflicting,
            settled,
        })
    }

    fn placed(&self, name: EventName) -> Placed {
        Placed {
            name,
            accepted_at: self.received_at,
            sha256: Sha256Hex::of(self.body),
            duplicate: false,
            conflicting: false,
            settled: false,
        }
    }

    fn object(&self) -> NewObject {
        let mut metadata = Metadata::from([
            (meta::LEAD_ID.to_owned(), self.lead_id.to_string()),
            (
                meta::EVENT_ID.to_owned(),
                self.identity.event_id.to_string(),
            ),
            (meta::SOURCE.to_owned(), self.identity.source.to_string()),
            (
                meta::SHA256.to_owned(),
                Sha256Hex::of(self.body).to_string(),
            ),
            (meta::ACCEPTED_AT.to_owned(), self.received_at.to_string()),
        ]);
        if let Some(traceparent) = &self.trace.traceparent {
            metadata.insert(TRACEPARENT.to_owned(), traceparent.clone());
        }
        NewObject {
            bytes: self.body.to_vec(),
            metadata,
        }
    }
}

fn is_forgotten(marker: &StoredObject) -> bool {
    marker.bytes.is_empty()
        && marker
            .metadata
            .get(META_STATE)
            .is_some_and(|state| state == Settled::Forgotten.as_str())
}

/// A write that left nothing behind: its own error, or a conflict that vanished again.
fn lost_write(error: Option<PortError>, action: &'static str) -> PortError {
    error.unwrap_or_else(|| {
        PortError::transient(action, "another write was under way and left nothing")
    })
}
