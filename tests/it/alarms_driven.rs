//! Alarms that cry by themselves: the real binaries get into trouble, what they print is extracted as `CloudWatch` does, and each plain alarm
//! goes from OK to ALARM, tells its topic, and comes back.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use aws_sdk_cloudwatch::types::{Dimension, MetricDatum, StateValue};
use jiff::Timestamp;
use leadwire_tests::clients::{ACCOUNT, Clients, REGION};
use leadwire_tests::clock::DEADLINE;
use leadwire_tests::emulator::Emulators;
use leadwire_tests::fault::Fault;
use leadwire_tests::house::{House, HouseOptions};
use leadwire_tests::instance::Outcome;
use leadwire_tests::pager::Pager;
use leadwire_tests::prune::Alarms;
use leadwire_tests::stack::{Override, unique_name};
use leadwire_tests::{clock, metric};
use serde_json::json;

/// Longer than an event can wait, so that a sweep takes it for lost.
const AGE: Duration = Duration::from_hours(3);

/// The plain alarms on queues and on metrics of ours: logical id, the end of its name, and whether it wakes a person.
const DRIVEN: [(&str, &str, bool); 9] = [
    ("DeadLetterQueueDepthAlarm", "dead-letter-queue-depth", true),
    ("OldestMessageAgeAlarm", "oldest-message-age", true),
    ("FinalAttemptFailedAlarm", "final-attempt-failed", true),
    ("EmailParkedAlarm", "email-parked", true),
    ("SweepRefusedAlarm", "sweep-refused", true),
    ("EmailAmbiguousAlarm", "email-ambiguous", false),
    ("LookupDeniedAlarm", "lookup-denied", false),
    ("SweptEventsAlarm", "swept-events", false),
    ("PagerUndeliveredAlarm", "pager-undelivered", false),
];

/// Periods of 10 s, one of which decides: so a state comes and goes within the test. Metric, dimensions, statistic, comparison and threshold
/// are the template's, but for the age, which would take half an hour.
fn overrides(service: &PagingService) -> Vec<Override> {
    let quick = DRIVEN.iter().flat_map(|(id, ..)| {
        [
            (*id, "Period", json!(10)),
            (*id, "EvaluationPeriods", json!(1)),
            (*id, "DatapointsToAlarm", json!(1)),
        ]
    });
    let others = [
        ("OldestMessageAgeAlarm", "Threshold", json!(5)),
        ("DelayQueue", "VisibilityTimeout", json!(6)),
        // An address of HTTPS would have to confirm that it wants to be told.
        ("Pager", "Protocol", json!("sqs")),
        ("Pager", "Endpoint", json!(service.arn)),
    ];
    quick.chain(others).collect()
}

/// A paging service that may be away.
struct PagingService {
    name: String,
    arn: String,
    clients: Clients,
}

impl PagingService {
    async fn start(clients: Clients) -> Result<Self> {
        let name = unique_name();
        let arn = format!("arn:aws:sqs:{REGION}:{ACCOUNT}:{name}");
        let service = Self { name, arn, clients };
        service.open().await.map(|_url| service)
    }

    /// Takes pages.
    async fn open(&self) -> Result<String> {
        let create = self.clients.sqs.create_queue().queue_name(&self.name);
        create.send().await?.queue_url.context("a queue has a URL")
    }

    /// Takes none any more.
    async fn close(&self) -> Result<()> {
        let url = self.open().await?;
        let delete = self.clients.sqs.delete_queue().queue_url(url);
        delete.send().await.map(drop).context("DeleteQueue")
    }
}

async fn build(service: &PagingService) -> Result<House> {
    let variables = [
        ("LEASE_SECONDS", "4"),
        ("RETRY_SECONDS", "0"),
        ("SWEEP_MAX", "1"),
    ];
    let driven: Vec<&str> = DRIVEN.iter().map(|(id, ..)| *id).collect();
    House::build(HouseOptions {
        parameters: vec![
            ("DelaySeconds", "0"),
            ("EmailAmbiguous", "park"),
            ("PagerEndpoint", "https://pager.example.com"),
        ],
        overrides: overrides(service),
        environment: variables
            .map(|(name, value)| (name, value.to_owned()))
            .to_vec(),
        alarms: Alarms::Only(driven),
        ..HouseOptions::default()
    })
    .await
}

fn lines(house: &House) -> Vec<String> {
    let functions = [&house.ingest, &house.enrich, &house.sweep];
    functions
        .iter()
        .flat_map(|function| function.log().lines())
        .collect()
}

/// Waits until the binaries have printed a value of this metric.
async fn told(house: &House, name: &str) -> Result<()> {
    let told = clock::eventually(name, DEADLINE, || async {
        Ok((metric::sum(&lines(house), name) > 0.0).then_some(()))
    });
    told.await.with_context(|| house.account())
}

async fn sweep(house: &House) -> Result<()> {
    let outcome = house.sweep.invoke(&json!({})).await?;
    let is_done = matches!(outcome, Outcome::Response(_));
    ensure!(is_done, "{outcome:?}: {:?}", house.sweep.log().lines());
    Ok(())
}

async fn lead(house: &House, id: &str) -> Result<()> {
    let event = json!({"lead_id": id}).to_string();
    house.accepted("/ingest", &[], &event).await.map(drop)
}

/// Everything that must not happen, by the real binaries, until each has said so.
async fn trouble(house: &House) -> Result<()> {
    let queue = house.stack.output("DelayQueueUrl")?;
    let poison = house.clients.sqs.send_message().queue_url(queue);
    poison.message_body("this is no trigger").send().await?;

    // The lookup bucket refuses a look; until the next one half a minute later the event has no end, and a sweep takes it for lost.
    let is_owner = |path: &str| path.ends_with("/denied-1.json");
    house
        .s3
        .inject(1, Fault::s3(403, "AccessDenied"), move |call| {
            is_owner(call.uri().path())
        });
    lead(house, "denied-1").await?;
    told(house, "LookupDenied").await?;
    let is_raw = |query: &str| query.contains("list-type=2") && query.contains("prefix=raw");
    let is_raw = move |call: &leadwire_tests::http::Request| call.uri().query().is_some_and(is_raw);
    house.s3.inject(usize::MAX, Fault::Age(AGE), is_raw);
    sweep(house).await?;
    told(house, "SweptEvents").await?;
    // Two are more than SWEEP_MAX.
    lead(house, "late-1").await?;
    lead(house, "late-2").await?;
    sweep(house).await?;
    told(house, "SweepRefused").await?;

    house
        .put_owner(
            "parked-1",
            &json!({"lead_id": "parked-1", "lead_owner": "Omar"}),
        )
        .await?;
    house.ses.inject(1, Fault::CutAfter, |_| true);
    lead(house, "parked-1").await?;
    for metric in ["EmailsAmbiguous", "EmailsParked", "FinalAttemptFailed"] {
        told(house, metric).await?;
    }
    Ok(())
}

/// SQS's metric that `LocalStack` does not tell: how old the oldest message is.
async fn tell_age(house: &House, since: Timestamp) -> Result<()> {
    let name = format!("{}-delay", house.stack.name);
    let queue = Dimension::builder().name("QueueName").value(name).build();
    let age = clock::now().duration_since(since).as_secs_f64();
    let datum = MetricDatum::builder().metric_name("ApproximateAgeOfOldestMessage");
    let datum = datum.dimensions(queue).value(age).build();
    let put = house
        .clients
        .cloudwatch
        .put_metric_data()
        .namespace("AWS/SQS");
    put.metric_data(datum).send().await?;
    Ok(())
}

/// Waits until each of the alarms has found that all is well.
async fn quiet(house: &House) -> Result<()> {
    let names = DRIVEN.iter().map(|(_, name, _)| full(house, name));
    let names: Vec<String> = names.collect();
    clock::eventually("the alarms are quiet", DEADLINE, || async {
        let describe = house.clients.cloudwatch.describe_alarms();
        let reply = describe.set_alarm_names(Some(names.clone())).send().await?;
        let quiet = reply.metric_alarms().iter();
        let quiet = quiet.filter(|alarm| alarm.state_value() == Some(&StateValue::Ok));
        Ok((quiet.count() == names.len()).then_some(()))
    })
    .await
}

fn full(house: &House, name: &str) -> String {
    format!("{}-{name}", house.stack.name)
}

async fn purge(house: &House, url: &str) -> Result<()> {
    house
        .clients
        .sqs
        .purge_queue()
        .queue_url(url)
        .send()
        .await?;
    Ok(())
}

/// The queue of what the paging service did not take.
async fn pager_dead_letters(house: &House) -> Result<String> {
    let describe = house.clients.cloudformation.describe_stack_resource();
    let describe = describe
        .stack_name(&house.stack.name)
        .logical_resource_id("PagerDeadLetterQueue");
    let reply = describe.send().await?;
    let queue = reply.stack_resource_detail();
    let url = queue.and_then(|queue| queue.physical_resource_id());
    url.map(str::to_owned).context("the pager's dead letters")
}

#[tokio::test]
async fn plain_alarms_go_from_ok_to_alarm_tell_it_and_come_back_by_what_the_binaries_print()
-> Result<()> {
    let began = clock::now();
    let emulators = Emulators::shared().await?;
    let clients = Clients::new(&emulators.aws, &emulators.mail);
    let service = PagingService::start(clients).await?;
    let house = build(&service).await?;
    quiet(&house).await?;
    service.close().await?;
    let pages = Pager::subscribe(&house.clients, house.stack.output("AlarmTopicArn")?).await?;
    let tickets = Pager::subscribe(&house.clients, house.stack.output("TicketTopicArn")?).await?;

    trouble(&house).await?;
    metric::extract(&house.clients.cloudwatch, &lines(&house)).await?;
    tell_age(&house, began).await?;
    for (_, name, wakes) in DRIVEN {
        let told = if wakes { &pages } else { &tickets };
        told.course(&full(&house, name), &["ALARM"], DEADLINE)
            .await?;
    }

    // The ends of the alarms are pages too, so the paging service must be back before they come.
    service.open().await?;
    purge(&house, &pager_dead_letters(&house).await?).await?;
    purge(&house, house.stack.output("DeadLetterQueueUrl")?).await?;
    for (_, name, wakes) in DRIVEN {
        let told = if wakes { &pages } else { &tickets };
        told.course(&full(&house, name), &["ALARM", "OK"], DEADLINE)
            .await?;
    }
    Ok(())
}
