//! A judge of lines that shares nothing with the encoder but the catalogue. `CloudWatch` drops what it cannot read without a word, and its JSON
//! schema takes documents whose values are missing; this one takes nothing that it does not know.

use super::limit::{
    DIMENSIONS_MAX, LINE_BYTES_MAX, METRICS_MAX, VALUES_MAX, is_dimension_value, is_in_window,
};
use leadwire_domain::json::Object;
use leadwire_pipeline::observe::metric::{Dimension, Metric, NAMESPACE};
use serde::Deserialize;
use serde_json::{Map, Value};
use std::collections::{BTreeMap, BTreeSet};

/// The levels of a line.
const LEVELS: [&str; 5] = ["TRACE", "DEBUG", "INFO", "WARN", "ERROR"];

/// A value may be this large: 2^360.
const MAGNITUDE_MAX: f64 = 2.348_542_582_773_833e108;

/// The values of one metric in one document, as `CloudWatch` reads them.
#[derive(Clone, Debug, PartialEq)]
pub struct Sample {
    /// The metric's name.
    pub name: String,
    /// Its unit.
    pub unit: String,
    /// Its dimensions: `service`, `environment`, and the further one where it has one.
    pub dimensions: BTreeMap<String, String>,
    /// Its values, in the order in which they were recorded.
    pub values: Vec<f64>,
    /// When, in milliseconds since 1970.
    pub at_ms: i64,
    /// The trace that a point on a graph leads to.
    pub trace_id: Option<String>,
}

/// The member `_aws`.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Aws {
    timestamp: i64,
    cloud_watch_metrics: Vec<Directive>,
}

/// One set of dimensions and the metrics that have it.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Directive {
    namespace: String,
    dimensions: [Vec<String>; 1],
    metrics: Vec<Definition>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Definition {
    name: String,
    unit: String,
    #[serde(default = "standard_seconds")]
    storage_resolution: u64,
}

const fn standard_seconds() -> u64 {
    60
}

/// Judges one line as the programs print it, at the time `now_ms` (milliseconds since 1970). A good line gives its samples: none, where it is
/// a plain log line; a bad one the first mistake in it. A line's end may be there or not.
pub fn validate(line: &str, now_ms: i64) -> Result<Vec<Sample>, String> {
    let root = parse(line)?;
    judge_members(&root)?;
    let samples = match root.get("_aws") {
        Some(aws) => judge_metadata(&root, aws, now_ms)?,
        None => Vec::new(),
    };
    let mut defined = BTreeSet::new();
    for Sample { name, .. } in &samples {
        need(defined.insert(name), format!("{name} is defined twice"))?;
    }
    for name in root.keys().filter(|name| !defined.contains(name)) {
        let mistake = format!("{name} stands there and no directive defines it");
        need(Metric::from_name(name).is_none(), mistake)?;
    }
    Ok(samples)
}

fn need(is_good: bool, mistake: impl Into<String>) -> Result<(), String> {
    if is_good { Ok(()) } else { Err(mistake.into()) }
}

/// One JSON object on one line, no key twice at any depth, within the size.
fn parse(line: &str) -> Result<Map<String, Value>, String> {
    let line = line.strip_suffix('\n').unwrap_or(line);
    need(!line.contains(['\n', '\r']), "more than one line")?;
    let is_short = line.len() < LINE_BYTES_MAX;
    need(is_short, "it is longer than a line may be")?;
    need(!line.starts_with('\u{feff}'), "a byte order mark")?;
    Object::parse(line.as_bytes()).map_err(|error| error.to_string())?;
    serde_json::from_str(line).map_err(|error| error.to_string())
}

/// What every line has.
fn judge_members(root: &Map<String, Value>) -> Result<(), String> {
    let text = |name| root.get(name).and_then(Value::as_str);
    let time = text("timestamp").and_then(|time| time.parse::<jiff::Timestamp>().ok());
    let level = text("level").is_some_and(|level| LEVELS.contains(&level));
    let environment = text("environment").is_some_and(is_dimension_value);
    for (is_good, name) in [
        (time.is_some(), "timestamp"),
        (level, "level"),
        (text("service").is_some(), "service"),
        (environment, "environment"),
    ] {
        need(is_good, format!("{name} is missing or not one"))?;
    }
    for (name, digits) in [("trace_id", 32), ("span_id", 16)] {
        let is_good = |id: &Value| id.as_str().is_some_and(|id| is_id(id, digits));
        let mistake = format!("{name} is not {digits} hexadecimal digits");
        need(root.get(name).is_none_or(is_good), mistake)?;
    }
    Ok(())
}

fn judge_metadata(
    root: &Map<String, Value>,
    aws: &Value,
    now_ms: i64,
) -> Result<Vec<Sample>, String> {
    let aws = Aws::deserialize(aws).map_err(|error| format!("_aws: {error}"))?;
    let window = "Timestamp is not of the last 14 days or the next 2 hours";
    need(is_in_window(aws.timestamp, now_ms), window)?;
    let directives = aws.cloud_watch_metrics;
    need(!directives.is_empty(), "CloudWatchMetrics is empty")?;
    let samples = directives.iter().map(|of| samples(root, of, aws.timestamp));
    Ok(samples.collect::<Result<Vec<_>, String>>()?.concat())
}

fn is_id(text: &str, digits: usize) -> bool {
    text.len() == digits
        && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
        && text.bytes().any(|b| b != b'0')
}

fn samples(
    root: &Map<String, Value>,
    directive: &Directive,
    at_ms: i64,
) -> Result<Vec<Sample>, String> {
    let Directive {
        namespace,
        dimensions: [names],
        metrics,
    } = directive;
    need(namespace == NAMESPACE, "Namespace is another one")?;
    let are_few = names.len() <= DIMENSIONS_MAX;
    need(are_few, "Dimensions has more than 30 names")?;
    let are_taken = (1..=METRICS_MAX).contains(&metrics.len());
    need(are_taken, "Metrics is not a list of 1 to 100")?;
    let text = |name: &str| root.get(name).and_then(Value::as_str);
    let mut dimensions = BTreeMap::new();
    for name in names {
        let value = text(name).filter(|value| is_dimension_value(value));
        let useless = || format!("the dimension {name} has no usable value at the root");
        let value = value.ok_or_else(useless)?;
        let is_first = dimensions.insert(name.clone(), value.to_owned()).is_none();
        need(is_first, format!("the dimension {name} stands twice"))?;
    }
    let sample = |definition: &Definition| {
        let name = definition.name.as_str();
        judge_definition(definition, &dimensions)
            .map_err(|mistake| format!("{name}: {mistake}"))?;
        Ok(Sample {
            name: name.to_owned(),
            unit: definition.unit.clone(),
            dimensions: dimensions.clone(),
            values: values(root, name)?,
            at_ms,
            trace_id: text("trace_id").map(str::to_owned),
        })
    };
    metrics.iter().map(sample).collect()
}

/// The catalogue has it, with this unit, of this service, by these dimensions.
fn judge_definition(
    definition: &Definition,
    dimensions: &BTreeMap<String, String>,
) -> Result<(), String> {
    let metric = Metric::from_name(&definition.name).ok_or("it is not in the catalogue")?;
    let facts = metric.facts();
    let is_unit = definition.unit == facts.unit.name();
    need(is_unit, "the catalogue has another unit")?;
    let is_minute = definition.storage_resolution == standard_seconds();
    need(is_minute, "its resolution is not a minute")?;
    let mut expected = vec!["environment", "service"];
    expected.extend(facts.further.map(Dimension::name));
    expected.sort_unstable();
    let mistake = format!("its dimensions are not {expected:?}");
    need(dimensions.keys().eq(&expected), mistake)?;
    let of = |name: &str| dimensions.get(name).map_or("", String::as_str);
    let mut services = facts.services.iter();
    let is_its = services.any(|service| service.name() == of("service"));
    need(is_its, "the catalogue does not have it for this service")?;
    if let Some(further) = facts.further {
        let (name, value) = (further.name(), of(further.name()));
        let mistake = format!("{value:?} is not a value of {name}");
        need(further.values().contains(&value), mistake)?;
    }
    Ok(())
}

fn values(root: &Map<String, Value>, name: &str) -> Result<Vec<f64>, String> {
    let values: Option<Vec<f64>> = match root.get(name) {
        Some(Value::Array(values)) => values.iter().map(Value::as_f64).collect(),
        value => value.and_then(Value::as_f64).map(|value| vec![value]),
    };
    let none = || format!("{name} is not a number at the root, nor a list of numbers");
    let values = values.ok_or_else(none)?;
    let count = values.len();
    let mistake = format!("{name} has {count} values, not 1 to 100");
    need((1..=VALUES_MAX).contains(&count), mistake)?;
    let is_taken = |value: &f64| (0.0..=MAGNITUDE_MAX).contains(value);
    let mistake = format!("{name} has a value that is negative or too large");
    need(values.iter().all(is_taken), mistake)?;
    Ok(values)
}

#[cfg(test)]
mod tests;
