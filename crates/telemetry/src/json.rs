//! One JSON object a line: the event's fields at the top, between what every line has.

use crate::emf;
use crate::root::Root;
use jiff::Timestamp;
use opentelemetry::Context as OtelContext;
use opentelemetry::trace::{SpanContext, TraceContextExt as _};
use std::borrow::Cow;
use std::error::Error;
use std::fmt::Debug;
use std::io::Write as _;
use tracing::field::{Field, Visit};
use tracing::{Event, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::Context;

/// Longest text of one field: Lambda cuts a line at 256 KB, and what is cut is no JSON any more.
const TEXT_BYTES_MAX: usize = 8 * 1024;

/// Writes each event as a line, in one write, so that lines never mix.
pub(crate) struct JsonLayer<W> {
    service: &'static str,
    environment: String,
    writer: W,
    metrics: Option<emf::Recorder>,
}

impl<W> JsonLayer<W> {
    pub(crate) fn new(service: &'static str, environment: String, writer: W) -> Self {
        Self {
            service,
            environment,
            writer,
            metrics: None,
        }
    }

    /// Each line takes along what was recorded for it.
    pub(crate) fn with_metrics(self, metrics: Option<emf::Recorder>) -> Self {
        Self { metrics, ..self }
    }

    fn root(&self, event: &Event<'_>, now: Timestamp, span: &SpanContext) -> Root {
        let metadata = event.metadata();
        let mut root = Root::open();
        root.put("timestamp", &told_time(now));
        root.put("level", metadata.level().as_str());
        root.put("service", self.service);
        root.put("environment", &self.environment);
        if span.is_valid() {
            root.put("trace_id", &span.trace_id().to_string());
            root.put("span_id", &span.span_id().to_string());
        }
        root.put("target", metadata.target());
        event.record(&mut Fields(&mut root));
        root
    }
}

impl<S: Subscriber, W: for<'a> MakeWriter<'a> + 'static> Layer<S> for JsonLayer<W> {
    fn on_event(&self, event: &Event<'_>, _context: Context<'_, S>) {
        let (now, span) = (now(), open_span());
        let mut root = self.root(event, now, &span);
        let trace = span.is_valid().then(|| span.trace_id());
        let metrics = self.metrics.as_ref();
        let values = metrics.map_or(0, |metrics| metrics.join(&mut root, now, trace));
        let written = self.writer.make_writer().write_all(&root.close());
        // Where stdout is gone there is nobody left to tell, but what was lost is counted.
        if let (Err(_closed), Some(metrics)) = (written, metrics) {
            metrics.lose(values);
        }
    }
}

/// The span that is open on this thread: a span's context is activated as it is entered, whatever the filter of lines says of it.
pub(crate) fn open_span() -> SpanContext {
    OtelContext::map_current(|context| context.span().span_context().clone())
}

#[expect(
    clippy::disallowed_methods,
    reason = "a log line's own time decides nothing, and no port reaches here"
)]
pub(crate) fn now() -> Timestamp {
    Timestamp::now()
}

/// A time as it stands on a line.
pub(crate) fn told_time(time: Timestamp) -> String {
    format!("{time:.6}")
}

struct Fields<'a>(&'a mut Root);

impl Fields<'_> {
    /// A field whose name is taken, as a library's `target` is, gets one of its own.
    fn put(&mut self, field: &Field, value: &(impl serde::Serialize + ?Sized)) {
        if emf::is_taken(field.name()) || !self.0.put(field.name(), value) {
            self.0.put(format!("field_{}", field.name()), value);
        }
    }
}

impl Visit for Fields<'_> {
    fn record_f64(&mut self, field: &Field, value: f64) {
        self.put(field, &value);
    }
    fn record_i64(&mut self, field: &Field, value: i64) {
        self.put(field, &value);
    }
    fn record_u64(&mut self, field: &Field, value: u64) {
        self.put(field, &value);
    }
    fn record_bool(&mut self, field: &Field, value: bool) {
        self.put(field, &value);
    }
    fn record_str(&mut self, field: &Field, value: &str) {
        self.put(field, &bounded(value));
    }
    fn record_error(&mut self, field: &Field, value: &(dyn Error + 'static)) {
        let chain: Vec<String> = std::iter::successors(Some(value), |&error| error.source())
            .map(ToString::to_string)
            .collect();
        self.put(field, &bounded(&chain.join(": ")));
    }
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.put(field, &bounded(&format!("{value:?}")));
    }
}

/// A text within the limit; what is cut off is marked.
fn bounded(text: &str) -> Cow<'_, str> {
    if text.len() <= TEXT_BYTES_MAX {
        return Cow::Borrowed(text);
    }
    let kept = text.get(..text.floor_char_boundary(TEXT_BYTES_MAX));
    Cow::Owned(format!("{}…", kept.unwrap_or_default()))
}
