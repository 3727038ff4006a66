//! What is recorded, and what the lines say of it.

mod judge;
mod line;
mod property;
mod trap;

use super::validate::{Sample, validate};
use super::{Recorder, Sink};
use crate::json::{JsonLayer, now};
use leadwire_pipeline::observe::metric::Stage;
use metrics::{Key, Label, Level, Metadata, Recorder as _};
use opentelemetry::trace::{
    SpanContext, SpanId, TraceContextExt as _, TraceFlags, TraceId, TraceState,
};
use opentelemetry::{Context, ContextGuard};
use std::io;
use std::sync::{Arc, Mutex};
use tracing_subscriber::filter::EnvFilter;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::{Layer as _, Registry};

static METADATA: Metadata<'_> = Metadata::new("test", Level::INFO, None);

/// What was printed: each element is one write.
#[derive(Clone, Default)]
struct Paper(Arc<Mutex<Vec<String>>>);

impl Paper {
    fn sink(&self) -> Sink {
        let paper = self.clone();
        Box::new(move |line| {
            paper.print(line);
            Ok(())
        })
    }

    fn print(&self, bytes: &[u8]) {
        let text = String::from_utf8(bytes.to_vec()).unwrap();
        self.0.lock().unwrap().push(text);
    }

    fn lines(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }
}

impl io::Write for Paper {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.print(bytes);
        Ok(bytes.len())
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A program: its recorder and its paper.
struct Program {
    recorder: Recorder,
    paper: Paper,
    filter: &'static str,
}

impl Program {
    fn new(stage: Stage) -> Self {
        Self::under(stage, "info")
    }

    /// With this filter of lines.
    fn under(stage: Stage, filter: &'static str) -> Self {
        let paper = Paper::default();
        Self {
            recorder: Recorder::new(stage, "test", paper.sink()),
            paper,
            filter,
        }
    }

    fn layer(&self) -> JsonLayer<impl Fn() -> Paper + use<>> {
        let paper = self.paper.clone();
        JsonLayer::new(self.recorder.0.stage.name(), "test".to_owned(), move || {
            paper.clone()
        })
        .with_metrics(Some(self.recorder.clone()))
    }

    /// Runs code whose metrics and lines are this program's.
    fn run<T>(&self, body: impl FnOnce() -> T) -> T {
        let layer = self.layer().with_filter(EnvFilter::new(self.filter));
        tracing::subscriber::with_default(Registry::default().with(layer), || {
            metrics::with_local_recorder(&self.recorder, body)
        })
    }

    /// The same, flushed; every line.
    fn told(&self, body: impl FnOnce()) -> Vec<String> {
        self.run(|| {
            body();
            self.recorder.flush();
        });
        self.paper.lines()
    }

    fn count(&self, name: &str, labels: &[(&str, &str)], many: u64) {
        let counter = self
            .recorder
            .register_counter(&key(name, labels), &METADATA);
        counter.increment(many);
    }

    fn measure(&self, name: &str, labels: &[(&str, &str)], value: f64) {
        let histogram = self
            .recorder
            .register_histogram(&key(name, labels), &METADATA);
        histogram.record(value);
    }
}

fn key(name: &str, labels: &[(&str, &str)]) -> Key {
    let labels = labels
        .iter()
        .map(|(key, value)| Label::new((*key).to_owned(), (*value).to_owned()));
    Key::from_parts(name.to_owned(), labels.collect::<Vec<_>>())
}

/// Opens a span of this trace until the guard goes.
fn open_trace(trace: u128) -> ContextGuard {
    let span = SpanContext::new(
        TraceId::from_bytes(trace.to_be_bytes()),
        SpanId::from_bytes(7_u64.to_be_bytes()),
        TraceFlags::SAMPLED,
        true,
        TraceState::NONE,
    );
    Context::new().with_remote_span_context(span).attach()
}

/// The samples of good lines.
#[track_caller]
fn samples(lines: &[String]) -> Vec<Sample> {
    let now_ms = now().as_millisecond();
    lines
        .iter()
        .flat_map(|line| validate(line, now_ms).unwrap_or_else(|wrong| panic!("{wrong:?}: {line}")))
        .collect()
}

/// All values of a metric, whatever its dimensions.
fn values(samples: &[Sample], name: &str) -> Vec<f64> {
    samples
        .iter()
        .filter(|sample| sample.name == name)
        .flat_map(|sample| sample.values.clone())
        .collect()
}

fn object(line: &str) -> serde_json::Value {
    serde_json::from_str(line).unwrap()
}
