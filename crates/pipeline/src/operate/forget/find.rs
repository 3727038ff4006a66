//! Whose an event is: what is stored says so, and a key only where nothing else does.

use super::Forget;
use crate::ledger::{OwnerState, Ownership};
use crate::port::{Bucket, Eraser, Home, PortError};
use futures_util::future::try_join_all;
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
    /// Whether there is an owner file.
    pub owner_file: bool,
}

/// An event of the lead.
#[derive(Clone, Debug)]
pub struct FoundEvent {
    /// Its name.
    pub name: EventName,
    /// What is stored of it and will be deleted.
    pub keys: Vec<(Bucket, String)>,
    /// What a CRM's retry is known by, where anything says it.
    pub(super) identity: Option<String>,
}

impl<H: Home> Forget<H>
where
    H::Store: Eraser,
{
    /// Finds what is stored about a lead. It changes nothing.
    pub async fn find(&self, lead_id: &LeadId) -> Result<Found, PortError> {
        let candidates = self.ledger().candidates(lead_id).await?;
        let mut names: Vec<EventName> = candidates.into_iter().collect();
        let mut events = Vec::new();
        while !names.is_empty() {
            let rest = names.split_off(names.len().min(READS_AT_ONCE));
            let loads = names.into_iter().map(|name| self.load(lead_id, name));
            events.extend(try_join_all(loads).await?.into_iter().flatten());
            names = rest;
        }
        let owner = self.ledger().owner(lead_id).await?;
        Ok(Found {
            lead_id: lead_id.clone(),
            events,
            owner_file: matches!(owner, OwnerState::Stored(_) | OwnerState::TooLarge),
        })
    }

    /// The event, where it is the lead's.
    async fn load(
        &self,
        lead_id: &LeadId,
        name: EventName,
    ) -> Result<Option<FoundEvent>, PortError> {
        let ledger = self.ledger();
        let keys = ledger.remains(&name).await?;
        let Ownership {
            lead_id: owner,
            identity,
        } = ledger.ownership(&name, &keys).await?;
        let is_wanted = match &owner {
            Some(owner) => owner == lead_id,
            None => name.may_be_of(lead_id),
        };
        Ok((is_wanted && !keys.is_empty()).then_some(FoundEvent {
            name,
            keys,
            identity,
        }))
    }
}
