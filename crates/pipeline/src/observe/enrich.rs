//! What `enrich` tells.

use super::{Subject, count, is_counted, record_millis, record_millis_by, whole_millis};
use crate::observe::metric::{Dimension, Metric};
use jiff::SignedDuration;
use leadwire_domain::failure::FailureReason;
use leadwire_domain::message::Notify;
use leadwire_domain::source::Source;
use leadwire_domain::wait::DeferReason;

/// The first attempt at an event began.
#[derive(Debug)]
pub struct EnrichmentBegan<'a> {
    /// What it is about.
    pub subject: Subject<'a>,
    /// Where it came from.
    pub source: Source,
    /// Since it was accepted.
    pub delay: SignedDuration,
    /// Beyond the configured delay.
    pub lag: SignedDuration,
}

impl EnrichmentBegan<'_> {
    /// Tells it.
    pub fn emit(self) {
        if is_counted(self.source) {
            record_millis_by(
                Metric::EnrichmentDelay,
                self.delay,
                Dimension::Source,
                self.source.as_str(),
            );
            record_millis(Metric::EnrichmentLag, self.lag);
        }
        tracing::debug!(
            event = "enrichment_began",
            lead_id = self.subject.lead(),
            event_id = self.subject.event(),
            delay_ms = whole_millis(self.delay),
            lag_ms = whole_millis(self.lag),
            "enrichment began"
        );
    }
}

/// An enriched document was made and stored.
#[derive(Debug)]
pub struct LeadEnriched<'a> {
    /// What it is about.
    pub subject: Subject<'a>,
    /// Fields on which the sides disagree.
    pub conflicts: usize,
    /// Whether there was an owner file.
    pub owner_found: bool,
}

impl LeadEnriched<'_> {
    /// Tells it.
    pub fn emit(self) {
        if self.subject.is_counted() {
            count(Metric::LeadsEnriched);
        }
        tracing::info!(
            event = "lead_enriched",
            lead_id = self.subject.lead(),
            event_id = self.subject.event(),
            conflicts = self.conflicts,
            owner_found = self.owner_found,
            "lead enriched"
        );
    }
}

/// The lookup bucket answered 403: the owner file may be missing, or the role may not read it.
#[derive(Debug)]
pub struct LookupDenied<'a> {
    /// What it is about.
    pub subject: Subject<'a>,
}

impl LookupDenied<'_> {
    /// Tells it.
    pub fn emit(self) {
        if self.subject.is_counted() {
            count(Metric::LookupDenied);
        }
        tracing::warn!(
            event = "lookup_denied",
            lead_id = self.subject.lead(),
            event_id = self.subject.event(),
            "the lookup bucket answered 403"
        );
    }
}

/// A message was put back, at no cost in receives.
#[derive(Debug)]
pub struct LeadDeferred<'a> {
    /// What it is about.
    pub subject: Subject<'a>,
    /// Why.
    pub reason: DeferReason,
    /// For how long.
    pub seconds: u32,
    /// Which hop of its kind this is.
    pub hop: u8,
}

impl LeadDeferred<'_> {
    /// Tells it.
    pub fn emit(self) {
        if self.subject.is_counted() {
            match self.reason {
                DeferReason::OwnerAbsent => count(Metric::OwnerPending),
                DeferReason::MailUnavailable => count(Metric::MailDeferred),
                DeferReason::TooEarly | DeferReason::ClaimLive | DeferReason::NoTimeLeft => {}
            }
        }
        tracing::info!(
            event = "lead_deferred",
            lead_id = self.subject.lead(),
            event_id = self.subject.event(),
            reason = self.reason.code(),
            wait_seconds = self.seconds,
            hop = self.hop,
            "lead waits"
        );
    }
}

/// Whether a mail counts for the objective, and how.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Timeliness {
    /// Within 60 s of the later of `not_before` and the owner file.
    InTime,
    /// Later.
    Late,
    /// An operator's bare message.
    NotCounted,
    /// A replay: not even how long it took since the webhook says anything.
    Replayed,
}

/// The mail service took the mail.
#[derive(Debug)]
pub struct EmailSent<'a> {
    /// What it is about.
    pub subject: Subject<'a>,
    /// Where it came from.
    pub source: Source,
    /// The mail service's id.
    pub message_id: &'a str,
    /// Which attempt it was.
    pub attempt: u32,
    /// Since the webhook was accepted.
    pub latency: SignedDuration,
    /// How it counts.
    pub timeliness: Timeliness,
}

impl EmailSent<'_> {
    /// Tells it.
    pub fn emit(self) {
        self.count();
        tracing::info!(
            event = "email_sent",
            lead_id = self.subject.lead(),
            event_id = self.subject.event(),
            message_id = self.message_id,
            attempt = self.attempt,
            latency_ms = whole_millis(self.latency),
            "lead mailed"
        );
    }

    fn count(&self) {
        if !is_counted(self.source) {
            return count(Metric::CanaryMailed);
        }
        count(Metric::EmailsSent);
        if self.timeliness != Timeliness::Replayed {
            record_millis_by(
                Metric::EndToEndLatency,
                self.latency,
                Dimension::Source,
                self.source.as_str(),
            );
        }
        match self.timeliness {
            Timeliness::InTime => count(Metric::MailedInTime),
            Timeliness::Late => count(Metric::MailedLate),
            Timeliness::NotCounted | Timeliness::Replayed => {}
        }
    }
}

/// Nobody knows whether a mail went out.
#[derive(Debug)]
pub struct EmailAmbiguous<'a> {
    /// What it is about.
    pub subject: Subject<'a>,
}

impl EmailAmbiguous<'_> {
    /// Tells it.
    pub fn emit(self) {
        if self.subject.is_counted() {
            count(Metric::EmailsAmbiguous);
        }
        tracing::warn!(
            event = "email_ambiguous",
            lead_id = self.subject.lead(),
            event_id = self.subject.event(),
            "whether the mail went out is not known"
        );
    }
}

/// A doubtful mail was parked for a person.
#[derive(Debug)]
pub struct ClaimParked<'a> {
    /// What it is about.
    pub subject: Subject<'a>,
    /// Whether it counts for the objective.
    pub counted: bool,
}

impl ClaimParked<'_> {
    /// Tells it.
    pub fn emit(self) {
        if self.subject.is_counted() {
            count(Metric::EmailsParked);
            if self.counted {
                count(Metric::NotMailed);
            }
        }
        tracing::error!(
            event = "email_parked",
            lead_id = self.subject.lead(),
            event_id = self.subject.event(),
            "parked for a person: whether the mail went out is not known"
        );
    }
}

/// A replay came to its end and mailed nobody.
#[derive(Debug)]
pub struct ReplaySettled<'a> {
    /// What it is about.
    pub subject: Subject<'a>,
    /// Which revision it is.
    pub revision: u32,
    /// What it was to do.
    pub notify: Notify,
}

impl ReplaySettled<'_> {
    /// Tells it.
    pub fn emit(self) {
        tracing::info!(
            event = "replay_settled",
            lead_id = self.subject.lead(),
            event_id = self.subject.event(),
            revision = self.revision,
            notify = self.notify.code(),
            "replayed without a mail"
        );
    }
}

/// A message had nothing left to do: its event had come to its end before.
#[derive(Debug)]
pub struct RecordAcked<'a> {
    /// What it is about.
    pub subject: Subject<'a>,
    /// What the end was.
    pub state: &'static str,
}

impl RecordAcked<'_> {
    /// Tells it.
    pub fn emit(self) {
        tracing::info!(
            event = "record_acked",
            lead_id = self.subject.lead(),
            event_id = self.subject.event(),
            state = self.state,
            "nothing left to do"
        );
    }
}

/// A record was reported as failed.
#[derive(Debug)]
pub struct RecordFailed<'a> {
    /// What it is about.
    pub subject: Subject<'a>,
    /// The queue's id of the message.
    pub message_id: &'a str,
    /// Why.
    pub reason: FailureReason,
    /// How often it had been received.
    pub receives: u32,
    /// Whether this was the last receive.
    pub is_final: bool,
    /// Whether it counts for the objective.
    pub counted: bool,
}

impl RecordFailed<'_> {
    /// Tells it.
    pub fn emit(self) {
        if self.subject.is_counted() {
            self.count();
        }
        let reason = self.reason.code();
        if self.is_final {
            tracing::error!(
                event = "record_failed",
                lead_id = self.subject.lead(),
                event_id = self.subject.event(),
                message_id = self.message_id,
                reason,
                receives = self.receives,
                advice = self.reason.advice(),
                "the last receive failed; the message goes to the dead-letter queue"
            );
        } else {
            tracing::warn!(
                event = "record_failed",
                lead_id = self.subject.lead(),
                event_id = self.subject.event(),
                message_id = self.message_id,
                reason,
                receives = self.receives,
                "a receive failed"
            );
        }
    }

    fn count(&self) {
        count(Metric::BatchItemFailures);
        if self.is_final {
            count(Metric::FinalAttemptFailed);
            if self.counted {
                count(Metric::NotMailed);
            }
        }
    }
}
