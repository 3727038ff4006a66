//! The canary of one machine, by itself and by hand.

use crate::house::{House, wait_until};
use crate::mail::MailServer;
use serde_json::Value;

fn leads(house: &House, flags: &[&str]) -> Vec<Value> {
    let line = [&["leads", "--json"][..], flags].concat();
    house.run(&line).expect_code(0).documents()
}

#[test]
fn up_sends_canaries_by_itself_that_are_mailed_to_nobody_and_stay_out_of_everyones_way() {
    let house = House::new();
    let sources = r#"{"generic":{"secrets":["whsec_YWFiYmNjZGRlZWZmMDAxMTIyMzM0NDU1"]}}"#;
    house.write("leadwire-data/sources.json", sources);
    let up = house.up(&["--canary", "1s", "--delay", "0", "--environment", "prod"]);
    for _ in 0..2 {
        let mailed = up.wait_for("email_sent");
        assert_eq!(mailed["lead_id"], "leadwire-canary");
    }
    assert!(house.mails().is_empty());
    assert!(leads(&house, &[]).is_empty());
    let canaries = leads(&house, &["--canary", "--stage", "mailed"]);
    assert!(canaries.len() >= 2, "{canaries:?}");
    assert!(canaries.iter().all(|event| event["source"] == "canary"));
    for folder in ["raw", "enriched", "outbox"] {
        let left = std::fs::read_dir(house.data().join(folder)).unwrap();
        let names: Vec<_> = left.map(|entry| entry.unwrap().file_name()).collect();
        assert!(
            names
                .iter()
                .all(|name| name.to_string_lossy().starts_with('.')),
            "{folder}: {names:?}"
        );
    }
    assert_eq!(up.stop(), Some(0));
}

#[test]
fn a_canary_that_is_sent_by_hand_is_followed_until_it_is_mailed() {
    let house = House::new();
    let up = house.up(&["--delay", "1s"]);
    let ran = house.run(&["canary", up.base(), "--json"]).expect_code(0);
    let told = ran.documents();
    assert_eq!(told[0]["lead_id"], "leadwire-canary");
    let last = told.last().unwrap();
    assert_eq!(
        (&last["stage"], &last["event_id"]),
        (&"mailed".into(), &told[0]["event_id"])
    );
    let told = house.run(&["canary", up.base()]).expect_code(0).out;
    assert!(
        told.contains("mailed ") && told.contains(" after it came"),
        "{told}"
    );
    let sent = house
        .run(&["canary", up.base(), "--no-follow", "--json"])
        .expect_code(0);
    assert_eq!(sent.documents().len(), 1);
}

#[test]
fn a_canary_that_does_not_arrive_is_a_failure_that_says_why() {
    let house = House::new();
    let up = house.up(&["--delay", "15m"]);
    let late = house.run(&["canary", up.base(), "--timeout", "0"]);
    let late = late.expect_code(1);
    assert!(late.err.contains("not mailed within"), "{}", late.err);
    drop(up);
    let refused = house.run(&["canary", "http://127.0.0.1:1"]).expect_code(1);
    assert!(refused.err.contains("127.0.0.1:1"), "{}", refused.err);

    let other = House::new();
    let up = other.up(&["--delay", "0"]);
    let stranger = house.run(&["canary", up.base()]).expect_code(1);
    assert!(
        stranger.err.contains("401 (unverified)"),
        "{}",
        stranger.err
    );
}

#[test]
fn a_canary_asks_the_mail_server_for_nothing_and_fails_where_a_lead_would() {
    let house = House::new();
    let server = MailServer::start("NOOP", "554 not you", 1);
    let smtp = server.url();
    let up = house.up(&[
        "--smtp",
        &smtp,
        "--from",
        "crm@example.com",
        "--to",
        "team@example.com",
        "--delay",
        "0",
    ]);
    let failed = house.run(&["canary", up.base(), "--json"]).expect_code(1);
    let last = failed.documents().pop().unwrap();
    assert_eq!(
        (&last["stage"], &last["why"]),
        (&"dead".into(), &"mail_refused".into())
    );
    assert_eq!(server.refused(), 1);
    house.run(&["canary", up.base()]).expect_code(0);
    assert!(server.messages().is_empty());
    let letters = house.run(&["dlq", "ls", "--json"]).expect_code(0);
    assert!(letters.documents().is_empty(), "no dead letter of a lead");
    wait_until("the failure is among the canaries", || {
        leads(&house, &["--canary", "--stage", "dead"]).len() == 1
    });
}
