//! A poisoned message among good ones: three receives, the dead-letter queue, the alarm, the page; nobody else suffers.

use std::collections::BTreeSet;

use anyhow::Result;
use leadwire_tests::house::{House, HouseOptions};
use leadwire_tests::mapping::MappingOptions;
use leadwire_tests::pager::Pager;
use serde_json::json;

/// The template's 360 s would make three receives last 18 minutes.
const VISIBILITY_SECONDS: u64 = 6;

async fn build() -> Result<House> {
    House::build(HouseOptions {
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
        ..HouseOptions::prompt()
    })
    .await
}

#[tokio::test]
async fn a_poisoned_message_dies_after_three_receives_and_pages_while_its_batch_is_mailed()
-> Result<()> {
    let house = build().await?;
    let pager = Pager::subscribe(&house.clients, house.stack.output("AlarmTopicArn")?).await?;
    for number in 0..8 {
        let lead = format!("mate-{number}");
        house.assign(&lead, "Omar").await?;
        house.lead(&lead).await?;
    }
    let not_json = house.send("this is no trigger").await?;
    let no_object = json!({"s3_key": "raw/crm_event_ghost_20261123T065000123456Z.json"});
    let no_object = house.send(&no_object.to_string()).await?;
    house.mapping.resume();

    let mails = house.mails(8).await?;
    house.dead_letter_depth(2).await?;
    let alarm = format!("{}-dead-letter-queue-depth", house.stack.name);
    pager.course(&alarm, &["ALARM"]).await?;

    let poisoned = [not_json.as_str(), &no_object];
    let deliveries = house.mapping.deliveries();
    for id in poisoned {
        let of_it = deliveries.iter().filter(|one| one.message_id == id);
        let of_it: Vec<_> = of_it.map(|one| (one.receive_count, one.failed)).collect();
        assert_eq!(of_it, [(1, true), (2, true), (3, true)]);
    }
    for one in &deliveries {
        let is_poisoned = poisoned.contains(&one.message_id.as_str());
        let is_good = !one.failed && one.receive_count == 1;
        assert!(is_poisoned || is_good, "{one:?}");
    }
    assert_eq!(deliveries[0].batch, 10, "one batch: {deliveries:?}");
    let subjects: BTreeSet<&str> = mails.iter().map(|mail| mail.subject.as_str()).collect();
    let counts = (mails.len(), house.mails_taken(), subjects.len());
    assert_eq!(counts, (8, 8, 8), "{subjects:?}");
    assert_eq!(house.mapping.faults(), Vec::<String>::new());

    let dead = house.dead_letters().await?;
    let dead = dead.iter().filter_map(|message| message.message_id());
    assert_eq!(dead.collect::<BTreeSet<_>>(), BTreeSet::from(poisoned));
    for (name, reason) in [
        (format!("message-{not_json}"), "bad_message"),
        (
            "crm_event_ghost_20261123T065000123456Z".to_owned(),
            "raw_missing",
        ),
    ] {
        let failed = house.document(&format!("failed/{name}.json")).await?;
        assert_eq!(failed["reason"], reason, "{failed}");
    }
    Ok(())
}
