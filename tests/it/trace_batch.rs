//! A batch of ten messages whose contexts are whole, half, contradictory, broken or absent: each has a span of its own.

use std::collections::BTreeSet;

use anyhow::{Context, Result, ensure};
use aws_sdk_sqs::types::Message;
use leadwire_tests::cloud::Sent;
use leadwire_tests::collector::{Collector, Kind, Link, Span, Spans};
use leadwire_tests::rig::{QUEUE, Rig};
use serde_json::json;

use crate::trace::{Story, of_platform, otlp};

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
            Self::SampledUnsaid => (
                false,
                Some(root_and_parent.trim_end_matches(';').to_owned()),
            ),
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
            message
                .attributes
                .insert("tracestate".to_owned(), "=,=".to_owned());
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
        let lead = format!("mate-{number}");
        rig.put_owner(&lead, &json!({"lead_id": lead, "lead_owner": "Omar"}));
        let body = json!({"lead_id": lead}).to_string();
        let story = Story::of_rig(&rig.accepted("/ingest", &[], &body).await?);
        let [mut message] = rig
            .cloud
            .take_sent()
            .try_into()
            .map_err(|sent| anyhow::anyhow!("one message for a lead, not {sent:?}"))?;
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
    let collector = Collector::start().await?;
    let rig = Rig::start(&otlp(&collector.url())).await?;
    let mates = mates(&rig).await?;
    let sent = mates.iter().map(|mate| mate.message.received(1));
    let batch: Vec<Message> = sent.collect::<Result<_>>()?;
    ensure!(rig.deliver(&batch).await?.is_empty(), "{:?}", rig.lines());

    let spans = collector.spans();
    let timings = rig.enrich.timings();
    let platform = of_platform(timings.first().context("an invocation")?)?;
    let checked = || {
        let consumers = spans.named(&format!("process {QUEUE}"));
        ensure!(consumers.len() == ALL.len(), "ten messages, ten spans");
        let traces: BTreeSet<&str> = consumers
            .iter()
            .map(|span| span.trace_id.as_str())
            .collect();
        ensure!(traces.len() == ALL.len(), "ten leads, ten traces");
        for mate in &mates {
            let consumer = consumers
                .iter()
                .find(|span| span.has("messaging.message.id", mate.message.id.as_str()))
                .context("its message's id")?;
            check(mate, consumer, &spans, &platform)
                .with_context(|| format!("{:?}", mate.context))?;
        }
        let known = ALL.iter().filter(|context| context.is_known()).count();
        let waits = spans.named(&format!("wait {QUEUE}"));
        ensure!(
            waits.len() == known,
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
        ensure!(
            consumer.kind == Kind::Consumer && consumer.parent.is_none(),
            "it begins a trace"
        );
        ensure!(!own.0.contains(consumer), "which is nobody's");
    }
    let is_linked = consumer.links.contains(&other);
    ensure!(
        is_linked == (mate.context == Context10::TwoTraces),
        "{:?}",
        consumer.links
    );
    let linked = consumer.links.iter();
    let linked = linked.filter(|link| **link != other && *link != platform);
    for link in linked {
        ensure!(
            link.trace_id == producer.trace_id,
            "a link into another lead's trace"
        );
    }
    let work = spans.within(consumer);
    mate.story.check_work(&work, consumer)?;
    for span in &work.0 {
        let key = span.text("aws.s3.key");
        ensure!(
            key.is_empty() || key.contains(&mate.story.lead),
            "{key} is another lead's"
        );
    }
    Ok(())
}
