//! Secrets in Secrets Manager: who signs is heard, who does not has no effect at all.

use anyhow::{Result, ensure};
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
    let arn = secret::store(&emulators.aws, &sender.document()).await?;
    House::build(HouseOptions {
        environment: vec![("SOURCES_SECRET_ARN", arn)],
        ..HouseOptions::prompt()
    })
    .await
}

#[tokio::test]
async fn a_signed_envelope_is_mailed_once_and_its_retry_is_a_duplicate() -> Result<()> {
    let sender = StandardSender::new([7; 32]);
    let house = build(&sender).await?;
    house.assign("signed-1", "Omar").await?;
    let body = envelope("signed-1");
    for is_retry in [false, true] {
        let signed = sender.sign("msg_1", &body)?;
        let headers = signed.headers();
        let event = house.accepted("/ingest/standard", &headers, &body).await?;
        assert_eq!(event["event_id"], "msg_1");
        assert_eq!(event["duplicate"], is_retry);
        house.mails(1).await?;
    }
    house.quiet().await?;
    let mails = house.mailbox.mails().await?.len();
    assert_eq!((mails, house.mails_taken()), (1, 1));
    Ok(())
}

#[tokio::test]
async fn an_unverified_request_has_no_effect() -> Result<()> {
    let (sender, stranger) = (StandardSender::new([7; 32]), StandardSender::new([8; 32]));
    let house = build(&sender).await?;
    let body = envelope("stranger-1");
    let forged = stranger.sign("msg_1", &body)?;
    let other_body = sender.sign("msg_1", "{}")?;
    for (path, headers) in [
        ("/ingest/standard", forged.headers()),
        ("/ingest/standard", other_body.headers()),
        ("/ingest/standard", vec![]),
        ("/ingest/close", vec![]),
        ("/ingest", vec![]),
    ] {
        let response = house.post(path, &headers, &body).await?;
        let answer: Value = serde_json::from_slice(response.body())?;
        let (status, kind) = (response.status(), &response.headers()["content-type"]);
        ensure!(status == 401, "{path}: {status} {answer}");
        ensure!(kind == "application/problem+json", "{path}: {kind:?}");
    }
    assert_eq!(house.list("RawBucketName", "").await?.len(), 0);
    assert_eq!(house.list("EnrichedBucketName", "").await?.len(), 0);
    assert_eq!(house.depth("DelayQueueUrl").await?, 0);
    Ok(())
}
