//! SES: what may keep a mail back, and which bounce wakes a person.

use super::Breakage::Edit;
use super::Check;
use crate::view::{at, items, refers, statements_of, texts};
use serde_json::{Value, json};

/// With the account's list SES accepts a mail to who bounced or complained once, and sends nothing: the lead counts as mailed.
pub(super) const UNSUPPRESSED: Check = Check {
    promise: "no suppression list ends the mails of a receiver",
    breaches: |case, found| {
        let sets = || case.template.of_type("AWS::SES::ConfigurationSet");
        if sets().next().is_none() {
            found.push("there is no configuration set".to_owned());
        }
        let held = sets()
            .filter(|(_, set)| at(set, "/SuppressionOptions/SuppressedReasons") != &json!([]));
        found.extend(held.map(|(id, _)| format!("{id} has the account's suppression list")));
    },
    breakages: &[
        Edit("/Resources/ConfigurationSet"),
        Edit("ConfigurationSet/SuppressionOptions"),
        Edit(r#"ConfigurationSet/SuppressionOptions/SuppressedReasons = ["COMPLAINT"]"#),
    ],
};

/// SES reports an out-of-office reply as a bounce, and its metric cannot tell them apart.
pub(super) const BOUNCED: Check = Check {
    promise: "a mail that bounced for good wakes a person, an out-of-office reply does not",
    breaches: |case, found| {
        let template = &case.template;
        let set = template.at("EnrichmentFunction/Environment/Variables/SES_CONFIGURATION_SET");
        let pattern = json!({"source": ["aws.ses"], "detail": {
            "eventType": ["Bounce"],
            "bounce": {"bounceType": ["Permanent"]},
            "mail": {"tags": {"ses:configuration-set": [set]}},
        }});
        if template.at("PermanentBounces/EventPattern") != &pattern {
            found.push("PermanentBounces takes other events".to_owned());
        }
        let target = template.at("PermanentBounces/Targets/0");
        if !refers(at(target, "/Arn"), "BouncedMailQueue") {
            found.push("nobody can read who bounced".to_owned());
        }
        let paths = json!({"bounce": "$.detail.bounce", "tags": "$.detail.mail.tags"});
        if at(target, "/InputTransformer/InputPathsMap") != &paths {
            found.push("what is kept of a bounce names the lead".to_owned());
        }
        let mut destinations = template.of_type("AWS::SES::ConfigurationSetEventDestination");
        if !destinations.any(|(_, destination)| sends_bounces(destination)) {
            found.push("SES sends bounces to no event bus".to_owned());
        }
        let mut policies = template.of_type("AWS::SQS::QueuePolicy");
        if !policies.any(|(_, policy)| lets_events_in(policy)) {
            found.push("EventBridge may not send to BouncedMailQueue".to_owned());
        }
        let alarm = template.properties("MailBouncedAlarm");
        let is_by_rule = at(alarm, "/MetricName") == "TriggeredRules"
            && refers(at(alarm, "/Dimensions"), "PermanentBounces");
        if !is_by_rule {
            found.push("MailBouncedAlarm counts every bounce".to_owned());
        }
    },
    breakages: &[
        Edit("PermanentBounces/EventPattern/detail/bounce"),
        Edit(r#"PermanentBounces/EventPattern/detail/bounce/bounceType = ["Transient"]"#),
        Edit("PermanentBounces/EventPattern/detail/mail"),
        Edit("PermanentBounces/Targets"),
        Edit("PermanentBounces/Targets/0/InputTransformer/InputPathsMap/bounce = $.detail"),
        Edit("BounceEvents/EventDestination/EventBridgeDestination"),
        Edit(r#"BounceEvents/EventDestination/MatchingEventTypes = ["complaint"]"#),
        Edit("BounceEvents/EventDestination/Enabled = false"),
        Edit(
            "BouncedMailQueuePolicy/PolicyDocument/Statement/0/Principal/Service = sns.amazonaws.com",
        ),
        Edit("MailBouncedAlarm/MetricName = Bounce"),
    ],
};

fn sends_bounces(destination: &Value) -> bool {
    let destination = at(destination, "/EventDestination");
    at(destination, "/Enabled") == true
        && texts(at(destination, "/MatchingEventTypes")).contains(&"bounce")
        && !at(destination, "/EventBridgeDestination/EventBusArn").is_null()
}

fn lets_events_in(policy: &Value) -> bool {
    let allows = |statement: &&Value| {
        at(statement, "/Effect") == "Allow"
            && at(statement, "/Principal/Service") == "events.amazonaws.com"
            && texts(at(statement, "/Action")) == ["sqs:SendMessage"]
            && refers(at(statement, "/Condition/ArnEquals"), "PermanentBounces")
    };
    let queues = items(at(policy, "/Queues"));
    queues.iter().any(|queue| refers(queue, "BouncedMailQueue"))
        && statements_of(policy).iter().any(allows)
}
