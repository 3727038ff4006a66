//! What is signed and no event, as a person meets it: told on the console, listed, shown, and taken once it can be read.

use crate::house::{House, Up, agent, block_on, wait_until};
use leadwire_domain::lead::id::EventId;
use leadwire_domain::source::SourceKind;
use leadwire_local::{Mode, SystemClock};
use leadwire_pipeline::observe::short;
use leadwire_pipeline::port::{Bucket, Clock as _, NewObject, ObjectStore as _};

const STANDARD: &str = "whsec_MDAxMTIyMzM0NDU1NjY3Nzg4OTlhYWJi";
/// A lead whose id stands where this version does not look for it.
const ODD: &str =
    "{\"type\":\"lead.created\",\"data\":{\"id\":\"a\",\"display_name\":\"\u{9b}31mAnn\"}}";

fn house() -> House {
    let house = House::new();
    let sources = serde_json::json!({ "standard": { "secrets": [STANDARD] } });
    house.write("leadwire-data/sources.json", &sources.to_string());
    house
}

/// Posts a body as its source signs it.
fn post(up: &Up, body: &str) -> u16 {
    let source = SourceKind::Standard.example(STANDARD).unwrap();
    let id = EventId::parse("msg_1").unwrap();
    let signed = source.sign(&id, body.as_bytes().to_vec(), SystemClock.now());
    let mut request = agent().post(format!("{}/ingest/standard", up.base()));
    for (name, value) in signed.unwrap().headers {
        request = request.header(name, value);
    }
    request.send(body).unwrap().status().as_u16()
}

#[test]
fn what_is_no_event_is_told_listed_shown_and_kept_while_it_cannot_be_read() {
    let house = house();
    let up = house.up("");
    house
        .run("quarantine ls")
        .expect_out(0, "Nothing is in quarantine");
    assert_eq!(house.diagnosis("", "quarantine")["found"], "empty");
    assert_eq!(post(&up, ODD), 400);
    let told = up.wait_for("request_rejected");
    let key = told["quarantine_key"].as_str().unwrap().to_owned();
    assert!(
        told["cause"].as_str().unwrap().contains("data.id"),
        "{told}"
    );
    let listed = house.json("quarantine ls").remove(0);
    assert_eq!(listed["key"], key);
    assert_eq!(
        (&listed["source"], &listed["kind"]),
        (&"standard".into(), &"standard".into())
    );
    assert_eq!(
        (&listed["code"], &listed["size"]),
        (&"invalid_lead_id".into(), &ODD.len().into())
    );
    let short = short(&key);
    house.run("quarantine ls").expect_out(0, short);
    let shown = house.run(&format!("quarantine show {short}"));
    let shown = shown.expect_out(0, "found data.id");
    assert!(
        shown.out.contains(r"\u{9b}31mAnn") && !shown.out.contains('\u{9b}'),
        "{}",
        shown.out
    );
    assert_eq!(
        house.json(&format!("quarantine show {key}"))[0]["body"],
        ODD
    );
    house.run("dlq ls").expect_out(0, "in quarantine");
    assert_eq!(house.diagnosis("", "quarantine")["verdict"], "warn");
    house
        .run("quarantine retry --all")
        .expect_out(1, "invalid_lead_id");
    let refused = house
        .json_with(1, &format!("quarantine retry {short}"))
        .remove(0);
    assert_eq!(
        (&refused["result"], &refused["refused"][0]["code"]),
        (&"refused".into(), &"invalid_lead_id".into())
    );
    assert_eq!(house.json("quarantine ls").len(), 1);
    house
        .run("quarantine show 123")
        .expect_error(1, "quarantine ls");
    house.run("quarantine retry").expect_code(2);
}

#[test]
fn what_a_newer_version_reads_is_taken_as_if_it_came_now_while_up_runs() {
    let house = house();
    house
        .run("lookup put a --create --owner Omar")
        .expect_code(0);
    let up = house.up("--delay 0s");
    assert_eq!(post(&up, ODD), 400);
    let key = up.wait_for("request_rejected")["quarantine_key"].clone();
    // Stands for a version that reads it: the same labels, other bytes.
    let store = house.open(Mode::Operate).store();
    block_on(async {
        let key = key.as_str().unwrap();
        let leadwire_pipeline::port::Fetched::Found(kept) =
            store.get(Bucket::Enriched, key, 9_999).await.unwrap()
        else {
            panic!("it is kept")
        };
        let object = NewObject {
            bytes: ODD.replace("\"id\"", "\"lead_id\"").into_bytes(),
            metadata: kept.metadata,
        };
        store.put(Bucket::Enriched, key, object).await.unwrap();
    });
    let taken = house.json("quarantine retry --all --delay 0s").remove(0);
    assert_eq!(
        (&taken["result"], &taken["events"][0]["event_id"]),
        (&"taken".into(), &"msg_1".into())
    );
    wait_until("it is mailed", || house.lead("a")["stage"] == "mailed");
    house
        .run("quarantine ls")
        .expect_out(0, "Nothing is in quarantine");
    assert_eq!(post(&up, &ODD.replace("\"id\"", "\"lead_id\"")), 202);
    assert_eq!(up.wait_for("lead_accepted")["duplicate"], true);
    assert_eq!(house.account()["received"], 1);
}
