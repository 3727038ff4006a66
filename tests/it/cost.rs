//! What a webhook costs in calls on AWS.

use anyhow::{Result, ensure};
use leadwire_tests::json::At;
use leadwire_tests::rig::{RAW, Rig, SOURCES};
use leadwire_tests::secret::StandardSender;
use serde_json::{Value, json};

/// What was asked of AWS since the last look, without how a secret was got.
fn asked(rig: &Rig, seen: &mut usize) -> Vec<&'static str> {
    let calls = rig.cloud.calls();
    let new = calls.iter().skip(*seen).map(|call| call.what);
    let new = new
        .filter(|what| !what.starts_with("SecretsManager"))
        .collect();
    *seen = calls.len();
    new
}

#[tokio::test]
async fn a_lead_costs_two_calls_and_three_where_its_id_needs_an_entry() -> Result<()> {
    const PUT: &str = "S3.PutObject";
    const SEND: &str = "SQS.SendMessage";
    let rig = Rig::start(&[]).await?;
    let mut seen = 0;
    rig.lead("cost-1").await?;
    assert_eq!(asked(&rig, &mut seen), [PUT, SEND]);
    let close = json!({"subscription_id": "whsub_1", "event": {
        "id": "ev_1", "date_created": "2026-11-23T06:50:00.123456", "object_type": "lead",
        "action": "created", "object_id": "cost-2", "data": {"id": "cost-2"},
    }});
    rig.accepted("/ingest", &[], &close.to_string()).await?;
    assert_eq!(asked(&rig, &mut seen), [PUT, SEND]);
    let flat = json!({"lead_id": "cost-3"}).to_string();
    rig.accepted("/ingest", &[("Idempotency-Key", "order-7")], &flat)
        .await?;
    assert_eq!(asked(&rig, &mut seen), [PUT, PUT, SEND]);
    Ok(())
}

#[tokio::test]
async fn many_events_in_one_request_are_stored_each_and_queued_in_batches_of_ten() -> Result<()> {
    let sender = StandardSender::new([7; 32]);
    let rig = Rig::start(&[("SOURCES_SECRET_ARN", SOURCES.to_owned())]).await?;
    rig.cloud.hold_secret(SOURCES, sender.document());
    let leads: Vec<String> = (0..12).map(|number| format!("many-{number}")).collect();
    let envelope = |lead: &String| json!({"type": "lead.created", "data": {"lead_id": lead}});
    let elements: Vec<String> = leads
        .iter()
        .map(|lead| envelope(lead).to_string())
        .collect();
    let body = format!("[{}]", elements.join(", "));
    let signed = sender.sign("msg_1", &body)?;
    let answer = rig
        .post("/ingest/standard", &signed.headers(), &body)
        .await?;
    let answer: Value = serde_json::from_slice(answer.body())?;
    let events = answer.at("events").items();
    ensure!(events.len() == leads.len(), "{answer}");
    for (place, event) in events.iter().enumerate() {
        assert_eq!(event["event_id"], format!("msg_1.{place}"));
        let stored = rig.cloud.bytes(RAW, event.at("s3_key").text());
        let stored = stored.map(|bytes| bytes.to_vec());
        assert_eq!(stored.as_deref(), elements.get(place).map(String::as_bytes));
    }
    let asked = asked(&rig, &mut 0);
    let count = |wanted: &str| asked.iter().filter(|what| **what == wanted).count();
    assert_eq!(count("S3.PutObject"), 24);
    assert_eq!(count("SQS.SendMessageBatch"), 2);
    assert_eq!(asked.len(), 26, "{asked:?}");
    for lead in &leads {
        rig.assign(lead, "Omar");
    }
    rig.deliver_sent().await?;
    assert_eq!(rig.cloud.mails().len(), leads.len());
    Ok(())
}
