//! A poisoned message among good ones: three receives, the dead-letter queue, the alarm, the page; nobody else suffers.

use std::collections::BTreeSet;

use anyhow::{Context, Result};
use leadwire_tests::clock::DEADLINE;
use leadwire_tests::house::{House, HouseOptions};
use leadwire_tests::mapping::{Delivery, MappingOptions};
use leadwire_tests::pager::Pager;
use serde_json::json;

/// The template's 360 s would make three receives last 18 minutes.
const VISIBILITY_SECONDS: u64 = 6;

async fn build() -> Result<House> {
    House::build(HouseOptions {
        parameters: vec![("DelaySeconds", "0")],
        overrides: vec![
            ("DelayQueue", "VisibilityTimeout", json!(VISIBILITY_SECONDS)),
            ("DeadLetterQueueDepthAlarm", "Period", json!(10)),
        ],
        // All lie in the queue before the first is received, so that they come as one batch.
        mapping: MappingOptions {
            concurrency: 1,
            enabled: false,
            ..MappingOptions::default()
        },
        ..HouseOptions::default()
    })
    .await
}

async fn send(house: &House, body: &str) -> Result<String> {
    let queue = house.stack.output("DelayQueueUrl")?;
    let sent = house
        .clients
        .sqs
        .send_message()
        .queue_url(queue)
        .message_body(body)
        .send()
        .await?;
    sent.message_id.context("a message has an id")
}

#[tokio::test]
async fn a_poisoned_message_dies_after_three_receives_and_pages_while_its_batch_is_mailed()
-> Result<()> {
    let house = build().await?;
    let pager = Pager::subscribe(&house.clients, house.stack.output("AlarmTopicArn")?).await?;
    for number in 0..8 {
        let lead = format!("mate-{number}");
        house
            .put_owner(&lead, &json!({"lead_id": lead, "lead_owner": "Omar"}))
            .await?;
        house
            .accepted("/ingest", &[], &json!({"lead_id": lead}).to_string())
            .await?;
    }
    let not_json = send(&house, "this is no trigger").await?;
    let no_object = json!({"s3_key": "raw/crm_event_ghost_20261123T065000123456Z.json"});
    let no_object = send(&house, &no_object.to_string()).await?;
    house.mapping.resume();

    let mails = house.mails(8, DEADLINE).await?;
    house.dead_letter_depth(2, DEADLINE).await?;
    let alarm = format!("{}-dead-letter-queue-depth", house.stack.name);
    let page = pager.page(&alarm, "ALARM", DEADLINE).await?;
    assert_eq!(page["NewStateValue"], "ALARM");

    let poisoned = [not_json.as_str(), &no_object];
    let deliveries = house.mapping.deliveries();
    for id in poisoned {
        let of_it: Vec<&Delivery> = deliveries
            .iter()
            .filter(|one| one.message_id == id)
            .collect();
        assert_eq!(
            of_it
                .iter()
                .map(|one| one.receive_count)
                .collect::<Vec<_>>(),
            [1, 2, 3]
        );
        assert!(of_it.iter().all(|one| one.failed), "{of_it:?}");
    }
    let mates = deliveries
        .iter()
        .filter(|one| !poisoned.contains(&one.message_id.as_str()));
    for mate in mates {
        assert!(!mate.failed && mate.receive_count == 1, "{mate:?}");
    }
    assert!(
        deliveries[0].batch == 10,
        "they came as one batch: {deliveries:?}"
    );
    let subjects: BTreeSet<&str> = mails.iter().map(|mail| mail.subject.as_str()).collect();
    assert_eq!(
        (mails.len(), house.mails_taken(), subjects.len()),
        (8, 8, 8),
        "{subjects:?}"
    );
    assert_eq!(house.mapping.faults(), Vec::<String>::new());

    let dead = house.dead_letters().await?;
    let dead: BTreeSet<&str> = dead
        .iter()
        .filter_map(|message| message.message_id())
        .collect();
    assert_eq!(dead, BTreeSet::from(poisoned));
    let failed = house
        .document(&format!("failed/message-{not_json}.json"))
        .await?;
    assert_eq!(failed["reason"], "bad_message", "{failed}");
    let failed = house
        .document("failed/crm_event_ghost_20261123T065000123456Z.json")
        .await?;
    assert_eq!(failed["reason"], "raw_missing", "{failed}");
    Ok(())
}
