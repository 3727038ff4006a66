//! An alarm as its `CloudFormation` resource defines it, with `CloudWatch`'s own limits.

mod metric;
#[cfg(test)]
mod tests;

pub use metric::{MetricAlarm, Missing, Watch, Watched};

use super::intrinsic::{Names, resolve_text};
use super::rule::Rule;
use serde_json::Value;
use std::str::FromStr;

/// The type of an alarm on metrics.
const METRIC: &str = "AWS::CloudWatch::Alarm";
/// The type of an alarm on alarms.
const COMPOSITE: &str = "AWS::CloudWatch::CompositeAlarm";

/// An alarm.
#[derive(Clone, Debug, PartialEq)]
pub struct Alarm {
    /// Its logical id in the template.
    pub id: String,
    /// Its name in `CloudWatch`.
    pub name: String,
    /// What it is about.
    pub description: String,
    /// Who is notified when it begins.
    pub alarm_actions: Vec<String>,
    /// Who is notified when it ends.
    pub ok_actions: Vec<String>,
    /// What it looks at.
    pub watch: Watch,
}

/// Why a resource is no alarm that `CloudWatch` would take.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("{id}: {mistake}")]
pub struct DefinitionError {
    /// The logical id.
    pub id: String,
    /// What is wrong.
    pub mistake: String,
}

/// Reads every alarm among the resources of a template, and says what is wrong with those that cannot be read; other resources are left
/// alone. An alarm's name is what `Ref` gives, as in `CloudFormation`.
pub fn read_alarms(resources: &Value, names: &Names) -> (Vec<Alarm>, Vec<DefinitionError>) {
    let all = resources.as_object().into_iter().flatten();
    let alarms: Vec<_> = all.filter(|(_, resource)| is_alarm(resource)).collect();
    let own = alarms.iter().filter_map(|(id, resource)| {
        let name = resource.pointer("/Properties/AlarmName")?;
        Some(((*id).clone(), resolve_text(name, names).ok()?))
    });
    let mut names = names.clone();
    names.references.extend(own.collect::<Vec<_>>());
    let (mut read, mut wrong) = (Vec::new(), Vec::new());
    for (id, resource) in alarms {
        match read_alarm(id, resource, &names) {
            Ok(alarm) => read.push(alarm),
            Err(error) => wrong.push(error),
        }
    }
    (read, wrong)
}

fn is_alarm(resource: &Value) -> bool {
    let kind = resource.get("Type").and_then(Value::as_str);
    kind == Some(METRIC) || kind == Some(COMPOSITE)
}

/// Reads an alarm from its resource: an error where it is none, or `CloudWatch` would refuse it.
fn read_alarm(id: &str, resource: &Value, names: &Names) -> Result<Alarm, DefinitionError> {
    let read = || {
        let properties = resource.get("Properties").unwrap_or(&Value::Null);
        let fields = Fields { properties, names };
        let watch = match resource.get("Type").and_then(Value::as_str) {
            Some(METRIC) => Watch::Metric(metric::read(&fields)?),
            Some(COMPOSITE) => {
                let rule = Rule::parse(&fields.required::<String>("AlarmRule")?);
                Watch::Alarms(rule.map_err(|error| error.to_string())?)
            }
            _ => return Err("it is no alarm".to_owned()),
        };
        Ok(Alarm {
            id: id.to_owned(),
            name: fields.required("AlarmName")?,
            description: fields.optional("AlarmDescription")?.unwrap_or_default(),
            alarm_actions: fields.texts("AlarmActions")?,
            ok_actions: fields.texts("OKActions")?,
            watch,
        })
    };
    read().map_err(|mistake| DefinitionError {
        id: id.to_owned(),
        mistake,
    })
}

fn misunderstood(property: &str) -> String {
    format!("{property} is missing or cannot be understood")
}

/// Some properties, and what the names in them are.
struct Fields<'a> {
    properties: &'a Value,
    names: &'a Names,
}

impl<'a> Fields<'a> {
    fn has(&self, property: &str) -> bool {
        self.properties.get(property).is_some()
    }

    fn required<T: FromStr>(&self, property: &'static str) -> Result<T, String> {
        self.optional(property)?
            .ok_or_else(|| misunderstood(property))
    }

    fn optional<T: FromStr>(&self, property: &'static str) -> Result<Option<T>, String> {
        let Some(value) = self.properties.get(property) else {
            return Ok(None);
        };
        let text = self.resolve(property, value)?;
        let parsed = text.parse().ok();
        parsed.map(Some).ok_or_else(|| misunderstood(property))
    }

    fn texts(&self, property: &'static str) -> Result<Vec<String>, String> {
        let list = match self.properties.get(property) {
            None => return Ok(Vec::new()),
            Some(value) => value.as_array().ok_or_else(|| misunderstood(property))?,
        };
        let texts = list.iter().map(|value| self.resolve(property, value));
        texts.collect()
    }

    fn resolve(&self, property: &'static str, value: &Value) -> Result<String, String> {
        resolve_text(value, self.names).map_err(|why| format!("{property}: {why}"))
    }

    /// The properties of an object.
    fn within(&self, property: &str) -> Option<Fields<'a>> {
        let properties = self.properties.get(property)?;
        Some(Fields {
            properties,
            ..*self
        })
    }

    /// The elements of a list of objects.
    fn list(&self, property: &str) -> impl Iterator<Item = Fields<'a>> {
        let list = self.properties.get(property).and_then(Value::as_array);
        let within = |properties| Fields {
            properties,
            ..*self
        };
        list.into_iter().flatten().map(within)
    }
}
