//! The status of an event: a pure decision over what is known about it.

use super::EventHistory;
use crate::ledger::{ClaimState, EventEffects};
use crate::port::QueuedMessage;
use jiff::Timestamp;
use leadwire_domain::claim::Settled;
use leadwire_domain::message::Trigger;
use leadwire_domain::wait::DeferReason;
use serde::Serialize;
use strum::{IntoStaticStr, VariantArray};

/// The states that an event goes through.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, IntoStaticStr, VariantArray,
)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum LeadState {
    /// For its delay, its owner file or the mail service.
    Waiting,
    /// Due, and in the queue or under way.
    Ready,
    /// It failed and is tried again.
    Retrying,
    /// Its mail went out.
    Mailed,
    /// Whether its mail went out is not known; a person must decide.
    Parked,
    /// It failed for good.
    Dead,
    /// It was forgotten on request.
    Forgotten,
    /// A replay that sent no mail.
    Silent,
    /// Neither an end nor a trigger; the sweep enqueues it again.
    Lost,
}

impl LeadState {
    /// Every state.
    pub const ALL: &[Self] = Self::VARIANTS;

    /// Its name.
    pub fn as_str(self) -> &'static str {
        self.into()
    }

    /// Whether nothing more happens by itself.
    pub fn is_end(self) -> bool {
        match self {
            Self::Mailed | Self::Parked | Self::Dead | Self::Forgotten | Self::Silent => true,
            Self::Waiting | Self::Ready | Self::Retrying | Self::Lost => false,
        }
    }
}

/// The status of an event.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct EventStatus {
    /// Its state.
    #[serde(rename = "stage")]
    pub state: LeadState,
    /// Since when, where that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub since: Option<Timestamp>,
    /// Until when, or when it is tried next.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
    /// Why, in words.
    pub why: String,
}

impl EventStatus {
    fn since(state: LeadState, since: Option<Timestamp>, why: impl Into<String>) -> Self {
        Self {
            state,
            since,
            until: None,
            why: why.into(),
        }
    }

    fn until(state: LeadState, until: Timestamp, why: impl Into<String>) -> Self {
        Self {
            state,
            since: None,
            until: Some(until),
            why: why.into(),
        }
    }

    /// A claim that cannot be read fails every attempt, whatever else is known.
    fn with_unreadable_claim(self) -> Self {
        let state = if matches!(self.state, LeadState::Waiting | LeadState::Ready) {
            LeadState::Retrying
        } else {
            self.state
        };
        Self {
            state,
            why: "the claim cannot be read".to_owned(),
            ..self
        }
    }
}

impl EventHistory {
    /// Decides the status. An end counts before a message that is still under way: it will find nothing left to do.
    pub fn status(&self, now: Timestamp) -> EventStatus {
        if self.forgotten_at.is_some() {
            return EventStatus::since(LeadState::Forgotten, self.forgotten_at, "on request");
        }
        match &self.claim {
            ClaimState::Settled(marker, _) => {
                let (state, why) = match marker.how {
                    Settled::Sent => (LeadState::Mailed, ""),
                    Settled::Forgotten => (LeadState::Forgotten, "on request"),
                    Settled::Silent => (LeadState::Silent, "mailed nobody"),
                };
                EventStatus::since(state, Some(marker.at), why)
            }
            ClaimState::Unreadable(_) => self.status_of_messages(now).with_unreadable_claim(),
            ClaimState::Claimed(..) => match self.effects().parked_since() {
                Some(since) => EventStatus::since(
                    LeadState::Parked,
                    since,
                    "whether its mail went out is not known",
                ),
                None => self.status_of_messages(now),
            },
            ClaimState::Absent => self.status_of_messages(now),
        }
    }

    /// Its effects, and what is stored of each.
    pub fn effects(&self) -> EventEffects {
        let document = self.document.as_ref();
        let notify = document.and_then(|document| document.notify.as_deref());
        EventEffects::new(notify, &self.claim)
    }

    fn status_of_messages(&self, now: Timestamp) -> EventStatus {
        let reason = self.failure.as_ref().map(|failure| failure.reason.code());
        match (self.live.as_deref(), &self.failure) {
            (Some([message, ..]), _) => of_message(message, reason, now),
            (_, Some(failure)) => EventStatus::since(
                LeadState::Dead,
                Some(failure.failed_at),
                failure.reason.code(),
            ),
            (_, None) if !self.dead.is_empty() => {
                EventStatus::since(LeadState::Dead, None, "in the dead-letter queue")
            }
            (Some([]), None) => {
                let why = if self.name.revision() > 0 {
                    "no trigger in the queue, and the sweep looks after no replays; replay it again"
                } else {
                    "no trigger in the queue; the sweep enqueues it again"
                };
                EventStatus::since(LeadState::Lost, None, why)
            }
            (None, None) => self.status_of_documents(),
        }
    }

    /// Where the queue cannot be read, the documents say how far the event came.
    fn status_of_documents(&self) -> EventStatus {
        if let ClaimState::Claimed(claim, _) = &self.claim
            && claim.is_sending()
        {
            return EventStatus::until(
                LeadState::Ready,
                claim.lease_until,
                "its mail is being sent",
            );
        }
        match &self.document {
            Some(document) => EventStatus::since(
                LeadState::Ready,
                Some(document.enriched_at),
                "enriched, to be mailed",
            ),
            None => EventStatus::since(
                LeadState::Waiting,
                self.received.as_ref().map(|received| received.accepted_at),
                "in the queue",
            ),
        }
    }
}

fn of_message(
    message: &QueuedMessage,
    reason: Option<&'static str>,
    now: Timestamp,
) -> EventStatus {
    // The first receive of a message is its ordinary one: nothing has failed as long as no failure is recorded.
    match (message.receives, reason) {
        (0, _) => {}
        (1, None) => {
            return EventStatus::until(LeadState::Ready, message.visible_at, "being worked on");
        }
        (receives, reason) => {
            let reason = reason.unwrap_or("a transient failure");
            let why = format!("{reason}, {}", times(receives));
            return EventStatus::until(LeadState::Retrying, message.visible_at, why);
        }
    }
    let waiting = Trigger::parse(&message.body)
        .map(|trigger| trigger.waiting)
        .unwrap_or_default();
    if message.visible_at <= now {
        return EventStatus::since(LeadState::Ready, Some(message.visible_at), "in the queue");
    }
    let why = match waiting.reason {
        None | Some(DeferReason::TooEarly) => "for its delay",
        Some(DeferReason::OwnerAbsent) => "for its owner file",
        Some(DeferReason::MailUnavailable) => "for the mail service",
        Some(DeferReason::InDoubt) => "to be sent once more",
        Some(DeferReason::ClaimLive) => "for the worker that mails it",
        Some(DeferReason::NoTimeLeft) => "for free time",
    };
    EventStatus::until(LeadState::Waiting, message.visible_at, why)
}

/// How often it was tried, in words.
fn times(receives: u32) -> String {
    match receives {
        1 => "tried once".to_owned(),
        2 => "tried twice".to_owned(),
        _ => format!("tried {receives} times"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::Marker;
    use crate::ledger::history::Received;
    use crate::port::ETag;
    use crate::trace::TraceContext;
    use leadwire_domain::failure::{FailureReason, FailureRecord};
    use leadwire_domain::key::EventName;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_795_000_000 + second).unwrap()
    }

    const KEY: &str = "raw/crm_event_a_20261123T065000123456Z.json";

    fn facts() -> EventHistory {
        let raw = Received {
            lead_id: "a".to_owned(),
            event_id: "e".to_owned(),
            source: "generic".to_owned(),
            accepted_at: at(0),
            trace_id: None,
            bytes: 10,
        };
        EventHistory {
            name: EventName::parse_raw_key(KEY).unwrap(),
            received: Some(raw),
            forgotten_at: None,
            document: None,
            claim: ClaimState::Absent,
            failure: None,
            live: Some(Vec::new()),
            dead: Vec::new(),
        }
    }

    fn message(visible: i64, receives: u32, waiting: &str) -> QueuedMessage {
        let body = format!("{{\"s3_key\":\"{KEY}\"{waiting}}}");
        QueuedMessage {
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
            effects: Vec::new(),
        }
    }

    #[track_caller]
    fn check(facts: &EventHistory, stage: LeadState, why: &str) {
        let status = facts.status(at(10));
        assert_eq!((status.state, status.why.as_str()), (stage, why));
    }

    fn settled(how: Settled) -> ClaimState {
        ClaimState::Settled(Marker::new(how, at(8)), ETag("1".to_owned()))
    }

    #[test]
    fn a_message_tells_what_its_event_waits_for() {
        let owner = r#","waiting":{"kind":"owner","hop":1,"reason":"owner_absent"}"#;
        for (visible, waiting, state, why) in [
            (600, "", LeadState::Waiting, "for its delay"),
            (600, owner, LeadState::Waiting, "for its owner file"),
            (9, "", LeadState::Ready, "in the queue"),
        ] {
            let mut event = facts();
            event.live = Some(vec![message(visible, 0, waiting)]);
            check(&event, state, why);
        }
    }

    #[test]
    fn an_event_that_failed_is_retrying_as_long_as_its_message_lives_and_then_dead() {
        let mut event = facts();
        event.failure = Some(failed());
        event.live = Some(vec![message(12, 1, "")]);
        check(&event, LeadState::Retrying, "lookup_mismatch, tried once");
        event.live = Some(Vec::new());
        check(&event, LeadState::Dead, "lookup_mismatch");
    }

    #[test]
    fn an_end_counts_before_anything_else() {
        let mut event = facts();
        event.failure = Some(failed());
        event.live = Some(vec![message(9, 0, "")]);
        event.claim = settled(Settled::Sent);
        check(&event, LeadState::Mailed, "");
    }

    #[test]
    fn an_event_with_a_tombstone_is_forgotten_whatever_its_claim_says() {
        for claim in [ClaimState::Absent, settled(Settled::Sent)] {
            let mut event = facts();
            (event.received, event.forgotten_at) = (None, Some(at(7)));
            event.live = Some(vec![message(9, 0, "")]);
            event.claim = claim;
            check(&event, LeadState::Forgotten, "on request");
            assert_eq!(event.status(at(10)).since, Some(at(7)));
        }
    }

    #[test]
    fn a_replay_that_mailed_nobody_is_at_its_end_and_one_that_is_lost_says_what_to_do() {
        let lost = "no trigger in the queue, and the sweep looks after no replays; replay it again";
        let mut replay = facts();
        replay.name = replay.name.with_revision(1);
        check(&replay, LeadState::Lost, lost);
        replay.claim = settled(Settled::Silent);
        check(&replay, LeadState::Silent, "mailed nobody");
    }

    #[test]
    fn an_event_without_end_and_without_message_is_lost_only_where_the_queue_was_looked_into() {
        let lost = "no trigger in the queue; the sweep enqueues it again";
        let mut event = facts();
        check(&event, LeadState::Lost, lost);
        event.live = None;
        check(&event, LeadState::Waiting, "in the queue");
    }

    #[test]
    fn a_claim_that_cannot_be_read_is_shown_as_what_it_is() {
        let unreadable = "the claim cannot be read";
        let mut event = facts();
        event.claim = ClaimState::Unreadable(Some(ETag("1".to_owned())));
        check(&event, LeadState::Lost, unreadable);
        for live in [Some(message(12, 1, "")), Some(message(9, 0, "")), None] {
            event.live = live.map(|message| vec![message]);
            check(&event, LeadState::Retrying, unreadable);
        }
        event.failure = Some(failed());
        check(&event, LeadState::Dead, unreadable);
    }
}
