use super::*;
use crate::buffer::spans_of;
use opentelemetry::trace::{
    Span as _, SpanBuilder, SpanKind, TraceContextExt as _, TraceFlags, TraceId, TraceState,
    Tracer as _, TracerProvider as _,
};
use opentelemetry::{Context, StringValue};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::transform::trace::tonic::group_spans_by_resource_and_scope;
use prost::Message as _;
use std::time::Duration;

fn resource_of(pairs: &[(&'static str, &'static str)]) -> Resource {
    let pairs = pairs.iter().map(|&(key, value)| KeyValue::new(key, value));
    Resource::builder_empty().with_attributes(pairs).build()
}

/// What another reader makes of what is written here, and what the library's own way to write would have said.
fn assert_same(resource: &Resource, spans: Vec<SpanData>) {
    let written = request(&super::resource(resource), &spans);
    let read = ExportTraceServiceRequest::decode(written.as_slice()).unwrap();
    let expected = ExportTraceServiceRequest {
        resource_spans: group_spans_by_resource_and_scope(spans, &resource.into()),
    };
    assert_eq!(read, expected);
}

fn spans_with(builders: impl IntoIterator<Item = SpanBuilder>) -> Vec<SpanData> {
    spans_of(|provider| {
        let tracer = provider.tracer("leadwire");
        for builder in builders {
            drop(tracer.build_with_context(builder, &Context::new()));
        }
    })
}

fn remote(state: &str) -> SpanContext {
    SpanContext::new(
        TraceId::from(1_795_416_600_u128 << 96 | 7),
        SpanId::from(9),
        TraceFlags::SAMPLED,
        true,
        state.parse::<TraceState>().unwrap(),
    )
}

#[test]
fn a_span_with_a_parent_elsewhere_links_and_events_is_read_as_it_is() {
    let spans = spans_of(|provider| {
        let tracer = provider.tracer("leadwire");
        let parent = Context::new().with_remote_span_context(remote("vendor=1"));
        let process = SpanBuilder::from_name("process").with_kind(SpanKind::Consumer);
        let mut span = tracer.build_with_context(process, &parent);
        let producer = KeyValue::new("leadwire.link", "producer");
        span.add_link(remote("a=1,b=2"), vec![producer]);
        let timeout = KeyValue::new("exception.type", "Timeout");
        span.add_event("exception", vec![timeout]);
        span.set_status(Status::error("it did not answer"));
        let inner = parent.with_span(span);
        drop(tracer.build_with_context(SpanBuilder::from_name("S3.GetObject"), &inner));
    });
    assert_eq!(spans.len(), 2);
    assert_same(&resource_of(&[("service.name", "leadwire-enrich")]), spans);
}

#[test]
fn every_kind_and_every_status_is_read_as_it_is() {
    let kinds = [
        SpanKind::Client,
        SpanKind::Consumer,
        SpanKind::Internal,
        SpanKind::Producer,
        SpanKind::Server,
    ];
    let (silent, failed) = (Status::error(""), Status::error("why"));
    for status in [Status::Unset, Status::Ok, silent, failed] {
        let kinds = kinds.iter().cloned();
        let kinds = kinds.map(|kind| SpanBuilder::from_name("kind").with_kind(kind));
        let mut spans = spans_with(kinds);
        for span in &mut spans {
            span.status = status.clone();
        }
        assert_same(&resource_of(&[]), spans);
    }
}

#[test]
fn every_type_of_value_is_read_as_it_is_empty_ones_too() {
    let texts = |texts: &[&'static str]| -> Vec<StringValue> {
        texts.iter().map(|&text| text.into()).collect()
    };
    let attributes = [
        KeyValue::new("text", "Zoë"),
        KeyValue::new("empty", ""),
        KeyValue::new("", "no key"),
        KeyValue::new("true", true),
        KeyValue::new("false", false),
        KeyValue::new("zero", 0_i64),
        KeyValue::new("least", i64::MIN),
        KeyValue::new("most", i64::MAX),
        KeyValue::new("half", 0.5),
        KeyValue::new("nothing", -0.0),
        KeyValue::new("texts", Value::Array(Array::String(texts(&["a", ""])))),
        KeyValue::new("truths", Value::Array(Array::Bool(vec![true, false]))),
        KeyValue::new("numbers", Value::Array(Array::I64(vec![0, -1]))),
        KeyValue::new("doubles", Value::Array(Array::F64(vec![0.0, 1e300]))),
        KeyValue::new("none", Value::Array(Array::I64(Vec::new()))),
    ];
    let builder = SpanBuilder::from_name("values").with_attributes(attributes);
    assert_same(&resource_of(&[("host.name", "")]), spans_with([builder]));
}

#[test]
fn lengths_of_one_two_and_three_bytes_are_read_as_they_are() {
    let lengths = (0..300).chain(16_200..16_400).step_by(3);
    let builders = lengths.map(|length| {
        let text = KeyValue::new("aws.s3.key", "k".repeat(length));
        SpanBuilder::from_name("length").with_attributes([text])
    });
    let long = SpanBuilder::from_name("n".repeat(2_100_000));
    let spans = spans_with(builders.chain([long]));
    assert_same(&resource_of(&[("service.name", "leadwire")]), spans);
}

#[test]
fn what_was_left_out_is_counted_and_a_time_before_1970_is_1970() {
    let mut spans = spans_with([SpanBuilder::from_name("old")]);
    let span = spans.first_mut().unwrap();
    span.start_time = UNIX_EPOCH - Duration::from_secs(1);
    span.end_time = UNIX_EPOCH;
    span.dropped_attributes_count = 300;
    span.events.dropped_count = 2;
    span.links.dropped_count = 3;
    assert_same(&resource_of(&[]), spans);
}

#[test]
fn spans_of_two_scopes_are_told_apart() {
    let spans = spans_of(|provider| {
        for scope in ["one", "two"] {
            let scope = InstrumentationScope::builder(scope)
                .with_version("1.2")
                .with_attributes([KeyValue::new("own", true)])
                .build();
            let tracer = provider.tracer_with_scope(scope);
            drop(tracer.start("span"));
        }
    });
    assert_same(&resource_of(&[]), spans);
}
