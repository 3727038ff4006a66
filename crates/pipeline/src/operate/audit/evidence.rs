//! What is stored about one event, read. A marker is read before the document that it rests on, which was written before it: so work that
//! goes on meanwhile is never mistaken for a flaw.

use crate::ledger::{ClaimState, DocumentState, EventEffects, Ledger, Raw, RawState};
use crate::port::{ObjectStore, PortError};
use futures_util::future::try_join_all;
use jiff::Timestamp;
use leadwire_domain::claim::Settled;
use leadwire_domain::effect::Standing;
use leadwire_domain::key::EventName;
use leadwire_domain::lead::id::{LeadId, Sha256Hex};
use std::collections::BTreeSet;

/// Everything about an event and its revisions.
#[derive(Clone, Debug)]
pub(super) struct Evidence {
    pub(super) name: EventName,
    /// The raw object, where there is one.
    pub(super) raw: Option<RawFacts>,
    /// Since when a tombstone lies in its place.
    pub(super) tombstone_at: Option<Timestamp>,
    /// The event itself.
    pub(super) event: RevisionState,
    /// Its replays.
    pub(super) replays: Vec<RevisionState>,
    /// When the sweep enqueued it last.
    pub(super) swept_at: Option<Timestamp>,
}

/// What a raw object says, and what its labels say of it.
#[derive(Clone, Debug)]
pub(super) struct RawFacts {
    pub(super) stored_at: Timestamp,
    pub(super) sha256: Sha256Hex,
    pub(super) sha256_label: Option<String>,
    /// The lead in the body, where that is an event.
    pub(super) lead_id: Option<LeadId>,
    pub(super) lead_id_label: Option<String>,
}

impl RawFacts {
    fn of(raw: &Raw) -> Self {
        Self {
            stored_at: raw.stored_at(),
            sha256: raw.sha256(),
            sha256_label: raw.sha256_label().map(str::to_owned),
            lead_id: raw.event().map(|event| event.lead_id),
            lead_id_label: raw.lead_id_label().map(str::to_owned),
        }
    }
}

/// What one revision left.
#[derive(Clone, Debug)]
pub(super) struct RevisionState {
    pub(super) name: EventName,
    pub(super) claim: ClaimState,
    pub(super) document: DocumentState,
    /// Whether `failed/` says why it failed. Not asked of what is settled.
    pub(super) has_failed: bool,
}

impl Evidence {
    pub(super) async fn read<S: ObjectStore>(
        ledger: Ledger<'_, S>,
        name: &EventName,
        revisions: &BTreeSet<u32>,
    ) -> Result<Self, PortError> {
        let event = RevisionState::read(ledger, name.clone());
        let replays = revisions.iter().filter(|revision| **revision > 0);
        let replays =
            try_join_all(replays.map(|revision| {
                RevisionState::read(ledger, name.clone().with_revision(*revision))
            }));
        let (event, replays) = tokio::try_join!(event, replays)?;
        let mut tombstone_at = None;
        let raw = match ledger.raw(name).await? {
            RawState::Absent => None,
            RawState::Forgotten(tombstone) => {
                tombstone_at = Some(tombstone.at);
                None
            }
            RawState::Stored(raw) => Some(RawFacts::of(&raw)),
            RawState::TooLarge => {
                return Err(PortError::permanent(
                    "read the raw object",
                    format!("{} is too large", name.raw_key()),
                ));
            }
        };
        let swept_at = match event.claim.settled() {
            None => ledger.swept_at(name).await?,
            Some(_) => None,
        };
        Ok(Self {
            name: name.clone(),
            raw,
            tombstone_at,
            event,
            replays,
            swept_at,
        })
    }
}

impl RevisionState {
    async fn read<S: ObjectStore>(
        ledger: Ledger<'_, S>,
        name: EventName,
    ) -> Result<Self, PortError> {
        let claim = ledger.claim(&name).await?;
        let document = ledger.document(&name).await?;
        let has_failed = claim.settled().is_none() && ledger.failure(&name).await?.is_some();
        Ok(Self {
            name,
            claim,
            document,
            has_failed,
        })
    }

    /// Since when its marker says that it is forgotten.
    pub(super) fn forgotten_at(&self) -> Option<Timestamp> {
        match &self.claim {
            ClaimState::Settled(marker, _) if marker.how == Settled::Forgotten => Some(marker.at),
            ClaimState::Absent
            | ClaimState::Settled(..)
            | ClaimState::Claimed(..)
            | ClaimState::Unreadable(_) => None,
        }
    }

    /// Whether it has come to its end, other than by being forgotten. A silent replay has come to its end like any other.
    pub(super) fn is_sent(&self) -> bool {
        matches!(self.claim.settled(), Some(Settled::Sent | Settled::Silent))
    }

    /// Whether nothing of it is open or refused, and a person must decide about an effect.
    pub(super) fn is_parked(&self) -> bool {
        EventEffects::of(&self.document, &self.claim).standing() == Standing::Parked
    }

    pub(super) fn has_document(&self) -> bool {
        !matches!(self.document, DocumentState::Absent)
    }
}
