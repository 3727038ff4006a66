//! What exporting costs, and what a collector that is dead, slow or unfriendly costs: a bounded time, a count, never a lead.

use std::process::ExitStatus;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use hyper::StatusCode;
use hyper::header::HeaderValue;
use jiff::Timestamp;
use leadwire_tests::clock;
use leadwire_tests::collector::{Collector, Mood, dead_endpoint};
use leadwire_tests::event::{Shape, web};
use leadwire_tests::fault::{Fault, Gate, lists};
use leadwire_tests::function::{Function, FunctionConfig, Signal, environment};
use leadwire_tests::http::{self, Request};
use leadwire_tests::instance::{Outcome, Timing};
use leadwire_tests::metric;
use leadwire_tests::rig::{Rig, flat, variables};
use serde_json::json;

use crate::trace::{otlp, pass, post, start};

/// A flush may hold a process this long, on a busy machine.
const FLUSH_MAX: Duration = Duration::from_secs(20);

/// When a process answered, and when it came back for the next event.
fn answered_and_idle(timing: &Timing) -> Result<(Timestamp, Timestamp)> {
    timing.answered.zip(timing.idle).context("it came back")
}

/// What is asked of SQS.
fn is_send(request: &Request) -> bool {
    let target = request.headers().get("x-amz-target");
    target == Some(&HeaderValue::from_static("AmazonSQS.SendMessage"))
}

#[tokio::test]
async fn spans_are_exported_once_an_invocation_and_only_after_its_answer() -> Result<()> {
    let (rig, collector) = start(&[]).await?;
    collector.behave(Mood::Dawdles(Duration::from_millis(200)));
    for lead in ["order-1", "order-2"] {
        let story = pass(&rig, lead).await?;
        story.demand_mailed(&collector)?;
    }
    let mut posts = collector.posts();
    let timings = [rig.ingest.timings(), rig.enrich.timings()].concat();
    ensure!((timings.len(), posts.len()) == (4, 4), "{posts:?}");
    for timing in timings {
        let (answered, idle) = answered_and_idle(&timing)?;
        let before = posts.len();
        posts.retain(|post| !(answered..=idle).contains(&post.at));
        let is_one = before == posts.len() + 1;
        ensure!(is_one, "one export after the answer: {timing:?}, {posts:?}");
    }
    Ok(())
}

#[tokio::test]
async fn a_collector_that_is_dead_or_unfriendly_costs_a_bounded_time_and_a_count_but_no_lead()
-> Result<()> {
    let collector = Collector::start().await?;
    let mut rigs = vec![Rig::start(&otlp(&dead_endpoint()?)).await?];
    let moods = [
        Mood::Refuses(StatusCode::SERVICE_UNAVAILABLE),
        Mood::Refuses(StatusCode::BAD_REQUEST),
        Mood::Cuts,
        Mood::Hangs,
    ];
    for mood in moods {
        collector.behave(mood);
        let rig = Rig::start(&otlp(&collector.url())).await?;
        pass(&rig, "unfriendly-1").await?;
        rigs.push(rig);
    }
    pass(rigs.first().context("the dead one's")?, "unfriendly-1").await?;
    for rig in &rigs {
        // A second lead, while the collector is left alone for a while.
        pass(rig, "unfriendly-2").await?;
        ensure!(rig.cloud.mails().len() == 2);
        check_bounded(rig)?;
        check_counted(rig).await?;
    }
    ensure!(collector.spans().0.is_empty());

    collector.behave(Mood::Takes);
    let rig = rigs.pop().context("the last one")?;
    clock::eventually("its spans are exported again", || async {
        let story = pass(&rig, "friendly-1").await?;
        Ok(story.mailed(&collector.spans()))
    })
    .await?;
    Ok(())
}

/// Both functions count what they lost: a webhook has three spans, an enrichment at least seven.
async fn check_counted(rig: &Rig) -> Result<()> {
    let counted = clock::until("the lost spans are counted", || {
        metric::sum(&rig.lines(), "TelemetryDropped") >= 20.0
    });
    counted.await.with_context(|| rig.lines().join("\n"))
}

/// How long each process took for itself after its answer.
fn check_bounded(rig: &Rig) -> Result<()> {
    for timing in [rig.ingest.timings(), rig.enrich.timings()].concat() {
        let (answered, idle) = answered_and_idle(&timing)?;
        let took = Duration::try_from(idle.duration_since(answered))?;
        ensure!(took < FLUSH_MAX, "{took:?}");
    }
    Ok(())
}

#[tokio::test]
async fn an_invocation_that_fails_is_exported_too() -> Result<()> {
    let (rig, collector) = start(&[]).await?;
    let denied = Fault::s3(403, "AccessDenied");
    rig.front.inject(usize::MAX, denied, |call| lists(call, ""));
    let failed = rig.sweep.invoke(&json!({})).await?;
    ensure!(matches!(failed, Outcome::Error(_)), "{failed:?}");
    let spans = collector.spans();
    let told = spans.0.iter().any(|span| span.error.is_some());
    ensure!(told, "{} {:?}", spans.tree(), rig.lines());

    // An event that is none reaches no stage, and the process goes on.
    let failed = rig.enrich.invoke(&json!({"Records": 5})).await?;
    ensure!(matches!(failed, Outcome::Error(_)), "{failed:?}");
    let story = pass(&rig, "after-1").await?;
    story.demand_mailed(&collector).map(drop)
}

#[tokio::test]
async fn an_invocation_that_panics_is_exported_too_and_the_process_goes_on() -> Result<()> {
    let collector = Collector::start().await?;
    let mut variables = variables(&dead_endpoint()?);
    variables.extend(environment(otlp(&collector.url())));
    let function = Function::new(FunctionConfig {
        name: "rig-panics".to_owned(),
        binary: env!("CARGO_BIN_EXE_panics").into(),
        environment: variables,
        timeout: clock::DEADLINE,
        concurrency: 1,
    });
    let panicked = function.invoke(&json!({"panics": true})).await?;
    ensure!(matches!(panicked, Outcome::Error(_)), "{panicked:?}");
    let process = function.idle();
    ensure!(process.len() == 1, "it lives and waits: {process:?}");
    let flushed = collector.spans();
    let is_one = flushed.named("sweep").len() == 1;
    ensure!(
        is_one,
        "before it asked for the next event: {}",
        flushed.tree()
    );
    function.answer(&json!({})).await?;
    ensure!(function.idle() == process, "the same process");
    ensure!(collector.spans().named("sweep").len() == 2);
    Ok(())
}

#[tokio::test]
async fn a_process_that_is_told_to_end_exports_what_is_finished_and_ends() -> Result<()> {
    let (rig, collector) = start(&[]).await?;
    let story = pass(&rig, "idle-1").await?;
    for function in [&rig.ingest, &rig.enrich] {
        let ends = function.shut_down().await?;
        let codes: Vec<_> = ends.iter().map(ExitStatus::code).collect();
        ensure!(codes == [Some(0)], "{ends:?}");
    }
    // Nothing is lost.
    story.check(&story.demand_mailed(&collector)?)?;

    // In the middle of its work: the object is written, the message is not.
    let gate = Gate::default();
    let held = Fault::HoldAfter(gate.clone());
    rig.front.inject(usize::MAX, held, is_send);
    let request = http::post("/ingest", &[], &flat("busy-1"))?;
    let event = web(Shape::Rest, "/ingest", &request);
    let ending = async {
        gate.reached().await?;
        rig.ingest.signal_busy(Signal::SIGTERM)
    };
    let (outcome, told) = tokio::join!(rig.ingest.invoke(&event), ending);
    ensure!(told? == 1);
    ensure!(matches!(outcome?, Outcome::Exited(Some(status)) if status.code() == Some(0)));
    let spans = collector.spans();
    let stored = spans.named("S3.PutObject").into_iter();
    let mut stored = stored.filter(|span| span.text("aws.s3.key").contains("busy-1"));
    ensure!(stored.next().is_some(), "{}", spans.tree());
    gate.open();
    Ok(())
}

#[tokio::test]
async fn without_an_exporter_ids_are_made_and_handed_on_and_nothing_leaves() -> Result<()> {
    let none = ("TRACE_EXPORTER", "none".to_owned());
    let (rig, collector) = start(&[none]).await?;
    post(&rig, "none-1").await?;
    let sent = rig.cloud.sent();
    let message = sent.first().context("a message")?;
    let parent = message.attributes.get("traceparent").context("a context")?;
    let parts: Vec<&str> = parent.split('-').collect();
    let ["00", trace, span, "01"] = parts[..] else {
        anyhow::bail!("{parent}");
    };
    ensure!((trace.len(), span.len()) == (32, 16), "{parent}");
    let (epoch, unique) = trace.split_at(8);
    let header = format!("Root=1-{epoch}-{unique};Parent={span};Sampled=1");
    ensure!(message.trace_header == Some(header), "{message:?}");
    // SQS refuses an attribute without a value.
    let mut values = message.attributes.values();
    ensure!(values.all(|value| !value.is_empty()), "{message:?}");

    rig.deliver_sent().await?;
    let lines = rig.lines();
    let told = lines.iter().filter(|line| line.contains("none-1"));
    let told: Vec<&String> = told.filter(|line| !line.contains(trace)).collect();
    ensure!(told.is_empty(), "{told:?} tell another trace than {trace}");
    ensure!(collector.posts().is_empty(), "{:?}", collector.posts());
    Ok(())
}
