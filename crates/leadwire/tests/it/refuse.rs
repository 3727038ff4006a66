//! What comes in and is none of ours: each is told what is wrong with it, and leaves nothing behind.

use crate::house::{House, Up, raw_exchange};
use leadwire_domain::limits::BODY_BYTES_MAX;
use serde_json::Value;

const MEBIBYTE: usize = 1024 * 1024;

/// The status of an answer, and its problem's code.
type Problem = (u16, &'static str);

/// A lead with one member more.
fn lead_with(member: &str) -> String {
    format!(r#"{{"lead_id":"a","display_name":"A",{member}}}"#)
}

fn nested(depth: usize) -> String {
    let (open, close) = ("[".repeat(depth), "]".repeat(depth));
    lead_with(&format!(r#""x":{open}{close}"#))
}

/// Posts the bytes as they are, and gives the answer's head and its problem document.
fn exchange(up: &Up, headers: &str, body: &[u8]) -> (String, Value) {
    let length = body.len();
    let mut request = format!(
        "POST /ingest HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n{headers}\r\n"
    )
    .into_bytes();
    request.extend(body);
    let answer = raw_exchange(&up.url, &request);
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
    let document = serde_json::from_str(body).unwrap_or_default();
    (head.to_ascii_lowercase(), document)
}

#[track_caller]
fn check(
    (house, up): (&House, &Up),
    what: &str,
    (headers, body): (&str, &[u8]),
    (status, code): Problem,
) {
    let (head, document) = exchange(up, headers, body);
    let is_status = head.starts_with(&format!("http/1.1 {status} "));
    let is_problem = head.contains("content-type: application/problem+json");
    assert!(is_status && is_problem, "{what}: {head}");
    assert_eq!(document["code"], code, "{what}");
    assert_eq!(document["status"], status, "{what}");
    let detail = document["detail"].as_str().unwrap_or_default();
    assert!(!detail.is_empty(), "{what}: {document}");
    let told = up.wait_for("request_rejected");
    assert_eq!(told["reason"], code, "{what}: {told}");
    assert_nothing_is_kept(house, what);
}

/// Nothing stored, nothing queued, no file half-written.
#[track_caller]
fn assert_nothing_is_kept(house: &House, what: &str) {
    let leads = house.json("leads");
    assert!(leads.is_empty(), "{what}: {leads:#?}");
    for folder in ["raw", "enriched", "outbox"] {
        let left = house.files(folder);
        assert!(left.is_empty(), "{what}: {left:?}");
    }
    let queue = house.diagnosis("", "queue");
    assert_eq!(queue["found"], "0 waiting, 0 due, 0 under way", "{what}");
}

#[test]
fn each_bad_body_is_answered_with_its_own_problem_and_leaves_nothing() {
    let house = House::new();
    let up = house.up("");
    let two_mebibytes = lead_with(&format!(r#""x":"{}""#, "x".repeat(2 * MEBIBYTE)));
    assert!(two_mebibytes.len() > 2 * BODY_BYTES_MAX);
    let more_than_fits_into_a_socket = vec![b' '; 14 * MEBIBYTE];
    let twice = lead_with(r#""lead_id":"a""#);
    let (deep, lead) = (nested(200), lead_with(r#""x":1"#));
    let json: Problem = (400, "invalid_json");
    let lead_id: Problem = (400, "invalid_lead_id");
    for (what, body, expected) in [
        ("not JSON", &b"lead_id=a"[..], json),
        ("cut off", br#"{"lead_id":"a""#, json),
        ("an empty body", b"", json),
        ("not UTF-8", b"{\"lead_id\":\"\xff\"}", json),
        ("a duplicate key", twice.as_bytes(), (400, "duplicate_key")),
        ("depth 200", deep.as_bytes(), (400, "too_deep")),
        ("a lead id with a blank", br#"{"lead_id":"a x"}"#, lead_id),
        ("no lead id", b"{}", lead_id),
        (
            "two mebibytes",
            two_mebibytes.as_bytes(),
            (413, "too_large"),
        ),
        (
            "14 mebibytes",
            &more_than_fits_into_a_socket,
            (413, "too_large"),
        ),
    ] {
        check((&house, &up), what, ("", body), expected);
    }
    let gzip = ("Content-Encoding: gzip\r\n", lead.as_bytes());
    check((&house, &up), "gzip", gzip, (415, "unsupported_encoding"));
}

#[test]
fn a_wrong_signature_is_answered_with_401_and_leaves_nothing() {
    let house = House::new();
    let secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    let sources = serde_json::json!({ "generic": { "secrets": [secret] } });
    house.write("leadwire-data/sources.json", &sources.to_string());
    let up = house.up("");
    let body = lead_with(r#""x":1"#);
    for (what, headers) in [
        ("no signature", ""),
        (
            "an old signature",
            "webhook-id: m\r\nwebhook-timestamp: 1614265330\r\nwebhook-signature: v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=\r\n",
        ),
    ] {
        let request = (headers, body.as_bytes());
        check((&house, &up), what, request, (401, "unverified"));
    }
    let secret = "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
    let wrong = house.run(&format!("send {} --secret {secret}", up.url));
    wrong.expect_out(1, "401");
    assert_eq!(up.wait_for("request_rejected")["reason"], "unverified");
    assert_nothing_is_kept(&house, "another secret");
    house.run(&format!("send {}", up.url)).expect_code(0);
}
