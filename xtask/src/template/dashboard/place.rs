//! What `Fn::Sub` fills into a dashboard.

use super::{Case, Check, add_row, change};
use crate::template::view::at;
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// What `CloudFormation` knows without a resource.
const PSEUDO: [&str; 4] = [
    "AWS::AccountId",
    "AWS::Partition",
    "AWS::Region",
    "AWS::StackName",
];

/// The attributes of resources that dashboards may ask for.
const ATTRIBUTES: [(&str, &str); 2] = [
    ("AWS::SQS::Queue", "QueueName"),
    ("AWS::SNS::Topic", "TopicName"),
];

/// One name that is not there and the whole stack is not deployed.
pub(in crate::template) const RESOLVED: Check = Check {
    promise: "every ${…} of a dashboard is filled in, whatever the parameters",
    breaches: |case| {
        let names: BTreeSet<String> = case
            .project
            .dashboards
            .values()
            .flat_map(|json| placeholders(&json.to_string()))
            .collect();
        names
            .iter()
            .filter_map(|name| breach(case, name).map(|why| format!("${{{name}}} {why}")))
            .collect()
    },
    breakages: &[
        |case| change(case, "/start", json!("${NoSuchThing}")),
        |case| change(case, "/start", json!("${AWS::Moon}")),
        |case| change(case, "/start", json!("${DelayQueue.Colour}")),
        |case| change(case, "/start", json!("${DelayQueue")),
        |case| {
            add_row(
                case,
                &json!(["AWS/SQS", "Age", "QueueName", "${DelayQueue.QueueName}"]),
            );
            case.add("/Resources/DelayQueue", "Condition", "HasQueue");
        },
    ],
};

fn breach(case: &Case, name: &str) -> Option<&'static str> {
    if PSEUDO.contains(&name) {
        return None;
    }
    let (id, attribute) = match name.split_once('.') {
        Some((id, attribute)) => (id, Some(attribute)),
        None => (name, None),
    };
    let is_parameter = !at(case.template.section("Parameters"), &format!("/{id}")).is_null();
    if is_parameter && attribute.is_none() {
        return None;
    }
    let resource = case.template.resource(id);
    if resource.is_null() {
        return Some("is nothing in the template");
    }
    if !at(resource, "/Condition").is_null() {
        return Some("is not always there: it has a condition");
    }
    let has = |attribute: &str| {
        let mut known = ATTRIBUTES.iter();
        known.any(|(kind, name)| at(resource, "/Type") == &Value::from(*kind) && *name == attribute)
    };
    (!attribute.is_none_or(has)).then_some("asks for an attribute that is not known")
}

/// The names in `${Name}` and `${Name.Attribute}`. One without an end is a name that does not exist.
fn placeholders(text: &str) -> BTreeSet<String> {
    let names = text
        .split("${")
        .skip(1)
        .filter_map(|rest| rest.split('}').next());
    names.map(str::to_owned).collect()
}
