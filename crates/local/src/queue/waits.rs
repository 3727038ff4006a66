//! The leads that wait for their owner files. The serving process itself puts their messages back, so it knows them; what a dead process put
//! back is read once.

use jiff::Timestamp;
use leadwire_domain::lead::id::LeadId;
use leadwire_domain::message::Trigger;
use leadwire_domain::wait::DeferReason;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

/// Each lead that waits, and when its message looks by itself.
#[derive(Clone, Debug, Default)]
pub(super) struct OwnerWaits(Arc<Mutex<BTreeMap<LeadId, Timestamp>>>);

impl OwnerWaits {
    /// A message was put back that is due then.
    pub(super) fn note(&self, body: &str, due_at: Timestamp) {
        let Some(lead_id) = lead_of(body) else { return };
        let mut waits = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let until = waits.entry(lead_id).or_insert(due_at);
        *until = due_at.max(*until);
    }

    /// Those that wait now.
    pub(super) fn at(&self, now: Timestamp) -> Vec<LeadId> {
        let mut waits = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        waits.retain(|_, due_at| *due_at > now);
        waits.keys().cloned().collect()
    }
}

/// The lead whose owner file the message waits for.
fn lead_of(body: &str) -> Option<LeadId> {
    // Nearly no message does; most are not worth a parser.
    if !body.contains(DeferReason::OwnerAbsent.code()) {
        return None;
    }
    let trigger = Trigger::parse(body).ok()?;
    let waits = trigger.waiting.reason == Some(DeferReason::OwnerAbsent);
    trigger.facts.filter(|_| waits).map(|facts| facts.lead_id)
}
