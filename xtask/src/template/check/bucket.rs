//! Buckets: private, never overwritten, and with an end to what they keep.

use super::{Case, Check, queue};
use crate::template::view::{at, items, refers, texts};
use serde_json::{Value, json};

const RAW: &str = "/Resources/RawBucket/Properties";
const RAW_POLICY: &str = "/Resources/RawBucketPolicy/Properties/PolicyDocument/Statement";
const ENRICHED_POLICY: &str = "/Resources/EnrichedBucketPolicy/Properties/PolicyDocument/Statement";
/// By how many days a mail marker outlives its event, so that no sweep mails an old lead again.
const MARKER_DAYS_MORE: u64 = 30;

/// The statements of the policies of a bucket.
fn policy<'a>(case: &'a Case, bucket: &str) -> Vec<&'a Value> {
    let policies = case
        .template
        .of_type("AWS::S3::BucketPolicy")
        .filter(|(_, policy)| refers(at(policy, "/Bucket"), bucket));
    policies
        .flat_map(|(_, policy)| items(at(policy, "/PolicyDocument/Statement")))
        .collect()
}

/// Nobody reads along, and nothing goes when the stack goes.
pub(super) const PRIVATE: Check = Check {
    promise: "buckets are private, encrypted, versioned and kept",
    breaches: |case| {
        let mut found = Vec::new();
        for (id, bucket) in case.template.of_type("AWS::S3::Bucket") {
            let flags = [
                "BlockPublicAcls",
                "BlockPublicPolicy",
                "IgnorePublicAcls",
                "RestrictPublicBuckets",
            ];
            let blocked = at(bucket, "/PublicAccessBlockConfiguration");
            let mut need =
                |holds: bool, what: &str| (!holds).then(|| found.push(format!("{id} {what}")));
            need(
                flags
                    .iter()
                    .all(|flag| blocked.get(*flag) == Some(&Value::Bool(true))),
                "is open to the public",
            );
            need(
                at(bucket, "/OwnershipControls/Rules/0/ObjectOwnership") == "BucketOwnerEnforced",
                "knows ACLs",
            );
            need(
                !at(
                    bucket,
                    "/BucketEncryption/ServerSideEncryptionConfiguration/0",
                )
                .is_null(),
                "is not encrypted",
            );
            need(
                at(bucket, "/VersioningConfiguration/Status") == "Enabled",
                "has no versions",
            );
            let resource = case.template.resource(id);
            let kept = ["/DeletionPolicy", "/UpdateReplacePolicy"]
                .iter()
                .all(|policy| at(resource, policy) == "Retain");
            need(kept, "goes with its stack");
            need(
                policy(case, id).into_iter().any(queue::refuses_plain),
                "can be reached without TLS",
            );
        }
        found
    },
    breakages: &[
        |case| {
            case.set(
                &format!("{RAW}/PublicAccessBlockConfiguration/IgnorePublicAcls"),
                false,
            );
        },
        |case| case.remove(RAW, "OwnershipControls"),
        |case| case.remove(RAW, "BucketEncryption"),
        |case| {
            case.set(
                &format!("{RAW}/VersioningConfiguration/Status"),
                "Suspended",
            );
        },
        |case| case.remove("/Resources/RawBucket", "DeletionPolicy"),
        |case| case.remove("/Resources", "LookupBucketPolicy"),
    ],
};

/// `LocalStack` enforces no policy, so this is the only place where it is seen to.
pub(super) const CREATE_ONLY: Check = Check {
    promise: "an event is never overwritten, and deleted by the operator alone",
    breaches: |case| {
        let mut found = Vec::new();
        for (bucket, prefix) in [("RawBucket", "raw/"), ("EnrichedBucket", "enriched/")] {
            let statements = policy(case, bucket);
            if !statements
                .iter()
                .any(|s| creates_only(s) && covers(s, &format!("/{prefix}*")))
            {
                found.push(format!("{prefix} can be overwritten"));
            }
            if !statements
                .iter()
                .any(|s| refuses_deletion(s) && covers(s, "/*"))
            {
                found.push(format!("anyone may delete in {bucket}"));
            }
            // A claim is taken over and settled by If-Match.
            if statements
                .iter()
                .any(|s| creates_only(s) && (covers(s, "/mail/*") || covers(s, "/*")))
            {
                found.push("mail/ could not be settled".to_owned());
            }
        }
        found
    },
    breakages: &[
        |case| {
            case.set(
                &format!("{RAW_POLICY}/1/Condition"),
                json!({"Null": {"s3:if-none-match": "false"}}),
            );
        },
        |case| case.set(&format!("{RAW_POLICY}/1/Effect"), "Allow"),
        |case| {
            case.set(
                &format!("{RAW_POLICY}/1/Principal"),
                json!({"AWS": "arn:aws:iam::1:root"}),
            );
        },
        |case| {
            case.set(
                &format!("{ENRICHED_POLICY}/1/Resource"),
                json!({"Fn::Sub": "${EnrichedBucket.Arn}/mail/*"}),
            );
        },
        |case| {
            case.set(
                &format!("{ENRICHED_POLICY}/1/Resource"),
                json!({"Fn::Sub": "${EnrichedBucket.Arn}/*"}),
            );
        },
        |case| case.set(&format!("{ENRICHED_POLICY}/2/Action"), "s3:DeleteObject"),
        |case| case.set(&format!("{RAW_POLICY}/2/Condition"), json!({})),
    ],
};

fn creates_only(statement: &Value) -> bool {
    at(statement, "/Effect") == "Deny"
        && at(statement, "/Principal") == "*"
        && texts(at(statement, "/Action")).contains(&"s3:PutObject")
        && at(statement, "/Condition") == &json!({"Null": {"s3:if-none-match": "true"}})
}

fn refuses_deletion(statement: &Value) -> bool {
    let actions = texts(at(statement, "/Action"));
    at(statement, "/Effect") == "Deny"
        && at(statement, "/Principal") == "*"
        && actions.contains(&"s3:DeleteObject")
        && actions.contains(&"s3:DeleteObjectVersion")
        && refers(at(statement, "/Condition/ArnNotEquals"), "OperatorRoleArn")
}

/// Whether a statement is about the objects whose ARN ends so.
fn covers(statement: &Value, end: &str) -> bool {
    let resources = items(at(statement, "/Resource"));
    resources
        .into_iter()
        .filter_map(|r| at(r, "/Fn::Sub").as_str())
        .any(|arn| arn.ends_with(&format!(".Arn}}{end}")))
}

/// Every prefix ends, markers later than what they mark.
pub(super) const LIFE: Check = Check {
    promise: "what is stored ends, and a mail marker outlives its event",
    breaches: |case| {
        let mut found = Vec::new();
        let retention = at(case.template.section("Mappings"), "/Retention").as_object();
        for (days, kept) in retention.into_iter().flatten() {
            let (event, marker) = (at(kept, "/Event").as_u64(), at(kept, "/Marker").as_u64());
            if event.is_none() || marker < event.map(|event| event + MARKER_DAYS_MORE) {
                found.push(format!(
                    "for {days} days markers are not kept {MARKER_DAYS_MORE} days longer"
                ));
            }
        }
        for (bucket, prefix, kind) in ENDS {
            let days = json!({"Fn::FindInMap": ["Retention", {"Ref": "RetentionDays"}, kind]});
            let ends = |rule: &&Value| {
                at(rule, "/Prefix") == prefix
                    && at(rule, "/ExpirationInDays") == &days
                    && at(rule, "/Status") == "Enabled"
            };
            if items(at(
                case.template.properties(bucket),
                "/LifecycleConfiguration/Rules",
            ))
            .iter()
            .filter(|r| ends(r))
            .count()
                != 1
            {
                found.push(format!("{prefix} does not end with {kind}"));
            }
        }
        for (id, bucket) in case.template.of_type("AWS::S3::Bucket") {
            let rules = items(at(bucket, "/LifecycleConfiguration/Rules"));
            let has = |name: &str| {
                rules
                    .iter()
                    .any(|rule| rule.get(name).is_some() && at(rule, "/Status") == "Enabled")
            };
            if !has("NoncurrentVersionExpiration") || !has("AbortIncompleteMultipartUpload") {
                found.push(format!("{id} keeps old versions or torn uploads for ever"));
            }
        }
        found
    },
    breakages: &[
        |case| case.set("/Mappings/Retention/90/Marker", 119),
        |case| {
            case.set(
                "/Resources/EnrichedBucket/Properties/LifecycleConfiguration/Rules",
                json!([]),
            );
        },
        |case| {
            case.set(
                &format!("{RAW}/LifecycleConfiguration/Rules/0/ExpirationInDays"),
                365,
            );
        },
        |case| {
            case.set(
                &format!("{RAW}/LifecycleConfiguration/Rules/0/Status"),
                "Disabled",
            );
        },
        |case| {
            case.remove(
                &format!("{RAW}/LifecycleConfiguration/Rules/1"),
                "NoncurrentVersionExpiration",
            );
        },
    ],
};

/// When what is under a prefix ends.
const ENDS: [(&str, &str, &str); 7] = {
    use leadwire_domain::key;
    [
        ("RawBucket", key::RAW, "Event"),
        ("EnrichedBucket", key::ENRICHED, "Event"),
        ("EnrichedBucket", key::QUARANTINE, "Event"),
        ("EnrichedBucket", key::MAIL, "Marker"),
        ("EnrichedBucket", key::FAILED, "Marker"),
        ("EnrichedBucket", key::DEDUPE, "Marker"),
        ("EnrichedBucket", key::SWEPT, "Marker"),
    ]
};
