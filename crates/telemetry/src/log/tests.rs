//! What happens, and what the lines say of it.

mod line;
mod other;
mod property;
mod trap;

use super::{EventFilter, LogSink, Write};
use crate::json::JsonLayer;
use crate::line::now;
use crate::odd::Odd;
use crate::{Sample, validate};
use leadwire_pipeline::observe::metric::{Metric, Metrics, Service};
use leadwire_pipeline::observe::{Sink as _, scope};
use opentelemetry::trace::{
    SpanContext, SpanId, TraceContextExt as _, TraceFlags, TraceId, TraceState,
};
use opentelemetry::{Context, ContextGuard};
use std::sync::{Arc, Mutex};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::{Layer as _, Registry};

/// What was printed: each element is one write.
#[derive(Clone, Default)]
struct Paper(Arc<Mutex<Vec<String>>>);

impl Paper {
    fn write(&self) -> Write {
        let paper = self.clone();
        Box::new(move |line| {
            let line = String::from_utf8(line.to_vec()).unwrap();
            paper.0.lock().unwrap().push(line);
            Ok(())
        })
    }

    fn lines(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }
}

/// A program: its log and its paper.
struct Program {
    log: Arc<LogSink>,
    paper: Paper,
    filter: &'static str,
}

impl Program {
    fn new(service: Service) -> Self {
        Self::under(service, "info")
    }

    /// With this filter of lines.
    fn under(service: Service, filter: &'static str) -> Self {
        Self::with(service, filter, |_| {})
    }

    /// With a log that is made differently.
    fn with(service: Service, filter: &'static str, change: impl FnOnce(&mut LogSink)) -> Self {
        leadwire_pipeline::testkit::keep_callsites_enabled();
        let paper = Paper::default();
        let events = EventFilter::parse(Some(filter));
        let mut log = LogSink::new(service, "test", events, paper.write());
        change(&mut log);
        Self {
            log: Arc::new(log),
            paper,
            filter,
        }
    }

    fn layer(&self) -> JsonLayer {
        JsonLayer::new(self.log.service, "test", self.paper.write())
    }

    /// Runs code whose events and lines are this program's.
    fn run<T>(&self, body: impl FnOnce() -> T) -> T {
        let _scope = scope(self.log.clone());
        let layer = self.layer().with_filter(crate::filter(Some(self.filter)).0);
        tracing::subscriber::with_default(Registry::default().with(layer), body)
    }

    /// The same, flushed; every line.
    fn lines(&self, body: impl FnOnce()) -> Vec<String> {
        self.run(|| {
            body();
            self.log.flush();
        });
        self.paper.lines()
    }

    /// Measures without a line.
    fn measure(&self, measure: impl FnOnce(&mut Metrics)) {
        self.log.take(&Odd::silent(measure));
    }

    fn count(&self, metric: Metric, many: u64) {
        self.measure(|m| m.add(metric, many));
    }

    /// An event with a line.
    fn emit(&self, measure: impl FnOnce(&mut Metrics)) {
        self.log.take(&Odd::line(measure));
    }
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

/// The one line that there is.
#[track_caller]
fn one(lines: &[String]) -> serde_json::Value {
    let [line] = lines else { panic!("{lines:?}") };
    object(line)
}
