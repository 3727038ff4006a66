//! Alarms that are heard.

use super::Check;
use crate::template::view::{at, items, refers};
use serde_json::{Value, json};
use std::collections::BTreeSet;

const DEPTH: &str = "/Resources/DeadLetterQueueDepthAlarm/Properties";
const TOPICS: [&str; 2] = ["AlarmTopic", "TicketTopic"];

/// An alarm that publishes to a topic encrypted by `alias/aws/sns` is lost without a word.
pub(super) const HEARD: Check = Check {
    promise: "every alarm reaches somebody who has a page to read",
    breaches: |case| {
        let alarms: Vec<_> = case.template.of_type("AWS::CloudWatch::Alarm").collect();
        let mut found = Vec::new();
        for (id, alarm) in &alarms {
            for moment in ["AlarmActions", "OKActions"] {
                let told = items(at(alarm, &format!("/{moment}")));
                if told.is_empty()
                    || !told
                        .iter()
                        .all(|to| TOPICS.iter().any(|topic| refers(to, topic)))
                {
                    found.push(format!("{id} has no topic in {moment}"));
                }
            }
            if at(alarm, "/TreatMissingData").is_null() {
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
        let ids: BTreeSet<String> = alarms.iter().map(|(id, _)| (*id).to_owned()).collect();
        let pages = &case.project.alarm_pages;
        found.extend(
            ids.difference(pages)
                .map(|id| format!("{id} has no page in alarms/")),
        );
        found.extend(
            pages
                .difference(&ids)
                .map(|id| format!("alarms/{id}.md is about no alarm")),
        );
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
        |case| case.remove(DEPTH, "TreatMissingData"),
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
            case.set(
                &format!("{DEPTH}/AlarmActions"),
                json!([{"Ref": "TicketTopic"}]),
            );
        },
        |case| {
            case.add(
                "/Resources/AlarmTopic/Properties",
                "KmsMasterKeyId",
                "alias/aws/sns",
            );
        },
        |case| case.project.alarm_pages.clear(),
        |case| case.project.alarm_pages.extend(["NoSuchAlarm".to_owned()]),
        |case| case.remove("/Resources", "TopicPolicy"),
    ],
};

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
