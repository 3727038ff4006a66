//! What `ingest` tells.

use super::{Subject, count_by, is_counted, record_millis_by, whole_millis};
use crate::observe::metric::{Dimension, Metric};
use jiff::SignedDuration;
use leadwire_domain::problem::Problem;
use leadwire_domain::source::Source;

/// A webhook was answered with 202.
#[derive(Debug)]
pub struct LeadAccepted<'a> {
    /// What it was about.
    pub subject: Subject<'a>,
    /// Where it came from.
    pub source: Source,
    /// Where its bytes lie.
    pub s3_key: &'a str,
    /// Whether it was there already.
    pub duplicate: bool,
    /// Whether it was there already with other bytes.
    pub conflicting: bool,
    /// Request in until answer ready.
    pub latency: SignedDuration,
    /// Seconds until it is enriched.
    pub wait_seconds: u32,
}

impl LeadAccepted<'_> {
    /// Tells it.
    pub fn emit(self) {
        let source = self.source.as_str();
        if is_counted(self.source) {
            self.count(source);
        }
        tracing::info!(
            event = "lead_accepted",
            lead_id = self.subject.lead(),
            event_id = self.subject.event(),
            source,
            s3_key = self.s3_key,
            duplicate = self.duplicate,
            conflicting = self.conflicting,
            wait_seconds = self.wait_seconds,
            duration_ms = whole_millis(self.latency),
            "lead accepted"
        );
    }

    fn count(&self, source: &'static str) {
        let metric = if self.duplicate {
            Metric::LeadsDuplicate
        } else {
            Metric::LeadsAccepted
        };
        count_by(metric, Dimension::Source, source);
        if self.conflicting {
            count_by(Metric::LeadsConflicting, Dimension::Source, source);
        }
        record_millis_by(
            Metric::IngestLatency,
            self.latency,
            Dimension::Source,
            source,
        );
    }
}

/// An event of a type that its source is not configured to take.
#[derive(Debug)]
pub struct RequestIgnored {
    /// Where it came from.
    pub source: Source,
}

impl RequestIgnored {
    /// Tells it.
    pub fn emit(self) {
        tracing::info!(
            event = "request_ignored",
            source = self.source.as_str(),
            "an event type that is not taken"
        );
    }
}

/// Why a request was refused: the values of the dimension `reason`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rejection {
    /// For the reason that the sender is told.
    Problem(Problem),
    /// The source has no secrets here. The sender is told that it could not be verified; counted apart, it cannot be taken for a wrong secret
    /// of a source that has one.
    NotConfigured,
}

impl Rejection {
    /// What the sender is told.
    pub fn problem(self) -> Problem {
        match self {
            Self::Problem(problem) => problem,
            Self::NotConfigured => Problem::Unverified,
        }
    }

    /// Its name in lines and in the dimension.
    pub fn code(self) -> &'static str {
        match self {
            Self::Problem(problem) => problem.code(),
            Self::NotConfigured => "not_configured",
        }
    }
}

impl From<Problem> for Rejection {
    fn from(problem: Problem) -> Self {
        Self::Problem(problem)
    }
}

/// A request was refused. What it contained is not told: it may be anything.
#[derive(Debug)]
pub struct RequestRejected<'a> {
    /// Where it came to, where that is known.
    pub source: Option<Source>,
    /// Why.
    pub reason: Rejection,
    /// More of why, in our own words.
    pub cause: Option<&'a str>,
    /// Under which key its bytes are kept, where they are.
    pub quarantined: Option<&'a str>,
}

impl RequestRejected<'_> {
    /// Tells it.
    pub fn emit(self) {
        let source = self.source.map(Source::as_str);
        let reason = self.reason.code();
        if self.source.is_none_or(is_counted) {
            count_by(Metric::LeadsRejected, Dimension::Reason, reason);
        }
        if self.reason == Rejection::Problem(Problem::Unavailable) {
            tracing::error!(
                event = "request_rejected",
                source,
                reason,
                cause = self.cause,
                "an event could not be taken in time"
            );
        } else {
            tracing::warn!(
                event = "request_rejected",
                source,
                reason,
                cause = self.cause,
                quarantine_key = self.quarantined,
                "request refused"
            );
        }
    }
}
