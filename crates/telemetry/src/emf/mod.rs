//! Metrics as lines: `CloudWatch`'s embedded metric format, by an encoder that cannot write a document which `CloudWatch` would drop.
//!
//! What is recorded through the `metrics` facade waits with the trace that was open. The next line of the same thread and trace takes it along
//! and so is its document: a point on a graph and the line that tells of it are one. What finds no such line, because a filter left it out
//! or because its dimensions say something else, is written as a document of its own, at the latest by [`flush`]. A value that cannot be
//! written is counted, and told as `TelemetryDropped`.

mod document;
mod facade;
mod limit;
mod validate;
mod value;

#[cfg(test)]
mod tests;

pub use validate::{Sample, validate};

use crate::Service;
use crate::json::{now, open_span, told_time};
use crate::root::Root;
use document::Document;
use jiff::Timestamp;
use leadwire_pipeline::observe::TelemetryDropped;
use leadwire_pipeline::observe::metric::{Facts, Metric, Stage};
use metrics::Key;
use opentelemetry::TraceId;
use std::collections::BTreeMap;
use std::io::{self, Write as _};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use value::{Amount, Loss, Series, Value};

/// The namespace of every metric.
pub const NAMESPACE: &str = "Leadwire";

/// The most values that wait: beyond it they are written, whatever line may come.
const WAITING_MAX: usize = 1000;

/// Stands for an environment whose name cannot be a dimension's value.
const NO_ENVIRONMENT: &str = "invalid";

static INSTALLED: OnceLock<Recorder> = OnceLock::new();

/// Takes what is recorded, and gives it to lines. Clones share what waits.
#[derive(Clone)]
pub struct Recorder(Arc<Emf>);

impl std::fmt::Debug for Recorder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Recorder").finish_non_exhaustive()
    }
}

/// Writes a whole line.
type Sink = Box<dyn Fn(&[u8]) -> io::Result<()> + Send + Sync>;

struct Emf {
    stage: Stage,
    environment: String,
    catalogue: fn(&str) -> Option<Facts>,
    clock: fn() -> Timestamp,
    sink: Sink,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    waiting: Vec<Value>,
    lost: BTreeMap<Loss, u64>,
}

/// Writes what waits and tells what was lost. It is called at the end of every invocation, also of one that failed, and of the process.
pub fn flush() {
    if let Some(recorder) = INSTALLED.get() {
        recorder.flush();
    }
}

/// Whether a member of that name means something to `CloudWatch`.
pub(crate) fn is_taken(name: &str) -> bool {
    name == "_aws" || Metric::from_name(name).is_some()
}

impl Recorder {
    /// Makes this process's recorder, if its service has metrics in `CloudWatch` and nobody has taken its place. Documents go to stdout.
    pub fn install(service: Service, environment: &str) -> Option<Self> {
        let sink = |line: &[u8]| io::stdout().write_all(line);
        let recorder = Self::new(stage_of(service)?, environment, Box::new(sink));
        metrics::set_global_recorder(recorder.clone()).ok()?;
        // Whoever set the facade's recorder is the first here too.
        Some(INSTALLED.get_or_init(|| recorder).clone())
    }

    fn new(stage: Stage, environment: &str, sink: Sink) -> Self {
        let environment = if limit::is_dimension_value(environment) {
            environment
        } else {
            NO_ENVIRONMENT
        };
        Self(Arc::new(Emf {
            stage,
            environment: environment.to_owned(),
            catalogue: |name| Metric::from_name(name).map(Metric::facts),
            clock: now,
            sink,
            state: Mutex::default(),
        }))
    }

    /// Puts what this thread has recorded in this trace on a line, where it fits, and writes the rest before it. Says how many values the line has.
    pub(crate) fn join(&self, root: &mut Root, time: Timestamp, trace: Option<TraceId>) -> u64 {
        let waiting = self.0.take_own();
        if waiting.is_empty() {
            return 0;
        }
        let mut document = Document::new(time.as_millisecond(), trace, root.len());
        let agrees = root.agrees("service", self.0.stage.name())
            && root.agrees("environment", &self.0.environment)
            && root.get("_aws").is_none();
        let mut others = Vec::new();
        for value in self.0.keep_current(waiting) {
            if agrees && document.fits_on(root, &value) {
                document.add(value);
            } else {
                others.push(value);
            }
        }
        self.0.write(others);
        document.write(root);
        document.count()
    }

    /// Counts values whose line nobody took.
    pub(crate) fn lose(&self, values: u64) {
        self.0.lose(Loss::NotWritten, values);
    }

    fn flush(&self) {
        self.0.write_all();
        // Taken in a statement of its own: the state must be free when the losses are told.
        let lost = std::mem::take(&mut self.0.state().lost);
        for (loss, values) in lost {
            TelemetryDropped {
                spans: 0,
                values,
                reason: loss.code(),
            }
            .emit();
        }
        // Where the line that tells it was left out. What gets lost now stays counted for the next time.
        self.0.write_all();
    }
}

impl Emf {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn series(&self, key: &Key) -> Result<Series, Loss> {
        Series::of((self.catalogue)(key.name()), self.stage, key)
    }

    fn keep(&self, series: Series, amount: Amount) {
        let span = open_span();
        let value = Value {
            series,
            amount,
            at_ms: (self.clock)().as_millisecond(),
            trace: span.is_valid().then(|| span.trace_id()),
            thread: std::thread::current().id(),
        };
        let mut state = self.state();
        state.waiting.push(value);
        if state.waiting.len() >= WAITING_MAX {
            drop(state);
            self.write_all();
        }
    }

    fn lose(&self, loss: Loss, values: u64) {
        let mut state = self.state();
        let count = state.lost.entry(loss).or_default();
        *count = count.saturating_add(values);
    }

    /// What this thread has recorded. Another's may have a line to come.
    fn take_own(&self) -> Vec<Value> {
        let thread = std::thread::current().id();
        let mut state = self.state();
        state
            .waiting
            .extract_if(.., |value| value.thread == thread)
            .collect()
    }

    fn write_all(&self) {
        let waiting = std::mem::take(&mut self.state().waiting);
        let current = self.keep_current(waiting);
        self.write(current);
    }

    /// Counts the values that `CloudWatch` would not take any more.
    fn keep_current(&self, mut values: Vec<Value>) -> Vec<Value> {
        let now_ms = (self.clock)().as_millisecond();
        let before = values.len();
        values.retain(|value| limit::is_in_window(value.at_ms, now_ms));
        if values.len() < before {
            let lost = u64::try_from(before - values.len()).unwrap_or(u64::MAX);
            self.lose(Loss::OutsideWindow, lost);
        }
        values
    }

    /// Documents of their own.
    fn write(&self, values: Vec<Value>) {
        for document in Document::of(values) {
            let mut root = Root::open();
            root.put("timestamp", &told_time((self.clock)()));
            root.put("level", "INFO");
            root.put("service", self.stage.name());
            root.put("environment", &self.environment);
            if let Some(trace) = document.trace {
                root.put("trace_id", &trace.to_string());
            }
            root.put("event", "metrics");
            root.put("message", "what was recorded without a line");
            document.write(&mut root);
            if (self.sink)(&root.close()).is_err() {
                self.lose(Loss::NotWritten, document.count());
            }
        }
    }
}

/// The command's metrics are served, not written.
fn stage_of(service: Service) -> Option<Stage> {
    match service {
        Service::Ingest => Some(Stage::Ingest),
        Service::Enrich => Some(Stage::Enrich),
        Service::Sweep => Some(Stage::Sweep),
        Service::Leadwire => None,
    }
}
