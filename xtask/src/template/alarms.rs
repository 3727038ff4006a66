//! `alarms/alarms.json`: the alarms of the template as plain `CloudFormation` JSON. The command carries it, and a person can paste from it.

#[cfg(test)]
mod stories;

use super::view::Template;
use leadwire_cloudwatch::{Alarm, DefinitionError, Names, read_alarms};
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// The types of alarms.
pub(super) const TYPES: [&str; 2] = ["AWS::CloudWatch::Alarm", "AWS::CloudWatch::CompositeAlarm"];
/// What the parameter `Environment` is taken to be: not its default, so that a literal in its place shows.
pub(super) const ENVIRONMENT: &str = "any-environment";
/// What the stack's name is taken to be.
pub(crate) const STACK: &str = "stack";
/// What is kept of a resource; the rest matters to a deployment only.
const KEPT: [&str; 3] = ["Type", "Condition", "Properties"];

/// The alarms of a template, and the mappings that they look into.
pub(super) fn of(template: &Template) -> Value {
    let alarms: Map<String, Value> = resources(template)
        .map(|(id, resource)| {
            let kept = resource
                .iter()
                .filter(|(name, _)| KEPT.contains(&name.as_str()));
            let kept: Map<String, Value> = kept
                .map(|(name, value)| (name.clone(), value.clone()))
                .collect();
            (id.clone(), Value::Object(kept))
        })
        .collect();
    let text = Value::Object(alarms.clone()).to_string();
    let mappings = template
        .section("Mappings")
        .as_object()
        .into_iter()
        .flatten();
    let mappings: Map<String, Value> = mappings
        .filter(|(name, _)| text.contains(&format!("\"Fn::FindInMap\":[\"{name}\",")))
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect();
    json!({"Mappings": mappings, "Resources": alarms})
}

/// As it lies in the repository.
pub(super) fn written(alarms: &Value) -> String {
    format!("{alarms:#}\n")
}

/// Ids and resources of all alarms.
pub(super) fn resources(
    template: &Template,
) -> impl Iterator<Item = (&String, &Map<String, Value>)> {
    let all = template
        .section("Resources")
        .as_object()
        .into_iter()
        .flatten();
    all.filter_map(|(id, resource)| Some((id, resource.as_object()?)))
        .filter(|(_, resource)| {
            let kind = resource.get("Type").and_then(Value::as_str);
            kind.is_some_and(|kind| TYPES.contains(&kind))
        })
}

/// The alarms of `alarms.json` as a template that can be read: with the parameter that is the key of a mapping.
pub(super) fn with_parameters(mut alarms: Value) -> Template {
    if let Some(sections) = alarms.as_object_mut() {
        let parameters = json!({"CanaryMinutes": {"Default": 15}});
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
    let parameters = template
        .section("Parameters")
        .as_object()
        .into_iter()
        .flatten();
    let defaults = parameters.filter_map(|(name, parameter)| {
        let default = parameter.get("Default")?;
        let text = default.as_str().map(str::to_owned);
        let text = text.unwrap_or_else(|| default.to_string());
        Some((name.clone(), text))
    });
    let given = [("AWS::StackName", STACK), ("Environment", ENVIRONMENT)];
    let given = given.map(|(name, value)| (name.to_owned(), value.to_owned()));
    Names {
        references: defaults.chain(given).collect::<BTreeMap<_, _>>(),
        unmet: vec!["HasConfigurationSet".to_owned()],
        mappings: template.section("Mappings").clone(),
    }
}

/// The parameters and resources that a value names.
pub(super) fn named(value: &Value) -> BTreeSet<String> {
    match value {
        Value::Object(members) => members
            .iter()
            .flat_map(|(key, inner)| match (key.as_str(), inner) {
                ("Ref", Value::String(name)) => BTreeSet::from([name.clone()]),
                ("Fn::GetAtt", Value::Array(path)) => {
                    let resource = path.first().and_then(Value::as_str);
                    resource.map(str::to_owned).into_iter().collect()
                }
                ("Fn::Sub", Value::String(text)) => text
                    .split("${")
                    .skip(1)
                    .filter_map(|rest| rest.split(['}', '.']).next())
                    .map(str::to_owned)
                    .collect(),
                _ => named(inner),
            })
            .collect(),
        Value::Array(list) => list.iter().flat_map(named).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => BTreeSet::new(),
    }
}
