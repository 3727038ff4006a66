//! The real `sweep`: an event whose trigger is lost is queued again, and its mail comes after all.

use anyhow::{Context, Result};
use leadwire_tests::clock;
use leadwire_tests::fault::{Fault, lists};
use leadwire_tests::house::{House, HouseOptions};
use leadwire_tests::json::At;
use leadwire_tests::mapping::MappingOptions;
use serde_json::{Value, json};

/// Sweeps once: the report, which the log must tell too.
async fn sweep(house: &House) -> Result<Value> {
    let told = || {
        let mut lines = house.sweep.log().objects();
        lines.retain(|line| line["event"] == "sweep_finished");
        lines
    };
    let before = told().len();
    let report = house.sweep.answer(&json!({})).await?;
    let line = clock::eventually("the log tells of the sweep", || async {
        Ok(told().into_iter().nth(before))
    });
    let line = line.await?;
    assert_eq!(numbers(&line), numbers(&report), "{line}");
    Ok(report)
}

fn numbers(report: &Value) -> [Option<u64>; 4] {
    ["examined", "found", "sent", "given_up"].map(|name| report.at(name).as_u64())
}

#[tokio::test]
async fn an_old_event_without_a_trigger_is_queued_again_and_mailed_once() -> Result<()> {
    let house = House::build(HouseOptions {
        mapping: MappingOptions {
            enabled: false,
            ..MappingOptions::default()
        },
        ..HouseOptions::prompt()
    })
    .await?;
    house.assign("lost-1", "Omar").await?;
    let event = house.lead("lost-1").await?;
    let queue = "DelayQueueUrl";
    house.purge(house.stack.output(queue)?).await?;
    house.quiet().await?;

    let young = sweep(&house).await?;
    assert_eq!(numbers(&young), [1, 0, 0, 0].map(Some), "{young}");
    assert_eq!(house.depth(queue).await?, 0);

    // Only the event is old: what the sweep writes in this test is as fresh as it is.
    let is_raw = |call: &_| lists(call, "raw");
    house.s3.inject(usize::MAX, Fault::Age, is_raw);
    let old = sweep(&house).await?;
    assert_eq!(numbers(&old), [1, 1, 1, 0].map(Some), "{old}");
    assert_eq!(old["keys"], json!([event["s3_key"]]));
    let counts = house.list("EnrichedBucketName", "swept/").await?;
    let count = counts.keys().next().context("the sweep counts")?;
    assert_eq!(house.document(count).await?, json!({"count": 1}));
    assert_eq!(house.depth(queue).await?, 1);

    let under_way = sweep(&house).await?;
    assert_eq!(numbers(&under_way), [1, 0, 0, 0].map(Some), "{under_way}");

    house.mapping.resume();
    house.mails(1).await?;
    house.quiet().await?;
    let settled = sweep(&house).await?;
    assert_eq!(numbers(&settled), [1, 0, 0, 0].map(Some), "{settled}");
    assert_eq!(house.depth(queue).await?, 0);
    assert_eq!(house.mails_taken(), 1);
    Ok(())
}
