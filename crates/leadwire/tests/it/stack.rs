//! `--stack`: a deployed stack is found by its outputs, and nothing is guessed where they are missing. A service of a few lines answers
//! in AWS's place.

use crate::house::{House, Ran};
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

/// Answers each request by what it contains, and remembers the requests.
pub(crate) struct Aws {
    url: String,
    seen: Arc<Mutex<Vec<String>>>,
}

/// What a request must contain (after `once:` where only the first such request is answered so), and the answer: status and body, with headers and an empty line before it where it needs some. `{url}` in a
/// body is this service's own address.
pub(crate) type Answers = &'static [(&'static str, u16, &'static str)];

impl Aws {
    /// It ends with the test's process.
    pub(crate) fn start(answers: Answers) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let seen = Arc::<Mutex<Vec<String>>>::default();
        let (shared, own) = (Arc::clone(&seen), url.clone());
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let (stream, shared, own) = (stream.unwrap(), Arc::clone(&shared), own.clone());
                // A client that hangs up is no trouble.
                std::thread::spawn(move || drop(serve(&stream, &shared, answers, &own)));
            }
        });
        Self { url, seen }
    }

    pub(crate) fn run(&self, line: &[&str]) -> Ran {
        let variables = [
            ("AWS_ENDPOINT_URL", self.url.as_str()),
            ("AWS_REGION", "us-east-1"),
            ("AWS_ACCESS_KEY_ID", "test"),
            ("AWS_SECRET_ACCESS_KEY", "test"),
            ("AWS_EC2_METADATA_DISABLED", "true"),
        ];
        House::new().run_with(line, &variables)
    }

    pub(crate) fn seen(&self) -> Vec<String> {
        self.seen.lock().unwrap().clone()
    }
}

fn serve(
    mut stream: &TcpStream,
    seen: &Mutex<Vec<String>>,
    answers: Answers,
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
        let answer = answers
            .iter()
            .find(|(part, ..)| match part.strip_prefix("once:") {
                Some(part) => {
                    request.contains(part) && !earlier.iter().any(|one| one.contains(part))
                }
                None => request.contains(part),
            });
        let (status, body) = answer.map_or((404, ""), |(_, status, body)| (*status, *body));
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

pub(crate) const EMPTY_LISTING: &str =
    "<ListBucketResult><KeyCount>0</KeyCount><IsTruncated>false</IsTruncated></ListBucketResult>";

const LISTING: &str = "<ListBucketResult><KeyCount>1</KeyCount><IsTruncated>false</IsTruncated><Contents>
    <Key>raw/crm_event_test-1_20261123T065000123456Z.json</Key><LastModified>2026-11-23T06:50:00Z</LastModified><ETag>1</ETag><Size>2</Size>
    </Contents></ListBucketResult>";

const RAW: &str = "last-modified: Mon, 23 Nov 2026 06:50:00 GMT
etag: 1
x-amz-meta-lead-id: test-1
x-amz-meta-traceparent: 00-6ac29d00abababababababababababab-0101010101010101-01

{}";

pub(crate) const WHOLE: &str = "<DescribeStacksResponse><DescribeStacksResult><Stacks><member>
    <StackName>crm</StackName><StackStatus>CREATE_COMPLETE</StackStatus><CreationTime>2026-11-23T07:00:00Z</CreationTime><Outputs>
    <member><OutputKey>ApiUrl</OutputKey><OutputValue>https://api.example.com</OutputValue></member>
    <member><OutputKey>RawBucketName</OutputKey><OutputValue>the-raw-bucket</OutputValue></member>
    <member><OutputKey>LookupBucketName</OutputKey><OutputValue>the-lookup-bucket</OutputValue></member>
    <member><OutputKey>EnrichedBucketName</OutputKey><OutputValue>the-enriched-bucket</OutputValue></member>
    <member><OutputKey>DelayQueueUrl</OutputKey><OutputValue>https://sqs.us-east-1.amazonaws.com/000000000000/delay</OutputValue></member>
    <member><OutputKey>DeadLetterQueueUrl</OutputKey><OutputValue>https://sqs.us-east-1.amazonaws.com/000000000000/dead</OutputValue></member>
    <member><OutputKey>AlarmTopicArn</OutputKey><OutputValue>arn:aws:sns:us-east-1:000000000000:page</OutputValue></member>
    </Outputs></member></Stacks></DescribeStacksResult></DescribeStacksResponse>";

const STRANGE: &str = "<DescribeStacksResponse><DescribeStacksResult><Stacks><member>
    <StackName>crm</StackName><StackStatus>CREATE_COMPLETE</StackStatus><CreationTime>2026-11-23T07:00:00Z</CreationTime><Outputs>
    <member><OutputKey>WebsiteUrl</OutputKey><OutputValue>https://www.example.com</OutputValue></member>
    </Outputs></member></Stacks></DescribeStacksResult></DescribeStacksResponse>";

const ABSENT: &str = "<ErrorResponse><Error><Type>Sender</Type><Code>ValidationError</Code>
    <Message>Stack with id crm does not exist</Message></Error></ErrorResponse>";

#[test]
fn a_stack_is_worked_on_through_its_outputs() {
    let aws = Aws::start(&[
        ("Action=DescribeStacks", 200, WHOLE),
        ("list-type=2", 200, EMPTY_LISTING),
        ("PUT /the-lookup-bucket/test-1.json", 200, ""),
    ]);
    let leads = aws
        .run(&["leads", "--stack", "crm", "--json"])
        .expect_code(0);
    assert!(leads.documents().is_empty());
    let seen = aws.seen().join("\n");
    assert!(seen.contains("StackName=crm"), "{seen}");
    assert!(seen.contains("GET /the-raw-bucket"), "{seen}");

    let put = ["lookup", "put", "test-1", "--owner", "Omar"];
    let put = aws
        .run(&[&put[..], &["--stack", "crm", "--json"]].concat())
        .expect_code(0);
    let told = put.documents().remove(0).to_string();
    assert!(
        told.contains("s3://the-lookup-bucket/test-1.json"),
        "{told}"
    );
    let written = aws.seen().pop().unwrap();
    assert!(written.contains(r#""lead_owner": "Omar""#), "{written}");
}

#[track_caller]
fn check_refused(answers: Answers, words: &[&str]) {
    let aws = Aws::start(answers);
    let ran = aws.run(&["leads", "--stack", "crm"]).expect_code(1);
    for word in words {
        assert!(
            ran.err.contains(word),
            "{word:?} is missing in {:?}",
            ran.err
        );
    }
    assert!(
        aws.seen()
            .iter()
            .all(|request| request.contains("DescribeStacks")),
        "a bucket was asked for"
    );
}

#[test]
fn a_stack_that_is_none_of_ours_is_refused_by_the_output_that_it_lacks() {
    check_refused(
        &[("Action=DescribeStacks", 200, STRANGE)],
        &["the stack crm has no output LookupBucketName"],
    );
}

#[test]
fn a_stack_that_does_not_exist_is_told_in_the_words_of_aws() {
    check_refused(
        &[("Action=DescribeStacks", 400, ABSENT)],
        &[
            "could not describe the stack crm",
            "Stack with id crm does not exist",
        ],
    );
}

#[test]
fn a_trace_of_a_stack_is_looked_at_in_x_ray_and_the_command_says_where() {
    let aws = Aws::start(&[
        ("Action=DescribeStacks", 200, WHOLE),
        ("prefix=raw", 200, LISTING),
        ("list-type=2", 200, EMPTY_LISTING),
        ("GET /the-raw-bucket/raw/crm_event_test-1", 200, RAW),
    ]);
    let ran = aws
        .run(&["lead", "test-1", "--trace", "--stack", "crm"])
        .expect_code(2);
    for text in [
        "in X-Ray",
        "trace 6ac29d00abababababababababababab",
        "https://us-east-1.console.aws.amazon.com/cloudwatch/home?region=us-east-1#xray:traces/1-6ac29d00-abababababababababababab",
    ] {
        assert!(ran.err.contains(text), "{text} is not in {}", ran.err);
    }
}

const WITH_CANARY: &str = "<DescribeStacksResponse><DescribeStacksResult><Stacks><member>
    <StackName>crm</StackName><StackStatus>CREATE_COMPLETE</StackStatus><CreationTime>2026-11-23T07:00:00Z</CreationTime><Outputs>
    <member><OutputKey>ApiUrl</OutputKey><OutputValue>{url}/Prod</OutputValue></member>
    <member><OutputKey>CanarySecretArn</OutputKey><OutputValue>arn:aws:secretsmanager:us-east-1:000000000000:secret:canary</OutputValue></member>
    <member><OutputKey>RawBucketName</OutputKey><OutputValue>the-raw-bucket</OutputValue></member>
    <member><OutputKey>LookupBucketName</OutputKey><OutputValue>the-lookup-bucket</OutputValue></member>
    <member><OutputKey>EnrichedBucketName</OutputKey><OutputValue>the-enriched-bucket</OutputValue></member>
    <member><OutputKey>DelayQueueUrl</OutputKey><OutputValue>https://sqs.us-east-1.amazonaws.com/000000000000/delay</OutputValue></member>
    <member><OutputKey>DeadLetterQueueUrl</OutputKey><OutputValue>https://sqs.us-east-1.amazonaws.com/000000000000/dead</OutputValue></member>
    </Outputs></member></Stacks></DescribeStacksResult></DescribeStacksResponse>";

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
    let aws = Aws::start(&[
        ("Action=DescribeStacks", 200, WITH_CANARY),
        ("secretsmanager.GetSecretValue", 200, SECRET),
        ("PUT /the-lookup-bucket/leadwire-canary.json", 200, ""),
        ("POST /Prod/ingest/canary", 202, ACCEPTED),
        ("GET /the-enriched-bucket/mail/", 200, MAILED),
    ]);
    let ran = aws
        .run(&["canary", "--stack", "crm", "--json"])
        .expect_code(0);
    let told = ran.documents();
    assert_eq!(told[0]["event_id"], "lw_1");
    assert_eq!(told.last().unwrap()["stage"], "mailed");
    let seen = aws.seen();
    let posted = seen.iter().find(|seen| seen.contains("/ingest/canary"));
    let posted = posted.unwrap().to_ascii_lowercase();
    assert!(posted.contains("webhook-signature: v1,"), "{posted}");
    assert!(seen.join("\n").contains("secret:canary"));
}

#[test]
fn a_stack_without_a_canary_says_which_parameter_it_takes() {
    let aws = Aws::start(&[("Action=DescribeStacks", 200, WHOLE)]);
    let ran = aws.run(&["canary", "--stack", "crm"]).expect_code(1);
    assert!(ran.err.contains("CanaryMinutes"), "{}", ran.err);
}

#[test]
fn a_stacks_alarms_are_cloudwatchs_own_with_who_is_told_and_where_to_read_on() {
    let aws = Aws::start(&[
        ("Action=DescribeStacks", 200, WHOLE),
        ("operation/DescribeAlarms", 200, ALARMS),
    ]);
    let told = aws.run(&["alarms", "--stack", "crm", "--json"]);
    let told = told.expect_code(1).documents();
    let of = |name: &str| {
        let found = told.iter().find(|alarm| alarm["alarm"] == name);
        found.unwrap_or_else(|| panic!("{name} in {told:?}"))
    };
    let depth = of("crm-dead-letter-queue-depth");
    assert_eq!(depth["state"], "ALARM");
    assert_eq!(depth["severity"], "page");
    assert_eq!(
        depth["runbook"],
        "docs/RUNBOOK.md#DeadLetterQueueDepthAlarm"
    );
    assert_eq!(of("crm-lookup-denied")["severity"], "ticket");
    assert_eq!(of("crm-objective-fast-burn")["state"], "OK");
}

#[test]
fn a_stacks_objective_is_read_from_cloudwatch() {
    let aws = Aws::start(&[
        ("Action=DescribeStacks", 200, WHOLE),
        ("operation/GetMetricStatistics", 200, STATISTICS),
    ]);
    let told = aws.run(&["slo", "--stack", "crm", "--json"]);
    // As many late and not mailed as in time: the budget is used up.
    let told = told.expect_code(1).documents();
    assert_eq!(told[0]["in_time"], 3.0);
    assert_eq!(told[0]["not_mailed"], 3.0);
}

const FOREIGN: &str = "<DescribeStacksResponse><DescribeStacksResult><Stacks><member>
    <StackName>crm</StackName><StackStatus>CREATE_COMPLETE</StackStatus><CreationTime>2026-11-23T07:00:00Z</CreationTime>
    <Parameters><member><ParameterKey>ExistingLookupBucket</ParameterKey><ParameterValue>theirs</ParameterValue></member></Parameters><Outputs>
    <member><OutputKey>ApiUrl</OutputKey><OutputValue>https://api.example.com</OutputValue></member>
    <member><OutputKey>RawBucketName</OutputKey><OutputValue>the-raw-bucket</OutputValue></member>
    <member><OutputKey>LookupBucketName</OutputKey><OutputValue>theirs</OutputValue></member>
    <member><OutputKey>EnrichedBucketName</OutputKey><OutputValue>the-enriched-bucket</OutputValue></member>
    <member><OutputKey>DelayQueueUrl</OutputKey><OutputValue>https://sqs.us-east-1.amazonaws.com/000000000000/delay</OutputValue></member>
    <member><OutputKey>DeadLetterQueueUrl</OutputKey><OutputValue>https://sqs.us-east-1.amazonaws.com/000000000000/dead</OutputValue></member>
    </Outputs></member></Stacks></DescribeStacksResult></DescribeStacksResponse>";

const VERSIONS: &str = "<ListVersionsResult><IsTruncated>false</IsTruncated><Version>
    <Key>raw/crm_event_test-1_20261123T065000123456Z.json</Key><VersionId>v1</VersionId><IsLatest>true</IsLatest>
    <LastModified>2026-11-23T06:50:00Z</LastModified></Version></ListVersionsResult>";

const NO_VERSIONS: &str =
    "<ListVersionsResult><IsTruncated>false</IsTruncated></ListVersionsResult>";

#[test]
fn what_would_be_forgotten_of_a_stack_is_told_with_what_is_out_of_reach() {
    let aws = Aws::start(&[
        ("Action=DescribeStacks", 200, FOREIGN),
        ("GET /the-raw-bucket?versions", 200, VERSIONS),
        ("GET /the-raw-bucket/?versions", 200, VERSIONS),
        ("versions", 200, NO_VERSIONS),
        ("list-type=2", 200, LISTING),
        ("GET /the-raw-bucket/raw/crm_event_test-1", 200, RAW),
        ("GET /theirs/test-1.json", 200, RAW),
    ]);
    let line = ["forget", "test-1", "--dry-run", "--stack", "crm", "--json"];
    let told = aws.run(&line).expect_code(0).documents().remove(0);
    assert_eq!(told["events"][0], "crm_event_test-1_20261123T065000123456Z");
    assert_eq!(told["owner_file_deleted"], false);
    let reach = told["out_of_reach"].to_string();
    assert!(reach.contains("s3://theirs/test-1.json"), "{reach}");
    let seen = aws.seen();
    let is_reading = |request: &&String| {
        request.starts_with("GET ") || request.contains("Action=DescribeStacks")
    };
    assert!(seen.iter().all(|request| is_reading(&request)), "{seen:?}");
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
        ("Action=DescribeStacks", 200, WHOLE),
        ("prefix=raw", 200, LISTING),
        ("list-type=2", 200, EMPTY_LISTING),
        ("GET /the-raw-bucket/raw/crm_event_test-1", 200, LABELLED),
    ]);
    let told = aws.run(&["audit", "--stack", "crm", "--json"]);
    let told = told.expect_code(1).documents();
    assert_eq!(told[0]["flaw"], "nowhere");
    assert_eq!(told[1]["account"]["nowhere"], 1);
    assert_eq!(told[1]["account"]["received"], 1);
}
