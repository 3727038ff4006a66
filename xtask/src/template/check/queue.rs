//! Queues and the function that reads from one.

use super::Breakage::Edit;
use super::Check;
use crate::view::{at, items, number, refers, statements_of, texts};
use leadwire_pipeline::settings::LEASE_SECONDS;
use serde_json::Value;

/// What a queue message may be at most (docs/PROTOCOL.md, Promises, P8).
const MESSAGE_BYTES: u64 = 4096;

/// How long a notification of an owner file is kept, in seconds: then the lead's own message has looked again.
const HINT_SECONDS: u64 = 900;

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

/// Whether owner files wake leads, and what they must not do: hold up a lead, or anything of the deployment.
pub(super) const OWNERS: Check = Check {
    promise: "an owner file in the stack's own bucket wakes its lead, and delays no other",
    breaches: |case, found| {
        let template = &case.template;
        let mut demand = |holds: bool, wrong: &str| {
            if !holds {
                found.push(wrong.to_owned());
            }
        };
        let notified = template.at("LookupBucket/NotificationConfiguration/QueueConfigurations/0");
        let is_created = at(notified, "/Event") == "s3:ObjectCreated:*";
        demand(
            is_created && refers(at(notified, "/Queue"), "OwnerQueue"),
            "LookupBucket does not notify OwnerQueue of what is written",
        );
        let depends = texts(at(template.resource("LookupBucket"), "/DependsOn"));
        demand(
            depends.contains(&"OwnerQueuePolicy"),
            "S3 would try OwnerQueue before its policy is there",
        );
        let queue = template.properties("OwnerQueue");
        let timeout = template.at("EnrichmentFunction/Timeout").as_u64();
        demand(
            at(queue, "/VisibilityTimeout").as_u64() == timeout,
            "OwnerQueue's visibility is not EnrichmentFunction's timeout",
        );
        let is_hint = at(queue, "/MessageRetentionPeriod") == HINT_SECONDS;
        demand(
            is_hint
                && at(queue, "/RedrivePolicy").is_null()
                && at(queue, "/DelaySeconds").is_null(),
            "OwnerQueue keeps hints for long, or delays them",
        );
        let mapping = template.properties("EnrichmentFunctionOwner");
        demand(
            refers(at(mapping, "/EventSourceArn"), "OwnerQueue")
                && at(mapping, "/ScalingConfig/MaximumConcurrency") == 2,
            "OwnerQueue is not read by two batches at once",
        );
        let policy = template.properties("OwnerQueuePolicy");
        let from_s3 = |statement: &&serde_json::Value| {
            at(statement, "/Principal/Service") == "s3.amazonaws.com"
                && refers(
                    at(statement, "/Condition/StringEquals/aws:SourceAccount"),
                    "AWS::AccountId",
                )
                && !at(statement, "/Condition/ArnLike/aws:SourceArn").is_null()
        };
        demand(
            statements_of(policy).iter().any(from_s3),
            "OwnerQueue does not take what S3 of this account sends, and only that",
        );
        let parts = [
            "OwnerQueue",
            "OwnerQueuePolicy",
            "EnrichmentFunctionOwner",
            "LookupBucket",
        ];
        for id in parts {
            demand(
                at(template.resource(id), "/Condition") == "CreateLookupBucket",
                &format!("{id} is not made exactly where the bucket is the stack's own"),
            );
        }
    },
    breakages: &[
        Edit("LookupBucket/NotificationConfiguration"),
        Edit(
            "LookupBucket/NotificationConfiguration/QueueConfigurations/0/Event = s3:ObjectRemoved:*",
        ),
        Edit("/Resources/LookupBucket/DependsOn"),
        Edit("OwnerQueue/VisibilityTimeout = 30"),
        Edit("OwnerQueue/MessageRetentionPeriod = 345600"),
        Edit("OwnerQueue/DelaySeconds = 600"),
        Edit(r#"OwnerQueue/RedrivePolicy = {"maxReceiveCount": 3}"#),
        Edit("EnrichmentFunctionOwner/ScalingConfig/MaximumConcurrency = 10"),
        Edit("OwnerQueuePolicy/PolicyDocument/Statement/1/Condition/StringEquals"),
        Edit("/Resources/OwnerQueue/Condition"),
        Edit("/Resources/EnrichmentFunctionOwner"),
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
