//! What happened, and how it is told: one struct per event, whose `emit` tells its metrics and then one log line, in this order: the line
//! takes the metrics with it where they are written as lines too. The stages say what happened; only this room names metrics, so that
//! tracing, metrics and dashboards can change without a pass through the stages.

mod canary;
mod enrich;
mod ingest;
pub mod metric;
mod sweep;
mod telemetry;
mod trouble;

pub use canary::{CanaryFailed, CanaryNotSent, CanarySent};
pub use enrich::{
    ClaimParked, EmailAmbiguous, EmailSent, EnrichmentBegan, LeadDeferred, LeadEnriched,
    LookupDenied, RecordAcked, RecordFailed, ReplaySettled, Timeliness,
};
pub use ingest::{LeadAccepted, Rejection, RequestIgnored, RequestRejected};
pub use sweep::{EventSwept, SweepFinished};
pub use telemetry::{ColdStarted, TelemetryDropped};
pub use trouble::{
    BadMessage, CallFailed, FailureNotRecorded, OwnerEmailInvalid, SourcesUnavailable,
};

use crate::observe::metric::{Dimension, Metric};
use jiff::SignedDuration;
use leadwire_domain::lead::id::{EventId, LeadId};
use leadwire_domain::source::Source;
use std::error::Error;

/// Whom and what an event is about: the ids at the top level of every log line. `trace_id` and `span_id` are added by the telemetry room, from the span that is open.
#[derive(Clone, Copy, Debug, Default)]
pub struct Subject<'a> {
    /// The lead, where it is known.
    pub lead_id: Option<&'a LeadId>,
    /// The event, where it is known.
    pub event_id: Option<&'a EventId>,
    /// Where it came from, where that is known: it decides whether the event is counted.
    pub source: Option<Source>,
}

impl<'a> Subject<'a> {
    fn lead(&self) -> Option<&'a str> {
        self.lead_id.map(LeadId::as_str)
    }

    fn event(&self) -> Option<&'a str> {
        self.event_id.map(EventId::as_str)
    }

    /// Whether what happens to it is counted. Whatever is not known to be uncounted is.
    fn is_counted(&self) -> bool {
        self.source.is_none_or(is_counted)
    }
}

/// Whether the events of a source count in metrics: its kind says so.
pub(crate) fn is_counted(source: Source) -> bool {
    source.is_metered()
}

/// An error's whole chain in one line.
fn chain(error: &(dyn Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}

#[expect(clippy::disallowed_macros, reason = "the one place that tells metrics")]
fn count(metric: Metric) {
    metrics::counter!(metric.name()).increment(1);
}

#[expect(clippy::disallowed_macros, reason = "the one place that tells metrics")]
fn count_many(metric: Metric, many: u64) {
    metrics::counter!(metric.name()).increment(many);
}

#[expect(clippy::disallowed_macros, reason = "the one place that tells metrics")]
fn count_by(metric: Metric, dimension: Dimension, value: &'static str) {
    metrics::counter!(metric.name(), dimension.name() => value).increment(1);
}

#[expect(clippy::disallowed_macros, reason = "the one place that tells metrics")]
fn record_millis(metric: Metric, time: SignedDuration) {
    metrics::histogram!(metric.name()).record(millis(time));
}

#[expect(clippy::disallowed_macros, reason = "the one place that tells metrics")]
fn record_millis_by(
    metric: Metric,
    time: SignedDuration,
    dimension: Dimension,
    value: &'static str,
) {
    metrics::histogram!(metric.name(), dimension.name() => value).record(millis(time));
}

/// Milliseconds, never below zero: clocks differ.
fn millis(time: SignedDuration) -> f64 {
    time.as_secs_f64().max(0.0) * 1000.0
}

/// Whole milliseconds for a log line, never below zero.
fn whole_millis(time: SignedDuration) -> u64 {
    u64::try_from(time.as_millis().max(0)).unwrap_or(u64::MAX)
}
