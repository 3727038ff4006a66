//! Alarms that cry by themselves: the real binaries get into trouble, what they print is extracted as `CloudWatch` does, and each plain alarm
//! goes from OK to ALARM, tells its topic, and comes back.

use anyhow::{Context, Result};
use aws_sdk_cloudwatch::types::{Dimension, MetricDatum, StateValue};
use jiff::Timestamp;
use leadwire_tests::emulator::Emulators;
use leadwire_tests::fault::{Fault, lists};
use leadwire_tests::house::{House, HouseOptions};
use leadwire_tests::pager::Pager;
use leadwire_tests::prune::Alarms;
use leadwire_tests::secret::{self, StandardSender};
use leadwire_tests::stack::{Override, unique_name};
use leadwire_tests::{clock, metric};
use serde_json::json;

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
fn overrides(paging_service: &str) -> Vec<Override> {
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
        ("Pager", "Endpoint", json!(paging_service)),
    ];
    quick.chain(others).collect()
}

/// A house whose pages go to a queue too, which may be away.
async fn build(paging_service: &str) -> Result<House> {
    let driven = DRIVEN.iter().map(|(id, ..)| *id);
    House::build(HouseOptions {
        parameters: vec![
            ("DelaySeconds", "0"),
            ("EmailAmbiguous", "park"),
            ("PagerEndpoint", "https://pager.example.com"),
        ],
        overrides: overrides(paging_service),
        environment: vec![
            ("LEASE_SECONDS", "4".to_owned()),
            ("RETRY_SECONDS", "0".to_owned()),
            ("SWEEP_MAX", "1".to_owned()),
        ],
        alarms: Alarms::Only(driven.collect()),
        ..HouseOptions::default()
    })
    .await
}

/// Waits until the binaries have printed a value of this metric.
async fn told(house: &House, name: &str) -> Result<()> {
    let told = clock::until(name, || metric::sum(&house.lines(), name) > 0.0);
    told.await.with_context(|| house.account())
}

/// Everything that must not happen, by the real binaries, until each has said so.
async fn trouble(house: &House) -> Result<()> {
    house.send("this is no trigger").await?;

    // The lookup bucket refuses a look; until the next one half a minute later the event has no end, and a sweep takes it for lost.
    let denied = Fault::s3(403, "AccessDenied");
    house.s3.inject(1, denied, |call| {
        call.uri().path().ends_with("/denied-1.json")
    });
    house.lead("denied-1").await?;
    told(house, "LookupDenied").await?;
    let is_raw = |call: &_| lists(call, "raw");
    house.s3.inject(usize::MAX, Fault::Age, is_raw);
    house.sweep.answer(&json!({})).await?;
    told(house, "SweptEvents").await?;
    // Two are more than SWEEP_MAX.
    house.lead("late-1").await?;
    house.lead("late-2").await?;
    house.sweep.answer(&json!({})).await?;
    told(house, "SweepRefused").await?;

    house.assign("parked-1", "Omar").await?;
    house.ses.inject(1, Fault::CutAfter, |_| true);
    house.lead("parked-1").await?;
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
    let put = house.clients.cloudwatch.put_metric_data();
    let put = put.namespace("AWS/SQS").metric_data(datum);
    put.send().await?;
    Ok(())
}

/// Waits until each of the alarms has found that all is well.
async fn quiet(house: &House) -> Result<()> {
    let names = DRIVEN.iter().map(|(_, name, _)| full(house, name));
    let names: Vec<String> = names.collect();
    clock::eventually("the alarms are quiet", || async {
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
    let clients = Emulators::shared().await?.clients();
    let name = unique_name();
    let url = clients.create_queue(&name).await?;
    let house = build(&clients.queue_arn(&url).await?).await?;
    quiet(&house).await?;
    // The paging service goes away.
    clients.sqs.delete_queue().queue_url(url).send().await?;
    let pages = Pager::subscribe(&house.clients, house.stack.output("AlarmTopicArn")?).await?;
    let tickets = Pager::subscribe(&house.clients, house.stack.output("TicketTopicArn")?).await?;

    trouble(&house).await?;
    metric::extract(&house.clients.cloudwatch, &house.lines()).await?;
    tell_age(&house, began).await?;
    let course = async |states: &[&str]| {
        for (_, name, wakes) in DRIVEN {
            let told = if wakes { &pages } else { &tickets };
            told.course(&full(&house, name), states).await?;
        }
        anyhow::Ok(())
    };
    course(&["ALARM"]).await?;

    // The ends of the alarms are pages too, so the paging service must be back before they come.
    clients.create_queue(&name).await?;
    house.purge(&pager_dead_letters(&house).await?).await?;
    house
        .purge(house.stack.output("DeadLetterQueueUrl")?)
        .await?;
    course(&["ALARM", "OK"]).await
}

/// A house whose source `standard` is to be heard from every hour.
async fn build_heard(sender: &StandardSender) -> Result<House> {
    let document = json!({"standard": {"secrets": [sender.secret()], "silence_hours": 1}});
    let emulators = Emulators::shared().await?;
    let arn = secret::store(&emulators.aws, &document).await?;
    let quick = [("Period", 10), ("EvaluationPeriods", 1)];
    let quick = quick.map(|(property, value)| ("SourceSilentAlarm", property, json!(value)));
    House::build(HouseOptions {
        overrides: quick.to_vec(),
        environment: vec![("SOURCES_SECRET_ARN", arn)],
        alarms: Alarms::Only(vec!["SourceSilentAlarm"]),
        ..HouseOptions::prompt()
    })
    .await
}

#[tokio::test]
async fn a_source_that_is_silent_for_longer_than_its_hours_is_told_until_it_is_heard_again()
-> Result<()> {
    let sender = StandardSender::new([7; 32]);
    let house = build_heard(&sender).await?;
    let tickets = Pager::subscribe(&house.clients, house.stack.output("TicketTopicArn")?).await?;
    let alarm = full(&house, "source-silent");
    let looked = async |times: usize| {
        house.sweep.answer(&json!({})).await?;
        let looked = || metric::samples(&house.lines(), "SourcesSilent");
        clock::until("the sweep has looked", || looked().len() == times).await?;
        let values = looked().into_iter().map(|sample| sample.value);
        anyhow::Ok(values.collect::<Vec<f64>>())
    };
    // The clock starts.
    assert_eq!(looked(1).await?, [0.0]);
    let age = |call: &_| lists(call, "seen");
    house.s3.inject(1, Fault::Age, age);
    assert_eq!(looked(2).await?, [0.0, 1.0]);
    metric::extract(&house.clients.cloudwatch, &house.lines()).await?;
    tickets.course(&alarm, &["ALARM"]).await?;

    let body = json!({"type": "lead.created", "data": {"lead_id": "heard-1"}}).to_string();
    let signed = sender.sign("msg_1", &body)?;
    house
        .accepted("/ingest/standard", &signed.headers(), &body)
        .await?;
    let seen = house.list("EnrichedBucketName", "seen/").await?;
    assert_eq!(seen.get("seen/standard"), Some(&0), "{seen:?}");
    assert_eq!(looked(3).await?, [0.0, 1.0, 0.0]);
    tickets.course(&alarm, &["ALARM", "OK"]).await
}
