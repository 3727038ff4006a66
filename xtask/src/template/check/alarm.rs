//! Alarms that notify, are explained, and stand where the command finds them.

mod measure;

pub(super) use measure::{DUE, MEASURED, UNDERSTOOD};

use super::Breakage::{Change, Edit};
use super::Check;
use crate::template::alarms;
use crate::view::{at, items, references, refers, statements_of};
use serde_json::{Value, json};
use std::collections::BTreeSet;

const TOPICS: [&str; 2] = ["AlarmTopic", "TicketTopic"];

/// An alarm that publishes to a topic encrypted by `alias/aws/sns` is lost without a word.
pub(super) const HEARD: Check = Check {
    promise: "every alarm reaches somebody, when it begins and when it ends",
    breaches: |case, found| {
        let template = &case.template;
        let composites = template.of_type(alarms::TYPES[1]);
        let halves: BTreeSet<&str> = composites
            .flat_map(|(_, alarm)| references(at(alarm, "/AlarmRule")))
            .collect();
        for (id, alarm) in alarms::resources(template) {
            found.extend(unheard(id, alarm, halves.contains(id)));
        }
        for (id, topic) in template.of_type("AWS::SNS::Topic") {
            if let Some(key) = topic.get("KmsMasterKeyId").filter(|key| !is_own_key(key)) {
                found.push(format!(
                    "{id} is encrypted by {key}, through which CloudWatch cannot publish"
                ));
            }
        }
        if !is_plain_depth(template.properties("DeadLetterQueueDepthAlarm")) {
            let wrong = "the depth of the dead-letter queue does not page as the contract says";
            found.push(wrong.to_owned());
        }
        let mut policies = template.of_type("AWS::SNS::TopicPolicy");
        if !policies.any(|(_, policy)| lets_alarms_in(policy)) {
            found.push("CloudWatch may not publish to both topics".to_owned());
        }
    },
    breakages: &[
        Edit("DeadLetterQueueDepthAlarm/AlarmActions"),
        Edit("DeadLetterQueueDepthAlarm/OKActions = []"),
        Edit(r#"DeadLetterQueueDepthAlarm/OKActions = [{"Ref": "TicketTopic"}]"#),
        Edit("DeadLetterQueueDepthAlarm/TreatMissingData"),
        Edit("DeadLetterQueueDepthAlarm/ActionsEnabled = false"),
        Edit("DeadLetterQueueDepthAlarm/MetricName = ApproximateNumberOfMessagesNotVisible"),
        Edit("DeadLetterQueueDepthAlarm/Threshold = 1"),
        Edit("DeadLetterQueueDepthAlarm/Dimensions/0/Value/Fn::GetAtt/0 = DelayQueue"),
        Change(|case| {
            case.edit(r#"DeadLetterQueueDepthAlarm/AlarmActions = [{"Ref": "TicketTopic"}]"#);
            case.edit(r#"DeadLetterQueueDepthAlarm/OKActions = [{"Ref": "TicketTopic"}]"#);
        }),
        Edit("AlarmTopic/KmsMasterKeyId = alias/aws/sns"),
        Edit("/Resources/TopicPolicy"),
        Edit("ObjectiveFastBurnAlarm/AlarmActions"),
        Edit(r#"ObjectiveFastBurnLongAlarm/AlarmActions = [{"Ref": "AlarmTopic"}]"#),
        // Its half is then nobody's half, and silent for ever.
        Edit("/Resources/ObjectiveFastBurnAlarm"),
    ],
};

/// How long SNS must try to deliver a page, and how long it can, in seconds. By default it gives up after one minute.
const DELIVERY_SECONDS: std::ops::RangeInclusive<u64> = 2_400..=3_600;

/// `CloudWatch` says a change once: a page that is lost is not said again.
pub(super) const DELIVERED: Check = Check {
    promise: "a page is tried for 40 minutes and more, and one that fails is a mailed ticket",
    breaches: |case, found| {
        let template = &case.template;
        let policy = template.at("Pager/DeliveryPolicy/healthyRetryPolicy");
        let count = |name: &str| at(policy, name).as_u64().unwrap_or_default();
        let longest = count("/maxDelayTarget");
        let (late, last) = (
            count("/numMaxDelayRetries") * longest,
            longest * count("/numRetries"),
        );
        let least = late + count("/numMinDelayRetries") * count("/minDelayTarget");
        let most = last - (count("/numNoDelayRetries") * longest).min(last);
        if !DELIVERY_SECONDS.contains(&least) || !DELIVERY_SECONDS.contains(&most) {
            found.push(format!("SNS tries for {least} to {most} s"));
        }
        if at(policy, "/numRetries").as_u64() > Some(100) {
            found.push("SNS takes 100 retries at most".to_owned());
        }
        if template
            .at("Pager/RedrivePolicy/deadLetterTargetArn")
            .is_null()
        {
            found.push("a page that was given up is gone".to_owned());
        }
        let mail = template.properties("Tickets");
        let is_mailed = at(mail, "/Protocol") == "email"
            && refers(at(mail, "/Endpoint"), "TicketEmail")
            && refers(at(mail, "/TopicArn"), "TicketTopic");
        if !is_mailed {
            found.push("TicketEmail gets no tickets".to_owned());
        }
    },
    breakages: &[
        Edit("Pager/DeliveryPolicy"),
        Edit("Pager/DeliveryPolicy/healthyRetryPolicy/numMaxDelayRetries = 10"),
        Edit("Pager/DeliveryPolicy/healthyRetryPolicy/numRetries = 90"),
        Edit("Pager/RedrivePolicy"),
        Edit("/Resources/Tickets"),
        Edit(r#"Tickets/TopicArn = {"Ref": "AlarmTopic"}"#),
    ],
};

/// What must come again and again, and the mapping and parameter of its period.
const HEARTBEATS: [(&str, &str, &str); 2] = [
    ("CanaryMailed", "CanaryPeriod", "CanaryMinutes"),
    ("SweepRuns", "SweepRuns", "SweepMinutes"),
];

/// A rule that is switched off, or an event that Lambda drops, is no error of any function.
pub(super) const SILENCE: Check = Check {
    promise: "a canary or a sweep that no longer comes pages",
    breaches: |case, found| {
        for (metric, mapping, parameter) in HEARTBEATS {
            let period = json!({"Fn::FindInMap": [mapping, {"Ref": parameter}, "Seconds"]});
            let mut alarms = alarms::resources(&case.template);
            let is_heard = alarms.any(|(_, alarm)| {
                let alarm = at(alarm, "/Properties");
                let beat = at(alarm, "/Metrics/0/MetricStat");
                let filled = at(alarm, "/Metrics/1/Expression").as_str();
                at(beat, "/Metric/MetricName") == metric
                    && at(beat, "/Period") == &period
                    && filled.is_some_and(|filled| filled.starts_with("FILL("))
                    && at(alarm, "/ComparisonOperator") == "LessThanThreshold"
                    && at(alarm, "/TreatMissingData") == "breaching"
                    && refers(at(alarm, "/AlarmActions"), "AlarmTopic")
            });
            if !is_heard {
                found.push(format!("nobody notices that {metric} is silent"));
            }
        }
    },
    breakages: &[
        Edit("/Resources/SweepSilentAlarm"),
        Edit("SweepSilentAlarm/TreatMissingData = notBreaching"),
        Edit("SweepSilentAlarm/Metrics/1/Expression = runs"),
        Edit("CanaryAlarm/Metrics/0/MetricStat/Period = 60"),
    ],
};

/// What keeps an alarm from being heard. Half of a composite may be silent, because the composite speaks; but not at one moment only.
fn unheard(id: &str, resource: &Value, is_half: bool) -> Vec<String> {
    let alarm = at(resource, "/Properties");
    let moments = ["/AlarmActions", "/OKActions"].map(|moment| (moment, items(at(alarm, moment))));
    let is_silent = is_half && moments.iter().all(|(_, topics)| topics.is_empty());
    let is_topic = |to: &&Value| TOPICS.iter().any(|topic| refers(to, topic));
    let mut wrong = Vec::new();
    for (moment, topics) in &moments {
        if !is_silent && (topics.is_empty() || !topics.iter().all(is_topic)) {
            wrong.push(format!("{id} has no topic in {moment}"));
        }
    }
    if !is_silent && moments[0].1 != moments[1].1 {
        wrong.push(format!("{id} ends where it did not begin"));
    }
    let is_metric = at(resource, "/Type") == alarms::TYPES[0];
    if is_metric && at(alarm, "/TreatMissingData").is_null() {
        wrong.push(format!("{id} does not say what missing data mean"));
    }
    if at(alarm, "/ActionsEnabled") == false {
        wrong.push(format!("{id} is switched off"));
    }
    wrong
}

/// On-call must find what it means and what to do.
pub(super) const EXPLAINED: Check = Check {
    promise: "every alarm names its heading in the runbook",
    breaches: |case, found| {
        for (id, alarm) in alarms::resources(&case.template) {
            let described = at(alarm, "/Properties/AlarmDescription").as_str();
            let heading = format!(". Runbook: docs/RUNBOOK.md#{id}");
            if !described.is_some_and(|described| described.ends_with(&heading)) {
                found.push(format!(
                    "the description of {id} does not end with its heading"
                ));
            }
            if !case.project.alarm_headings.contains(id) {
                found.push(format!("docs/RUNBOOK.md has no heading {id}"));
            }
        }
    },
    breakages: &[
        Edit("DeadLetterQueueDepthAlarm/AlarmDescription"),
        Edit(
            "DeadLetterQueueDepthAlarm/AlarmDescription = It is deep. Runbook: docs/RUNBOOK.md#CanaryAlarm",
        ),
        Edit("ObjectiveFastBurnAlarm/AlarmDescription = It burns."),
        Change(|case| case.project.alarm_headings.clear()),
    ],
};

/// The command carries this file, so it must be the template's.
pub(super) const KEPT: Check = Check {
    promise: "alarms/alarms.json holds the alarms of the template",
    breaches: |case, found| {
        if case.project.alarms != alarms::of(&case.template) {
            found.push("it is another; run `cargo xtask template --write`".to_owned());
        }
    },
    breakages: &[
        Edit("DeadLetterQueueDepthAlarm/Period = 300"),
        Edit("/Resources/CanaryAlarm"),
        Edit("/Mappings/CanaryPeriod/15/Seconds = 1"),
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
        let resources = at(statement, "/Resource");
        at(statement, "/Effect") == "Allow"
            && at(statement, "/Principal/Service") == "cloudwatch.amazonaws.com"
            && at(statement, "/Action") == "sns:Publish"
            && TOPICS.iter().all(|topic| refers(resources, topic))
    };
    let topics = at(policy, "/Topics");
    TOPICS.iter().all(|topic| refers(topics, topic)) && statements_of(policy).iter().any(allows)
}
