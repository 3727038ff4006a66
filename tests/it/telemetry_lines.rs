//! Every line that the functions print is one that can be read, and nothing that somebody said is in any of them.

use std::collections::BTreeSet;

use anyhow::{Context, Result, ensure};
use hyper::Method;
use leadwire_telemetry::validate;
use leadwire_tests::clock;
use leadwire_tests::cloud::{SEND_EMAIL, Sent};
use leadwire_tests::collector::Collector;
use leadwire_tests::event::{Shape, web};
use leadwire_tests::fault::Fault;
use leadwire_tests::http;
use leadwire_tests::rig::{LOOKUP, Rig, SOURCES};
use leadwire_tests::secret::StandardSender;
use serde_json::{Value, json};

use crate::trace::start;

/// Stands in everything that somebody else says, and so must stand nowhere in telemetry.
const MARK: &str = "kanarie";
/// Whence the requests come, in the events of the harness.
const CLIENT: &str = "203.0.113.7";

struct Heard {
    rig: Rig,
    collector: Collector,
    sender: StandardSender,
    /// What nobody may ever read of the secrets.
    secrets: [String; 2],
}

impl Heard {
    async fn start() -> Result<Self> {
        let more = [
            ("SOURCES_SECRET_ARN", SOURCES.to_owned()),
            ("NOTIFY_OWNER", "true".to_owned()),
            ("RUST_LOG", "trace".to_owned()),
        ];
        let (rig, collector) = start(&more).await?;
        let (sender, close) = (StandardSender::new([7; 32]), "ca".repeat(32));
        let standard = sender.secret();
        let document = json!({
            "standard": {"secrets": [standard]}, "close": {"secrets": [close]},
        });
        rig.cloud.hold_secret(SOURCES, document);
        Ok(Self {
            rig,
            collector,
            sender,
            secrets: [standard.trim_start_matches("whsec_").to_owned(), close],
        })
    }

    /// Posts a signed body with headers that say too much, and gives back the status.
    async fn post(&self, id: &str, body: &str, more: &[(&str, &str)]) -> Result<u16> {
        let signed = self.sender.sign(id, body)?;
        let mut headers = signed.headers();
        headers.extend([
            ("user-agent", "kanarie-agent/1.0"),
            ("cookie", "session=kanarie-cookie"),
            ("authorization", "Bearer kanarie-token"),
            ("referer", "https://example.com/kanarie"),
            ("x-kanarie", "kanarie-header"),
        ]);
        headers.retain(|(name, _)| more.iter().all(|(own, _)| own != name));
        headers.extend(more);
        let response = self.rig.post("/ingest/standard", &headers, body).await?;
        Ok(response.status().as_u16())
    }

    /// Gives `ingest` a request of any method and path.
    async fn ask(&self, method: &str, path: &str) -> Result<()> {
        let mut asked = http::post(path, &[("x-kanarie", MARK)], "kanarie-body")?;
        *asked.method_mut() = Method::from_bytes(method.as_bytes())?;
        let event = web(Shape::Rest, path, &asked);
        self.rig.ingest.answer(&event).await.map(drop)
    }

    /// Delivers what was sent, received for the `count`th time; gives back how much of it failed.
    async fn deliver(&self, count: u32) -> Result<usize> {
        let sent = self.rig.cloud.take_sent();
        Ok(self.rig.deliver_all(&sent, count).await?.len())
    }

    /// Everything that left the functions as telemetry.
    fn everything(&self) -> Vec<String> {
        let mut all = self.rig.lines();
        let posts = self.collector.posts().into_iter();
        all.extend(posts.map(|post| String::from_utf8_lossy(&post.body).into_owned()));
        let spans = self.collector.spans();
        all.extend(spans.0.iter().map(|span| format!("{span:?}")));
        all
    }
}

fn envelope(data: &Value) -> String {
    json!({"type": "lead.created", "timestamp": "2026-11-23T06:50:00.123456Z", "data": data})
        .to_string()
}

fn owner(lead: &str) -> Value {
    json!({
        "lead_id": lead, "lead_owner": "kanarie-owner", "owner_email": "kanarie-owner@example.com",
        "lead_email": "kanarie-lead@example.com", "funnel": "kanarie-funnel", "display_name": "kanarie-other",
        "kanarie-own": "kanarie-own",
    })
}

fn data(lead: &str) -> Value {
    json!({
        "lead_id": lead, "display_name": "kanarie-name", "lead_email": "kanarie-email@example.com",
        "status_label": "kanarie-status", "phone": "+1 555 kanarie", "kanarie-key": "kanarie-value",
        "nested": {"kanarie-inner": ["kanarie-deep", {"kanarie": "kanarie"}]},
    })
}

/// A lead that is mailed: everything about it is in the mail.
async fn tell_good(heard: &Heard) -> Result<()> {
    heard.rig.put_owner("said-1", &owner("said-1"));
    let body = envelope(&data("said-1"));
    let more = [
        ("traceparent", "kanarie"),
        ("tracestate", "kanarie=kanarie"),
    ];
    let status = heard.post("said-1", &body, &more).await?;
    ensure!(status == 202, "{:?}", heard.rig.lines());
    heard.rig.deliver_sent().await?;
    let mail = heard.rig.cloud.mails().pop().context("a mail")?;
    let mail = mail.request.to_string();
    let addresses = ["owner@example.com", "lead@example.com"];
    for said in ["name", "owner", "status", "funnel"]
        .iter()
        .chain(&addresses)
    {
        let is_said = mail.contains(&format!("kanarie-{said}"));
        ensure!(is_said, "{said} is not in {mail}");
    }
    Ok(())
}

/// Requests that are refused, each for a reason of its own; gives back how many.
async fn tell_refused(heard: &Heard) -> Result<usize> {
    let good = envelope(&data("said-2"));
    let bodies = [
        r#"{"kanarie": kanarie"#.to_owned(),
        format!(" \u{feff}{good}"),
        r#"{"data":{"lead_id":"kanarie-a","lead_id":"kanarie-b"}}"#.to_owned(),
        envelope(&json!({"lead_id": "kanarie is no id", "display_name": "kanarie"})),
        envelope(&json!({"lead_id": ["kanarie"]})),
        envelope(&json!({"lead_id": "said-2", "_leadwire": "kanarie"})),
        format!("{}\"kanarie\"{}", "[".repeat(80), "]".repeat(80)),
        json!({"type": "lead.created", "timestamp": "kanarie", "data": "kanarie"}).to_string(),
    ];
    for (number, body) in bodies.iter().enumerate() {
        let status = heard.post(&format!("refused-{number}"), body, &[]).await?;
        ensure!(status == 400, "{status} for {body}");
    }
    let headers = [
        ("webhook-signature", "v1,kanarie"),
        ("webhook-signature", "kanarie"),
        ("webhook-timestamp", "kanarie"),
        ("webhook-id", "kanarie ü"),
        ("content-encoding", "kanarie"),
    ];
    for header in headers {
        let status = heard.post("refused", &good, &[header]).await?;
        ensure!((400..500).contains(&status), "{status} for {header:?}");
    }
    let asked = [
        ("POST", "/ingest/kanarie"),
        ("KANARIE", "/ingest/standard"),
        ("GET", "/ingest"),
        ("POST", "/kanarie"),
        ("POST", "/ingest/close"),
        ("POST", "/ingest"),
    ];
    for (method, path) in asked {
        heard.ask(method, path).await?;
    }
    Ok(bodies.len() + headers.len() + asked.len())
}

/// Messages and owner files that cannot be used, and a mail service that quotes what it refuses.
async fn tell_failed(heard: &Heard) -> Result<()> {
    let rig = &heard.rig;
    let odd = |id: &str, body: &str| Sent {
        id: id.to_owned(),
        body: body.to_owned(),
        attributes: [("traceparent".to_owned(), MARK.to_owned())].into(),
        trace_header: Some(MARK.to_owned()),
        sent_at: clock::now(),
        ..Sent::default()
    };
    let odd = [
        odd("odd-1", "kanarie"),
        odd("odd-2", r#"{"s3_key":"raw/kanarie"}"#),
        odd("odd-3", r#"{"v":9,"kanarie":"kanarie"}"#),
    ];
    ensure!(rig.deliver_all(&odd, 3).await?.len() == 3);

    let files = [
        "{\"kanarie\": kanarie".to_owned(),
        owner("kanarie-other").to_string(),
    ];
    for (number, file) in files.into_iter().enumerate() {
        let lead = format!("file-{number}");
        rig.cloud.put(LOOKUP, &format!("{lead}.json"), file);
        ensure!(heard.post(&lead, &envelope(&data(&lead)), &[]).await? == 202);
        ensure!(heard.deliver(3).await? == 1);
    }
    let quoting = "Email address is not verified: kanarie-owner@example.com, kanarie-name";
    for (status, code) in [
        (400, "MessageRejected"),
        (400, "BadRequestException"),
        (400, "SendingPausedException"),
        (429, "TooManyRequestsException"),
        (500, "InternalFailure"),
    ] {
        let lead = format!("ses-{code}");
        rig.put_owner(&lead, &owner(&lead));
        let refusal = Fault::ses(status, code).saying(quoting);
        rig.front
            .inject(1, refusal, |request| request.uri().path() == SEND_EMAIL);
        ensure!(heard.post(&lead, &envelope(&data(&lead)), &[]).await? == 202);
        heard.deliver(1).await?;
    }
    Ok(())
}

#[tokio::test]
async fn nothing_that_somebody_says_is_in_a_line_a_metric_or_a_span_and_every_line_can_be_read()
-> Result<()> {
    let heard = Heard::start().await?;
    tell_good(&heard).await?;
    let refused = tell_refused(&heard).await?;
    tell_failed(&heard).await?;

    let all = heard.everything();
    for text in &all {
        let is_clean = !text.to_lowercase().contains(MARK)
            && !text.contains(CLIENT)
            && !heard.secrets.iter().any(|secret| text.contains(secret));
        ensure!(is_clean, "{text}");
    }
    check_lines(&heard.rig.lines(), refused)
}

/// Each line is one that the judge takes, and each refusal has told its reason.
fn check_lines(lines: &[String], refused: usize) -> Result<()> {
    let now = clock::now().as_millisecond();
    let mut samples = Vec::new();
    for line in lines {
        let read = validate(line, now);
        samples.extend(read.map_err(|faults| anyhow::anyhow!("{faults:?} in {line}"))?);
    }
    let rejected = samples
        .iter()
        .filter(|sample| sample.name == "LeadsRejected");
    let count: usize = rejected.map(|sample| sample.values.len()).sum();
    ensure!(
        count == refused,
        "{count} of {refused} refusals are counted"
    );
    let told: BTreeSet<&str> = samples.iter().map(|sample| sample.name.as_str()).collect();
    for name in [
        "BatchItemFailures",
        "ColdStart",
        "EmailsAmbiguous",
        "EmailsSent",
        "EndToEndLatency",
        "EnrichmentDelay",
        "EnrichmentLag",
        "FinalAttemptFailed",
        "IngestLatency",
        "LeadsAccepted",
        "LeadsEnriched",
        "MailDeferred",
        "MailedInTime",
        "NotMailed",
    ] {
        ensure!(told.contains(name), "{name} is not among {told:?}");
    }
    Ok(())
}

#[tokio::test]
async fn the_metrics_of_a_stack_have_its_name_whatever_its_environment_is() -> Result<()> {
    let named = [("STACK_NAME", "crm-of-sales".to_owned())];
    let rig = Rig::start(&named).await?;
    rig.lead("stack-1").await?;
    rig.deliver_sent().await?;
    for function in [&rig.ingest, &rig.enrich] {
        let lines = function.log().objects();
        let metrics: Vec<&Value> = lines
            .iter()
            .filter(|line| line.get("_aws").is_some())
            .collect();
        ensure!(!metrics.is_empty(), "{lines:?}");
        for line in metrics {
            assert_eq!(line["environment"], "crm-of-sales", "{line}");
        }
    }
    Ok(())
}
