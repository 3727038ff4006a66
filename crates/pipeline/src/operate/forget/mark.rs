//! The marks: the tombstone over `raw/X`, then `mail/X` and the claims of its revisions, settled as forgotten. The tombstone keeps ingest
//! from storing the event again and enrichment from beginning; a settled claim stops who has begun.

use super::{Forget, FoundEvent};
use crate::ledger::{ClaimState, Kind, Marker, RawState};
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
    /// Marks an event. Returns since when all its marks are there, also of another run.
    pub(super) async fn mark(&self, event: &FoundEvent) -> Result<Timestamp, PortError> {
        let identity = event.identity.as_deref();
        let tombstone_at = self.put_tombstone(&event.name, identity).await?;
        let settled_at = self.settle(&event.name, identity, true).await?;
        let revisions_at = self.settle_revisions(&event.name).await?;
        Ok(tombstone_at
            .max(settled_at)
            .max(revisions_at.unwrap_or(settled_at)))
    }

    /// Puts the tombstone where the raw object lies, or lay.
    async fn put_tombstone(
        &self,
        name: &EventName,
        identity: Option<&str>,
    ) -> Result<Timestamp, PortError> {
        let ledger = self.ledger();
        for _ in 0..TRIES_MAX {
            let over = match ledger.raw(name).await? {
                RawState::Forgotten(tombstone) if tombstone.is_of(identity) => {
                    return Ok(tombstone.at);
                }
                RawState::Forgotten(tombstone) => Some(tombstone.etag),
                RawState::Stored(raw) => Some(raw.etag().clone()),
                RawState::Absent => None,
                // No worker works on what is no event: it may go at once.
                RawState::TooLarge => {
                    ledger.erase_raw(name).await?;
                    None
                }
            };
            let tombstone = (self.home.clock().now(), identity);
            let written = ledger.write_tombstone(name, over.as_ref(), tombstone);
            if written.await? {
                // A worker that read before it was written may have begun later than the time that is in it.
                return Ok(self.home.clock().now());
            }
        }
        Err(PortError::transient(
            ACTION,
            "others keep writing its raw object",
        ))
    }

    /// Settles the claims of an event's revisions. Returns since when; nothing where there are none. A revision that was never claimed
    /// needs no mark: it asks for the tombstone.
    pub(super) async fn settle_revisions(
        &self,
        name: &EventName,
    ) -> Result<Option<Timestamp>, PortError> {
        let claimed = self.ledger().revisions(Kind::Claim, name).await?;
        let mut latest = None;
        for revision in claimed.into_iter().filter(|name| name.revision() > 0) {
            let at = self.settle(&revision, None, false).await?;
            latest = latest.max(Some(at));
        }
        Ok(latest)
    }

    /// Settles a claim as forgotten, whatever it was. A live one need not be waited for: its worker ends within the lease that is waited
    /// anyway, and finds the mark instead of its claim.
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
            let mark = Marker {
                identity: identity.map(str::to_owned),
                ..Marker::new(Settled::Forgotten, self.home.clock().now())
            };
            let written = self.ledger().settle(name, there.as_ref(), &mark);
            if written.await?.is_some() {
                return Ok(self.home.clock().now());
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
