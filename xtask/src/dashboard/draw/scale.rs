//! Scales: which numbers stand at an axis, and how they are written.

use crate::dashboard::sample;

/// From the least to the greatest value, with steps between them.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Scale {
    pub(super) low: f64,
    pub(super) high: f64,
    step: f64,
}

/// How many steps an axis has at most.
const STEPS: f64 = 5.0;

impl Scale {
    /// A scale with round numbers that holds all values between two.
    pub(super) fn holding(low: f64, high: f64) -> Self {
        let span = (high - low).max(1e-9);
        let mut size = 1.0;
        while size * 10.0 <= span / STEPS {
            size *= 10.0;
        }
        while size > span / STEPS {
            size /= 10.0;
        }
        let steps = [size, size * 2.0, size * 5.0, size * 10.0];
        let step = steps.into_iter().find(|step| step * STEPS >= span);
        // Nothing that is counted or measured here is looked at by its tenths.
        let step = step.unwrap_or(size * 10.0).max(1.0);
        Self {
            low: (low / step).floor() * step,
            high: (high / step).ceil() * step,
            step,
        }
    }

    /// The numbers that stand at the axis.
    pub(super) fn ticks(self) -> Vec<f64> {
        let mut ticks = Vec::new();
        let mut number = 0.0;
        while self.low + number * self.step <= self.high + self.step / 2.0 {
            ticks.push(self.low + number * self.step);
            number += 1.0;
        }
        ticks
    }

    /// Where a value lies between low, 0, and high, 1.
    pub(super) fn part(self, value: f64) -> f64 {
        ((value - self.low) / (self.high - self.low)).clamp(0.0, 1.0)
    }
}

/// A number for people: thousands apart, few digits.
pub(super) fn written(value: f64) -> String {
    let digits = if value.abs() >= 100.0 || value.fract().abs() < 0.005 {
        0
    } else if value.abs() >= 1.0 {
        1
    } else {
        2
    };
    let text = format!("{value:.digits$}");
    let (whole, rest) = text.split_once('.').unwrap_or((&text, ""));
    let mut grouped = String::new();
    for (at, digit) in whole.chars().enumerate() {
        if at > 0 && (whole.len() - at).is_multiple_of(3) && !grouped.ends_with('-') {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    if rest.is_empty() {
        grouped
    } else {
        format!("{grouped}.{rest}")
    }
}

/// The hours that stand below a graph, and how they are written.
pub(super) fn hours(begin: i64, end: i64) -> Vec<(i64, String)> {
    let every = if end - begin > 12 * 3600 { 4 } else { 1 } * 60;
    let first = begin + 60 - begin.rem_euclid(60);
    (first..end)
        .step_by(60)
        .filter(|second| sample::clock(*second) % every == 0)
        .map(|second| (second, format!("{:02}:00", sample::clock(second) / 60)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(low: f64, high: f64, expected: &[f64]) {
        assert_eq!(Scale::holding(low, high).ticks(), expected);
    }

    #[test]
    fn an_axis_has_round_numbers() {
        check(0.0, 7.0, &[0.0, 2.0, 4.0, 6.0, 8.0]);
        check(0.0, 1620.0, &[0.0, 500.0, 1000.0, 1500.0, 2000.0]);
        check(93.0, 100.0, &[92.0, 94.0, 96.0, 98.0, 100.0]);
    }

    #[test]
    fn numbers_are_written_for_people() {
        for (value, text) in [
            (0.0, "0"),
            (999.6, "1,000"),
            (1_234_567.0, "1,234,567"),
            (12.34, "12.3"),
            (0.25, "0.25"),
            (-1500.0, "-1,500"),
        ] {
            assert_eq!(written(value), text);
        }
    }

    #[test]
    fn the_hours_below_a_graph_are_whole() {
        let hours = hours(sample::NOW - 8 * 3600, sample::NOW);
        assert_eq!(hours.first().map(|(_, text)| text.as_str()), Some("08:00"));
        assert_eq!(hours.len(), 7);
    }
}
