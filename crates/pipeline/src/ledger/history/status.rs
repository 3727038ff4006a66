//! The status of an event: a pure decision over what is known about it.

use super::EventHistory;
use crate::ledger::{ClaimState, EventEffects};
use crate::port::QueuedMessage;
use jiff::Timestamp;
use leadwire_domain::claim::Settled;
use leadwire_domain::effect::{EffectState, Standing, not_happened};
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
    /// Its mails went out, at least one of them; the receivers of the others are no longer configured.
    Mailed,
    /// Nothing is open or refused, and whether a mail of it went out is not known; a person must decide.
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
                    Settled::Sent => (LeadState::Mailed, but_for_dropped(&self.effects())),
                    Settled::Forgotten => (LeadState::Forgotten, "on request".to_owned()),
                    Settled::Silent => (LeadState::Silent, "mailed nobody".to_owned()),
                };
                EventStatus::since(state, Some(marker.at), why)
            }
            ClaimState::Unreadable(_) => self.status_of_messages(now).with_unreadable_claim(),
            ClaimState::Claimed(..) => {
                let effects = self.effects();
                if effects.standing() == Standing::Parked {
                    let why = unknown_whether_mailed(&effects);
                    EventStatus::since(LeadState::Parked, effects.parked_since(), why)
                } else {
                    self.status_of_messages(now)
                }
            }
            ClaimState::Absent => self.status_of_messages(now),
        }
    }

    /// Its effects, and what is stored of each. None are known before its document is stored.
    pub fn effects(&self) -> EventEffects {
        let is_undecided = match &self.claim {
            ClaimState::Absent | ClaimState::Unreadable(_) => true,
            ClaimState::Claimed(claim, _) => !claim.proves_document(),
            ClaimState::Settled(..) => false,
        };
        if self.document.is_none() && is_undecided {
            return EventEffects::default();
        }
        let document = self.document.as_ref();
        let notify = document.and_then(|document| document.notify.as_deref());
        EventEffects::new(notify, &self.claim)
    }

    fn status_of_messages(&self, now: Timestamp) -> EventStatus {
        let reason = self.failure.as_ref().map(|failure| failure.reason.code());
        match (self.live.as_deref(), &self.failure) {
            (Some([message, ..]), _) => {
                let status = of_message(message, reason, now);
                let why = format!("{}{}", status.why, so_far(&self.effects()));
                EventStatus { why, ..status }
            }
            (_, Some(failure)) => {
                let why = format!("{}{}", failure.reason.code(), self.in_vain());
                EventStatus::since(LeadState::Dead, Some(failure.failed_at), why)
            }
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

    /// The effects that did not happen, of an event that has several.
    fn in_vain(&self) -> String {
        let effects = self.effects();
        if effects.listed.len() < 2 {
            return String::new();
        }
        match &*not_happened(&effects.listed, &effects.said) {
            [] => String::new(),
            [effect] => format!(" for {effect}"),
            several => format!(" for {} of {}", several.len(), effects.listed.len()),
        }
    }

    /// Where the queue cannot be read, the documents say how far the event came.
    fn status_of_documents(&self) -> EventStatus {
        if let ClaimState::Claimed(claim, _) = &self.claim
            && claim.is_sending()
        {
            return EventStatus::until(LeadState::Ready, claim.lease_until, "being mailed");
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

/// How far the effects of an event have come that has several, where one of them has come to an end.
fn so_far(effects: &EventEffects) -> String {
    let words = [
        (EffectState::Sent, "sent"),
        (EffectState::Refused, "refused"),
        (EffectState::Parked, "parked"),
        (EffectState::Dropped, "dropped"),
    ];
    let mut text = String::new();
    let all = effects.listed.len();
    for (state, word) in words {
        let count = effects.count(state);
        if all > 1 && count > 0 {
            text.extend([
                ", ",
                &count.to_string(),
                " of ",
                &all.to_string(),
                " ",
                word,
            ]);
        }
    }
    text
}

/// Why a mailed event is not mailed to all that its document names.
fn but_for_dropped(effects: &EventEffects) -> String {
    match effects.count(EffectState::Dropped) {
        0 => String::new(),
        1 => "but for a receiver that is no longer configured".to_owned(),
        several => format!("but for {several} receivers that are no longer configured"),
    }
}

/// Why an event is parked.
fn unknown_whether_mailed(effects: &EventEffects) -> String {
    match (effects.count(EffectState::Parked), effects.listed.len()) {
        (_, 0 | 1) => "whether its mail went out is not known".to_owned(),
        (parked, all) => format!("whether {parked} of its {all} mails went out is not known"),
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
        Some(DeferReason::OwnerUnfinished) => "for its owner file, which is empty or cut off",
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
mod tests;
