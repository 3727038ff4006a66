//! The same webhook several times at once is one event.

use anyhow::{Context, Result, ensure};
use futures_util::future::try_join_all;
use leadwire_tests::house::{House, HouseOptions};
use serde_json::json;

const TIMES: usize = 5;

/// Sends the very same request five times at once, and demands one of everything.
async fn check_one(headers: &[(&str, &str)], body: &str) -> Result<()> {
    let house = House::build(HouseOptions {
        parameters: vec![("DelaySeconds", "1")],
        // A trigger that meets a live claim comes back when its lease is over: the template's 90 s would only cost time.
        environment: vec![("LEASE_SECONDS", "20".to_owned())],
        ..HouseOptions::default()
    })
    .await?;
    house.assign("lead_dup", "Omar").await?;
    let sends = (0..TIMES).map(|_| house.accepted("/ingest", headers, body));
    let answers = try_join_all(sends).await?;
    let first = answers.first().context("five answers")?;
    for name in ["s3_key", "event_id", "lead_id", "enrich_not_before"] {
        let same = answers.iter().all(|answer| answer[name] == first[name]);
        ensure!(same, "{name} differs: {answers:?}");
    }
    let new = answers.iter().filter(|answer| answer["duplicate"] == false);
    ensure!(new.count() == 1, "one of them is new: {answers:?}");

    house.mails(1).await?;
    house.quiet().await?;
    ensure!(house.list("RawBucketName", "raw/").await?.len() == 1);
    ensure!(house.list("EnrichedBucketName", "enriched/").await?.len() == 1);
    let mails = house.mailbox.mails().await?;
    ensure!(mails.len() == 1 && house.mails_taken() == 1, "{mails:?}");
    ensure!(house.bytes("RawBucketName", first.key()).await? == *body);
    house.check_single_receives()
}

#[tokio::test]
async fn a_close_event_five_times_at_once_is_one_object_one_document_one_mail() -> Result<()> {
    let body = json!({
        "subscription_id": "whsub_1Test",
        "event": {
            "id": "ev_1Test", "date_created": "2026-11-23T06:50:00.123456", "object_type": "lead",
            "action": "created", "object_id": "lead_dup", "lead_id": "lead_dup",
            "data": {"id": "lead_dup", "display_name": "Zoë"},
        },
    });
    check_one(&[], &body.to_string()).await
}

#[tokio::test]
async fn a_flat_form_with_an_idempotency_key_five_times_at_once_is_one_event_too() -> Result<()> {
    let body = json!({"lead_id": "lead_dup", "display_name": "Zoë"});
    check_one(&[("Idempotency-Key", "form-4711")], &body.to_string()).await
}
