//! The status of an event in words: its steps so far, what is known to come, and what to do about it.

use crate::duration::{render, render_relative};
use crate::effects::EffectLine;
use jiff::Timestamp;
use leadwire_domain::claim::Settled;
use leadwire_pipeline::ledger::history::{EventHistory, EventStatus, LeadState};
use leadwire_pipeline::ledger::{ClaimState, Marker};
use serde::Serialize;

/// One step of an event's way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Step {
    pub(crate) at: Timestamp,
    #[serde(rename = "step")]
    pub(crate) what: &'static str,
    pub(crate) text: String,
}

/// What happened and what is known to come, in the order of time.
pub(crate) fn timeline(event: &EventHistory, effects: &[EffectLine]) -> Vec<Step> {
    let mut steps = Vec::new();
    let mut push = |at, what, text| steps.push(Step { at, what, text });
    let accepted_at = event.received.as_ref().map(|received| received.accepted_at);
    if let Some(received) = &event.received {
        let text = format!("from {}, {} bytes", received.source, received.bytes);
        push(received.accepted_at, "received", text);
    }
    if let Some(facts) = event.trigger().and_then(|trigger| trigger.facts) {
        push(facts.not_before, "due", "its delay ends".to_owned());
    }
    if let Some(document) = &event.document {
        if let Some(at) = document.lookup_modified_at {
            push(at, "owner file", owner_text(at, accepted_at));
        }
        let disagree = match document.conflicts.len() {
            0 => String::new(),
            count => format!(", {count} fields disagreed"),
        };
        let owner = match document.lookup_etag {
            Some(_) => "with its owner file",
            None => "without an owner file",
        };
        let text = format!("{owner}{disagree}");
        push(document.enriched_at, "enriched", text);
    }
    if let Some(failure) = &event.failure {
        let text = format!("{}, receive {}", failure.reason.code(), failure.receives);
        push(failure.failed_at, "failed", text);
    }
    if let Some(letter) = event.dead.first() {
        let text = format!("put aside after {} receives", letter.receives);
        push(letter.visible_at, "dead letter", text);
    }
    if let Some(at) = event.forgotten_at {
        push(at, "forgotten", "on request".to_owned());
    } else if let Some((at, what, text)) = end_without_mail(event) {
        push(at, what, text);
    }
    let of_effects = effects.iter();
    for (at, what, text) in
        of_effects.filter_map(|effect| effect.step(accepted_at, effects.len() == 1))
    {
        push(at, what, text);
    }
    steps.sort_by_key(|step| step.at);
    steps
}

fn owner_text(at: Timestamp, accepted_at: Option<Timestamp>) -> String {
    match accepted_at.map(|accepted| at.duration_since(accepted)) {
        Some(after) if after.is_positive() => {
            format!("written {} after the lead came", render(after))
        }
        _ => "was there already".to_owned(),
    }
}

fn end_without_mail(event: &EventHistory) -> Option<(Timestamp, &'static str, String)> {
    let ClaimState::Settled(Marker { how, at, .. }, _) = &event.claim else {
        return None;
    };
    match how {
        Settled::Forgotten => Some((*at, "forgotten", "on request".to_owned())),
        Settled::Silent => Some((*at, "replayed", "mailed nobody".to_owned())),
        Settled::Sent => None,
    }
}

/// What a person does about it, where someone must.
pub(crate) fn advice(event: &EventHistory, state: LeadState) -> Option<&'static str> {
    let failure = event.failure.as_ref()?;
    let is_well = matches!(
        state,
        LeadState::Mailed | LeadState::Forgotten | LeadState::Silent
    );
    (!is_well).then(|| failure.reason.advice())
}

/// What stands between the state and why it is so, in a sentence.
pub(crate) fn separator(status: &EventStatus) -> &'static str {
    if status.why.is_empty() {
        ""
    } else if status.state == LeadState::Waiting {
        " "
    } else {
        ", "
    }
}

/// Why its state is what it is, and since or until when.
pub(crate) fn explain(status: &EventStatus, now: Timestamp) -> String {
    let why = format!("{}{}", separator(status), status.why);
    let when = when(status, now);
    match (when.is_empty(), status.until.is_some()) {
        (true, _) => why,
        (false, true) => format!("{why}, next look {when}"),
        (false, false) => format!("{why}, {when}"),
    }
}

/// Since or until when.
pub(crate) fn when(status: &EventStatus, now: Timestamp) -> String {
    match (status.until, status.since) {
        (Some(until), _) if until <= now => "due".to_owned(),
        (Some(time), _) | (None, Some(time)) => render_relative(time, now),
        (None, None) => String::new(),
    }
}
