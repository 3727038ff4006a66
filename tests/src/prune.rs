//! What of the template an emulator can run.
//!
//! Everything of a type in [`PRUNED`] is taken out, and then whatever refers to something taken out. What is left is
//! plain `CloudFormation`, so the SAM transform (half a minute in `LocalStack`) is not needed. The environment that
//! the template gives each function is not lost: it comes back as outputs, resolved by `CloudFormation` itself.

#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "a walk over JSON names the shapes that it wants"
)]

use std::collections::BTreeSet;

use anyhow::{Context, Result};
use serde_json::{Map, Value, json};

use crate::json::At;

/// The types that `LocalStack`'s free edition cannot run, or that would tell nothing there: functions (it has neither
/// their image nor their init binary) with their roles, mappings, API and schedules; log groups; the dashboard.
pub const PRUNED: [&str; 9] = [
    "AWS::Serverless::",
    "AWS::Lambda::",
    "AWS::ApiGateway",
    "AWS::IAM::",
    "AWS::Scheduler::",
    "AWS::Events::",
    "AWS::Logs::",
    "AWS::CloudWatch::Dashboard",
    "AWS::SES::",
];

/// The types of alarms.
const ALARMS: [&str; 2] = ["AWS::CloudWatch::Alarm", "AWS::CloudWatch::CompositeAlarm"];

/// Which alarms a stack has. `LocalStack` works for each of them all the time.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Alarms {
    /// Those on queues, whose metrics it tells itself.
    #[default]
    OfQueues,
    /// Those with these logical ids.
    Only(Vec<&'static str>),
    /// All. What they name and an emulator cannot run is known by its logical id.
    All,
}

/// What an output says for a variable that the template leaves out.
pub const NO_VALUE: &str = "(no value)";
const OUTPUT_PREFIX: &str = "Env";

/// A function of the template, as far as a platform must know it.
#[derive(Clone, Debug)]
pub struct FunctionProperties {
    /// Its logical id.
    pub id: String,
    /// The binary that it runs.
    pub binary: String,
    /// `Timeout`.
    pub timeout_seconds: u64,
    /// The names of its variables, each with the output that tells its value.
    pub variables: Vec<(String, String)>,
    /// The properties of its SQS event, where it has one.
    pub queue_event: Option<Value>,
}

/// A template that `LocalStack` can deploy.
#[derive(Clone, Debug)]
pub struct Pruned {
    /// The template.
    pub template: Value,
    /// The logical ids that were taken out.
    pub removed: BTreeSet<String>,
    /// The functions among them.
    pub functions: Vec<FunctionProperties>,
}

/// Prunes a template.
///
/// # Errors
/// It has no resources, or a function that does not say what it runs.
pub fn prune(mut template: Value, alarms: &Alarms) -> Result<Pruned> {
    let globals = template
        .pointer("/Globals/Function/Environment/Variables")
        .cloned()
        .unwrap_or_default();
    let resources = template
        .at("Resources")
        .as_object()
        .context("a template has resources")?;
    let functions = read_functions(resources, &globals)?;
    let pruned = resources.iter().filter(|(id, resource)| {
        is_pruned_type(resource) || is_alarm(resource) && !alarms.include(id, resource)
    });
    let mut removed: BTreeSet<String> = pruned.map(|(id, _)| id.clone()).collect();
    let resources = template
        .get_mut("Resources")
        .and_then(Value::as_object_mut)
        .context("a template has resources")?;
    if *alarms == Alarms::All {
        for alarm in resources.values_mut().filter(|resource| is_alarm(resource)) {
            *alarm = by_id(alarm, &removed);
        }
    }
    loop {
        let more: Vec<String> = resources
            .iter()
            .filter(|(id, resource)| {
                !removed.contains(*id) && refers_to(resource.at("Properties"), &removed)
            })
            .map(|(id, _)| id.clone())
            .collect();
        if more.is_empty() {
            break;
        }
        removed.extend(more);
    }
    let environments: Vec<(String, Value)> = functions
        .iter()
        .flat_map(|function| outputs_of(function, template.at("Resources"), &globals))
        .filter(|(_, value)| !refers_to(value, &removed))
        .collect();
    take_out(&mut template, &removed);
    let outputs = template
        .get_mut("Outputs")
        .and_then(Value::as_object_mut)
        .context("a template has outputs")?;
    for (name, value) in environments {
        outputs.insert(name, json!({"Value": value}));
    }
    Ok(Pruned {
        template,
        removed,
        functions,
    })
}

fn is_pruned_type(resource: &Value) -> bool {
    let kind = resource.at("Type").as_str().unwrap_or_default();
    PRUNED.iter().any(|prefix| kind.starts_with(prefix))
}

/// Whether a resource of a template is an alarm.
pub fn is_alarm(resource: &Value) -> bool {
    let kind = resource.at("Type").as_str().unwrap_or_default();
    ALARMS.contains(&kind)
}

impl Alarms {
    fn include(&self, id: &str, alarm: &Value) -> bool {
        match self {
            Self::OfQueues => alarm.at("Properties").at("Namespace") == "AWS/SQS",
            Self::Only(ids) => ids.contains(&id),
            Self::All => true,
        }
    }
}

/// A value in which what was removed is known by its logical id.
fn by_id(value: &Value, removed: &BTreeSet<String>) -> Value {
    let id = |members: &Map<String, Value>| {
        let (name, argument) = members.iter().next()?;
        let path = argument
            .as_array()
            .map_or_else(|| vec![argument], |path| path.iter().collect());
        let id = path.first()?.as_str().filter(|id| removed.contains(*id))?;
        match name.as_str() {
            "Ref" => Some(id.to_owned()),
            "Fn::GetAtt" => Some(format!("{id}.{}", path.get(1)?.as_str()?)),
            _ => None,
        }
    };
    match value {
        Value::Array(items) => items.iter().map(|item| by_id(item, removed)).collect(),
        Value::Object(members) => match id(members) {
            Some(id) => Value::String(id),
            None => members
                .iter()
                .map(|(name, inner)| (name.clone(), by_id(inner, removed)))
                .collect(),
        },
        other => other.clone(),
    }
}

fn take_out(template: &mut Value, removed: &BTreeSet<String>) {
    if let Some(members) = template.as_object_mut() {
        members.remove("Transform");
        members.remove("Globals");
    }
    if let Some(resources) = template.get_mut("Resources").and_then(Value::as_object_mut) {
        resources.retain(|id, _| !removed.contains(id));
        for resource in resources.values_mut().filter_map(Value::as_object_mut) {
            match resource.get_mut("DependsOn") {
                Some(Value::Array(ids)) => {
                    ids.retain(|id| id.as_str().is_none_or(|id| !removed.contains(id)));
                }
                Some(Value::String(id)) if removed.contains(id.as_str()) => {
                    resource.remove("DependsOn");
                }
                _ => {}
            }
        }
    }
    if let Some(outputs) = template.get_mut("Outputs").and_then(Value::as_object_mut) {
        outputs.retain(|_, output| !refers_to(output, removed));
    }
}

/// Whether `Ref`, `Fn::GetAtt` or `Fn::Sub` anywhere in a value names one of these resources.
fn refers_to(value: &Value, ids: &BTreeSet<String>) -> bool {
    match value {
        Value::Array(items) => items.iter().any(|item| refers_to(item, ids)),
        Value::Object(members) => {
            members
                .iter()
                .any(|(name, inner)| match (name.as_str(), inner) {
                    ("Ref", Value::String(id)) => ids.contains(id),
                    ("Fn::GetAtt", Value::Array(path)) => path
                        .first()
                        .and_then(Value::as_str)
                        .is_some_and(|id| ids.contains(id)),
                    ("Fn::GetAtt", Value::String(path)) => {
                        path.split('.').next().is_some_and(|id| ids.contains(id))
                    }
                    ("Fn::Sub", Value::String(text)) => substitutes(text, ids),
                    ("Fn::Sub", Value::Array(parts)) => parts.iter().any(|part| match part {
                        Value::String(text) => substitutes(text, ids),
                        other => refers_to(other, ids),
                    }),
                    _ => refers_to(inner, ids),
                })
        }
        _ => false,
    }
}

fn substitutes(text: &str, ids: &BTreeSet<String>) -> bool {
    text.split("${").skip(1).any(|rest| {
        rest.split(['}', '.'])
            .next()
            .is_some_and(|id| ids.contains(id))
    })
}

fn read_functions(
    resources: &Map<String, Value>,
    globals: &Value,
) -> Result<Vec<FunctionProperties>> {
    let is_function = |kind: &Value| kind == "AWS::Serverless::Function";
    let functions = resources
        .iter()
        .filter(|(_, resource)| is_function(resource.at("Type")));
    functions
        .map(|(id, resource)| {
            let properties = resource.at("Properties");
            let binary = resource
                .pointer("/Metadata/BuildProperties/Binary")
                .and_then(Value::as_str);
            let events = properties.at("Events").as_object().into_iter().flatten();
            let queue_event = events
                .map(|(_, event)| event)
                .find(|event| event.at("Type") == "SQS")
                .map(|event| event.at("Properties").clone());
            let names = variables(properties, globals)
                .map(|(name, _)| (name.clone(), output_name(id, name)));
            Ok(FunctionProperties {
                id: id.clone(),
                binary: binary
                    .with_context(|| format!("{id} names its Binary"))?
                    .to_owned(),
                timeout_seconds: properties.at("Timeout").as_u64().unwrap_or(3),
                variables: names.collect(),
                queue_event,
            })
        })
        .collect()
}

/// The variables of all functions, then its own.
fn variables<'a>(
    properties: &'a Value,
    globals: &'a Value,
) -> impl Iterator<Item = (&'a String, &'a Value)> {
    let own = properties
        .pointer("/Environment/Variables")
        .and_then(Value::as_object);
    let all = globals.as_object().into_iter().flatten();
    all.chain(own.into_iter().flatten())
}

fn outputs_of(
    function: &FunctionProperties,
    resources: &Value,
    globals: &Value,
) -> Vec<(String, Value)> {
    variables(resources.at(&function.id).at("Properties"), globals)
        .map(|(name, value)| (output_name(&function.id, name), without_no_value(value)))
        .collect()
}

/// An output's name may have letters and digits only.
fn output_name(function: &str, variable: &str) -> String {
    format!("{OUTPUT_PREFIX}{function}{}", variable.replace('_', "Z"))
}

/// An output cannot be left out by `AWS::NoValue`, so it says [`NO_VALUE`] instead.
fn without_no_value(value: &Value) -> Value {
    match value {
        Value::Object(members) if members.get("Ref").is_some_and(|id| id == "AWS::NoValue") => {
            json!(NO_VALUE)
        }
        Value::Object(members) => {
            let members = members.iter();
            members
                .map(|(name, inner)| (name.clone(), without_no_value(inner)))
                .collect()
        }
        Value::Array(items) => items.iter().map(without_no_value).collect(),
        other => other.clone(),
    }
}
