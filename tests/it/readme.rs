//! The README's Usage and Testing sections, word for word: a real `curl`, then the operator's bare message.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use leadwire_tests::house::{FROM, House, HouseOptions};
use serde_json::{Value, json};
use tokio::process::Command;

const PAYLOAD: &str =
    r#"{"lead_id":"test-1","display_name":"Alice","lead_email":"alice@example.com"}"#;

/// The command of the README against this house's API.
async fn curl(house: &House) -> Result<Value> {
    let output = Command::new("curl")
        .args(["-sS", "--fail-with-body", "-X", "POST"])
        .arg(format!("{}/ingest", house.gateway.url()))
        .args(["-H", "Content-Type: application/json", "-d", PAYLOAD])
        .output()
        .await
        .context("curl")?;
    let answer = String::from_utf8_lossy(&output.stdout);
    ensure!(output.status.success(), "{}: {answer}", output.status);
    Ok(serde_json::from_slice(&output.stdout)?)
}

#[tokio::test]
async fn the_readme_holds_curl_then_the_bare_message_then_both_listings_and_the_mail() -> Result<()>
{
    let house = House::build(HouseOptions::default()).await?;
    let owner = json!({
        "lead_id": "test-1", "lead_owner": "Omar", "lead_email": "alice@example.com",
        "funnel": "Direct VSL", "display_name": "Alice", "status_label": "Potential",
        "date_created": "2026-11-23T06:50:00Z",
    });
    house.put_owner("test-1", &owner).await?;

    let answer = curl(&house).await?;
    assert_eq!(answer["status"], "accepted", "{answer}");
    let event = &answer["events"][0];
    let key = event["s3_key"].as_str().context("s3_key")?;
    assert_eq!(
        (&event["lead_id"], &event["duplicate"]),
        (&json!("test-1"), &json!(false)),
        "{answer}"
    );
    let raw = house.list("RawBucketName", "raw/").await?;
    assert_eq!(raw.keys().map(String::as_str).collect::<Vec<_>>(), [key]);
    let time = key
        .strip_prefix("raw/crm_event_test-1_")
        .and_then(|rest| rest.strip_suffix(".json"));
    assert_eq!(
        time.map(str::len),
        Some("20261123T065000123456Z".len()),
        "{key}"
    );
    assert_eq!(house.bytes("RawBucketName", key).await?, PAYLOAD);
    // Ten minutes are to pass for the event itself.
    assert_eq!(
        house.list("EnrichedBucketName", "enriched/").await?.len(),
        0
    );

    let queue = house.stack.output("DelayQueueUrl")?;
    let bare = house
        .clients
        .sqs
        .send_message()
        .queue_url(queue)
        .delay_seconds(0);
    bare.message_body(json!({"s3_key": key}).to_string())
        .send()
        .await?;
    let mails = house.mails(1, Duration::from_secs(30)).await?;
    let enriched = house.list("EnrichedBucketName", "enriched/").await?;
    let document = key.replacen("raw/", "enriched/", 1);
    assert_eq!(enriched.keys().collect::<Vec<_>>(), [&document]);
    let document = house.document(&document).await?;
    assert_eq!(
        (&document["lead_owner"], &document["funnel"]),
        (&json!("Omar"), &json!("Direct VSL"))
    );
    assert_eq!(document["_leadwire"]["raw_key"], key);

    let mail = mails.first().context("a mail")?;
    assert_eq!(
        (mail.subject.as_str(), mail.from.as_str()),
        ("New lead: Alice → Omar", FROM)
    );
    for fact in [
        "test-1",
        "alice@example.com",
        "Omar",
        "Direct VSL",
        "Potential",
    ] {
        assert!(mail.body.contains(fact), "{fact} in {}", mail.body);
    }
    assert_eq!(house.mails_taken(), 1);
    Ok(())
}

#[tokio::test]
async fn nothing_happens_before_the_delay_is_over() -> Result<()> {
    let house = House::build(HouseOptions {
        parameters: vec![("DelaySeconds", "4")],
        ..HouseOptions::default()
    })
    .await?;
    house
        .put_owner(
            "early-1",
            &json!({"lead_id": "early-1", "lead_owner": "Omar"}),
        )
        .await?;
    let event = house
        .accepted("/ingest", &[], r#"{"lead_id":"early-1"}"#)
        .await?;
    // A second trigger of the same event that comes at once must wait like the first.
    let key = event["s3_key"].as_str().context("s3_key")?;
    let not_before: jiff::Timestamp = event["enrich_not_before"]
        .as_str()
        .context("a time")?
        .parse()?;
    house.mails(1, Duration::from_secs(30)).await?;
    let document = house
        .document(&key.replacen("raw/", "enriched/", 1))
        .await?;
    let meta = &document["_leadwire"];
    let enriched: jiff::Timestamp = meta["enriched_at"].as_str().context("a time")?.parse()?;
    assert!(enriched >= not_before, "{meta}");
    let accepted: jiff::Timestamp = meta["accepted_at"].as_str().context("a time")?.parse()?;
    assert_eq!(not_before.duration_since(accepted).as_secs(), 4);
    Ok(())
}
