//! Named sources over the real command: two of a kind, what came to each, and what is said of them.

use crate::house::{House, agent, block_on, wait_until};
use jiff::{SignedDuration, Timestamp};
use leadwire_local::{LocalHome, Mode, OpenOptions, SystemClock};
use leadwire_pipeline::port::{Bucket, Clock, NewObject, ObjectStore as _};
use serde_json::{Value, json};
use std::sync::Arc;

const EU: &str = "b9260244ef33625f9b4b26a27db08758cdd39478b852c73f2d33ab042eb8abb4";
const US: &str = "00000000ef33625f9b4b26a27db08758cdd39478b852c73f2d33ab042eb8abb4";

/// Two sources of one kind, of which one takes nothing that a sample is, and a third of another kind.
fn house() -> House {
    let house = House::new();
    let sources = json!({
        "close-eu": { "kind": "close", "secrets": [EU] },
        "close-us": { "kind": "close", "secrets": [US], "events": ["lead.updated"] },
        "forms": { "kind": "standard", "secrets": ["whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"], "status": 200 },
    });
    house.write("leadwire-data/sources.json", &sources.to_string());
    house
}

/// What `source ls` says of a source.
fn listed(house: &House, name: &str) -> Value {
    let listed = house.json("source ls");
    let found = listed.into_iter().find(|one| one["source"] == name);
    found.unwrap_or_else(|| panic!("{name} is not listed"))
}

#[test]
fn two_sources_of_one_kind_are_sent_to_listed_and_counted_each_by_its_name() {
    let house = house();
    let up = house.up("--delay 0s");
    let send = |name: &str, code: i32| {
        let line = format!("send {} --source {name} --lead-id {name}", up.url);
        house.run(&line).expect_code(code)
    };
    send("close-eu", 0);
    let told = up.wait_for("lead_accepted");
    assert_eq!(
        (&told["source"], &told["lead_id"]),
        (&"close-eu".into(), &"close-eu".into())
    );
    send("forms", 0);
    send("close-us", 0);
    let told = up.wait_for("request_ignored");
    assert_eq!(told["source"], "close-us");
    assert_eq!(told["event_type"], "lead.created");
    // The other's secret.
    let line = format!("send {}/close-eu --source close --secret {US}", up.url);
    house.run(&line).expect_code(1);
    let told = up.wait_for("request_rejected");
    assert_eq!(
        (&told["source"], &told["why"]),
        (&"close-eu".into(), &"mismatch".into())
    );
    wait_until("it is counted", || {
        listed(&house, "close-eu")["refused"] == json!({ "mismatch": 1 })
    });
    let eu = listed(&house, "close-eu");
    assert_eq!(
        (&eu["kind"], &eu["path"]),
        (&"close".into(), &"/ingest/close-eu".into())
    );
    assert_eq!((&eu["accepted"], &eu["ignored"]), (&1.into(), &json!({})));
    assert!(
        eu["last_at"].is_string() && !eu.to_string().contains(EU),
        "{eu}"
    );
    let us = listed(&house, "close-us");
    assert_eq!(
        (&us["accepted"], &us["ignored"]),
        (&0.into(), &json!({ "lead.created": 1 }))
    );
    assert_eq!(listed(&house, "forms")["accepted"], 1);
    house.run("source ls").expect_out(0, "1 lead.created");
    let found = house.diagnosis("", "ignored types");
    assert_eq!(found["verdict"], "warn");
    assert!(
        found["found"].as_str().unwrap().contains("1 lead.created"),
        "{found}"
    );
    let leads = house.json("leads");
    assert!(
        leads.iter().any(|lead| lead["source"] == "close-eu"),
        "{leads:?}"
    );
}

#[test]
fn what_a_refused_request_lacked_is_said_and_counted() {
    let house = house();
    let up = house.up("");
    let posted = agent().post(format!("{}/close-eu", up.url)).send("{}");
    assert_eq!(posted.unwrap().status().as_u16(), 401);
    let told = up.wait_for("request_rejected");
    assert_eq!(
        (&told["why"], &told["header"]),
        (&"header_missing".into(), &"close-sig-hash".into())
    );
    let stale = agent()
        .post(format!("{}/close-eu", up.url))
        .header("close-sig-hash", "00")
        .header("close-sig-timestamp", "1")
        .send("{}");
    assert_eq!(stale.unwrap().status().as_u16(), 401);
    let told = up.wait_for("request_rejected");
    assert_eq!(told["why"], "stale");
    assert!(
        told["stale_seconds"].as_u64().unwrap() > 1_000_000,
        "{told}"
    );
    // A name that nobody configured is named nowhere.
    let unknown = agent().post(format!("{}/no-such-name", up.url)).send("{}");
    assert_eq!(unknown.unwrap().status().as_u16(), 401);
    let told = up.wait_for("request_rejected");
    assert_eq!(
        (&told["reason"], &told["source"]),
        (&"not_configured".into(), &Value::Null)
    );
    assert!(!told.to_string().contains("no-such-name"), "{told}");
    wait_until("all are counted", || {
        let refused = &listed(&house, "close-eu")["refused"];
        *refused == json!({ "header_missing close-sig-hash": 1, "stale": 1 })
    });
    house.run("source ls").expect_out(0, "1 not_configured");
}

#[test]
fn a_source_is_named_where_it_cannot_be_told_which_is_meant() {
    let house = house();
    house
        .run("send")
        .expect_error(2, "close-eu, close-us, forms");
    house
        .run("send --source close")
        .expect_error(2, "sources.json has close-eu, close-us, forms");
    house
        .run("source ls --since 40d")
        .expect_error(2, "at most 35d");
}

#[test]
fn a_source_that_is_silent_says_since_when_and_after_how_long_that_is_an_alarm() {
    let house = House::new();
    let source = |hours: u32| json!({ "kind": "standard", "secrets": ["whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"], "silence_hours": hours });
    let sources = json!({ "forms": source(1), "daily": source(24) });
    house.write("leadwire-data/sources.json", &sources.to_string());
    let options = OpenOptions {
        clock: Arc::new(TwoHoursAgo),
        ..OpenOptions::default()
    };
    let home = LocalHome::open_with(&house.data(), Mode::Prepare, options).unwrap();
    let store = home.store();
    for key in ["seen/forms", "seen/daily"] {
        block_on(store.put(Bucket::Enriched, key, NewObject::default())).unwrap();
    }
    drop((store, home));
    let (forms, daily) = (listed(&house, "forms"), listed(&house, "daily"));
    assert_eq!(
        (&forms["silence"]["hours"], &forms["silence"]["is_silent"]),
        (&json!(1), &json!(true))
    );
    assert_eq!(
        (&daily["silence"]["hours"], &daily["silence"]["is_silent"]),
        (&json!(24), &json!(false))
    );
    let ran = house.run("source ls");
    let since = forms["silence"]["since"].as_str().unwrap();
    let since = since.split('.').next().unwrap();
    for words in [
        &*format!("silent since {since}"),
        ", alarm after 1 h",
        "nothing seen, alarm after 24 h",
    ] {
        assert!(ran.out.contains(words), "{words}: {}", ran.out);
    }

    // Something comes.
    let up = house.up("");
    let send = format!("send {} --source forms --lead-id a", up.url);
    house.run(&send).expect_code(0);
    assert_eq!(listed(&house, "forms")["silence"]["is_silent"], false);
}

/// The clock as it stood two hours ago.
struct TwoHoursAgo;

impl Clock for TwoHoursAgo {
    fn now(&self) -> Timestamp {
        SystemClock.now() - SignedDuration::from_hours(2)
    }
}
