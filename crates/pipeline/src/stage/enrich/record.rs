//! What comes from the queue, and what becomes of it.

use crate::trace::TraceContext;
use jiff::Timestamp;
use leadwire_domain::effect::EffectId;
use leadwire_domain::failure::{FailureReason, FailureRecord};
use leadwire_domain::message::Trigger;
use leadwire_domain::wait::DeferReason;
use strum::IntoStaticStr;
use tracing::Span;

/// One message of a batch, as the queue gave it.
#[derive(Clone, Debug)]
pub struct Record {
    /// The queue's id of the message.
    pub message_id: String,
    /// The handle of this receive.
    pub receipt_handle: String,
    /// The body.
    pub body: String,
    /// How often it has been received, this time included.
    pub receive_count: u32,
    /// When it was sent.
    pub sent_at: Option<Timestamp>,
    /// When it was received for the first time.
    pub first_received_at: Option<Timestamp>,
    /// The trace it belongs to.
    pub trace: TraceContext,
    /// The span that covers what is done about it; the home opens it. None is a span too, and does nothing.
    pub span: Span,
}

impl Record {
    /// Why it failed, with the effects that did not happen; nothing is known where its message could not be read.
    pub(super) fn failure(
        &self,
        reason: FailureReason,
        known: Option<(&Trigger, Vec<EffectId>)>,
        now: Timestamp,
    ) -> FailureRecord {
        let (trigger, effects) = known.unzip();
        let facts = trigger.and_then(|trigger| trigger.facts.as_ref());
        FailureRecord {
            v: 1,
            reason,
            receives: self.receive_count,
            failed_at: now,
            message_id: self.message_id.clone(),
            s3_key: trigger.map(|trigger| trigger.name.raw_key()),
            lead_id: facts.map(|facts| facts.lead_id.clone()),
            event_id: facts.map(|facts| facts.event_id.clone()),
            revision: trigger.map_or(0, |trigger| trigger.name.revision()),
            effects: effects.unwrap_or_default(),
        }
    }
}

/// How an event came to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
pub enum Done {
    /// Its last receivers were notified by this attempt.
    Mailed,
    /// They had been notified before.
    MailedBefore,
    /// A doubtful effect waits for a person, and nothing else is left to do.
    Parked,
    /// Its lead was forgotten on request.
    Forgotten,
    /// A silent replay came to its end by this attempt.
    Silent,
    /// It had come to its end so before.
    SilentBefore,
    /// A canary that failed: it is recorded and logged, and never lies among the dead letters of real leads.
    CanaryFailed,
    /// A wake-up that could do nothing: the event's own message goes on waiting.
    LeftWaiting,
    /// It said that an owner file appeared, and whoever waited for that was woken.
    Woken,
}

impl Done {
    fn word(self) -> &'static str {
        self.into()
    }
}

/// What became of a record. Done and deferred ones are deleted from the queue; a failed one is reported, so that the redrive policy can end it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The event has come to its end.
    Done(Done),
    /// A copy was sent that comes back later, at no cost in receives.
    Deferred {
        /// Why.
        reason: DeferReason,
        /// After how many seconds it comes back.
        seconds: u32,
    },
    /// It failed this time.
    Failed(FailureReason),
}

impl Outcome {
    /// What came of it, in a word for its span.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Done(done) => done.word(),
            Self::Deferred { reason, .. } => reason.code(),
            Self::Failed(_) => "failed",
        }
    }

    /// Whether the record is reported as failed.
    pub fn is_failed(&self) -> bool {
        matches!(self, Self::Failed(_))
    }
}
