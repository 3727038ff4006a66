//! Metrics of one machine: the catalogue, by the minute for the home to keep, and as the page `/metrics`. What the catalogue does not
//! know is dropped, and counted.

use crate::prometheus::Page;
use crate::series::{MinuteSample, Minutes, Now, Series};
use leadwire_pipeline::observe::metric::{Metric, Unit};
use metrics::{
    Counter, CounterFn, Gauge, GaugeFn, Histogram, HistogramFn, Key, KeyName, Metadata, Recorder,
    SharedString,
};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Who tells what no single stage tells: the process.
const PROCESS: &str = "leadwire";

/// What the metrics of a process need to know.
#[derive(Clone, Copy, Debug)]
pub struct Setup<'a> {
    /// The installation's name.
    pub environment: &'a str,
    /// The clock.
    pub now: Now,
}

/// A state that is looked at now and then. It is no metric of the catalogue: on AWS, the queue itself tells it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Messages that failed for good and were put aside.
    DeadLetters,
    /// How old the oldest message is that waits or is worked on, in seconds.
    OldestMessageSeconds,
}

impl State {
    /// Its name in the minutes.
    pub const fn name(self) -> &'static str {
        match self {
            Self::DeadLetters => "DeadLetters",
            Self::OldestMessageSeconds => "OldestMessageSeconds",
        }
    }

    const fn about(self) -> &'static str {
        match self {
            Self::DeadLetters => "Messages that failed for good and were put aside.",
            Self::OldestMessageSeconds => {
                "Age of the oldest message that waits or is worked on, in seconds."
            }
        }
    }
}

/// The metrics of this process. A cheap handle.
#[derive(Clone)]
pub struct LocalMetrics {
    inner: Arc<Inner>,
}

struct Inner {
    environment: String,
    minutes: Minutes,
    page: Page,
}

/// From now on what is told in this process is gathered. Where another recorder is installed already, nothing is.
pub fn install(setup: Setup<'_>) -> LocalMetrics {
    let local = LocalMetrics::new(setup);
    if metrics::set_global_recorder(local.recorder()).is_err() {
        tracing::debug!(
            event = "recorder_refused",
            "metrics are told to another recorder already"
        );
    }
    local
}

impl LocalMetrics {
    /// Metrics that nothing is told to until [`LocalMetrics::recorder`] is installed.
    pub fn new(setup: Setup<'_>) -> Self {
        let local = Self {
            inner: Arc::new(Inner {
                environment: setup.environment.to_owned(),
                minutes: Minutes::new(setup.now),
                page: Page::new(),
            }),
        };
        for metric in Metric::ALL {
            let values = match metric.facts().further {
                None => vec![None],
                Some(dimension) => dimension.values().into_iter().map(Some).collect(),
            };
            for value in values {
                if let Some(series) = local.inner.admit(metric, value) {
                    local.inner.page.show(metric, &series.dimensions);
                }
            }
        }
        local
    }

    /// A recorder that tells these metrics.
    pub fn recorder(&self) -> impl Recorder + Send + Sync + 'static {
        LocalRecorder {
            inner: Arc::clone(&self.inner),
        }
    }

    /// All of it as Prometheus reads it.
    pub fn render(&self) -> String {
        self.inner.page.render()
    }

    /// Everything told since the last time, for the home to keep.
    pub fn drain(&self) -> Vec<MinuteSample> {
        self.inner.page.settle();
        self.inner.minutes.drain()
    }

    /// Takes back what could not be kept, for the next time.
    pub fn put_back(&self, samples: Vec<MinuteSample>) {
        let lost: u64 = samples
            .into_iter()
            .map(|sample| {
                let count = sample.count;
                if self.inner.minutes.add(sample) {
                    0
                } else {
                    count
                }
            })
            .sum();
        self.inner.drop_values(lost);
    }

    /// Tells what a state is now.
    pub fn set(&self, state: State, value: f64) {
        let series = self.inner.series(state.name(), PROCESS, None);
        self.inner
            .page
            .set(state.name(), state.about(), &series.dimensions, value);
        self.inner.tell(series, value);
    }
}

impl Inner {
    fn series(
        &self,
        metric: &'static str,
        service: &'static str,
        further: Option<(&'static str, String)>,
    ) -> Series {
        let mut dimensions = BTreeMap::from([
            ("service", service.to_owned()),
            ("environment", self.environment.clone()),
        ]);
        dimensions.extend(further);
        Series { metric, dimensions }
    }

    /// The series of a metric, where the catalogue has it with this value of its further dimension.
    fn admit(&self, metric: Metric, value: Option<&str>) -> Option<Series> {
        let facts = metric.facts();
        let service = match facts.stages {
            [stage] => stage.name(),
            _ => PROCESS,
        };
        let further = match (facts.further, value) {
            (None, None) => None,
            (Some(dimension), Some(value)) if dimension.values().contains(&value) => {
                Some((dimension.name(), value.to_owned()))
            }
            (None, Some(_)) | (Some(_), Some(_) | None) => return None,
        };
        Some(self.series(facts.name, service, further))
    }

    /// The metric that a key names, and its series, where the catalogue has them.
    fn look_up(&self, key: &Key, unit: Unit) -> Option<(Metric, Series)> {
        let metric = Metric::from_name(key.name())?;
        if metric.facts().unit != unit {
            return None;
        }
        let mut labels = key.labels();
        let value = match (labels.next(), metric.facts().further) {
            (None, _) => None,
            (Some(label), Some(dimension)) if label.key() == dimension.name() => {
                Some(label.value())
            }
            (Some(_), _) => return None,
        };
        if labels.next().is_some() {
            return None;
        }
        Some((metric, self.admit(metric, value)?))
    }

    fn tell(&self, series: Series, value: f64) {
        if !self.minutes.tell(series, value) {
            self.drop_values(1);
        }
    }

    /// Counts values that are lost. Where even that finds no room, the page still tells it.
    fn drop_values(&self, many: u64) {
        if many == 0 {
            return;
        }
        let metric = Metric::TelemetryDropped;
        let series = self.series(metric.name(), PROCESS, None);
        self.page.count(metric, &series.dimensions, many);
        self.minutes.tell(series, to_float(many));
    }
}

/// Counts are far below 2⁵³, up to where a float is exact.
fn to_float(many: u64) -> f64 {
    f64::from(u32::try_from(many).unwrap_or(u32::MAX))
}

struct LocalRecorder {
    inner: Arc<Inner>,
}

/// One series, or none where the catalogue does not have it.
struct Teller {
    inner: Arc<Inner>,
    series: Option<(Metric, Series)>,
}

impl LocalRecorder {
    fn teller(&self, key: &Key, unit: Unit) -> Arc<Teller> {
        Arc::new(Teller {
            inner: Arc::clone(&self.inner),
            series: self.inner.look_up(key, unit),
        })
    }
}

impl CounterFn for Teller {
    fn increment(&self, many: u64) {
        match &self.series {
            Some((metric, series)) => {
                self.inner.page.count(*metric, &series.dimensions, many);
                self.inner.tell(series.clone(), to_float(many));
            }
            None => self.inner.drop_values(1),
        }
    }

    /// The catalogue's counts are increments; what a total would add cannot be told.
    fn absolute(&self, _total: u64) {
        self.inner.drop_values(1);
    }
}

impl HistogramFn for Teller {
    fn record(&self, millis: f64) {
        match &self.series {
            Some((metric, series)) if millis.is_finite() => {
                self.inner
                    .page
                    .record_millis(*metric, &series.dimensions, millis);
                self.inner.tell(series.clone(), millis);
            }
            Some(_) | None => self.inner.drop_values(1),
        }
    }
}

/// The catalogue has no gauge.
impl GaugeFn for Teller {
    fn increment(&self, _value: f64) {
        self.inner.drop_values(1);
    }
    fn decrement(&self, _value: f64) {
        self.inner.drop_values(1);
    }
    fn set(&self, _value: f64) {
        self.inner.drop_values(1);
    }
}

impl Recorder for LocalRecorder {
    fn describe_counter(&self, _: KeyName, _: Option<metrics::Unit>, _: SharedString) {}
    fn describe_gauge(&self, _: KeyName, _: Option<metrics::Unit>, _: SharedString) {}
    fn describe_histogram(&self, _: KeyName, _: Option<metrics::Unit>, _: SharedString) {}

    fn register_counter(&self, key: &Key, _metadata: &Metadata<'_>) -> Counter {
        Counter::from_arc(self.teller(key, Unit::Count))
    }

    fn register_gauge(&self, _key: &Key, _metadata: &Metadata<'_>) -> Gauge {
        let inner = Arc::clone(&self.inner);
        Gauge::from_arc(Arc::new(Teller {
            inner,
            series: None,
        }))
    }

    fn register_histogram(&self, key: &Key, _metadata: &Metadata<'_>) -> Histogram {
        Histogram::from_arc(self.teller(key, Unit::Milliseconds))
    }
}

impl std::fmt::Debug for LocalMetrics {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LocalMetrics")
            .field("environment", &self.inner.environment)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
