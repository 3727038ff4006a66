//! The canary over the real binaries: from the schedule's own input to the mailbox simulator, counted once and nowhere else.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use leadwire_tests::clock::{self, until};
use leadwire_tests::emulator::Emulators;
use leadwire_tests::function::Function;
use leadwire_tests::house::{House, HouseOptions};
use leadwire_tests::json::At;
use leadwire_tests::mailbox::Mailbox;
use leadwire_tests::{metric, template};
use serde_json::Value;

const SIMULATOR: &str = "success@simulator.amazonses.com";

/// What `CanarySchedule` sends to `SweepFunction`.
fn schedule() -> Result<Value> {
    let template = template::read()?;
    let input = template.pointer("/Resources/CanarySchedule/Properties/Targets/0/Input");
    let input = input.and_then(Value::as_str).context("the schedule")?;
    Ok(serde_json::from_str(input)?)
}

async fn send(house: &House) -> Result<Value> {
    let report = house.sweep.answer(&schedule()?).await?;
    Ok(report.at("canary").clone())
}

/// The metrics that functions have told, but for those that each tells of itself, and how many documents name each.
fn told(functions: &[&Function]) -> BTreeMap<String, usize> {
    let mut told = BTreeMap::new();
    for name in functions
        .iter()
        .flat_map(|f| metric::names(&f.log().lines()))
    {
        if !matches!(name.as_str(), "ColdStart" | "TelemetryDropped") {
            *told.entry(name).or_default() += 1;
        }
    }
    told
}

#[tokio::test]
async fn a_canary_goes_from_the_schedule_to_the_simulator_and_is_counted_nowhere_else() -> Result<()>
{
    let house = House::build(HouseOptions {
        parameters: vec![("DelaySeconds", "0"), ("NotifyOwner", "true")],
        ..HouseOptions::default()
    })
    .await?;
    let sent = send(&house).await?;
    assert_eq!(sent["lead_id"], "leadwire-canary", "{sent}");
    let mailed = clock::eventually("the canary is mailed", || async {
        let lines = house.enrich.log().objects();
        Ok(lines.into_iter().find(|line| line["event"] == "email_sent"))
    });
    let mailed = mailed.await.with_context(|| house.account())?;
    assert_eq!(mailed["event_id"], sent["event_id"]);
    house.quiet().await?;

    let emulators = Emulators::shared().await?;
    let simulator = Mailbox::new(&emulators.mail, SIMULATOR).mails().await?;
    let mail = simulator.last().context("a mail to the simulator")?;
    assert_eq!(mail.to, [SIMULATOR]);
    assert_eq!(house.mails_taken(), 1);
    assert!(house.mailbox.mails().await?.is_empty());
    let owner = house.bytes("LookupBucketName", "leadwire-canary.json");
    let owner: Value = serde_json::from_slice(&owner.await?)?;
    assert_eq!(owner["lead_id"], "leadwire-canary");
    let markers = house.list("EnrichedBucketName", "mail/").await?;
    assert_eq!(markers.values().collect::<Vec<_>>(), [&0]);

    let counted = || told(&[&house.ingest, &house.enrich, &house.sweep]);
    let once = BTreeMap::from([("CanaryMailed".to_owned(), 1)]);
    until("the metrics are told", || !counted().is_empty()).await?;
    assert_eq!(counted(), once);
    Ok(())
}

#[tokio::test]
async fn a_canary_that_nobody_takes_is_no_failed_invocation_and_one_that_is_off_is_refused()
-> Result<()> {
    let house = House::build(HouseOptions {
        parameters: vec![("CanaryMinutes", "0")],
        ..HouseOptions::default()
    })
    .await?;
    let off = send(&house).await?;
    let why = off["error"].as_str().unwrap_or_default();
    assert!(why.contains("CANARY_URL"), "{off}");
    let answer = house.post("/ingest/canary", &[], "{}").await?;
    assert_eq!(answer.status(), 401);
    assert!(house.list("RawBucketName", "").await?.is_empty());
    assert_eq!(told(&[&house.ingest, &house.sweep]), BTreeMap::new());

    let other = House::build(HouseOptions {
        environment: vec![("DELAY_QUEUE_URL", "http://127.0.0.1:1/1/delay".to_owned())],
        ..HouseOptions::default()
    })
    .await?;
    let refused = send(&other).await?;
    let why = refused["error"].as_str().unwrap_or_default();
    assert!(why.contains("503 (unavailable)"), "{refused}");
    assert_eq!(told(&[&other.ingest, &other.sweep]), BTreeMap::new());
    Ok(())
}
