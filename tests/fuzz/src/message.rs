//! The queue message.

use crate::input::{now, text};
use jiff::SignedDuration;
use leadwire_domain::limits::{MESSAGE_BYTES_MAX, QUEUE_DELAY_SECONDS_MAX};
use leadwire_domain::message::{Notify, Trigger, TriggerError};
use leadwire_domain::wait::{DeferReason, decide_early_wait, decide_mail_wait, decide_owner_wait};
use serde_json::Value;

/// A message that is read can be written, reads the same again, and waits within its bounds; the error of one that is not quotes nothing.
pub fn queue_message(data: &[u8]) {
    let text = text(data);
    match Trigger::parse(&text) {
        Ok(trigger) => {
            let body = trigger.body();
            assert!(body.is_ascii() && body.len() <= MESSAGE_BYTES_MAX);
            assert_eq!(Trigger::parse(&body).ok().as_ref(), Some(&trigger));
            assert!(trigger.name.raw_key().starts_with("raw/"));
            check_said(&trigger, &text);
            check_waits(&trigger);
        }
        Err(error) => check_error(&error, &text),
    }
}

/// What the message says is what the trigger holds.
fn check_said(trigger: &Trigger, text: &str) {
    let Ok(said) = serde_json::from_str::<Value>(text) else {
        return;
    };
    let number = |pointer| said.pointer(pointer).and_then(Value::as_u64).unwrap_or(0);
    let key = trigger.name.raw_key();
    assert_eq!(said.get("s3_key").and_then(Value::as_str), Some(&*key));
    assert_eq!(number("/revision"), u64::from(trigger.name.revision()));
    assert_eq!(number("/waiting/hop"), u64::from(trigger.waiting.hop));
    assert_eq!(trigger.facts.is_some(), [1, 2].contains(&number("/v")));
    let notify = match trigger.notify() {
        Notify::Force => None,
        Notify::IfChanged => Some("if_changed"),
        Notify::Never => Some("never"),
    };
    assert_eq!(said.get("notify").and_then(Value::as_str), notify);
    if let Some(facts) = &trigger.facts {
        for (name, held) in [
            ("lead_id", facts.lead_id.as_str()),
            ("event_id", facts.event_id.as_str()),
        ] {
            assert_eq!(said.get(name).and_then(Value::as_str), Some(held));
        }
    }
}

fn check_waits(trigger: &Trigger) {
    let window_end = now()
        .checked_add(SignedDuration::from_secs(1800))
        .expect("within range");
    let waits = [
        trigger
            .facts
            .as_ref()
            .and_then(|facts| decide_early_wait(now(), facts.not_before)),
        decide_owner_wait(now(), window_end, &trigger.waiting),
        decide_mail_wait(now(), 3600, &trigger.waiting, 255),
    ];
    for seconds in waits.into_iter().flatten() {
        assert!(
            (1..=QUEUE_DELAY_SECONDS_MAX).contains(&seconds),
            "{seconds}"
        );
    }
    for reason in [
        DeferReason::TooEarly,
        DeferReason::OwnerAbsent,
        DeferReason::OwnerUnfinished,
        DeferReason::MailUnavailable,
        DeferReason::InDoubt,
        DeferReason::ClaimLive,
        DeferReason::NoTimeLeft,
    ] {
        if let Some(next) = trigger.waiting.next(reason, now()) {
            assert!(next.hop <= next.kind.hops_max() && next.kind >= trigger.waiting.kind);
        }
    }
}

fn check_error(error: &TriggerError, text: &str) {
    let told = match error {
        TriggerError::Version(version) => {
            assert!(text.contains(&version.to_string()));
            return;
        }
        TriggerError::Invalid | TriggerError::Key(_) | TriggerError::TooLong => error.to_string(),
    };
    assert!(
        [
            "not a message of version 1 or 2, nor the bare form {\"s3_key\": …}",
            "the message's s3_key names no raw event",
            "the message is longer than 4 KiB",
        ]
        .contains(&told.as_str()),
        "{told}"
    );
    assert_eq!(
        matches!(error, TriggerError::TooLong),
        text.len() > MESSAGE_BYTES_MAX
    );
}
