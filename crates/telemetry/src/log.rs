//! Events as lines. In Lambda a line carries its event's metrics as well, and so is their document: a point on a graph and the line that says
//! what happened are one. Where a filter leaves the line out, its values wait for the next line of the same trace, at the latest for
//! [`flush`], which writes them as a document of their own. A value that cannot be written is counted as `TelemetryDropped`.

use crate::emf::{Document, Loss, Value, is_dimension_value, is_in_window};
use crate::line::{Head, Line, bounded, now};
use jiff::Timestamp;
use leadwire_pipeline::observe::metric::{Metrics, Service};
use leadwire_pipeline::observe::{Event, FieldValue, Role, Sink, TelemetryDropped, install};
use opentelemetry::TraceId;
use std::collections::BTreeMap;
use std::io::{self, Write as _};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use tracing::Level;
use tracing_subscriber::filter::Targets;

/// The most values that wait: beyond it they are written, whatever line may come.
const HELD_MAX: usize = 1000;

/// Stands for an environment whose name cannot be a dimension's value.
const NO_ENVIRONMENT: &str = "invalid";

static INSTALLED: OnceLock<Arc<LogSink>> = OnceLock::new();

/// Writes a whole line.
pub(crate) type Write = Box<dyn Fn(&[u8]) -> io::Result<()> + Send + Sync>;

pub(crate) fn to_stdout() -> Write {
    Box::new(|line| io::stdout().write_all(line))
}

/// Which events are logged: a filter in the form of `RUST_LOG`, as far as it concerns targets and levels.
#[derive(Clone, Debug)]
pub struct EventFilter(Targets);

impl EventFilter {
    /// Reads a filter. What cannot be read in it is left out; where nothing stands in it, `info`.
    pub fn parse(rust_log: Option<&str>) -> Self {
        let text = rust_log.filter(|text| !text.trim().is_empty());
        let parts = text.unwrap_or(crate::DEFAULT_FILTER).split(',');
        let mut all = Targets::new();
        for part in parts.filter_map(|part| part.trim().parse::<Targets>().ok()) {
            if let Some(level) = part.default_level() {
                all = all.with_default(level);
            }
            all.extend(part);
        }
        Self(all)
    }

    /// Whether it lets an event through.
    pub fn admits(&self, event: &dyn Event) -> bool {
        let (level, _) = event.line();
        self.0.would_enable(event.facts().target, &level)
    }
}

/// Writes each event as a line.
pub(crate) struct LogSink {
    service: Service,
    environment: String,
    filter: EventFilter,
    clock: fn() -> Timestamp,
    write: Write,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    held: Vec<Value>,
    lost: BTreeMap<Loss, u64>,
}

/// Makes this process's log, on stdout, unless it has one.
pub(crate) fn start(service: Service, environment: &str, filter: EventFilter) {
    let sink = LogSink::new(service, environment, filter, to_stdout());
    let sink = INSTALLED.get_or_init(|| Arc::new(sink));
    // A second start is without effect.
    let _is_first: bool = install(Role::Log, Arc::clone(sink));
}

/// Writes what waits and reports what was lost. It is called at the end of every invocation, also of one that failed, and of the process.
pub(crate) fn flush() {
    if let Some(sink) = INSTALLED.get() {
        sink.flush();
    }
}

impl Sink for LogSink {
    fn take(&self, event: &dyn Event) {
        let (level, message) = event.line();
        let now = (self.clock)();
        let head = Head::now(now, level, self.service, &self.environment);
        let mut metrics = Metrics::default();
        // The command's metrics are served, not written.
        if self.service != Service::Leadwire {
            event.measure(&mut metrics);
        }
        let at_ms = now.as_millisecond();
        let values = metrics.iter().filter_map(|measured| {
            let value = Value::of(measured, self.service, at_ms, head.trace);
            value.inspect_err(|loss| self.lose(*loss, 1)).ok()
        });
        if !self.filter.admits(event) {
            return self.hold(values);
        }
        let mut line = Line::begin(&head);
        put_event(&mut line, event, &message);
        let written = self.join(&mut line, at_ms, head.trace, values);
        // Where stdout is gone there is nowhere left to report it, but what was lost is counted.
        if (self.write)(&line.close()).is_err() {
            self.lose(Loss::NotWritten, written);
        }
    }
}

fn put_event(line: &mut Line, event: &dyn Event, message: &str) {
    let facts = event.facts();
    line.put("target", facts.target);
    line.put("message", &bounded(message));
    line.put("event", facts.name);
    let subject = event.subject();
    for (name, id) in [("lead_id", subject.lead()), ("event_id", subject.event())] {
        if let Some(id) = id {
            line.put(name, id);
        }
    }
    event.fields(&mut |name, value| match value {
        FieldValue::Absent => {}
        FieldValue::Text(text) => drop(line.put(name, &bounded(&text))),
        FieldValue::Number(number) => drop(line.put(name, &number)),
        FieldValue::Flag(flag) => drop(line.put(name, &flag)),
    });
}

impl LogSink {
    fn new(service: Service, environment: &str, filter: EventFilter, write: Write) -> Self {
        let environment = Some(environment).filter(|name| is_dimension_value(name));
        Self {
            service,
            environment: environment.unwrap_or(NO_ENVIRONMENT).to_owned(),
            filter,
            clock: now,
            write,
            state: Mutex::default(),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn hold(&self, values: impl Iterator<Item = Value>) {
        let mut values = values.peekable();
        if values.peek().is_none() {
            return;
        }
        let values: Vec<Value> = values.collect();
        let mut state = self.state();
        state.held.extend(values);
        if state.held.len() >= HELD_MAX {
            drop(state);
            self.write_held();
        }
    }

    fn lose(&self, loss: Loss, values: u64) {
        if values > 0 {
            let mut state = self.state();
            let count = state.lost.entry(loss).or_default();
            *count = count.saturating_add(values);
        }
    }

    /// Puts values on a line, those before them that waited for one of this trace, and gives how many the line has. What does not fit on it
    /// is written before it.
    fn join(
        &self,
        line: &mut Line,
        at_ms: i64,
        trace: Option<TraceId>,
        values: impl Iterator<Item = Value>,
    ) -> u64 {
        let mut document = Document::new(at_ms, trace, line.len());
        let mut others = Vec::new();
        for value in self.take_held(trace).into_iter().chain(values) {
            if document.fits_on(line, &value) {
                document.add(value);
            } else {
                others.push(value);
            }
        }
        self.write_documents(others);
        document.write(line);
        document.count()
    }

    fn take_held(&self, trace: Option<TraceId>) -> Vec<Value> {
        let mut state = self.state();
        if trace.is_none() || state.held.is_empty() {
            return Vec::new();
        }
        let held = state.held.extract_if(.., |value| value.trace == trace);
        let of_trace = held.collect();
        drop(state);
        self.keep_current(of_trace)
    }

    fn flush(&self) {
        self.write_held();
        // Taken in a statement of its own: the state must be free when the losses are reported.
        let lost = std::mem::take(&mut self.state().lost);
        for (loss, values) in lost {
            TelemetryDropped {
                spans: 0,
                values,
                reason: loss.code(),
            }
            .emit();
        }
        // Where the line that reports it was left out. What gets lost now stays counted for the next time.
        self.write_held();
    }

    fn write_held(&self) {
        let held = std::mem::take(&mut self.state().held);
        let current = self.keep_current(held);
        self.write_documents(current);
    }

    /// Counts the values that `CloudWatch` would not take any more.
    fn keep_current(&self, mut values: Vec<Value>) -> Vec<Value> {
        let now_ms = (self.clock)().as_millisecond();
        let before = values.len();
        values.retain(|value| is_in_window(value.at_ms, now_ms));
        let lost = before - values.len();
        self.lose(Loss::OutsideWindow, u64::try_from(lost).unwrap_or(u64::MAX));
        values
    }

    /// Documents of their own.
    fn write_documents(&self, values: Vec<Value>) {
        for document in Document::of(values) {
            let mut line = Line::begin(&Head {
                now: (self.clock)(),
                level: Level::INFO,
                service: self.service,
                environment: &self.environment,
                trace: document.trace,
                span: None,
            });
            line.put("event", "metrics");
            line.put("message", "what was recorded without a line");
            document.write(&mut line);
            if (self.write)(&line.close()).is_err() {
                self.lose(Loss::NotWritten, document.count());
            }
        }
    }
}

#[cfg(test)]
mod tests;
