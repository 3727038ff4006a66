//! Owner files that are late, absent, another lead's, or not to be read.

use anyhow::{Context, Result};
use leadwire_tests::clock::until;
use leadwire_tests::fault::Fault;
use leadwire_tests::house::{House, HouseOptions};
use serde_json::{Value, json};

async fn build(wait: &'static str, missing: &'static str) -> Result<House> {
    House::build(HouseOptions {
        parameters: vec![
            ("DelaySeconds", "0"),
            ("OwnerWaitSeconds", wait),
            ("OwnerMissing", missing),
        ],
        overrides: vec![("DelayQueue", "VisibilityTimeout", json!(6))],
        ..HouseOptions::default()
    })
    .await
}

async fn looked_in_vain(house: &House) -> Result<()> {
    let looked = until("the first look was in vain", || {
        !house.mapping.deliveries().is_empty()
    });
    looked.await.with_context(|| house.account())
}

/// Waits until the one lead is mailed, and checks that waiting cost no receive.
async fn check_mailed(house: &House, subject: &str) -> Result<()> {
    let mails = house.mails(1).await?;
    assert!(
        mails.iter().all(|mail| mail.subject == subject),
        "{mails:?}"
    );
    house.quiet().await?;
    house.check_single_receives()
}

#[tokio::test]
async fn an_owner_assigned_late_is_waited_for_at_no_cost_in_receives() -> Result<()> {
    let house = build("8", "dlq").await?;
    let event = house.lead("late-1").await?;
    looked_in_vain(&house).await?;
    house.assign("late-1", "Omar").await?;
    check_mailed(&house, "New lead: Zoë late-1 → Omar").await?;
    let looks = house.mapping.deliveries().len();
    assert!(looks >= 2, "it came back as a copy");
    let failed = house.list("EnrichedBucketName", "failed/").await?;
    assert!(!failed.contains_key(&event.key_in("failed")));
    Ok(())
}

#[tokio::test]
async fn a_lookup_that_is_denied_is_waited_for_like_one_that_is_absent() -> Result<()> {
    let house = build("8", "dlq").await?;
    let lookup = format!("/{}/", house.stack.output("LookupBucketName")?);
    let denied = Fault::s3(403, "AccessDenied");
    house.s3.inject(usize::MAX, denied, move |request| {
        request.uri().path().starts_with(&lookup)
    });
    house.assign("denied-1", "Omar").await?;
    house.lead("denied-1").await?;
    looked_in_vain(&house).await?;
    house.s3.heal();
    check_mailed(&house, "New lead: Zoë denied-1 → Omar").await?;
    let lines = house.enrich.log().objects();
    let told = lines.iter().any(|line| line["event"] == "lookup_denied");
    assert!(told, "{}", house.account());
    Ok(())
}

#[tokio::test]
async fn an_owner_that_never_comes_ends_in_the_dead_letter_queue_as_does_another_leads_file()
-> Result<()> {
    let house = build("3", "dlq").await?;
    let file = json!({"lead_id": "mixed-2", "lead_owner": "Omar"});
    house.put_owner("mixed-1", &file).await?;
    let mixed = house.lead("mixed-1").await?;
    let never = house.lead("never-1").await?;
    house.dead_letter_depth(2).await?;
    for (event, reason) in [(mixed, "lookup_mismatch"), (never, "owner_missing")] {
        let failed = house.document(&event.key_in("failed")).await?;
        assert_eq!(failed["reason"], reason, "{failed}");
    }
    let deliveries = house.mapping.deliveries();
    let failures = deliveries.iter().filter(|one| one.failed);
    let failures: Vec<u32> = failures.map(|one| one.receive_count).collect();
    assert_eq!(failures.len(), 6, "three receives each: {deliveries:?}");
    assert_eq!(failures.iter().sum::<u32>(), 12, "{failures:?}");
    let enriched = house.list("EnrichedBucketName", "enriched/").await?;
    assert_eq!(enriched.len(), 0);
    assert_eq!(house.ses.calls().len(), 0);
    assert_eq!(house.mailbox.mails().await?.len(), 0);
    Ok(())
}

#[tokio::test]
async fn an_owner_that_never_comes_is_mailed_as_unassigned_where_that_is_wanted() -> Result<()> {
    let house = build("3", "mail").await?;
    let event = house.lead("never-2").await?;
    check_mailed(&house, "New lead: Zoë never-2 → unassigned").await?;
    let document = house.document(&event.key_in("enriched")).await?;
    let owner = document.get("lead_owner");
    assert!(owner.is_none_or(Value::is_null), "{document}");
    Ok(())
}
