//! Where an event's bytes go: a key that every retry of the same event meets again, created once, never overwritten (docs/PROTOCOL.md, Identity and slots).

use crate::ledger::{FirstDelivery, Ledger, NewRaw, Raw, RawState, Tombstone, new_dedupe};
use crate::observe::{CallFailed, Subject};
use crate::port::{Bucket, Created, Home, NewObject, ObjectStore, PortError};
use crate::trace::TraceContext;
use jiff::Timestamp;
use leadwire_domain::key::{EventName, Identity};
use leadwire_domain::lead::id::{LeadId, Sha256Hex};
use leadwire_domain::limits::SLOTS_MAX;

/// An event that is to be stored.
#[derive(Debug)]
pub(super) struct NewEvent<'a> {
    pub(super) lead_id: &'a LeadId,
    pub(super) identity: Identity<'a>,
    /// The event's own time.
    pub(super) time: Option<Timestamp>,
    /// Whether every delivery of the event brings that time.
    pub(super) is_time_fixed: bool,
    /// Whether the id is the sender's, so that a retry brings it again.
    pub(super) has_own_id: bool,
    /// How its source has it read.
    pub(super) mapping: Option<&'a str>,
    pub(super) body: &'a [u8],
    /// The digest of the body.
    pub(super) sha256: Sha256Hex,
    pub(super) received_at: Timestamp,
    pub(super) trace: &'a TraceContext,
}

/// Where an event is stored.
#[derive(Debug)]
pub(super) struct StoredEvent {
    pub(super) name: EventName,
    /// The lead that its first delivery named.
    pub(super) lead_id: LeadId,
    pub(super) accepted_at: Timestamp,
    pub(super) sha256: Sha256Hex,
    pub(super) duplicate: bool,
    pub(super) conflicting: bool,
    /// Whether the event was forgotten on request: it is not stored, and needs no trigger.
    pub(super) forgotten: bool,
}

/// What a key that the event may have turned out to be.
enum KeyCandidate {
    Ours(StoredEvent),
    AnotherEvent,
}

impl NewEvent<'_> {
    /// Stores the event, or finds it where an earlier delivery stored it.
    pub(super) async fn store_once<H: Home>(&self, home: &H) -> Result<StoredEvent, PortError> {
        let ledger = Ledger::new(home.store());
        let first = self.first(ledger).await?;
        if first.name != EventName::new(self.lead_id, first.time)
            && let Some(stored) = self.of_another_lead(ledger, &first).await?
        {
            return Ok(stored);
        }
        for slot in 0..SLOTS_MAX {
            let name = EventName::in_slot(self.lead_id, first.time, &self.identity, slot);
            if let KeyCandidate::Ours(stored) = self.try_key(ledger, name).await? {
                return Ok(stored);
            }
        }
        Err(PortError::transient(
            "find a free key",
            "every slot holds another event of this lead and time",
        ))
    }

    /// What the event leaves where nothing of it is there yet, and where it is stored then.
    pub(super) fn as_new(&self) -> (StoredEvent, Vec<(Bucket, String, NewObject)>) {
        let first = self.as_first();
        let entry = || new_dedupe(self.lead_id, &self.identity, first.time);
        let entry = self.needs_identity_entry().then(entry);
        let raw = self.raw().placed(&first.name);
        let objects = entry.into_iter().chain([raw]).collect();
        (self.stored_now(first.name), objects)
    }

    /// This delivery as the event's first.
    fn as_first(&self) -> FirstDelivery {
        let time = self.time.unwrap_or(self.received_at);
        FirstDelivery {
            time,
            name: EventName::new(self.lead_id, time),
        }
    }

    fn needs_identity_entry(&self) -> bool {
        let is_fixed = self.is_time_fixed && self.time.is_some();
        self.has_own_id && !is_fixed
    }

    /// The first delivery of the event: this one where its form fixes its time, or where it has no id, by which there could be another; else
    /// the one that the identity entry keeps.
    async fn first<S: ObjectStore>(
        &self,
        ledger: Ledger<'_, S>,
    ) -> Result<FirstDelivery, PortError> {
        let this = self.as_first();
        if !self.needs_identity_entry() {
            return Ok(this);
        }
        let created = ledger.create_dedupe(self.lead_id, &self.identity, this.time);
        let created = created.await;
        if matches!(created, Ok(Created::New(_))) {
            return Ok(this);
        }
        // There already, or the reply was lost: what is stored counts.
        let stored = ledger.first_delivery(&self.identity).await?;
        stored.ok_or_else(|| lost_write(created.err(), "write the identity entry"))
    }

    /// The event where the first delivery named another lead: it stays that lead's. Where nothing came of that delivery, it was never accepted,
    /// and does not count.
    async fn of_another_lead<S: ObjectStore>(
        &self,
        ledger: Ledger<'_, S>,
        first: &FirstDelivery,
    ) -> Result<Option<StoredEvent>, PortError> {
        for slot in 0..SLOTS_MAX {
            let name = first.name.clone().moved(first.time, &self.identity, slot);
            let found = match ledger.raw(&name).await? {
                RawState::Stored(raw) => self.recognise(name, &raw),
                RawState::Forgotten(tombstone) => self.forgotten(name, &tombstone),
                RawState::Absent => return Ok(None),
                RawState::TooLarge => KeyCandidate::AnotherEvent,
            };
            if let KeyCandidate::Ours(stored) = found {
                return Ok(Some(stored));
            }
        }
        Ok(None)
    }

    async fn try_key<S: ObjectStore>(
        &self,
        ledger: Ledger<'_, S>,
        name: EventName,
    ) -> Result<KeyCandidate, PortError> {
        let created = ledger.create_raw(&name, &self.raw()).await;
        if matches!(created, Ok(Created::New(_))) {
            return Ok(KeyCandidate::Ours(self.stored_now(name)));
        }
        if let Err(error) = &created {
            let subject = self.subject();
            CallFailed { subject, error }.emit();
        }
        // Something is there, or the reply was lost: read it back and compare.
        match ledger.raw(&name).await? {
            RawState::Stored(raw) => Ok(self.recognise(name, &raw)),
            RawState::Forgotten(tombstone) => Ok(self.forgotten(name, &tombstone)),
            RawState::Absent | RawState::TooLarge => {
                Err(lost_write(created.err(), "write the raw object"))
            }
        }
    }

    /// A forgotten event is never stored again; the key of another forgotten event is not taken.
    fn forgotten(&self, name: EventName, tombstone: &Tombstone) -> KeyCandidate {
        if tombstone.identity.as_ref() != Some(&self.identity.dedupe_key()) {
            return KeyCandidate::AnotherEvent;
        }
        KeyCandidate::Ours(StoredEvent {
            duplicate: true,
            forgotten: true,
            ..self.stored_now(name)
        })
    }

    /// Whether the object that is there is this event's.
    fn recognise(&self, name: EventName, raw: &Raw) -> KeyCandidate {
        if !raw.is_of(&self.identity) {
            return KeyCandidate::AnotherEvent;
        }
        let source = self.identity.source;
        let lead_id = raw.lead_id_label().and_then(|id| LeadId::parse(id).ok());
        KeyCandidate::Ours(StoredEvent {
            name,
            lead_id: lead_id.unwrap_or_else(|| self.lead_id.clone()),
            accepted_at: raw.accepted_at(),
            sha256: raw.sha256(),
            // Our own write whose reply was lost is not a duplicate.
            duplicate: !raw.was_stored_by(&self.raw()),
            conflicting: !source.kind().is_same_content(raw.bytes(), self.body),
            forgotten: false,
        })
    }

    fn stored_now(&self, name: EventName) -> StoredEvent {
        StoredEvent {
            name,
            lead_id: self.lead_id.clone(),
            accepted_at: self.received_at,
            sha256: self.sha256,
            duplicate: false,
            conflicting: false,
            forgotten: false,
        }
    }

    fn raw(&self) -> NewRaw<'_> {
        NewRaw {
            lead_id: self.lead_id,
            identity: self.identity,
            accepted_at: self.received_at,
            traceparent: self.trace.traceparent.as_deref(),
            mapping: self.mapping,
            body: self.body,
            sha256: self.sha256,
        }
    }

    fn subject(&self) -> Subject<'_> {
        let Identity { source, event_id } = self.identity;
        Subject::of(self.lead_id, event_id, source)
    }
}

/// A write that left nothing behind: its own error, or a conflict that vanished again.
fn lost_write(error: Option<PortError>, action: &'static str) -> PortError {
    error.unwrap_or_else(|| {
        PortError::transient(action, "another write was under way and left nothing")
    })
}
