//! The README's section on usage and testing. The `curl` that runs here is read out of the README; the rest is asked for there, so neither
//! can drift from the other.

use anyhow::{Context, Result, ensure};
use jiff::Timestamp;
use leadwire_tests::accepted::key_in;
use leadwire_tests::house::{FROM, House, HouseOptions};
use leadwire_tests::program;
use serde_json::{Value, json};
use tokio::process::Command;

const README: &str = include_str!("../../README.md");
/// Where the README's API is.
const API: &str = "https://<API_ID>.execute-api.us-east-1.amazonaws.com/Prod";
const PAYLOAD: &str =
    r#"{"lead_id":"test-1","display_name":"Alice","lead_email":"alice@example.com"}"#;
/// The operator's message, `<timestamp>` to be filled in.
const BARE: &str = r#"{"s3_key":"raw/crm_event_test-1_<timestamp>.json"}"#;
/// The listings, each with the output and the prefix that it means.
const RAW: [&str; 3] = ["aws s3 ls s3://$RAW_BUCKET/raw/", "RawBucketName", "raw/"];
const ENRICHED: [&str; 3] = [
    "aws s3 ls s3://$ENRICHED_BUCKET/enriched/",
    "EnrichedBucketName",
    "enriched/",
];

async fn keys(house: &House, [_, output, prefix]: [&str; 3]) -> Result<Vec<String>> {
    Ok(house.list(output, prefix).await?.into_keys().collect())
}

/// The README's command that starts so, with the lines that continue it.
fn command(start: &str) -> Result<String> {
    let mut lines = README.lines().map(str::trim);
    let first = lines.find(|line| line.starts_with(start));
    let first = first.with_context(|| format!("the README has no command {start}"))?;
    let mut command = first.to_owned();
    while command.ends_with('\\') {
        command.push('\n');
        command.push_str(lines.next().context("the README's command breaks off")?);
    }
    Ok(command)
}

/// The README's `curl`, against this house's API.
async fn curl(house: &House) -> Result<Value> {
    program::need_curl().await?;
    let command = command(&format!("curl -X POST {API}/ingest"))?;
    let command = command.replace(API, &house.gateway.url());
    let output = Command::new("sh").args(["-c", &command]).output();
    let output = output.await.context("a shell")?;
    ensure!(output.status.success(), "{output:?}");
    serde_json::from_slice(&output.stdout).with_context(|| format!("{output:?}"))
}

#[test]
fn the_readme_shows_the_payload_the_bare_message_and_the_listings_that_are_tested() -> Result<()> {
    let post = command(&format!("curl -X POST {API}/ingest"))?;
    assert!(post.contains(&format!("-d '{PAYLOAD}'")), "{post}");
    let send = command("aws sqs send-message --queue-url $DELAY_QUEUE_URL")?;
    assert!(send.contains(&format!("--message-body '{BARE}'")), "{send}");
    assert!(send.contains("--delay-seconds 0"), "{send}");
    for [listing, ..] in [RAW, ENRICHED] {
        assert_eq!(command(listing)?, listing);
    }
    Ok(())
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
    assert_eq!(event["lead_id"], "test-1", "{answer}");
    assert_eq!(event["duplicate"], false, "{answer}");
    assert_eq!(keys(&house, RAW).await?, [key]);
    let time = key.strip_prefix("raw/crm_event_test-1_");
    let time = time.and_then(|rest| rest.strip_suffix(".json"));
    let time = time.context("the key that the README shows")?;
    assert_eq!(time.len(), "20261123T065000123456Z".len(), "{key}");
    assert_eq!(house.bytes("RawBucketName", key).await?, PAYLOAD);
    // Ten minutes are to pass for the event itself.
    assert_eq!(keys(&house, ENRICHED).await?.len(), 0);

    house.send(&BARE.replace("<timestamp>", time)).await?;
    let mails = house.mails(1).await?;
    let document = key_in(key, "enriched");
    assert_eq!(keys(&house, ENRICHED).await?, [document.as_str()]);
    let document = house.document(&document).await?;
    assert_eq!(document["lead_owner"], "Omar");
    assert_eq!(document["funnel"], "Direct VSL");
    assert_eq!(document["_leadwire"]["raw_key"], key);

    let mail = mails.first().context("a mail")?;
    assert_eq!(mail.subject, "New lead: Alice → Omar");
    assert_eq!(mail.from, FROM);
    let (person, sale) = (
        ["test-1", "alice@example.com", "Omar"],
        ["Direct VSL", "Potential"],
    );
    for fact in person.iter().chain(&sale) {
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
    house.assign("early-1", "Omar").await?;
    let event = house.lead("early-1").await?;
    house.mails(1).await?;
    let document = house.document(&event.key_in("enriched")).await?;
    let meta = &document["_leadwire"];
    let time =
        |value: &Value| -> Result<Timestamp> { Ok(value.as_str().context("a time")?.parse()?) };
    let not_before = time(&event["enrich_not_before"])?;
    assert!(time(&meta["enriched_at"])? >= not_before, "{meta}");
    let delay = not_before.duration_since(time(&meta["accepted_at"])?);
    assert_eq!(delay.as_secs(), 4);
    Ok(())
}
