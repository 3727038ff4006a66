use super::*;
use crate::status::timeline;
use leadwire_domain::claim::Settled;
use leadwire_domain::key::EventName;
use leadwire_domain::source::canary;
use leadwire_pipeline::ledger::Marker;
use leadwire_pipeline::ledger::history::Received;
use leadwire_pipeline::port::ETag;
use serde_json::{Value, json};

fn address(text: &str) -> EmailAddress {
    EmailAddress::parse(text).unwrap()
}

fn mail(channel: &str, to: &str) -> EffectId {
    EffectId::of_mail(channel, &address(to))
}

/// The effects of the sample: of the configuration, of what was one, and the owner's.
fn notify() -> [EffectId; 3] {
    [
        mail("team", "a@example.com"),
        mail("team", "gone@example.com"),
        mail("owner", "omar@example.com"),
    ]
}

/// What this home knows: one of the three by its configuration.
pub(crate) fn known() -> Receivers {
    Receivers::new(vec![address("A@example.com")])
}

fn event(notify: Option<&[EffectId]>, claim: ClaimState) -> EventHistory {
    let key = "raw/crm_event_a_20261123T065000123456Z.json";
    let mut document = json!({
        "schema": 1, "event_id": "e", "source": "generic", "raw_key": key, "raw_sha256": "0".repeat(64),
        "accepted_at": "2026-11-23T06:50:00Z", "enriched_at": "2026-11-23T07:00:00Z", "lookup_etag": null,
        "from": {}, "conflicts": [],
    });
    if let Some(notify) = notify {
        document["notify"] = json!(notify);
    }
    EventHistory {
        name: EventName::parse_raw_key(key).unwrap(),
        received: Some(Received {
            lead_id: "a".to_owned(),
            event_id: "e".to_owned(),
            source: "generic".to_owned(),
            accepted_at: "2026-11-23T06:50:00Z".parse().unwrap(),
            stored_at: "2026-11-23T06:50:00Z".parse().unwrap(),
            trace_id: None,
            span_id: None,
            bytes: 10,
        }),
        forgotten_at: None,
        document: Some(serde_json::from_value(document).unwrap()),
        owner: Some(address("omar@example.com")),
        claim,
        failure: None,
        live: Some(Vec::new()),
        dead: Vec::new(),
    }
}

fn claimed(claim: Value) -> ClaimState {
    ClaimState::Claimed(serde_json::from_value(claim).unwrap(), ETag("1".to_owned()))
}

/// An event of three receivers, none of which fares like another.
pub(crate) fn mixed() -> EventHistory {
    let [a, gone, omar] = notify();
    let effects = json!({
        a.as_str(): {"state": "sent", "attempt": 1, "doubts": 0, "message_id": "m-1", "at": "2026-11-23T07:00:01Z"},
        gone.as_str(): {"state": "refused", "attempt": 3, "doubts": 1, "at": "2026-11-23T07:00:03Z", "detail": "550 5.1.1"},
        omar.as_str(): {"state": "parked", "attempt": 2, "doubts": 2, "at": "2026-11-23T07:00:02Z"},
    });
    let lease = "2026-11-23T07:01:30Z";
    let claim = json!({"v": 2, "token": "t", "lease_until": lease, "effects": effects});
    event(Some(&notify()), claimed(claim))
}

fn settled(notify: &[EffectId], told: &str) -> EventHistory {
    let marker = Marker {
        told: Some(told.to_owned()),
        message_id: Some("m-1".to_owned()),
        ..Marker::new(Settled::Sent, "2026-11-23T07:00:05Z".parse().unwrap())
    };
    event(
        Some(notify),
        ClaimState::Settled(marker, ETag("1".to_owned())),
    )
}

#[track_caller]
fn check(event: &EventHistory, expected: &[&str]) {
    let lines = effects_of(event, &known());
    let lines: Vec<String> = lines
        .iter()
        .map(|line| serde_json::to_string(line).unwrap())
        .collect();
    assert_eq!(lines, expected);
}

#[test]
fn a_program_is_told_all_that_the_claim_says_of_each_effect() {
    check(
        &mixed(),
        &[
            r#"{"effect":"team:08168cd80dfd534a","channel":"team","kind":"mail","receiver":"A@example.com","state":"sent","attempt":1,"doubts":0,"message_id":"m-1","at":"2026-11-23T07:00:01Z","detail":null}"#,
            r#"{"effect":"team:c1ab2e558c55746c","channel":"team","kind":"mail","receiver":"c1ab2e558c55746c","state":"refused","attempt":3,"doubts":1,"message_id":null,"at":"2026-11-23T07:00:03Z","detail":"550 5.1.1"}"#,
            r#"{"effect":"owner:0de61b1110462435","channel":"owner","kind":"mail","receiver":"omar@example.com","state":"parked","attempt":2,"doubts":2,"message_id":null,"at":"2026-11-23T07:00:02Z","detail":null}"#,
        ],
    );
}

#[test]
fn a_marker_says_what_became_of_each_effect_and_when_and_no_more() {
    let all = notify();
    check(
        &settled(&all[..2], "sd"),
        &[
            r#"{"effect":"team:08168cd80dfd534a","channel":"team","kind":"mail","receiver":"A@example.com","state":"sent","attempt":null,"doubts":null,"message_id":null,"at":"2026-11-23T07:00:05Z","detail":null}"#,
            r#"{"effect":"team:c1ab2e558c55746c","channel":"team","kind":"mail","receiver":"c1ab2e558c55746c","state":"dropped","attempt":null,"doubts":null,"message_id":null,"at":"2026-11-23T07:00:05Z","detail":null}"#,
        ],
    );
    check(
        &settled(&all[..1], "s"),
        &[
            r#"{"effect":"team:08168cd80dfd534a","channel":"team","kind":"mail","receiver":"A@example.com","state":"sent","attempt":null,"doubts":null,"message_id":"m-1","at":"2026-11-23T07:00:05Z","detail":null}"#,
        ],
    );
}

#[test]
fn the_receivers_of_the_first_edition_are_shown_as_one() {
    let claim = claimed(json!({"state": "idle", "attempt": 2}));
    let event = event(None, claim);
    check(
        &event,
        &[
            r#"{"effect":"team","channel":"team","kind":"mail","receiver":null,"state":"idle","attempt":2,"doubts":0,"message_id":null,"at":null,"detail":null}"#,
        ],
    );
    assert_eq!(effects_of(&event, &known())[0].who(), "every receiver");
}

#[test]
fn a_person_is_told_who_how_far_and_why() {
    let lines = effects_of(&mixed(), &known());
    let told = lines
        .iter()
        .map(|line| (line.who(), line.words(), line.tries()));
    let [_, gone, _] = notify();
    let gone = format!("team {}", gone.digest().unwrap());
    let expected = [
        ("team A@example.com".to_owned(), "sent", "1 attempt"),
        (gone, "refused", "3 attempts, 1 in doubt, 550 5.1.1"),
        (
            "owner omar@example.com".to_owned(),
            "parked, may have arrived",
            "2 attempts, 2 in doubt",
        ),
    ];
    let expected = expected.map(|(who, words, tries)| (who, words, tries.to_owned()));
    assert!(told.eq(expected));
}

#[track_caller]
fn check_steps(event: &EventHistory, expected: &[(&str, &str)]) {
    let steps = timeline(event, &effects_of(event, &known()));
    let steps: Vec<(&str, &str)> = steps
        .iter()
        .filter(|step| !["received", "enriched"].contains(&step.what))
        .map(|step| (step.what, &*step.text))
        .collect();
    assert_eq!(steps, expected);
}

#[test]
fn each_effect_is_a_step_of_its_events_way_and_names_its_receiver_where_there_are_several() {
    let [_, gone, _] = notify();
    let gone = gone.digest().unwrap();
    check_steps(
        &mixed(),
        &[
            ("mailed", "team A@example.com, 10 min 1 s after it came"),
            (
                "parked",
                "owner omar@example.com, whether it was taken is not known",
            ),
            ("refused", &format!("team {gone}, 550 5.1.1")),
        ],
    );
    let all = notify();
    check_steps(
        &settled(&all[..2], "sd"),
        &[
            ("mailed", "team A@example.com, 10 min 5 s after it came"),
            ("dropped", &format!("team {gone}, no longer configured")),
        ],
    );
    check_steps(
        &settled(&all[..1], "s"),
        &[("mailed", "10 min 5 s after it came")],
    );
}

#[test]
fn the_canarys_receiver_is_known_without_being_configured() {
    let canary = EffectId::of_mail("canary", &canary::recipient());
    let lines = effects_of(&settled(&[canary], "s"), &Receivers::default());
    let receiver = canary::recipient().expose().to_owned();
    assert_eq!(lines[0].receiver, Some(receiver));
}
