//! A batch of ten messages whose contexts are whole, half, contradictory, broken or absent: each has a span of its own.

use std::collections::BTreeSet;

use anyhow::{Context, Result, bail, ensure};
use leadwire_tests::cloud::Sent;
use leadwire_tests::collector::{Kind, Link, Span, Spans};
use leadwire_tests::rig::{QUEUE, Rig};

use crate::trace::{Story, of_platform, post, start};

/// A trace of somebody else's, with ids as X-Ray makes them.
const OTHER_TRACE: &str = "6ac29d00abababababababababababab";
const OTHER_SPAN: &str = "0101010101010101";

/// What becomes of a message's context on its way: its name, whether a context comes through, and how the message is changed.
type Way = (&'static str, bool, fn(&mut Sent));

const ALL: [Way; 10] = [
    ("both", true, |_message| ()),
    ("W3C only", true, |message| message.trace_header = None),
    ("X-Ray only", true, |message| message.attributes.clear()),
    (TWO_TRACES, true, |message| {
        message.trace_header = Some(other_header());
    }),
    ("not sampled", true, |message| sample(message, ";Sampled=0")),
    ("unknown", true, |message| sample(message, ";Sampled=?")),
    ("unsaid", true, |message| sample(message, "")),
    ("W3C garbled", true, garble),
    ("garbled", false, |message| {
        garble(message);
        let state = "=,=".to_owned();
        message.attributes.insert("tracestate".to_owned(), state);
        message.trace_header = Some("Root=1-nothing;Parent=0;;=".to_owned());
    }),
    ("absent", false, |message| {
        message.attributes.clear();
        message.trace_header = None;
    }),
];
/// The one whose two contexts contradict each other.
const TWO_TRACES: &str = "two traces";

/// Only X-Ray's context, with something else about its sampling.
fn sample(message: &mut Sent, sampled: &str) {
    message.attributes.clear();
    if let Some(header) = message.trace_header.as_mut() {
        *header = header.replace(";Sampled=1", sampled);
    }
}

fn garble(message: &mut Sent) {
    let odd = "00-zz-0000000000000000-01".to_owned();
    message.attributes.insert("traceparent".to_owned(), odd);
}

fn other_header() -> String {
    let (epoch, unique) = OTHER_TRACE.split_at(8);
    format!("Root=1-{epoch}-{unique};Parent={OTHER_SPAN};Sampled=1")
}

/// One lead of the batch.
struct Mate {
    name: &'static str,
    is_known: bool,
    story: Story,
    message: Sent,
}

async fn mates(rig: &Rig) -> Result<Vec<Mate>> {
    let mut mates = Vec::new();
    for (number, (name, is_known, change)) in ALL.into_iter().enumerate() {
        let story = post(rig, &format!("mate-{number}")).await?;
        let sent = rig.cloud.take_sent();
        let [message] = sent.as_slice() else {
            bail!("one message for a lead, not {sent:?}");
        };
        let mut message = message.clone();
        change(&mut message);
        mates.push(Mate {
            name,
            is_known,
            story,
            message,
        });
    }
    Ok(mates)
}

#[tokio::test]
async fn each_message_of_a_batch_of_ten_has_a_span_of_its_own_and_none_takes_anothers() -> Result<()>
{
    let (rig, collector) = start(&[]).await?;
    let mates = mates(&rig).await?;
    let batch: Vec<Sent> = mates.iter().map(|mate| mate.message.clone()).collect();
    let failed = rig.deliver_all(&batch, 1).await?;
    ensure!(failed.is_empty(), "{:?}", rig.lines());

    let spans = collector.spans();
    let timings = rig.enrich.timings();
    let platform = of_platform(timings.first().context("an invocation")?)?;
    let checked = || {
        let consumers = spans.named(&format!("process {QUEUE}"));
        ensure!(consumers.len() == ALL.len(), "ten messages, ten spans");
        let traces = consumers.iter().map(|span| span.trace_id.as_str());
        let traces: BTreeSet<&str> = traces.collect();
        ensure!(traces.len() == ALL.len(), "ten leads, ten traces");
        for mate in &mates {
            let id = mate.message.id.as_str();
            let mut consumers = consumers.iter();
            let consumer = consumers.find(|span| span.has("messaging.message.id", id));
            let consumer = consumer.context("its message's id")?;
            check(mate, consumer, &spans, &platform).context(mate.name)?;
        }
        let known = mates.iter().filter(|mate| mate.is_known).count();
        let waits = spans.named(&format!("wait {QUEUE}")).len();
        ensure!(
            waits == known,
            "whose sender is known has a time in the queue"
        );
        Ok(())
    };
    checked().with_context(|| spans.tree())?;
    ensure!(collector.faults().is_empty(), "{:?}", collector.faults());
    Ok(())
}

fn check(mate: &Mate, consumer: &Span, spans: &Spans, platform: &Link) -> Result<()> {
    let own = mate.story.trace(spans).context("the webhook's trace")?;
    let producer = own.one(&format!("send {QUEUE}"))?;
    let other = Link {
        trace_id: OTHER_TRACE.to_owned(),
        span_id: OTHER_SPAN.to_owned(),
    };
    if mate.is_known {
        mate.story.check_gap(&own, producer, consumer)?;
    } else {
        let begins = consumer.kind == Kind::Consumer && consumer.parent.is_none();
        ensure!(begins, "it begins a trace");
        ensure!(!own.0.contains(consumer), "which is nobody's");
    }
    let is_linked = consumer.links.contains(&other);
    let has_two = mate.name == TWO_TRACES;
    ensure!(is_linked == has_two, "{:?}", consumer.links);
    let linked = consumer.links.iter();
    for link in linked.filter(|link| **link != other && *link != platform) {
        let is_own = link.trace_id == producer.trace_id;
        ensure!(is_own, "a link into another lead's trace");
    }
    let work = spans.within(consumer);
    mate.story.check_work(&work, consumer)?;
    for span in &work.0 {
        let key = span.text("aws.s3.key");
        let is_own = key.is_empty() || key.contains(&mate.story.lead);
        ensure!(is_own, "{key} is another lead's");
    }
    Ok(())
}
