//! One recorded value, held to the catalogue.

use super::limit::{COUNT_MAX, MEASURE_MAX, NAME_CHARS_MAX};
use leadwire_pipeline::observe::metric::{Dimension, Facts, Stage};
use metrics::Key;
use opentelemetry::TraceId;
use serde::Serialize;
use std::thread::ThreadId;

/// Members that a line has for itself; no metric can be called so.
const MEMBERS: [&str; 12] = [
    "_aws",
    "environment",
    "event",
    "level",
    "message",
    "reason",
    "service",
    "source",
    "span_id",
    "target",
    "timestamp",
    "trace_id",
];

/// Why a value cannot be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Loss {
    /// The catalogue does not have it.
    UnknownMetric,
    /// Its name is too long, or taken by another member.
    UnusableName,
    /// Another stage tells it.
    ForeignStage,
    /// A dimension too many or too few, or another one.
    WrongDimension,
    /// A value that the dimension's closed list does not have.
    UnknownDimensionValue,
    /// A counter of something else than counts, or a value that needs the one before it.
    WrongKind,
    /// Not a number, or infinite.
    NotANumber,
    /// Negative, which would end every percentile, or too large.
    OutOfRange,
    /// Too old, or too far in the future.
    OutsideWindow,
    /// Nobody took the line.
    NotWritten,
}

impl Loss {
    /// Its name on lines.
    pub(super) fn code(self) -> &'static str {
        match self {
            Self::UnknownMetric => "unknown_metric",
            Self::UnusableName => "unusable_name",
            Self::ForeignStage => "foreign_stage",
            Self::WrongDimension => "wrong_dimension",
            Self::UnknownDimensionValue => "unknown_dimension_value",
            Self::WrongKind => "wrong_kind",
            Self::NotANumber => "not_a_number",
            Self::OutOfRange => "out_of_range",
            Self::OutsideWindow => "outside_window",
            Self::NotWritten => "not_written",
        }
    }
}

/// A number that JSON and `CloudWatch` take.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub(super) enum Amount {
    /// How many.
    Count(u64),
    /// A measure.
    Measure(f64),
}

impl Amount {
    pub(super) fn count(count: u64) -> Result<Self, Loss> {
        if count > COUNT_MAX {
            return Err(Loss::OutOfRange);
        }
        Ok(Self::Count(count))
    }

    pub(super) fn measure(value: f64) -> Result<Self, Loss> {
        if !value.is_finite() {
            Err(Loss::NotANumber)
        } else if (0.0..=MEASURE_MAX).contains(&value) {
            // The sum of the two zeros is the one without a sign.
            Ok(Self::Measure(value + 0.0))
        } else {
            Err(Loss::OutOfRange)
        }
    }
}

/// What a value is one of: a metric and the value of its further dimension.
#[derive(Clone, Copy, Debug)]
pub(super) struct Series {
    pub(super) facts: Facts,
    pub(super) further: Option<(Dimension, &'static str)>,
}

/// A recorded value that waits to be written.
#[derive(Clone, Copy, Debug)]
pub(super) struct Value {
    pub(super) series: Series,
    pub(super) amount: Amount,
    pub(super) at_ms: i64,
    /// The trace that was open, so that a point on a graph leads to it.
    pub(super) trace: Option<TraceId>,
    /// The thread, whose next line it may stand on.
    pub(super) thread: ThreadId,
}

impl Series {
    /// The series that a key of the facade names, if the catalogue has it for this stage.
    pub(super) fn of(facts: Option<Facts>, stage: Stage, key: &Key) -> Result<Self, Loss> {
        let facts = facts.ok_or(Loss::UnknownMetric)?;
        if !is_usable(facts.name) {
            return Err(Loss::UnusableName);
        }
        if !facts.stages.contains(&stage) {
            return Err(Loss::ForeignStage);
        }
        let mut labels = key.labels();
        let further = match (facts.further, labels.next(), labels.next()) {
            (None, None, _) => None,
            (Some(dimension), Some(label), None) if label.key() == dimension.name() => {
                let values = dimension.values();
                let value = values.into_iter().find(|value| *value == label.value());
                Some((dimension, value.ok_or(Loss::UnknownDimensionValue)?))
            }
            _ => return Err(Loss::WrongDimension),
        };
        Ok(Self { facts, further })
    }
}

fn is_usable(name: &str) -> bool {
    (1..=NAME_CHARS_MAX).contains(&name.len())
        && name.bytes().all(|b| b.is_ascii_graphic())
        && !MEMBERS.contains(&name)
}
