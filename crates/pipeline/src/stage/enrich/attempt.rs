//! One record's way through `enrich` (docs/PROTOCOL.md, steps a to f).

use super::record::{Done, Outcome, Record};
use crate::config::{EnrichConfig, RECORD_DEADLINE};
use crate::ledger::claim::{MailState, fetch_mail_state};
use crate::observe::{CallFailed, EnrichmentBegan, LeadDeferred, RecordAcked, Subject};
use crate::port::{
    Bucket, Clock, DelayQueue, Entropy, Fetched, Home, ObjectStore, OutgoingMessage, PortError,
};
use jiff::{SignedDuration, Timestamp};
use leadwire_domain::claim::{Claim, ClaimDecision, Settled, decide_claim};
use leadwire_domain::failure::FailureReason;
use leadwire_domain::key::{EventName, lookup_key};
use leadwire_domain::limits::{LOOKUP_BYTES_MAX, OBJECT_BYTES_MAX};
use leadwire_domain::message::Trigger;
use leadwire_domain::source::Source;
use leadwire_domain::wait::{DeferReason, WaitKind, decide_early_wait, seconds_until};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// Seconds after which a record comes back that found no time left in its invocation.
const NO_TIME_SECONDS: u32 = 1;

/// One record's attempt.
pub(super) struct Attempt<'a, H> {
    pub(super) home: &'a H,
    pub(super) config: &'a EnrichConfig,
    pub(super) record: &'a Record,
    pub(super) trigger: &'a Trigger,
    /// Tells this attempt's claim from every other.
    pub(super) token: String,
    /// Whether the mail may have gone out without a marker that says so.
    pub(super) in_doubt: AtomicBool,
    /// Whether that was told already.
    pub(super) doubt_told: AtomicBool,
    /// Where the event came from, by what is stored, once that was read: a bare message does not say it.
    pub(super) source: OnceLock<Source>,
}

/// An attempt that ends before its mail is settled.
pub(super) enum Stop {
    /// With this outcome.
    With(Outcome),
    /// Because a call on a port failed.
    Call(FailureReason, PortError),
}

impl From<Outcome> for Stop {
    fn from(outcome: Outcome) -> Self {
        Self::With(outcome)
    }
}

/// What lies in the store about an event, read at once.
pub(super) struct Found {
    pub(super) enriched: Fetched,
    pub(super) raw: Fetched,
    /// The owner file, where the message says whose it is. Whoever has a document already does not need it, nor its errors.
    pub(super) lookup: Option<Result<Fetched, PortError>>,
    pub(super) mail: MailState,
}

impl<'a, H: Home> Attempt<'a, H> {
    pub(super) fn new(
        home: &'a H,
        config: &'a EnrichConfig,
        record: &'a Record,
        trigger: &'a Trigger,
    ) -> Self {
        let token = u128::from_be_bytes(home.entropy().bits());
        Self {
            home,
            config,
            record,
            trigger,
            token: format!("{token:032x}"),
            in_doubt: AtomicBool::new(false),
            doubt_told: AtomicBool::new(false),
            source: OnceLock::new(),
        }
    }

    /// Runs the steps to an outcome.
    pub(super) async fn run(&self, remaining: Duration) -> Outcome {
        match self.steps(remaining).await {
            Ok(outcome) | Err(Stop::With(outcome)) => outcome,
            Err(Stop::Call(reason, error)) => {
                CallFailed {
                    subject: self.subject(),
                    error: &error,
                }
                .emit();
                Outcome::Failed(reason)
            }
        }
    }

    async fn steps(&self, remaining: Duration) -> Result<Outcome, Stop> {
        let now = self.now();
        if let Some(seconds) = self
            .not_before()
            .and_then(|not_before| decide_early_wait(now, not_before))
        {
            return self.defer(DeferReason::TooEarly, seconds).await;
        }
        if remaining < RECORD_DEADLINE {
            return self.defer(DeferReason::NoTimeLeft, NO_TIME_SECONDS).await;
        }
        let found = self.look().await?;
        self.stop_if_over(&found.mail).await?;
        self.tell_beginning(now);
        let mail = found.mail.clone();
        let document = self.document(found).await?;
        if let Some(outcome) = self.keep_quiet(&document, &mail).await? {
            return Ok(outcome);
        }
        self.mail(&document, mail).await
    }

    /// Steps b and c: everything that is known, in one round trip. `mail/X` is read on every receive: a message that comes after a lead
    /// was forgotten must not write its data again.
    async fn look(&self) -> Result<Found, Stop> {
        let name = &self.trigger.name;
        let (enriched_key, raw_key, mail_key) =
            (name.enriched_key(), name.raw_key(), name.mail_key());
        let store = self.home.store();
        let (enriched, raw, lookup, mail) = tokio::join!(
            store.get(Bucket::Enriched, &enriched_key, OBJECT_BYTES_MAX),
            store.get(Bucket::Raw, &raw_key, OBJECT_BYTES_MAX),
            self.look_up_owner(),
            fetch_mail_state(self.home, &mail_key),
        );
        let unavailable = |error| Stop::Call(FailureReason::StoreUnavailable, error);
        Ok(Found {
            enriched: enriched.map_err(unavailable)?,
            raw: raw.map_err(unavailable)?,
            lookup,
            mail: mail.map_err(unavailable)?,
        })
    }

    async fn look_up_owner(&self) -> Option<Result<Fetched, PortError>> {
        let facts = self.trigger.facts.as_ref()?;
        let key = lookup_key(&facts.lead_id);
        let store = self.home.store();
        Some(store.get(Bucket::Lookup, &key, LOOKUP_BYTES_MAX).await)
    }

    /// Step b: an event that has come to its end, or that another worker is at, needs nothing from this one. A revision also looks at its
    /// event: a forgotten lead is forgotten in every revision.
    async fn stop_if_over(&self, mail: &MailState) -> Result<(), Stop> {
        if self.trigger.name.revision() > 0 {
            let event: EventName = self.trigger.name.clone().with_revision(0);
            let base = fetch_mail_state(self.home, &event.mail_key())
                .await
                .map_err(|error| Stop::Call(FailureReason::StoreUnavailable, error))?;
            if matches!(base, MailState::Settled(Settled::Forgotten)) {
                return Err(self.acked(Done::Forgotten).into());
            }
        }
        match mail {
            MailState::Absent => Ok(()),
            MailState::Settled(settled) => Err(self.acked(done(*settled)).into()),
            MailState::Claimed(claim, _) => match self.decide(claim) {
                ClaimDecision::Parked => Err(self.acked(Done::ParkedBefore).into()),
                ClaimDecision::Wait { until } => Err(self.wait_for_claim(until).await),
                ClaimDecision::Mine | ClaimDecision::Take { .. } | ClaimDecision::Stale { .. } => {
                    Ok(())
                }
            },
        }
    }

    /// What to do about a claim that is there.
    pub(super) fn decide(&self, claim: &Claim) -> ClaimDecision {
        decide_claim(claim, &self.token, self.now(), self.config.boot.as_deref())
    }

    /// Comes back when the other worker's lease is over.
    pub(super) async fn wait_for_claim(&self, until: Timestamp) -> Stop {
        let seconds = seconds_until(self.now(), until).saturating_add(1);
        match self.defer(DeferReason::ClaimLive, seconds).await {
            Ok(outcome) => Stop::With(outcome),
            Err(stop) => stop,
        }
    }

    /// Puts the message back as a copy, and only then lets go of this one: a crash between the two doubles a trigger, which is harmless.
    pub(super) async fn defer(&self, reason: DeferReason, seconds: u32) -> Result<Outcome, Stop> {
        let seconds = seconds.min(leadwire_domain::limits::QUEUE_DELAY_SECONDS_MAX);
        let Some(waiting) = self.trigger.waiting.next(reason, self.now()) else {
            return Ok(Outcome::Failed(FailureReason::HopsExhausted));
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
        sent.map_err(|error| Stop::Call(FailureReason::QueueUnavailable, error))?;
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
        let state = match done {
            Done::Mailed | Done::MailedBefore => "sent",
            Done::Parked | Done::ParkedBefore => "parked",
            Done::Forgotten => "forgotten",
            Done::Silent | Done::SilentBefore => "silent",
            Done::CanaryFailed => "failed",
        };
        RecordAcked {
            subject: self.subject(),
            state,
        }
        .emit();
        Outcome::Done(done)
    }

    /// Told once for an event: at the first look that found it neither early nor over. A replay's delay would say nothing.
    fn tell_beginning(&self, now: Timestamp) {
        let waiting = &self.trigger.waiting;
        let first_look = self.trigger.name.revision() == 0
            && self.record.receive_count <= 1
            && waiting.kind == WaitKind::Early
            && matches!(
                waiting.reason,
                None | Some(DeferReason::TooEarly | DeferReason::NoTimeLeft)
            );
        if let (true, Some(facts)) = (first_look, &self.trigger.facts) {
            EnrichmentBegan {
                subject: self.subject(),
                source: facts.source,
                delay: now.duration_since(facts.accepted_at),
                lag: now.duration_since(facts.not_before),
            }
            .emit();
        }
    }

    /// What becomes of an attempt that was cut off, by a panic or its deadline: where the mail may be out, that is what counts.
    pub(super) fn cut_off(&self, reason: FailureReason) -> Outcome {
        if !self.in_doubt.load(Ordering::Relaxed) {
            return Outcome::Failed(reason);
        }
        if !self.doubt_told.load(Ordering::Relaxed) {
            self.tell_doubt();
        }
        Outcome::Failed(FailureReason::MailAmbiguous)
    }

    fn not_before(&self) -> Option<Timestamp> {
        self.trigger.facts.as_ref().map(|facts| facts.not_before)
    }

    pub(super) fn now(&self) -> Timestamp {
        self.home.clock().now()
    }

    pub(super) fn subject(&self) -> Subject<'a> {
        let facts = self.trigger.facts.as_ref();
        Subject {
            lead_id: facts.map(|f| &f.lead_id),
            event_id: facts.map(|f| &f.event_id),
            source: self
                .source
                .get()
                .copied()
                .or_else(|| facts.map(|f| f.source)),
        }
    }

    /// When the owner file stops being waited for.
    pub(super) fn owner_window_end(&self, accepted_at: Timestamp) -> Timestamp {
        let not_before = self
            .not_before()
            .unwrap_or_else(|| later(accepted_at, self.config.delay_seconds));
        later(not_before, self.config.owner_wait_seconds)
    }
}

/// What a settled marker means for a record that meets it.
pub(super) fn done(settled: Settled) -> Done {
    match settled {
        Settled::Sent => Done::MailedBefore,
        Settled::Forgotten => Done::Forgotten,
        Settled::Silent => Done::SilentBefore,
    }
}

pub(super) fn later(time: Timestamp, seconds: u32) -> Timestamp {
    time.checked_add(SignedDuration::from_secs(i64::from(seconds)))
        .unwrap_or(time)
}
