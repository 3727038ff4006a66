//! What is sent again on a deployed stack: replays and dead letters. A service of a few lines answers in AWS's place.

use crate::stack::{Aws, EMPTY_LISTING, WHOLE};

const KEY: &str = "raw/crm_event_test-1_20261123T065000123456Z.json";

const RAW: &str = "last-modified: Mon, 23 Nov 2026 06:50:00 GMT
etag: 1
x-amz-meta-lead-id: test-1
x-amz-meta-event-id: ev_1
x-amz-meta-source: generic
x-amz-meta-accepted-at: 2026-11-23T06:50:00.123456Z
x-amz-meta-traceparent: 00-6ac29d00abababababababababababab-0101010101010101-01

{\"lead_id\":\"test-1\",\"display_name\":\"Alice\"}";

const OWNER: &str = "last-modified: Mon, 23 Nov 2026 06:50:00 GMT
etag: 2

{\"lead_id\":\"test-1\",\"lead_owner\":\"Dora\"}";

const DOCUMENT: &str = "last-modified: Mon, 23 Nov 2026 07:00:01 GMT
etag: 3

{\"lead_id\":\"test-1\",\"display_name\":\"Alice\",\"lead_owner\":\"Omar\",\"_leadwire\":{\"schema\":1,\"event_id\":\"ev_1\",\
\"source\":\"generic\",\"raw_key\":\"raw/crm_event_test-1_20261123T065000123456Z.json\",\
\"raw_sha256\":\"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad\",\"accepted_at\":\"2026-11-23T06:50:00.123456Z\",\
\"enriched_at\":\"2026-11-23T07:00:01Z\",\"lookup_etag\":\"1\",\"from\":{},\"conflicts\":[]}}";

const DOCUMENTS: &str = "<ListBucketResult><KeyCount>1</KeyCount><IsTruncated>false</IsTruncated><Contents>
    <Key>enriched/crm_event_test-1_20261123T065000123456Z.json</Key><LastModified>2026-11-23T07:00:01Z</LastModified><ETag>3</ETag><Size>300</Size>
    </Contents></ListBucketResult>";

const CREATED: &str = "etag: 4

";

const SENT: &str = r#"{"MessageId":"sent-1","MD5OfMessageBody":"-"}"#;

#[test]
fn a_stacks_lead_is_replayed_through_its_queue_under_a_number_of_its_own() {
    let aws = Aws::start(&[
        ("Action=DescribeStacks", 200, WHOLE),
        ("GET /the-raw-bucket/raw/crm_event_test-1", 200, RAW),
        ("GET /the-lookup-bucket/test-1.json", 200, OWNER),
        ("GET /the-enriched-bucket/enriched/", 200, DOCUMENT),
        ("prefix=enriched", 200, DOCUMENTS),
        ("list-type=2", 200, EMPTY_LISTING),
        ("PUT /the-enriched-bucket/replay/", 200, CREATED),
        ("AmazonSQS.SendMessage", 200, SENT),
    ]);
    let line = ["replay", KEY, "--stack", "crm", "--json"];
    let looked = aws.run(&[&line[..], &["--dry-run"]].concat());
    let looked = looked.expect_code(0).documents();
    assert_eq!(looked[0]["changes"][0]["field"], "lead_owner");
    assert!(
        !aws.seen()
            .iter()
            .any(|one| one.starts_with("PUT ") || one.contains("SendMessage"))
    );

    let sent = aws.run(&[&line[..], &["--yes"]].concat()).expect_code(0);
    assert_eq!(sent.documents().last().unwrap()["revision"], 1);
    let seen = aws.seen();
    let put = seen.iter().position(|one| one.starts_with("PUT ")).unwrap();
    let taken = &seen[put];
    assert!(
        taken.contains("replay/crm_event_test-1_20261123T065000123456Z.r1.json"),
        "{taken}"
    );
    assert!(taken.contains("if-none-match: *"), "{taken}");
    let message = seen
        .iter()
        .position(|one| one.contains("AmazonSQS.SendMessage"))
        .unwrap();
    assert!(
        put < message,
        "the number is taken before the message is sent"
    );
    for part in [
        r#"\"v\":2"#,
        r#"\"revision\":1"#,
        r#"\"notify\":\"never\""#,
        "00-6ac29d00abababababababababababab",
        "000000000000/delay",
    ] {
        assert!(
            seen[message].contains(part),
            "{part} is not in {}",
            seen[message]
        );
    }
}

const FAILURES: &str = "<ListBucketResult><KeyCount>1</KeyCount><IsTruncated>false</IsTruncated><Contents>
    <Key>failed/crm_event_test-1_20261123T065000123456Z.json</Key><LastModified>2026-11-23T07:30:00Z</LastModified><ETag>5</ETag><Size>300</Size>
    </Contents></ListBucketResult>";

const FAILURE: &str = "last-modified: Mon, 23 Nov 2026 07:30:00 GMT
etag: 5

{\"v\":1,\"reason\":\"owner_missing\",\"receives\":3,\"failed_at\":\"2020-11-23T07:30:00Z\",\"message_id\":\"m-1\",\"lead_id\":\"test-1\",\"event_id\":\"ev_1\"}";

/// One dead letter, with its trace and with what somebody else put beside it.
const DEAD: &str = r#"{"Messages":[{"MessageId":"m-1","ReceiptHandle":"handle-1",
    "Body":"{\"s3_key\":\"raw/crm_event_test-1_20261123T065000123456Z.json\"}",
    "Attributes":{"ApproximateReceiveCount":"4","AWSTraceHeader":"Root=1-6ac29d00-abababababababababababab"},
    "MessageAttributes":{
        "traceparent":{"StringValue":"00-6ac29d00abababababababababababab-0101010101010101-01","DataType":"String"},
        "tracestate":{"StringValue":"vendor=1","DataType":"String"},
        "tenant":{"StringValue":"seven","DataType":"String.custom"},
        "blob":{"BinaryValue":"AQID","DataType":"Binary"}}}]}"#;

#[test]
fn a_dead_letter_is_copied_with_everything_that_it_carries_and_then_deleted() {
    let aws = Aws::start(&[
        ("Action=DescribeStacks", 200, WHOLE),
        ("prefix=failed", 200, FAILURES),
        ("list-type=2", 200, EMPTY_LISTING),
        ("GET /the-enriched-bucket/failed/", 200, FAILURE),
        ("once:AmazonSQS.ReceiveMessage", 200, DEAD),
        ("AmazonSQS.ReceiveMessage", 200, "{}"),
        ("AmazonSQS.SendMessage", 200, SENT),
        ("AmazonSQS.DeleteMessage", 200, "{}"),
    ]);
    // Looking touches no queue, so that it never resolves the page.
    let looked = aws.run(&[
        "dlq",
        "ls",
        "--older-than",
        "1d",
        "--stack",
        "crm",
        "--json",
    ]);
    assert_eq!(
        looked.expect_code(0).documents()[0]["reason"],
        "owner_missing"
    );
    let newer = aws.run(&[
        "dlq",
        "ls",
        "--newer-than",
        "1m",
        "--stack",
        "crm",
        "--json",
    ]);
    assert!(newer.expect_code(0).documents().is_empty());
    let would = ["dlq", "redrive", "test-1", "--dry-run", "--stack", "crm"];
    aws.run(&would).expect_code(0);
    assert!(!aws.seen().iter().any(|one| one.contains("AmazonSQS")));

    let line = [
        "dlq",
        "redrive",
        "--older-than",
        "1m",
        "--stack",
        "crm",
        "--json",
    ];
    let done = aws.run(&line).expect_code(0).documents();
    assert_eq!(done[0]["result"], "sent");
    let seen = aws.seen();
    let at = |what: &str| seen.iter().position(|one| one.contains(what)).unwrap();
    let (sent, deleted) = (at("AmazonSQS.SendMessage"), at("AmazonSQS.DeleteMessage"));
    assert!(sent < deleted);
    for part in [
        "00-6ac29d00abababababababababababab-0101010101010101-01",
        "vendor=1",
        "Root=1-6ac29d00-abababababababababababab",
        r#""StringValue":"seven","DataType":"String.custom""#,
        r#""BinaryValue":"AQID""#,
    ] {
        assert!(seen[sent].contains(part), "{part} is not in {}", seen[sent]);
    }
    assert!(seen[deleted].contains("handle-1"), "{}", seen[deleted]);
}

const PARKED_LIST: &str = "<ListBucketResult><KeyCount>1</KeyCount><IsTruncated>false</IsTruncated><Contents>
    <Key>mail/crm_event_test-1_20261123T065000123456Z.json</Key><LastModified>2026-11-23T07:30:00Z</LastModified><ETag>6</ETag><Size>70</Size>
    </Contents></ListBucketResult>";

const PARKED: &str = "last-modified: Mon, 23 Nov 2026 07:30:00 GMT
etag: 6

{\"state\":\"parked\",\"parked_at\":\"2026-11-23T07:30:00Z\",\"attempt\":1}";

#[test]
fn a_stacks_parked_mail_is_resolved_over_the_version_that_was_read() {
    let aws = Aws::start(&[
        ("Action=DescribeStacks", 200, WHOLE),
        ("prefix=mail", 200, PARKED_LIST),
        ("list-type=2", 200, EMPTY_LISTING),
        ("GET /the-enriched-bucket/mail/", 200, PARKED),
        ("GET /the-raw-bucket/raw/crm_event_test-1", 200, RAW),
        ("PUT /the-enriched-bucket/mail/", 200, CREATED),
        ("AmazonSQS.SendMessage", 200, SENT),
    ]);
    let listed = aws.run(&["parked", "ls", "--stack", "crm", "--json"]);
    assert_eq!(listed.expect_code(0).documents()[0]["lead_id"], "test-1");
    let line = [
        "parked", "resolve", KEY, "--resend", "--stack", "crm", "--json",
    ];
    let done = aws.run(&line).expect_code(0).documents();
    assert_eq!(done[0]["result"], "queued");
    let seen = aws.seen();
    let at = |what: &str| seen.iter().position(|one| one.contains(what)).unwrap();
    let (put, sent) = (
        at("PUT /the-enriched-bucket/mail/"),
        at("AmazonSQS.SendMessage"),
    );
    assert!(
        put < sent,
        "the claim is given back before the message is sent"
    );
    assert!(seen[put].contains("if-match: "), "{}", seen[put]);
    assert!(
        seen[put].contains(r#"{"state":"idle","attempt":1}"#),
        "{}",
        seen[put]
    );
}

/// Older than any lead can wait, whatever the clock says.
const LOST: &str = "<ListBucketResult><KeyCount>1</KeyCount><IsTruncated>false</IsTruncated><Contents>
    <Key>raw/crm_event_test-1_20261123T065000123456Z.json</Key><LastModified>2020-11-23T06:50:00Z</LastModified><ETag>1</ETag><Size>2</Size>
    </Contents></ListBucketResult>";

#[test]
fn a_stacks_sweep_only_looks_refuses_or_goes_on_as_it_is_told() {
    let aws = Aws::start(&[
        ("Action=DescribeStacks", 200, WHOLE),
        ("prefix=raw", 200, LOST),
        ("list-type=2", 200, EMPTY_LISTING),
        ("GET /the-raw-bucket/raw/crm_event_test-1", 200, RAW),
        ("PUT /the-enriched-bucket/swept/", 200, CREATED),
        ("AmazonSQS.SendMessage", 200, SENT),
    ]);
    let sweep = |flags: &[&str], code| {
        let line = [
            "sweep",
            "--max-age-days",
            "36500",
            "--stack",
            "crm",
            "--json",
        ];
        let ran = aws.run(&[&line[..], flags].concat()).expect_code(code);
        let report = ran.documents().remove(0);
        ["found", "sent", "refused"].map(|name| report[name].to_string())
    };
    let is_sent = || {
        aws.seen()
            .iter()
            .any(|one| one.contains("AmazonSQS.SendMessage"))
    };
    assert_eq!(sweep(&["--dry-run"], 0), ["1", "0", "false"]);
    assert_eq!(sweep(&["--max", "0"], 1), ["1", "0", "true"]);
    assert!(!is_sent());
    assert_eq!(sweep(&["--max", "0", "--confirm"], 0), ["1", "1", "false"]);
    assert!(is_sent());
}
