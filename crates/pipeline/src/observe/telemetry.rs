//! What the programs tell of their own telling.

use super::{count, count_many};
use crate::observe::metric::Metric;

/// A process was invoked for the first time.
#[derive(Debug)]
pub struct ColdStarted;

impl ColdStarted {
    /// Tells it.
    pub fn emit(self) {
        count(Metric::ColdStart);
        tracing::info!(event = "cold_started", "the first invocation of a process");
    }
}

/// Spans or metric values could not be delivered. No lead is touched by it.
#[derive(Debug)]
pub struct TelemetryDropped<'a> {
    /// Spans that are lost.
    pub spans: u64,
    /// Metric values that are lost.
    pub values: u64,
    /// Why, in our own words.
    pub reason: &'a str,
}

impl TelemetryDropped<'_> {
    /// Tells it.
    pub fn emit(self) {
        count_many(Metric::TelemetryDropped, self.spans + self.values);
        tracing::warn!(
            event = "telemetry_dropped",
            spans = self.spans,
            values = self.values,
            reason = self.reason,
            "telemetry could not be delivered"
        );
    }
}
