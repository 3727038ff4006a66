//! Spans as X-Ray's segment documents (docs.aws.amazon.com/xray/latest/devguide/xray-api-segmentdocuments.html).
//!
//! A request that was answered and a message that was worked on are segments, nodes of X-Ray's map. Everything else is a subsegment: inside the
//! document of its parent where both are flushed together, else a document of its own. X-Ray has no links of one's own, so they stand in the
//! metadata. Documents are written straight from the spans: this runs after every invocation.

use opentelemetry::trace::{Link, SpanId, SpanKind, Status, TraceId};
use opentelemetry::{Key, KeyValue, Value};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::SpanData;
use serde::ser::{Error as _, Serialize, SerializeMap, Serializer};
use serde_json::{Value as Json, json};
use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt;
use std::time::{SystemTime, UNIX_EPOCH};

/// The attributes that X-Ray can search by. It indexes 50 annotations of a trace, all its documents together, so they are few and on segments
/// alone: twelve attempts at a lead fit. All else is metadata.
const ANNOTATED: [&str; 4] = [
    "leadwire.lead_id",
    "leadwire.event_id",
    "leadwire.source",
    "leadwire.outcome",
];
/// The longest name of a segment.
const NAME_CHARS_MAX: usize = 200;

/// Who emits the spans.
#[derive(Debug)]
pub(crate) struct Service {
    name: String,
    version: String,
}

impl Service {
    pub(crate) fn of(resource: &Resource) -> Self {
        let text = |key: &'static str| {
            let value = resource.get(&Key::from_static_str(key));
            value.map(|value| value.to_string()).unwrap_or_default()
        };
        Self {
            name: name(&text("service.name")).into_owned(),
            version: text("service.version"),
        }
    }
}

/// The spans of one flush, as the trees that they make.
pub(crate) struct Forest<'a> {
    service: &'a Service,
    spans: &'a [SpanData],
    /// For each span, those inside it.
    inner: Vec<Vec<usize>>,
    outermost: Vec<usize>,
}

impl<'a> Forest<'a> {
    pub(crate) fn of(service: &'a Service, spans: &'a [SpanData]) -> Self {
        let key = |span: &SpanData| (span.span_context.trace_id(), span.span_context.span_id());
        let places: HashMap<(TraceId, SpanId), usize> = spans
            .iter()
            .enumerate()
            .map(|(place, span)| (key(span), place))
            .collect();
        let mut inner = vec![Vec::new(); spans.len()];
        let mut outermost = Vec::new();
        for (place, span) in spans.iter().enumerate() {
            let parent = (span.span_context.trace_id(), span.parent_span_id);
            let parent = places.get(&parent).filter(|_| !is_segment(span));
            match parent.and_then(|&parent| inner.get_mut(parent)) {
                Some(siblings) => siblings.push(place),
                None => outermost.push(place),
            }
        }
        Self {
            service,
            spans,
            inner,
            outermost,
        }
    }

    /// A document for each span that is in no other, with all that is in it.
    pub(crate) fn documents(&self) -> impl Iterator<Item = Document<'_>> {
        self.outermost.iter().map(|&place| Document {
            forest: self,
            place,
            form: Form::Whole,
        })
    }
}

/// How much of a span's tree a document holds.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    /// It and all that is in it.
    Whole,
    /// It alone.
    Alone,
    /// It and all that is in it, inside another document: which trace and which parent is known from there.
    Nested,
}

/// A segment or a subsegment, as a serializable value.
#[derive(Clone, Copy)]
pub(crate) struct Document<'a> {
    forest: &'a Forest<'a>,
    place: usize,
    form: Form,
}

impl<'a> Document<'a> {
    /// The same in smaller documents, the span alone and each that is in it with what is in that; none where it is alone already.
    pub(crate) fn parts(self) -> Option<impl Iterator<Item = Document<'a>>> {
        if self.form == Form::Alone {
            return None;
        }
        let alone = Document {
            form: Form::Alone,
            ..self
        };
        Some(std::iter::once(alone).chain(self.inner(Form::Whole)))
    }

    fn inner(self, form: Form) -> impl Iterator<Item = Document<'a>> {
        let places = self.forest.inner.get(self.place);
        let places = places.into_iter().flatten();
        places.map(move |&place| Document {
            forest: self.forest,
            place,
            form,
        })
    }
}

impl Serialize for Document<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Some(span) = self.forest.spans.get(self.place) else {
            return Err(S::Error::custom("a span that is not there"));
        };
        let mut members = serializer.serialize_map(None)?;
        let id = span.span_context.span_id();
        members.serialize_entry("id", &Text(id))?;
        members.serialize_entry("start_time", &seconds(span.start_time))?;
        members.serialize_entry("end_time", &seconds(span.end_time))?;
        if self.form != Form::Nested {
            let trace = XrayId(span.span_context.trace_id());
            members.serialize_entry("trace_id", &Text(trace))?;
            if span.parent_span_id != SpanId::INVALID {
                members.serialize_entry("parent_id", &Text(span.parent_span_id))?;
            }
        }
        if is_segment(span) {
            segment(&mut members, self.forest.service, &span.attributes)?;
        } else {
            if self.form != Form::Nested {
                members.serialize_entry("type", "subsegment")?;
            }
            subsegment(&mut members, span)?;
        }
        if let Status::Error { description } = &span.status {
            members.serialize_entry("fault", &true)?;
            members.serialize_entry("cause", &cause(id, description))?;
        }
        if is_segment(span) {
            members.serialize_entry("annotations", &Annotations(span))?;
        }
        members.serialize_entry("metadata", &One("leadwire", Metadata(span)))?;
        if self.form != Form::Alone && self.inner(Form::Nested).next().is_some() {
            let inner: Vec<Document<'_>> = self.inner(Form::Nested).collect();
            members.serialize_entry("subsegments", &inner)?;
        }
        members.end()
    }
}

fn is_segment(span: &SpanData) -> bool {
    matches!(span.span_kind, SpanKind::Server | SpanKind::Consumer)
}

fn segment<M: SerializeMap>(
    members: &mut M,
    service: &Service,
    attributes: &[KeyValue],
) -> Result<(), M::Error> {
    members.serialize_entry("name", &service.name)?;
    members.serialize_entry("service", &One("version", &service.version))?;
    if let Some(Value::I64(status)) = value(attributes, "http.response.status_code") {
        members.serialize_entry("http", &http(attributes, *status))?;
    }
    Ok(())
}

/// A call of an AWS service is drawn as that service; anything else by its own name.
fn subsegment<M: SerializeMap>(members: &mut M, span: &SpanData) -> Result<(), M::Error> {
    let text = |key| value(&span.attributes, key).map(Value::as_str);
    match text("rpc.service").zip(text("rpc.method")) {
        Some((service, operation)) => {
            members.serialize_entry("name", &name(&service))?;
            members.serialize_entry("namespace", "aws")?;
            members.serialize_entry("aws", &One("operation", &operation))
        }
        None => members.serialize_entry("name", &name(&span.name)),
    }
}

fn value<'a>(attributes: &'a [KeyValue], key: &str) -> Option<&'a Value> {
    let pair = attributes.iter().find(|pair| pair.key.as_str() == key);
    pair.map(|pair| &pair.value)
}

/// An object of one member.
struct One<T>(&'static str, T);

impl<T: Serialize> Serialize for One<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map([(self.0, &self.1)])
    }
}

/// A request and its answer. The path is given only where it is one of ours; X-Ray takes no null.
fn http(attributes: &[KeyValue], status: i64) -> Json {
    let members = [("method", "http.request.method"), ("url", "url.path")];
    let request = members.into_iter().filter_map(|(name, key)| {
        let text = value(attributes, key)?.as_str();
        Some((name, text))
    });
    let request: HashMap<_, _> = request.collect();
    json!({"request": request, "response": {"status": status}})
}

fn cause(id: SpanId, description: &str) -> Json {
    let message = if description.is_empty() {
        "failed"
    } else {
        description
    };
    json!({"exceptions": [{"id": id.to_string(), "message": message}]})
}

fn links(links: &[Link]) -> Vec<Json> {
    let links = links.iter().map(|link| {
        let context = &link.span_context;
        let (trace_id, span_id) = (context.trace_id(), context.span_id());
        json!({"trace_id": trace_id.to_string(), "span_id": span_id.to_string()})
    });
    links.collect()
}

/// What X-Ray can search by: names of letters, digits and `_`.
struct Annotations<'a>(&'a SpanData);

impl Serialize for Annotations<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut members = serializer.serialize_map(None)?;
        for pair in self.0.attributes.iter().filter(|pair| is_annotated(pair)) {
            put(&mut members, &Text(Word(pair.key.as_str())), &pair.value)?;
        }
        members.end()
    }
}

fn is_annotated(pair: &KeyValue) -> bool {
    ANNOTATED.contains(&pair.key.as_str())
}

/// What X-Ray shows and cannot search by: the span's name, its attributes by their own names, its links.
struct Metadata<'a>(&'a SpanData);

impl Serialize for Metadata<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self(span) = self;
        let is_annotated = |pair: &&KeyValue| is_segment(span) && is_annotated(pair);
        let mut members = serializer.serialize_map(None)?;
        members.serialize_entry("span_name", &span.name)?;
        for pair in span.attributes.iter().filter(|pair| !is_annotated(pair)) {
            put(&mut members, pair.key.as_str(), &pair.value)?;
        }
        if !span.links.is_empty() {
            members.serialize_entry("links", &links(&span.links))?;
        }
        members.end()
    }
}

fn put<M: SerializeMap, K: Serialize + ?Sized>(
    members: &mut M,
    key: &K,
    value: &Value,
) -> Result<(), M::Error> {
    if let Value::Bool(value) = value {
        members.serialize_entry(key, value)
    } else if let Value::I64(value) = value {
        members.serialize_entry(key, value)
    } else {
        members.serialize_entry(key, &value.as_str())
    }
}

/// A value that is written as its text.
struct Text<T>(T);

impl<T: fmt::Display> Serialize for Text<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

struct XrayId(TraceId);

impl fmt::Display for XrayId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let id = u128::from_be_bytes(self.0.to_bytes());
        write!(f, "1-{:08x}-{:024x}", id >> 96, id & (u128::MAX >> 32))
    }
}

struct Word<'a>(&'a str);

impl fmt::Display for Word<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut parts = self.0.split(|c: char| !c.is_ascii_alphanumeric());
        f.write_str(parts.next().unwrap_or_default())?;
        for part in parts {
            f.write_str("_")?;
            f.write_str(part)?;
        }
        Ok(())
    }
}

/// X-Ray takes letters, digits, spaces and a few marks.
fn name(text: &str) -> Cow<'_, str> {
    let is_taken = |c: char| c.is_ascii_alphanumeric() || " _.:/%&#=+\\-@".contains(c);
    if text.len() <= NAME_CHARS_MAX && text.chars().all(is_taken) {
        return text.into();
    }
    let taken = text.chars().filter(|&c| is_taken(c)).take(NAME_CHARS_MAX);
    Cow::Owned(taken.collect())
}

/// X-Ray's times are seconds with a fraction; microseconds survive in a double.
#[expect(
    clippy::as_conversions,
    clippy::cast_precision_loss,
    reason = "a time in microseconds since 1970 fits into a double's 53 bits"
)]
fn seconds(time: SystemTime) -> f64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    since.as_micros() as f64 / 1_000_000.0
}

#[cfg(test)]
mod tests;
