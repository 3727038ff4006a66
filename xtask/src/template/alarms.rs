//! `alarms/alarms.json`: the alarms of the template as plain `CloudFormation` JSON. The command carries it, and a person can paste from it.

#[cfg(test)]
mod stories;

use crate::view::{Template, at};
use leadwire_cloudwatch::{Alarm, DefinitionError, Names, Query, Watch, read_alarms};
use serde_json::{Value, json};

/// The types of alarms.
pub(super) const TYPES: [&str; 2] = ["AWS::CloudWatch::Alarm", "AWS::CloudWatch::CompositeAlarm"];
/// What the parameter `Environment` is taken to be: not the stack's name, so that it shows where it stands in that one's place.
const ENVIRONMENT: &str = "any-environment";
/// What the stack's name is taken to be.
pub(crate) const STACK: &str = "stack";
/// What is kept of a resource; the rest matters to a deployment only.
const KEPT: [&str; 3] = ["Type", "Condition", "Properties"];

/// The alarms of a template, and the mappings that they look into.
pub(super) fn of(template: &Template) -> Value {
    let kept = |resource: &Value| -> Value {
        let members = KEPT
            .iter()
            .filter_map(|name| Some((*name, resource.get(*name)?.clone())));
        members.collect()
    };
    let alarms: Value = resources(template)
        .map(|(id, resource)| (id, kept(resource)))
        .collect();
    let text = alarms.to_string();
    let mappings = template.members("Mappings");
    let mappings: Value = mappings
        .filter(|(name, _)| text.contains(&format!("\"Fn::FindInMap\":[\"{name}\",")))
        .map(|(name, mapping)| (name, mapping.clone()))
        .collect();
    json!({"Mappings": mappings, "Resources": alarms})
}

/// Ids and resources of all alarms.
pub(super) fn resources(template: &Template) -> impl Iterator<Item = (&str, &Value)> {
    let is_alarm = |resource: &Value| TYPES.iter().any(|kind| at(resource, "/Type") == kind);
    template
        .members("Resources")
        .filter(move |(_, resource)| is_alarm(resource))
}

/// The alarms of `alarms.json` as a template that can be read: with the parameters that are keys of mappings.
pub(super) fn with_parameters(mut alarms: Value) -> Template {
    if let Some(sections) = alarms.as_object_mut() {
        let parameters = json!({"CanaryMinutes": {"Default": 15}, "SweepMinutes": {"Default": 60}});
        sections.insert("Parameters".to_owned(), parameters);
    }
    Template(alarms)
}

/// The alarms of a template without a stack, and what is wrong with those that cannot be read.
pub(super) fn read(template: &Template) -> (Vec<Alarm>, Vec<DefinitionError>) {
    read_alarms(template.section("Resources"), &names(template))
}

/// A stack that was never deployed: parameters have their defaults, and resources are known by their logical ids.
fn names(template: &Template) -> Names {
    let defaults = template
        .members("Parameters")
        .filter_map(|(name, parameter)| {
            let default = parameter.get("Default")?;
            let text = default.as_str().map(str::to_owned);
            Some((name.to_owned(), text.unwrap_or_else(|| default.to_string())))
        });
    let given = [("AWS::StackName", STACK), ("Environment", ENVIRONMENT)];
    let given = given.map(|(name, value)| (name.to_owned(), value.to_owned()));
    Names {
        references: defaults.chain(given).collect(),
        unmet: vec!["HasConfigurationSet".to_owned()],
        mappings: template.section("Mappings").clone(),
    }
}

/// The metrics that an alarm evaluates, each as often as it does.
pub(crate) fn queries(alarm: &Alarm) -> impl Iterator<Item = &Query> {
    let metrics = match &alarm.watch {
        Watch::Metric(watch) => watch.metrics.as_slice(),
        Watch::Alarms(_) => &[],
    };
    metrics.iter().map(|metric| &metric.query)
}
