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

/// What became of a message's context on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Context10 {
    Both,
    W3cOnly,
    XrayOnly,
    TwoTraces,
    NotSampled,
    SampledUnknown,
    SampledUnsaid,
    W3cGarbled,
    Garbled,
    Absent,
}

const ALL: [Context10; 10] = [
    Context10::Both,
    Context10::W3cOnly,
    Context10::XrayOnly,
    Context10::TwoTraces,
    Context10::NotSampled,
    Context10::SampledUnknown,
    Context10::SampledUnsaid,
    Context10::W3cGarbled,
    Context10::Garbled,
    Context10::Absent,
];

impl Context10 {
    /// Does to a message what happens to this one.
    fn change(self, message: &mut Sent) {
        let header = message.trace_header.clone().unwrap_or_default();
        let root_and_parent = header.trim_end_matches("Sampled=1").to_owned();
        let (is_w3c, header) = match self {
            Self::Both | Self::Garbled => (true, Some(header)),
            Self::W3cOnly => (true, None),
            Self::XrayOnly | Self::W3cGarbled => (self == Self::W3cGarbled, Some(header)),
            Self::TwoTraces => (true, Some(other_header())),
            Self::NotSampled => (false, Some(root_and_parent + "Sampled=0")),
            Self::SampledUnknown => (false, Some(root_and_parent + "Sampled=?")),
            Self::SampledUnsaid => {
                let unsaid = root_and_parent.trim_end_matches(';');
                (false, Some(unsaid.to_owned()))
            }
            Self::Absent => (false, None),
        };
        message.trace_header = header;
        if !is_w3c {
            message.attributes.clear();
        }
        if matches!(self, Self::W3cGarbled | Self::Garbled) {
            let odd = "00-zz-0000000000000000-01".to_owned();
            message.attributes.insert("traceparent".to_owned(), odd);
        }
        if self == Self::Garbled {
            message.trace_header = Some("Root=1-nothing;Parent=0;;=".to_owned());
            let state = "=,=".to_owned();
            message.attributes.insert("tracestate".to_owned(), state);
        }
    }

    /// Whether a context came through.
    fn is_known(self) -> bool {
        !matches!(self, Self::Garbled | Self::Absent)
    }
}

fn other_header() -> String {
    let (epoch, unique) = OTHER_TRACE.split_at(8);
    format!("Root=1-{epoch}-{unique};Parent={OTHER_SPAN};Sampled=1")
}

/// One lead of the batch.
struct Mate {
    context: Context10,
    story: Story,
    message: Sent,
}

async fn mates(rig: &Rig) -> Result<Vec<Mate>> {
    let mut mates = Vec::new();
    for (number, context) in ALL.into_iter().enumerate() {
        let story = post(rig, &format!("mate-{number}")).await?;
        let sent = rig.cloud.take_sent();
        let [message] = sent.as_slice() else {
            bail!("one message for a lead, not {sent:?}");
        };
        let mut message = message.clone();
        context.change(&mut message);
        mates.push(Mate {
            context,
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
            check(mate, consumer, &spans, &platform)
                .with_context(|| format!("{:?}", mate.context))?;
        }
        let known = ALL.iter().filter(|context| context.is_known()).count();
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
    if mate.context.is_known() {
        mate.story.check_gap(&own, producer, consumer)?;
    } else {
        let begins = consumer.kind == Kind::Consumer && consumer.parent.is_none();
        ensure!(begins, "it begins a trace");
        ensure!(!own.0.contains(consumer), "which is nobody's");
    }
    let is_linked = consumer.links.contains(&other);
    let has_two = mate.context == Context10::TwoTraces;
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
