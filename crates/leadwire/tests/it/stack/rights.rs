//! The operator's policy: every call that the command makes of a stack is one that `docs/operator-policy.json` grants, and every grant is one
//! that a command uses.

use super::again::{CREATED, DEAD, DOCUMENT, FAILURE, OWNER, PARKED, RAW, SENT};
use super::source::{COUNTED, LOG_GROUP, QUERY, RESOURCE};
use super::{ALARMS, Aws, KEY, NO_VERSIONS, SECRET, STATISTICS, listing, stack};
use serde_json::Value;
use std::collections::BTreeSet;

const POLICY: &str = include_str!("../../../../../docs/operator-policy.json");
const CANARY: &str = "arn:aws:secretsmanager:us-east-1:000000000000:secret:canary";
const SOURCES: &str = "arn:aws:secretsmanager:us-east-1:000000000000:secret:sources";
/// What a source signed that takes leads by now.
const KEPT: &str = "last-modified: Mon, 23 Nov 2026 06:50:00 GMT
etag: 6
x-amz-meta-source: forms
x-amz-meta-kind: standard
x-amz-meta-request-id: msg_1
x-amz-meta-problem: invalid_lead_id

{\"lead_id\":\"test-1\",\"display_name\":\"Alice\"}";
const DOCUMENT_OF_SOURCES: &str = r#"{"SecretString":"{\"forms\":{\"kind\":\"standard\",\"secrets\":[\"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\"],\"silence_hours\":24}}"}"#;

/// Two versions of an object, of which the older one has the bytes.
fn versions(key: &str) -> String {
    let version = |id: &str, is_latest: bool, size: u8| {
        format!(
            "<Version><Key>{key}</Key><VersionId>{id}</VersionId><IsLatest>{is_latest}</IsLatest><Size>{size}</Size>\
            <LastModified>2026-11-23T06:50:00Z</LastModified></Version>"
        )
    };
    let (newer, older) = (version("v2", true, 0), version("v1", false, 2));
    format!(
        "<ListVersionsResult><IsTruncated>false</IsTruncated>{newer}{older}</ListVersionsResult>"
    )
}

/// An action on a resource, with the stack's own names as the policy writes them.
type Right = (String, String);

/// What the policy grants.
fn granted() -> BTreeSet<Right> {
    let policy: Value = serde_json::from_str(POLICY).unwrap();
    let texts = |value: &Value| {
        let one = std::slice::from_ref(value);
        let all = value.as_array().map_or(one, Vec::as_slice);
        let texts = all.iter().map(|one| one.as_str().unwrap().to_owned());
        texts.collect::<Vec<_>>()
    };
    let mut granted = BTreeSet::new();
    for statement in policy["Statement"].as_array().unwrap() {
        assert_eq!(statement["Effect"], "Allow");
        for action in texts(&statement["Action"]) {
            for resource in texts(&statement["Resource"]) {
                // Of an ARN what names the thing.
                let resource = resource.rsplit(':').next().unwrap().to_owned();
                granted.insert((action.clone(), resource));
            }
        }
    }
    granted
}

/// What a request needs; nothing of one that is not AWS's to grant.
fn needed(request: &str) -> Option<Right> {
    let right = |action: &str, resource: &str| Some((action.to_owned(), resource.to_owned()));
    let line = request.lines().next().unwrap();
    let [method, address, ..] = *line.split(' ').collect::<Vec<_>>() else {
        panic!("{line}")
    };
    let dead = if request.contains("000000000000/dead") {
        "dead-letter"
    } else {
        "delay"
    };
    let queue = format!("${{StackName}}-{dead}");
    for action in [
        "SendMessage",
        "ReceiveMessage",
        "DeleteMessage",
        "ChangeMessageVisibility",
    ] {
        if request.contains(&format!("AmazonSQS.{action}\r")) {
            return right(&format!("sqs:{action}"), &queue);
        }
    }
    for action in ["DescribeAlarms", "GetMetricStatistics"] {
        if address.ends_with(&format!("operation/{action}")) {
            return right(&format!("cloudwatch:{action}"), "*");
        }
    }
    for action in ["DescribeStacks", "DescribeStackResource"] {
        if request.contains(&format!("Action={action}&")) {
            return right(&format!("cloudformation:{action}"), "stack/${StackName}/*");
        }
    }
    if request.contains("Logs_20140328.StartQuery") {
        assert!(request.contains(LOG_GROUP), "{request}");
        return right("logs:StartQuery", "${StackName}-IngestionLogGroup-1");
    }
    if request.contains("Logs_20140328.GetQueryResults") {
        return right("logs:GetQueryResults", "*");
    }
    if request.contains("secretsmanager.GetSecretValue") {
        let is_canary = request.contains(CANARY);
        let whose = if is_canary {
            "${CanarySecretArn}"
        } else {
            "${SourcesSecretArn}"
        };
        return right("secretsmanager:GetSecretValue", whose);
    }
    if address.starts_with("/v2/email/identities/") {
        return right("ses:GetEmailIdentity", "identity/*");
    }
    if address == "/v2/email/account" {
        return right("ses:GetAccount", "*");
    }
    if address.starts_with("/Prod/ingest/") {
        return None;
    }
    Some(of_bucket(method, address))
}

fn of_bucket(method: &str, address: &str) -> Right {
    let (path, query) = address.split_once('?').unwrap_or((address, ""));
    let path = path.trim_start_matches('/');
    let (bucket, key) = path.split_once('/').unwrap_or((path, ""));
    let output = match bucket {
        "the-raw-bucket" => "${RawBucketName}",
        "the-lookup-bucket" => "${LookupBucketName}",
        "the-enriched-bucket" => "${EnrichedBucketName}",
        other => panic!("{method} {other}"),
    };
    let is_version = query.contains("versionId=");
    let action = match method {
        "GET" if query.contains("list-type=2") => "s3:ListBucket",
        "GET" if query.split('&').any(|part| part.starts_with("versions")) => {
            "s3:ListBucketVersions"
        }
        "GET" if is_version => "s3:GetObjectVersion",
        "GET" => "s3:GetObject",
        "PUT" => "s3:PutObject",
        "DELETE" if is_version => "s3:DeleteObjectVersion",
        other => panic!("{other} {address}"),
    };
    let resource = if key.is_empty() {
        output.to_owned()
    } else {
        format!("{output}/{key}")
    };
    (action.to_owned(), resource)
}

fn covers(grant: &Right, need: &Right) -> bool {
    let is_resource = grant.1 == need.1
        || grant
            .1
            .strip_suffix('*')
            .is_some_and(|start| need.1.starts_with(start));
    grant.0 == need.0 && is_resource
}

/// What commands ask of a stack with one lead, in whatever state these answers say.
fn asked(answers: &[super::Answer<'_>], commands: &[&str]) -> BTreeSet<Right> {
    let parameters = format!(
        "<Parameters><member><ParameterKey>SesFromAddress</ParameterKey>\
        <ParameterValue>crm@example.com</ParameterValue></member><member><ParameterKey>SourcesSecretArn</ParameterKey>\
        <ParameterValue>{SOURCES}</ParameterValue></member></Parameters>"
    );
    let described = stack(&parameters, &[("CanarySecretArn", CANARY)]);
    let aws = Aws::with((200, &described), answers);
    for command in commands {
        aws.run(command);
    }
    aws.seen()
        .iter()
        .filter_map(|request| needed(request))
        .collect()
}

/// The same where there is the raw event with its owner file too, and writes are taken.
fn asked_of_one(more: &[super::Answer<'_>], commands: &[&str]) -> BTreeSet<Right> {
    let raw = of("raw");
    let base = [
        ("GET /the-raw-bucket/raw/crm_event_test-1", 200, RAW),
        ("GET /the-lookup-bucket/test-1.json", 200, OWNER),
        ("PUT /the-", 200, CREATED),
        ("AmazonSQS.SendMessage", 200, SENT),
        ("prefix=raw", 200, &*raw),
    ];
    asked(&[more, &base[..]].concat(), commands)
}

/// A listing of one old object in a folder.
fn of(folder: &str) -> String {
    listing(&KEY.replace("raw", folder), "2020-11-23T06:50:00Z")
}

fn looking() -> BTreeSet<Right> {
    let answers = [
        ("operation/DescribeAlarms", 200, ALARMS),
        ("operation/GetMetricStatistics", 200, STATISTICS),
        ("secretsmanager.GetSecretValue", 200, SECRET),
        ("POST /Prod/ingest/canary", 503, "{}"),
    ];
    let commands =
        "leads;lead test-1;lookup ls;lookup put test-1 --owner Omar;audit;doctor;alarms;slo;canary";
    asked_of_one(&answers, &commands.split(';').collect::<Vec<_>>())
}

fn sending_again() -> BTreeSet<Right> {
    let (mail, enriched, failed) = (of("mail"), of("enriched"), of("failed"));
    let documents = [
        ("GET /the-enriched-bucket/enriched/", 200, DOCUMENT),
        ("prefix=enriched", 200, &*enriched),
    ];
    let sweep = "sweep --max-age-days 36500 --confirm";
    let parked = [
        ("prefix=mail", 200, &*mail),
        ("GET /the-enriched-bucket/mail/", 200, PARKED),
    ];
    let letters = [
        ("prefix=failed", 200, &*failed),
        ("GET /the-enriched-bucket/failed/", 200, FAILURE),
        ("once:AmazonSQS.ReceiveMessage", 200, DEAD),
        ("AmazonSQS.ReceiveMessage", 200, "{}"),
        ("AmazonSQS.DeleteMessage", 200, "{}"),
        ("AmazonSQS.ChangeMessageVisibility", 200, "{}"),
    ];
    let redrive = ["dlq ls", "dlq show test-1", "dlq redrive --all"];
    let all = [
        asked_of_one(&documents, &["replay test-1 --yes", sweep]),
        asked_of_one(&parked, &["parked ls", "parked resolve test-1 --resend"]),
        asked_of_one(&letters, &redrive),
        // Another's letter is given back.
        asked_of_one(&letters, &["dlq redrive test-2"]),
    ];
    all.into_iter().flatten().collect()
}

fn taking_again() -> BTreeSet<Right> {
    let key = format!("quarantine/{}", "6a".repeat(32));
    let (kept, versions) = (listing(&key, "2026-11-23T06:50:00Z"), versions(&key));
    let answers = [
        ("prefix=quarantine", 200, &*kept),
        ("GET /the-enriched-bucket/quarantine/", 200, KEPT),
        ("secretsmanager.GetSecretValue", 200, DOCUMENT_OF_SOURCES),
        ("Action=DescribeStackResource&", 200, RESOURCE),
        ("Logs_20140328.StartQuery", 200, QUERY),
        ("Logs_20140328.GetQueryResults", 200, COUNTED),
        ("until:DELETE /the-enriched|versions", 200, &*versions),
        ("DELETE /the-", 204, ""),
    ];
    let show = format!("quarantine show {}", "6a".repeat(32));
    let commands = [
        "quarantine ls",
        &*show,
        "quarantine retry --all",
        "source ls",
    ];
    asked_of_one(&answers, &commands)
}

fn forgetting() -> BTreeSet<Right> {
    let (raw, owner) = (versions(KEY), versions("test-1.json"));
    let enriched = versions(&KEY.replace("raw", "enriched"));
    let answers = [
        ("versionId=v1", 200, RAW),
        (
            "until:DELETE /the-raw|GET /the-raw-bucket/?versions",
            200,
            &*raw,
        ),
        (
            "until:DELETE /the-enriched|versions&prefix=enriched",
            200,
            &enriched,
        ),
        (
            "until:DELETE /the-lookup|GET /the-lookup-bucket/?versions",
            200,
            &owner,
        ),
        ("versions", 200, NO_VERSIONS),
        ("GET /the-raw-bucket/raw/crm_event_test-1", 404, ""),
        ("DELETE /the-", 204, ""),
    ];
    asked_of_one(&answers, &["forget test-1 --yes --lease 1s"])
}

#[test]
fn the_operators_policy_grants_what_the_command_asks_of_a_stack_and_nothing_else() {
    let needed = [looking(), sending_again(), taking_again(), forgetting()];
    let needed: BTreeSet<Right> = needed.into_iter().flatten().collect();
    let granted = granted();
    let is_granted = |need: &&Right| granted.iter().any(|grant| covers(grant, need));
    let lacking: Vec<&Right> = needed.iter().filter(|need| !is_granted(need)).collect();
    let is_used = |grant: &&Right| needed.iter().any(|need| covers(grant, need));
    let idle: Vec<&Right> = granted.iter().filter(|grant| !is_used(grant)).collect();
    assert!(
        lacking.is_empty() && idle.is_empty(),
        "lacking {lacking:?}, idle {idle:?}"
    );
}
