//! What of the template an emulator can run.
//!
//! Everything of a type in [`PRUNED`] is taken out, and then whatever refers to something taken out. What is left is
//! plain `CloudFormation`, so the SAM transform (half a minute in `LocalStack`) is not needed. The environment that
//! the template gives each function is not lost: it comes back as outputs, resolved by `CloudFormation` itself.

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
    let globals = template.pointer("/Globals/Function/Environment/Variables");
    let globals = globals.cloned().unwrap_or_default();
    let resources = section(&mut template, "Resources")?;
    let mut removed = BTreeSet::new();
    let (mut functions, mut environments) = (Vec::new(), Vec::new());
    for (id, resource) in &*resources {
        if is_pruned_type(resource) || is_alarm(resource) && !alarms.include(id, resource) {
            removed.insert(id.clone());
        }
        if resource.at("Type") == "AWS::Serverless::Function" {
            let (function, environment) = read_function(id, resource, &globals)?;
            functions.push(function);
            environments.extend(environment);
        }
    }
    if *alarms == Alarms::All {
        for alarm in resources.values_mut().filter(|resource| is_alarm(resource)) {
            *alarm = rewritten(alarm, &|name, argument| by_id(name, argument, &removed));
        }
    }
    loop {
        let before = removed.len();
        for (id, resource) in &*resources {
            if refers_to(resource.at("Properties"), &removed) {
                removed.insert(id.clone());
            }
        }
        if removed.len() == before {
            break;
        }
    }
    resources.retain(|id, _| !removed.contains(id));
    for resource in resources.values_mut() {
        if let Some(needed) = resource.get_mut("DependsOn") {
            let is_there = |id: &&Value| id.as_str().is_none_or(|id| !removed.contains(id));
            *needed = needed.many().iter().filter(is_there).cloned().collect();
        }
    }
    let outputs = section(&mut template, "Outputs")?;
    outputs.extend(environments);
    outputs.retain(|_, output| !refers_to(output, &removed));
    shorten(&mut template);
    Ok(Pruned {
        template,
        removed,
        functions,
    })
}

/// It goes within the request, which takes 51,200 bytes of it; SAM's own way, over a bucket, takes a megabyte. So what `LocalStack` does not
/// look at stays away.
fn shorten(template: &mut Value) {
    for section in ["Parameters", "Outputs"] {
        let members = template.get_mut(section).and_then(Value::as_object_mut);
        for member in members.into_iter().flat_map(Map::values_mut) {
            if let Some(member) = member.as_object_mut() {
                member.remove("Description");
                member.remove("AllowedPattern");
            }
        }
    }
    let resources = template.get_mut("Resources").and_then(Value::as_object_mut);
    for resource in resources.into_iter().flat_map(Map::values_mut) {
        let properties = resource.get_mut("Properties");
        if let Some(properties) = properties.and_then(Value::as_object_mut) {
            properties.remove("AlarmDescription");
        }
    }
    if let Some(members) = template.as_object_mut() {
        for name in ["Transform", "Globals", "Description", "Rules"] {
            members.remove(name);
        }
    }
}

fn section<'a>(template: &'a mut Value, name: &'static str) -> Result<&'a mut Map<String, Value>> {
    let section = template.get_mut(name).and_then(Value::as_object_mut);
    section.with_context(|| format!("a template has {name}"))
}

fn is_pruned_type(resource: &Value) -> bool {
    let kind = resource.at("Type").text();
    PRUNED.iter().any(|prefix| kind.starts_with(prefix))
}

/// Whether a resource of a template is an alarm.
pub fn is_alarm(resource: &Value) -> bool {
    let kind = resource.at("Type").text();
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

/// A value in which functions such as `{"Ref": "X"}` are replaced where `replace` gives something for a name and its argument.
fn rewritten(value: &Value, replace: &impl Fn(&str, &Value) -> Option<Value>) -> Value {
    if let Some(items) = value.as_array() {
        return items.iter().map(|item| rewritten(item, replace)).collect();
    }
    let Some(members) = value.as_object() else {
        return value.clone();
    };
    let mut functions = members.iter();
    let replaced = functions.find_map(|(name, argument)| replace(name, argument));
    let members = members.iter();
    let members = members.map(|(name, inner)| (name.clone(), rewritten(inner, replace)));
    replaced.unwrap_or_else(|| members.collect())
}

/// What stands for a reference to what was removed: its logical id.
fn by_id(name: &str, argument: &Value, removed: &BTreeSet<String>) -> Option<Value> {
    let id = first(argument).filter(|id| removed.contains(*id))?;
    match name {
        "Ref" => Some(json!(id)),
        "Fn::GetAtt" => Some(json!(format!("{id}.{}", argument.get(1)?.as_str()?))),
        _ => None,
    }
}

/// A text, or the first of a list.
fn first(argument: &Value) -> Option<&str> {
    argument.get(0).unwrap_or(argument).as_str()
}

/// Whether `Ref`, `Fn::GetAtt` or `Fn::Sub` anywhere in a value names one of these resources.
fn refers_to(value: &Value, ids: &BTreeSet<String>) -> bool {
    let is_one = |text: &str| {
        let id = text.split(['.', '}']).next();
        id.is_some_and(|id| ids.contains(id))
    };
    let names_one = |name: &str, argument: &Value| match (name, first(argument)) {
        ("Ref" | "Fn::GetAtt", Some(id)) => is_one(id),
        ("Fn::Sub", Some(text)) => text.split("${").skip(1).any(is_one),
        _ => false,
    };
    let mut members = value.as_object().into_iter().flatten();
    let mut items = value.items().iter();
    members.any(|(name, inner)| names_one(name, inner) || refers_to(inner, ids))
        || items.any(|item| refers_to(item, ids))
}

/// A function, and the outputs that tell its environment: the variables of all functions, then its own.
fn read_function(
    id: &str,
    resource: &Value,
    globals: &Value,
) -> Result<(FunctionProperties, Vec<(String, Value)>)> {
    let binary = resource.pointer("/Metadata/BuildProperties/Binary");
    let binary = binary.and_then(Value::as_str);
    let binary = binary.with_context(|| format!("{id} names its Binary"))?;
    let properties = resource.at("Properties");
    let mut events = properties.at("Events").as_object().into_iter().flatten();
    let queue_event = events.find(|(_, event)| event.at("Type") == "SQS");
    let own = properties.at("Environment").at("Variables").as_object();
    let all = globals.as_object().into_iter().chain(own).flatten();
    let (mut variables, mut outputs) = (Vec::new(), Vec::new());
    for (name, value) in all {
        // An output's name may have letters and digits only.
        let output = format!("{OUTPUT_PREFIX}{id}{}", name.replace('_', "Z"));
        // An output cannot be left out by `AWS::NoValue`, so it says that there is none instead.
        let value = rewritten(value, &|name, argument| {
            (name == "Ref" && argument == "AWS::NoValue").then(|| json!(NO_VALUE))
        });
        variables.push((name.clone(), output.clone()));
        outputs.push((output, json!({"Value": value})));
    }
    let function = FunctionProperties {
        id: id.to_owned(),
        binary: binary.to_owned(),
        timeout_seconds: properties.at("Timeout").as_u64().unwrap_or(3),
        variables,
        queue_event: queue_event.map(|(_, event)| event.at("Properties").clone()),
    };
    Ok((function, outputs))
}
