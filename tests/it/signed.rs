//! Secrets in Secrets Manager: who signs is heard, who does not has no effect at all.

use anyhow::{Result, ensure};
use leadwire_tests::clock::DEADLINE;
use leadwire_tests::emulator::Emulators;
use leadwire_tests::house::{House, HouseOptions};
use leadwire_tests::secret::{self, StandardSender};
use serde_json::{Value, json};

fn envelope(lead: &str) -> String {
    let data = json!({"lead_id": lead, "display_name": "Zoë"});
    json!({"type": "lead.created", "timestamp": "2026-11-23T06:50:00.123456Z", "data": data})
        .to_string()
}

async fn build(sender: &StandardSender) -> Result<House> {
    let emulators = Emulators::shared().await?;
    let document = json!({"standard": {"secrets": [sender.secret()]}});
    let arn = secret::store(&emulators.aws, &document).await?;
    House::build(HouseOptions {
        parameters: vec![("DelaySeconds", "0")],
        environment: vec![("SOURCES_SECRET_ARN", arn)],
        ..HouseOptions::default()
    })
    .await
}

#[tokio::test]
async fn a_signed_envelope_is_mailed_once_and_its_retry_is_a_duplicate() -> Result<()> {
    let sender = StandardSender::new([7; 32]);
    let house = build(&sender).await?;
    house
        .put_owner(
            "signed-1",
            &json!({"lead_id": "signed-1", "lead_owner": "Omar"}),
        )
        .await?;
    let body = envelope("signed-1");
    for is_retry in [false, true] {
        let headers = sender.headers("msg_1", &body)?;
        let headers = headers
            .each_ref()
            .map(|(name, value)| (*name, value.as_str()));
        let event = house.accepted("/ingest/standard", &headers, &body).await?;
        assert_eq!(
            (&event["event_id"], &event["duplicate"]),
            (&json!("msg_1"), &json!(is_retry))
        );
        house.mails(1, DEADLINE).await?;
    }
    house.quiet(DEADLINE).await?;
    assert_eq!(
        (house.mailbox.mails().await?.len(), house.mails_taken()),
        (1, 1)
    );
    Ok(())
}

#[tokio::test]
async fn an_unverified_request_has_no_effect() -> Result<()> {
    let (sender, stranger) = (StandardSender::new([7; 32]), StandardSender::new([8; 32]));
    let house = build(&sender).await?;
    let body = envelope("stranger-1");
    let forged = stranger.headers("msg_1", &body)?;
    let forged = forged
        .each_ref()
        .map(|(name, value)| (*name, value.as_str()));
    let other_body = sender.headers("msg_1", "{}")?;
    let other_body = other_body
        .each_ref()
        .map(|(name, value)| (*name, value.as_str()));
    let requests: [(&str, &[(&str, &str)]); 5] = [
        ("/ingest/standard", &forged),
        ("/ingest/standard", &other_body),
        ("/ingest/standard", &[]),
        ("/ingest/close", &[]),
        ("/ingest", &[]),
    ];
    for (path, headers) in requests {
        let response = house.post(path, headers, &body).await?;
        let answer: Value = serde_json::from_slice(response.body())?;
        ensure!(
            response.status() == 401,
            "{path}: {} {answer}",
            response.status()
        );
        ensure!(
            response.headers()["content-type"] == "application/problem+json",
            "{path}"
        );
    }
    assert_eq!(house.list("RawBucketName", "").await?.len(), 0);
    assert_eq!(house.list("EnrichedBucketName", "").await?.len(), 0);
    assert_eq!(house.depth(house.stack.output("DelayQueueUrl")?).await?, 0);
    Ok(())
}
