//! A context that comes with a webhook: a link of a request that is verified, and nothing of one that is not.

use anyhow::{Result, ensure};
use leadwire_tests::collector::{Collector, Link, Spans, Status};
use leadwire_tests::rig::Rig;
use leadwire_tests::secret::StandardSender;
use serde_json::json;

use crate::trace::{of_platform, otlp};

const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
const SPAN: &str = "b7ad6b7169203331";
const STATE: &str = "vendor=from-outside";

async fn start(sender: &StandardSender) -> Result<(Rig, Collector)> {
    let collector = Collector::start().await?;
    let mut environment = otlp(&collector.url());
    let arn = "arn:aws:secretsmanager:us-east-1:000000000000:secret:sources";
    environment.push(("SOURCES_SECRET_ARN", arn.to_owned()));
    let rig = Rig::start(&environment).await?;
    rig.cloud
        .hold_secret(json!({"standard": {"secrets": [sender.secret()]}}));
    Ok((rig, collector))
}

/// Posts a signed lead with a context from outside, and gives back the status.
async fn post(rig: &Rig, sender: &StandardSender, lead: &str, flags: &str) -> Result<u16> {
    let body = json!({"lead_id": lead}).to_string();
    let context = format!("00-{TRACE}-{SPAN}-{flags}");
    let (epoch, unique) = TRACE.split_at(8);
    let header = format!("Root=1-{epoch}-{unique};Parent={SPAN};Sampled=0");
    let signed = sender.headers(lead, &body)?;
    let mut headers: Vec<(&str, &str)> = signed
        .iter()
        .map(|(name, value)| (*name, value.as_str()))
        .collect();
    headers.extend([
        ("traceparent", context.as_str()),
        ("tracestate", STATE),
        ("x-amzn-trace-id", &header),
    ]);
    let response = rig.post("/ingest/standard", &headers, &body).await?;
    Ok(response.status().as_u16())
}

/// Nothing of the trace from outside, and its state nowhere.
fn check_own(spans: &Spans, rig: &Rig) -> Result<()> {
    ensure!(spans.of_trace(TRACE).0.is_empty(), "{}", spans.tree());
    let parents = spans.0.iter().filter_map(|span| span.parent.as_deref());
    ensure!(
        !parents.into_iter().any(|parent| parent == SPAN),
        "{}",
        spans.tree()
    );
    for message in rig.cloud.sent() {
        ensure!(
            !format!("{message:?}").contains("from-outside"),
            "{message:?}"
        );
        ensure!(!format!("{message:?}").contains(TRACE), "{message:?}");
    }
    Ok(())
}

#[tokio::test]
async fn a_context_from_outside_is_a_link_of_a_verified_request_and_never_its_parent() -> Result<()>
{
    let sender = StandardSender::new([7; 32]);
    let (rig, collector) = start(&sender).await?;
    // Its flags are ignored: a trace that is not sampled outside is sampled here.
    for (lead, flags) in [("outside-1", "01"), ("outside-2", "00")] {
        ensure!(
            post(&rig, &sender, lead, flags).await? == 202,
            "{:?}",
            rig.lines()
        );
    }
    let spans = collector.spans();
    check_own(&spans, &rig)?;
    let servers = spans.named("POST /ingest/{source}");
    ensure!(servers.len() == 2, "{}", spans.tree());
    let outside = Link {
        trace_id: TRACE.to_owned(),
        span_id: SPAN.to_owned(),
    };
    for (server, timing) in servers.into_iter().zip(rig.ingest.timings()) {
        let links = [outside.clone(), of_platform(&timing)?];
        ensure!(
            server.parent.is_none() && server.links == links,
            "{}",
            spans.tree()
        );
        ensure!(
            server.has("http.route", "/ingest/{source}"),
            "{}",
            spans.tree()
        );
        ensure!(
            server.has("url.path", "/ingest/standard"),
            "{}",
            spans.tree()
        );
    }
    ensure!(spans.trace_ids().len() == 2, "{}", spans.tree());
    Ok(())
}

#[tokio::test]
async fn a_context_from_outside_is_nothing_of_a_request_that_is_not_verified() -> Result<()> {
    let (sender, stranger) = (StandardSender::new([7; 32]), StandardSender::new([8; 32]));
    let (rig, collector) = start(&sender).await?;
    ensure!(post(&rig, &stranger, "outside-3", "01").await? == 401);
    let spans = collector.spans();
    check_own(&spans, &rig)?;
    let server = spans.one("POST /ingest/{source}")?;
    ensure!(
        server.links.is_empty() && server.parent.is_none(),
        "{}",
        spans.tree()
    );
    // The caller's mistake is no failure of the server's.
    ensure!(
        server.has("http.response.status_code", 401),
        "{}",
        spans.tree()
    );
    ensure!(!matches!(server.status, Status::Error(_)));
    Ok(())
}

#[tokio::test]
async fn a_context_from_outside_that_is_none_is_ignored() -> Result<()> {
    let sender = StandardSender::new([7; 32]);
    let (rig, collector) = start(&sender).await?;
    let body = json!({"lead_id": "outside-4"}).to_string();
    for (number, context) in ["", "00-00-00-00", "\u{fc}", &"0".repeat(5000)]
        .into_iter()
        .enumerate()
    {
        let signed = sender.headers(&format!("msg-{number}"), &body)?;
        let mut headers: Vec<(&str, &str)> = signed
            .iter()
            .map(|(name, value)| (*name, value.as_str()))
            .collect();
        headers.push(("traceparent", context));
        let response = rig.post("/ingest/standard", &headers, &body).await?;
        ensure!(response.status() == 202, "{context:?}: {:?}", rig.lines());
    }
    let spans = collector.spans();
    ensure!(spans.trace_ids().len() == 4, "{}", spans.tree());
    let platform = rig.ingest.timings();
    let platform: Vec<Link> = platform.iter().map(of_platform).collect::<Result<_>>()?;
    let mut links = spans.0.iter().flat_map(|span| &span.links);
    ensure!(
        links.all(|link| platform.contains(link)),
        "{}",
        spans.tree()
    );
    Ok(())
}
