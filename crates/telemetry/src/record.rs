//! A finished span as plain data, for a home that keeps its traces itself.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What a span is to the other side (OpenTelemetry's span kind).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Work inside this process, or time that passed.
    Internal,
    /// A request that was answered.
    Server,
    /// A request that was made.
    Client,
    /// A message that was sent.
    Producer,
    /// A message that was worked on.
    Consumer,
}

/// A span that another span points to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SpanLink {
    /// 32 hexadecimal digits.
    pub trace_id: String,
    /// 16 hexadecimal digits.
    pub span_id: String,
}

/// A finished span.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SpanRecord {
    /// 32 hexadecimal digits.
    pub trace_id: String,
    /// 16 hexadecimal digits.
    pub span_id: String,
    /// The span that it is part of, 16 hexadecimal digits.
    pub parent_id: Option<String>,
    /// Its name, such as `process leadwire-delay`.
    pub name: String,
    /// What it is to the other side.
    pub kind: Kind,
    /// When it began, nanoseconds since 1970.
    pub start_unix_nanos: i64,
    /// When it ended, nanoseconds since 1970.
    pub end_unix_nanos: i64,
    /// Why it failed, where it did. No personal data.
    pub error: Option<String>,
    /// Its attributes, by OpenTelemetry's names. No personal data.
    pub attributes: BTreeMap<String, String>,
    /// What it points to beside its parent.
    pub links: Vec<SpanLink>,
}

/// Where finished spans go that are kept on this machine.
pub trait SpanSink: Send + Sync + 'static {
    /// Keeps spans, or gives back how many it could not keep. It is called from a task that may wait, never from a stage.
    fn keep(&self, spans: Vec<SpanRecord>) -> Result<(), u64>;
}
