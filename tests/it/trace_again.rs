//! A lead that is tried again stays in its one trace, each attempt to be seen.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use leadwire_tests::collector::{Collector, Span, Spans, Status};
use leadwire_tests::fault::Fault;
use leadwire_tests::instance::Outcome;
use leadwire_tests::rig::{QUEUE, RAW, Rig};
use serde_json::json;

use crate::trace::{Story, otlp};

/// Longer than an event can wait for anything.
const AGE: Duration = Duration::from_hours(3);

async fn start() -> Result<(Rig, Collector)> {
    let collector = Collector::start().await?;
    Ok((Rig::start(&otlp(&collector.url())).await?, collector))
}

async fn post(rig: &Rig, lead: &str) -> Result<Story> {
    let body = json!({"lead_id": lead}).to_string();
    Ok(Story::of_rig(&rig.accepted("/ingest", &[], &body).await?))
}

fn put_owner(rig: &Rig, lead: &str) {
    rig.put_owner(lead, &json!({"lead_id": lead, "lead_owner": "Omar"}));
}

fn consumers(trace: &Spans) -> Vec<&Span> {
    trace.named(&format!("process {QUEUE}"))
}

#[tokio::test]
async fn a_message_that_is_received_again_has_a_second_span_below_the_same_producer() -> Result<()>
{
    let (rig, collector) = start().await?;
    put_owner(&rig, "again-1");
    let story = post(&rig, "again-1").await?;
    rig.front.inject(3, Fault::s3(503, "SlowDown"), |request| {
        request.method() == hyper::Method::GET
            && request.uri().path().starts_with(&format!("/{RAW}/"))
    });
    let sent = rig.cloud.take_sent();
    let message = sent.first().context("a message")?;
    let failed = rig.deliver(&[message.received(1)?]).await?;
    ensure!(failed.iter().eq([&message.id]), "{failed:?}");
    ensure!(rig.deliver(&[message.received(2)?]).await?.is_empty());

    let trace = story.mailed(&collector.spans()).context("a mail")?;
    let checked = || {
        let producer = story.check_webhook(&trace)?;
        let [first, second] = consumers(&trace).try_into().ok().context("two attempts")?;
        for attempt in [first, second] {
            story.check_gap(&trace, producer, attempt)?;
        }
        ensure!(
            matches!(first.status, Status::Error(_)),
            "the first one failed"
        );
        ensure!(
            first.text("error.type") == "store_unavailable",
            "{:?}",
            first.attributes
        );
        let failed = trace.within(first);
        let failed = failed.named("S3.GetObject").into_iter();
        let failed = failed.filter(|span| matches!(span.status, Status::Error(_)));
        ensure!(failed.count() == 1, "and its call says which");
        let waits = trace.named(&format!("wait {QUEUE}"));
        ensure!(waits.len() == 1, "it lay in the queue once: {waits:?}");
        story.check_work(&trace.within(second), second)
    };
    checked().with_context(|| trace.tree())
}

#[tokio::test]
async fn an_owner_who_comes_late_leaves_every_look_in_the_trace() -> Result<()> {
    let (rig, collector) = start().await?;
    let story = post(&rig, "late-1").await?;
    rig.deliver_sent().await?;
    rig.deliver_sent().await?;
    put_owner(&rig, "late-1");
    rig.deliver_sent().await?;

    let trace = story.mailed(&collector.spans()).context("a mail")?;
    let checked = || {
        let mut producer = story.check_webhook(&trace)?;
        let attempts = consumers(&trace);
        ensure!(attempts.len() == 3, "three looks");
        for (number, attempt) in attempts.iter().enumerate() {
            story.check_gap(&trace, producer, attempt)?;
            ensure!(
                !matches!(attempt.status, Status::Error(_)),
                "waiting is not failing"
            );
            let sent = trace.children(attempt).into_iter();
            let mut sent = sent.filter(|span| span.name == format!("send {QUEUE}"));
            match sent.next() {
                Some(copy) if number < 2 => producer = copy,
                None if number == 2 => {}
                other => anyhow::bail!("look {number} sent {other:?}"),
            }
        }
        let last = attempts.last().context("the last look")?;
        story.check_work(&trace.within(last), last)
    };
    checked().with_context(|| trace.tree())
}

#[tokio::test]
async fn an_event_that_the_sweep_finds_goes_on_in_its_own_trace() -> Result<()> {
    let (rig, collector) = start().await?;
    put_owner(&rig, "swept-1");
    let story = post(&rig, "swept-1").await?;
    ensure!(rig.cloud.take_sent().len() == 1, "the trigger that is lost");
    rig.front.inject(usize::MAX, Fault::Age(AGE), |request| {
        let query = request.uri().query().unwrap_or_default();
        query.contains("list-type=2") && query.contains("prefix=raw")
    });
    let swept = rig.sweep.invoke(&json!({})).await?;
    ensure!(matches!(swept, Outcome::Response(_)), "{swept:?}");
    rig.deliver_sent().await?;

    let spans = collector.spans();
    let trace = story
        .mailed(&spans)
        .context("a mail")
        .with_context(|| spans.tree())?;
    let checked = || {
        let first = story.check_webhook(&trace)?;
        let consumer = consumers(&trace).pop().context("an attempt")?;
        let sends = trace.named(&format!("send {QUEUE}"));
        let second = sends.last().context("the sweep sends")?;
        ensure!(first != *second, "the sweep's message is another");
        story.check_gap(&trace, second, consumer)?;
        story.check_work(&trace.within(consumer), consumer)
    };
    checked().with_context(|| spans.tree())
}
