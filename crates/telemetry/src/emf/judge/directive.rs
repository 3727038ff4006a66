//! One directive: a set of dimensions and the metrics that have it.

use super::{Judge, Sample};
use crate::emf::limit::{DIMENSIONS_MAX, METRICS_MAX, VALUES_MAX, is_dimension_value};
use leadwire_pipeline::observe::metric::{Dimension, Facts, NAMESPACE, Service};
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// Characters of a metric's name.
const NAME_CHARS_MAX: usize = 255;

/// A value may be this large: 2^360.
const MAGNITUDE_MAX: f64 = 2.348_542_582_773_833e108;

/// The units that `CloudWatch` knows.
const UNITS: [&str; 27] = [
    "Seconds",
    "Microseconds",
    "Milliseconds",
    "Bytes",
    "Kilobytes",
    "Megabytes",
    "Gigabytes",
    "Terabytes",
    "Bits",
    "Kilobits",
    "Megabits",
    "Gigabits",
    "Terabits",
    "Percent",
    "Count",
    "Bytes/Second",
    "Kilobytes/Second",
    "Megabytes/Second",
    "Gigabytes/Second",
    "Terabytes/Second",
    "Bits/Second",
    "Kilobits/Second",
    "Megabits/Second",
    "Gigabits/Second",
    "Terabits/Second",
    "Count/Second",
    "None",
];

/// Judges one directive of a line.
pub(super) struct Directive<'j, 'a> {
    pub(super) at_ms: i64,
    pub(super) judge: &'j mut Judge<'a>,
}

impl<'a> Directive<'_, 'a> {
    pub(super) fn judge(mut self, directive: &'a Value) -> Vec<Sample> {
        let needed = ["Namespace", "Dimensions", "Metrics"];
        let Some(members) = self.judge.exact(directive, "a directive", &needed, &[]) else {
            return Vec::new();
        };
        if members.get("Namespace").and_then(Value::as_str) != Some(NAMESPACE) {
            self.judge.mistake("Namespace is another one");
        }
        let dimensions = self.dimensions(members.get("Dimensions"));
        let metrics = members.get("Metrics").and_then(Value::as_array);
        let Some(metrics) = metrics.filter(|m| (1..=METRICS_MAX).contains(&m.len())) else {
            self.judge.mistake("Metrics is not a list of 1 to 100");
            return Vec::new();
        };
        metrics
            .iter()
            .filter_map(|metric| self.metric(metric, &dimensions))
            .collect()
    }

    /// One set of dimensions, each a text at the root.
    fn dimensions(&mut self, sets: Option<&'a Value>) -> BTreeMap<String, String> {
        let set = match sets.and_then(Value::as_array).map(Vec::as_slice) {
            Some([Value::Array(set)]) if set.len() <= DIMENSIONS_MAX => set.as_slice(),
            _ => {
                self.judge
                    .mistake("Dimensions is not one set of at most 30 names");
                &[]
            }
        };
        let mut dimensions = BTreeMap::new();
        for name in set {
            let Some(name) = name.as_str() else {
                self.judge.mistake("a dimension's name is not a text");
                continue;
            };
            let value = self.judge.root.get(name).and_then(Value::as_str);
            let Some(value) = value.filter(|value| is_dimension_value(value)) else {
                self.judge.mistake(format!(
                    "the dimension {name} has no usable value at the root"
                ));
                continue;
            };
            let known = dimensions.insert(name.to_owned(), value.to_owned());
            if known.is_some() {
                self.judge
                    .mistake(format!("the dimension {name} stands twice"));
            }
        }
        dimensions
    }

    fn metric(
        &mut self,
        metric: &'a Value,
        dimensions: &BTreeMap<String, String>,
    ) -> Option<Sample> {
        let (needed, allowed) = (["Name", "Unit"], ["StorageResolution"]);
        let members = self.judge.exact(metric, "a metric", &needed, &allowed)?;
        let Some(name) = members.get("Name").and_then(Value::as_str) else {
            self.judge.mistake("a metric's name is not a text");
            return None;
        };
        if !self.judge.defined.insert(name) {
            self.judge.mistake(format!("{name} is defined twice"));
        }
        let Some(facts) = (self.judge.catalogue)(name).filter(|_| name.len() <= NAME_CHARS_MAX)
        else {
            self.judge
                .mistake(format!("{name} is not in the catalogue"));
            return None;
        };
        self.definition(&facts, members);
        self.place(&facts, dimensions);
        let values = self.values(name)?;
        Some(Sample {
            name: name.to_owned(),
            unit: facts.unit.name().to_owned(),
            dimensions: dimensions.clone(),
            values,
            at_ms: self.at_ms,
            trace_id: self
                .judge
                .root
                .get("trace_id")
                .and_then(Value::as_str)
                .map(str::to_owned),
        })
    }

    fn definition(&mut self, facts: &Facts, members: &Map<String, Value>) {
        let name = facts.name;
        let unit = members
            .get("Unit")
            .and_then(Value::as_str)
            .unwrap_or_default();
        if !UNITS.contains(&unit) {
            self.judge.mistake(format!("{name}: {unit} is not a unit"));
        }
        if unit != facts.unit.name() {
            self.judge.mistake(format!(
                "{name}: the catalogue has another unit than {unit}"
            ));
        }
        let resolution = members
            .get("StorageResolution")
            .map_or(Some(60), Value::as_u64);
        if resolution != Some(facts.resolution.seconds().into()) {
            self.judge
                .mistake(format!("{name}: the catalogue has another resolution"));
        }
    }

    /// The stage and the dimensions that the catalogue has for it.
    fn place(&mut self, facts: &Facts, dimensions: &BTreeMap<String, String>) {
        let name = facts.name;
        let mut expected = vec!["environment", "service"];
        expected.extend(facts.further.map(Dimension::name));
        expected.sort_unstable();
        if !dimensions.keys().eq(&expected) {
            self.judge
                .mistake(format!("{name}: its dimensions are not {expected:?}"));
        }
        let service = dimensions.get("service").map(String::as_str);
        if !facts
            .services
            .iter()
            .map(|service| Service::name(*service))
            .any(|name| Some(name) == service)
        {
            self.judge.mistake(format!(
                "{name}: the catalogue does not have it for this service"
            ));
        }
        if let Some(further) = facts.further {
            let value = dimensions.get(further.name()).map_or("", String::as_str);
            if !further.values().contains(&value) {
                self.judge.mistake(format!(
                    "{name}: {value:?} is not a value of {}",
                    further.name()
                ));
            }
        }
    }

    fn values(&mut self, name: &str) -> Option<Vec<f64>> {
        let target = self.judge.root.get(name);
        let values = match target {
            Some(Value::Array(values)) => values.iter().map(number).collect(),
            Some(value) => number(value).map(|value| vec![value]),
            None => None,
        };
        let Some(values) = values else {
            self.judge.mistake(format!(
                "{name} is not a number at the root, nor a list of numbers"
            ));
            return None;
        };
        if !(1..=VALUES_MAX).contains(&values.len()) {
            self.judge
                .mistake(format!("{name} has {} values, not 1 to 100", values.len()));
        }
        if values
            .iter()
            .any(|value| !(0.0..=MAGNITUDE_MAX).contains(value))
        {
            self.judge
                .mistake(format!("{name} has a value that is negative or too large"));
        }
        Some(values)
    }
}

fn number(value: &Value) -> Option<f64> {
    value.as_f64()
}
