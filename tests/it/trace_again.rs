//! A lead that is tried again stays in its one trace, each attempt to be seen.

use anyhow::{Context, Result, ensure};
use hyper::Method;
use leadwire_tests::collector::{Span, Spans};
use leadwire_tests::fault::{Fault, lists};
use leadwire_tests::rig::{QUEUE, RAW};
use serde_json::json;

use crate::trace::{Story, post, start};

fn consumers(trace: &Spans) -> Vec<&Span> {
    trace.named(&format!("process {QUEUE}"))
}

#[tokio::test]
async fn a_message_that_is_received_again_has_a_second_span_below_the_same_producer() -> Result<()>
{
    let (rig, collector) = start(&[]).await?;
    let story = post(&rig, "again-1").await?;
    let raw = format!("/{RAW}/");
    let slow = Fault::s3(503, "SlowDown");
    rig.front.inject(3, slow, move |request| {
        request.method() == Method::GET && request.uri().path().starts_with(&raw)
    });
    let sent = rig.cloud.take_sent();
    let message = sent.first().context("a message")?;
    let failed = rig.deliver(&[message.received(1)?]).await?;
    ensure!(failed.iter().eq([&message.id]), "{failed:?}");
    ensure!(rig.deliver(&[message.received(2)?]).await?.is_empty());

    let trace = story.demand_mailed(&collector)?;
    let checked = || {
        let producer = story.check_webhook(&trace)?;
        let [first, second] = consumers(&trace).try_into().ok().context("two attempts")?;
        for attempt in [first, second] {
            story.check_gap(&trace, producer, attempt)?;
        }
        ensure!(first.error.is_some(), "the first one failed");
        first.demand(&[("error.type", "store_unavailable")])?;
        let failed = trace.within(first);
        let failed = failed.named("S3.GetObject").into_iter();
        let failed = failed.filter(|span| span.error.is_some());
        ensure!(failed.count() == 1, "and its call says which");
        let waits = trace.named(&format!("wait {QUEUE}"));
        ensure!(waits.len() == 1, "it lay in the queue once: {waits:?}");
        story.check_work(&trace.within(second), second)
    };
    checked().with_context(|| trace.tree())
}

#[tokio::test]
async fn an_owner_who_comes_late_leaves_every_look_in_the_trace() -> Result<()> {
    let (rig, collector) = start(&[]).await?;
    let story = Story::of_rig(&rig.lead("late-1").await?);
    rig.deliver_sent().await?;
    rig.deliver_sent().await?;
    rig.assign("late-1", "Omar");
    rig.deliver_sent().await?;

    let trace = story.demand_mailed(&collector)?;
    let checked = || {
        let mut producer = story.check_webhook(&trace)?;
        let attempts = consumers(&trace);
        ensure!(attempts.len() == 3, "three looks");
        for (number, attempt) in attempts.iter().enumerate() {
            story.check_gap(&trace, producer, attempt)?;
            ensure!(attempt.error.is_none(), "waiting is not failing");
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
    let (rig, collector) = start(&[]).await?;
    let story = post(&rig, "swept-1").await?;
    ensure!(rig.cloud.take_sent().len() == 1, "the trigger that is lost");
    let is_raw = |call: &_| lists(call, "raw");
    rig.front.inject(usize::MAX, Fault::Age, is_raw);
    rig.sweep.answer(&json!({})).await?;
    rig.deliver_sent().await?;

    let trace = story.demand_mailed(&collector)?;
    let checked = || {
        let first = story.check_webhook(&trace)?;
        let consumer = consumers(&trace).pop().context("an attempt")?;
        let sends = trace.named(&format!("send {QUEUE}"));
        let second = sends.last().context("the sweep sends")?;
        ensure!(first != *second, "the sweep's message is another");
        story.check_gap(&trace, second, consumer)?;
        story.check_work(&trace.within(consumer), consumer)
    };
    checked().with_context(|| trace.tree())
}
