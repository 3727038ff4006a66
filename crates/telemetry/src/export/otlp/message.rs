//! OTLP's `ExportTraceServiceRequest`, written straight from the spans. The library's own types would copy every text of a span before they
//! write it, once an invocation; the tests read what is written here by those types.
//!
//! The numbers of the fields are those of opentelemetry-proto's `trace.proto`, `common.proto` and `resource.proto`.

use opentelemetry::trace::{Event, Link, SpanContext, SpanId, Status};
use opentelemetry::{Array, InstrumentationScope, Key, KeyValue, Value};
use opentelemetry_proto::tonic::trace::v1::{span, status};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::SpanData;
use prost::encoding::{self, WireType, encode_key, encode_varint};
use std::time::{SystemTime, UNIX_EPOCH};

/// Whether bit 9 of `flags` says anything (`SPAN_FLAGS_CONTEXT_HAS_IS_REMOTE_MASK`),
const HAS_IS_REMOTE: u32 = 1 << 8;
/// and what it says (`SPAN_FLAGS_CONTEXT_IS_REMOTE_MASK`).
const IS_REMOTE: u32 = 1 << 9;
/// About what a span takes.
const SPAN_BYTES: usize = 512;

/// A `Resource`, which is the same in every request.
pub(super) fn resource(resource: &Resource) -> Vec<u8> {
    let mut out = Vec::new();
    for (key, value) in resource {
        attribute(&mut out, 1, key, value);
    }
    out
}

/// A request with these spans.
pub(super) fn request(resource: &[u8], spans: &[SpanData]) -> Vec<u8> {
    let mut out = Vec::with_capacity(resource.len() + (spans.len() + 1) * SPAN_BYTES);
    message(&mut out, 1, |out| {
        present_bytes(out, 1, resource);
        let of_one_scope =
            |a: &SpanData, b: &SpanData| a.instrumentation_scope == b.instrumentation_scope;
        for spans in spans.chunk_by(of_one_scope) {
            message(out, 2, |out| scope_spans(out, spans));
        }
    });
    out
}

fn scope_spans(out: &mut Vec<u8>, spans: &[SpanData]) {
    if let Some(first) = spans.first() {
        message(out, 1, |out| scope(out, &first.instrumentation_scope));
    }
    for span in spans {
        message(out, 2, |out| self::span(out, span));
    }
}

fn scope(out: &mut Vec<u8>, scope: &InstrumentationScope) {
    text(out, 1, scope.name());
    text(out, 2, scope.version().unwrap_or_default());
    attributes(out, 3, scope.attributes());
}

fn span(out: &mut Vec<u8>, span: &SpanData) {
    let context = &span.span_context;
    ids(out, context);
    if span.parent_span_id != SpanId::INVALID {
        bytes(out, 4, &span.parent_span_id.to_bytes());
    }
    text(out, 5, &span.name);
    code(out, 6, span::SpanKind::from(span.span_kind.clone()));
    fixed64(out, 7, nanos(span.start_time));
    fixed64(out, 8, nanos(span.end_time));
    attributes(out, 9, &span.attributes);
    number(out, 10, span.dropped_attributes_count.into());
    for event in span.events.iter() {
        message(out, 11, |out| self::event(out, event));
    }
    number(out, 12, span.events.dropped_count.into());
    for link in span.links.iter() {
        message(out, 13, |out| self::link(out, link));
    }
    number(out, 14, span.links.dropped_count.into());
    message(out, 15, |out| self::status(out, &span.status));
    flags(out, 16, context, span.parent_span_is_remote);
}

fn event(out: &mut Vec<u8>, event: &Event) {
    fixed64(out, 1, nanos(event.timestamp));
    text(out, 2, &event.name);
    attributes(out, 3, &event.attributes);
    number(out, 4, event.dropped_attributes_count.into());
}

fn link(out: &mut Vec<u8>, link: &Link) {
    ids(out, &link.span_context);
    attributes(out, 4, &link.attributes);
    number(out, 5, link.dropped_attributes_count.into());
    let context = &link.span_context;
    flags(out, 6, context, context.is_remote());
}

fn status(out: &mut Vec<u8>, status: &Status) {
    if let Status::Error { description } = status {
        text(out, 2, description);
    }
    code(out, 3, status::StatusCode::from(status));
}

/// The first three fields of a span and of a link.
fn ids(out: &mut Vec<u8>, context: &SpanContext) {
    bytes(out, 1, &context.trace_id().to_bytes());
    bytes(out, 2, &context.span_id().to_bytes());
    text(out, 3, &context.trace_state().header());
}

/// W3C's flags, and whether the parent of a span, or the end of a link, is in another process.
fn flags(out: &mut Vec<u8>, tag: u32, context: &SpanContext, is_remote: bool) {
    let remote = if is_remote { IS_REMOTE } else { 0 };
    let flags = u32::from(context.trace_flags().to_u8()) | HAS_IS_REMOTE | remote;
    encoding::fixed32::encode(tag, &flags, out);
}

fn attributes<'a>(out: &mut Vec<u8>, tag: u32, pairs: impl IntoIterator<Item = &'a KeyValue>) {
    for pair in pairs {
        attribute(out, tag, &pair.key, &pair.value);
    }
}

fn attribute(out: &mut Vec<u8>, tag: u32, key: &Key, value: &Value) {
    message(out, tag, |out| {
        text(out, 1, key.as_str());
        message(out, 2, |out| any_value(out, value));
    });
}

/// An `AnyValue`: which of its fields is there says what it is, so that an empty one is written too.
fn any_value(out: &mut Vec<u8>, value: &Value) {
    match value {
        Value::String(text) => present_bytes(out, 1, text.as_str().as_bytes()),
        Value::Bool(truth) => encoding::bool::encode(2, truth, out),
        Value::I64(number) => encoding::int64::encode(3, number, out),
        Value::F64(number) => encoding::double::encode(4, number, out),
        Value::Array(array) => message(out, 5, |out| match array {
            Array::String(all) => each(out, all, |out, one| {
                present_bytes(out, 1, one.as_str().as_bytes());
            }),
            Array::Bool(all) => each(out, all, |out, one| encoding::bool::encode(2, one, out)),
            Array::I64(all) => each(out, all, |out, one| encoding::int64::encode(3, one, out)),
            Array::F64(all) => each(out, all, |out, one| encoding::double::encode(4, one, out)),
            // There is none: the type may only grow.
            _ => {}
        }),
        // As above; an attribute without a value is a legal one.
        _ => {}
    }
}

fn each<T>(out: &mut Vec<u8>, all: &[T], write: impl Fn(&mut Vec<u8>, &T)) {
    for one in all {
        message(out, 1, |out| write(out, one));
    }
}

/// A message within a message: its length stands before it and is known after it.
fn message(out: &mut Vec<u8>, tag: u32, write: impl FnOnce(&mut Vec<u8>)) {
    encode_key(tag, WireType::LengthDelimited, out);
    let start = out.len();
    write(out);
    let end = out.len();
    length(out, end - start);
    // The length was written behind the message; it goes before it.
    let digits = out.len() - end;
    if let Some(written) = out.get_mut(start..) {
        written.rotate_right(digits);
    }
}

fn text(out: &mut Vec<u8>, tag: u32, text: &str) {
    bytes(out, tag, text.as_bytes());
}

/// Nothing at all where it is empty, as everywhere in protobuf.
fn bytes(out: &mut Vec<u8>, tag: u32, bytes: &[u8]) {
    if !bytes.is_empty() {
        present_bytes(out, tag, bytes);
    }
}

fn present_bytes(out: &mut Vec<u8>, tag: u32, bytes: &[u8]) {
    encode_key(tag, WireType::LengthDelimited, out);
    length(out, bytes.len());
    out.extend_from_slice(bytes);
}

fn length(out: &mut Vec<u8>, length: usize) {
    encode_varint(u64::try_from(length).unwrap_or(u64::MAX), out);
}

/// One of a list of named values.
fn code(out: &mut Vec<u8>, tag: u32, code: impl Into<i32>) {
    number(out, tag, u64::try_from(code.into()).unwrap_or_default());
}

fn number(out: &mut Vec<u8>, tag: u32, number: u64) {
    if number > 0 {
        encoding::uint64::encode(tag, &number, out);
    }
}

fn fixed64(out: &mut Vec<u8>, tag: u32, number: u64) {
    if number > 0 {
        encoding::fixed64::encode(tag, &number, out);
    }
}

/// Since 1970; what lies before is 1970.
fn nanos(time: SystemTime) -> u64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;
