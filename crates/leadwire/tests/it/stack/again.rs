//! What is sent again on a deployed stack: replays and dead letters. A service of a few lines answers in AWS's place.

use super::{Aws, KEY, listing};

pub(super) const RAW: &str = "last-modified: Mon, 23 Nov 2026 06:50:00 GMT
etag: 1
x-amz-meta-lead-id: test-1
x-amz-meta-event-id: ev_1
x-amz-meta-source: generic
x-amz-meta-accepted-at: 2026-11-23T06:50:00.123456Z
x-amz-meta-traceparent: 00-6ac29d00abababababababababababab-0101010101010101-01

{\"lead_id\":\"test-1\",\"display_name\":\"Alice\"}";

pub(super) const OWNER: &str = "last-modified: Mon, 23 Nov 2026 06:50:00 GMT
etag: 2

{\"lead_id\":\"test-1\",\"lead_owner\":\"Dora\"}";

pub(super) const DOCUMENT: &str = "last-modified: Mon, 23 Nov 2026 07:00:01 GMT
etag: 3

{\"lead_id\":\"test-1\",\"display_name\":\"Alice\",\"lead_owner\":\"Omar\",\"_leadwire\":{\"schema\":1,\"event_id\":\"ev_1\",\
\"source\":\"generic\",\"raw_key\":\"raw/crm_event_test-1_20261123T065000123456Z.json\",\
\"raw_sha256\":\"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad\",\"accepted_at\":\"2026-11-23T06:50:00.123456Z\",\
\"enriched_at\":\"2026-11-23T07:00:01Z\",\"lookup_etag\":\"1\",\"from\":{},\"conflicts\":[]}}";

pub(super) const CREATED: &str = "etag: 4

";

pub(super) const SENT: &str = r#"{"MessageId":"sent-1","MD5OfMessageBody":"-"}"#;

#[test]
fn a_stacks_lead_is_replayed_through_its_queue_under_a_number_of_its_own() {
    let documents = listing(&KEY.replace("raw", "enriched"), "2026-11-23T07:00:01Z");
    let aws = Aws::start(&[
        ("GET /the-raw-bucket/raw/crm_event_test-1", 200, RAW),
        ("GET /the-lookup-bucket/test-1.json", 200, OWNER),
        ("GET /the-enriched-bucket/enriched/", 200, DOCUMENT),
        ("prefix=enriched", 200, &documents),
        ("PUT /the-enriched-bucket/replay/", 200, CREATED),
        ("AmazonSQS.SendMessage", 200, SENT),
    ]);
    let looked = aws.json_with(0, &format!("replay {KEY} --dry-run"));
    assert_eq!(looked[0]["changes"][0]["field"], "lead_owner");
    assert!(!aws.was_asked("PUT ") && !aws.was_asked("SendMessage"));

    let sent = aws.json_with(0, &format!("replay {KEY} --yes"));
    assert_eq!(sent.last().unwrap()["revision"], 1);
    let (put, taken) = aws.asked("PUT ");
    let number = "replay/crm_event_test-1_20261123T065000123456Z.r1.json";
    assert!(taken.contains(number), "{taken}");
    assert!(taken.contains("if-none-match: *"), "{taken}");
    let (message, text) = aws.asked("AmazonSQS.SendMessage");
    let is_first = put < message;
    assert!(is_first, "the number is taken before the message is sent");
    for part in [
        r#"\"v\":2"#,
        r#"\"revision\":1"#,
        r#"\"notify\":\"never\""#,
        "00-6ac29d00abababababababababababab",
        "000000000000/delay",
    ] {
        assert!(text.contains(part), "{part} is not in {text}");
    }
}

pub(super) const FAILURE: &str = "last-modified: Mon, 23 Nov 2026 07:30:00 GMT
etag: 5

{\"v\":1,\"reason\":\"owner_missing\",\"receives\":3,\"failed_at\":\"2020-11-23T07:30:00Z\",\"message_id\":\"m-1\",\"lead_id\":\"test-1\",\"event_id\":\"ev_1\"}";

/// One dead letter, with its trace and with what somebody else put beside it.
pub(super) const DEAD: &str = r#"{"Messages":[{"MessageId":"m-1","ReceiptHandle":"handle-1",
    "Body":"{\"s3_key\":\"raw/crm_event_test-1_20261123T065000123456Z.json\"}",
    "Attributes":{"ApproximateReceiveCount":"4","AWSTraceHeader":"Root=1-6ac29d00-abababababababababababab"},
    "MessageAttributes":{
        "traceparent":{"StringValue":"00-6ac29d00abababababababababababab-0101010101010101-01","DataType":"String"},
        "tracestate":{"StringValue":"vendor=1","DataType":"String"},
        "tenant":{"StringValue":"seven","DataType":"String.custom"},
        "blob":{"BinaryValue":"AQID","DataType":"Binary"}}}]}"#;

#[test]
fn a_dead_letter_is_copied_with_everything_that_it_carries_and_then_deleted() {
    let failures = listing(&KEY.replace("raw", "failed"), "2026-11-23T07:30:00Z");
    let aws = Aws::start(&[
        ("prefix=failed", 200, &failures),
        ("GET /the-enriched-bucket/failed/", 200, FAILURE),
        ("once:AmazonSQS.ReceiveMessage", 200, DEAD),
        ("AmazonSQS.ReceiveMessage", 200, "{}"),
        ("AmazonSQS.SendMessage", 200, SENT),
        ("AmazonSQS.DeleteMessage", 200, "{}"),
    ]);
    // Looking touches no queue, so that it never resolves the page.
    let looked = aws.json_with(0, "dlq ls --older-than 1d");
    assert_eq!(looked[0]["reason"], "owner_missing");
    assert!(aws.json_with(0, "dlq ls --newer-than 1m").is_empty());
    aws.run("dlq redrive test-1 --dry-run").expect_code(0);
    assert!(!aws.was_asked("AmazonSQS"));

    let done = aws.json_with(0, "dlq redrive --older-than 1m");
    assert_eq!(done[0]["result"], "sent");
    let (sent, copy) = aws.asked("AmazonSQS.SendMessage");
    let (deleted, letter) = aws.asked("AmazonSQS.DeleteMessage");
    assert!(sent < deleted);
    for part in [
        "00-6ac29d00abababababababababababab-0101010101010101-01",
        "vendor=1",
        "Root=1-6ac29d00-abababababababababababab",
        r#""StringValue":"seven","DataType":"String.custom""#,
        r#""BinaryValue":"AQID""#,
    ] {
        assert!(copy.contains(part), "{part} is not in {copy}");
    }
    assert!(letter.contains("handle-1"), "{letter}");
}

pub(super) const PARKED: &str = "last-modified: Mon, 23 Nov 2026 07:30:00 GMT
etag: 6

{\"state\":\"parked\",\"parked_at\":\"2026-11-23T07:30:00Z\",\"attempt\":1}";

#[test]
fn a_stacks_parked_mail_is_resolved_over_the_version_that_was_read() {
    let claims = listing(&KEY.replace("raw", "mail"), "2026-11-23T07:30:00Z");
    let aws = Aws::start(&[
        ("prefix=mail", 200, &claims),
        ("GET /the-enriched-bucket/mail/", 200, PARKED),
        ("GET /the-raw-bucket/raw/crm_event_test-1", 200, RAW),
        ("PUT /the-enriched-bucket/mail/", 200, CREATED),
        ("AmazonSQS.SendMessage", 200, SENT),
    ]);
    assert_eq!(aws.json_with(0, "parked ls")[0]["lead_id"], "test-1");
    let done = aws.json_with(0, &format!("parked resolve {KEY} --resend"));
    assert_eq!(done[0]["result"], "queued");
    let (put, claim) = aws.asked("PUT /the-enriched-bucket/mail/");
    let (sent, _) = aws.asked("AmazonSQS.SendMessage");
    let is_first = put < sent;
    assert!(
        is_first,
        "the claim is given back before the message is sent"
    );
    assert!(claim.contains("if-match: "), "{claim}");
    // Whoever comes next may begin: nobody holds it, and each effect is as if it had never been sent.
    let is_free = r#""lease_until":"1970-01-01T00:00:00Z","effects":{}}"#;
    assert!(claim.contains(is_free), "{claim}");
}

#[test]
fn a_stacks_sweep_only_looks_refuses_or_goes_on_as_it_is_told() {
    // Older than any lead can wait, whatever the clock says.
    let lost = listing(KEY, "2020-11-23T06:50:00Z");
    let aws = Aws::start(&[
        ("prefix=raw", 200, &lost),
        ("GET /the-raw-bucket/raw/crm_event_test-1", 200, RAW),
        ("PUT /the-enriched-bucket/swept/", 200, CREATED),
        ("AmazonSQS.SendMessage", 200, SENT),
    ]);
    let sweep = |flags, code| {
        let report = aws.json_with(code, &format!("sweep --max-age-days 36500 {flags}"));
        ["found", "sent", "refused", "complete"].map(|name| report[0][name].to_string())
    };
    let is_sent = || aws.was_asked("AmazonSQS.SendMessage");
    assert_eq!(sweep("--dry-run", 0), ["1", "0", "false", "true"]);
    assert_eq!(sweep("--max 0", 1), ["1", "0", "true", "true"]);
    assert!(!is_sent());
    assert_eq!(sweep("--max 0 --confirm", 0), ["1", "1", "false", "true"]);
    assert!(is_sent());
}
