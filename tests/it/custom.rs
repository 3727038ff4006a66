//! Declared sources over a deployed stack: from HTTP to the mail, through REST and HTTP API events, and the challenge of an address.

use anyhow::{Context, Result, ensure};
use hmac::{Hmac, KeyInit, Mac};
use leadwire_tests::emulator::Emulators;
use leadwire_tests::event::Shape;
use leadwire_tests::gateway::Gateway;
use leadwire_tests::house::{House, HouseOptions};
use leadwire_tests::http::{self, Client, Response};
use leadwire_tests::secret;
use serde_json::{Value, json};
use sha2::Sha256;

const SECRET: &str = "a-secret-of-nobody";
const TOKEN: &str = "a-token-of-nobody";
const CHALLENGE: &str = "hub.mode=subscribe&hub.challenge=1158201444";
/// Two changes of one entry, one that holds no list, and one that is no lead.
const CHANGES: &str = r#"{"entry":[
    {"changes":[{"field":"leadgen","value":{"id":"ad-1","form":"Spring"}},{"field":"leadgen","value":{"id":"ad-2"}}]},
    {"changes":[]},
    {"changes":[{"field":"feed","value":{}}]},
    {"changes":[{"field":"leadgen","value":{"no":"id"}}]}]}"#;
const FORM: &str = "id=form-1&name=Zo%C3%AB+Example&mail=zoe%40example.com&choice=a&choice=b&key=a-token-of-nobody";

async fn build() -> Result<House> {
    let document = json!({
        "ads": {"kind": "custom", "status": 200,
            "verify": {"scheme": "hmac-sha256", "header": "X-Hub-Signature-256", "prefix": "sha256=", "secrets": [SECRET]},
            "each": ["/entry", "/changes"], "type": "/field", "events": ["leadgen"],
            "fields": {"lead_id": "/value/id", "event_id": "/value/id", "form": "/value/form"},
            "challenge": {"query": "hub.challenge", "token_query": "hub.verify_token", "tokens": [TOKEN]}},
        "webform": {"kind": "custom", "format": "form",
            "verify": {"scheme": "token", "field": "/key", "tokens": [TOKEN]},
            "fields": {"lead_id": "/id", "event_id": "/id", "display_name": "/name", "lead_email": "/mail"}},
    });
    let emulators = Emulators::shared().await?;
    let arn = secret::store(&emulators.aws, &document).await?;
    let house = House::build(HouseOptions {
        environment: vec![("SOURCES_SECRET_ARN", arn)],
        ..HouseOptions::prompt()
    });
    let house = house.await?;
    for lead in ["ad-1", "ad-2", "form-1"] {
        house.assign(lead, "Omar").await?;
    }
    Ok(house)
}

/// The header of a body that is signed with this secret.
fn signature(secret: &str, body: &str) -> Result<String> {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes())?;
    mac.update(body.as_bytes());
    let digest = mac.finalize().into_bytes();
    Ok(format!("sha256={}", hex::encode(digest)))
}

async fn send_changes(api: &str, secret: &str) -> Result<Response> {
    let signature = signature(secret, CHANGES)?;
    let headers = [("X-Hub-Signature-256", &*signature)];
    let request = http::post(&format!("{api}/ingest/ads"), &headers, CHANGES)?;
    Client::default().send(request).await
}

async fn send_form(api: &str, body: &str) -> Result<Response> {
    let mut request = http::post(&format!("{api}/ingest/webform"), &[], body)?;
    let content_type = "application/x-www-form-urlencoded".parse()?;
    request.headers_mut().insert("content-type", content_type);
    Client::default().send(request).await
}

fn answer(response: &Response, status: u16) -> Result<Value> {
    let body = String::from_utf8_lossy(response.body());
    ensure!(response.status() == status, "{} {body}", response.status());
    Ok(serde_json::from_str(&body)?)
}

#[tokio::test]
async fn what_is_declared_is_mailed_once_by_rest_and_by_http_events_and_no_secret_is_kept()
-> Result<()> {
    let house = build().await?;
    let rest = house.gateway.url();
    let http = Gateway::start(&house.ingest, Shape::Http).await?;
    let changes = answer(&send_changes(&rest, SECRET).await?, 200)?;
    let leads = changes["events"].as_array().context("events")?;
    let leads: Vec<_> = leads.iter().map(|event| &event["lead_id"]).collect();
    assert_eq!(leads, ["ad-1", "ad-2"]);
    // The one without an id is kept aside.
    assert_eq!(changes["refused"][0]["index"], 3, "{changes}");
    answer(&send_form(&http.url(), FORM).await?, 202)?;
    let mails = house.mails(3).await?;
    for parts in [
        &["ad-1", "Spring"][..],
        &["ad-2"],
        &["form-1", "Zoë Example", "zoe@example.com"],
    ] {
        let has_all = |body: &str| parts.iter().all(|part| body.contains(part));
        assert!(mails.iter().any(|mail| has_all(&mail.body)), "{parts:?}");
    }
    // The same again, by the other kind of API.
    let again = answer(&send_changes(&http.url(), SECRET).await?, 200)?;
    assert_eq!(again["events"][0]["duplicate"], true, "{again}");
    let again = answer(&send_form(&rest, FORM).await?, 202)?;
    assert_eq!(again["events"][0]["duplicate"], true, "{again}");
    house.quiet().await?;
    assert_eq!(house.mailbox.mails().await?.len(), 3);
    let mut all = house.lines().join("\n");
    for output in ["RawBucketName", "EnrichedBucketName"] {
        for key in house.list(output, "").await?.into_keys() {
            all.push_str(&String::from_utf8_lossy(&house.bytes(output, &key).await?));
        }
    }
    assert!(
        !all.contains(TOKEN) && !all.contains(SECRET),
        "a secret is kept"
    );
    Ok(())
}

#[tokio::test]
async fn who_is_not_verified_has_no_effect_and_a_challenge_is_answered_to_who_knows_its_token()
-> Result<()> {
    let house = build().await?;
    let rest = house.gateway.url();
    let http = Gateway::start(&house.ingest, Shape::Http).await?;
    for api in [rest, http.url()] {
        let api = api.as_str();
        answer(&send_changes(api, "another-secret").await?, 401)?;
        answer(&send_form(api, &FORM.replace(TOKEN, "wrong")).await?, 401)?;
        for (token, status) in [(TOKEN, 200), ("wrong", 401)] {
            let query = format!("{CHALLENGE}&hub.verify_token={token}");
            let url = format!("{api}/ingest/ads?{query}");
            let response = Client::default().get(&url).await?;
            assert_eq!(response.status(), status, "{url}");
            if status == 200 {
                assert_eq!(response.body(), "1158201444");
                let content_type = response.headers().get("content-type");
                let content_type = content_type.context("a type")?.to_str()?;
                assert!(content_type.starts_with("text/plain"), "{content_type}");
            }
        }
        let url = format!("{api}/ingest/webform?{CHALLENGE}");
        let response = Client::default().get(&url).await?;
        assert_eq!(response.status(), 405, "nothing is declared there");
    }
    assert_eq!(house.list("RawBucketName", "").await?.len(), 0);
    assert_eq!(house.list("EnrichedBucketName", "").await?.len(), 0);
    assert_eq!(house.depth("DelayQueueUrl").await?, 0);
    Ok(())
}
