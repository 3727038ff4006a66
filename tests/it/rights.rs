//! Rights: every call that the real functions make is one that their roles grant, and every grant is one that they use.
//!
//! No emulator refuses what a policy does not grant, so a missing right would be seen in an account first.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result, ensure};
use hyper::{Method, StatusCode};
use leadwire_pipeline::testkit::notification;
use leadwire_tests::accepted::key_in;
use leadwire_tests::cloud::{SEND_EMAIL, Sent};
use leadwire_tests::fault::{Call, Fault, lists};
use leadwire_tests::http::Request;
use leadwire_tests::json::At;
use leadwire_tests::rig::{ENRICHED, LOOKUP, Rig, SOURCES};
use leadwire_tests::secret::StandardSender;
use leadwire_tests::{clock, template};
use serde_json::{Value, json};

/// The secret of the canary.
const CANARY: &str = "arn:aws:secretsmanager:us-east-1:000000000000:secret:canary";
/// What Lambda itself does with a function's role, to deliver messages and to keep lines and traces.
const OF_THE_PLATFORM: [&str; 9] = [
    "logs:CreateLogStream",
    "logs:PutLogEvents",
    "sqs:DeleteMessage",
    "sqs:GetQueueAttributes",
    "sqs:ReceiveMessage",
    "xray:PutSpans",
    "xray:PutSpansForIndexing",
    "xray:PutTelemetryRecords",
    "xray:PutTraceSegments",
];

/// The last receive of a message, by the redrive policy.
const LAST_RECEIVE: u32 = 3;

/// An action on a resource: `s3:GetObject` on `RawBucket/raw/*`.
type Right = (String, String);

/// What a role grants.
fn granted(template: &Value, role: &str) -> BTreeSet<Right> {
    let properties = template.at("Resources").at(role).at("Properties");
    let mut granted = BTreeSet::new();
    for statement in statements(properties.at("Policies")) {
        for action in statement.at("Action").many() {
            for resource in statement.at("Resource").many() {
                granted.insert((action.text().to_owned(), name(resource)));
            }
        }
    }
    granted
}

/// Every statement in a value, also behind a condition.
fn statements(value: &Value) -> Vec<&Value> {
    if let Some(found) = value.get("Statement") {
        return found.many().iter().collect();
    }
    let members = value.as_object().into_iter().flatten();
    let members = members.map(|(_, inner)| inner);
    let inner = members.chain(value.items());
    inner.flat_map(statements).collect()
}

/// A resource by its logical id, or by what an ARN ends in; of two behind a condition the first.
fn name(resource: &Value) -> String {
    if let Some(first) = resource.at("Fn::If").get(1) {
        return name(first);
    }
    let functions = ["Fn::Sub", "Fn::GetAtt", "Ref"].iter();
    let mut texts = functions.filter_map(|function| resource.get(*function));
    let text = texts.next().unwrap_or(resource);
    // `Fn::GetAtt` is a list, whose first is the resource; of `Fn::Sub` with values the first is the text.
    let values = text.get(1).and_then(|values| values.get("Bucket"));
    let text = text.get(0).unwrap_or(text).text();
    if let Some((_, rest)) = values.and(text.split_once("${Bucket}")) {
        return format!("{}{rest}", values.map(name).unwrap_or_default());
    }
    if let Some((id, rest)) = text.strip_prefix("${").and_then(|t| t.split_once(".Arn}")) {
        return format!("{id}{rest}");
    }
    let end = text.rsplit_once(':').map_or(text, |(_, end)| end);
    match end.split_once("${") {
        Some((kind, _)) => format!("{kind}*"),
        None => end.trim_end_matches(".Arn").to_owned(),
    }
}

/// What a call needs.
fn needed(call: &Call) -> Vec<Right> {
    let right = |action: &str, resource: String| (action.to_owned(), resource);
    let body: Value = serde_json::from_slice(&call.body).unwrap_or_default();
    let (path, query) = call.path.split_once('?').unwrap_or((&call.path, ""));
    if path == SEND_EMAIL {
        let set = body.at("ConfigurationSetName").as_str();
        let set = set.map(|set| right("ses:SendEmail", format!("configuration-set/{set}")));
        let identity = right("ses:SendEmail", "identity/leads@example.com".to_owned());
        return [Some(identity), set].into_iter().flatten().collect();
    }
    if call.method == Method::POST {
        let sent = body.get("MessageBody").or_else(|| body.get("Entries"));
        let (action, resource) = match (body.at("SecretId").as_str(), sent) {
            (Some(CANARY), _) => ("secretsmanager:GetSecretValue", "CanarySecret"),
            (Some(_), _) => ("secretsmanager:GetSecretValue", "SourcesSecretArn"),
            (None, Some(_)) => ("sqs:SendMessage", "DelayQueue"),
            (None, None) => ("sqs:ChangeMessageVisibility", "DelayQueue"),
        };
        return vec![right(action, resource.to_owned())];
    }
    let path = path.trim_start_matches('/');
    let (bucket, key) = path.split_once('/').unwrap_or((path, ""));
    let bucket = match bucket {
        "rig-raw" => "RawBucket",
        "rig-lookup" => "LookupBucket",
        "rig-enriched" => "EnrichedBucket",
        other => other,
    };
    let list = right("s3:ListBucket", bucket.to_owned());
    if query.contains("list-type=2") {
        return vec![list];
    }
    if call.method == Method::PUT {
        return vec![right("s3:PutObject", format!("{bucket}/{key}"))];
    }
    let get = right("s3:GetObject", format!("{bucket}/{key}"));
    // Who may not list is told 403 of what is not there; the canary's owner file is put in either case.
    let is_canary = key == "leadwire-canary.json";
    if call.status == Some(StatusCode::NOT_FOUND) && !is_canary {
        vec![get, list]
    } else {
        vec![get]
    }
}

fn covers(grant: &Right, need: &Right) -> bool {
    grant.0 == need.0
        && match grant.1.strip_suffix('*') {
            Some(prefix) => need.1.starts_with(prefix),
            None => need.1 == grant.1,
        }
}

/// What a function needs and is not granted, and what it is granted and does not need.
fn disagreements(granted: &BTreeSet<Right>, needed: &BTreeSet<Right>) -> Vec<String> {
    let lacking = needed.iter();
    let lacking = lacking
        .filter(|need| !granted.iter().any(|grant| covers(grant, need)))
        .map(|(action, resource)| format!("lacks {action} on {resource}"));
    let idle = granted.iter();
    let idle = idle
        .filter(|grant| !OF_THE_PLATFORM.contains(&grant.0.as_str()))
        .filter(|grant| !needed.iter().any(|need| covers(grant, need)))
        .map(|(action, resource)| format!("does not use {action} on {resource}"));
    lacking.chain(idle).collect()
}

/// The functions at work, and what each has needed so far.
struct Watched {
    rig: Rig,
    sender: StandardSender,
    noted: usize,
    needed: BTreeMap<&'static str, BTreeSet<Right>>,
}

impl Watched {
    async fn start() -> Result<Self> {
        let sender = StandardSender::new([7; 32]);
        let rig = Rig::start(&[
            ("SOURCES_SECRET_ARN", SOURCES.to_owned()),
            ("CANARY_SECRET_ARN", CANARY.to_owned()),
            // Nobody listens there: sending a canary ends in an error, after all that it needs of AWS.
            ("CANARY_URL", "http://127.0.0.1:1/ingest/canary".to_owned()),
            ("SES_CONFIGURATION_SET", "leadwire".to_owned()),
        ])
        .await?;
        // It is to be heard from, so that this is recorded.
        let source = json!({"kind": "standard", "secrets": [sender.secret()], "silence_hours": 24});
        // Nothing comes from the other, so that the sweep starts its clock.
        rig.cloud
            .hold_secret(SOURCES, json!({"standard": source, "other": source}));
        let secret = json!({"secret": "ab".repeat(32)});
        rig.cloud.hold_secret(CANARY, secret);
        Ok(Self {
            rig,
            sender,
            noted: 0,
            needed: BTreeMap::new(),
        })
    }

    /// The calls since the last time were this role's.
    fn note(&mut self, role: &'static str) {
        let calls = self.rig.front.calls();
        let so_far = self.needed.entry(role).or_default();
        so_far.extend(calls.iter().skip(self.noted).flat_map(needed));
        self.noted = calls.len();
    }

    async fn post(&mut self, id: &str, body: &str, status: u16) -> Result<()> {
        let signed = self.sender.sign(id, body)?;
        let headers = signed.headers();
        let answer = self.rig.post("/ingest/standard", &headers, body).await?;
        self.note("IngestionRole");
        let text = String::from_utf8_lossy(answer.body());
        ensure!(answer.status() == status, "{}: {text}", answer.status());
        Ok(())
    }

    async fn deliver(&mut self, sent: &[Sent], failed: usize) -> Result<()> {
        let found = self.rig.deliver_all(sent, 1).await?;
        self.note("EnrichmentRole");
        ensure!(found.len() == failed, "{found:?}");
        Ok(())
    }

    async fn sweep(&mut self, event: &Value) -> Result<()> {
        self.rig.sweep.invoke(event).await?;
        self.note("SweepRole");
        Ok(())
    }
}

/// The envelope of a lead, without a time of its own.
fn envelope(lead: &str) -> String {
    json!({"type": "lead.created", "data": {"lead_id": lead}}).to_string()
}

fn fails(method: Method, prefix: &'static str) -> impl Fn(&Request) -> bool {
    move |request| request.method() == method && request.uri().path().starts_with(prefix)
}

/// A new event, its retry, several at once, one that does not parse, two that cannot be stored, and a canary that nobody signed.
async fn ingest(watched: &mut Watched) -> Result<()> {
    watched.post("msg_1", &envelope("right-1"), 202).await?;
    watched.post("msg_1", &envelope("right-1"), 202).await?;
    let several = format!("[{},{}]", envelope("right-7"), envelope("right-8"));
    watched.post("msg_4", &several, 202).await?;
    watched.post("msg_2", "nonsense", 400).await?;
    for prefix in ["/rig-raw/", "/rig-enriched/"] {
        let broken = Fault::s3(500, "InternalError");
        let front = &watched.rig.front;
        front.inject(3, broken, fails(Method::PUT, prefix));
        let id = format!("msg_3{}", prefix.len());
        watched.post(&id, &envelope("right-3"), 503).await?;
    }
    watched.rig.post("/ingest/canary", &[], "{}").await?;
    watched.note("IngestionRole");
    Ok(())
}

/// A mail, a wait, a transient failure and a permanent one.
async fn enrich(watched: &mut Watched) -> Result<()> {
    let sent = watched.rig.cloud.take_sent();
    watched.deliver(&sent, 0).await?;
    watched.rig.assign("right-1", "Omar");
    let broken = Fault::s3(500, "InternalError");
    let front = &watched.rig.front;
    front.inject(3, broken, fails(Method::GET, "/rig-raw/"));
    let sent = sent.get(..1).context("a message")?;
    watched.deliver(sent, 1).await?;
    watched.deliver(sent, 0).await?;
    ensure!(watched.rig.cloud.mails().len() == 1, "one mail");
    let nothing = Sent {
        id: "right-4".to_owned(),
        body: r#"{"s3_key":"raw/nothing.json"}"#.to_owned(),
        sent_at: clock::now(),
        ..Sent::default()
    };
    watched.deliver(&[nothing], 1).await
}

/// An owner file wakes a lead that waits for it.
async fn wake(watched: &mut Watched) -> Result<()> {
    watched.rig.cloud.take_sent();
    watched.post("msg_9", &envelope("right-9"), 202).await?;
    let sent = watched.rig.cloud.take_sent();
    watched.deliver(&sent, 0).await?;
    watched.rig.cloud.take_sent();
    watched.rig.assign("right-9", "Omar");
    let written = Sent {
        id: "right-9-owner".to_owned(),
        body: notification(LOOKUP, "right-9.json"),
        sent_at: clock::now(),
        ..Sent::default()
    };
    watched.deliver(&[written], 0).await?;
    let woken = watched.rig.cloud.take_sent();
    ensure!(woken.len() == 1, "{woken:?}");
    let mails = watched.rig.cloud.mails().len();
    watched.deliver(&woken, 0).await?;
    ensure!(watched.rig.cloud.mails().len() == mails + 1, "it is mailed");
    Ok(())
}

/// An event whose mail nobody takes for now, and whose last receive could not read its document.
async fn fail_with_an_open_effect(watched: &mut Watched) -> Result<()> {
    watched.rig.assign("right-6", "Omar");
    watched.rig.cloud.take_sent();
    watched.post("msg_6", &envelope("right-6"), 202).await?;
    let sent = watched.rig.cloud.take_sent();
    let front = &watched.rig.front;
    front.inject(
        usize::MAX,
        Fault::ses(429, "TooManyRequestsException"),
        |call| call.uri().path() == SEND_EMAIL,
    );
    watched.deliver(&sent, 0).await?;
    let broken = Fault::s3(500, "InternalError");
    watched
        .rig
        .front
        .inject(3, broken, fails(Method::GET, "/rig-raw/"));
    let failed = watched.rig.deliver_all(&sent, LAST_RECEIVE).await?;
    watched.note("EnrichmentRole");
    ensure!(failed.len() == 1, "{failed:?}");
    let [event] = sent.as_slice() else {
        anyhow::bail!("{sent:?}");
    };
    let event: Value = serde_json::from_str(&event.body)?;
    let failure = key_in(event.at("s3_key").text(), "failed");
    watched
        .rig
        .cloud
        .bytes(ENRICHED, &failure)
        .context("a failure")?;
    Ok(())
}

/// The canary, a listing that fails, so that what is left is stored, an event that is found thrice, and one whose failure stands beside an
/// effect that is open.
async fn sweep(watched: &mut Watched) -> Result<()> {
    watched.sweep(&json!({"canary": true})).await?;
    watched.post("msg_5", &envelope("right-5"), 202).await?;
    fail_with_an_open_effect(watched).await?;
    let broken = Fault::s3(500, "InternalError");
    let front = &watched.rig.front;
    front.inject(3, broken, |call| lists(call, "raw"));
    watched.sweep(&json!({})).await?;
    let front = &watched.rig.front;
    front.inject(100, Fault::Age, |call| lists(call, ""));
    for _ in 0..3 {
        watched.sweep(&json!({})).await?;
    }
    Ok(())
}

#[tokio::test]
async fn each_role_grants_what_its_function_asks_of_aws_and_nothing_else() -> Result<()> {
    let mut watched = Watched::start().await?;
    ingest(&mut watched).await?;
    enrich(&mut watched).await?;
    wake(&mut watched).await?;
    sweep(&mut watched).await?;
    let template = template::read()?;
    for (role, needed) in &watched.needed {
        let granted = granted(&template, role);
        ensure!(granted.len() > 5, "{role}: {granted:?}");
        let found = disagreements(&granted, needed);
        assert_eq!(found, [""; 0], "{role}");
    }
    assert_eq!(watched.needed.len(), 3);
    Ok(())
}

#[test]
fn a_missing_grant_and_an_idle_one_are_told() {
    let right = |action: &str, resource: &str| (action.to_owned(), resource.to_owned());
    let granted = BTreeSet::from([
        right("s3:GetObject", "RawBucket/raw/*"),
        right("s3:PutObject", "RawBucket/raw/*"),
        right("xray:PutSpans", "*"),
    ]);
    let needed = BTreeSet::from([
        right("s3:GetObject", "RawBucket/raw/x.json"),
        right("s3:GetObject", "RawBucket/other/x.json"),
    ]);
    let told = [
        "lacks s3:GetObject on RawBucket/other/x.json",
        "does not use s3:PutObject on RawBucket/raw/*",
    ];
    assert_eq!(disagreements(&granted, &needed), told);
}
