//! Whose an event is: what is stored says so, and a key only where nothing else does.

use super::Forget;
use crate::ledger::{ClaimState, Kind, Marker, OwnerState, RawState};
use crate::port::{Bucket, Clock as _, Eraser, Home, PortError};
use futures_util::future::try_join_all;
use jiff::Timestamp;
use leadwire_domain::claim::Settled;
use leadwire_domain::key::EventName;
use leadwire_domain::lead::id::LeadId;

/// Events that are read at once.
const READS_AT_ONCE: usize = 32;

/// Everything that is stored about a lead.
#[derive(Clone, Debug)]
pub struct Found {
    /// The lead.
    pub lead_id: LeadId,
    /// Its events.
    pub events: Vec<FoundEvent>,
    /// Those that are forgotten already, but for less than a lease: a worker that began before may still leave something of them.
    pub recent: Vec<FoundEvent>,
    /// Whether there is an owner file.
    pub owner_file: bool,
}

/// An event of the lead.
#[derive(Clone, Debug)]
pub struct FoundEvent {
    /// Its name.
    pub name: EventName,
    /// What is stored of it and will be deleted; nothing where only its marks are unfinished.
    pub keys: Vec<(Bucket, String)>,
    /// What a CRM's retry is known by, where anything says it.
    pub(super) identity: Option<String>,
    /// Versions of its raw object.
    pub(super) raw_versions: u64,
    /// Since when all its marks are there.
    marked_at: Option<Timestamp>,
}

impl<H: Home> Forget<H>
where
    H::Store: Eraser,
{
    /// Finds what is stored about a lead. It changes nothing.
    pub async fn find(&self, lead_id: &LeadId) -> Result<Found, PortError> {
        let candidates = self.ledger().candidates(lead_id).await?;
        let mut names: Vec<EventName> = candidates.into_iter().collect();
        let mut found = Found {
            lead_id: lead_id.clone(),
            events: Vec::new(),
            recent: Vec::new(),
            owner_file: false,
        };
        while !names.is_empty() {
            let rest = names.split_off(names.len().min(READS_AT_ONCE));
            let loads = names.into_iter().map(|name| self.load(lead_id, name));
            for event in try_join_all(loads).await?.into_iter().flatten() {
                self.sort_in(event, &mut found);
            }
            names = rest;
        }
        let owner = self.ledger().owner(lead_id).await?;
        found.owner_file = matches!(owner, OwnerState::Stored(_) | OwnerState::TooLarge);
        Ok(found)
    }

    /// An event of which nothing but its marks is left is forgotten; once a lease has passed, that is certain.
    fn sort_in(&self, event: FoundEvent, found: &mut Found) {
        match event.marked_at.filter(|_marked| event.keys.is_empty()) {
            None => found.events.push(event),
            Some(at) if self.home.clock().now().duration_since(at) < self.config.lease => {
                found.recent.push(event);
            }
            Some(_) => {}
        }
    }

    /// The event, where it is the lead's.
    async fn load(
        &self,
        lead_id: &LeadId,
        name: EventName,
    ) -> Result<Option<FoundEvent>, PortError> {
        let ledger = self.ledger();
        let left = ledger.left(&name).await?;
        let owner = ledger.ownership(&name, &left).await?;
        let is_wanted = match &owner.lead_id {
            Some(owner) => owner == lead_id,
            None => name.may_be_of(lead_id),
        };
        let is_there = !left.keys.is_empty() || matches!(left.raw, RawState::Forgotten(_));
        if !is_wanted || !is_there {
            return Ok(None);
        }
        let marks = self.marks(&name).await?;
        let said = marks
            .iter()
            .flatten()
            .find_map(|mark| mark.identity.clone());
        let identity = owner.identity.or(said);
        let marked_at = match &left.raw {
            RawState::Forgotten(tombstone) if tombstone.is_of(identity.as_deref()) => {
                later(tombstone.at, &marks)
            }
            RawState::Forgotten(_)
            | RawState::Absent
            | RawState::TooLarge
            | RawState::Stored(_) => None,
        };
        Ok(Some(FoundEvent {
            name,
            keys: left.keys,
            identity,
            raw_versions: left.raw_versions,
            marked_at,
        }))
    }

    /// The marks of an event's claim and of those of its revisions; nothing for one that has none yet.
    async fn marks(&self, name: &EventName) -> Result<Vec<Option<Marker>>, PortError> {
        let ledger = self.ledger();
        let mut names = ledger.revisions(Kind::Claim, name).await?;
        names.retain(|name| name.revision() > 0);
        names.push(name.clone());
        let mut marks = Vec::with_capacity(names.len());
        for name in names {
            let claim = ledger.claim(&name).await?;
            marks.push(match claim {
                ClaimState::Settled(marker, _) if marker.how == Settled::Forgotten => Some(marker),
                ClaimState::Absent
                | ClaimState::Settled(..)
                | ClaimState::Claimed(..)
                | ClaimState::Unreadable(_) => None,
            });
        }
        Ok(marks)
    }
}

/// The latest mark, where there are all.
fn later(tombstone_at: Timestamp, marks: &[Option<Marker>]) -> Option<Timestamp> {
    marks.iter().try_fold(tombstone_at, |latest, mark| {
        Some(latest.max(mark.as_ref()?.at))
    })
}
