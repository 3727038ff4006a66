//! Metrics by the minute, gathered in memory until the home takes them away.

use jiff::Timestamp;
use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

/// Minutes of metrics that are held at most: half a day of all that one machine tells. So many wait only where nobody can keep them.
const ENTRIES_MAX: usize = 20_000;

/// Where a clock can be read: a recorder has no home.
pub type Now = fn() -> Timestamp;

/// What was told of a metric in a minute.
#[derive(Clone, Debug, PartialEq)]
pub struct MinuteSample {
    /// The metric's name.
    pub metric: &'static str,
    /// Its dimensions.
    pub dimensions: BTreeMap<&'static str, String>,
    /// Minutes since 1970.
    pub minute: i64,
    /// How many values.
    pub count: u64,
    /// Their sum.
    pub sum: f64,
    /// The smallest.
    pub min: f64,
    /// The largest.
    pub max: f64,
}

impl MinuteSample {
    fn add(&mut self, other: &Self) {
        self.count += other.count;
        self.sum += other.sum;
        self.min = self.min.min(other.min);
        self.max = self.max.max(other.max);
    }
}

/// A metric with its dimensions.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Series {
    pub(crate) metric: &'static str,
    pub(crate) dimensions: BTreeMap<&'static str, String>,
}

/// The minutes that nobody has taken yet.
#[derive(Debug)]
pub(crate) struct Minutes {
    now: Now,
    held: Mutex<BTreeMap<(i64, Series), MinuteSample>>,
}

impl Minutes {
    pub(crate) fn new(now: Now) -> Self {
        Self {
            now,
            held: Mutex::default(),
        }
    }

    /// Adds a value to its minute. False where too many minutes wait already.
    pub(crate) fn tell(&self, series: Series, value: f64) -> bool {
        self.add(MinuteSample {
            metric: series.metric,
            dimensions: series.dimensions,
            minute: (self.now)().as_second().div_euclid(60),
            count: 1,
            sum: value,
            min: value,
            max: value,
        })
    }

    /// Everything told since the last time, in the order of time.
    pub(crate) fn drain(&self) -> Vec<MinuteSample> {
        let held = std::mem::take(&mut *self.held.lock().unwrap_or_else(PoisonError::into_inner));
        held.into_values().collect()
    }

    /// Adds what was told in a minute. False where too many wait already.
    pub(crate) fn add(&self, sample: MinuteSample) -> bool {
        let series = Series {
            metric: sample.metric,
            dimensions: sample.dimensions.clone(),
        };
        let key = (sample.minute, series);
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(there) = held.get_mut(&key) {
            there.add(&sample);
        } else if held.len() < ENTRIES_MAX {
            held.insert(key, sample);
        } else {
            return false;
        }
        true
    }
}
