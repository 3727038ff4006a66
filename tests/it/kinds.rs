//! Each CRM's own requests, from HTTP to the mail.

use anyhow::{Context, Result, ensure};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use leadwire_tests::clock;
use leadwire_tests::emulator::Emulators;
use leadwire_tests::event::Shape;
use leadwire_tests::gateway::Gateway;
use leadwire_tests::house::{House, HouseOptions};
use leadwire_tests::http::{self, Client, Response};
use leadwire_tests::mailbox::Mail;
use leadwire_tests::secret;
use serde_json::{Value, json};
use sha2::Sha256;

const HUBSPOT: &str = include_str!("../../crates/domain/fixtures/hubspot_events.json");
const PIPEDRIVE_LEAD: &str =
    include_str!("../../crates/domain/fixtures/pipedrive_lead_create.json");
const PIPEDRIVE_PERSON: &str =
    include_str!("../../crates/domain/fixtures/pipedrive_person_create.json");
const SALESFORCE: &str = include_str!("../../crates/domain/fixtures/salesforce_outbound.xml");
const ZOHO: &str = include_str!("../../crates/domain/fixtures/zoho_notification.json");

const HUBSPOT_SECRET: &str = "yyyyyyyy-yyyy-yyyy-yyyy-yyyyyyyyyyyy";
const HUBSPOT_URL: &str = "https://hooks.example.com/Prod/ingest/hubspot";
const PASSWORD: &str = "pässword";
const TOKEN: &str = "not-a-secret-of-anyone";
const SESSION: &str = "a.live.credential";
/// The leads of the fixtures that are taken, with what is known of each.
const LEADS: [(&str, &[&str]); 8] = [
    ("123", &[]),
    ("456", &[]),
    (
        "c0ffee00-0000-4000-8000-000000000001",
        &["Zoe Example lead"],
    ),
    (
        "4711",
        &["Zoe Example", "zoe@example.com", "+1 202 555 0143"],
    ),
    (
        "00Q000000000001EAA",
        &[
            "Zoe Example",
            "zoe@example.com",
            "+1 202 555 0143",
            "Please call",
        ],
    ),
    (
        "00Q000000000002EAA",
        &["Max Muster", "max@example.com", "+1 202 555 0199"],
    ),
    ("5725767000003000064", &["Zoe Example", "zoe@example.com"]),
    ("5725767000003000065", &[]),
];

/// The requests of the four, as they send them now.
struct Sender {
    path: &'static str,
    body: String,
}

impl Sender {
    fn all() -> [Self; 5] {
        let salesforce = "/ingest/salesforce?token=not-a-secret-of-anyone";
        [
            ("/ingest/hubspot", HUBSPOT),
            ("/ingest/pipedrive", PIPEDRIVE_LEAD),
            ("/ingest/pipedrive", PIPEDRIVE_PERSON),
            (salesforce, SALESFORCE),
            ("/ingest/zoho", ZOHO),
        ]
        .map(|(path, body)| Self {
            path,
            body: body.to_owned(),
        })
    }

    async fn send(&self, api: &str) -> Result<Response> {
        let headers = self.headers()?;
        let headers: Vec<_> = headers
            .iter()
            .map(|(name, value)| (*name, &**value))
            .collect();
        let url = format!("{api}{}", self.path);
        Client::default()
            .send(http::post(&url, &headers, &self.body)?)
            .await
    }

    fn headers(&self) -> Result<Vec<(&'static str, String)>> {
        Ok(match self.path {
            "/ingest/hubspot" => {
                let time = clock::now().as_millisecond().to_string();
                let mut mac = Hmac::<Sha256>::new_from_slice(HUBSPOT_SECRET.as_bytes())?;
                mac.update(format!("POST{HUBSPOT_URL}{}{time}", self.body).as_bytes());
                let signature = STANDARD.encode(mac.finalize().into_bytes());
                vec![
                    ("X-HubSpot-Signature-v3", signature),
                    ("X-HubSpot-Request-Timestamp", time),
                ]
            }
            "/ingest/pipedrive" => {
                let caller = STANDARD.encode(format!("leadwire:{PASSWORD}"));
                vec![("Authorization", format!("Basic {caller}"))]
            }
            _ => Vec::new(),
        })
    }
}

async fn build() -> Result<House> {
    let document = json!({
        "hubspot": {"secrets": [HUBSPOT_SECRET], "url": HUBSPOT_URL},
        "pipedrive": {"user": "leadwire", "passwords": [PASSWORD]},
        "salesforce": {"organization_id": "00D000000000001", "tokens": [TOKEN]},
        "zoho": {"tokens": [TOKEN]},
    });
    let emulators = Emulators::shared().await?;
    let arn = secret::store(&emulators.aws, &document).await?;
    House::build(HouseOptions {
        environment: vec![("SOURCES_SECRET_ARN", arn)],
        ..HouseOptions::prompt()
    })
    .await
}

/// The answer's entries of events, or of Salesforce the acknowledgement that it counts.
fn check_taken(sender: &Sender, response: &Response) -> Result<Option<Value>> {
    let (status, body) = (response.status(), String::from_utf8_lossy(response.body()));
    if sender.path.starts_with("/ingest/salesforce") {
        ensure!(
            status == 200 && body.contains("<Ack>true</Ack>"),
            "{status} {body}"
        );
        let kind = response.headers().get("content-type").context("a type")?;
        ensure!(kind == "text/xml", "{kind:?}");
        return Ok(None);
    }
    ensure!(status == 202, "{}: {status} {body}", sender.path);
    Ok(Some(serde_json::from_str(&body)?))
}

fn check_mails(mails: &[Mail]) -> Result<()> {
    for (lead, parts) in LEADS {
        let of_lead = |mail: &&Mail| mail.body.contains(lead);
        let mail = mails
            .iter()
            .find(of_lead)
            .with_context(|| format!("no mail of {lead}"))?;
        for part in parts.iter().chain(&["Omar"]) {
            ensure!(
                mail.body.contains(part),
                "{lead}: {part} is not in {}",
                mail.body
            );
        }
    }
    Ok(())
}

/// Everything that is stored, and every line.
async fn everything(house: &House) -> Result<String> {
    let mut all = house.lines().join("\n");
    for output in ["RawBucketName", "EnrichedBucketName"] {
        for key in house.list(output, "").await?.into_keys() {
            let bytes = house.bytes(output, &key).await?;
            all.push_str(&key);
            all.push_str(&String::from_utf8_lossy(&bytes));
        }
    }
    Ok(all)
}

#[tokio::test]
async fn each_crms_leads_are_mailed_once_by_rest_and_by_http_events() -> Result<()> {
    let house = build().await?;
    for (lead, _) in LEADS {
        house.assign(lead, "Omar").await?;
    }
    for sender in Sender::all() {
        check_taken(&sender, &sender.send(&house.gateway.url()).await?)?;
    }
    check_mails(&house.mails(LEADS.len()).await?)?;
    // The whole of each again, as after an answer that was lost, by the other kind of API.
    let api = Gateway::start(&house.ingest, Shape::Http).await?;
    for sender in Sender::all() {
        let answer = check_taken(&sender, &sender.send(&api.url()).await?)?;
        let events = answer
            .as_ref()
            .and_then(|answer| answer["events"].as_array());
        for event in events.into_iter().flatten() {
            assert_eq!(event["duplicate"], true, "{event}");
        }
    }
    house.quiet().await?;
    assert_eq!(house.mailbox.mails().await?.len(), LEADS.len());
    assert_eq!(
        house.list("RawBucketName", "raw/").await?.len(),
        LEADS.len()
    );
    let all = everything(&house).await?;
    for secret in [TOKEN, SESSION, PASSWORD, HUBSPOT_SECRET, "SessionId"] {
        assert!(!all.contains(secret), "{secret} is kept");
    }
    Ok(())
}

#[tokio::test]
async fn one_bad_element_is_kept_aside_and_the_others_are_mailed() -> Result<()> {
    let house = build().await?;
    let bad_of = [
        (
            "hubspot",
            r#""objectId":456"#,
            r#""objectId":{"a":1}"#,
            "123",
        ),
        (
            "salesforce",
            "<sf:Id>00Q000000000002</sf:Id>",
            "<sf:Id>&evil;</sf:Id>",
            "00Q000000000001EAA",
        ),
        (
            "zoho",
            r#""5725767000003000065"],"#,
            r#"{"a":1}],"#,
            "5725767000003000064",
        ),
    ];
    let senders = Sender::all();
    for (place, (kind, from, to, lead)) in bad_of.into_iter().enumerate() {
        house.assign(lead, "Omar").await?;
        let mut own = senders.iter().filter(|sender| sender.path.contains(kind));
        let sender = own.next().context("a sender")?;
        let bad = Sender {
            path: sender.path,
            body: sender.body.replacen(from, to, 1),
        };
        ensure!(bad.body != sender.body, "{from} is not there");
        let answer = check_taken(&bad, &bad.send(&house.gateway.url()).await?)?;
        if let Some(answer) = answer {
            assert_eq!(answer["refused"][0]["index"], 1, "{answer}");
            assert_eq!(answer["events"][0]["lead_id"], lead, "{answer}");
        }
        let kept = house.list("EnrichedBucketName", "quarantine/").await?;
        assert_eq!(kept.len(), place + 1, "{kept:?}");
        house.mails(place + 1).await?;
    }
    let all = everything(&house).await?;
    assert!(
        !all.contains(TOKEN) && !all.contains(SESSION),
        "a secret is kept"
    );
    Ok(())
}

#[tokio::test]
async fn who_is_not_verified_has_no_effect_and_what_is_not_taken_is_acknowledged() -> Result<()> {
    let house = build().await?;
    for sender in Sender::all() {
        let url = format!("{}{}", house.gateway.url(), sender.path.replace(TOKEN, "x"));
        let body = sender.body.replace(TOKEN, "x");
        let strange = [
            ("X-HubSpot-Signature-v3", "AAAA"),
            ("X-HubSpot-Request-Timestamp", "1"),
            ("Authorization", "Basic eDp4"),
        ];
        let response = Client::default()
            .send(http::post(&url, &strange, &body)?)
            .await?;
        assert_eq!(response.status(), 401, "{}", sender.path);
    }
    for (mut sender, from, to) in Sender::all()
        .into_iter()
        .zip([
            ("creation", "privacyDeletion"),
            (r#""action":"create""#, r#""action":"change""#),
            (r#""entity":"person""#, r#""entity":"note""#),
            ("sf:Lead", "sf:Account"),
            (r#""insert""#, r#""delete""#),
        ])
        .map(|(sender, (from, to))| (sender, from, to))
    {
        sender.body = sender.body.replace(from, to);
        let response = sender.send(&house.gateway.url()).await?;
        let body = String::from_utf8_lossy(response.body());
        ensure!(response.status() == 200, "{}: {body}", sender.path);
        ensure!(
            body.contains("event_type_not_taken") || body.contains("<Ack>true</Ack>"),
            "{body}"
        );
    }
    assert_eq!(house.list("RawBucketName", "").await?.len(), 0);
    assert_eq!(house.list("EnrichedBucketName", "").await?.len(), 0);
    assert_eq!(house.depth("DelayQueueUrl").await?, 0);
    Ok(())
}
