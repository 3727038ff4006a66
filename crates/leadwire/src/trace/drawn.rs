//! The request of a lead whose spans were not kept, because it came in a flood and there was nothing to tell: drawn from what is stored.

use leadwire_domain::source::Source;
use leadwire_pipeline::ledger::history::EventHistory;
use leadwire_telemetry::{Kind, SpanRecord};

/// The spans of an event's trace with its request's, which is drawn where it was not kept.
pub(crate) fn with_request(event: &EventHistory, mut spans: Vec<SpanRecord>) -> Vec<SpanRecord> {
    let has_request = spans
        .iter()
        .any(|span| span.kind == Kind::Server && span.parent_id.is_none());
    if !has_request && let Some(request) = request(event) {
        spans.insert(0, request);
    }
    spans
}

fn request(event: &EventHistory) -> Option<SpanRecord> {
    let received = event.received.as_ref()?;
    let nanos = |time: jiff::Timestamp| i64::try_from(time.as_nanosecond()).unwrap_or(i64::MAX);
    let named = format!("/ingest/{}", received.source);
    let route = match Source::of_path(&named) {
        Some(_) => "/ingest/{source}",
        None => "/ingest",
    };
    let attributes = [
        ("leadwire.source", &*received.source),
        ("leadwire.lead_id", &received.lead_id),
        ("leadwire.event_id", &received.event_id),
        ("leadwire.outcome", "accepted"),
    ];
    Some(SpanRecord {
        trace_id: received.trace_id.clone()?,
        span_id: received.span_id.clone()?,
        parent_id: None,
        name: format!("POST {route}"),
        kind: Kind::Server,
        start_unix_nanos: nanos(received.accepted_at),
        end_unix_nanos: nanos(received.stored_at.max(received.accepted_at)),
        error: None,
        attributes: attributes
            .map(|(key, value)| (key.to_owned(), value.to_owned()))
            .into(),
        links: Vec::new(),
    })
}
