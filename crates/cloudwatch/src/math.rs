//! Metric math over series, as AWS documents it: point by point, a missing value in arithmetic and comparisons counts as 0 where the other
//! side has one, and a point that would be no number is dropped.

use super::expression::{Expression, Operator};
use super::points::Unanswered;
use std::collections::BTreeMap;

/// A series: its values by the second at which their periods begin.
pub(super) type Series = BTreeMap<i64, f64>;

#[derive(Clone, Debug)]
enum Value {
    Scalar(f64),
    Series(Series),
}

impl Value {
    /// The value in the period that begins then.
    fn at(&self, begin: i64) -> Option<f64> {
        match self {
            Self::Scalar(number) => Some(*number),
            Self::Series(series) => series.get(&begin).copied(),
        }
    }

    /// Where periods with a value begin; a number belongs to none.
    fn begins(&self) -> impl Iterator<Item = i64> {
        let series = match self {
            Self::Scalar(_) => None,
            Self::Series(series) => Some(series.keys().copied()),
        };
        series.into_iter().flatten()
    }
}

/// The series of an expression over a grid of periods: an error where it names what there is not, or is a number for all times.
pub(super) fn series(
    expression: &Expression,
    known: &BTreeMap<&str, Series>,
    grid: &[i64],
) -> Result<Series, Unanswered> {
    match value(expression, known, grid)? {
        Value::Series(series) => Ok(series),
        Value::Scalar(_) => Err(mixed_up()),
    }
}

fn value(
    expression: &Expression,
    known: &BTreeMap<&str, Series>,
    grid: &[i64],
) -> Result<Value, Unanswered> {
    let of = |inner: &Expression| value(inner, known, grid);
    match expression {
        Expression::Number(number) => Ok(Value::Scalar(*number)),
        Expression::Id(id) => {
            let series = known.get(id.as_str()).cloned();
            let series = series.ok_or_else(|| unknown(id))?;
            Ok(Value::Series(series))
        }
        Expression::Binary(one, operator, other) => Ok(binary(&of(one)?, *operator, &of(other)?)),
        Expression::If(condition, then, otherwise) => {
            let otherwise = otherwise.as_ref().map(|inner| of(inner)).transpose()?;
            Ok(choose(of(condition)?, &of(then)?, otherwise.as_ref()))
        }
        Expression::Fill(inner, with) => match (of(inner)?, of(with)?) {
            (Value::Series(mut series), Value::Scalar(filler)) => {
                for begin in grid {
                    series.entry(*begin).or_insert(filler);
                }
                Ok(Value::Series(series))
            }
            _ => Err(mixed_up()),
        },
    }
}

pub(super) fn unknown(id: &str) -> Unanswered {
    Unanswered(format!("{id:?} is neither a metric nor an expression"))
}

fn mixed_up() -> Unanswered {
    Unanswered("a series and a number are mixed up".to_owned())
}

fn binary(one: &Value, operator: Operator, other: &Value) -> Value {
    if let (Value::Scalar(one), Value::Scalar(other)) = (one, other) {
        return Value::Scalar(apply(*one, operator, *other));
    }
    let point = |begin| {
        let (one, other) = (one.at(begin), other.at(begin));
        let worked = apply(one.unwrap_or_default(), operator, other.unwrap_or_default());
        (begin, worked)
    };
    finite(one.begins().chain(other.begins()).map(point))
}

fn apply(one: f64, operator: Operator, other: f64) -> f64 {
    let truth = |holds: bool| f64::from(u8::from(holds));
    match operator {
        Operator::Or => truth(is_true(one) || is_true(other)),
        Operator::And => truth(is_true(one) && is_true(other)),
        Operator::Equal => truth(is_same(one, other)),
        Operator::NotEqual => truth(!is_same(one, other)),
        Operator::Compare(comparison) => truth(comparison.holds(one, other)),
        Operator::Add => one + other,
        Operator::Subtract => one - other,
        Operator::Multiply => one * other,
        Operator::Divide => one / other,
    }
}

/// Anything but 0 is true, whether above or below.
fn is_true(value: f64) -> bool {
    !is_same(value, 0.0)
}

#[expect(
    clippy::float_cmp,
    reason = "the operator is defined as exact equality"
)]
fn is_same(one: f64, other: f64) -> bool {
    one == other
}

/// The documented table of `IF`: no condition, no point; true without a value is 0; false without a value is no point.
fn choose(condition: Value, then: &Value, otherwise: Option<&Value>) -> Value {
    let condition = match condition {
        Value::Series(series) => series,
        Value::Scalar(number) if is_true(number) => return then.clone(),
        Value::Scalar(_) => {
            let nothing = Value::Series(Series::new());
            return otherwise.cloned().unwrap_or(nothing);
        }
    };
    let point = |(begin, holds): (i64, f64)| {
        let value = if is_true(holds) {
            Some(then.at(begin).unwrap_or_default())
        } else {
            otherwise.and_then(|value| value.at(begin))
        };
        value.map(|value| (begin, value))
    };
    finite(condition.into_iter().filter_map(point))
}

fn finite(points: impl Iterator<Item = (i64, f64)>) -> Value {
    Value::Series(points.filter(|(_, value)| value.is_finite()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Values of five periods, `-` for none.
    fn points(text: &str) -> Series {
        let words = (0..).step_by(60).zip(text.split_whitespace());
        words
            .filter_map(|(begin, word)| Some((begin, word.parse().ok()?)))
            .collect()
    }

    #[track_caller]
    fn check(expression: &str, ids: &[(&str, &str)], expected: &str) {
        let known = ids.iter().map(|(id, text)| (*id, points(text))).collect();
        let grid: Vec<i64> = (0..5).map(|period| period * 60).collect();
        let read = Expression::parse(expression).unwrap();
        let worked = series(&read, &known, &grid);
        assert_eq!(worked, Ok(points(expected)), "{expression}");
    }

    #[test]
    fn the_documented_table_of_comparisons_holds() {
        let ids = [("a", "30 20 0 0"), ("b", "20 - 20 -")];
        check("a < b", &ids, "0 0 1 0");
        check("a >= 30", &ids, "1 0 0 0");
        check("a > 15 AND b > 15", &ids, "1 0 0 0");
    }

    #[test]
    fn the_documented_tables_of_if_hold() {
        let ids = [
            ("a", "1 1 0 0 -"),
            ("b", "30 - 0 0 30"),
            ("c", "0 0 20 - 20"),
        ];
        check("IF(a, b, c)", &ids, "30 0 20 - -");
        check("IF(a, 5, c)", &ids, "5 5 20 - -");
        check("IF(a, b, 5)", &ids, "30 0 5 5 -");
        check("IF(a, b)", &ids, "30 0 - - -");
        check("IF(a, 10, 2)", &ids, "10 10 2 2 -");
        check("IF(1, b, c)", &ids, "30 - 0 0 30");
        check("IF(0, b, c)", &ids, "0 0 20 - 20");
        check("IF(0, b)", &ids, "- - - - -");
    }

    #[test]
    fn in_arithmetic_a_missing_value_is_zero() {
        let ids = [("a", "1 - 3 - 5"), ("b", "1 2 - - 5")];
        check("a + b", &ids, "2 2 3 - 10");
        check("a - b", &ids, "0 -2 3 - 0");
        check("a * b", &ids, "1 0 0 - 25");
        check("2 * a - 1", &ids, "1 - 5 - 9");
        check("-a", &ids, "-1 - -3 - -5");
        check("a OR b", &ids, "1 1 1 - 1");
        check("a != b", &ids, "0 1 1 - 0");
        check("a == b", &ids, "1 0 0 - 1");
        check("a <= b", &ids, "1 1 0 - 1");
    }

    #[test]
    fn a_division_by_zero_drops_the_point() {
        let ids = [("a", "1 2 0 -"), ("b", "2 0 0 5")];
        check("a / b", &ids, "0.5 - - 0");
        check("IF(b > 0, a / b, 0)", &ids, "0.5 0 0 0");
        check("a / 0", &ids, "- - - -");
    }

    #[test]
    fn fill_gives_every_period_a_value() {
        check("FILL(a, 7)", &[("a", "1 - 3 - -")], "1 7 3 7 7");
        check("FILL(a, -1)", &[("a", "")], "-1 -1 -1 -1 -1");
    }

    #[test]
    fn what_is_no_series_is_refused() {
        let known = BTreeMap::from([("a", points("1"))]);
        let of = |text: &str| series(&Expression::parse(text).unwrap(), &known, &[0]);
        for mixed in ["1 + 2", "FILL(1, 2)", "FILL(a, a)"] {
            assert_eq!(of(mixed), Err(mixed_up()), "{mixed}");
        }
        assert_eq!(of("a + b"), Err(unknown("b")));
    }

    proptest! {
        #[test]
        fn nothing_that_is_no_number_comes_out(values in prop::collection::vec((0_i64..5, prop_oneof![Just(f64::MAX), Just(-f64::MAX), Just(0.0), -5.0..5.0]), 0..5), expression in prop::sample::select(vec!["a / a", "a * a", "a + a", "a - a / 0", "IF(a, a * a, a / a)", "-a", "1 / 0 * a"])) {
            let a: Series = values.into_iter().collect();
            let read = Expression::parse(expression).unwrap();
            let result = series(&read, &BTreeMap::from([("a", a.clone())]), &[0, 1]).unwrap();
            prop_assert!(result.values().all(|value| value.is_finite()));
            prop_assert!(result.keys().all(|begin| a.contains_key(begin)));
        }
    }
}
