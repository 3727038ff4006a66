//! Many at once: nothing is lost, mixed or mailed twice to either of two receivers.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Result, ensure};
use futures_util::{StreamExt, TryStreamExt, stream};
use leadwire_tests::accepted::{Accepted, key_in};
use leadwire_tests::house::{House, HouseOptions};
use leadwire_tests::json::At;
use leadwire_tests::mapping::MappingOptions;
use serde_json::{Value, json};

const LEADS: usize = 500;
const EVENTS_OF_ONE: usize = 200;
/// More than the ingestion function has environments, so that requests queue for it.
const CLIENTS: usize = 16;

async fn build() -> Result<House> {
    House::build(HouseOptions {
        mapping: MappingOptions {
            concurrency: 3,
            ..MappingOptions::default()
        },
        has_desk: true,
        ..HouseOptions::prompt()
    })
    .await
}

/// An event on its way: what it is sent with, and the subject of its mail.
struct Sent {
    key: String,
    body: Value,
    subject: String,
}

/// Posts as a CRM does: what is answered 503 is sent again, under the same key.
async fn deliver(house: &House, key: &str, body: &str) -> Result<String> {
    let headers = [("Idempotency-Key", key)];
    for _ in 0..5 {
        let response = house.post("/ingest", &headers, body).await?;
        if response.status() != 503 {
            return Ok(Accepted::read(&response)?.key().to_owned());
        }
    }
    anyhow::bail!("{key} was answered 503 five times")
}

/// Delivers the events at once, and demands that each is stored, merged and mailed by itself and once.
async fn check_each(house: &House, events: &[Sent]) -> Result<()> {
    let sends = stream::iter(events).map(|sent| async move {
        let key = deliver(house, &sent.key, &sent.body.to_string()).await?;
        anyhow::Ok((key, sent))
    });
    let stored: BTreeMap<String, &Sent> = sends.buffer_unordered(CLIENTS).try_collect().await?;
    let count = events.len();
    assert_eq!(stored.len(), count, "every event has a key of its own");

    for mailbox in [&house.mailbox, &house.desk] {
        let mails = house.mails_in(mailbox, count).await?;
        let subjects: BTreeSet<&str> = mails.iter().map(|mail| mail.subject.as_str()).collect();
        let expected: BTreeSet<&str> = events.iter().map(|sent| sent.subject.as_str()).collect();
        assert_eq!(subjects, expected);
    }
    house.quiet().await?;
    let (team, desk) = (house.mailbox.mails().await?, house.desk.mails().await?);
    assert_eq!((team.len(), desk.len()), (count, count));
    assert_eq!(house.mails_taken(), 2 * count);

    let expected =
        |room: &str| -> BTreeSet<String> { stored.keys().map(|key| key_in(key, room)).collect() };
    for (output, room) in [
        ("RawBucketName", "raw"),
        ("EnrichedBucketName", "enriched"),
        ("EnrichedBucketName", "mail"),
    ] {
        let found = house.list(output, &format!("{room}/")).await?;
        let settled = room != "mail" || found.values().all(|size| *size == 0);
        ensure!(settled, "a mail is not settled");
        let found: BTreeSet<String> = found.into_keys().collect();
        ensure!(found == expected(room), "{room} holds other objects");
    }
    let checks = stream::iter(&stored).map(|(key, sent)| check_document(house, key, sent));
    let checks = checks.buffer_unordered(CLIENTS);
    checks.try_collect::<Vec<()>>().await?;
    Ok(())
}

/// The raw object holds the bytes that were sent, and the document is merged from it alone.
async fn check_document(house: &House, key: &str, sent: &Sent) -> Result<()> {
    let raw = house.bytes("RawBucketName", key).await?;
    ensure!(raw == sent.body.to_string(), "{key} holds other bytes");
    let document = house.document(&key_in(key, "enriched")).await?;
    let text = |name: &str| document.at(name).text();
    let said = format!(
        "New lead: {} → {}",
        text("display_name"),
        text("lead_owner")
    );
    ensure!(said == sent.subject, "{key}: {document}");
    Ok(())
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
    let owners = owners.buffer_unordered(CLIENTS);
    owners.try_collect::<Vec<()>>().await?;
    let event = |n| Sent {
        key: format!("key-{n}"),
        body: json!({"lead_id": format!("par-{n}"), "display_name": format!("Lead {n}")}),
        subject: format!("New lead: Lead {n} → Owner {n}"),
    };
    let events: Vec<Sent> = (0..LEADS).map(event).collect();
    check_each(&house, &events).await?;
    assert_eq!(house.depth("DeadLetterQueueUrl").await?, 0);
    Ok(())
}

#[tokio::test]
async fn two_hundred_events_of_one_lead_in_the_same_microsecond_stay_two_hundred() -> Result<()> {
    let house = build().await?;
    house.assign("lead_burst", "Omar").await?;
    let event = |n| {
        let event = json!({
            "id": format!("ev_{n}"), "date_created": "2026-11-23T06:50:00.123456",
            "object_type": "lead", "action": "created", "object_id": "lead_burst", "lead_id": "lead_burst",
            "data": {"id": "lead_burst", "display_name": format!("Event {n}")},
        });
        Sent {
            key: format!("unused-{n}"),
            body: json!({"event": event, "subscription_id": "whsub_1Test"}),
            subject: format!("New lead: Event {n} → Omar"),
        }
    };
    let events: Vec<Sent> = (0..EVENTS_OF_ONE).map(event).collect();
    check_each(&house, &events).await
}
