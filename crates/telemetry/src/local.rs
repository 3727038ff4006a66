//! Metrics of one machine: those of every event, by the minute for the home to store, and as the page `/metrics`.

mod activity;

pub use crate::series::State;
pub use activity::{COUNTED, Came, Outcome};

use crate::prometheus;
use crate::series::{MinuteSample, SeriesOf, SeriesTable};
use activity::Activity;
use jiff::Timestamp;
use leadwire_pipeline::observe::metric::{Amount, Further, Metric, Metrics};
use leadwire_pipeline::observe::{Event, Role, Sink, install};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Where a clock can be read: a sink has no home.
pub type Now = fn() -> Timestamp;

/// The metrics of this process. A cheap handle.
#[derive(Clone)]
pub struct LocalMetrics {
    now: Now,
    table: Arc<Mutex<SeriesTable>>,
    activity: Arc<Mutex<Activity>>,
}

impl LocalMetrics {
    /// Metrics of the installation of that name. They measure nothing until they are a sink.
    pub fn new(environment: &str, now: Now) -> Self {
        Self {
            now,
            table: Arc::new(Mutex::new(SeriesTable::new(environment))),
            activity: Arc::default(),
        }
    }

    /// Measures every event of this process from now on. Where others do already, they go on alone.
    pub fn install(environment: &str, now: Now) -> Self {
        let metrics = Self::new(environment, now);
        let _is_first: bool = install(Role::Meter, metrics.clone());
        metrics
    }

    /// All of it as Prometheus reads it.
    pub fn render(&self) -> String {
        prometheus::render(&self.table())
    }

    /// Everything measured since the last time, for the home to store.
    pub fn drain(&self) -> Vec<MinuteSample> {
        self.table().drain()
    }

    /// Takes back what could not be stored, for the next time.
    pub fn put_back(&self, samples: &[MinuteSample]) {
        let mut table = self.table();
        let refused = samples.iter().filter(|sample| !table.put_back(sample));
        let lost: u64 = refused.map(|sample| sample.stats.count).sum();
        self.lose(&mut table, lost);
    }

    /// What came to the sources since the last time, for the home to store.
    pub fn drain_activity(&self) -> Vec<(Came, u64)> {
        self.activity().drain()
    }

    /// Takes back what could not be stored, for the next time.
    pub fn put_back_activity(&self, came: Vec<(Came, u64)>) {
        let mut activity = self.activity();
        for (came, count) in came {
            activity.add(came, count);
        }
    }

    /// Records what a state is now.
    pub fn set(&self, state: State, value: f64) {
        self.record(SeriesOf::State(state), value);
    }

    fn table(&self) -> MutexGuard<'_, SeriesTable> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn activity(&self) -> MutexGuard<'_, Activity> {
        self.activity.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn minute(&self) -> i64 {
        (self.now)().as_second().div_euclid(60)
    }

    fn record(&self, of: SeriesOf, value: f64) {
        let minute = self.minute();
        let mut table = self.table();
        if !table.record(of, minute, value) {
            self.lose(&mut table, 1);
        }
    }

    /// Counts values that are lost. Where even that finds no room, the page still shows it.
    fn lose(&self, table: &mut SeriesTable, values: u64) {
        if values > 0 {
            let of = SeriesOf::Metric(Metric::TelemetryDropped, None);
            let _has_room: bool = table.record(of, self.minute(), to_float(values));
        }
    }
}

impl Sink for LocalMetrics {
    fn take(&self, event: &dyn Event) {
        self.activity().note(event, self.minute());
        let mut metrics = Metrics::default();
        event.measure(&mut metrics);
        for measured in metrics.iter() {
            let value = match measured.amount {
                Amount::Count(many) => to_float(many),
                Amount::Millis(millis) => millis,
            };
            let further = measured.further.map(Further::value);
            self.record(SeriesOf::Metric(measured.metric, further), value);
        }
    }
}

/// Counts are far below 2³², let alone 2⁵³, up to where a float is exact.
fn to_float(many: u64) -> f64 {
    f64::from(u32::try_from(many).unwrap_or(u32::MAX))
}

impl std::fmt::Debug for LocalMetrics {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LocalMetrics").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
