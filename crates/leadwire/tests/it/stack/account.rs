//! What the doctor says of a deployed stack: what it stores, and what SES lets its account do.

use super::{Aws, KEY, listing, stack};
use serde_json::Value;
use std::collections::BTreeMap;

const SANDBOX: &str = r#"{"ProductionAccessEnabled":false,"SendingEnabled":true,
    "SendQuota":{"Max24HourSend":200.0,"MaxSendRate":1.0,"SentLast24Hours":0.0}}"#;

const VERIFIED: &str = r#"{"VerifiedForSendingStatus":true}"#;

const NOT_FOUND: &str =
    "x-amzn-errortype: NotFoundException\n\n{\"message\":\"Email identity does not exist.\"}";

/// What the doctor says of a stack's mail, by check: the verdict and what was found.
fn mail_of(aws: &Aws, code: i32) -> BTreeMap<String, [String; 2]> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let checks = aws.json_with(code, "doctor").into_iter();
    let checks = checks.map(|check| {
        let said = ["verdict", "found"].map(|name| text(&check[name]));
        (text(&check["check"]), said)
    });
    checks.collect()
}

#[test]
fn a_doctor_of_a_stack_says_what_the_sandbox_of_its_account_refuses() {
    let parameter = |name: &str, value: &str| {
        format!(
            "<member><ParameterKey>{name}</ParameterKey><ParameterValue>{value}</ParameterValue></member>"
        )
    };
    let parameters = [
        parameter("SesFromAddress", "crm@mail.example.com"),
        parameter("SesToAddress", "omar@example.com, dora@example.org"),
    ];
    let parameters = format!("<Parameters>{}</Parameters>", parameters.concat());
    // The domain is verified, and whoever is in it.
    let domain = ("GET /v2/email/identities/example.com ", 200, VERIFIED);
    let unknown = ("GET /v2/email/identities/", 404, NOT_FOUND);
    let account = ("GET /v2/email/account", 200, SANDBOX);
    let stack = stack(&parameters, &[]);

    let aws = Aws::with((200, &stack), &[account, domain, unknown]);
    let said = mail_of(&aws, 1);
    assert_eq!(said["mail"][0], "warn");
    for part in ["sandbox", "200 mails a day", "1 a second", "10 functions"] {
        assert!(said["mail"][1].contains(part), "{said:?}");
    }
    assert_eq!(said["sender"][0], "ok");
    let [verdict, found] = &said["receivers"];
    assert_eq!(verdict, "FAIL");
    assert!(found.contains("dora@example.org"), "{found}");
    assert!(!found.contains("omar@example.com"), "{found}");

    // Out of the sandbox nobody asks who is verified but the sender.
    let aws = Aws::with((200, &stack), &[domain, unknown]);
    let said = mail_of(&aws, 0);
    assert_eq!(said["mail"][0], "ok");
    assert!(!said.contains_key("receivers"), "{said:?}");
}

const FORGOTTEN: &str = "last-modified: Mon, 23 Nov 2026 07:00:01 GMT
etag: 1
x-amz-meta-state: forgotten
x-amz-meta-settled-at: 2026-11-23T07:00:01Z

";

#[test]
fn a_doctor_of_a_stack_says_that_tombstones_are_missing_and_how_they_are_made() {
    let marker = listing(&KEY.replace("raw", "mail"), "2026-11-23T07:00:01Z");
    let marker = marker.replace("<Size>2<", "<Size>0<");
    let tombstone = marker.replace("mail", "raw");
    let (markers, forgotten) = (
        ("prefix=mail", 200, &*marker),
        ("GET /the-enriched-bucket/mail/", 200, FORGOTTEN),
    );
    let diagnosis = |aws: &Aws, code| {
        let checks = aws.json_with(code, "doctor").into_iter();
        let mut checks = checks.filter(|check| check["check"] == "tombstones");
        let check = checks.next().unwrap();
        [&check["verdict"], &check["found"]].map(|text| text.as_str().unwrap().to_owned())
    };
    let aws = Aws::start(&[markers, forgotten]);
    let [verdict, found] = diagnosis(&aws, 1);
    assert_eq!(verdict, "FAIL");
    assert!(found.starts_with("1 missing"), "{found}");
    let remedy = "leadwire forget --tombstones --stack crm";
    assert!(found.contains(remedy), "{found}");
    assert!(!aws.was_asked("PUT "), "it only looks");

    // Once they are made, no marker is read any more.
    let aws = Aws::start(&[("prefix=raw", 200, &tombstone), markers, forgotten]);
    assert_eq!(diagnosis(&aws, 0)[0], "ok");
    assert!(!aws.was_asked("GET /the-enriched-bucket/mail/"));
}
