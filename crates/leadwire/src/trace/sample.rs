//! Traces as the pipeline makes them, for tests.

use leadwire_telemetry::SpanRecord;

/// A lead that was mailed at the first attempt. Its request came with a trace of its own.
pub(crate) const GOOD: &str = include_str!("../../fixtures/trace_good.json");
/// A lead whose owner came late: three attempts, each in a message that the one before it sent.
pub(crate) const LATE_OWNER: &str = include_str!("../../fixtures/trace_late_owner.json");
/// A lead whose mail server did not answer at the first attempt; the same message came again.
pub(crate) const REDELIVERY: &str = include_str!("../../fixtures/trace_redelivery.json");
/// A lead that had lost its trigger. The sweep's own span is in another trace.
pub(crate) const SWEPT: &str = include_str!("../../fixtures/trace_swept.json");

pub(crate) fn spans(text: &str) -> Vec<SpanRecord> {
    serde_json::from_str(text).unwrap()
}
