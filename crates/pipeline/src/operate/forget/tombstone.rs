//! The tombstone: `mail/X`, settled as forgotten. Enrichment, a redrive and the bare form acknowledge such an event, the sweep passes it
//! over, and ingest does not store it again.

use super::{Forget, FoundEvent};
use crate::ledger::{ClaimState, Kind, Marker};
use crate::port::{Clock, Eraser, Home, PortError};
use jiff::Timestamp;
use leadwire_domain::claim::Settled;
use leadwire_domain::key::EventName;

/// Writes that may lose against workers before it gives up. An event has few.
const TRIES_MAX: u32 = 16;
const ACTION: &str = "mark the event as forgotten";

impl<H: Home> Forget<H>
where
    H::Store: Eraser,
{
    /// Settles an event and the claims of its revisions as forgotten. Returns since when the event is.
    pub(super) async fn tombstone(&self, event: &FoundEvent) -> Result<Timestamp, PortError> {
        let identity = event.identity.as_deref();
        let at = self.settle(&event.name, identity, true).await?;
        self.tombstone_revisions(&event.name).await?;
        Ok(at)
    }

    /// A revision that was never claimed needs no tombstone: its event's is read first.
    pub(super) async fn tombstone_revisions(&self, name: &EventName) -> Result<(), PortError> {
        let claimed = self.ledger().revisions(Kind::Claim, name).await?;
        for revision in claimed.into_iter().filter(|name| name.revision() > 0) {
            self.settle(&revision, None, false).await?;
        }
        Ok(())
    }

    /// Settles a claim as forgotten, whatever it was. A live one need not be waited for: its worker ends within the lease that is waited
    /// anyway, and finds the tombstone instead of its claim.
    async fn settle(
        &self,
        name: &EventName,
        identity: Option<&str>,
        is_made: bool,
    ) -> Result<Timestamp, PortError> {
        for _ in 0..TRIES_MAX {
            let there = match self.ledger().claim(name).await? {
                ClaimState::Absent if is_made => None,
                ClaimState::Absent => return Ok(self.home.clock().now()),
                ClaimState::Settled(marker, _) if is_forgotten(&marker, identity) => {
                    return Ok(marker.at);
                }
                ClaimState::Settled(_, etag)
                | ClaimState::Claimed(_, etag)
                | ClaimState::Unreadable(Some(etag)) => Some(etag),
                ClaimState::Unreadable(None) => {
                    return Err(PortError::permanent(ACTION, "its claim is too large"));
                }
            };
            let tombstone = Marker {
                identity: identity.map(str::to_owned),
                ..Marker::new(Settled::Forgotten, self.home.clock().now())
            };
            let written = self.ledger().settle(name, there.as_ref(), &tombstone);
            if written.await?.is_some() {
                return Ok(tombstone.at);
            }
        }
        Err(PortError::transient(
            ACTION,
            "others keep writing its claim",
        ))
    }
}

/// Whether a marker says that the event is forgotten, and which it was, as far as that is known.
fn is_forgotten(marker: &Marker, identity: Option<&str>) -> bool {
    marker.how == Settled::Forgotten
        && (identity.is_none() || marker.identity.as_deref() == identity)
}
