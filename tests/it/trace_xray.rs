//! X-Ray: segments by UDP to its daemon, and OTLP signed for its endpoint.

use std::collections::BTreeSet;

use anyhow::{Context, Result, ensure};
use bytes::Bytes;
use leadwire_tests::clients::REGION;
use leadwire_tests::clock::{self, DEADLINE};
use leadwire_tests::collector::daemon::XrayDaemon;
use leadwire_tests::collector::{Collector, signature};
use leadwire_tests::emulator::Emulators;
use leadwire_tests::http::Client;
use leadwire_tests::rig::{QUEUE, Rig};
use serde_json::{Value, json};

use crate::trace::Story;

async fn pass(rig: &Rig, lead: &str) -> Result<Story> {
    rig.put_owner(lead, &json!({"lead_id": lead, "lead_owner": "Omar"}));
    let body = json!({"lead_id": lead, "display_name": "Zoë"}).to_string();
    let event = rig.accepted("/ingest", &[], &body).await?;
    rig.deliver_sent().await?;
    Ok(Story::of_rig(&event))
}

/// The name of the span that a document was made from: X-Ray names a call by its service alone.
fn name(segment: &Value) -> &str {
    let name = segment.pointer("/annotations/span_name");
    name.and_then(Value::as_str).unwrap_or_default()
}

#[tokio::test]
async fn a_lambda_without_an_endpoint_sends_its_daemon_well_formed_segments_and_x_ray_takes_them()
-> Result<()> {
    let daemon = XrayDaemon::start().await?;
    let rig = Rig::start(&[("AWS_XRAY_DAEMON_ADDRESS", daemon.address())]).await?;
    pass(&rig, "udp-1").await?;
    let expected = [
        "POST /ingest",
        "S3.PutObject",
        "merge",
        "S3.GetObject",
        "SES.SendEmail",
    ]
    .map(str::to_owned)
    .into_iter()
    .chain(["send", "wait", "process"].map(|verb| format!("{verb} {QUEUE}")));
    let expected: BTreeSet<String> = expected.collect();
    let segments = daemon
        .eventually("the daemon has every span", DEADLINE, |segments| {
            let names: BTreeSet<&str> = segments.iter().map(name).collect();
            let has_all = expected.iter().all(|name| names.contains(name.as_str()));
            has_all.then(|| segments.to_vec())
        })
        .await
        .with_context(|| rig.lines().join("\n"))?;
    ensure!(daemon.faults().is_empty(), "{:?}", daemon.faults());
    let documents = daemon.documents();
    ensure!(
        documents.len() == 3,
        "one a function, and the wait, which belongs to the other's: {documents:#?}"
    );

    let traces: BTreeSet<&str> = segments
        .iter()
        .filter_map(|one| one["trace_id"].as_str())
        .collect();
    ensure!(traces.len() == 1, "one lead is one trace: {traces:?}");
    let ids: BTreeSet<&str> = segments
        .iter()
        .filter_map(|one| one["id"].as_str())
        .collect();
    ensure!(ids.len() == segments.len(), "ids are unique");
    let mut parents = segments.iter().filter_map(|one| one["parent_id"].as_str());
    ensure!(
        parents.all(|parent| ids.contains(parent)),
        "every parent is there: {segments:#?}"
    );
    let one = |wanted: &str| {
        let found = segments.iter().find(|segment| name(segment) == wanted);
        found.with_context(|| wanted.to_owned())
    };
    let server = one("POST /ingest")?;
    ensure!(
        server.pointer("/http/response/status") == Some(&json!(202)),
        "{server}"
    );
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
    check_taken(&daemon.documents(), &traces).await
}

/// Moto's X-Ray takes every document, and gives back the trace with all of them.
async fn check_taken(documents: &[String], traces: &BTreeSet<&str>) -> Result<()> {
    let moto = &Emulators::shared().await?.mail;
    let taken = ask(
        moto,
        "TraceSegments",
        &json!({"TraceSegmentDocuments": documents}),
    )
    .await?;
    ensure!(taken == json!({"UnprocessedTraceSegments": []}), "{taken}");
    let given = ask(moto, "Traces", &json!({"TraceIds": traces})).await?;
    let kept = given
        .pointer("/Traces/0/Segments")
        .and_then(Value::as_array);
    ensure!(
        kept.is_some_and(|kept| kept.len() == documents.len()),
        "{given}"
    );
    Ok(())
}

async fn ask(moto: &str, path: &str, body: &Value) -> Result<Value> {
    let scope = format!("test/20261123/{REGION}/xray/aws4_request");
    let request = hyper::Request::post(format!("{moto}/{path}"))
        .header("Content-Type", "application/json")
        .header(
            "Authorization",
            format!("AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=0"),
        )
        .body(Bytes::from(body.to_string()))?;
    let reply = Client::default().send(request).await?;
    let text = String::from_utf8_lossy(reply.body());
    serde_json::from_slice(reply.body()).with_context(|| format!("{path}: {text}"))
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
    let what = "the endpoint has the trace";
    let trace = collector
        .eventually(what, DEADLINE, |spans| story.mailed(spans))
        .await
        .with_context(|| rig.lines().join("\n"))?;
    story.check(&trace)?;
    let posts = collector.posts();
    ensure!(posts.len() == 2, "one a function: {posts:?}");
    for post in &posts {
        signature::check(post, "xray", REGION, "test")?;
    }
    clock::eventually("nothing is told as lost", DEADLINE, || async {
        let lost = rig
            .lines()
            .iter()
            .any(|line| line.contains("TelemetryDropped"));
        Ok((!lost).then_some(()))
    })
    .await
}
