//! One lead is one trace, from the webhook to the mail, whoever collects it and however often it was tried.

use anyhow::{Context, Result, ensure};
use leadwire_tests::clock::{self, DEADLINE};
use leadwire_tests::collector::rotel::Rotel;
use leadwire_tests::collector::xray::XrayApi;
use leadwire_tests::collector::{Collector, Kind, Link, Span, Spans, Status};
use leadwire_tests::house::{House, HouseOptions};
use leadwire_tests::instance::Timing;
use leadwire_tests::rig::{ENRICHED, LOOKUP, QUEUE, RAW, Rig};
use serde_json::{Value, json};

/// What makes the functions export to a collector.
pub(crate) fn otlp(endpoint: &str) -> Vec<(&'static str, String)> {
    vec![
        ("TRACE_EXPORTER", "otlp".to_owned()),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint.to_owned()),
    ]
}

/// The life of one lead, and where it took place.
pub(crate) struct Story {
    pub(crate) lead: String,
    pub(crate) raw_key: String,
    pub(crate) queue: String,
    pub(crate) buckets: [String; 3],
}

impl Story {
    /// A lead that a rig accepted.
    pub(crate) fn of_rig(event: &Value) -> Self {
        Self {
            lead: text(&event["lead_id"]),
            raw_key: text(&event["s3_key"]),
            queue: QUEUE.to_owned(),
            buckets: [RAW, LOOKUP, ENRICHED].map(str::to_owned),
        }
    }

    /// A lead that a house accepted.
    fn of_house(event: &Value, house: &House) -> Result<Self> {
        let output = |name: &str| house.stack.output(name).map(str::to_owned);
        let queue = output("DelayQueueUrl")?;
        let queue = queue.rsplit('/').next().context("a queue has a name")?;
        Ok(Self {
            lead: text(&event["lead_id"]),
            raw_key: text(&event["s3_key"]),
            queue: queue.to_owned(),
            buckets: [
                output("RawBucketName")?,
                output("LookupBucketName")?,
                output("EnrichedBucketName")?,
            ],
        })
    }

    /// The trace that stored the lead's bytes.
    pub(crate) fn trace(&self, spans: &Spans) -> Option<Spans> {
        let stored = spans.0.iter().find(|span| {
            span.name == "S3.PutObject" && span.has("aws.s3.key", self.raw_key.as_str())
        });
        Some(spans.of_trace(&stored?.trace_id))
    }

    /// The trace once the mail is in it.
    pub(crate) fn mailed(&self, spans: &Spans) -> Option<Spans> {
        let trace = self.trace(spans)?;
        // A span is finished after all that is in it.
        let mailed = trace
            .starting("process ")
            .into_iter()
            .any(|process| !trace.within(process).named("SES.SendEmail").is_empty());
        mailed.then_some(trace)
    }

    /// Every span, parent and link of the contract, for a lead that was mailed at the first attempt.
    pub(crate) fn check(&self, trace: &Spans) -> Result<()> {
        let checked = || {
            let producer = self.check_webhook(trace)?;
            let consumer = trace.one(&format!("process {}", self.queue))?;
            self.check_gap(trace, producer, consumer)?;
            self.check_work(trace, consumer)?;
            self.check_whole(trace)
        };
        checked().with_context(|| trace.tree())
    }

    /// The server span, and the producer span, which is given back.
    pub(crate) fn check_webhook<'a>(&self, trace: &'a Spans) -> Result<&'a Span> {
        let server = trace.one("POST /ingest")?;
        ensure!(server.kind == Kind::Server && server.parent.is_none());
        for (name, value) in [
            ("http.request.method", "POST"),
            ("http.route", "/ingest"),
            ("url.path", "/ingest"),
            ("url.scheme", "https"),
            ("faas.trigger", "http"),
        ] {
            ensure!(server.has(name, value), "{name} of the server span");
        }
        ensure!(server.has("http.response.status_code", 202));
        ensure!(!server.text("faas.invocation_id").is_empty());
        let [raw, ..] = &self.buckets;
        check_s3(
            self.object(trace, "S3.PutObject", raw, &self.raw_key)?,
            server,
        )?;
        let producer = trace
            .children(server)
            .into_iter()
            .find(|span| span.name == format!("send {}", self.queue))
            .context("the webhook sends a message")?;
        self.check_producer(producer)?;
        Ok(producer)
    }

    fn check_producer(&self, span: &Span) -> Result<()> {
        ensure!(span.kind == Kind::Producer);
        for (name, value) in [
            ("messaging.system", "aws_sqs"),
            ("messaging.operation.type", "send"),
            ("messaging.operation.name", "send"),
            ("messaging.destination.name", self.queue.as_str()),
        ] {
            ensure!(span.has(name, value), "{name} of {}", span.name);
        }
        Ok(())
    }

    /// The time in the queue, and the span of the message's work, below the span that sent the message.
    pub(crate) fn check_gap(&self, trace: &Spans, producer: &Span, consumer: &Span) -> Result<()> {
        ensure!(consumer.kind == Kind::Consumer);
        ensure!(consumer.is_child_of(producer) && consumer.links_to(producer));
        for (name, value) in [
            ("messaging.system", "aws_sqs"),
            ("messaging.operation.type", "process"),
            ("messaging.operation.name", "process"),
            ("messaging.destination.name", self.queue.as_str()),
        ] {
            ensure!(consumer.has(name, value), "{name} of {}", consumer.name);
        }
        ensure!(!consumer.text("messaging.message.id").is_empty());
        let children = trace.children(producer);
        let wait = children
            .iter()
            .find(|span| span.name == format!("wait {}", self.queue))
            .context("a span for the time in the queue")?;
        ensure!(wait.kind == Kind::Internal);
        // Both its times are whole milliseconds, by the queue's clock.
        let slack = 2_000_000;
        ensure!(wait.start + slack >= producer.start && wait.start <= wait.end);
        ensure!(
            wait.end <= consumer.start + slack,
            "it waits until it is received"
        );
        Ok(())
    }

    /// What the message's work consists of.
    pub(crate) fn check_work(&self, trace: &Spans, consumer: &Span) -> Result<()> {
        let [raw, lookup, enriched] = &self.buckets;
        let got = self.object(trace, "S3.GetObject", raw, &self.raw_key)?;
        let owner = format!("{}.json", self.lead);
        let owner = self.object(trace, "S3.GetObject", lookup, &owner)?;
        let document = self.raw_key.replacen("raw/", "enriched/", 1);
        let put = self.object(trace, "S3.PutObject", enriched, &document)?;
        for span in [got, owner, put] {
            check_s3(span, consumer)?;
        }
        let (merge, mail) = (trace.one("merge")?, trace.one("SES.SendEmail")?);
        ensure!(merge.kind == Kind::Internal && merge.is_child_of(consumer));
        ensure!(mail.kind == Kind::Client && mail.is_child_of(consumer));
        ensure!(mail.has("rpc.system", "aws-api") && mail.has("rpc.method", "SendEmail"));
        ensure!(!mail.text("rpc.service").is_empty());
        let in_order = got.end <= merge.start
            && owner.end <= merge.start
            && merge.end <= put.start
            && put.end <= mail.start
            && mail.end <= consumer.end;
        ensure!(in_order, "read, merge, store, mail");
        Ok(())
    }

    fn object<'a>(
        &self,
        trace: &'a Spans,
        name: &str,
        bucket: &str,
        key: &str,
    ) -> Result<&'a Span> {
        let found = trace
            .named(name)
            .into_iter()
            .find(|span| span.has("aws.s3.bucket", bucket) && span.has("aws.s3.key", key));
        found.with_context(|| format!("no {name} of {bucket}/{key} for {}", self.lead))
    }

    /// No span of another name, none that failed, none below a span that is not there, none from nowhere.
    fn check_whole(&self, trace: &Spans) -> Result<()> {
        let of_queue = ["send", "wait", "process"].map(|verb| format!("{verb} {}", self.queue));
        let plain = [
            "POST /ingest",
            "S3.PutObject",
            "S3.GetObject",
            "merge",
            "SES.SendEmail",
        ];
        for span in &trace.0 {
            let name = span.name.as_str();
            let is_known = plain.contains(&name) || of_queue.iter().any(|known| known == name);
            ensure!(is_known, "{name} is no name of the contract");
            ensure!(!matches!(span.status, Status::Error(_)), "{name} failed");
            ensure!(
                span.start > 0 && span.start <= span.end,
                "the times of {name}"
            );
            ensure!(
                span.resource.contains_key("service.name"),
                "who made {name}"
            );
            let has_parent = |parent: &String| trace.0.iter().any(|span| span.span_id == *parent);
            ensure!(
                span.parent.as_ref().is_none_or(has_parent),
                "{name} hangs in the air"
            );
        }
        Ok(())
    }
}

fn check_s3(span: &Span, parent: &Span) -> Result<()> {
    let method = span.name.trim_start_matches("S3.");
    ensure!(
        span.kind == Kind::Client && span.is_child_of(parent),
        "{}",
        span.name
    );
    for (name, value) in [
        ("rpc.system", "aws-api"),
        ("rpc.service", "S3"),
        ("rpc.method", method),
    ] {
        ensure!(span.has(name, value), "{name} of {}", span.name);
    }
    Ok(())
}

/// The platform's own context of an invocation, which X-Ray knows it by.
pub(crate) fn of_platform(timing: &Timing) -> Result<Link> {
    let member = |name: &str| {
        let mut members = timing.trace.split(';');
        let found = members.find_map(|member| member.strip_prefix(name)?.strip_prefix('='));
        found.with_context(|| format!("{name} in {}", timing.trace))
    };
    Ok(Link {
        trace_id: member("Root")?.trim_start_matches("1-").replace('-', ""),
        span_id: member("Parent")?.to_owned(),
    })
}

pub(crate) fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

/// An id that X-Ray takes too begins with the time, in seconds.
fn check_recent(trace_id: &str) -> Result<()> {
    let epoch = trace_id.get(..8).context("32 digits")?;
    let age = clock::now().as_second() - i64::from_str_radix(epoch, 16)?;
    ensure!((-5..=120).contains(&age), "{trace_id} is {age} s old");
    Ok(())
}

/// The lines that tell of a lead, each with the trace that it tells.
fn traces_told(lines: &[Value], lead: &str) -> Vec<(String, String)> {
    let of_lead = lines.iter().filter(|line| line["lead_id"] == lead);
    of_lead
        .map(|line| (text(&line["trace_id"]), text(&line["span_id"])))
        .collect()
}

async fn post(rig: &Rig, lead: &str) -> Result<Story> {
    rig.put_owner(lead, &json!({"lead_id": lead, "lead_owner": "Omar"}));
    let body = json!({"lead_id": lead, "display_name": "Zoë"}).to_string();
    Ok(Story::of_rig(&rig.accepted("/ingest", &[], &body).await?))
}

#[tokio::test]
async fn one_lead_is_one_trace_through_the_deployed_stack_and_stays_one_through_a_redrive()
-> Result<()> {
    let collector = Collector::start().await?;
    let mut environment = otlp(&collector.url());
    environment.extend([
        ("LEASE_SECONDS", "1".to_owned()),
        ("RETRY_SECONDS", "1".to_owned()),
    ]);
    let house = House::build(HouseOptions {
        parameters: vec![("DelaySeconds", "0")],
        overrides: vec![("DelayQueue", "VisibilityTimeout", json!(2))],
        environment,
        ..HouseOptions::default()
    })
    .await?;
    house
        .put_owner("one-1", &json!({"lead_id": "one-1", "lead_owner": "Omar"}))
        .await?;
    // Another lead's file: that fails until it is mended, and nobody's time helps.
    house
        .put_owner("one-2", &json!({"lead_id": "one-3", "lead_owner": "Omar"}))
        .await?;
    let good = house
        .accepted("/ingest", &[], r#"{"lead_id":"one-1"}"#)
        .await?;
    let dead = house
        .accepted("/ingest", &[], r#"{"lead_id":"one-2"}"#)
        .await?;
    let (good, dead) = (
        Story::of_house(&good, &house)?,
        Story::of_house(&dead, &house)?,
    );

    let trace = collector
        .eventually("the good lead is mailed", DEADLINE, |spans| {
            good.mailed(spans)
        })
        .await
        .with_context(|| house.account())?;
    good.check(&trace)?;
    let trace_id = trace.trace_ids().into_iter().next().context("one trace")?;
    check_recent(trace_id)?;
    for function in [&house.ingest, &house.enrich] {
        let told = traces_told(&function.log().objects(), "one-1");
        ensure!(!told.is_empty(), "{}", house.account());
        for (told, span) in told {
            let known = trace.0.iter().any(|known| known.span_id == span);
            ensure!(told == trace_id && known, "a line tells {told}/{span}");
        }
    }

    house.dead_letter_depth(1, DEADLINE).await?;
    house
        .put_owner("one-2", &json!({"lead_id": "one-2", "lead_owner": "Omar"}))
        .await?;
    redrive(&house).await?;
    let trace = collector
        .eventually("the redriven lead is mailed", DEADLINE, |spans| {
            dead.mailed(spans)
        })
        .await
        .with_context(|| house.account())?;
    check_attempts(&dead, &trace, 4).with_context(|| trace.tree())?;
    ensure!(collector.faults().is_empty(), "{:?}", collector.faults());
    Ok(())
}

/// Every attempt is a span of its own below the one that sent the message; all but the last one failed.
fn check_attempts(story: &Story, trace: &Spans, attempts: usize) -> Result<()> {
    let producer = story.check_webhook(trace)?;
    let consumers = trace.named(&format!("process {}", story.queue));
    ensure!(consumers.len() == attempts, "{attempts} attempts");
    for consumer in &consumers {
        story.check_gap(trace, producer, consumer)?;
    }
    let (last, failed) = consumers.split_last().context("an attempt")?;
    ensure!(
        !matches!(last.status, Status::Error(_)),
        "the last one did it"
    );
    for consumer in failed {
        ensure!(
            matches!(consumer.status, Status::Error(_)),
            "the ones before failed"
        );
        ensure!(!consumer.text("error.type").is_empty(), "and say why");
    }
    story.check_work(&trace.within(last), last)
}

async fn redrive(house: &House) -> Result<()> {
    let queue = house.stack.output("DeadLetterQueueUrl")?;
    let arn = aws_sdk_sqs::types::QueueAttributeName::QueueArn;
    let get = house.clients.sqs.get_queue_attributes().queue_url(queue);
    let reply = get.attribute_names(arn.clone()).send().await?;
    let arn = reply.attributes().and_then(|all| all.get(&arn));
    let redrive = house.clients.sqs.start_message_move_task();
    redrive
        .source_arn(arn.context("a queue has an ARN")?)
        .send()
        .await?;
    Ok(())
}

#[tokio::test]
async fn a_real_collector_reads_back_the_whole_trace_and_its_x_ray_exporter_takes_every_span()
-> Result<()> {
    let xray = XrayApi::start().await?;
    let rotel = Rotel::start(&xray.url()).await?;
    let rig = Rig::start(&otlp(rotel.url())).await?;
    let story = post(&rig, "real-1").await?;
    rig.deliver_sent().await?;
    let trace = rotel
        .eventually("rotel has the whole trace", DEADLINE, |spans| {
            story.mailed(spans)
        })
        .await
        .with_context(|| format!("{:?}", rig.lines()))?;
    story.check(&trace)?;

    let segments = clock::eventually("X-Ray has as many segments", DEADLINE, || async {
        let segments = xray.segments();
        Ok((segments.len() >= trace.0.len()).then_some(segments))
    })
    .await?;
    for span in &trace.0 {
        let segment = segments
            .iter()
            .find(|segment| segment["id"] == span.span_id.as_str())
            .with_context(|| format!("no segment for {}", span.name))?;
        let parent = segment["parent_id"].as_str();
        ensure!(parent == span.parent.as_deref(), "{segment}");
        let (epoch, unique) = span.trace_id.split_at(8);
        ensure!(
            segment["trace_id"] == format!("1-{epoch}-{unique}"),
            "{segment}"
        );
    }
    // Rotel says `segment` where X-Ray says nothing.
    let mut faults = xray.faults();
    faults.retain(|fault| !fault.starts_with(r#"type Some(String("segment"))"#));
    ensure!(faults.is_empty(), "{faults:?}");
    Ok(())
}
