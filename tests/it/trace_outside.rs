//! A context that comes with a webhook: a link of a request that is verified, and nothing of one that is not.

use anyhow::{Context, Result, ensure};
use leadwire_tests::collector::{Collector, Link, Spans};
use leadwire_tests::rig::{Rig, SOURCES, flat};
use leadwire_tests::secret::StandardSender;

use crate::trace::{self, of_platform};

const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
const SPAN: &str = "b7ad6b7169203331";
const STATE: &str = "vendor=from-outside";

async fn start(sender: &StandardSender) -> Result<(Rig, Collector)> {
    let (rig, collector) = trace::start(&[("SOURCES_SECRET_ARN", SOURCES.to_owned())]).await?;
    rig.cloud.hold_secret(SOURCES, sender.document());
    Ok((rig, collector))
}

/// Posts a signed lead with a context from outside, and gives back the status.
async fn post(rig: &Rig, sender: &StandardSender, lead: &str, flags: &str) -> Result<u16> {
    let body = flat(lead);
    let context = format!("00-{TRACE}-{SPAN}-{flags}");
    let (epoch, unique) = TRACE.split_at(8);
    let header = format!("Root=1-{epoch}-{unique};Parent={SPAN};Sampled=0");
    let signed = sender.sign(lead, &body)?;
    let mut headers = signed.headers();
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
    ensure!(spans.of_trace(TRACE).0.is_empty());
    let mut parents = spans.0.iter().filter_map(|span| span.parent.as_deref());
    ensure!(!parents.any(|parent| parent == SPAN));
    for message in rig.cloud.sent() {
        let said = format!("{message:?}");
        ensure!(
            !said.contains("from-outside") && !said.contains(TRACE),
            "{said}"
        );
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
        let status = post(&rig, &sender, lead, flags).await?;
        ensure!(status == 202, "{:?}", rig.lines());
    }
    let spans = collector.spans();
    let outside = Link {
        trace_id: TRACE.to_owned(),
        span_id: SPAN.to_owned(),
    };
    let checked = || {
        check_own(&spans, &rig)?;
        let servers = spans.named("POST /ingest/{source}");
        ensure!(servers.len() == 2);
        for (server, timing) in servers.into_iter().zip(rig.ingest.timings()) {
            let links = [outside.clone(), of_platform(&timing)?];
            ensure!(server.parent.is_none() && server.links == links);
            server.demand(&[
                ("http.route", "/ingest/{source}"),
                ("url.path", "/ingest/standard"),
            ])?;
        }
        ensure!(spans.trace_ids().len() == 2);
        Ok(())
    };
    checked().with_context(|| spans.tree())
}

#[tokio::test]
async fn a_context_from_outside_is_nothing_of_a_request_that_is_not_verified() -> Result<()> {
    let (sender, stranger) = (StandardSender::new([7; 32]), StandardSender::new([8; 32]));
    let (rig, collector) = start(&sender).await?;
    ensure!(post(&rig, &stranger, "outside-3", "01").await? == 401);
    let spans = collector.spans();
    let checked = || {
        check_own(&spans, &rig)?;
        let server = spans.one("POST /ingest/{source}")?;
        ensure!(server.links.is_empty() && server.parent.is_none());
        // The caller's mistake is no failure of the server's.
        ensure!(server.has("http.response.status_code", 401));
        ensure!(server.error.is_none());
        Ok(())
    };
    checked().with_context(|| spans.tree())
}

#[tokio::test]
async fn a_context_from_outside_that_is_none_is_ignored() -> Result<()> {
    let sender = StandardSender::new([7; 32]);
    let (rig, collector) = start(&sender).await?;
    let (body, long) = (flat("outside-4"), "0".repeat(5000));
    let contexts = ["", "00-00-00-00", "\u{fc}", &long];
    for (number, context) in contexts.into_iter().enumerate() {
        let signed = sender.sign(&format!("msg-{number}"), &body)?;
        let mut headers = signed.headers();
        headers.push(("traceparent", context));
        let response = rig.post("/ingest/standard", &headers, &body).await?;
        ensure!(response.status() == 202, "{context:?}: {:?}", rig.lines());
    }
    let spans = collector.spans();
    ensure!(spans.trace_ids().len() == 4, "{}", spans.tree());
    let platform = rig.ingest.timings();
    let platform: Vec<Link> = platform.iter().map(of_platform).collect::<Result<_>>()?;
    let mut links = spans.0.iter().flat_map(|span| &span.links);
    let are_own = links.all(|link| platform.contains(link));
    ensure!(are_own, "{}", spans.tree());
    Ok(())
}
