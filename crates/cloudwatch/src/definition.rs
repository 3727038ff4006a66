//! An alarm as its `CloudFormation` resource defines it, with `CloudWatch`'s own limits.

mod metric;
#[cfg(test)]
mod tests;

pub use metric::{Comparison, MetricAlarm, Missing, Watch, Watched};

use super::expression::ExpressionError;
use super::intrinsic::{IntrinsicError, Resolve, resolve_text};
use super::rule::{Rule, RuleError};
use serde_json::Value;
use std::collections::BTreeMap;

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
    pub mistake: Mistake,
}

/// What can be wrong with an alarm.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum Mistake {
    /// It is of another type.
    #[error("it is no alarm")]
    Type,
    /// A property is missing or has no value that is understood.
    #[error("{0} is missing or cannot be understood")]
    Property(&'static str),
    /// A property's value cannot be resolved.
    #[error("{property}: {why}")]
    Unresolved {
        /// The property.
        property: &'static str,
        /// Why.
        why: IntrinsicError,
    },
    /// A limit or a rule of `CloudWatch`.
    #[error("{0}")]
    Refused(&'static str),
    /// An expression that names what there is not.
    #[error("{expression} names {id}, which there is not")]
    UnknownId {
        /// The expression's id.
        expression: String,
        /// The name.
        id: String,
    },
    /// An expression cannot be read.
    #[error(transparent)]
    Expression(#[from] ExpressionError),
    /// A rule cannot be read.
    #[error(transparent)]
    Rule(#[from] RuleError),
}

/// Reads every alarm among the resources of a template, and says what is wrong with those that cannot be read; other resources are left
/// alone. An alarm's name is what `Ref` gives, as in `CloudFormation`.
pub fn read_alarms(resources: &Value, stack: &impl Resolve) -> (Vec<Alarm>, Vec<DefinitionError>) {
    let all = resources.as_object().into_iter().flatten();
    let alarms: Vec<_> = all.filter(|(_, resource)| is_alarm(resource)).collect();
    let names = alarms.iter().filter_map(|(id, resource)| {
        let name = resource.pointer("/Properties/AlarmName")?;
        Some((id.as_str(), resolve_text(name, stack).ok()?))
    });
    let stack = WithAlarms {
        stack,
        names: names.collect(),
    };
    let (mut read, mut wrong) = (Vec::new(), Vec::new());
    for (id, resource) in alarms {
        match read_alarm(id, resource, &stack) {
            Ok(alarm) => read.push(alarm),
            Err(error) => wrong.push(error),
        }
    }
    (read, wrong)
}

/// A stack that knows the names of its alarms.
struct WithAlarms<'a, R> {
    stack: &'a R,
    names: BTreeMap<&'a str, String>,
}

impl<R: Resolve> Resolve for WithAlarms<'_, R> {
    fn reference(&self, name: &str) -> Option<String> {
        let alarm = self.names.get(name).cloned();
        alarm.or_else(|| self.stack.reference(name))
    }

    fn attribute(&self, resource: &str, attribute: &str) -> Option<String> {
        self.stack.attribute(resource, attribute)
    }

    fn condition(&self, name: &str) -> Option<bool> {
        self.stack.condition(name)
    }

    fn mapped(&self, map: &str, key: &str, second: &str) -> Option<String> {
        self.stack.mapped(map, key, second)
    }
}

fn is_alarm(resource: &Value) -> bool {
    let kind = resource.get("Type").and_then(Value::as_str);
    kind == Some(METRIC) || kind == Some(COMPOSITE)
}

/// Reads an alarm from its resource.
///
/// # Errors
/// It is none, or `CloudWatch` would refuse it.
pub fn read_alarm(
    id: &str,
    resource: &Value,
    stack: &impl Resolve,
) -> Result<Alarm, DefinitionError> {
    let read = || {
        let properties = resource.get("Properties").unwrap_or(&Value::Null);
        let fields = Fields { properties, stack };
        let watch = match resource.get("Type").and_then(Value::as_str) {
            Some(METRIC) => Watch::Metric(metric::read(&fields)?),
            Some(COMPOSITE) => Watch::Alarms(Rule::parse(&fields.text("AlarmRule")?)?),
            _ => return Err(Mistake::Type),
        };
        Ok(Alarm {
            id: id.to_owned(),
            name: fields.text("AlarmName")?,
            description: fields
                .optional_text("AlarmDescription")?
                .unwrap_or_default(),
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

/// Some properties and the stack that resolves them.
struct Fields<'a, R> {
    properties: &'a Value,
    stack: &'a R,
}

impl<R: Resolve> Fields<'_, R> {
    fn text(&self, property: &'static str) -> Result<String, Mistake> {
        self.optional_text(property)?
            .ok_or(Mistake::Property(property))
    }

    fn optional_text(&self, property: &'static str) -> Result<Option<String>, Mistake> {
        self.properties
            .get(property)
            .map(|value| {
                resolve_text(value, self.stack).map_err(|why| Mistake::Unresolved { property, why })
            })
            .transpose()
    }

    fn texts(&self, property: &'static str) -> Result<Vec<String>, Mistake> {
        let list = match self.properties.get(property) {
            None => return Ok(Vec::new()),
            Some(value) => value.as_array().ok_or(Mistake::Property(property))?,
        };
        list.iter()
            .map(|value| {
                resolve_text(value, self.stack).map_err(|why| Mistake::Unresolved { property, why })
            })
            .collect()
    }

    fn number(&self, property: &'static str) -> Result<f64, Mistake> {
        let text = self.text(property)?;
        let number = text.parse().ok().filter(|number: &f64| number.is_finite());
        number.ok_or(Mistake::Property(property))
    }

    fn whole(&self, property: &'static str) -> Result<Option<i64>, Mistake> {
        let text = self.optional_text(property)?;
        text.map(|text| text.parse().or(Err(Mistake::Property(property))))
            .transpose()
    }

    /// The same stack, other properties.
    fn within<'b>(&'b self, properties: &'b Value) -> Fields<'b, R> {
        Fields {
            properties,
            stack: self.stack,
        }
    }

    fn list(&self, property: &str) -> impl Iterator<Item = &Value> {
        let list = self.properties.get(property).and_then(Value::as_array);
        list.into_iter().flatten()
    }
}
