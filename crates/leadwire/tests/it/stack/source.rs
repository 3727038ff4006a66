//! The signature doctor of a deployed stack: its documents are those of the secret.

use super::{Answer, Aws, stack};
use crate::house::House;
use crate::source_check::{BODY, saved};
use serde_json::{Value, json};

const NEW: &str = "b9260244ef33625f9b4b26a27db08758cdd39478b852c73f2d33ab042eb8abb4";
const OLD: &str = "11111111ef33625f9b4b26a27db08758cdd39478b852c73f2d33ab042eb8abb4";

/// The answer of Secrets Manager with a document of this secret.
fn secret(secret: &str) -> String {
    let document = json!({ "close-eu": { "kind": "close", "secrets": [secret] } });
    json!({ "SecretString": document.to_string() }).to_string()
}

/// What is said of a request that was signed with the old secret, where the version from before is answered so.
fn told(previous: Answer<'_>) -> (Value, String) {
    let parameters = "<Parameters><member><ParameterKey>SourcesSecretArn</ParameterKey>\
        <ParameterValue>arn:aws:secretsmanager:us-east-1:000000000000:secret:sources</ParameterValue></member></Parameters>";
    let current = secret(NEW);
    let answers = [previous, ("secretsmanager.GetSecretValue", 200, &*current)];
    let aws = Aws::with((200, &stack(parameters, &[])), &answers);
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
