//! Where an event stands: a pure decision over what is stored about it.

use super::{EventFacts, MailMark, Queued};
use crate::output::{BAD, DIM, GOOD, PLAIN, WAIT};
use anstyle::Style;
use clap::ValueEnum;
use jiff::Timestamp;
use leadwire_domain::claim::{Claim, Settled};
use leadwire_domain::message::Trigger;
use leadwire_domain::wait::DeferReason;
use serde::Serialize;

/// The stages in which an event can be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, ValueEnum)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Stage {
    /// For its delay, its owner file or the mail service
    Waiting,
    /// Due, and in the queue or under way
    Ready,
    /// It failed and is tried again
    Retrying,
    /// Its mail went out
    Mailed,
    /// Nobody knows whether its mail went out; a person must decide
    Parked,
    /// It failed for good
    Dead,
    /// It was forgotten on request
    Forgotten,
    /// A replay that mailed nobody
    Silent,
    /// Neither an end nor a trigger; the sweep enqueues it again
    Lost,
}

impl Stage {
    /// Its name.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Ready => "ready",
            Self::Retrying => "retrying",
            Self::Mailed => "mailed",
            Self::Parked => "parked",
            Self::Dead => "dead",
            Self::Forgotten => "forgotten",
            Self::Silent => "silent",
            Self::Lost => "lost",
        }
    }

    /// How it looks.
    pub(crate) fn style(self) -> Style {
        match self {
            Self::Waiting | Self::Retrying => WAIT,
            Self::Ready => PLAIN,
            Self::Mailed => GOOD,
            Self::Parked | Self::Dead | Self::Lost => BAD,
            Self::Forgotten | Self::Silent => DIM,
        }
    }

    /// Whether nothing will happen any more by itself.
    pub(crate) fn is_end(self) -> bool {
        match self {
            Self::Mailed | Self::Parked | Self::Dead | Self::Forgotten | Self::Silent => true,
            Self::Waiting | Self::Ready | Self::Retrying | Self::Lost => false,
        }
    }
}

/// Where an event stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Standing {
    pub(crate) stage: Stage,
    /// Since when, where that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) since: Option<Timestamp>,
    /// Until when, or when it is looked at next.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) until: Option<Timestamp>,
    /// Why, in words.
    pub(crate) why: String,
}

impl Standing {
    /// What stands between the stage and why it is there, in a sentence.
    pub(crate) fn separator(&self) -> &'static str {
        match self.stage {
            _ if self.why.is_empty() => "",
            Stage::Waiting => " ",
            Stage::Ready
            | Stage::Retrying
            | Stage::Mailed
            | Stage::Parked
            | Stage::Dead
            | Stage::Forgotten
            | Stage::Silent
            | Stage::Lost => ", ",
        }
    }

    fn since(stage: Stage, since: Option<Timestamp>, why: impl Into<String>) -> Self {
        Self {
            stage,
            since,
            until: None,
            why: why.into(),
        }
    }

    fn until(stage: Stage, until: Timestamp, why: impl Into<String>) -> Self {
        Self {
            stage,
            since: None,
            until: Some(until),
            why: why.into(),
        }
    }
}

/// Decides where an event stands. An end counts before a message that is still on its way: it will find nothing left to do.
pub(crate) fn decide_standing(facts: &EventFacts, now: Timestamp) -> Standing {
    match &facts.mail {
        MailMark::Settled {
            how: Settled::Sent,
            at,
            ..
        } => return Standing::since(Stage::Mailed, Some(*at), ""),
        MailMark::Settled {
            how: Settled::Forgotten,
            at,
            ..
        } => return Standing::since(Stage::Forgotten, Some(*at), "on request"),
        MailMark::Settled {
            how: Settled::Silent,
            at,
            ..
        } => return Standing::since(Stage::Silent, Some(*at), "mailed nobody"),
        MailMark::Claimed(Claim::Parked { parked_at, .. }) => {
            return Standing::since(
                Stage::Parked,
                Some(*parked_at),
                "whether its mail went out is not known",
            );
        }
        MailMark::Absent | MailMark::Claimed(Claim::Sending(_) | Claim::Idle { .. }) => {}
    }
    let reason = facts.failure.as_ref().map(|failure| failure.reason.code());
    match (facts.live.as_deref(), &facts.failure) {
        (Some([message, ..]), _) => of_message(message, reason, now),
        (_, Some(failure)) => {
            Standing::since(Stage::Dead, Some(failure.failed_at), failure.reason.code())
        }
        (_, None) if !facts.dead.is_empty() => {
            Standing::since(Stage::Dead, None, "in the dead-letter queue")
        }
        (Some([]), None) if facts.name.revision() > 0 => Standing::since(
            Stage::Lost,
            None,
            "no trigger in the queue, and the sweep looks after no replays; replay it again",
        ),
        (Some([]), None) => Standing::since(
            Stage::Lost,
            None,
            "no trigger in the queue; the sweep enqueues it again",
        ),
        (None, None) => of_documents(facts),
    }
}

fn of_message(message: &Queued, reason: Option<&'static str>, now: Timestamp) -> Standing {
    // The first receive of a message is its ordinary one: nothing has failed as long as nobody says so.
    match (message.receives, reason) {
        (0, _) => {}
        (1, None) => return Standing::until(Stage::Ready, message.visible_at, "being worked on"),
        (receives, reason) => {
            let reason = reason.unwrap_or("a transient failure");
            let why = format!("{reason}, {}", times(receives));
            return Standing::until(Stage::Retrying, message.visible_at, why);
        }
    }
    let waiting = Trigger::parse(&message.body)
        .map(|trigger| trigger.waiting)
        .unwrap_or_default();
    if message.visible_at <= now {
        return Standing::since(Stage::Ready, Some(message.visible_at), "in the queue");
    }
    let why = match waiting.reason {
        None | Some(DeferReason::TooEarly) => "for its delay",
        Some(DeferReason::OwnerAbsent) => "for its owner file",
        Some(DeferReason::MailUnavailable) => "for the mail service",
        Some(DeferReason::ClaimLive) => "for the worker that mails it",
        Some(DeferReason::NoTimeLeft) => "for free time",
    };
    Standing::until(Stage::Waiting, message.visible_at, why)
}

/// How often it was tried, in words.
fn times(receives: u32) -> String {
    match receives {
        1 => "tried once".to_owned(),
        2 => "tried twice".to_owned(),
        _ => format!("tried {receives} times"),
    }
}

/// Where the queue cannot be looked into, the documents say how far it came.
fn of_documents(facts: &EventFacts) -> Standing {
    if let MailMark::Claimed(Claim::Sending(sending)) = &facts.mail {
        return Standing::until(Stage::Ready, sending.lease_until, "its mail is being sent");
    }
    match &facts.document {
        Some(document) => Standing::since(
            Stage::Ready,
            Some(document.enriched_at),
            "enriched, to be mailed",
        ),
        None => Standing::since(
            Stage::Waiting,
            facts.raw.as_ref().map(|raw| raw.accepted_at),
            "in the queue",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::view::RawFacts;
    use leadwire_domain::failure::{FailureReason, FailureRecord};
    use leadwire_domain::key::EventName;
    use leadwire_pipeline::trace::TraceContext;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_795_000_000 + second).unwrap()
    }

    const KEY: &str = "raw/crm_event_a_20261123T065000123456Z.json";

    fn facts() -> EventFacts {
        let raw = RawFacts {
            lead_id: "a".to_owned(),
            event_id: "e".to_owned(),
            source: "generic".to_owned(),
            accepted_at: at(0),
            traceparent: None,
            bytes: 10,
        };
        EventFacts {
            name: EventName::parse_raw_key(KEY).unwrap(),
            raw: Some(raw),
            document: None,
            mail: MailMark::Absent,
            failure: None,
            live: Some(Vec::new()),
            dead: Vec::new(),
        }
    }

    fn message(visible: i64, receives: u32, waiting: &str) -> Queued {
        let body = format!("{{\"s3_key\":\"{KEY}\"{waiting}}}");
        Queued {
            message_id: "m".to_owned(),
            handle: "m".to_owned(),
            body,
            visible_at: at(visible),
            receives,
            trace: TraceContext::default(),
            others: Vec::new(),
        }
    }

    fn failed() -> FailureRecord {
        FailureRecord {
            v: 1,
            reason: FailureReason::LookupMismatch,
            receives: 1,
            failed_at: at(5),
            message_id: "m".to_owned(),
            s3_key: None,
            lead_id: None,
            event_id: None,
            revision: 0,
        }
    }

    #[track_caller]
    fn check(facts: &EventFacts, stage: Stage, why: &str) {
        let standing = decide_standing(facts, at(10));
        assert_eq!((standing.stage, standing.why.as_str()), (stage, why));
    }

    #[test]
    fn a_message_tells_what_its_event_waits_for() {
        let mut event = facts();
        event.live = Some(vec![message(600, 0, "")]);
        check(&event, Stage::Waiting, "for its delay");
        event.live = Some(vec![message(
            600,
            0,
            r#","waiting":{"kind":"owner","hop":1,"reason":"owner_absent"}"#,
        )]);
        check(&event, Stage::Waiting, "for its owner file");
        event.live = Some(vec![message(9, 0, "")]);
        check(&event, Stage::Ready, "in the queue");
    }

    #[test]
    fn an_event_that_failed_is_retrying_as_long_as_its_message_lives_and_then_dead() {
        let mut event = facts();
        event.failure = Some(failed());
        event.live = Some(vec![message(12, 1, "")]);
        check(&event, Stage::Retrying, "lookup_mismatch, tried once");
        event.live = Some(Vec::new());
        check(&event, Stage::Dead, "lookup_mismatch");
    }

    #[test]
    fn an_end_counts_before_anything_else() {
        let mut event = facts();
        event.failure = Some(failed());
        event.live = Some(vec![message(9, 0, "")]);
        event.mail = MailMark::Settled {
            how: Settled::Sent,
            at: at(8),
            message_id: None,
        };
        check(&event, Stage::Mailed, "");
    }

    #[test]
    fn a_replay_that_mailed_nobody_is_at_its_end_and_one_that_is_lost_says_what_to_do() {
        let mut replay = facts();
        replay.name = replay.name.with_revision(1);
        check(
            &replay,
            Stage::Lost,
            "no trigger in the queue, and the sweep looks after no replays; replay it again",
        );
        replay.mail = MailMark::Settled {
            how: Settled::Silent,
            at: at(8),
            message_id: None,
        };
        check(&replay, Stage::Silent, "mailed nobody");
    }

    #[test]
    fn an_event_without_end_and_without_message_is_lost_only_where_the_queue_was_looked_into() {
        let mut event = facts();
        check(
            &event,
            Stage::Lost,
            "no trigger in the queue; the sweep enqueues it again",
        );
        event.live = None;
        check(&event, Stage::Waiting, "in the queue");
    }
}
