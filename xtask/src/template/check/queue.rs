//! Queues and the function that reads from one.

use super::{Case, Check};
use crate::template::view::{at, items, number, refers, texts};
use leadwire_pipeline::settings::LEASE_SECONDS;
use serde_json::{Value, json};

/// What a queue message may be at most (docs/PROTOCOL.md, Promises, P8).
const MESSAGE_BYTES: u64 = 4096;

const QUEUE: &str = "/Resources/DelayQueue/Properties";
const DEAD_LETTERS: &str = "/Resources/DeadLetterQueue/Properties";
const ENRICHMENT: &str = "/Resources/EnrichmentFunction/Properties";

/// Both home-made scanners and AWS's accept a mapping without it.
pub(super) const PARTIAL_BATCHES: Check = Check {
    promise: "one bad message never fails its batch-mates",
    breaches: |case| {
        let mappings: Vec<_> = case
            .template
            .of_type("AWS::Lambda::EventSourceMapping")
            .collect();
        let mut found: Vec<String> = Vec::new();
        if !mappings
            .iter()
            .any(|(_, m)| refers(at(m, "/EventSourceArn"), "DelayQueue"))
        {
            found.push("nothing reads from DelayQueue".to_owned());
        }
        for (id, mapping) in mappings {
            if !texts(at(mapping, "/FunctionResponseTypes")).contains(&"ReportBatchItemFailures") {
                found.push(format!("{id} does not say ReportBatchItemFailures"));
            }
            if at(mapping, "/ScalingConfig/MaximumConcurrency").is_null() {
                found.push(format!("{id} does not limit its concurrency"));
            }
        }
        found
    },
    breakages: &[
        |case| {
            each_mapping(case, |mapping| {
                drop(mapping.remove("FunctionResponseTypes"));
            });
        },
        |case| each_mapping(case, |mapping| drop(mapping.remove("ScalingConfig"))),
        |case| each_mapping(case, |mapping| drop(mapping.remove("EventSourceArn"))),
    ],
};

fn each_mapping(case: &mut Case, change: fn(&mut serde_json::Map<String, Value>)) {
    let resources = case
        .template
        .0
        .pointer_mut("/Resources")
        .and_then(Value::as_object_mut);
    for resource in resources.into_iter().flat_map(|all| all.values_mut()) {
        if at(resource, "/Type") == "AWS::Lambda::EventSourceMapping" {
            resource
                .pointer_mut("/Properties")
                .and_then(Value::as_object_mut)
                .into_iter()
                .for_each(change);
        }
    }
}

/// docs/PROTOCOL.md, Timing.
pub(super) const TIMING: Check = Check {
    promise: "timeout < lease < visibility, which is at least six timeouts",
    breaches: |case| {
        let literal = |id: &str, name: &str| {
            case.template
                .properties(id)
                .get(name)
                .and_then(Value::as_u64)
        };
        let lease = case
            .template
            .environment("EnrichmentFunction")
            .get("LEASE_SECONDS");
        let lease = lease.map_or(Some(LEASE_SECONDS.into()), number);
        let (timeout, visibility) = (
            literal("EnrichmentFunction", "Timeout"),
            literal("DelayQueue", "VisibilityTimeout"),
        );
        let (Some(timeout), Some(lease), Some(visibility)) = (timeout, lease, visibility) else {
            return vec!["timeout, lease and visibility are not all literals".to_owned()];
        };
        let mut found = Vec::new();
        if visibility < 6 * timeout {
            found.push(format!(
                "visibility {visibility} is less than six timeouts of {timeout}"
            ));
        }
        if !(timeout < lease && lease < visibility) {
            found.push(format!("not {timeout} < {lease} < {visibility}"));
        }
        found
    },
    breakages: &[
        |case| case.set(&format!("{QUEUE}/VisibilityTimeout"), 359),
        |case| {
            case.set(
                &format!("{QUEUE}/VisibilityTimeout"),
                json!({"Ref": "Visibility"}),
            );
        },
        |case| case.set(&format!("{ENRICHMENT}/Timeout"), 61),
        |case| {
            case.set(
                &format!("{ENRICHMENT}/Environment/Variables/LEASE_SECONDS"),
                "60",
            );
        },
        |case| {
            case.set(
                &format!("{ENRICHMENT}/Environment/Variables/LEASE_SECONDS"),
                "360",
            );
        },
    ],
};

/// What fails three times is kept, and longer than it could have waited.
pub(super) const REDRIVE: Check = Check {
    promise: "what fails for the last time is kept in the dead-letter queue",
    breaches: |case| {
        let (queue, dead) = (
            case.template.properties("DelayQueue"),
            case.template.properties("DeadLetterQueue"),
        );
        let mut found = Vec::new();
        let receives = at(queue, "/RedrivePolicy/maxReceiveCount").as_u64();
        if receives.is_none()
            || !refers(
                at(queue, "/RedrivePolicy/deadLetterTargetArn"),
                "DeadLetterQueue",
            )
        {
            found.push("DelayQueue does not redrive to DeadLetterQueue".to_owned());
        }
        for function in ["EnrichmentFunction", "SweepFunction"] {
            if number(at(
                case.template.environment(function),
                "/MAX_RECEIVE_COUNT",
            )) != receives
            {
                found.push(format!(
                    "MAX_RECEIVE_COUNT of {function} is not the redrive policy's"
                ));
            }
        }
        let kept = |queue: &Value| at(queue, "/MessageRetentionPeriod").as_u64();
        if kept(queue).is_none() || kept(dead) <= kept(queue) {
            found
                .push("the dead-letter queue does not keep longer than the delay queue".to_owned());
        }
        for (id, queue) in [("DelayQueue", queue), ("DeadLetterQueue", dead)] {
            if at(queue, "/MaximumMessageSize").as_u64() != Some(MESSAGE_BYTES) {
                found.push(format!("{id} does not take exactly {MESSAGE_BYTES} bytes"));
            }
        }
        let allowed = at(dead, "/RedriveAllowPolicy");
        if at(allowed, "/redrivePermission") != "byQueue"
            || items(at(allowed, "/sourceQueueArns")).len() != 1
        {
            found.push("the dead-letter queue is open to other queues".to_owned());
        }
        found
    },
    breakages: &[
        |case| case.remove(QUEUE, "RedrivePolicy"),
        |case| case.set(&format!("{QUEUE}/RedrivePolicy/maxReceiveCount"), 5),
        |case| {
            case.set(
                &format!("{ENRICHMENT}/Environment/Variables/MAX_RECEIVE_COUNT"),
                "4",
            );
        },
        |case| case.set(&format!("{DEAD_LETTERS}/MessageRetentionPeriod"), 345_600),
        |case| case.set(&format!("{QUEUE}/MaximumMessageSize"), 262_144),
        |case| case.remove(DEAD_LETTERS, "RedriveAllowPolicy"),
    ],
};

/// Encrypted at rest and on the way.
pub(super) const PRIVACY: Check = Check {
    promise: "queues are encrypted, at rest and on the way",
    breaches: |case| {
        let mut found = Vec::new();
        for (id, queue) in case.template.of_type("AWS::SQS::Queue") {
            if at(queue, "/SqsManagedSseEnabled") != true {
                found.push(format!("{id} is not encrypted"));
            }
            let guarded = |policy: &Value| {
                refers(at(policy, "/Queues"), id)
                    && items(at(policy, "/PolicyDocument/Statement"))
                        .into_iter()
                        .any(refuses_plain)
            };
            if !case
                .template
                .of_type("AWS::SQS::QueuePolicy")
                .any(|(_, policy)| guarded(policy))
            {
                found.push(format!("{id} can be reached without TLS"));
            }
        }
        found
    },
    breakages: &[
        |case| case.remove(DEAD_LETTERS, "SqsManagedSseEnabled"),
        |case| case.remove("/Resources", "QueuePolicy"),
        |case| {
            case.set(
                "/Resources/QueuePolicy/Properties/PolicyDocument/Statement/0/Condition",
                json!({}),
            );
        },
    ],
};

/// Whether a statement refuses everybody everything that comes without TLS.
pub(super) fn refuses_plain(statement: &Value) -> bool {
    at(statement, "/Effect") == "Deny"
        && at(statement, "/Principal") == "*"
        && at(statement, "/Condition/Bool/aws:SecureTransport") == "false"
        && texts(at(statement, "/Action"))
            .iter()
            .any(|action| action.ends_with(":*"))
}
