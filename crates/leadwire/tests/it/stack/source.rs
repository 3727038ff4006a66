//! The sources of a deployed stack: what came, by its log, and the signature doctor, whose documents are those of the secret.

use super::{Answer, Aws, stack};
use crate::house::House;
use crate::source_check::{BODY, saved};
use serde_json::{Value, json};

const NEW: &str = "b9260244ef33625f9b4b26a27db08758cdd39478b852c73f2d33ab042eb8abb4";
const OLD: &str = "11111111ef33625f9b4b26a27db08758cdd39478b852c73f2d33ab042eb8abb4";

pub(super) const LOG_GROUP: &str = "crm-IngestionLogGroup-1";
pub(super) const RESOURCE: &str = "<DescribeStackResourceResponse><DescribeStackResourceResult><StackResourceDetail>\
    <LogicalResourceId>IngestionLogGroup</LogicalResourceId><PhysicalResourceId>crm-IngestionLogGroup-1</PhysicalResourceId>\
    <ResourceType>AWS::Logs::LogGroup</ResourceType><LastUpdatedTimestamp>2026-11-23T06:50:00Z</LastUpdatedTimestamp>\
    <ResourceStatus>CREATE_COMPLETE</ResourceStatus></StackResourceDetail></DescribeStackResourceResult></DescribeStackResourceResponse>";
pub(super) const QUERY: &str = r#"{"queryId":"q-1"}"#;
/// As Insights answers it: a row lacks what its lines lack.
pub(super) const COUNTED: &str = r#"{"status":"Complete","results":[
    [{"field":"event","value":"lead_accepted"},{"field":"source","value":"close-eu"},{"field":"duplicate","value":"0"},{"field":"lines","value":"7"},{"field":"last_at","value":"1795416600000"}],
    [{"field":"event","value":"lead_accepted"},{"field":"source","value":"close-eu"},{"field":"duplicate","value":"1"},{"field":"lines","value":"2"},{"field":"last_at","value":"1795416500000"}],
    [{"field":"event","value":"request_ignored"},{"field":"source","value":"close-eu"},{"field":"event_type","value":"contact.created"},{"field":"lines","value":"40"},{"field":"last_at","value":"1795416700000"}],
    [{"field":"event","value":"request_rejected"},{"field":"source","value":"close-eu"},{"field":"why","value":"header_missing"},{"field":"reason","value":"unverified"},{"field":"header","value":"close-sig-hash"},{"field":"lines","value":"3"},{"field":"last_at","value":"1795416800000"}],
    [{"field":"event","value":"request_rejected"},{"field":"reason","value":"not_configured"},{"field":"lines","value":"5"},{"field":"last_at","value":"1795416800000"}]]}"#;
const RUNNING: &str = r#"{"status":"Running","results":[]}"#;

/// A stack whose log was counted so.
fn with_log(answers: &[Answer<'_>]) -> Aws {
    let secret = secret(NEW);
    let rest = [
        ("Action=DescribeStackResource&", 200, RESOURCE),
        ("secretsmanager.GetSecretValue", 200, &*secret),
    ];
    Aws::with((200, &stack(PARAMETERS, &[])), &[answers, &rest].concat())
}

#[test]
fn what_came_to_each_source_of_a_stack_is_counted_in_its_log() {
    let aws = with_log(&[
        ("Logs_20140328.StartQuery", 200, QUERY),
        ("once:Logs_20140328.GetQueryResults", 200, RUNNING),
        ("Logs_20140328.GetQueryResults", 200, COUNTED),
    ]);
    let told = aws.json_with(0, "source ls --since 7d").remove(0);
    assert_eq!(
        (&told["accepted"], &told["duplicates"]),
        (&7.into(), &2.into()),
        "{told:#}"
    );
    assert_eq!(told["ignored"], json!({ "contact.created": 40 }));
    assert_eq!(
        told["refused"],
        json!({ "header_missing close-sig-hash": 3 })
    );
    assert_eq!(
        told["last_at"], "2026-11-23T06:51:40Z",
        "of what was verified"
    );
    let (_, query) = aws.asked("Logs_20140328.StartQuery");
    assert!(query.contains(LOG_GROUP), "{query}");
    let lines = r#"filter event in [\"lead_accepted\", \"request_ignored\", \"request_rejected\"] | stats count(*) as lines"#;
    assert!(query.contains(lines), "{query}");
    let ran = aws.run("source ls").expect_code(0);
    assert!(
        ran.out
            .contains("At no configured source: 5 not_configured"),
        "{}",
        ran.out
    );
    let found = aws.run("doctor").out;
    let words = "close-eu: 40 contact.created ignored in 24 h";
    assert!(found.contains(words), "{found}");
}

#[test]
fn sources_are_listed_where_the_log_may_not_be_queried() {
    let denied = "x-amzn-errortype: AccessDeniedException\n\n{}";
    for answers in [
        &[("Logs_20140328.StartQuery", 400, denied)][..],
        &[
            ("Logs_20140328.StartQuery", 200, QUERY),
            (
                "Logs_20140328.GetQueryResults",
                200,
                r#"{"status":"Failed","results":[]}"#,
            ),
        ],
    ] {
        let aws = with_log(answers);
        let told = aws.json_with(0, "source ls").remove(0);
        assert_eq!(
            (&told["source"], &told["accepted"]),
            (&"close-eu".into(), &Value::Null)
        );
        let ran = aws.run("source ls").expect_code(0);
        assert!(ran.out.contains("What came is not known: "), "{}", ran.out);
    }
}

const PARAMETERS: &str = "<Parameters><member><ParameterKey>SourcesSecretArn</ParameterKey>\
    <ParameterValue>arn:aws:secretsmanager:us-east-1:000000000000:secret:sources</ParameterValue></member></Parameters>";

/// The answer of Secrets Manager with a document of this secret.
fn secret(secret: &str) -> String {
    let document = json!({ "close-eu": { "kind": "close", "secrets": [secret] } });
    json!({ "SecretString": document.to_string() }).to_string()
}

/// What is said of a request that was signed with the old secret, where the version from before is answered so.
fn told(previous: Answer<'_>) -> (Value, String) {
    let current = secret(NEW);
    let answers = [previous, ("secretsmanager.GetSecretValue", 200, &*current)];
    let aws = Aws::with((200, &stack(PARAMETERS, &[])), &answers);
    let house = House::new();
    house.write("saved.http", &saved(OLD, BODY));
    let file = house.path().join("saved.http");
    let line = format!("source check close-eu --request {}", file.display());
    let told = aws.json_with(1, &line).remove(0);
    (told, aws.run(&line).expect_code(1).out)
}

#[test]
fn a_secret_from_before_is_found_in_the_version_that_the_secret_had_before() {
    let old = secret(OLD);
    let (told, _) = told(("AWSPREVIOUS", 200, &old));
    assert_eq!(told["mistakes"][0]["code"], "secret_old");
}

#[test]
fn a_version_from_before_that_is_not_there_or_not_readable_keeps_nothing_from_being_said() {
    let absent = "x-amzn-errortype: ResourceNotFoundException\n\n{}";
    let denied = "x-amzn-errortype: AccessDeniedException\n\n{}";
    let broken = json!({ "SecretString": "{ half" }).to_string();
    for (status, answer, is_said) in [
        (400, absent, false),
        (400, denied, true),
        (200, &broken, true),
    ] {
        let (told, out) = told(("AWSPREVIOUS", status, answer));
        assert_eq!(told["previous_documents"], 0, "{answer}");
        assert_eq!(out.contains("AWSPREVIOUS) is not tried"), is_said, "{out}");
    }
}
