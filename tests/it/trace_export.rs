//! What exporting costs, and what a collector that is dead, slow or unfriendly costs: a bounded time, a count, never a lead.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use hyper::header::HeaderValue;
use leadwire_tests::clock::{self, DEADLINE};
use leadwire_tests::collector::{Collector, Mood, Status, dead_endpoint};
use leadwire_tests::event::{Shape, web};
use leadwire_tests::fault::{Fault, Gate};
use leadwire_tests::function::{Function, FunctionConfig};
use leadwire_tests::http::Request;
use leadwire_tests::instance::{Outcome, Timing};
use leadwire_tests::metric;
use leadwire_tests::rig::{self, Rig};
use serde_json::json;

use crate::trace::{Story, otlp};

/// A flush may hold a process this long, on a busy machine.
const FLUSH_MAX: Duration = Duration::from_secs(20);

async fn post(rig: &Rig, lead: &str) -> Result<Story> {
    rig.put_owner(lead, &json!({"lead_id": lead, "lead_owner": "Omar"}));
    let body = json!({"lead_id": lead}).to_string();
    Ok(Story::of_rig(&rig.accepted("/ingest", &[], &body).await?))
}

/// A lead all the way.
async fn pass(rig: &Rig, lead: &str) -> Result<Story> {
    let story = post(rig, lead).await?;
    rig.deliver_sent().await?;
    Ok(story)
}

/// How long a process took for itself after its answer.
fn after_answer(timing: &Timing) -> Result<Duration> {
    let (answered, idle) = timing.answered.zip(timing.idle).context("it came back")?;
    Ok(Duration::try_from(idle.duration_since(answered))?)
}

/// What is asked of SQS.
fn is_send(request: &Request) -> bool {
    let target = request.headers().get("x-amz-target");
    target == Some(&HeaderValue::from_static("AmazonSQS.SendMessage"))
}

#[tokio::test]
async fn spans_are_exported_once_an_invocation_and_only_after_its_answer() -> Result<()> {
    let collector = Collector::start().await?;
    collector.behave(Mood::Dawdles(Duration::from_millis(200)));
    let rig = Rig::start(&otlp(&collector.url())).await?;
    for lead in ["order-1", "order-2"] {
        let story = pass(&rig, lead).await?;
        ensure!(
            story.mailed(&collector.spans()).is_some(),
            "{}",
            collector.spans().tree()
        );
    }
    let mut posts = collector.posts();
    let timings = [rig.ingest.timings(), rig.enrich.timings()].concat();
    ensure!((timings.len(), posts.len()) == (4, 4), "{posts:?}");
    for timing in timings {
        let (answered, idle) = timing.answered.zip(timing.idle).context("it came back")?;
        let before = posts.len();
        posts.retain(|post| !(answered..=idle).contains(&post.at));
        ensure!(
            before == posts.len() + 1,
            "one export after the answer: {timing:?}, {posts:?}"
        );
    }
    Ok(())
}

#[tokio::test]
async fn a_collector_that_is_dead_or_unfriendly_costs_a_bounded_time_and_a_count_but_no_lead()
-> Result<()> {
    let collector = Collector::start().await?;
    let mut rigs = vec![Rig::start(&otlp(&dead_endpoint()?)).await?];
    let moods = [
        Mood::Refuses(503),
        Mood::Refuses(400),
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
    clock::eventually("its spans are exported again", DEADLINE, || async {
        let story = pass(&rig, "friendly-1").await?;
        Ok(story.mailed(&collector.spans()))
    })
    .await?;
    Ok(())
}

/// Both functions count what they lost: a webhook has three spans, an enrichment at least seven.
async fn check_counted(rig: &Rig) -> Result<()> {
    clock::eventually("the lost spans are counted", DEADLINE, || async {
        Ok((metric::sum(&rig.lines(), "TelemetryDropped") >= 20.0).then_some(()))
    })
    .await
    .with_context(|| rig.lines().join("\n"))
}

fn check_bounded(rig: &Rig) -> Result<()> {
    for timing in [rig.ingest.timings(), rig.enrich.timings()].concat() {
        let took = after_answer(&timing)?;
        ensure!(took < FLUSH_MAX, "{took:?}");
    }
    Ok(())
}

#[tokio::test]
async fn an_invocation_that_fails_is_exported_too() -> Result<()> {
    let collector = Collector::start().await?;
    let rig = Rig::start(&otlp(&collector.url())).await?;
    rig.front
        .inject(usize::MAX, Fault::s3(403, "AccessDenied"), |request| {
            request
                .uri()
                .query()
                .is_some_and(|query| query.contains("list-type=2"))
        });
    let failed = rig.sweep.invoke(&json!({})).await?;
    ensure!(matches!(failed, Outcome::Error(_)), "{failed:?}");
    let spans = collector.spans();
    let told = spans
        .0
        .iter()
        .any(|span| matches!(span.status, Status::Error(_)));
    ensure!(told, "{} {:?}", spans.tree(), rig.lines());

    // An event that is none reaches no stage, and the process goes on.
    let failed = rig.enrich.invoke(&json!({"Records": 5})).await?;
    ensure!(matches!(failed, Outcome::Error(_)), "{failed:?}");
    let story = pass(&rig, "after-1").await?;
    ensure!(
        story.mailed(&collector.spans()).is_some(),
        "{}",
        collector.spans().tree()
    );
    Ok(())
}

#[tokio::test]
async fn an_invocation_that_panics_is_exported_too_and_the_process_goes_on() -> Result<()> {
    let collector = Collector::start().await?;
    let mut environment = rig::variables(&dead_endpoint()?);
    let own = otlp(&collector.url()).into_iter();
    environment.extend(own.map(|(name, value)| (name.to_owned(), value)));
    let function = Function::new(FunctionConfig {
        name: "rig-panics".to_owned(),
        binary: env!("CARGO_BIN_EXE_panics").into(),
        environment,
        timeout: DEADLINE,
        concurrency: 1,
    });
    let panicked = function.invoke(&json!({"panics": true})).await?;
    ensure!(matches!(panicked, Outcome::Error(_)), "{panicked:?}");
    let process = function.idle();
    ensure!(process.len() == 1, "it lives and waits: {process:?}");
    ensure!(
        collector.spans().named("sweep").len() == 1,
        "its span was flushed before it asked for the next event: {}",
        collector.spans().tree()
    );
    let went_on = function.invoke(&json!({})).await?;
    ensure!(matches!(went_on, Outcome::Response(_)), "{went_on:?}");
    ensure!(function.idle() == process, "the same process");
    ensure!(collector.spans().named("sweep").len() == 2);
    Ok(())
}

#[tokio::test]
async fn a_process_that_is_told_to_end_exports_what_is_finished_and_ends() -> Result<()> {
    let collector = Collector::start().await?;
    let rig = Rig::start(&otlp(&collector.url())).await?;
    let story = pass(&rig, "idle-1").await?;
    for function in [&rig.ingest, &rig.enrich] {
        let ends = function.shut_down(DEADLINE).await?;
        ensure!(
            ends.len() == 1 && ends.iter().all(|end| end.code() == Some(0)),
            "{ends:?}"
        );
    }
    story.check(
        &story
            .mailed(&collector.spans())
            .context("nothing is lost")?,
    )?;

    // In the middle of its work: the object is written, the message is not.
    let gate = Gate::default();
    rig.front
        .inject(usize::MAX, Fault::HoldAfter(gate.clone()), is_send);
    let body = json!({"lead_id": "busy-1"}).to_string();
    let event = web(
        Shape::Rest,
        "/ingest",
        &rig::request("/ingest", &[], &body)?,
    );
    let ending = async {
        let what = "the process waits for SQS";
        clock::eventually(what, DEADLINE, || async {
            Ok((gate.arrivals() > 0).then_some(()))
        })
        .await?;
        rig.ingest.signal_busy("TERM").await
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
    let collector = Collector::start().await?;
    let mut environment = otlp(&collector.url());
    environment.push(("TRACE_EXPORTER", "none".to_owned()));
    let rig = Rig::start(&environment).await?;
    post(&rig, "none-1").await?;
    let sent = rig.cloud.sent();
    let message = sent.first().context("a message")?;
    let parent = message.attributes.get("traceparent").context("a context")?;
    let [version, trace, span, flags] = parent
        .split('-')
        .collect::<Vec<_>>()
        .try_into()
        .ok()
        .context("four")?;
    ensure!(
        (version, trace.len(), span.len(), flags) == ("00", 32, 16, "01"),
        "{parent}"
    );
    let (epoch, unique) = trace.split_at(8);
    let header = format!("Root=1-{epoch}-{unique};Parent={span};Sampled=1");
    ensure!(
        message.trace_header.as_ref() == Some(&header),
        "{message:?}"
    );
    // SQS refuses an attribute without a value.
    ensure!(
        message.attributes.values().all(|value| !value.is_empty()),
        "{message:?}"
    );

    rig.deliver_sent().await?;
    let lines = rig.lines();
    let told = lines.iter().filter(|line| line.contains("none-1"));
    let told: Vec<&String> = told.filter(|line| !line.contains(trace)).collect();
    ensure!(told.is_empty(), "{told:?} tell another trace than {trace}");
    ensure!(collector.posts().is_empty(), "{:?}", collector.posts());
    Ok(())
}
