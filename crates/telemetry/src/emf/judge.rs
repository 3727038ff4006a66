//! A judge of lines that shares nothing with the encoder but the catalogue. `CloudWatch` drops what it cannot read without a word, and its JSON
//! schema takes documents whose values are missing; this one takes nothing that it does not know.

mod directive;

use super::limit::{LINE_BYTES_MAX, is_dimension_value, is_in_window};
use directive::Directive;
use leadwire_domain::json::Object;
use leadwire_pipeline::observe::metric::{Facts, Metric};
use serde_json::{Map, Value};
use std::collections::{BTreeMap, BTreeSet};

/// The levels of a line.
const LEVELS: [&str; 5] = ["TRACE", "DEBUG", "INFO", "WARN", "ERROR"];

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

/// Judges one line as the programs print it, at the time `now_ms` (milliseconds since 1970). A good line gives its samples: none, where it is
/// a plain log line; a bad one gives everything that is wrong with it. A line's end may be there or not.
pub fn validate(line: &str, now_ms: i64) -> Result<Vec<Sample>, Vec<String>> {
    validate_by(
        |name| Metric::from_name(name).map(Metric::facts),
        line,
        now_ms,
    )
}

/// The same by another catalogue.
pub(crate) fn validate_by(
    catalogue: fn(&str) -> Option<Facts>,
    line: &str,
    now_ms: i64,
) -> Result<Vec<Sample>, Vec<String>> {
    let root = parse(line).map_err(|mistake| vec![mistake])?;
    let mut judge = Judge {
        catalogue,
        now_ms,
        root: &root,
        mistakes: Vec::new(),
        defined: BTreeSet::new(),
    };
    judge.judge_members();
    let samples = match root.get("_aws") {
        Some(aws) => judge.judge_metadata(aws),
        None => Vec::new(),
    };
    judge.judge_orphans();
    if judge.mistakes.is_empty() {
        Ok(samples)
    } else {
        Err(judge.mistakes)
    }
}

/// One JSON object on one line, no key twice at any depth, within the size.
fn parse(line: &str) -> Result<Map<String, Value>, String> {
    let line = line.strip_suffix('\n').unwrap_or(line);
    if line.contains(['\n', '\r']) {
        return Err("more than one line".to_owned());
    }
    if line.len() >= LINE_BYTES_MAX {
        return Err(format!(
            "{} bytes are more than a line may have",
            line.len()
        ));
    }
    Object::parse(line.as_bytes()).map_err(|error| error.to_string())?;
    serde_json::from_str(line).map_err(|error| error.to_string())
}

struct Judge<'a> {
    catalogue: fn(&str) -> Option<Facts>,
    now_ms: i64,
    root: &'a Map<String, Value>,
    mistakes: Vec<String>,
    /// The metrics that directives define.
    defined: BTreeSet<&'a str>,
}

impl<'a> Judge<'a> {
    fn mistake(&mut self, mistake: impl Into<String>) {
        self.mistakes.push(mistake.into());
    }

    /// What every line has.
    fn judge_members(&mut self) {
        let text = |name| self.root.get(name).and_then(Value::as_str);
        let time = text("timestamp").and_then(|time| time.parse::<jiff::Timestamp>().ok());
        let level = text("level").is_some_and(|level| LEVELS.contains(&level));
        let service = text("service").is_some();
        let environment = text("environment").is_some_and(is_dimension_value);
        for (is_good, name) in [
            (time.is_some(), "timestamp"),
            (level, "level"),
            (service, "service"),
            (environment, "environment"),
        ] {
            if !is_good {
                self.mistake(format!("{name} is missing or not one"));
            }
        }
        for (name, digits) in [("trace_id", 32), ("span_id", 16)] {
            if let Some(id) = self.root.get(name)
                && !id.as_str().is_some_and(|id| is_id(id, digits))
            {
                self.mistake(format!("{name} is not {digits} hexadecimal digits"));
            }
        }
    }

    /// The member `_aws`.
    fn judge_metadata(&mut self, aws: &'a Value) -> Vec<Sample> {
        let Some(members) = self.exact(aws, "_aws", &["Timestamp", "CloudWatchMetrics"], &[])
        else {
            return Vec::new();
        };
        let at_ms = members.get("Timestamp").and_then(Value::as_i64);
        let Some(at_ms) = at_ms.filter(|at_ms| is_in_window(*at_ms, self.now_ms)) else {
            self.mistake(
                "Timestamp is not whole milliseconds of the last 14 days or the next 2 hours",
            );
            return Vec::new();
        };
        let directives = members.get("CloudWatchMetrics").and_then(Value::as_array);
        let Some(directives) = directives.filter(|directives| !directives.is_empty()) else {
            self.mistake("CloudWatchMetrics is not a list of directives");
            return Vec::new();
        };
        let mut samples = Vec::new();
        for directive in directives {
            samples.extend(Directive { at_ms, judge: self }.judge(directive));
        }
        samples
    }

    /// A value that no directive defines is one that `CloudWatch` never sees.
    fn judge_orphans(&mut self) {
        let root = self.root;
        for name in root.keys() {
            if (self.catalogue)(name).is_some() && !self.defined.contains(name.as_str()) {
                self.mistake(format!("{name} stands there and no directive defines it"));
            }
        }
    }

    /// An object that has the first members, may have the second, and has no other.
    fn exact(
        &mut self,
        value: &'a Value,
        what: &str,
        needed: &[&str],
        allowed: &[&str],
    ) -> Option<&'a Map<String, Value>> {
        let Some(members) = value.as_object() else {
            self.mistake(format!("{what} is not an object"));
            return None;
        };
        for name in needed.iter().filter(|name| !members.contains_key(**name)) {
            self.mistake(format!("{what} has no {name}"));
        }
        for name in members.keys() {
            if !needed.contains(&name.as_str()) && !allowed.contains(&name.as_str()) {
                self.mistake(format!("{what} has {name}, which is unknown"));
            }
        }
        Some(members)
    }
}

fn is_id(text: &str, digits: usize) -> bool {
    text.len() == digits
        && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
        && text.bytes().any(|b| b != b'0')
}

#[cfg(test)]
mod tests;
