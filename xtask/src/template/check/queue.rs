//! Queues and the function that reads from one.

use super::Breakage::Edit;
use super::Check;
use crate::view::{at, items, number, refers, statements_of, texts};
use leadwire_pipeline::settings::LEASE_SECONDS;
use serde_json::Value;

/// What a queue message may be at most (docs/PROTOCOL.md, Promises, P8).
const MESSAGE_BYTES: u64 = 4096;

/// Both home-made scanners and AWS's accept a mapping without it.
pub(super) const PARTIAL_BATCHES: Check = Check {
    promise: "one bad message never fails its batch-mates",
    breaches: |case, found| {
        let mappings = || case.template.of_type("AWS::Lambda::EventSourceMapping");
        if !mappings().any(|(_, mapping)| refers(at(mapping, "/EventSourceArn"), "DelayQueue")) {
            found.push("nothing reads from DelayQueue".to_owned());
        }
        for (id, mapping) in mappings() {
            if !texts(at(mapping, "/FunctionResponseTypes")).contains(&"ReportBatchItemFailures") {
                found.push(format!("{id} does not say ReportBatchItemFailures"));
            }
            if at(mapping, "/ScalingConfig/MaximumConcurrency").is_null() {
                found.push(format!("{id} does not limit its concurrency"));
            }
        }
    },
    breakages: &[
        Edit("EnrichmentFunctionDelayed/FunctionResponseTypes"),
        Edit("EnrichmentFunctionDelayed/ScalingConfig"),
        Edit("EnrichmentFunctionDelayed/EventSourceArn"),
    ],
};

/// docs/PROTOCOL.md, Timing.
pub(super) const TIMING: Check = Check {
    promise: "timeout < lease < visibility, which is at least six timeouts",
    breaches: |case, found| {
        let template = &case.template;
        let lease = template.at("EnrichmentFunction/Environment/Variables/LEASE_SECONDS");
        let numbers = (
            template.at("EnrichmentFunction/Timeout").as_u64(),
            if lease.is_null() {
                Some(LEASE_SECONDS.into())
            } else {
                number(lease)
            },
            template.at("DelayQueue/VisibilityTimeout").as_u64(),
        );
        let (Some(timeout), Some(lease), Some(visibility)) = numbers else {
            found.push("timeout, lease and visibility are not all literals".to_owned());
            return;
        };
        if visibility < 6 * timeout {
            found.push(format!(
                "visibility {visibility} is less than six timeouts of {timeout}"
            ));
        }
        if !(timeout < lease && lease < visibility) {
            found.push(format!("not {timeout} < {lease} < {visibility}"));
        }
    },
    breakages: &[
        Edit("DelayQueue/VisibilityTimeout = 359"),
        Edit(r#"DelayQueue/VisibilityTimeout = {"Ref": "Visibility"}"#),
        Edit("EnrichmentFunction/Timeout = 61"),
        Edit(r#"EnrichmentFunction/Environment/Variables/LEASE_SECONDS = "60""#),
        Edit(r#"EnrichmentFunction/Environment/Variables/LEASE_SECONDS = "360""#),
    ],
};

/// What fails three times is kept, and longer than it could have waited.
pub(super) const REDRIVE: Check = Check {
    promise: "what fails for the last time is kept in the dead-letter queue",
    breaches: |case, found| {
        let queue = case.template.properties("DelayQueue");
        let dead = case.template.properties("DeadLetterQueue");
        let receives = at(queue, "/RedrivePolicy/maxReceiveCount").as_u64();
        let target = at(queue, "/RedrivePolicy/deadLetterTargetArn");
        if receives.is_none() || !refers(target, "DeadLetterQueue") {
            found.push("DelayQueue does not redrive to DeadLetterQueue".to_owned());
        }
        for function in ["EnrichmentFunction", "SweepFunction"] {
            let counted = at(case.template.environment(function), "/MAX_RECEIVE_COUNT");
            if number(counted) != receives {
                found.push(format!(
                    "MAX_RECEIVE_COUNT of {function} is not the redrive policy's"
                ));
            }
        }
        let kept = |queue: &Value| at(queue, "/MessageRetentionPeriod").as_u64();
        if kept(queue).is_none() || kept(dead) <= kept(queue) {
            let wrong = "the dead-letter queue does not keep longer than the delay queue";
            found.push(wrong.to_owned());
        }
        for (id, queue) in [("DelayQueue", queue), ("DeadLetterQueue", dead)] {
            if at(queue, "/MaximumMessageSize") != MESSAGE_BYTES {
                found.push(format!("{id} does not take exactly {MESSAGE_BYTES} bytes"));
            }
        }
        let allowed = at(dead, "/RedriveAllowPolicy");
        let is_by_queue = at(allowed, "/redrivePermission") == "byQueue";
        if !is_by_queue || items(at(allowed, "/sourceQueueArns")).len() != 1 {
            found.push("the dead-letter queue is open to other queues".to_owned());
        }
    },
    breakages: &[
        Edit("DelayQueue/RedrivePolicy"),
        Edit("DelayQueue/RedrivePolicy/maxReceiveCount = 5"),
        Edit(r#"EnrichmentFunction/Environment/Variables/MAX_RECEIVE_COUNT = "4""#),
        Edit("DeadLetterQueue/MessageRetentionPeriod = 345600"),
        Edit("DelayQueue/MaximumMessageSize = 262144"),
        Edit("DeadLetterQueue/RedriveAllowPolicy"),
    ],
};

/// Encrypted at rest and on the way.
pub(super) const PRIVACY: Check = Check {
    promise: "queues are encrypted, at rest and on the way",
    breaches: |case, found| {
        for (id, queue) in case.template.of_type("AWS::SQS::Queue") {
            if at(queue, "/SqsManagedSseEnabled") != true {
                found.push(format!("{id} is not encrypted"));
            }
            let mut policies = case.template.of_type("AWS::SQS::QueuePolicy");
            let is_guarded = policies.any(|(_, policy)| {
                refers(at(policy, "/Queues"), id)
                    && statements_of(policy).into_iter().any(refuses_plain)
            });
            if !is_guarded {
                found.push(format!("{id} can be reached without TLS"));
            }
        }
    },
    breakages: &[
        Edit("DeadLetterQueue/SqsManagedSseEnabled"),
        Edit("/Resources/QueuePolicy"),
        Edit("QueuePolicy/PolicyDocument/Statement/0/Condition = {}"),
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
