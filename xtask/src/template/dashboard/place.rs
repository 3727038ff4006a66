//! What `Fn::Sub` fills into a dashboard.

use super::{Case, Change, Check, Edit, add_row, change, resource};
use crate::view::at;
use serde_json::Value;
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

/// Where ARNs of alarms begin.
const ALARM_ARN: &str =
    "arn:${AWS::Partition}:cloudwatch:${AWS::Region}:${AWS::AccountId}:alarm:${AWS::StackName}";

/// One name that is not there and the whole stack is not deployed.
pub(in crate::template) const RESOLVED: Check = Check {
    promise: "every ${…} of a dashboard is filled in, whatever the parameters",
    breaches: |case, found| {
        for (name, json) in &case.project.dashboards {
            let variables = format!("{}/DashboardBody/Fn::Sub/1", resource(name));
            let variables = case.template.at(&variables);
            for word in placeholders(&json.to_string()) {
                let why = match variables.get(&word) {
                    Some(value) => wrong_variable(case, &word, value),
                    None => breach(case, &word),
                };
                found.extend(why.map(|why| format!("{name}: ${{{word}}} {why}")));
            }
        }
    },
    breakages: &[
        Change(|case| change(case, "/start = ${NoSuchThing}")),
        Change(|case| change(case, "/start = ${AWS::Moon}")),
        Change(|case| change(case, "/start = ${DelayQueue.Colour}")),
        Change(|case| change(case, "/start = ${DelayQueue")),
        Change(|case| {
            add_row(case, "AWS/SQS Age QueueName ${DelayQueue.QueueName}");
            case.edit("/Resources/DelayQueue/Condition = HasQueue");
        }),
        Edit("LeadsDashboard/DashboardBody/Fn::Sub/1/AlarmArn = arn:x"),
    ],
};

/// A variable of the text that is computed in another way than alarms and functions do it.
fn wrong_variable(case: &Case, name: &str, value: &Value) -> Option<&'static str> {
    let mail_set = "EnrichmentFunction/Environment/Variables/SES_CONFIGURATION_SET";
    let sound = match name {
        "AlarmArn" => at(value, "/Fn::Sub") == ALARM_ARN,
        "MailSet" => value == case.template.at(mail_set),
        _ => false,
    };
    (!sound).then_some("has another value than it should")
}

fn breach(case: &Case, name: &str) -> Option<&'static str> {
    if PSEUDO.contains(&name) {
        return None;
    }
    let (id, attribute) = match name.split_once('.') {
        Some((id, attribute)) => (id, Some(attribute)),
        None => (name, None),
    };
    let is_parameter = !case.template.at(&format!("/Parameters/{id}")).is_null();
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
        known.any(|(kind, name)| at(resource, "/Type") == kind && *name == attribute)
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
