//! An event's way so far, step by step, and what is known to come.

use super::{EventFacts, MailMark, Stage, Standing};
use crate::duration::{render, render_relative};
use jiff::Timestamp;
use leadwire_domain::claim::{Claim, Settled};
use leadwire_pipeline::trace::TraceContext;
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
pub(crate) fn timeline(event: &EventFacts) -> Vec<Step> {
    let mut steps = Vec::new();
    let mut push = |at, what, text| steps.push(Step { at, what, text });
    let accepted_at = event.raw.as_ref().map(|raw| raw.accepted_at);
    if let Some(raw) = &event.raw {
        push(
            raw.accepted_at,
            "received",
            format!("from {}, {} bytes", raw.source, raw.bytes),
        );
    }
    let trigger = event.trigger();
    if let Some(facts) = trigger
        .as_ref()
        .and_then(|(trigger, _)| trigger.facts.as_ref())
    {
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
        let owner = if document.lookup_etag.is_some() {
            "with its owner file"
        } else {
            "without an owner file"
        };
        push(
            document.enriched_at,
            "enriched",
            format!("{owner}{disagree}"),
        );
    }
    if let Some(failure) = &event.failure {
        push(
            failure.failed_at,
            "failed",
            format!("{}, receive {}", failure.reason.code(), failure.receives),
        );
    }
    if let Some(letter) = event.dead.first() {
        let text = format!("put aside after {} receives", letter.receives);
        push(letter.visible_at, "dead letter", text);
    }
    if let Some((at, what, text)) = mail_step(&event.mail, accepted_at) {
        push(at, what, text);
    }
    steps.sort_by_key(|step| step.at);
    steps
}

fn owner_text(at: Timestamp, accepted_at: Option<Timestamp>) -> String {
    match accepted_at {
        Some(accepted) if at > accepted => format!(
            "written {} after the lead came",
            render(at.duration_since(accepted))
        ),
        _ => "was there already".to_owned(),
    }
}

fn mail_step(
    mail: &MailMark,
    accepted_at: Option<Timestamp>,
) -> Option<(Timestamp, &'static str, String)> {
    match mail {
        MailMark::Absent | MailMark::Claimed(Claim::Idle { .. } | Claim::Sending(_)) => None,
        MailMark::Claimed(Claim::Parked { parked_at, attempt }) => Some((
            *parked_at,
            "parked",
            format!("after {attempt} attempts, of which nobody knows the outcome"),
        )),
        MailMark::Settled {
            how: Settled::Forgotten,
            at,
            ..
        } => Some((*at, "forgotten", "on request".to_owned())),
        MailMark::Settled {
            how: Settled::Silent,
            at,
            ..
        } => Some((*at, "replayed", "mailed nobody".to_owned())),
        MailMark::Settled {
            how: Settled::Sent,
            at,
            ..
        } => {
            let after = accepted_at.map_or_else(String::new, |accepted| {
                format!("{} after it came", render(at.duration_since(accepted)))
            });
            Some((*at, "mailed", after))
        }
    }
}

/// What a person does about it, where someone must.
pub(crate) fn advice(event: &EventFacts, stage: Stage) -> Option<&'static str> {
    let failure = event.failure.as_ref()?;
    (!matches!(stage, Stage::Mailed | Stage::Forgotten | Stage::Silent))
        .then(|| failure.reason.advice())
}

/// The trace that it belongs to, 32 hexadecimal digits.
pub(crate) fn trace_id(event: &EventFacts) -> Option<String> {
    let traceparent = event.raw.as_ref()?.traceparent.clone();
    TraceContext {
        traceparent,
        ..TraceContext::default()
    }
    .trace_id()
    .map(str::to_owned)
}

/// Why it stands where it stands, and since or until when.
pub(crate) fn explain(standing: &Standing, now: Timestamp) -> String {
    let why = format!("{}{}", standing.separator(), standing.why);
    let when = when(standing, now);
    match (when.is_empty(), standing.until.is_some()) {
        (true, _) => why,
        (false, true) => format!("{why}, next look {when}"),
        (false, false) => format!("{why}, {when}"),
    }
}

/// Since or until when.
pub(crate) fn when(standing: &Standing, now: Timestamp) -> String {
    match (standing.until, standing.since) {
        (Some(until), _) if until <= now => "due".to_owned(),
        (Some(time), _) | (None, Some(time)) => render_relative(time, now),
        (None, None) => String::new(),
    }
}
