//! What the steps of an attempt share.

use super::progress::Progress;
use super::record::{Done, Outcome, Record};
use crate::ledger::Ledger;
use crate::observe::{CallFailed, LeadDeferred, RecordAcked, Subject};
use crate::port::{Clock, DelayQueue, Entropy, Home, OutgoingMessage, PortError};
use crate::settings::EnrichConfig;
use futures_util::FutureExt as _;
use jiff::{SignedDuration, Timestamp};
use leadwire_domain::failure::FailureReason;
use leadwire_domain::key::EventName;
use leadwire_domain::limits::QUEUE_DELAY_SECONDS_MAX;
use leadwire_domain::message::Trigger;
use leadwire_domain::wait::{DeferReason, Waiting};
use std::panic::AssertUnwindSafe;
use std::time::Duration;
use tokio::sync::Semaphore;
use tokio::time::{Instant, timeout};

/// Where a step leads.
pub(super) enum Step<T> {
    /// To the next one, with this.
    Go(T),
    /// To the end of the attempt.
    End(Outcome),
}

/// Why an attempt failed.
pub(super) struct Failed {
    pub(super) reason: FailureReason,
    /// The call that failed, where it was one.
    pub(super) call: Option<PortError>,
}

impl Failed {
    pub(super) fn call(reason: FailureReason, error: PortError) -> Self {
        Self {
            reason,
            call: Some(error),
        }
    }

    pub(super) fn store(error: PortError) -> Self {
        Self::call(FailureReason::StoreUnavailable, error)
    }
}

impl From<FailureReason> for Failed {
    fn from(reason: FailureReason) -> Self {
        Self { reason, call: None }
    }
}

/// One record's attempt.
pub(super) struct Context<'a, H> {
    pub(super) home: &'a H,
    pub(super) config: &'a EnrichConfig,
    pub(super) record: &'a Record,
    pub(super) trigger: &'a Trigger,
    /// Distinguishes this attempt's claim from every other.
    pub(super) token: String,
    /// When the record's time is over.
    pub(super) deadline: Instant,
    /// How many effects may be under way at once in this invocation.
    pub(super) sends: &'a Semaphore,
    pub(super) progress: &'a mut Progress,
}

impl<'a, H: Home> Context<'a, H> {
    pub(super) fn new(
        (home, config): (&'a H, &'a EnrichConfig),
        sends: &'a Semaphore,
        (record, trigger): (&'a Record, &'a Trigger),
        progress: &'a mut Progress,
    ) -> Self {
        let token = u128::from_be_bytes(home.entropy().bits());
        Self {
            home,
            config,
            record,
            trigger,
            token: format!("{token:032x}"),
            deadline: Instant::now() + config.pace.record,
            sends,
            progress,
        }
    }

    pub(super) fn ledger(&self) -> Ledger<'a, H::Store> {
        Ledger::new(self.home.store())
    }

    pub(super) fn name(&self) -> &'a EventName {
        &self.trigger.name
    }

    pub(super) fn now(&self) -> Timestamp {
        self.home.clock().now()
    }

    pub(super) fn subject(&self) -> Subject<'a> {
        self.progress.subject(self.trigger)
    }

    /// Puts the message back as a copy, and only then lets go of this one: a crash between the two doubles a trigger, which is harmless.
    pub(super) async fn defer(&self, reason: DeferReason, seconds: u32) -> Result<Outcome, Failed> {
        let waiting = self.trigger.waiting.next(reason, self.now());
        self.put_back(waiting, reason, seconds).await
    }

    /// The same for an event of which nothing could be sent, for want of a turn or of time.
    pub(super) async fn defer_unsent(&self, seconds: u32) -> Result<Outcome, Failed> {
        let waiting = self.trigger.waiting.next_unsent(self.now());
        let reason = DeferReason::NoTimeLeft;
        self.put_back(waiting, reason, seconds).await
    }

    async fn put_back(
        &self,
        waiting: Option<Waiting>,
        reason: DeferReason,
        seconds: u32,
    ) -> Result<Outcome, Failed> {
        let seconds = seconds.min(QUEUE_DELAY_SECONDS_MAX);
        let Some(waiting) = waiting else {
            return Err(FailureReason::HopsExhausted.into());
        };
        let hop = waiting.hop;
        let copy = Trigger {
            waiting,
            ..self.trigger.clone()
        };
        let message = OutgoingMessage {
            body: copy.body(),
            delay_seconds: seconds,
            trace: self.record.trace.clone(),
        };
        let sent = self.home.queue().send(message).await;
        sent.map_err(|error| Failed::call(FailureReason::QueueUnavailable, error))?;
        LeadDeferred {
            subject: self.subject(),
            reason,
            seconds,
            hop,
        }
        .emit();
        Ok(Outcome::Deferred { reason, seconds })
    }

    /// The event had come to its end before.
    pub(super) fn acked(&self, done: Done) -> Outcome {
        acked(self.subject(), done)
    }

    /// Reports a call that failed, whether or not the attempt goes on.
    pub(super) fn report_failed_call(&self, error: &PortError) {
        let subject = self.subject();
        CallFailed { subject, error }.emit();
    }
}

/// Work to its end, or why it has none: neither a panic of it nor a hang touches anything else.
pub(super) async fn guarded<T>(
    deadline: Duration,
    work: impl Future<Output = T>,
) -> Result<T, FailureReason> {
    match timeout(deadline, AssertUnwindSafe(work).catch_unwind()).await {
        Ok(Ok(ended)) => Ok(ended),
        Ok(Err(_panic)) => Err(FailureReason::Panicked),
        Err(_elapsed) => Err(FailureReason::DeadlineExceeded),
    }
}

/// An event had come to its end before.
pub(super) fn acked(subject: Subject<'_>, done: Done) -> Outcome {
    let state = match done {
        Done::Mailed | Done::MailedBefore => "sent",
        Done::Parked => "parked",
        Done::Forgotten => "forgotten",
        Done::Silent | Done::SilentBefore => "silent",
        Done::CanaryFailed => "failed",
        Done::LeftWaiting => "waiting",
        Done::Woken => "woken",
    };
    RecordAcked { subject, state }.emit();
    Outcome::Done(done)
}

/// A time so many seconds later.
pub(super) fn later(time: Timestamp, seconds: u32) -> Timestamp {
    time.checked_add(SignedDuration::from_secs(i64::from(seconds)))
        .unwrap_or(time)
}

/// Whether a record counts for the objective: replays and an operator's bare messages do not.
pub(super) fn counts_for_slo(trigger: &Trigger) -> bool {
    trigger.facts.is_some() && trigger.name.revision() == 0
}
