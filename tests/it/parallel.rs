//! Many at once: nothing is lost, mixed or mailed twice.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result, ensure};
use futures_util::{StreamExt, TryStreamExt, stream};
use leadwire_tests::clock::DEADLINE;
use leadwire_tests::house::{House, HouseOptions};
use leadwire_tests::mapping::MappingOptions;
use serde_json::{Value, json};

const LEADS: usize = 500;
const EVENTS_OF_ONE: usize = 200;
/// More than the ingestion function has environments, so that requests queue for it.
const CLIENTS: usize = 16;

async fn build() -> Result<House> {
    House::build(HouseOptions {
        parameters: vec![("DelaySeconds", "0")],
        mapping: MappingOptions {
            concurrency: 3,
            ..MappingOptions::default()
        },
        ..HouseOptions::default()
    })
    .await
}

/// Posts as a CRM does: what is answered 503 is sent again, under the same key.
async fn deliver(house: &House, key: &str, body: &str) -> Result<String> {
    for _ in 0..5 {
        let response = house
            .post("/ingest", &[("Idempotency-Key", key)], body)
            .await?;
        if response.status() == 503 {
            continue;
        }
        let answer: Value = serde_json::from_slice(response.body())?;
        ensure!(response.status() == 202, "{}: {answer}", response.status());
        let key = answer.pointer("/events/0/s3_key").and_then(Value::as_str);
        return Ok(key.context("s3_key")?.to_owned());
    }
    anyhow::bail!("{key} was answered 503 five times")
}

async fn deliver_all(
    house: &House,
    events: &[(String, String)],
) -> Result<BTreeMap<String, String>> {
    let sends = stream::iter(events).map(|(id, body)| async move {
        Ok::<_, anyhow::Error>((deliver(house, id, body).await?, body.clone()))
    });
    sends.buffer_unordered(CLIENTS).try_collect().await
}

#[tokio::test]
async fn five_hundred_leads_at_once_are_each_stored_merged_with_their_own_owner_and_mailed_once()
-> Result<()> {
    let house = build().await?;
    let owners = stream::iter(0..LEADS).map(|n| {
        let (house, lead) = (&house, format!("par-{n}"));
        let file =
            json!({"lead_id": lead, "lead_owner": format!("Owner {n}"), "funnel": format!("F{n}")});
        async move { house.put_owner(&lead, &file).await }
    });
    owners
        .buffer_unordered(CLIENTS)
        .try_collect::<Vec<()>>()
        .await?;
    let events: Vec<(String, String)> = (0..LEADS)
        .map(|n| {
            let body = json!({"lead_id": format!("par-{n}"), "display_name": format!("Lead {n}")});
            (format!("key-{n}"), body.to_string())
        })
        .collect();
    let stored = deliver_all(&house, &events).await?;
    assert_eq!(stored.len(), LEADS, "every lead has a key of its own");

    let mails = house.mails(LEADS, DEADLINE).await?;
    house.quiet(DEADLINE).await?;
    let subjects: BTreeSet<String> = mails.iter().map(|mail| mail.subject.clone()).collect();
    let expected: BTreeSet<String> = (0..LEADS)
        .map(|n| format!("New lead: Lead {n} → Owner {n}"))
        .collect();
    assert_eq!(subjects, expected);
    assert_eq!(
        (house.mailbox.mails().await?.len(), house.mails_taken()),
        (LEADS, LEADS)
    );
    check_documents(&house, &stored).await?;
    assert_eq!(
        house
            .depth(house.stack.output("DeadLetterQueueUrl")?)
            .await?,
        0
    );
    Ok(())
}

#[tokio::test]
async fn two_hundred_events_of_one_lead_in_the_same_microsecond_stay_two_hundred() -> Result<()> {
    let house = build().await?;
    house
        .put_owner(
            "lead_burst",
            &json!({"lead_id": "lead_burst", "lead_owner": "Omar"}),
        )
        .await?;
    let events: Vec<(String, String)> = (0..EVENTS_OF_ONE)
        .map(|n| {
            let event = json!({
                "id": format!("ev_{n}"), "date_created": "2026-11-23T06:50:00.123456",
                "object_type": "lead", "action": "created", "object_id": "lead_burst", "lead_id": "lead_burst",
                "data": {"id": "lead_burst", "display_name": format!("Event {n}")},
            });
            let body = json!({"event": event, "subscription_id": "whsub_1Test"});
            (format!("unused-{n}"), body.to_string())
        })
        .collect();
    let stored = deliver_all(&house, &events).await?;
    assert_eq!(
        stored.len(),
        EVENTS_OF_ONE,
        "every event has a key of its own"
    );

    let mails = house.mails(EVENTS_OF_ONE, DEADLINE).await?;
    house.quiet(DEADLINE).await?;
    let subjects: BTreeSet<String> = mails.iter().map(|mail| mail.subject.clone()).collect();
    let expected: BTreeSet<String> = (0..EVENTS_OF_ONE)
        .map(|n| format!("New lead: Event {n} → Omar"))
        .collect();
    assert_eq!(subjects, expected);
    assert_eq!(
        (house.mailbox.mails().await?.len(), house.mails_taken()),
        (EVENTS_OF_ONE, EVENTS_OF_ONE)
    );
    check_documents(&house, &stored).await?;
    Ok(())
}

/// Each raw object holds the bytes that were sent, each document is merged from it alone, each mail is settled.
async fn check_documents(house: &House, stored: &BTreeMap<String, String>) -> Result<()> {
    let raw: BTreeSet<String> = house
        .list("RawBucketName", "raw/")
        .await?
        .into_keys()
        .collect();
    ensure!(
        raw == stored.keys().cloned().collect(),
        "raw/ holds what was answered, and no more"
    );
    let derived = |prefix: &str| -> BTreeSet<String> {
        stored
            .keys()
            .map(|key| key.replacen("raw/", prefix, 1))
            .collect()
    };
    let enriched = house.list("EnrichedBucketName", "enriched/").await?;
    ensure!(enriched.into_keys().collect::<BTreeSet<_>>() == derived("enriched/"));
    let mail = house.list("EnrichedBucketName", "mail/").await?;
    ensure!(
        mail.values().all(|size| *size == 0),
        "a mail is not settled"
    );
    ensure!(mail.into_keys().collect::<BTreeSet<_>>() == derived("mail/"));
    let checks = stream::iter(stored).map(|(key, body)| check_document(house, key, body));
    checks
        .buffer_unordered(CLIENTS)
        .try_collect::<Vec<()>>()
        .await?;
    Ok(())
}

async fn check_document(house: &House, key: &str, body: &str) -> Result<()> {
    ensure!(
        house.bytes("RawBucketName", key).await? == *body,
        "{key} holds other bytes"
    );
    let sent: Value = serde_json::from_str(body)?;
    let sent = sent.pointer("/event/data").unwrap_or(&sent);
    let document = house
        .document(&key.replacen("raw/", "enriched/", 1))
        .await?;
    let member = |value: &Value, name: &str| value.get(name).cloned().unwrap_or_default();
    ensure!(
        member(&document, "display_name") == member(sent, "display_name"),
        "{key}: {document}"
    );
    let name = member(sent, "display_name");
    let owner = match name.as_str().and_then(|name| name.strip_prefix("Lead ")) {
        Some(number) => format!("Owner {number}"),
        None => "Omar".to_owned(),
    };
    ensure!(
        member(&document, "lead_owner") == owner,
        "{key}: {document}"
    );
    Ok(())
}
