//! `replay`: an event enriched once more, as a revision of its own (docs/PROTOCOL.md, Replay).
//!
//! The operator's side only looks, takes a number and sends a message. Document, claim and mail are the pipeline's: what is compared here is
//! shown, and decides nothing.

mod number;
mod preview;

pub use preview::{Preview, Ready, Refusal, preview};

use crate::ledger::queue::fresh_message;
use crate::ledger::{Kind, Ledger, is_mark};
use crate::port::{DelayQueue, Home, PortError};
use jiff::Timestamp;
use leadwire_domain::key::EventName;
use leadwire_domain::lead::id::LeadId;
use leadwire_domain::message::{Notify, TriggerFacts};
use std::collections::BTreeSet;

/// What is asked for.
#[derive(Clone, Debug)]
pub struct Order {
    /// Whether it mails.
    pub notify: Notify,
    /// Names this run of the command, so that a run that was interrupted can go on and do nothing twice.
    pub run: String,
    /// Whether it goes on with a run that was interrupted.
    pub is_resumed: bool,
}

/// What became of one event's replay.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Replayed {
    /// Its message is queued.
    Queued {
        /// Its number.
        revision: u32,
    },
    /// The run had done it before it was interrupted.
    DoneBefore {
        /// Its number.
        revision: u32,
    },
    /// The run that was interrupted had another order.
    OtherOrder {
        /// What it was to do.
        notify: Notify,
    },
}

/// The events of a lead, by name, as keys tell: only [`Ready::lead_id`] says whose an event is. An event whose raw object is gone is among
/// them as long as it has a document; one that was forgotten is not.
pub async fn list_lead<H: Home>(home: &H, lead_id: &LeadId) -> Result<Vec<EventName>, PortError> {
    let mut names = BTreeSet::new();
    for kind in [Kind::Raw, Kind::Document] {
        let mut listing = Ledger::new(home.store()).list_lead(kind, lead_id);
        while let Some(entry) = listing.next().await? {
            let name = kind.parse(&entry.key).ok();
            let name = name.filter(|name| !is_mark(&entry) && name.may_be_of(lead_id));
            names.extend(name.map(|name| name.with_revision(0)));
        }
    }
    Ok(names.into_iter().collect())
}

/// The events that were stored within a span of time, its end left out. A tombstone is no event.
pub async fn list_time<H: Home>(
    home: &H,
    from: Timestamp,
    to: Timestamp,
) -> Result<Vec<EventName>, PortError> {
    let mut names = Vec::new();
    let mut raw = Ledger::new(home.store()).list(Kind::Raw);
    while let Some(entry) = raw.next().await? {
        if !is_mark(&entry) && (from..to).contains(&entry.last_modified) {
            names.extend(EventName::parse_raw_key(&entry.key));
        }
    }
    Ok(names)
}

/// Replays one event: takes a number, then sends the message. A crash between the two leaves a number that is never used.
pub async fn replay<H: Home>(
    home: &H,
    ready: &Ready,
    order: &Order,
) -> Result<Replayed, PortError> {
    if order.is_resumed
        && let Some((name, notify)) = number::find_run(home, &ready.name, &order.run).await?
    {
        let revision = name.revision();
        if notify != order.notify {
            return Ok(Replayed::OtherOrder { notify });
        }
        if has_arrived(home, &name).await? {
            return Ok(Replayed::DoneBefore { revision });
        }
        send(home, ready, name, notify).await?;
        return Ok(Replayed::Queued { revision });
    }
    let name = number::take(home, &ready.name, order).await?;
    let revision = name.revision();
    send(home, ready, name, order.notify).await?;
    Ok(Replayed::Queued { revision })
}

/// Whether the pipeline has begun with a replay. Where it has not, its message may have been lost: a second one is harmless.
async fn has_arrived<H: Home>(home: &H, name: &EventName) -> Result<bool, PortError> {
    let ledger = Ledger::new(home.store());
    for kind in [Kind::Document, Kind::Claim, Kind::Failure] {
        if ledger.exists(kind, name).await? {
            return Ok(true);
        }
    }
    Ok(false)
}

async fn send<H: Home>(
    home: &H,
    ready: &Ready,
    name: EventName,
    notify: Notify,
) -> Result<(), PortError> {
    let facts = TriggerFacts {
        notify,
        ..ready.facts.clone()
    };
    let message = fresh_message(name, Some(facts), ready.trace.clone());
    home.queue().send(message).await
}
