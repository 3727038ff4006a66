//! What is written to `failed/`.

use crate::port::NewObject;
use crate::stage::enrich::Record;
use jiff::Timestamp;
use leadwire_domain::failure::{FailureReason, FailureRecord};
use leadwire_domain::message::{Trigger, TriggerFacts};

/// The object in `failed/` for a record that failed; `trigger` is absent where its message could not be read.
pub(crate) fn failure_object(
    reason: FailureReason,
    record: &Record,
    trigger: Option<&Trigger>,
    now: Timestamp,
) -> NewObject {
    let facts = trigger.and_then(|trigger| trigger.facts.as_ref());
    object(&FailureRecord {
        v: 1,
        reason,
        receives: record.receive_count,
        failed_at: now,
        message_id: record.message_id.clone(),
        s3_key: trigger.map(|trigger| trigger.name.raw_key()),
        lead_id: facts.map(|facts| facts.lead_id.clone()),
        event_id: facts.map(|facts| facts.event_id.clone()),
        revision: trigger.map_or(0, |trigger| trigger.name.revision()),
    })
}

/// The object in `failed/` for an event that the sweeper gives up: there is no message to name.
pub(crate) fn swept_out_object(
    raw_key: String,
    facts: Option<&TriggerFacts>,
    now: Timestamp,
) -> NewObject {
    object(&FailureRecord {
        v: 1,
        reason: FailureReason::SweptOut,
        receives: 0,
        failed_at: now,
        message_id: String::new(),
        s3_key: Some(raw_key),
        lead_id: facts.map(|facts| facts.lead_id.clone()),
        event_id: facts.map(|facts| facts.event_id.clone()),
        revision: 0,
    })
}

fn object(failure: &FailureRecord) -> NewObject {
    NewObject::of(serde_json::to_vec(failure).expect("plain fields always serialise"))
}
