//! Values that stand together in one document.

use super::limit::{DIMENSIONS_MAX, DOCUMENT_BYTES_MAX, METRICS_MAX, VALUES_MAX};
use super::value::{Number, Value};
use crate::line::Line;
use leadwire_pipeline::observe::metric::{Dimension, Further, Metric, NAMESPACE};
use opentelemetry::TraceId;
use serde::Serialize;

/// The dimensions of every metric.
const COMMON: [&str; 2] = ["service", "environment"];

/// Bytes of `_aws` and of the members that a document of its own has, at most.
const FRAME_BYTES: usize = 4096;

/// Bytes of a metric beside its name, which stands twice: unit, punctuation.
const METRIC_BYTES: usize = 96;

/// Bytes of a number and its comma.
const NUMBER_BYTES: usize = 32;

/// A value may be late by less than this: `CloudWatch` sums up by the minute.
const LATE_MS: u64 = 60_000;

const _: () = assert!(COMMON.len() < DIMENSIONS_MAX && Metric::ALL.len() <= METRICS_MAX);

/// A document under construction: one time, one trace, and one value for each dimension.
#[derive(Debug)]
pub(crate) struct Document {
    pub(crate) at_ms: i64,
    pub(crate) trace: Option<TraceId>,
    further: Vec<Further>,
    metrics: Vec<(Metric, Vec<Number>)>,
    bytes: usize,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Aws {
    timestamp: i64,
    cloud_watch_metrics: Vec<Directive>,
}

/// The metrics of one set of dimensions.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Directive {
    namespace: &'static str,
    dimensions: [Vec<&'static str>; 1],
    metrics: Vec<Definition>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Definition {
    name: &'static str,
    unit: &'static str,
}

impl Document {
    /// One of this time and trace, on a line that has so many bytes already.
    pub(crate) fn new(at_ms: i64, trace: Option<TraceId>, bytes: usize) -> Self {
        Self {
            at_ms,
            trace,
            further: Vec::new(),
            metrics: Vec::new(),
            bytes: bytes + FRAME_BYTES,
        }
    }

    /// As few documents as take these values.
    pub(crate) fn of(values: Vec<Value>) -> Vec<Self> {
        let mut documents: Vec<Self> = Vec::new();
        for value in values {
            if let Some(document) = documents.iter_mut().find(|d| d.fits(&value)) {
                document.add(value);
            } else {
                let mut document = Self::new(value.at_ms, value.trace, 0);
                document.add(value);
                documents.push(document);
            }
        }
        documents
    }

    /// Whether a value can stand here too.
    pub(crate) fn fits(&self, value: &Value) -> bool {
        let mut metrics = self.metrics.iter();
        let room = metrics.all(|(known, of)| *known != value.metric || of.len() < VALUES_MAX);
        let agrees = value.further.is_none_or(|wanted| {
            let mut others = self.further.iter();
            others.all(|known| known.dimension() != wanted.dimension() || *known == wanted)
        });
        room && agrees
            && self.trace == value.trace
            && self.at_ms.abs_diff(value.at_ms) < LATE_MS
            && self.bytes + cost(value.metric) <= DOCUMENT_BYTES_MAX
    }

    /// Whether a value can stand on this line: no other member has its name, and none contradicts its dimensions.
    pub(crate) fn fits_on(&self, line: &Line, value: &Value) -> bool {
        let further = value.further;
        self.fits(value)
            && line.get(value.metric.name()).is_none()
            && further
                .is_none_or(|further| line.agrees(further.dimension().name(), further.value()))
    }

    /// Takes a value that fits.
    pub(crate) fn add(&mut self, value: Value) {
        self.bytes += cost(value.metric);
        if let Some(further) = value.further
            && !self.further.contains(&further)
        {
            self.further.push(further);
        }
        let mut metrics = self.metrics.iter_mut();
        match metrics.find(|(known, _)| *known == value.metric) {
            Some((_, numbers)) => numbers.push(value.number),
            None => self.metrics.push((value.metric, vec![value.number])),
        }
    }

    /// How many values it has.
    pub(crate) fn count(&self) -> u64 {
        let values: usize = self.metrics.iter().map(|(_, numbers)| numbers.len()).sum();
        u64::try_from(values).unwrap_or(u64::MAX)
    }

    /// Writes itself to a line that has the common dimensions already.
    pub(crate) fn write(&self, line: &mut Line) {
        if self.metrics.is_empty() {
            return;
        }
        for further in &self.further {
            line.put(further.dimension().name(), further.value());
        }
        line.put("_aws", &self.aws());
        for (metric, numbers) in &self.metrics {
            match numbers.as_slice() {
                [number] => line.put(metric.name(), number),
                numbers => line.put(metric.name(), numbers),
            };
        }
    }

    fn aws(&self) -> Aws {
        let mut sets: Vec<Option<Dimension>> = Vec::new();
        for (metric, _) in &self.metrics {
            let set = metric.facts().further;
            if !sets.contains(&set) {
                sets.push(set);
            }
        }
        Aws {
            timestamp: self.at_ms,
            cloud_watch_metrics: sets.into_iter().map(|set| self.directive(set)).collect(),
        }
    }

    fn directive(&self, set: Option<Dimension>) -> Directive {
        let further = set.map(Dimension::name);
        let facts = self.metrics.iter().map(|(metric, _)| metric.facts());
        let metrics = facts
            .filter(|facts| facts.further == set)
            .map(|facts| Definition {
                name: facts.name,
                unit: facts.unit.name(),
            });
        Directive {
            namespace: NAMESPACE,
            dimensions: [COMMON.into_iter().chain(further).collect()],
            metrics: metrics.collect(),
        }
    }
}

/// The most bytes that one value adds.
fn cost(metric: Metric) -> usize {
    2 * metric.name().len() + METRIC_BYTES + NUMBER_BYTES
}
