//! What an alarm asks of a store of metrics, and what it gets.

use std::collections::BTreeMap;
use std::str::FromStr;

/// A metric of `CloudWatch`: exactly these dimensions, no more and no fewer.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Query {
    /// Such as `AWS/SQS`.
    pub namespace: String,
    /// The metric's name.
    pub metric: String,
    /// Name and value of each dimension.
    pub dimensions: BTreeMap<String, String>,
}

/// Periods of equal length, the last of which has just ended. Seconds since 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// The end of the newest period, which is not part of it.
    pub end: i64,
    /// The length of each.
    pub period: i64,
    /// How many.
    pub count: usize,
}

impl Window {
    /// When the periods begin, the oldest first.
    pub fn begins(self) -> impl Iterator<Item = i64> {
        let back = (1..=i64::try_from(self.count).unwrap_or(i64::MAX)).rev();
        back.map(move |periods| {
            self.end
                .saturating_sub(periods.saturating_mul(self.period.max(1)))
        })
    }

    /// When the first period begins.
    pub fn begin(self) -> i64 {
        self.begins().next().unwrap_or(self.end)
    }

    /// The begin of the period that a second belongs to.
    pub fn slot(self, second: i64) -> Option<i64> {
        if second >= self.end || second < self.begin() {
            return None;
        }
        let periods_after = (self.end - 1 - second) / self.period.max(1);
        Some(self.end - (periods_after + 1) * self.period.max(1))
    }
}

/// The values of a period, summed up.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Stats {
    /// How many values there are.
    pub count: f64,
    /// Their sum.
    pub sum: f64,
    /// The least.
    pub min: f64,
    /// The greatest.
    pub max: f64,
    /// Each of them, where the source keeps them: only then is a percentile known.
    pub values: Vec<f64>,
}

impl Stats {
    /// The summary of one value.
    pub fn of(value: f64) -> Self {
        Self {
            count: 1.0,
            sum: value,
            min: value,
            max: value,
            values: vec![value],
        }
    }

    /// Adds the values of another summary.
    pub fn merge(&mut self, other: Self) {
        if other.count <= 0.0 {
            return;
        }
        if self.count <= 0.0 {
            *self = other;
            return;
        }
        self.count += other.count;
        self.sum += other.sum;
        self.min = self.min.min(other.min);
        self.max = self.max.max(other.max);
        self.values.extend(other.values);
    }

    /// The value of a statistic; none of a period without values. An error where a percentile is asked for and the values were not kept.
    pub fn value(&self, statistic: Statistic) -> Result<Option<f64>, Unanswered> {
        if self.count <= 0.0 {
            return Ok(None);
        }
        let value = match statistic {
            Statistic::Sum => self.sum,
            Statistic::Average => self.sum / self.count,
            Statistic::Minimum => self.min,
            Statistic::Maximum => self.max,
            Statistic::SampleCount => self.count,
            Statistic::Percentile(percent) => return self.percentile(percent).map(Some),
        };
        Ok(Some(value))
    }

    /// By the nearest rank. `CloudWatch` approximates; no threshold should depend on the difference.
    fn percentile(&self, percent: f64) -> Result<f64, Unanswered> {
        if self.min.total_cmp(&self.max).is_eq() {
            return Ok(self.min);
        }
        let mut sorted = self.values.clone();
        sorted.sort_by(f64::total_cmp);
        let mut rank = 0.0;
        let wanted = percent / 100.0 * self.count;
        for value in sorted {
            rank += 1.0;
            if rank >= wanted {
                return Ok(value);
            }
        }
        Err(Unanswered("percentiles are not kept here".to_owned()))
    }
}

/// How a period's values become one.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Statistic {
    /// Their sum.
    Sum,
    /// Their mean.
    Average,
    /// The least.
    Minimum,
    /// The greatest.
    Maximum,
    /// How many there are.
    SampleCount,
    /// The value that this many per cent of them do not exceed.
    Percentile(f64),
}

/// As `Statistic`, `ExtendedStatistic` or `Stat` have it.
impl FromStr for Statistic {
    type Err = Unanswered;

    fn from_str(text: &str) -> Result<Self, Unanswered> {
        match text {
            "Sum" => Ok(Self::Sum),
            "Average" => Ok(Self::Average),
            "Minimum" => Ok(Self::Minimum),
            "Maximum" => Ok(Self::Maximum),
            "SampleCount" => Ok(Self::SampleCount),
            _ => {
                let percent = text.strip_prefix('p').and_then(percent);
                let percent = percent.ok_or_else(|| Unanswered(format!("{text} is not known")))?;
                Ok(Self::Percentile(percent))
            }
        }
    }
}

/// A number from 0 to 100, written without a sign or an exponent.
fn percent(digits: &str) -> Option<f64> {
    let is_plain = digits.starts_with(|c: char| c.is_ascii_digit())
        && digits.chars().all(|c| c.is_ascii_digit() || c == '.');
    let percent = digits.parse().ok().filter(|_| is_plain)?;
    (0.0..=100.0).contains(&percent).then_some(percent)
}

/// A source of points does not keep what an alarm looks at. Not the same as a metric of which there are no points.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Unanswered(pub String);

/// Where points come from.
pub trait Points {
    /// The summaries of the periods in the window that have values, by the second at which each begins. An error where this source does not
    /// keep the metric at all.
    fn points(&self, query: &Query, window: Window) -> Result<BTreeMap<i64, Stats>, Unanswered>;
}

/// Values that were recorded, each with its second. A metric that was never recorded has no points.
#[derive(Clone, Debug, Default)]
pub struct Recording(BTreeMap<Query, BTreeMap<i64, Stats>>);

impl Recording {
    /// Adds a value.
    pub fn record(&mut self, query: &Query, second: i64, value: f64) {
        let series = self.0.entry(query.clone()).or_default();
        series.entry(second).or_default().merge(Stats::of(value));
    }
}

impl Points for Recording {
    fn points(&self, query: &Query, window: Window) -> Result<BTreeMap<i64, Stats>, Unanswered> {
        let mut periods = BTreeMap::<i64, Stats>::new();
        let Some(series) = self.0.get(query) else {
            return Ok(periods);
        };
        for (second, stats) in series.range(window.begin().min(window.end)..window.end) {
            if let Some(begin) = window.slot(*second) {
                periods.entry(begin).or_default().merge(stats.clone());
            }
        }
        Ok(periods)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const WINDOW: Window = Window {
        end: 600,
        period: 60,
        count: 3,
    };

    #[test]
    fn a_window_s_periods_end_with_it() {
        assert_eq!(WINDOW.begins().collect::<Vec<_>>(), [420, 480, 540]);
        assert_eq!(WINDOW.slot(419), None);
        assert_eq!(WINDOW.slot(420), Some(420));
        assert_eq!(WINDOW.slot(479), Some(420));
        assert_eq!(WINDOW.slot(599), Some(540));
        assert_eq!(WINDOW.slot(600), None);
    }

    #[test]
    fn a_summary_knows_every_statistic() {
        let mut stats = Stats::default();
        assert_eq!(stats.value(Statistic::Sum), Ok(None));
        for value in [4.0, 1.0, 3.0, 2.0] {
            stats.merge(Stats::of(value));
        }
        for (statistic, expected) in [
            ("Sum", 10.0),
            ("Average", 2.5),
            ("Minimum", 1.0),
            ("Maximum", 4.0),
            ("SampleCount", 4.0),
            ("p0", 1.0),
            ("p50", 2.0),
            ("p75.5", 4.0),
            ("p99", 4.0),
            ("p100", 4.0),
        ] {
            let statistic = statistic.parse().unwrap();
            assert_eq!(stats.value(statistic), Ok(Some(expected)), "{statistic:?}");
        }
    }

    #[test]
    fn a_percentile_of_values_that_were_not_kept_is_not_guessed() {
        let kept = Stats {
            count: 2.0,
            sum: 3.0,
            min: 1.0,
            max: 2.0,
            values: Vec::new(),
        };
        assert!(kept.value(Statistic::Percentile(99.0)).is_err());
        let alike = Stats { max: 1.0, ..kept };
        assert_eq!(alike.value(Statistic::Percentile(99.0)), Ok(Some(1.0)));
    }

    #[test]
    fn what_is_no_statistic_is_refused() {
        for text in [
            "", "sum", "p", "p101", "p-1", "pinf", "P99", "p1e1", "tm99", "p.", "p1.2.3",
        ] {
            assert!(text.parse::<Statistic>().is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn a_second_lies_in_the_period_that_its_slot_names(second in 0_i64..10_000, end in 0_i64..10_000, period in 1_i64..500, count in 0_usize..20) {
            let window = Window { end, period, count };
            let begins: Vec<i64> = window.begins().collect();
            let within = begins.iter().copied().find(|begin| (*begin..begin + period).contains(&second));
            prop_assert_eq!(window.slot(second), within);
        }

        #[test]
        fn merging_in_any_order_sums_up_the_same(mut values in prop::collection::vec(-1000_i32..1000, 1..20)) {
            let sum_up = |values: &[i32]| {
                let mut stats = Stats::default();
                for value in values {
                    stats.merge(Stats::of(f64::from(*value)));
                }
                [Statistic::Sum, Statistic::Minimum, Statistic::Maximum, Statistic::SampleCount, Statistic::Percentile(90.0)]
                    .map(|statistic| stats.value(statistic))
            };
            let one = sum_up(&values);
            values.reverse();
            prop_assert_eq!(one, sum_up(&values));
        }
    }
}
