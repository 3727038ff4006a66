//! `--stack`: a deployed stack is found by its outputs, and nothing is guessed where they are missing. A service of a few lines answers
//! in AWS's place.

mod account;
mod again;
mod rights;
mod source;

use crate::house::{House, Ran};
use serde_json::Value;
use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

/// Answers each request by what it contains, and remembers the requests.
pub(crate) struct Aws {
    url: String,
    seen: Arc<Mutex<Vec<String>>>,
}

/// What a request must contain (after `once:` where only the first such request is answered so, after `until:A|` where none after one with `A`),
/// and the answer: status and body, with headers and an empty line before it where it needs some. `{url}` in a body is this service's own address.
pub(crate) type Answer<'a> = (&'a str, u16, &'a str);

impl Aws {
    /// A whole stack, whose buckets are empty where the answers do not say otherwise. It ends with the test's process.
    pub(crate) fn start(answers: &[Answer<'_>]) -> Self {
        Self::with((200, &stack("", &[])), answers)
    }

    /// The same of another stack.
    fn with((status, stack): (u16, &str), answers: &[Answer<'_>]) -> Self {
        let first = [("Action=DescribeStacks", status, stack)];
        let last = [
            ("list-type=2", 200, EMPTY_LISTING),
            ("GET /v2/email/account", 200, PRODUCTION),
        ];
        let answers = [&first[..], answers, &last].concat().into_iter();
        let owned = |(part, status, body): Answer<'_>| (part.to_owned(), status, body.to_owned());
        let answers: Arc<[_]> = answers.map(owned).collect();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let seen = Arc::<Mutex<Vec<String>>>::default();
        let (shared, own) = (Arc::clone(&seen), url.clone());
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let (shared, own) = (Arc::clone(&shared), own.clone());
                let (stream, answers) = (stream.unwrap(), Arc::clone(&answers));
                // A client that hangs up is no trouble.
                std::thread::spawn(move || drop(serve(&stream, &shared, &answers, &own)));
            }
        });
        Self { url, seen }
    }

    /// Runs a command on the stack.
    pub(crate) fn run(&self, line: &str) -> Ran {
        let variables = [
            ("AWS_ENDPOINT_URL", self.url.as_str()),
            ("AWS_REGION", "us-east-1"),
            ("AWS_ACCESS_KEY_ID", "test"),
            ("AWS_SECRET_ACCESS_KEY", "test"),
            ("AWS_EC2_METADATA_DISABLED", "true"),
        ];
        House::new().run_with(&format!("{line} --stack crm"), &variables)
    }

    /// The documents of a command that ends with this code.
    #[track_caller]
    pub(crate) fn json_with(&self, code: i32, line: &str) -> Vec<Value> {
        let ran = self.run(&format!("{line} --json"));
        ran.expect_code(code).documents()
    }

    pub(crate) fn seen(&self) -> Vec<String> {
        self.seen.lock().unwrap().clone()
    }

    /// The first request with this in it: how many came before it, and its text.
    #[track_caller]
    pub(crate) fn asked(&self, what: &str) -> (usize, String) {
        let mut requests = self.seen().into_iter().enumerate();
        let found = requests.find(|(_, request)| request.contains(what));
        found.unwrap_or_else(|| panic!("{what} was not asked for"))
    }

    pub(crate) fn was_asked(&self, what: &str) -> bool {
        self.seen().iter().any(|request| request.contains(what))
    }
}

fn serve(
    mut stream: &TcpStream,
    seen: &Mutex<Vec<String>>,
    answers: &[(String, u16, String)],
    own: &str,
) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream);
    loop {
        let mut request = String::new();
        while !request.ends_with("\r\n\r\n") {
            if reader.read_line(&mut request)? == 0 {
                return Ok(());
            }
        }
        let length = request
            .to_ascii_lowercase()
            .lines()
            .find_map(|line| line.strip_prefix("content-length: ")?.parse().ok());
        let mut body = vec![0; length.unwrap_or(0)];
        reader.read_exact(&mut body)?;
        request.push_str(&String::from_utf8_lossy(&body));
        let mut earlier = seen.lock().unwrap();
        let answer = answers.iter().find(|(part, ..)| {
            let was_seen = |part: &str| earlier.iter().any(|one| one.contains(part));
            let until = part
                .strip_prefix("until:")
                .and_then(|part| part.split_once('|'));
            match (part.strip_prefix("once:"), until) {
                (Some(part), _) => request.contains(part) && !was_seen(part),
                (None, Some((end, part))) => request.contains(part) && !was_seen(end),
                (None, None) => request.contains(part.as_str()),
            }
        });
        let (status, body) = answer.map_or((404, ""), |(_, status, body)| (*status, body));
        earlier.push(request);
        drop(earlier);
        let (headers, body) = body.split_once("\n\n").unwrap_or(("", body));
        let body = body.replace("{url}", own);
        let (kind, body) = match body.strip_prefix("cbor:") {
            Some(digits) => ("application/cbor", bytes(digits)),
            None => ("text/xml", body.into_bytes()),
        };
        let length = body.len();
        let fixed = format!("content-type: {kind}\r\ncontent-length: {length}");
        let headers = headers
            .lines()
            .fold(String::new(), |all, line| all + line + "\r\n");
        write!(
            stream,
            "HTTP/1.1 {status} Scripted\r\n{headers}{fixed}\r\n\r\n"
        )?;
        stream.write_all(&body)?;
    }
}

/// What hexadecimal digits stand for.
fn bytes(digits: &str) -> Vec<u8> {
    let digit = |byte: &u8| char::from(*byte).to_digit(16).unwrap();
    let pairs = digits.as_bytes().chunks(2);
    let byte = |pair: &[u8]| u8::try_from(digit(&pair[0]) * 16 + digit(&pair[1])).unwrap();
    pairs.map(byte).collect()
}

/// `CloudWatch` speaks CBOR: an alarm in ALARM that pages, one that is well and makes a ticket, a composite that is well.
const ALARMS: &str = "smithy-protocol: rpc-v2-cbor

cbor:\
    a26c4d6574726963416c61726d7382a569416c61726d4e616d65781b63726d2d646561642d6c65747465722d71756575652d6465707468\
    70416c61726d4465736372697074696f6e7843416e206576656e74206661696c65642e2052756e626f6f6b3a20646f63732f52554e424f\
    4f4b2e6d6423446561644c657474657251756575654465707468416c61726d6a537461746556616c756565414c41524d6b537461746552\
    6561736f6e6531203e20306c416c61726d416374696f6e7381782761726e3a6177733a736e733a75732d656173742d313a303030303030\
    3030303030303a70616765a469416c61726d4e616d657163726d2d6c6f6f6b75702d64656e69656470416c61726d446573637269707469\
    6f6e783244656e6965642e2052756e626f6f6b3a20646f63732f52554e424f4f4b2e6d64234c6f6f6b757044656e696564416c61726d6a\
    537461746556616c7565624f4b6c416c61726d416374696f6e7381782961726e3a6177733a736e733a75732d656173742d313a30303030\
    30303030303030303a7469636b65746f436f6d706f73697465416c61726d7381a469416c61726d4e616d657763726d2d6f626a65637469\
    76652d666173742d6275726e70416c61726d4465736372697074696f6e78364275726e732e2052756e626f6f6b3a20646f63732f52554e\
    424f4f4b2e6d64234f626a656374697665466173744275726e416c61726d6a537461746556616c7565624f4b6c416c61726d416374696f\
    6e7381782761726e3a6177733a736e733a75732d656173742d313a3030303030303030303030303a70616765";

/// Two points, 2 and 1.
const STATISTICS: &str = "smithy-protocol: rpc-v2-cbor

cbor:a26a44617461706f696e747382a16353756dfb4000000000000000a16353756dfb3ff0000000000000654c6162656c6178";

const PRODUCTION: &str = r#"{"ProductionAccessEnabled":true,"SendingEnabled":true,
    "SendQuota":{"Max24HourSend":50000.0,"MaxSendRate":14.0,"SentLast24Hours":3.0}}"#;

const EMPTY_LISTING: &str =
    "<ListBucketResult><KeyCount>0</KeyCount><IsTruncated>false</IsTruncated></ListBucketResult>";

/// A bucket in which there is one object, written at this time.
pub(crate) fn listing(key: &str, time: &str) -> String {
    format!(
        "<ListBucketResult><KeyCount>1</KeyCount><IsTruncated>false</IsTruncated><Contents><Key>{key}</Key>\
        <LastModified>{time}</LastModified><ETag>1</ETag><Size>2</Size></Contents></ListBucketResult>"
    )
}

/// Where the tests' one event lies.
pub(crate) const KEY: &str = "raw/crm_event_test-1_20261123T065000123456Z.json";

const RAW: &str = "last-modified: Mon, 23 Nov 2026 06:50:00 GMT
etag: 1
x-amz-meta-lead-id: test-1
x-amz-meta-traceparent: 00-6ac29d00abababababababababababab-0101010101010101-01

{}";

const OUTPUTS: [(&str, &str); 7] = [
    ("ApiUrl", "{url}/Prod"),
    ("RawBucketName", "the-raw-bucket"),
    ("LookupBucketName", "the-lookup-bucket"),
    ("EnrichedBucketName", "the-enriched-bucket"),
    (
        "DelayQueueUrl",
        "https://sqs.us-east-1.amazonaws.com/000000000000/delay",
    ),
    (
        "DeadLetterQueueUrl",
        "https://sqs.us-east-1.amazonaws.com/000000000000/dead",
    ),
    ("AlarmTopicArn", "arn:aws:sns:us-east-1:000000000000:page"),
];

/// A whole stack, but for these outputs.
fn stack(parameters: &str, outputs: &[(&str, &str)]) -> String {
    let outputs: BTreeMap<_, _> = OUTPUTS.iter().chain(outputs).copied().collect();
    describe(parameters, outputs)
}

fn describe<'a>(parameters: &str, outputs: impl IntoIterator<Item = (&'a str, &'a str)>) -> String {
    let member = |(key, value): (&str, &str)| {
        format!("<member><OutputKey>{key}</OutputKey><OutputValue>{value}</OutputValue></member>")
    };
    let outputs: String = outputs.into_iter().map(member).collect();
    format!(
        "<DescribeStacksResponse><DescribeStacksResult><Stacks><member><StackName>crm</StackName>\
        <StackId>arn:aws:cloudformation:us-east-1:000000000000:stack/crm/1</StackId>\
        <StackStatus>CREATE_COMPLETE</StackStatus><CreationTime>2026-11-23T07:00:00Z</CreationTime>\
        {parameters}<Outputs>{outputs}</Outputs></member></Stacks></DescribeStacksResult></DescribeStacksResponse>"
    )
}

const ABSENT: &str = "<ErrorResponse><Error><Type>Sender</Type><Code>ValidationError</Code>
    <Message>Stack with id crm does not exist</Message></Error></ErrorResponse>";

#[test]
fn a_stack_is_worked_on_through_its_outputs() {
    let aws = Aws::start(&[("PUT /the-lookup-bucket/test-1.json", 200, "")]);
    assert!(aws.json_with(0, "leads").is_empty());
    let seen = aws.seen().join("\n");
    assert!(seen.contains("StackName=crm"), "{seen}");
    assert!(seen.contains("GET /the-raw-bucket"), "{seen}");

    let told = aws.json_with(0, "lookup put test-1 --owner Omar").remove(0);
    assert_eq!(told["path"], "s3://the-lookup-bucket/test-1.json");
    let written = aws.seen().pop().unwrap();
    assert!(written.contains(r#""lead_owner": "Omar""#), "{written}");
}

#[test]
fn a_stacks_buckets_are_asked_of_the_stacks_own_account() {
    let aws = Aws::start(&[("PUT /the-lookup-bucket/test-1.json", 200, "")]);
    aws.json_with(0, "leads");
    aws.json_with(0, "lookup put test-1 --owner Omar");
    let owner = "x-amz-expected-bucket-owner: 000000000000";
    let seen = aws.seen().into_iter();
    let of_buckets: Vec<String> = seen.filter(|request| request.contains("-bucket")).collect();
    assert_eq!(of_buckets.len(), 2, "{of_buckets:?}");
    for request in of_buckets {
        assert!(request.to_ascii_lowercase().contains(owner), "{request}");
    }
}

#[track_caller]
fn check_refused(stack: (u16, &str), words: &[&str]) {
    let aws = Aws::with(stack, &[]);
    for word in words {
        aws.run("leads").expect_error(1, word);
    }
    let seen = aws.seen();
    let is_all = seen
        .iter()
        .all(|request| request.contains("DescribeStacks"));
    assert!(is_all, "a bucket was asked for");
}

#[test]
fn a_stack_that_is_none_of_ours_is_refused_by_the_output_that_it_lacks() {
    let strange = describe("", [("WebsiteUrl", "https://www.example.com")]);
    check_refused(
        (200, &strange),
        &["the stack crm has no output LookupBucketName"],
    );
}

#[test]
fn a_stack_that_does_not_exist_is_told_in_the_words_of_aws() {
    check_refused(
        (400, ABSENT),
        &[
            "could not describe the stack crm",
            "Stack with id crm does not exist",
        ],
    );
}

#[test]
fn a_trace_of_a_stack_is_looked_at_in_x_ray_and_the_command_says_where() {
    let listing = listing(KEY, "2026-11-23T06:50:00Z");
    let aws = Aws::start(&[
        ("prefix=raw", 200, &listing),
        ("GET /the-raw-bucket/raw/crm_event_test-1", 200, RAW),
    ]);
    let ran = aws.run("lead test-1 --trace").expect_code(2);
    for text in [
        "in X-Ray",
        "trace 6ac29d00abababababababababababab",
        "https://us-east-1.console.aws.amazon.com/cloudwatch/home?region=us-east-1#xray:traces/1-6ac29d00-abababababababababababab",
    ] {
        assert!(ran.err.contains(text), "{text} is not in {}", ran.err);
    }
}

const SECRET: &str =
    r#"{"SecretString":"{\"secret\":\"Ab1cAb1cAb1cAb1cAb1cAb1cAb1cAb1cAb1cAb1c\"}"}"#;

const ACCEPTED: &str = r#"{"status":"accepted","events":[{"lead_id":"leadwire-canary","event_id":"lw_1",
    "s3_key":"raw/crm_event_leadwire-canary_20261123T065000123456Z.json","duplicate":false,"enrich_not_before":"2026-11-23T07:00:00Z"}]}"#;

const MAILED: &str = "last-modified: Mon, 23 Nov 2026 07:00:01 GMT
etag: 1
x-amz-meta-state: sent

";

#[test]
fn a_stacks_canary_is_signed_with_its_own_secret_and_posted_to_its_own_address() {
    let arn = "arn:aws:secretsmanager:us-east-1:000000000000:secret:canary";
    let aws = Aws::with(
        (200, &stack("", &[("CanarySecretArn", arn)])),
        &[
            ("secretsmanager.GetSecretValue", 200, SECRET),
            ("PUT /the-lookup-bucket/leadwire-canary.json", 200, ""),
            ("POST /Prod/ingest/canary", 202, ACCEPTED),
            ("GET /the-enriched-bucket/mail/", 200, MAILED),
        ],
    );
    let told = aws.json_with(0, "canary");
    assert_eq!(told[0]["event_id"], "lw_1");
    assert_eq!(told.last().unwrap()["stage"], "mailed");
    let (_, posted) = aws.asked("/ingest/canary");
    let posted = posted.to_ascii_lowercase();
    assert!(posted.contains("webhook-signature: v1,"), "{posted}");
    assert!(aws.was_asked("secret:canary"));
}

#[test]
fn a_stack_without_a_canary_says_which_parameter_it_takes() {
    let aws = Aws::start(&[]);
    aws.run("canary").expect_error(1, "CanaryMinutes");
}

#[test]
fn a_stacks_alarms_are_cloudwatchs_own_with_who_is_told_and_where_to_read_on() {
    let aws = Aws::start(&[("operation/DescribeAlarms", 200, ALARMS)]);
    let told = aws.json_with(1, "alarms");
    let of = |name: &str| {
        let found = told.iter().find(|alarm| alarm["alarm"] == name);
        found.unwrap_or_else(|| panic!("{name} in {told:?}"))
    };
    let depth = of("crm-dead-letter-queue-depth");
    assert_eq!(depth["state"], "ALARM");
    assert_eq!(depth["severity"], "page");
    let runbook = "docs/RUNBOOK.md#DeadLetterQueueDepthAlarm";
    assert_eq!(depth["runbook"], runbook);
    assert_eq!(of("crm-lookup-denied")["severity"], "ticket");
    assert_eq!(of("crm-objective-fast-burn")["state"], "OK");
}

#[test]
fn a_stacks_objective_is_read_from_cloudwatch() {
    let aws = Aws::start(&[("operation/GetMetricStatistics", 200, STATISTICS)]);
    // As many late and not mailed as in time: the budget is used up.
    let told = aws.json_with(1, "slo");
    assert_eq!(told[0]["in_time"], 3.0);
    assert_eq!(told[0]["not_mailed"], 3.0);
}

const VERSIONS: &str = "<ListVersionsResult><IsTruncated>false</IsTruncated><Version>
    <Key>raw/crm_event_test-1_20261123T065000123456Z.json</Key><VersionId>v1</VersionId><IsLatest>true</IsLatest>
    <LastModified>2026-11-23T06:50:00Z</LastModified></Version></ListVersionsResult>";

const NO_VERSIONS: &str =
    "<ListVersionsResult><IsTruncated>false</IsTruncated></ListVersionsResult>";

#[test]
fn what_would_be_forgotten_of_a_stack_is_told_with_what_is_out_of_reach() {
    let foreign = "<Parameters><member><ParameterKey>ExistingLookupBucket</ParameterKey>\
        <ParameterValue>theirs</ParameterValue></member></Parameters>";
    let aws = Aws::with(
        (200, &stack(foreign, &[("LookupBucketName", "theirs")])),
        &[
            ("GET /the-raw-bucket?versions", 200, VERSIONS),
            ("GET /the-raw-bucket/?versions", 200, VERSIONS),
            ("versions", 200, NO_VERSIONS),
            ("list-type=2", 200, &listing(KEY, "2026-11-23T06:50:00Z")),
            ("GET /the-raw-bucket/raw/crm_event_test-1", 200, RAW),
            ("GET /theirs/test-1.json", 200, RAW),
        ],
    );
    let told = aws.json_with(0, "forget test-1 --dry-run").remove(0);
    assert_eq!(told["events"][0], "crm_event_test-1_20261123T065000123456Z");
    assert_eq!(told["owner_file_deleted"], false);
    let reach = told["out_of_reach"].to_string();
    assert!(reach.contains("s3://theirs/test-1.json"), "{reach}");
    let seen = aws.seen();
    let is_reading =
        |request: &String| request.starts_with("GET ") || request.contains("Action=DescribeStacks");
    assert!(seen.iter().all(is_reading), "{seen:?}");
}

const LABELLED: &str = "last-modified: Mon, 23 Nov 2026 06:50:00 GMT
etag: 1
x-amz-meta-lead-id: test-1
x-amz-meta-source: generic
x-amz-meta-event-id: ev-1

{\"lead_id\":\"test-1\"}";

#[test]
fn a_stack_is_audited_by_age_and_an_old_event_without_an_end_is_nowhere() {
    let aws = Aws::start(&[
        ("prefix=raw", 200, &listing(KEY, "2026-11-23T06:50:00Z")),
        ("GET /the-raw-bucket/raw/crm_event_test-1", 200, LABELLED),
    ]);
    let told = aws.json_with(1, "audit");
    assert_eq!(told[0]["flaw"], "nowhere");
    assert_eq!(told[1]["account"]["nowhere"], 1);
    assert_eq!(told[1]["account"]["received"], 1);
}
