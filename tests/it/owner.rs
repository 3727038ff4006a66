//! Owner files that are late, absent, another lead's, or not to be read.

use anyhow::{Context, Result, ensure};
use leadwire_tests::clock::{DEADLINE, eventually};
use leadwire_tests::fault::Fault;
use leadwire_tests::house::{House, HouseOptions};
use serde_json::json;

async fn build(parameters: Vec<(&'static str, &'static str)>) -> Result<House> {
    let mut all = vec![("DelaySeconds", "0")];
    all.extend(parameters);
    House::build(HouseOptions {
        parameters: all,
        overrides: vec![("DelayQueue", "VisibilityTimeout", json!(6))],
        ..HouseOptions::default()
    })
    .await
}

async fn waited_for(house: &House, messages: usize) -> Result<()> {
    let seen = eventually("the first looks were in vain", DEADLINE, || async {
        Ok((house.mapping.deliveries().len() >= messages).then_some(()))
    });
    seen.await.with_context(|| house.account())
}

async fn check_single_receives(house: &House) -> Result<()> {
    house.quiet(DEADLINE).await?;
    let deliveries = house.mapping.deliveries();
    let single = deliveries
        .iter()
        .all(|one| one.receive_count == 1 && !one.failed);
    ensure!(single, "waiting cost a receive: {deliveries:?}");
    Ok(())
}

#[tokio::test]
async fn an_owner_assigned_late_is_waited_for_at_no_cost_in_receives() -> Result<()> {
    let house = build(vec![("OwnerWaitSeconds", "8")]).await?;
    let event = house
        .accepted(
            "/ingest",
            &[],
            r#"{"lead_id":"late-1","display_name":"Zoë"}"#,
        )
        .await?;
    waited_for(&house, 1).await?;
    house
        .put_owner(
            "late-1",
            &json!({"lead_id": "late-1", "lead_owner": "Omar"}),
        )
        .await?;
    let mails = house.mails(1, DEADLINE).await?;
    assert_eq!(mails[0].subject, "New lead: Zoë → Omar");
    check_single_receives(&house).await?;
    assert!(
        house.mapping.deliveries().len() >= 2,
        "it came back as a copy"
    );
    let key = event["s3_key"]
        .as_str()
        .context("s3_key")?
        .replacen("raw/", "failed/", 1);
    assert!(
        !house
            .list("EnrichedBucketName", "failed/")
            .await?
            .contains_key(&key)
    );
    Ok(())
}

#[tokio::test]
async fn a_lookup_that_is_denied_is_waited_for_like_one_that_is_absent() -> Result<()> {
    let house = build(vec![("OwnerWaitSeconds", "8")]).await?;
    let bucket = house.stack.output("LookupBucketName")?.to_owned();
    house
        .s3
        .inject(usize::MAX, Fault::s3(403, "AccessDenied"), move |request| {
            request.uri().path().starts_with(&format!("/{bucket}/"))
        });
    house
        .put_owner(
            "denied-1",
            &json!({"lead_id": "denied-1", "lead_owner": "Omar"}),
        )
        .await?;
    house
        .accepted(
            "/ingest",
            &[],
            r#"{"lead_id":"denied-1","display_name":"Zoë"}"#,
        )
        .await?;
    waited_for(&house, 1).await?;
    house.s3.heal();
    let mails = house.mails(1, DEADLINE).await?;
    assert_eq!(mails[0].subject, "New lead: Zoë → Omar");
    check_single_receives(&house).await?;
    let lines = house.enrich.log().objects();
    let told = lines.iter().any(|line| line["event"] == "lookup_denied");
    assert!(told, "{}", house.account());
    Ok(())
}

#[tokio::test]
async fn an_owner_that_never_comes_ends_in_the_dead_letter_queue_as_does_another_leads_file()
-> Result<()> {
    let house = build(vec![("OwnerWaitSeconds", "3"), ("OwnerMissing", "dlq")]).await?;
    house
        .put_owner(
            "mixed-1",
            &json!({"lead_id": "mixed-2", "lead_owner": "Omar"}),
        )
        .await?;
    let mixed = house
        .accepted("/ingest", &[], r#"{"lead_id":"mixed-1"}"#)
        .await?;
    let never = house
        .accepted("/ingest", &[], r#"{"lead_id":"never-1"}"#)
        .await?;
    house.dead_letter_depth(2, DEADLINE).await?;
    for (event, reason) in [(&mixed, "lookup_mismatch"), (&never, "owner_missing")] {
        let key = event["s3_key"]
            .as_str()
            .context("s3_key")?
            .replacen("raw/", "failed/", 1);
        let failed = house.document(&key).await?;
        assert_eq!(failed["reason"], reason, "{failed}");
    }
    let deliveries = house.mapping.deliveries();
    let failures: Vec<u32> = deliveries
        .iter()
        .filter(|one| one.failed)
        .map(|one| one.receive_count)
        .collect();
    assert_eq!(failures.len(), 6, "three receives each: {deliveries:?}");
    assert_eq!(failures.iter().sum::<u32>(), 12, "{failures:?}");
    assert_eq!(
        house.list("EnrichedBucketName", "enriched/").await?.len(),
        0
    );
    assert_eq!(
        (house.ses.calls().len(), house.mailbox.mails().await?.len()),
        (0, 0)
    );
    Ok(())
}

#[tokio::test]
async fn an_owner_that_never_comes_is_mailed_as_unassigned_where_that_is_wanted() -> Result<()> {
    let house = build(vec![("OwnerWaitSeconds", "3"), ("OwnerMissing", "mail")]).await?;
    let body = r#"{"lead_id":"never-2","display_name":"Zoë"}"#;
    let event = house.accepted("/ingest", &[], body).await?;
    let mails = house.mails(1, DEADLINE).await?;
    assert_eq!(mails[0].subject, "New lead: Zoë → unassigned");
    check_single_receives(&house).await?;
    let key = event["s3_key"]
        .as_str()
        .context("s3_key")?
        .replacen("raw/", "enriched/", 1);
    let document = house.document(&key).await?;
    assert!(
        document
            .get("lead_owner")
            .is_none_or(serde_json::Value::is_null),
        "{document}"
    );
    Ok(())
}
