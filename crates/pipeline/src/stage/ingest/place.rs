//! Where an event's bytes go: a key that every retry of the same event meets again, created once, never overwritten (docs/PROTOCOL.md, Identity and slots).

use crate::ledger::{ClaimState, Ledger, Marker, NewRaw, Raw, RawState};
use crate::observe::{CallFailed, Subject};
use crate::port::{Created, Home, PortError};
use crate::trace::TraceContext;
use jiff::Timestamp;
use leadwire_domain::claim::Settled;
use leadwire_domain::key::{EventName, Identity};
use leadwire_domain::lead::id::{LeadId, Sha256Hex};
use leadwire_domain::limits::SLOTS_MAX;

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
        let ledger = Ledger::new(home.store());
        let created = ledger
            .create_dedupe(self.lead_id, &self.identity, self.received_at)
            .await;
        if matches!(created, Ok(Created::New(_))) {
            return Ok(self.received_at);
        }
        // There already, or the reply was lost: what is stored counts.
        let chosen = ledger.dedupe_time(&self.identity).await?;
        chosen.ok_or_else(|| lost_write(created.err(), "write the dedupe entry"))
    }

    async fn try_slot<H: Home>(&self, home: &H, name: EventName) -> Result<Slot, PortError> {
        let ledger = Ledger::new(home.store());
        let settled = match ledger.claim(&name).await? {
            ClaimState::Settled(marker, _) if marker.how == Settled::Forgotten => {
                return Ok(self.forgotten(name, &marker));
            }
            ClaimState::Settled(..) => true,
            ClaimState::Absent | ClaimState::Claimed(..) | ClaimState::Unreadable(_) => false,
        };
        let created = ledger.create_raw(&name, &self.raw()).await;
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
        match ledger.raw(&name).await? {
            RawState::Stored(stored) => Ok(self.recognise(name, &stored, settled)),
            RawState::Absent | RawState::TooLarge => {
                Err(lost_write(created.err(), "write the raw object"))
            }
        }
    }

    /// A forgotten event is never stored again; a slot that belonged to another event is taken.
    fn forgotten(&self, name: EventName, marker: &Marker) -> Slot {
        if marker.identity.as_ref() != Some(&self.identity.dedupe_key()) {
            return Slot::AnotherEvent;
        }
        Slot::Ours(Placed {
            duplicate: true,
            settled: true,
            ..self.placed(name)
        })
    }

    /// Whether what lies there is this event.
    fn recognise(&self, name: EventName, stored: &Raw, settled: bool) -> Slot {
        if !stored.is_of(&self.identity) {
            return Slot::AnotherEvent;
        }
        let sha256 = stored.sha256();
        Slot::Ours(Placed {
            name,
            accepted_at: stored.accepted_at(),
            sha256,
            // Our own write whose reply was lost is not a duplicate.
            duplicate: !stored.was_stored_by(&self.raw()),
            conflicting: sha256 != Sha256Hex::of(self.body),
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

    fn raw(&self) -> NewRaw<'_> {
        NewRaw {
            lead_id: self.lead_id,
            identity: self.identity,
            accepted_at: self.received_at,
            traceparent: self.trace.traceparent.as_deref(),
            body: self.body,
        }
    }
}

/// A write that left nothing behind: its own error, or a conflict that vanished again.
fn lost_write(error: Option<PortError>, action: &'static str) -> PortError {
    error.unwrap_or_else(|| {
        PortError::transient(action, "another write was under way and left nothing")
    })
}
