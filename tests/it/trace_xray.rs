//! X-Ray: segments by UDP to its daemon, and OTLP signed for its endpoint.

use std::collections::BTreeSet;

use anyhow::{Context, Result, ensure};
use leadwire_tests::clients::{REGION, ask};
use leadwire_tests::clock;
use leadwire_tests::collector::xray::XrayDaemon;
use leadwire_tests::collector::{Collector, signature};
use leadwire_tests::emulator::Emulators;
use leadwire_tests::rig::{QUEUE, Rig};
use serde_json::{Value, json};

use crate::trace::pass;

/// The name of the span that a document was made from: X-Ray names a call by its service alone.
fn name(segment: &Value) -> &str {
    let name = segment.pointer("/metadata/leadwire/span_name");
    name.and_then(Value::as_str).unwrap_or_default()
}

#[tokio::test]
async fn a_lambda_without_an_endpoint_sends_its_daemon_well_formed_segments_and_x_ray_takes_them()
-> Result<()> {
    let daemon = XrayDaemon::start().await?;
    let rig = Rig::start(&[("AWS_XRAY_DAEMON_ADDRESS", daemon.address())]).await?;
    pass(&rig, "udp-1").await?;
    let calls = ["S3.PutObject", "S3.GetObject", "SES.SendEmail"];
    let plain = ["POST /ingest", "merge"].into_iter().chain(calls);
    let of_queue = ["send", "wait", "process"].map(|verb| format!("{verb} {QUEUE}"));
    let expected: BTreeSet<String> = plain.map(str::to_owned).chain(of_queue).collect();
    let segments = daemon.eventually("the daemon has every span", |segments| {
        let names: BTreeSet<&str> = segments.iter().map(name).collect();
        let has_all = expected.iter().all(|name| names.contains(name.as_str()));
        has_all.then_some(segments)
    });
    let segments = segments.await.with_context(|| rig.lines().join("\n"))?;
    ensure!(daemon.faults().is_empty(), "{:?}", daemon.faults());
    // One of each function, and the wait, which belongs to the other's.
    let documents = daemon.documents();
    ensure!(documents.len() == 3, "{documents:#?}");

    let all = |member: &'static str| segments.iter().filter_map(move |one| one[member].as_str());
    let traces: BTreeSet<&str> = all("trace_id").collect();
    ensure!(traces.len() == 1, "one lead is one trace: {traces:?}");
    let ids: BTreeSet<&str> = all("id").collect();
    ensure!(ids.len() == segments.len(), "ids are unique");
    let is_whole = all("parent_id").all(|parent| ids.contains(parent));
    ensure!(is_whole, "every parent is there: {segments:#?}");
    let one = |wanted: &str| {
        let found = segments.iter().find(|segment| name(segment) == wanted);
        found.with_context(|| wanted.to_owned())
    };
    let server = one("POST /ingest")?;
    ensure!(server["http"]["response"]["status"] == 202, "{server}");
    ensure!(
        server["type"].is_null() && server["parent_id"].is_null(),
        "{server}"
    );
    for (call, service) in [("S3.PutObject", "S3"), ("SES.SendEmail", "SES")] {
        let call = one(call)?;
        ensure!(
            call["namespace"] == "aws" && call["name"] == service,
            "{call}"
        );
    }
    check_taken(&documents, &traces).await
}

/// Moto's X-Ray takes every document, and gives back the trace with all of them.
async fn check_taken(documents: &[String], traces: &BTreeSet<&str>) -> Result<()> {
    let moto = &Emulators::shared().await?.mail;
    let ask = async |path: &str, body: Value| {
        let headers = [("Content-Type", "application/json")];
        ask(&format!("{moto}/{path}"), "xray", &headers, &body).await
    };
    let taken = ask("TraceSegments", json!({"TraceSegmentDocuments": documents})).await?;
    ensure!(taken == json!({"UnprocessedTraceSegments": []}), "{taken}");
    let given = ask("Traces", json!({"TraceIds": traces})).await?;
    let kept = given.pointer("/Traces/0/Segments");
    let kept = kept.and_then(Value::as_array);
    let has_all = kept.is_some_and(|kept| kept.len() == documents.len());
    ensure!(has_all, "{given}");
    Ok(())
}

#[tokio::test]
async fn a_daemon_that_is_not_there_costs_nothing() -> Result<()> {
    let nobody = XrayDaemon::start().await?.address();
    let rig = Rig::start(&[("AWS_XRAY_DAEMON_ADDRESS", nobody)]).await?;
    pass(&rig, "nobody-1").await?;
    ensure!(rig.cloud.mails().len() == 1);
    Ok(())
}

#[tokio::test]
async fn the_x_ray_endpoint_is_sent_otlp_that_is_signed_for_it() -> Result<()> {
    let collector = Collector::start().await?;
    let rig = Rig::start(&[
        ("TRACE_EXPORTER", "xray-otlp".to_owned()),
        ("AWS_ENDPOINT_URL_XRAY", collector.url()),
    ])
    .await?;
    let story = pass(&rig, "signed-1").await?;
    let trace = collector.eventually("the endpoint has the trace", |spans| story.mailed(spans));
    let trace = trace.await.with_context(|| rig.lines().join("\n"))?;
    story.check(&trace)?;
    let posts = collector.posts();
    ensure!(posts.len() == 2, "one a function: {posts:?}");
    for post in &posts {
        signature::check(post, "xray", REGION, "test")?;
    }
    clock::until("nothing is told as lost", || {
        let lines = rig.lines();
        !lines.iter().any(|line| line.contains("TelemetryDropped"))
    })
    .await
}
