//! One lead is one trace, from the webhook to the mail, whoever collects it and however often it was tried.

use anyhow::{Context, Result, ensure};
use hyper::Request;
use leadwire_tests::accepted::{Accepted, key_in};
use leadwire_tests::clock;
use leadwire_tests::collector::rotel::Rotel;
use leadwire_tests::collector::xray::XrayApi;
use leadwire_tests::collector::{Collector, Kind, Link, PROTOBUF, Span, Spans};
use leadwire_tests::house::{House, HouseOptions};
use leadwire_tests::http::Client;
use leadwire_tests::instance::Timing;
use leadwire_tests::rig::{ENRICHED, LOOKUP, QUEUE, RAW, Rig};
use serde_json::json;

/// What makes the functions export to a collector.
pub(crate) fn otlp(endpoint: &str) -> Vec<(&'static str, String)> {
    vec![
        ("TRACE_EXPORTER", "otlp".to_owned()),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint.to_owned()),
    ]
}

/// The functions, with more variables, and the collector that they export to.
pub(crate) async fn start(more: &[(&'static str, String)]) -> Result<(Rig, Collector)> {
    let collector = Collector::start().await?;
    let variables = [otlp(&collector.url()), more.to_vec()].concat();
    Ok((Rig::start(&variables).await?, collector))
}

/// A lead that has an owner, as far as the queue.
pub(crate) async fn post(rig: &Rig, lead: &str) -> Result<Story> {
    rig.assign(lead, "Omar");
    Ok(Story::of_rig(&rig.lead(lead).await?))
}

/// A lead that has an owner, all the way.
pub(crate) async fn pass(rig: &Rig, lead: &str) -> Result<Story> {
    let story = post(rig, lead).await?;
    rig.deliver_sent().await?;
    Ok(story)
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
    pub(crate) fn of_rig(event: &Accepted) -> Self {
        Self {
            lead: event.text("lead_id").to_owned(),
            raw_key: event.key().to_owned(),
            queue: QUEUE.to_owned(),
            buckets: [RAW, LOOKUP, ENRICHED].map(str::to_owned),
        }
    }

    /// A lead that a house accepted.
    fn of_house(event: &Accepted, house: &House) -> Result<Self> {
        let output = |name: &str| house.stack.output(name).map(str::to_owned);
        let queue = output("DelayQueueUrl")?;
        let queue = queue.rsplit('/').next().context("a queue has a name")?;
        Ok(Self {
            queue: queue.to_owned(),
            buckets: [
                output("RawBucketName")?,
                output("LookupBucketName")?,
                output("EnrichedBucketName")?,
            ],
            ..Self::of_rig(event)
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
        let mut processes = trace.starting("process ").into_iter();
        let mailed =
            processes.any(|process| !trace.within(process).named("SES.SendEmail").is_empty());
        mailed.then_some(trace)
    }

    /// The same where the mail must be in it.
    pub(crate) fn demand_mailed(&self, collector: &Collector) -> Result<Spans> {
        let spans = collector.spans();
        let mailed = self.mailed(&spans).context("a mail");
        mailed.with_context(|| spans.tree())
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
        server.demand(&[
            ("http.request.method", "POST"),
            ("http.route", "/ingest"),
            ("url.path", "/ingest"),
            ("url.scheme", "https"),
            ("faas.trigger", "http"),
        ])?;
        ensure!(server.has("http.response.status_code", 202));
        ensure!(!server.text("faas.invocation_id").is_empty());
        let [raw, ..] = &self.buckets;
        check_s3(
            self.object(trace, "S3.PutObject", raw, &self.raw_key)?,
            server,
        )?;
        let send = format!("send {}", self.queue);
        let mut sends = trace.children(server).into_iter();
        let producer = sends.find(|span| span.name == send);
        let producer = producer.context("the webhook sends a message")?;
        ensure!(producer.kind == Kind::Producer);
        self.check_messaging(producer, "send")?;
        Ok(producer)
    }

    fn check_messaging(&self, span: &Span, operation: &str) -> Result<()> {
        span.demand(&[
            ("messaging.system", "aws_sqs"),
            ("messaging.operation.type", operation),
            ("messaging.operation.name", operation),
            ("messaging.destination.name", &self.queue),
        ])
    }

    /// The time in the queue, and the span of the message's work, below the span that sent the message.
    pub(crate) fn check_gap(&self, trace: &Spans, producer: &Span, consumer: &Span) -> Result<()> {
        ensure!(consumer.kind == Kind::Consumer);
        ensure!(consumer.is_child_of(producer) && consumer.links_to(producer));
        self.check_messaging(consumer, "process")?;
        ensure!(!consumer.text("messaging.message.id").is_empty());
        let name = format!("wait {}", self.queue);
        let mut waits = trace.children(producer).into_iter();
        let wait = waits.find(|span| span.name == name);
        let wait = wait.context("a span for the time in the queue")?;
        ensure!(wait.kind == Kind::Internal);
        // Both its times are whole milliseconds, by the queue's clock.
        let slack = 2_000_000;
        ensure!(wait.start + slack >= producer.start && wait.start <= wait.end);
        let in_time = wait.end <= consumer.start + slack;
        ensure!(in_time, "it waits until it is received");
        Ok(())
    }

    /// What the message's work consists of.
    pub(crate) fn check_work(&self, trace: &Spans, consumer: &Span) -> Result<()> {
        let [raw, lookup, enriched] = &self.buckets;
        let got = self.object(trace, "S3.GetObject", raw, &self.raw_key)?;
        let owner = format!("{}.json", self.lead);
        let owner = self.object(trace, "S3.GetObject", lookup, &owner)?;
        let document = key_in(&self.raw_key, "enriched");
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
        let mut found = trace.named(name).into_iter();
        let found =
            found.find(|span| span.has("aws.s3.bucket", bucket) && span.has("aws.s3.key", key));
        found.with_context(|| format!("no {name} of {bucket}/{key} for {}", self.lead))
    }

    /// No span of another name, none that failed, none below a span that is not there, none from nowhere.
    fn check_whole(&self, trace: &Spans) -> Result<()> {
        let of_queue = ["send", "wait", "process"].map(|verb| format!("{verb} {}", self.queue));
        let calls = ["S3.PutObject", "S3.GetObject", "SES.SendEmail"];
        let known = |name: &str| {
            let of_queue = of_queue.iter().any(|known| known == name);
            of_queue || calls.contains(&name) || ["POST /ingest", "merge"].contains(&name)
        };
        for span in &trace.0 {
            let name = span.name.as_str();
            ensure!(known(name), "{name} is no name of the contract");
            ensure!(span.error.is_none(), "{name} failed");
            let took_time = span.start > 0 && span.start <= span.end;
            ensure!(took_time, "the times of {name}");
            let is_signed = span.resource.contains_key("service.name");
            ensure!(is_signed, "who made {name}");
            let has_parent = |parent: &String| trace.0.iter().any(|span| span.span_id == *parent);
            let is_held = span.parent.as_ref().is_none_or(has_parent);
            ensure!(is_held, "{name} hangs in the air");
        }
        Ok(())
    }
}

fn check_s3(span: &Span, parent: &Span) -> Result<()> {
    let is_call = span.kind == Kind::Client && span.is_child_of(parent);
    ensure!(is_call, "{}", span.name);
    span.demand(&[
        ("rpc.system", "aws-api"),
        ("rpc.service", "S3"),
        ("rpc.method", span.name.trim_start_matches("S3.")),
    ])
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

/// An id that X-Ray takes too begins with the time, in seconds.
fn check_recent(trace_id: &str) -> Result<()> {
    let epoch = trace_id.get(..8).context("32 digits")?;
    let age = clock::now().as_second() - i64::from_str_radix(epoch, 16)?;
    ensure!((-5..=120).contains(&age), "{trace_id} is {age} s old");
    Ok(())
}

#[tokio::test]
async fn one_lead_is_one_trace_through_the_deployed_stack_and_stays_one_through_a_redrive()
-> Result<()> {
    let collector = Collector::start().await?;
    let mut environment = otlp(&collector.url());
    environment.extend(["LEASE_SECONDS", "RETRY_SECONDS"].map(|name| (name, "1".to_owned())));
    let house = House::build(HouseOptions {
        overrides: vec![("DelayQueue", "VisibilityTimeout", json!(2))],
        environment,
        ..HouseOptions::prompt()
    })
    .await?;
    house.assign("one-1", "Omar").await?;
    // Another lead's file: that fails until it is mended, and nobody's time helps.
    let other = json!({"lead_id": "one-3", "lead_owner": "Omar"});
    house.put_owner("one-2", &other).await?;
    let good = Story::of_house(&house.lead("one-1").await?, &house)?;
    let dead = Story::of_house(&house.lead("one-2").await?, &house)?;
    let mailed = async |story: &Story| {
        let mailed = collector.eventually("a lead is mailed", |spans| story.mailed(spans));
        mailed.await.with_context(|| house.account())
    };

    let trace = mailed(&good).await?;
    good.check(&trace)?;
    let trace_id = trace.trace_ids().into_iter().next().context("one trace")?;
    check_recent(trace_id)?;
    for function in [&house.ingest, &house.enrich] {
        let mut lines = function.log().objects();
        lines.retain(|line| line["lead_id"] == "one-1");
        ensure!(!lines.is_empty(), "{}", house.account());
        for line in lines {
            let is_known = trace
                .0
                .iter()
                .any(|span| line["span_id"] == span.span_id.as_str());
            ensure!(line["trace_id"] == trace_id && is_known, "{line}");
        }
    }

    house.dead_letter_depth(1).await?;
    house.assign("one-2", "Omar").await?;
    redrive(&house).await?;
    let trace = mailed(&dead).await?;
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
    ensure!(last.error.is_none(), "the last one did it");
    for consumer in failed {
        ensure!(consumer.error.is_some(), "the ones before failed");
        ensure!(!consumer.text("error.type").is_empty(), "and say why");
    }
    story.check_work(&trace.within(last), last)
}

async fn redrive(house: &House) -> Result<()> {
    let queue = house.stack.output("DeadLetterQueueUrl")?;
    let arn = house.clients.queue_arn(queue).await?;
    let redrive = house.clients.sqs.start_message_move_task();
    redrive.source_arn(arn).send().await?;
    Ok(())
}

#[tokio::test]
async fn a_real_collector_reads_back_the_whole_trace_and_its_x_ray_exporter_takes_every_span()
-> Result<()> {
    let (collector, xray) = (Collector::start().await?, XrayApi::start().await?);
    collector.take_gzip();
    let options = [
        ("--otlp-exporter-protocol", "http"),
        ("--otlp-exporter-endpoint", &collector.url()),
    ];
    let reader = Rotel::start("otlp", &options).await?;
    let rig = Rig::start(&otlp(reader.url())).await?;
    let story = pass(&rig, "real-1").await?;
    let read = collector.eventually("rotel has the whole trace", |spans| story.mailed(spans));
    let trace = read.await.with_context(|| format!("{:?}", rig.lines()))?;
    story.check(&trace)?;

    // A rotel has one exporter, so what one has read goes on to another.
    let options = [("--xray-exporter-custom-endpoint", &*xray.url())];
    let exporter = Rotel::start("aws-xray", &options).await?;
    for post in collector.posts() {
        let request = Request::post(format!("{}/v1/traces", exporter.url()));
        let request = request.header("Content-Type", PROTOBUF).body(post.body)?;
        let taken = Client::default().send(request).await?;
        ensure!(taken.status() == 200, "{taken:?}");
    }
    let segments = clock::eventually("X-Ray has as many segments", || async {
        let segments = xray.segments();
        Ok((segments.len() >= trace.0.len()).then_some(segments))
    });
    let segments = segments.await?;
    for span in &trace.0 {
        let mut segments = segments.iter();
        let segment = segments.find(|segment| segment["id"] == span.span_id.as_str());
        let segment = segment.with_context(|| format!("no segment for {}", span.name))?;
        let parent = segment["parent_id"].as_str();
        ensure!(parent == span.parent.as_deref(), "{segment}");
        let (epoch, unique) = span.trace_id.split_at(8);
        let id = format!("1-{epoch}-{unique}");
        ensure!(segment["trace_id"] == id, "{segment}");
    }
    // Rotel says `segment` where X-Ray says nothing.
    let mut faults = xray.faults();
    faults.retain(|fault| !fault.starts_with(r#"type Some(String("segment"))"#));
    ensure!(faults.is_empty(), "{faults:?}");
    Ok(())
}
