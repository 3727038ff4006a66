//! Alarms that notify, are explained, and stand where the command finds them.

mod measure;

pub(super) use measure::{DUE, MEASURED, UNDERSTOOD};

use super::{Case, Check};
use crate::template::alarms;
use crate::template::view::{at, items, refers};
use serde_json::{Value, json};
use std::collections::BTreeSet;

const DEPTH: &str = "/Resources/DeadLetterQueueDepthAlarm/Properties";
const HALF: &str = "/Resources/ObjectiveFastBurnLongAlarm/Properties";
const WHOLE: &str = "/Resources/ObjectiveFastBurnAlarm/Properties";
const TOPICS: [&str; 2] = ["AlarmTopic", "TicketTopic"];
const MOMENTS: [&str; 2] = ["AlarmActions", "OKActions"];

/// An alarm that publishes to a topic encrypted by `alias/aws/sns` is lost without a word.
pub(super) const HEARD: Check = Check {
    promise: "every alarm reaches somebody, when it begins and when it ends",
    breaches: |case| {
        let mut found = Vec::new();
        let halves = halves(case);
        for (id, resource) in alarms::resources(&case.template) {
            let alarm = resource.get("Properties").unwrap_or(&Value::Null);
            let topics = MOMENTS.map(|moment| items(at(alarm, &format!("/{moment}"))));
            // Half of a composite may be silent, because the composite speaks; but not at one moment only.
            let is_silent = topics.iter().all(Vec::is_empty) && halves.contains(id.as_str());
            for (moment, topics) in MOMENTS.iter().zip(&topics) {
                let known = |to: &&Value| TOPICS.iter().any(|topic| refers(to, topic));
                if !is_silent && (topics.is_empty() || !topics.iter().all(known)) {
                    found.push(format!("{id} has no topic in {moment}"));
                }
            }
            if !is_silent && at(alarm, "/AlarmActions") != at(alarm, "/OKActions") {
                found.push(format!("{id} ends where it did not begin"));
            }
            let is_metric = resource
                .get("Type")
                .is_some_and(|kind| kind == alarms::TYPES[0]);
            if is_metric && at(alarm, "/TreatMissingData").is_null() {
                found.push(format!("{id} does not say what missing data mean"));
            }
            if at(alarm, "/ActionsEnabled") == false {
                found.push(format!("{id} is switched off"));
            }
        }
        for (id, topic) in case.template.of_type("AWS::SNS::Topic") {
            if let Some(key) = topic.get("KmsMasterKeyId").filter(|key| !is_own_key(key)) {
                found.push(format!(
                    "{id} is encrypted by {key}, through which CloudWatch cannot publish"
                ));
            }
        }
        if !is_plain_depth(case.template.properties("DeadLetterQueueDepthAlarm")) {
            found.push(
                "the depth of the dead-letter queue does not page as the contract says".to_owned(),
            );
        }
        if !case
            .template
            .of_type("AWS::SNS::TopicPolicy")
            .any(|(_, policy)| lets_alarms_in(policy))
        {
            found.push("CloudWatch may not publish to both topics".to_owned());
        }
        found
    },
    breakages: &[
        |case| case.remove(DEPTH, "AlarmActions"),
        |case| case.set(&format!("{DEPTH}/OKActions"), json!([])),
        |case| {
            case.set(
                &format!("{DEPTH}/OKActions"),
                json!([{"Ref": "TicketTopic"}]),
            );
        },
        |case| case.remove(DEPTH, "TreatMissingData"),
        |case| case.add(DEPTH, "ActionsEnabled", false),
        |case| {
            case.set(
                &format!("{DEPTH}/MetricName"),
                "ApproximateNumberOfMessagesNotVisible",
            );
        },
        |case| case.set(&format!("{DEPTH}/Threshold"), 1),
        |case| {
            case.set(
                &format!("{DEPTH}/Dimensions/0/Value/Fn::GetAtt/0"),
                "DelayQueue",
            );
        },
        |case| {
            for moment in MOMENTS {
                case.set(
                    &format!("{DEPTH}/{moment}"),
                    json!([{"Ref": "TicketTopic"}]),
                );
            }
        },
        |case| {
            case.add(
                "/Resources/AlarmTopic/Properties",
                "KmsMasterKeyId",
                "alias/aws/sns",
            );
        },
        |case| case.remove("/Resources", "TopicPolicy"),
        |case| case.remove(WHOLE, "AlarmActions"),
        |case| case.add(HALF, "AlarmActions", json!([{"Ref": "AlarmTopic"}])),
        // Its half is then nobody's half, and silent for ever.
        |case| case.remove("/Resources", "ObjectiveFastBurnAlarm"),
    ],
};

/// On-call must find what it means and what to do.
pub(super) const EXPLAINED: Check = Check {
    promise: "every alarm names its heading in the runbook",
    breaches: |case| {
        let mut found = Vec::new();
        for (id, resource) in alarms::resources(&case.template) {
            let described = resource
                .get("Properties")
                .map_or(&Value::Null, |p| at(p, "/AlarmDescription"));
            let described = described.as_str().unwrap_or_default();
            if !described.ends_with(&format!(". Runbook: docs/RUNBOOK.md#{id}")) {
                found.push(format!(
                    "the description of {id} does not end with its heading"
                ));
            }
            if !case.project.alarm_headings.contains(id) {
                found.push(format!("docs/RUNBOOK.md has no heading {id}"));
            }
        }
        found
    },
    breakages: &[
        |case| case.remove(DEPTH, "AlarmDescription"),
        |case| {
            case.set(
                &format!("{DEPTH}/AlarmDescription"),
                "It is deep. Runbook: docs/RUNBOOK.md#CanaryAlarm",
            );
        },
        |case| case.set(&format!("{WHOLE}/AlarmDescription"), "It burns."),
        |case| case.project.alarm_headings.clear(),
    ],
};

/// The command carries this file, so it must be the template's.
pub(super) const KEPT: Check = Check {
    promise: "alarms/alarms.json holds the alarms of the template",
    breaches: |case| {
        let stale = case.project.alarms != alarms::of(&case.template);
        stale
            .then(|| "it is another; run `cargo xtask template --write`".to_owned())
            .into_iter()
            .collect()
    },
    breakages: &[
        |case| case.set(&format!("{DEPTH}/Period"), 300),
        |case| case.remove("/Resources", "CanaryAlarm"),
        |case| case.set("/Mappings/CanaryPeriod/15/Seconds", 1),
    ],
};

/// The alarms that a composite looks at.
fn halves(case: &Case) -> BTreeSet<String> {
    let composites = case.template.of_type(alarms::TYPES[1]);
    composites
        .flat_map(|(_, alarm)| alarms::named(at(alarm, "/AlarmRule")))
        .collect()
}

/// A key of the stack, whose policy it can write for `CloudWatch`.
fn is_own_key(key: &Value) -> bool {
    key.is_object() && !key.to_string().contains("alias/aws/sns")
}

fn is_plain_depth(alarm: &Value) -> bool {
    at(alarm, "/Namespace") == "AWS/SQS"
        && at(alarm, "/MetricName") == "ApproximateNumberOfMessagesVisible"
        && refers(at(alarm, "/Dimensions"), "DeadLetterQueue")
        && at(alarm, "/ComparisonOperator") == "GreaterThanThreshold"
        && at(alarm, "/Threshold") == 0
        && refers(at(alarm, "/AlarmActions"), "AlarmTopic")
}

fn lets_alarms_in(policy: &Value) -> bool {
    let allows = |statement: &&Value| {
        at(statement, "/Effect") == "Allow"
            && at(statement, "/Principal/Service") == "cloudwatch.amazonaws.com"
            && at(statement, "/Action") == "sns:Publish"
            && TOPICS
                .iter()
                .all(|topic| refers(at(statement, "/Resource"), topic))
    };
    let attached = TOPICS
        .iter()
        .all(|topic| refers(at(policy, "/Topics"), topic));
    attached
        && items(at(policy, "/PolicyDocument/Statement"))
            .iter()
            .any(allows)
}
