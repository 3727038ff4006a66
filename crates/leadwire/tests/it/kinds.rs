//! Each CRM's own requests, from HTTP to the mail in the outbox.

use crate::house::{House, Up, agent, wait_until};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use leadwire_domain::lead::id::EventId;
use leadwire_domain::source::Sources;
use leadwire_local::SystemClock;
use leadwire_pipeline::port::Clock as _;
use serde_json::{Value, json};
use std::fs;
use std::path::Path;

const HUBSPOT: &str = include_str!("../../../domain/fixtures/hubspot_events.json");
const PIPEDRIVE_LEAD: &str = include_str!("../../../domain/fixtures/pipedrive_lead_create.json");
const PIPEDRIVE_PERSON: &str =
    include_str!("../../../domain/fixtures/pipedrive_person_create.json");
const SALESFORCE: &str = include_str!("../../../domain/fixtures/salesforce_outbound.xml");
const ZOHO: &str = include_str!("../../../domain/fixtures/zoho_notification.json");
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
            "me back",
        ],
    ),
    (
        "00Q000000000002EAA",
        &["Max Muster", "max@example.com", "+1 202 555 0199"],
    ),
    ("5725767000003000064", &["Zoe Example", "zoe@example.com"]),
    ("5725767000003000065", &[]),
];

fn document() -> String {
    let document = json!({
        "hubspot": {"secrets": ["secret"], "url": "https://hooks.example.com/ingest/hubspot"},
        "pipedrive": {"user": "leadwire", "passwords": ["pässword"]},
        "salesforce": {"organization_id": "00D000000000001", "tokens": [TOKEN]},
        "zoho": {"tokens": [TOKEN]},
    });
    document.to_string()
}

/// The request of each, as its CRM sends it.
fn requests() -> [(&'static str, &'static str, &'static str); 5] {
    let salesforce = "/ingest/salesforce?token=not-a-secret-of-anyone";
    [
        ("hubspot", "/ingest/hubspot", HUBSPOT),
        ("pipedrive", "/ingest/pipedrive", PIPEDRIVE_LEAD),
        ("pipedrive", "/ingest/pipedrive", PIPEDRIVE_PERSON),
        ("salesforce", salesforce, SALESFORCE),
        ("zoho", "/ingest/zoho", ZOHO),
    ]
}

/// Posts as the CRM does, and gives status and body.
fn post(up: &Up, kind: &str, path: &str, body: &str) -> (u16, String) {
    let mut request = agent().post(format!("{}{path}", up.base()));
    if kind == "pipedrive" {
        let caller = STANDARD.encode("leadwire:pässword");
        request = request.header("Authorization", format!("Basic {caller}"));
    }
    if kind == "hubspot" {
        let sources = Sources::parse(&document()).unwrap();
        let mut hubspot = sources
            .iter()
            .filter(|source| source.source().as_str() == kind);
        let id = EventId::parse("1").unwrap();
        let signed = hubspot
            .next()
            .unwrap()
            .sign(&id, body.into(), SystemClock.now());
        for (name, value) in signed.unwrap().headers {
            request = request.header(name, value);
        }
    }
    let mut response = request.send(body).unwrap();
    let status = response.status().as_u16();
    (status, response.body_mut().read_to_string().unwrap())
}

/// A house in which each lead of the fixtures has an owner.
fn house() -> House {
    let house = House::new();
    house.write("leadwire-data/sources.json", &document());
    for (lead, _) in LEADS {
        let put = format!("lookup put {lead} --owner Omar --create");
        house.run(&put).expect_code(0);
    }
    house
}

fn mails(house: &House) -> Vec<String> {
    let read = |name: String| fs::read_to_string(house.data().join("outbox").join(name)).unwrap();
    house.mails().into_iter().map(read).collect()
}

/// Whether these bytes lie anywhere below a folder.
fn holds(folder: &Path, text: &str) -> bool {
    let mut entries = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    entries.any(|path| {
        if path.is_dir() {
            return holds(&path, text);
        }
        let bytes = fs::read(&path).unwrap_or_default();
        bytes
            .windows(text.len())
            .any(|window| window == text.as_bytes())
    })
}

#[test]
fn each_crms_leads_are_mailed_once_however_often_it_sends_them() {
    let house = house();
    let up = house.up("--delay 0s");
    for is_again in [false, true] {
        for (kind, path, body) in requests() {
            let (status, answer) = post(&up, kind, path, body);
            if kind == "salesforce" {
                assert_eq!(status, 200, "{answer}");
                assert!(answer.contains("<Ack>true</Ack>"), "{answer}");
                continue;
            }
            assert_eq!(status, 202, "{kind}: {answer}");
            let answer: Value = serde_json::from_str(&answer).unwrap();
            let events = answer["events"].as_array().unwrap();
            assert!(
                events.iter().all(|event| event["duplicate"] == is_again),
                "{answer}"
            );
        }
        wait_until("every lead is mailed", || {
            let leads = house.json("leads");
            leads.len() == LEADS.len() && leads.iter().all(|lead| lead["stage"] == "mailed")
        });
        assert_eq!(house.mails().len(), LEADS.len());
    }
    let mails = mails(&house);
    for (lead, parts) in LEADS {
        let mail = mails.iter().find(|mail| mail.contains(lead));
        let mail = mail.unwrap_or_else(|| panic!("no mail of {lead}"));
        for part in parts.iter().chain(&["Omar"]) {
            assert!(mail.contains(part), "{lead}: {part} is not in {mail}");
        }
    }
    assert_eq!(up.stop(), Some(0));
    fs::remove_file(house.data().join("sources.json")).unwrap();
    for secret in [TOKEN, SESSION, "SessionId", "pässword"] {
        assert!(!holds(&house.data(), secret), "{secret} is kept");
    }
}

#[test]
fn one_bad_element_is_kept_aside_and_the_others_are_mailed() {
    let house = house();
    let up = house.up("--delay 0s");
    let bad = [
        ("hubspot", r#""objectId":456"#, r#""objectId":{"a":1}"#),
        (
            "salesforce",
            "<sf:Id>00Q000000000002</sf:Id>",
            "<sf:Id>&evil;</sf:Id>",
        ),
        ("zoho", r#""5725767000003000065"],"#, r#"{"a":1}],"#),
    ];
    for (mailed, (kind, from, to)) in (1..).zip(bad) {
        let mut own = requests().into_iter().filter(|(own, ..)| *own == kind);
        let (_, path, body) = own.next().unwrap();
        let bad = body.replacen(from, to, 1);
        assert_ne!(bad, body);
        let (status, answer) = post(&up, kind, path, &bad);
        let expected = if kind == "salesforce" { 200 } else { 202 };
        assert_eq!(status, expected, "{answer}");
        assert!(
            kind == "salesforce" || answer.contains(r#""refused":[{"index":1,"#),
            "{answer}"
        );
        wait_until("the good one is mailed", || house.mails().len() == mailed);
    }
    assert_eq!(up.stop(), Some(0));
    fs::remove_file(house.data().join("sources.json")).unwrap();
    assert!(!holds(&house.data(), TOKEN) && !holds(&house.data(), SESSION));
}

#[test]
fn who_is_not_verified_is_refused_and_what_is_not_taken_is_acknowledged() {
    let house = house();
    let up = house.up("--delay 0s");
    for (kind, path, body) in requests() {
        let (path, body) = (path.replace(TOKEN, "x"), body.replace(TOKEN, "x"));
        let strange = agent().post(format!("{}{path}", up.base()));
        let status = strange.send(&body).unwrap().status().as_u16();
        assert_eq!(status, 401, "{kind}");
    }
    for (kind, from, to) in [
        ("hubspot", "creation", "privacyDeletion"),
        ("pipedrive", r#""action":"create""#, r#""action":"change""#),
        ("salesforce", "sf:Lead", "sf:Account"),
        ("zoho", r#""insert""#, r#""delete""#),
    ] {
        let mut own = requests().into_iter().filter(|(own, ..)| *own == kind);
        let (_, path, body) = own.next().unwrap();
        let (status, answer) = post(&up, kind, path, &body.replace(from, to));
        assert_eq!(status, 200, "{kind}: {answer}");
        let is_acknowledged =
            answer.contains("event_type_not_taken") || answer.contains("<Ack>true</Ack>");
        assert!(is_acknowledged, "{answer}");
    }
    assert!(house.json("leads").is_empty());
    assert!(house.mails().is_empty());
}
