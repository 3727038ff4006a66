//! Mails of which nobody knows whether they went out.

use crate::house::{House, Up, block_on, wait_until};
use crate::mail::{MailServer, stage, up};
use leadwire_local::Mode;
use leadwire_pipeline::port::{Bucket, NewObject, ObjectStore as _};
use serde_json::{Value, json};

/// A lead whose mail is parked: the server's answer to it made no sense.
fn parked() -> (House, MailServer, Up) {
    let house = House::new();
    let server = MailServer::start("message", "nonsense", 1);
    let up = up(&house, &server, "--ambiguous park");
    up.accept("a");
    up.wait_for("email_parked");
    wait_until("the claim says so", || stage(&house) == "parked");
    (house, server, up)
}

#[test]
fn a_parked_mail_that_did_not_arrive_is_mailed_by_the_pipeline() {
    let (house, server, up) = parked();
    let listed = house.json("parked ls");
    assert_eq!(listed.len(), 1, "{listed:?}");
    assert_eq!(listed[0]["lead_id"], "a");
    assert_eq!(stage(&house), "parked");

    let done = house.json("parked resolve a --resend");
    assert_eq!(done[0]["result"], "queued");
    up.wait_for("email_sent");
    assert_eq!(stage(&house), "mailed");
    assert_eq!(server.messages().len(), 1);
    // Said again, by its name this time, it is what it is.
    let name = listed[0]["event"].as_str().unwrap();
    let again = house.json(&format!("parked resolve {name} --resend"));
    assert_eq!(again[0]["result"], "sent_before");
    assert_eq!(house.json("parked ls").len(), 0);
    assert_eq!(house.json("dlq ls").len(), 0);
}

#[test]
fn a_parked_mail_that_did_arrive_is_settled_and_what_is_not_parked_is_told() {
    let (house, server, up) = parked();
    let key = house.json("parked ls")[0]["event"].clone();
    let key = format!("raw/{}.json", key.as_str().unwrap());
    for result in ["marked_sent", "sent_before"] {
        let done = house.json(&format!("parked resolve {key} --sent"));
        assert_eq!(done[0]["result"], result);
    }
    assert_eq!(stage(&house), "mailed");
    assert_eq!(house.json("dlq ls").len(), 0);
    let none = house.json_with(1, "parked resolve b --sent");
    assert_eq!(none[0]["result"], "not_found");
    house.run("parked resolve a").expect_code(2);
    let both = "parked resolve a --sent --resend";
    house.run(both).expect_code(2);
    assert_eq!(up.stop(), Some(0));
    assert!(server.messages().is_empty());
}

#[test]
fn of_two_receivers_the_one_whose_mail_is_parked_is_named_and_resolved_and_the_other_was_told() {
    let house = House::new();
    let server = MailServer::start("message", "nonsense", 1);
    house
        .run("lookup put --create a --owner Omar")
        .expect_code(0);
    let (smtp, to) = (server.url(), "team@example.com,boss@example.com");
    let up = house.up(&format!(
        "--delay 0s --smtp {smtp} --from crm@example.com --to {to} --ambiguous park"
    ));
    up.accept("a");
    up.wait_for("email_parked");
    wait_until("the claim says so", || stage(&house) == "parked");
    let effects = house.lead("a")["effects"].clone();
    let (team, boss) = (&effects[0], &effects[1]);
    // What the outbox would go to is known without being told; another address is known to `up` alone.
    assert_eq!(team["receiver"], "team@example.com");
    let digest = boss["effect"].as_str().unwrap().strip_prefix("team:");
    assert_eq!(boss["receiver"].as_str(), digest);
    let is_parked = |effect: &&Value| effect["state"] == "parked";
    let parked = [team, boss].into_iter().find(is_parked).unwrap();
    let listed = house.json("parked ls");
    assert_eq!(listed[0]["effects"], json!([parked["effect"]]));
    let failed = house.json("dlq ls");
    assert_eq!(failed[0]["effects"], json!([parked["effect"]]));
    let receiver = parked["receiver"].as_str().unwrap();
    house.run("parked ls").expect_out(0, receiver);
    house
        .run("dlq show a")
        .expect_out(0, "parked, may have arrived");

    house.json("parked resolve a --sent");
    let told = house.lead("a");
    assert_eq!(told["stage"], "mailed");
    for effect in told["effects"].as_array().unwrap() {
        assert_eq!(
            (&effect["state"], &effect["attempt"]),
            (&json!("sent"), &Value::Null)
        );
    }
    assert_eq!(server.messages().len(), 1);
    assert_eq!(up.stop(), Some(0));
}

/// An event's name, and the three effects of these tests.
const EVENT: &str = "crm_event_a_20261123T065000123456Z";
const EFFECTS: [&str; 3] = [
    "team:0000000000000001",
    "team:0000000000000002",
    "team:0000000000000003",
];

/// A house in which an event failed with its first two effects, of which the claim says this.
fn failed_with_two(states: &[&str]) -> House {
    let house = House::new();
    let store = house.open(Mode::Prepare).store();
    let effects = states.iter().zip(EFFECTS).map(|(state, effect)| {
        format!(r#""{effect}":{{"state":"{state}","attempt":1,"doubts":0}}"#)
    });
    let effects: Vec<String> = effects.collect();
    let claim = format!(
        r#"{{"v":2,"token":"t","lease_until":"2026-11-23T07:00:00Z","effects":{{{}}}}}"#,
        effects.join(",")
    );
    let failure = format!(
        r#"{{"v":1,"reason":"mail_refused","receives":3,"failed_at":"2026-11-23T07:30:00Z","message_id":"m","s3_key":"raw/{EVENT}.json","lead_id":"a","event_id":"e","revision":0,"effects":["{}","{}"]}}"#,
        EFFECTS[0], EFFECTS[1]
    );
    for (prefix, text) in [("mail", claim), ("failed", failure)] {
        let (key, object) = (
            format!("{prefix}/{EVENT}.json"),
            NewObject::of(text.into_bytes()),
        );
        block_on(store.put(Bucket::Enriched, &key, object)).unwrap();
    }
    house
}

#[test]
fn an_effect_that_was_resolved_since_is_no_longer_listed_as_not_sent() {
    let house = failed_with_two(&["parked", "refused"]);
    let listed = |house: &House| house.json("dlq ls").remove(0);
    assert_eq!(listed(&house)["effects"], json!(EFFECTS[..2]));
    house.json(&format!("parked resolve {EVENT} --sent"));
    let left = listed(&house);
    assert_eq!(left["effects"], json!([EFFECTS[1]]));
    let stored = &left["failure"]["effects"];
    assert_eq!(*stored, json!(EFFECTS[..2]), "what was recorded stays");
    house.run("dlq ls").expect_out(0, EFFECTS[1]);
    let ran = house.run("dlq ls").expect_code(0);
    assert!(!ran.out.contains("2 receivers"), "{}", ran.out);
}

#[test]
fn a_failure_of_which_every_effect_was_resolved_since_is_no_longer_listed_though_others_are_open() {
    let house = failed_with_two(&["parked", "parked", "idle"]);
    let resolved = house.json(&format!("parked resolve {EVENT} --sent"));
    assert_eq!(resolved[0]["result"], "marked_sent");
    assert!(house.json("dlq ls").is_empty());
    house.run("dlq ls").expect_out(0, "Nothing failed.");
    house.run("dlq redrive a").expect_code(1);
}

#[test]
fn an_effect_that_is_to_be_sent_again_is_listed_until_it_is_sent() {
    let house = failed_with_two(&["parked", "parked"]);
    house.json(&format!("parked resolve {EVENT} --resend"));
    let listed = &house.json("dlq ls")[0];
    assert_eq!(listed["effects"], json!(EFFECTS[..2]));
    assert_eq!(listed["queued"], true);
}
