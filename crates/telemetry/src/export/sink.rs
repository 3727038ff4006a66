//! Spans that stay on this machine, as plain data.

use crate::record::{Kind, SpanLink, SpanRecord, SpanSink};
use opentelemetry::trace::{SpanContext, SpanId, SpanKind, Status};
use opentelemetry_sdk::trace::SpanData;
use std::fmt;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

/// The way to a home's own store.
pub(crate) struct Sink(pub(crate) Arc<dyn SpanSink>);

impl fmt::Debug for Sink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sink")
    }
}

impl Sink {
    /// Hands spans over. Gives back how many could not be kept.
    pub(crate) fn send(&self, spans: &[SpanData]) -> u64 {
        let records = spans.iter().map(record).collect();
        self.0.keep(records).err().unwrap_or(0)
    }
}

/// A span as plain data.
pub(crate) fn record(span: &SpanData) -> SpanRecord {
    let (trace_id, span_id) = ids(&span.span_context);
    let parent = Some(span.parent_span_id).filter(|id| *id != SpanId::INVALID);
    let attributes = span.attributes.iter();
    let links = span.links.iter().map(|link| {
        let (trace_id, span_id) = ids(&link.span_context);
        SpanLink { trace_id, span_id }
    });
    SpanRecord {
        trace_id,
        span_id,
        parent_id: parent.map(|id| id.to_string()),
        name: span.name.to_string(),
        kind: kind(&span.span_kind),
        start_unix_nanos: nanos(span.start_time),
        end_unix_nanos: nanos(span.end_time),
        error: error(&span.status),
        attributes: attributes
            .map(|pair| (pair.key.to_string(), pair.value.to_string()))
            .collect(),
        links: links.collect(),
    }
}

fn ids(context: &SpanContext) -> (String, String) {
    (
        context.trace_id().to_string(),
        context.span_id().to_string(),
    )
}

fn kind(kind: &SpanKind) -> Kind {
    match kind {
        SpanKind::Internal => Kind::Internal,
        SpanKind::Server => Kind::Server,
        SpanKind::Client => Kind::Client,
        SpanKind::Producer => Kind::Producer,
        SpanKind::Consumer => Kind::Consumer,
    }
}

fn nanos(time: SystemTime) -> i64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_nanos()).unwrap_or(i64::MAX)
}

fn error(status: &Status) -> Option<String> {
    match status {
        Status::Error { description } if description.is_empty() => Some("failed".to_owned()),
        Status::Error { description } => Some(description.to_string()),
        Status::Unset | Status::Ok => None,
    }
}
