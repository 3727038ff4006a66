//! What the audit says of the event.

use crate::claim::Claim;
use crate::effect::{BOTH, Effect};
use crate::fact::Raw;
use crate::pair::Rev;
use crate::queue::Place;
use crate::state::{Ingest, State, Sweep};

/// Where an event is: the first that holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Audit {
    /// A tombstone.
    Forgotten,
    /// Every effect is sent or dropped, and at least one is sent.
    Mailed,
    /// It has a message, or one is on its way.
    InFlight,
    /// An effect waits for a person.
    Parked,
    /// It has a dead letter, or its reason in `failed/`.
    DeadLettered,
    /// None of these: there should be nothing.
    Nowhere,
}

/// What the audit says of the event, as it is stored.
pub fn audit(state: &State) -> Audit {
    let mail = state.mail[Rev::Base];
    let underway = state.ingest != Ingest::Idle || state.sweep != Sweep::Idle;
    let parked = mail.claim.of(BOTH).each().contains(&&Effect::Parked);
    let mut messages = state.queue.each();
    let dead = messages.any(|(_, m)| m.rev == Rev::Base && m.place == Place::Dlq);
    if state.raw == Raw::Tombstone || mail.claim == Claim::Forgotten {
        Audit::Forgotten
    } else if is_told(mail.claim) {
        Audit::Mailed
    } else if state.has_message(Rev::Base) || underway {
        Audit::InFlight
    } else if parked {
        Audit::Parked
    } else if dead || state.failed[Rev::Base].is_some() {
        Audit::DeadLettered
    } else {
        Audit::Nowhere
    }
}

fn is_told(claim: Claim) -> bool {
    let Claim::Sent(told) = claim else {
        return false;
    };
    let ended = |e: &&Effect| matches!(e, Effect::Sent | Effect::Dropped | Effect::Missing);
    told.each().iter().all(ended) && told.each().contains(&&Effect::Sent)
}
