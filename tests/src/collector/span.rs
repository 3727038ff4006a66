//! Spans as a collector keeps them, and questions about many.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use anyhow::{Context, Result, bail, ensure};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::{KeyValue, any_value};
use opentelemetry_proto::tonic::trace::v1 as proto;
use opentelemetry_proto::tonic::trace::v1::status::StatusCode;
use prost::Message as _;
use serde_json::Value;

/// What a span is to the other side.
pub use opentelemetry_proto::tonic::trace::v1::span::SpanKind as Kind;

/// Attributes by their names.
pub type Attributes = BTreeMap<String, Value>;

/// A span that another one points to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    /// 32 hexadecimal digits.
    pub trace_id: String,
    /// 16 hexadecimal digits.
    pub span_id: String,
}

/// A finished span.
#[derive(Clone, Debug, PartialEq)]
pub struct Span {
    /// The attributes of who made it.
    pub resource: Attributes,
    /// 32 hexadecimal digits.
    pub trace_id: String,
    /// 16 hexadecimal digits.
    pub span_id: String,
    /// The span that it is part of.
    pub parent: Option<String>,
    /// Its name.
    pub name: String,
    /// What it is to the other side.
    pub kind: Kind,
    /// When it began, nanoseconds since 1970.
    pub start: u64,
    /// When it ended, nanoseconds since 1970.
    pub end: u64,
    /// Its attributes.
    pub attributes: Attributes,
    /// The names and attributes of what happened within it.
    pub events: Vec<(String, Attributes)>,
    /// What it points to beside its parent.
    pub links: Vec<Link>,
    /// Why it failed, where it did.
    pub error: Option<String>,
}

impl Span {
    fn read(span: proto::Span, resource: &Attributes) -> Result<Self> {
        let parent = Some(&span.parent_span_id).filter(|parent| !parent.is_empty());
        let links = span.links.iter().map(|link| {
            let (trace_id, span_id) = (id(&link.trace_id, 16)?, id(&link.span_id, 8)?);
            Ok(Link { trace_id, span_id })
        });
        let events = span.events.iter();
        let events = events.map(|event| (event.name.clone(), attributes(&event.attributes)));
        let status = span.status.as_ref();
        let failed = status.filter(|status| status.code() == StatusCode::Error);
        Ok(Self {
            resource: resource.clone(),
            trace_id: id(&span.trace_id, 16)?,
            span_id: id(&span.span_id, 8)?,
            parent: parent.map(|parent| id(parent, 8)).transpose()?,
            kind: span.kind(),
            start: span.start_time_unix_nano,
            end: span.end_time_unix_nano,
            attributes: attributes(&span.attributes),
            events: events.collect(),
            links: links.collect::<Result<_>>()?,
            error: failed.map(|status| status.message.clone()),
            name: span.name,
        })
    }

    /// The text of an attribute; empty where there is none, or it is no text.
    pub fn text(&self, name: &str) -> &str {
        let value = self.attributes.get(name).and_then(Value::as_str);
        value.unwrap_or_default()
    }

    /// Whether an attribute has this value.
    pub fn has(&self, name: &str, value: impl Into<Value>) -> bool {
        self.attributes.get(name) == Some(&value.into())
    }

    /// Demands these texts of its attributes.
    pub fn demand(&self, texts: &[(&str, &str)]) -> Result<()> {
        for (name, text) in texts {
            ensure!(self.has(name, *text), "{name} of {}", self.name);
        }
        Ok(())
    }

    /// Whether it points to another span.
    pub fn links_to(&self, other: &Self) -> bool {
        let mut links = self.links.iter();
        links.any(|link| link.trace_id == other.trace_id && link.span_id == other.span_id)
    }

    /// Whether it is part of another span.
    pub fn is_child_of(&self, other: &Self) -> bool {
        self.trace_id == other.trace_id && self.parent.as_deref() == Some(&other.span_id)
    }
}

/// An id is as long as it must be, and not all zeros.
fn id(bytes: &[u8], length: usize) -> Result<String> {
    let text = hex::encode(bytes);
    let is_valid = bytes.len() == length && bytes.iter().any(|byte| *byte != 0);
    ensure!(is_valid, "{text:?} is no id of {length} bytes");
    Ok(text)
}

fn attributes(pairs: &[KeyValue]) -> Attributes {
    let value = |pair: &KeyValue| match pair.value.as_ref().and_then(|any| any.value.as_ref()) {
        Some(any_value::Value::StringValue(text)) => text.as_str().into(),
        Some(any_value::Value::IntValue(number)) => (*number).into(),
        Some(any_value::Value::DoubleValue(number)) => (*number).into(),
        Some(any_value::Value::BoolValue(yes)) => (*yes).into(),
        other => format!("{other:?}").into(),
    };
    let pairs = pairs.iter();
    pairs.map(|pair| (pair.key.clone(), value(pair))).collect()
}

/// Spans, in the order of their arrival.
#[derive(Clone, Debug, Default)]
pub struct Spans(pub Vec<Span>);

impl Spans {
    /// Reads the body of a `POST /v1/traces`.
    ///
    /// # Errors
    /// It is not what OTLP says, or an id has a wrong length.
    pub(super) fn decode(body: &[u8]) -> Result<Self> {
        let request = ExportTraceServiceRequest::decode(body).context("the body is not OTLP")?;
        let mut spans = Vec::new();
        for of_resource in request.resource_spans {
            let resource = attributes(&of_resource.resource.unwrap_or_default().attributes);
            let all = of_resource.scope_spans.into_iter();
            for span in all.flat_map(|of_scope| of_scope.spans) {
                let name = span.name.clone();
                spans.push(Span::read(span, &resource).context(name)?);
            }
        }
        Ok(Self(spans))
    }

    /// Those of one trace.
    #[must_use]
    pub fn of_trace(&self, trace_id: &str) -> Self {
        let of_it = |span: &&Span| span.trace_id == trace_id;
        Self(self.0.iter().filter(of_it).cloned().collect())
    }

    /// Those within a span, at whatever depth, itself not counted.
    #[must_use]
    pub fn within(&self, root: &Span) -> Self {
        let mut found: Vec<&Span> = self.children(root);
        let mut next = 0;
        while let Some(parent) = found.get(next) {
            found.extend(self.children(parent));
            next += 1;
        }
        Self(found.into_iter().cloned().collect())
    }

    /// The traces that they belong to.
    pub fn trace_ids(&self) -> BTreeSet<&str> {
        self.0.iter().map(|span| span.trace_id.as_str()).collect()
    }

    /// Those of a name, oldest first.
    pub fn named(&self, name: &str) -> Vec<&Span> {
        self.select(|span| span.name == name)
    }

    /// Those whose name begins so, oldest first.
    pub fn starting(&self, prefix: &str) -> Vec<&Span> {
        self.select(|span| span.name.starts_with(prefix))
    }

    /// Those that are part of another span, oldest first.
    pub fn children(&self, parent: &Span) -> Vec<&Span> {
        self.select(|span| span.is_child_of(parent))
    }

    fn select(&self, wanted: impl Fn(&&Span) -> bool) -> Vec<&Span> {
        let mut found: Vec<&Span> = self.0.iter().filter(wanted).collect();
        found.sort_by_key(|span| span.start);
        found
    }

    /// The one span of a name.
    ///
    /// # Errors
    /// There is none, or more than one; the message shows them all.
    pub fn one(&self, name: &str) -> Result<&Span> {
        match self.named(name).as_slice() {
            [span] => Ok(span),
            found => bail!("{} spans {name} in\n{}", found.len(), self.tree()),
        }
    }

    /// The spans as text, each below its parent, for the message of a failing test.
    pub fn tree(&self) -> String {
        let known: BTreeSet<&str> = self.0.iter().map(|span| span.span_id.as_str()).collect();
        let is_root = |span: &&Span| {
            let parent = span.parent.as_deref();
            parent.is_none_or(|parent| !known.contains(parent))
        };
        let mut text = String::new();
        for root in self.select(is_root) {
            self.branch(root, 0, &mut text);
        }
        text
    }

    fn branch(&self, span: &Span, depth: usize, text: &mut String) {
        let indent = "  ".repeat(depth);
        let took = (span.end.saturating_sub(span.start)) / 1_000_000;
        writeln!(
            text,
            "{indent}{} [{:?} {took} ms {:?}] {}/{} below {:?} {:?} {:?}",
            span.name,
            span.kind,
            span.error,
            span.trace_id,
            span.span_id,
            span.parent,
            span.links,
            span.attributes,
        )
        .expect("a String takes every write");
        // A span that is its own ancestor would never end.
        if depth < 16 {
            for child in self.children(span) {
                self.branch(child, depth + 1, text);
            }
        }
    }
}
