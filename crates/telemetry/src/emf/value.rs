//! One value, as it is written.

use super::limit::{COUNT_MAX, MEASURE_MAX};
use leadwire_pipeline::observe::metric::{Amount, Further, Measured, Metric, Service};
use opentelemetry::TraceId;
use serde::Serialize;

/// Why a value cannot be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Loss {
    /// The catalogue does not have the metric for this service.
    ForeignService,
    /// Too large.
    OutOfRange,
    /// Too old, or too far in the future.
    OutsideWindow,
    /// The line could not be written.
    NotWritten,
}

impl Loss {
    /// Its name on lines.
    pub(crate) fn code(self) -> &'static str {
        match self {
            Self::ForeignService => "foreign_stage",
            Self::OutOfRange => "out_of_range",
            Self::OutsideWindow => "outside_window",
            Self::NotWritten => "not_written",
        }
    }
}

/// A number that JSON and `CloudWatch` take.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub(crate) enum Number {
    /// How many.
    Count(u64),
    /// A measure.
    Measure(f64),
}

impl Number {
    fn of(amount: Amount) -> Option<Self> {
        match amount {
            Amount::Count(count) => (count <= COUNT_MAX).then_some(Self::Count(count)),
            // The sum of the two zeros is the one without a sign.
            Amount::Millis(value) => {
                let is_good = (0.0..=MEASURE_MAX).contains(&value);
                is_good.then_some(Self::Measure(value + 0.0))
            }
        }
    }
}

/// A value that is to be written.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Value {
    pub(crate) metric: Metric,
    /// The value of its further dimension.
    pub(crate) further: Option<Further>,
    pub(crate) number: Number,
    pub(crate) at_ms: i64,
    /// The trace that was open, so that a point on a graph leads to it.
    pub(crate) trace: Option<TraceId>,
}

impl Value {
    /// A measured value, where this service may emit it and `CloudWatch` takes the number.
    pub(crate) fn of(
        measured: Measured,
        service: Service,
        at_ms: i64,
        trace: Option<TraceId>,
    ) -> Result<Self, Loss> {
        let metric = measured.metric;
        if !metric.facts().services.contains(&service) {
            return Err(Loss::ForeignService);
        }
        Ok(Self {
            metric,
            further: measured.further,
            number: Number::of(measured.amount).ok_or(Loss::OutOfRange)?,
            at_ms,
            trace,
        })
    }
}
