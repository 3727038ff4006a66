//! Metrics of one machine by series: their totals, for the page `/metrics`, and their minutes, gathered in memory until the home takes them.

use leadwire_pipeline::observe::metric::{Metric, Service, Unit};
use std::collections::BTreeMap;

/// Minutes of metrics that are held at most: half a day of all that one machine emits. So many wait only where they cannot be stored.
const ENTRIES_MAX: usize = 20_000;

/// Upper bounds of the histograms, in seconds: from a request's milliseconds to the hour that a lead may wait. Buckets are dense just above
/// 600 s, the default delay, where lateness shows.
pub(crate) const BUCKETS: [f64; 27] = [
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0,
    120.0, 300.0, 600.0, 601.0, 605.0, 615.0, 630.0, 660.0, 900.0, 1200.0, 1800.0, 3600.0,
];

/// The values of a minute, summed up.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Stats {
    /// How many values.
    pub count: u64,
    /// Their sum.
    pub sum: f64,
    /// The smallest.
    pub min: f64,
    /// The largest.
    pub max: f64,
}

/// What was measured in a minute.
#[derive(Clone, Debug, PartialEq)]
pub struct MinuteSample {
    /// The metric's name.
    pub metric: &'static str,
    /// Its dimensions.
    pub dimensions: BTreeMap<&'static str, String>,
    /// Minutes since 1970.
    pub minute: i64,
    /// Its values.
    pub stats: Stats,
    /// Which series it is of.
    series: usize,
}

/// A state that is read now and then. It is no metric of the catalogue: on AWS, the queue has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Messages that failed for good and were put aside.
    DeadLetters,
    /// How old the oldest message is that waits or is worked on, in seconds.
    OldestMessageSeconds,
}

impl State {
    const ALL: [Self; 2] = [Self::DeadLetters, Self::OldestMessageSeconds];

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

/// What a series is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SeriesOf {
    /// A metric of the catalogue, with the value of its further dimension.
    Metric(Metric, Option<&'static str>),
    /// A state of this machine.
    State(State),
}

/// One series.
#[derive(Clone, Debug)]
pub(crate) struct Series {
    of: SeriesOf,
    pub(crate) name: &'static str,
    pub(crate) about: &'static str,
    pub(crate) dimensions: BTreeMap<&'static str, String>,
    pub(crate) total: Total,
}

/// All that was measured of a series since the process began.
#[derive(Clone, Copy, Debug)]
#[expect(
    clippy::large_enum_variant,
    reason = "there are some fifty of them, made once"
)]
pub(crate) enum Total {
    /// How many.
    Counter(u64),
    /// How many durations per bucket, the last one without a bound, and their sum in seconds.
    Histogram([u64; BUCKETS.len() + 1], f64),
    /// The last value, where there is one.
    Gauge(Option<f64>),
}

/// Every series there can be, and what was measured.
#[derive(Debug)]
pub(crate) struct SeriesTable {
    pub(crate) series: Vec<Series>,
    minutes: BTreeMap<(i64, usize), Stats>,
}

impl SeriesTable {
    /// The closed list of the catalogue, and the states.
    pub(crate) fn new(environment: &str) -> Self {
        let of_metrics = Metric::ALL.into_iter().flat_map(|metric| {
            let values = match metric.facts().further {
                None => vec![None],
                Some(dimension) => dimension.values().into_iter().map(Some).collect(),
            };
            let of = move |value| Series::of_metric(metric, value, environment);
            values.into_iter().map(of)
        });
        let of_states = State::ALL.into_iter();
        let of_states = of_states.map(|state| Series::of_state(state, environment));
        Self {
            series: of_metrics.chain(of_states).collect(),
            minutes: BTreeMap::new(),
        }
    }

    /// Adds a value, a duration in milliseconds. False where there is no such series, or no room for its minute.
    pub(crate) fn record(&mut self, of: SeriesOf, minute: i64, value: f64) -> bool {
        let mut series = self.series.iter_mut().enumerate();
        let Some((index, series)) = series.find(|(_, series)| series.of == of) else {
            return false;
        };
        match &mut series.total {
            Total::Counter(count) => *count = count.saturating_add(to_count(value)),
            Total::Histogram(buckets, sum) => {
                let seconds = value / 1000.0;
                let bucket = BUCKETS.iter().position(|bound| seconds <= *bound);
                let bucket = buckets.get_mut(bucket.unwrap_or(BUCKETS.len()));
                if let Some(count) = bucket {
                    *count += 1;
                }
                *sum += seconds;
            }
            Total::Gauge(last) => *last = Some(value),
        }
        let one = Stats {
            count: 1,
            sum: value,
            min: value,
            max: value,
        };
        self.add((minute, index), one)
    }

    /// Everything measured since the last time, in the order of time.
    pub(crate) fn drain(&mut self) -> Vec<MinuteSample> {
        let minutes = std::mem::take(&mut self.minutes).into_iter();
        let samples = minutes.filter_map(|((minute, index), stats)| {
            let series = self.series.get(index)?;
            Some(MinuteSample {
                metric: series.name,
                dimensions: series.dimensions.clone(),
                minute,
                stats,
                series: index,
            })
        });
        samples.collect()
    }

    /// Takes back a minute. False where too many are held already.
    pub(crate) fn put_back(&mut self, sample: &MinuteSample) -> bool {
        self.add((sample.minute, sample.series), sample.stats)
    }

    fn add(&mut self, key: (i64, usize), stats: Stats) -> bool {
        if let Some(held) = self.minutes.get_mut(&key) {
            held.count += stats.count;
            held.sum += stats.sum;
            held.min = held.min.min(stats.min);
            held.max = held.max.max(stats.max);
        } else if self.minutes.len() < ENTRIES_MAX {
            self.minutes.insert(key, stats);
        } else {
            return false;
        }
        true
    }
}

impl Series {
    fn of_metric(metric: Metric, value: Option<&'static str>, environment: &str) -> Self {
        let facts = metric.facts();
        // What every service emits is the process's own here.
        let service = match facts.services {
            [service] => *service,
            _ => Service::Leadwire,
        };
        let mut dimensions = dimensions(service, environment);
        if let Some((dimension, value)) = facts.further.zip(value) {
            dimensions.insert(dimension.name(), value.to_owned());
        }
        Self {
            of: SeriesOf::Metric(metric, value),
            name: facts.name,
            about: facts.about,
            dimensions,
            total: match facts.unit {
                Unit::Count => Total::Counter(0),
                Unit::Milliseconds => Total::Histogram([0; BUCKETS.len() + 1], 0.0),
            },
        }
    }

    fn of_state(state: State, environment: &str) -> Self {
        Self {
            of: SeriesOf::State(state),
            name: state.name(),
            about: state.about(),
            dimensions: dimensions(Service::Leadwire, environment),
            total: Total::Gauge(None),
        }
    }
}

fn dimensions(service: Service, environment: &str) -> BTreeMap<&'static str, String> {
    let all = [("service", service.name()), ("environment", environment)];
    all.map(|(name, value)| (name, value.to_owned())).into()
}

/// A count back from the float that it is in the minutes; those are far below 2⁵³, up to where a float is exact.
#[expect(
    clippy::as_conversions,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "it was a count"
)]
fn to_count(value: f64) -> u64 {
    value as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_rise_and_know_the_delay() {
        assert!(BUCKETS.is_sorted());
        assert!(BUCKETS.contains(&600.0));
    }

    #[test]
    fn minutes_that_find_no_room_are_refused_and_known_ones_go_on() {
        let mut table = SeriesTable::new("test");
        let of = SeriesOf::Metric(Metric::EmailsSent, None);
        for minute in 0..20_000 {
            assert!(table.record(of, minute, 1.0));
        }
        assert!(!table.record(of, 20_000, 1.0));
        assert!(table.record(of, 0, 1.0));
        let samples = table.drain();
        assert_eq!((samples.len(), samples[0].stats.count), (20_000, 2));
        assert!(table.record(of, 20_000, 1.0));
    }
}
