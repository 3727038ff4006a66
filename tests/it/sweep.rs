//! The real `sweep`: an event whose trigger is lost is queued again, and its mail comes after all.

use std::time::Duration;

use anyhow::{Context, Result, bail};
use leadwire_tests::clock::{self, DEADLINE};
use leadwire_tests::fault::Fault;
use leadwire_tests::house::{House, HouseOptions};
use leadwire_tests::instance::Outcome;
use leadwire_tests::json::At;
use leadwire_tests::mapping::MappingOptions;
use serde_json::{Value, json};

/// Longer than an event of the template's can wait: 1800 s and 3600 s of waiting, three visibilities of 360 s, and 15 minutes.
const AGE: Duration = Duration::from_hours(3);

/// Sweeps once: the report, which the log must tell too.
async fn sweep(house: &House) -> Result<Value> {
    let told = || {
        let lines = house.sweep.log().objects().into_iter();
        lines
            .filter(|line| line["event"] == "sweep_finished")
            .collect::<Vec<_>>()
    };
    let before = told().len();
    let outcome = house.sweep.invoke(&json!({})).await?;
    let Outcome::Response(report) = &outcome else {
        bail!("{outcome:?}: {:?}", house.sweep.log().lines());
    };
    let report: Value = serde_json::from_slice(report)?;
    let line = clock::eventually("the log tells of the sweep", DEADLINE, || async {
        Ok(told().into_iter().nth(before))
    })
    .await?;
    assert_eq!(numbers(&line), numbers(&report), "{line}");
    Ok(report)
}

fn numbers(report: &Value) -> [Option<u64>; 4] {
    ["examined", "found", "sent", "given_up"].map(|name| report.at(name).as_u64())
}

#[tokio::test]
async fn an_old_event_without_a_trigger_is_queued_again_and_mailed_once() -> Result<()> {
    let house = House::build(HouseOptions {
        parameters: vec![("DelaySeconds", "0")],
        mapping: MappingOptions {
            enabled: false,
            ..MappingOptions::default()
        },
        ..HouseOptions::default()
    })
    .await?;
    house
        .put_owner(
            "lost-1",
            &json!({"lead_id": "lost-1", "lead_owner": "Omar"}),
        )
        .await?;
    let event = house
        .accepted("/ingest", &[], r#"{"lead_id":"lost-1"}"#)
        .await?;
    let queue = house.stack.output("DelayQueueUrl")?;
    let purge = house.clients.sqs.purge_queue().queue_url(queue);
    purge.send().await?;
    house.quiet(DEADLINE).await?;

    let young = sweep(&house).await?;
    assert_eq!(numbers(&young), [1, 0, 0, 0].map(Some), "{young}");
    assert_eq!(house.depth(queue).await?, 0);

    // Only the event is old: what the sweep writes in this test is as fresh as it is.
    let is_raw_listing =
        |query: &str| query.contains("list-type=2") && query.contains("prefix=raw");
    house
        .s3
        .inject(usize::MAX, Fault::Age(AGE), move |request| {
            request.uri().query().is_some_and(is_raw_listing)
        });
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
    house.mails(1, DEADLINE).await?;
    house.quiet(DEADLINE).await?;
    let settled = sweep(&house).await?;
    assert_eq!(numbers(&settled), [1, 0, 0, 0].map(Some), "{settled}");
    assert_eq!(house.depth(queue).await?, 0);
    assert_eq!(house.mails_taken(), 1);
    Ok(())
}
