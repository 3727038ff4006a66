//! Buckets: private, never overwritten, and with an end to what they keep.

use super::Breakage::Edit;
use super::{Case, Check, queue};
use crate::view::{at, items, refers, statements_of, texts};
use leadwire_domain::key;
use serde_json::{Value, json};

/// A forgotten event's tombstone is empty, and is what keeps its CRM from bringing it back.
pub(super) const BURIED: Check = Check {
    promise: "a tombstone stays as long as claims do",
    breaches: |case, found| {
        let days = |kind| json!({"Fn::FindInMap": ["Retention", {"Ref": "RetentionDays"}, kind]});
        let rules = rules(case.template.properties("RawBucket")).into_iter();
        let ending = rules.filter(|rule| rule.get("ExpirationInDays").is_some());
        let of_empty = ending.filter(|rule| at(rule, "/ObjectSizeGreaterThan") != "0");
        for rule in of_empty {
            if at(rule, "/ExpirationInDays") != &days("Marker") {
                found.push(format!("{} ends tombstones too", at(rule, "/Id")));
            }
            let is_whole = rule.get("ObjectSizeLessThan").is_none()
                && rule.get("ObjectSizeGreaterThan").is_none();
            if !is_whole {
                found.push(format!("{} spares some tombstones", at(rule, "/Id")));
            }
        }
    },
    breakages: &[
        Edit("RawBucket/LifecycleConfiguration/Rules/0/ObjectSizeGreaterThan"),
        Edit("RawBucket/LifecycleConfiguration/Rules/0/ObjectSizeGreaterThan = 1"),
        Edit("RawBucket/LifecycleConfiguration/Rules/1/ExpirationInDays = 1"),
        Edit("RawBucket/LifecycleConfiguration/Rules/1/ObjectSizeGreaterThan = 1"),
    ],
};

/// By how many days a mail marker outlives its event, so that no sweep mails an old lead again.
const MARKER_DAYS_MORE: u64 = 30;

/// The statements of the policies of a bucket.
fn policy<'a>(case: &'a Case, bucket: &str) -> Vec<&'a Value> {
    let policies = case.template.of_type("AWS::S3::BucketPolicy");
    let policies = policies.filter(|(_, policy)| refers(at(policy, "/Bucket"), bucket));
    policies
        .flat_map(|(_, policy)| statements_of(policy))
        .collect()
}

/// Nobody reads along, and nothing goes when the stack goes.
pub(super) const PRIVATE: Check = Check {
    promise: "buckets are private, encrypted, versioned and kept",
    breaches: |case, found| {
        for (id, bucket) in case.template.of_type("AWS::S3::Bucket") {
            let resource = case.template.resource(id);
            // Of a creation that fails nothing is kept: it would be in the way of the next.
            let is_kept = at(resource, "/DeletionPolicy") == "RetainExceptOnCreate"
                && at(resource, "/UpdateReplacePolicy") == "Retain";
            let closed = json!({"BlockPublicAcls": true, "BlockPublicPolicy": true, "IgnorePublicAcls": true, "RestrictPublicBuckets": true});
            let is_closed = at(bucket, "/PublicAccessBlockConfiguration") == &closed;
            let owner = at(bucket, "/OwnershipControls/Rules/0/ObjectOwnership");
            let encryption = "/BucketEncryption/ServerSideEncryptionConfiguration/0";
            let versions = at(bucket, "/VersioningConfiguration/Status");
            let is_guarded = policy(case, id).into_iter().any(queue::refuses_plain);
            let rules = [
                (is_closed, "is open to the public"),
                (owner == "BucketOwnerEnforced", "knows ACLs"),
                (!at(bucket, encryption).is_null(), "is not encrypted"),
                (versions == "Enabled", "has no versions"),
                (is_kept, "goes with its stack"),
                (is_guarded, "can be reached without TLS"),
            ];
            let broken = rules.iter().filter(|(holds, _)| !holds);
            found.extend(broken.map(|(_, what)| format!("{id} {what}")));
        }
    },
    breakages: &[
        Edit("RawBucket/PublicAccessBlockConfiguration/IgnorePublicAcls = false"),
        Edit("RawBucket/OwnershipControls"),
        Edit("RawBucket/BucketEncryption"),
        Edit("RawBucket/VersioningConfiguration/Status = Suspended"),
        Edit("/Resources/RawBucket/DeletionPolicy"),
        Edit("/Resources/RawBucket/DeletionPolicy = Retain"),
        Edit("/Resources/LookupBucketPolicy"),
    ],
};

/// A stack that is made again without them would mail again what its markers say was mailed.
pub(super) const ADOPTED: Check = Check {
    promise: "a stack can go on with the buckets of one that is gone, everywhere or not at all",
    breaches: |case, found| {
        let template = &case.template;
        for (id, variable, output) in ADOPTABLE {
            let condition = format!("Create{id}");
            let either =
                json!({"Fn::If": [condition, {"Ref": id}, {"Ref": format!("Existing{id}")}]});
            let is_one = |value: &Value| value == &either;
            let mut functions = template.of_type("AWS::Lambda::Function");
            let read = |function| at(function, &format!("/Environment/Variables/{variable}"));
            if !functions.all(|(_, function)| is_one(read(function))) {
                found.push(format!("a function does not take Existing{id}"));
            }
            if !is_one(template.at(&format!("/Outputs/{output}/Value"))) {
                found.push(format!("{output} does not say Existing{id}"));
            }
            for part in [id.to_owned(), format!("{id}Policy")] {
                if at(template.resource(&part), "/Condition") != condition.as_str() {
                    found.push(format!("{part} is made beside Existing{id}"));
                }
            }
            // A role that named the resource could do nothing in the other's place, and would not be made at all.
            let mut roles = template.of_type("AWS::IAM::Role");
            let names = format!("{{\"Fn::GetAtt\":[\"{id}\"");
            let subs = format!("${{{id}");
            if roles.any(|(_, role)| {
                [&names, &subs]
                    .iter()
                    .any(|name| role.to_string().contains(*name))
            }) {
                found.push(format!("a role knows {id} alone"));
            }
        }
        let mut rules = template.members("Rules");
        let belong = |rule: &Value| {
            let text = rule.to_string();
            ADOPTABLE
                .iter()
                .all(|(id, ..)| text.contains(&format!("Existing{id}")))
        };
        if !rules.any(|(_, rule)| belong(rule)) {
            found.push("events can be adopted without their markers".to_owned());
        }
    },
    breakages: &[
        Edit(r#"SweepFunction/Environment/Variables/RAW_BUCKET = {"Ref": "RawBucket"}"#),
        Edit(r#"/Outputs/EnrichedBucketName/Value = {"Ref": "EnrichedBucket"}"#),
        Edit("/Resources/EnrichedBucket/Condition"),
        Edit("/Resources/RawBucketPolicy/Condition"),
        Edit(
            r#"SweepRole/Policies/0/PolicyDocument/Statement/0/Resource = {"Fn::Sub": "${RawBucket.Arn}/raw/*"}"#,
        ),
        Edit("/Rules/BucketsBelongTogether"),
    ],
};

/// Buckets that another stack may have made: the variable and the output that name them.
const ADOPTABLE: [(&str, &str, &str); 2] = [
    ("RawBucket", "RAW_BUCKET", "RawBucketName"),
    ("EnrichedBucket", "ENRICHED_BUCKET", "EnrichedBucketName"),
];

/// `LocalStack` enforces no policy, so this is the only place where it is seen to.
pub(super) const CREATE_ONLY: Check = Check {
    promise: "an event is never overwritten but by the operator who read it, and deleted by the operator alone",
    breaches: |case, found| {
        for (bucket, prefix) in [("RawBucket", "raw/"), ("EnrichedBucket", "enriched/")] {
            let statements = policy(case, bucket);
            let creates_only =
                |end: &str| statements.iter().any(|s| creates_only(s) && covers(s, end));
            if !creates_only(&format!("/{prefix}*")) {
                found.push(format!("{prefix} can be overwritten"));
            }
            let keeps_unread =
                |end: &str| statements.iter().any(|s| keeps_unread(s) && covers(s, end));
            if !keeps_unread(&format!("/{prefix}*")) {
                found.push(format!(
                    "the operator may overwrite unread what is in {prefix}"
                ));
            }
            let mut all = statements.iter();
            if !all.any(|s| refuses_deletion(s) && covers(s, "/*")) {
                found.push(format!("anyone may delete in {bucket}"));
            }
            // A claim is taken over and settled by If-Match, and a failure or a count is put whatever is there.
            let is_too_wide = |end: &str| creates_only(end) || keeps_unread(end);
            if is_too_wide("/mail/*") || is_too_wide("/*") {
                found.push("mail/ could not be settled".to_owned());
            }
        }
    },
    breakages: &[
        Edit(
            r#"RawBucketPolicy/PolicyDocument/Statement/1/Condition = {"Null": {"s3:if-none-match": "false"}}"#,
        ),
        Edit("RawBucketPolicy/PolicyDocument/Statement/1/Effect = Allow"),
        Edit(
            r#"RawBucketPolicy/PolicyDocument/Statement/1/Principal = {"AWS": "arn:aws:iam::1:root"}"#,
        ),
        Edit(
            r#"EnrichedBucketPolicy/PolicyDocument/Statement/1/Resource = {"Fn::Sub": "${EnrichedBucket.Arn}/mail/*"}"#,
        ),
        Edit(
            r#"EnrichedBucketPolicy/PolicyDocument/Statement/1/Resource = {"Fn::Sub": "${EnrichedBucket.Arn}/*"}"#,
        ),
        Edit("RawBucketPolicy/PolicyDocument/Statement/1/Condition/ArnNotEquals"),
        Edit(
            r#"RawBucketPolicy/PolicyDocument/Statement/1/Condition/ArnNotEquals = {"aws:PrincipalArn": "arn:aws:iam::1:role/ingest"}"#,
        ),
        Edit("RawBucketPolicy/PolicyDocument/Statement/2/Effect = Allow"),
        Edit(
            r#"RawBucketPolicy/PolicyDocument/Statement/2/Condition = {"Null": {"s3:if-match": "true"}}"#,
        ),
        Edit(
            r#"EnrichedBucketPolicy/PolicyDocument/Statement/2/Resource = {"Fn::Sub": "${EnrichedBucket.Arn}/*"}"#,
        ),
        Edit("EnrichedBucketPolicy/PolicyDocument/Statement/3/Action = s3:DeleteObject"),
        Edit("RawBucketPolicy/PolicyDocument/Statement/3/Condition = {}"),
    ],
};

/// Whether it refuses to all but the operator's role to overwrite anything.
fn creates_only(statement: &Value) -> bool {
    let condition = at(statement, "/Condition");
    let members = condition.as_object().map(serde_json::Map::len);
    refuses_writes(statement)
        && members == Some(2)
        && at(condition, "/Null") == &json!({"s3:if-none-match": "true"})
        && refers(at(condition, "/ArnNotEquals"), "OperatorRoleArn")
}

/// Whether it refuses to everybody to overwrite what was not read.
fn keeps_unread(statement: &Value) -> bool {
    let unread = json!({"Null": {"s3:if-none-match": "true", "s3:if-match": "true"}});
    refuses_writes(statement) && at(statement, "/Condition") == &unread
}

fn refuses_writes(statement: &Value) -> bool {
    at(statement, "/Effect") == "Deny"
        && at(statement, "/Principal") == "*"
        && texts(at(statement, "/Action")).contains(&"s3:PutObject")
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
    let end = format!(".Arn}}{end}");
    let resources = items(at(statement, "/Resource")).into_iter();
    let mut arns = resources.filter_map(|resource| at(resource, "/Fn::Sub").as_str());
    arns.any(|arn| arn.ends_with(&end))
}

/// When what is under a prefix ends.
const ENDS: [(&str, &str, &str); 7] = [
    ("RawBucket", key::RAW, "Event"),
    // Tombstones.
    ("RawBucket", key::RAW, "Marker"),
    ("EnrichedBucket", key::ENRICHED, "Event"),
    ("EnrichedBucket", key::QUARANTINE, "Event"),
    ("EnrichedBucket", key::MAIL, "Marker"),
    ("EnrichedBucket", key::FAILED, "Marker"),
    ("EnrichedBucket", key::SWEPT, "Marker"),
];

/// What never ends: the first delivery's time counts for ever, and a source that is silent must not be forgotten for it.
const ENDLESS: [&str; 2] = [key::DEDUPE, key::SEEN];

/// Every prefix ends, markers later than what they mark, but for [`ENDLESS`].
pub(super) const LIFE: Check = Check {
    promise: "what is stored ends but for identity entries and what is recorded of sources, and a mail marker outlives its event",
    breaches: |case, found| {
        let retention = case.template.at("/Mappings/Retention").as_object();
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
            let rules = rules(case.template.properties(bucket)).into_iter();
            let of_prefix = rules.filter(|rule| at(rule, "/Prefix") == prefix);
            let ends = of_prefix.filter(|rule| at(rule, "/ExpirationInDays") == &days);
            if ends.count() != 1 {
                found.push(format!("{prefix} does not end with {kind}"));
            }
        }
        for rule in rules(case.template.properties("EnrichedBucket")) {
            let prefix = at(rule, "/Prefix").as_str().unwrap_or_default();
            let touches = |kept: &&str| prefix.starts_with(*kept) || kept.starts_with(prefix);
            for kept in ENDLESS.iter().filter(|kept| touches(kept)) {
                if rule.get("ExpirationInDays").is_some() {
                    found.push(format!("{kept} ends by a rule for {prefix:?}"));
                }
            }
        }
        for (id, bucket) in case.template.of_type("AWS::S3::Bucket") {
            let rules = rules(bucket);
            let has = |name: &str| rules.iter().any(|rule| rule.get(name).is_some());
            if !has("NoncurrentVersionExpiration") || !has("AbortIncompleteMultipartUpload") {
                found.push(format!("{id} keeps old versions or torn uploads for ever"));
            }
        }
    },
    breakages: &[
        Edit("/Mappings/Retention/90/Marker = 119"),
        Edit("EnrichedBucket/LifecycleConfiguration/Rules = []"),
        Edit("EnrichedBucket/LifecycleConfiguration/Rules/6/ExpirationInDays = 365"),
        Edit("EnrichedBucket/LifecycleConfiguration/Rules/1/Prefix = seen/"),
        Edit("RawBucket/LifecycleConfiguration/Rules/0/ExpirationInDays = 365"),
        Edit("RawBucket/LifecycleConfiguration/Rules/0/Status = Disabled"),
        Edit("RawBucket/LifecycleConfiguration/Rules/1/Status = Disabled"),
        Edit("RawBucket/LifecycleConfiguration/Rules/2/NoncurrentVersionExpiration"),
    ],
};

/// The rules by which objects of a bucket end.
fn rules(bucket: &Value) -> Vec<&Value> {
    let rules = items(at(bucket, "/LifecycleConfiguration/Rules")).into_iter();
    rules
        .filter(|rule| at(rule, "/Status") == "Enabled")
        .collect()
}
