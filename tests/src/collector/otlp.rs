//! From OTLP's protobuf to spans.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue, any_value};
use opentelemetry_proto::tonic::trace::v1 as proto;
use prost::Message as _;

use super::span::{Attribute, Kind, Link, Span, Status};

/// Reads the body of a `POST /v1/traces`.
///
/// # Errors
/// It is not what OTLP says, or an id has a wrong length.
pub(super) fn decode(body: &[u8]) -> Result<Vec<Span>> {
    let request = ExportTraceServiceRequest::decode(body).context("the body is not OTLP")?;
    let mut spans = Vec::new();
    for of_resource in request.resource_spans {
        let resource = of_resource.resource.unwrap_or_default().attributes;
        let resource = attributes(&resource);
        for of_scope in of_resource.scope_spans {
            let scope = of_scope.scope.unwrap_or_default().name;
            for span in of_scope.spans {
                spans.push(read(span, &resource, &scope)?);
            }
        }
    }
    Ok(spans)
}

fn read(span: proto::Span, resource: &BTreeMap<String, Attribute>, scope: &str) -> Result<Span> {
    let name = span.name;
    let parent = Some(span.parent_span_id).filter(|parent| !parent.is_empty());
    let event = |event: proto::span::Event| (event.name, attributes(&event.attributes));
    Ok(Span {
        resource: resource.clone(),
        scope: scope.to_owned(),
        trace_id: id(&span.trace_id, 16).with_context(|| name.clone())?,
        span_id: id(&span.span_id, 8).with_context(|| name.clone())?,
        parent: parent.map(|parent| id(&parent, 8)).transpose()?,
        kind: kind(span.kind),
        start: span.start_time_unix_nano,
        end: span.end_time_unix_nano,
        attributes: attributes(&span.attributes),
        events: span.events.into_iter().map(event).collect(),
        links: span.links.iter().map(link).collect::<Result<_>>()?,
        status: span.status.map(status).unwrap_or_default(),
        name,
    })
}

fn link(link: &proto::span::Link) -> Result<Link> {
    Ok(Link {
        trace_id: id(&link.trace_id, 16)?,
        span_id: id(&link.span_id, 8)?,
    })
}

/// An id is as long as it must be, and not all zeros.
fn id(bytes: &[u8], length: usize) -> Result<String> {
    let text = hex::encode(bytes);
    let is_valid = bytes.len() == length && bytes.iter().any(|byte| *byte != 0);
    is_valid
        .then_some(text.clone())
        .with_context(|| format!("{text:?} is no id of {length} bytes"))
}

fn kind(kind: i32) -> Kind {
    match proto::span::SpanKind::try_from(kind) {
        Ok(proto::span::SpanKind::Internal) => Kind::Internal,
        Ok(proto::span::SpanKind::Server) => Kind::Server,
        Ok(proto::span::SpanKind::Client) => Kind::Client,
        Ok(proto::span::SpanKind::Producer) => Kind::Producer,
        Ok(proto::span::SpanKind::Consumer) => Kind::Consumer,
        Ok(proto::span::SpanKind::Unspecified) | Err(_) => Kind::Unspecified,
    }
}

fn status(status: proto::Status) -> Status {
    match status.code() {
        proto::status::StatusCode::Unset => Status::Unset,
        proto::status::StatusCode::Ok => Status::Ok,
        proto::status::StatusCode::Error => Status::Error(status.message),
    }
}

fn attributes(pairs: &[KeyValue]) -> BTreeMap<String, Attribute> {
    let pair = |pair: &KeyValue| (pair.key.clone(), value(pair.value.as_ref()));
    pairs.iter().map(pair).collect()
}

fn value(value: Option<&AnyValue>) -> Attribute {
    match value.and_then(|value| value.value.as_ref()) {
        Some(any_value::Value::StringValue(text)) => Attribute::Text(text.clone()),
        Some(any_value::Value::IntValue(number)) => Attribute::Int(*number),
        Some(any_value::Value::DoubleValue(number)) => Attribute::Double(*number),
        Some(any_value::Value::BoolValue(yes)) => Attribute::Bool(*yes),
        other => Attribute::Other(format!("{other:?}")),
    }
}
