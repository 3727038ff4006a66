//! The canary of one machine, by itself and by hand.

use crate::house::{House, wait_until};
use crate::mail::MailServer;

#[test]
fn up_sends_canaries_by_itself_that_are_mailed_to_nobody_and_stay_out_of_everyones_way() {
    let house = House::new();
    let sources = r#"{"generic":{"secrets":["whsec_YWFiYmNjZGRlZWZmMDAxMTIyMzM0NDU1"]}}"#;
    house.write("leadwire-data/sources.json", sources);
    let up = house.up("--canary 1s --delay 0 --environment prod");
    for _ in 0..2 {
        let mailed = up.wait_for("email_sent");
        assert_eq!(mailed["lead_id"], "leadwire-canary");
    }
    assert!(house.mails().is_empty());
    assert!(house.json("leads").is_empty());
    let canaries = house.json("leads --canary --stage mailed");
    assert!(canaries.len() >= 2, "{canaries:?}");
    assert!(canaries.iter().all(|event| event["source"] == "canary"));
    for folder in ["raw", "enriched", "outbox"] {
        let names = house.files(folder);
        let is_hidden = names.iter().all(|name| name.starts_with('.'));
        assert!(is_hidden, "{folder}: {names:?}");
    }
    assert_eq!(up.stop(), Some(0));
}

#[test]
fn a_canary_that_is_sent_by_hand_is_followed_until_it_is_mailed() {
    let house = House::new();
    let up = house.up("--delay 1s");
    let canary = format!("canary {}", up.base());
    let told = house.json(&canary);
    assert_eq!(told[0]["lead_id"], "leadwire-canary");
    let last = told.last().unwrap();
    assert_eq!(last["stage"], "mailed");
    assert_eq!(last["event_id"], told[0]["event_id"]);
    let told = house.run(&canary).expect_code(0).out;
    assert!(
        told.contains("mailed ") && told.contains(" after it came"),
        "{told}"
    );
    let sent = house.json(&format!("{canary} --no-follow"));
    assert_eq!(sent.len(), 1);
}

#[test]
fn a_canary_that_does_not_arrive_is_a_failure_that_says_why() {
    let house = House::new();
    let up = house.up("--delay 15m");
    let late = house.run(&format!("canary {} --timeout 0", up.base()));
    late.expect_error(1, "not mailed within");
    drop(up);
    let refused = house.run("canary http://127.0.0.1:1");
    refused.expect_error(1, "127.0.0.1:1");

    let other = House::new();
    let up = other.up("--delay 0");
    let stranger = house.run(&format!("canary {}", up.base()));
    stranger.expect_error(1, "401 (unverified)");
}

#[test]
fn a_canary_asks_the_mail_server_for_nothing_and_fails_where_a_lead_would() {
    let house = House::new();
    let server = MailServer::start("NOOP", "554 not you", 1);
    let smtp = server.url();
    let up = house.up(&format!(
        "--smtp {smtp} --from crm@example.com --to team@example.com --delay 0"
    ));
    let canary = format!("canary {}", up.base());
    let last = house.json_with(1, &canary).pop().unwrap();
    assert_eq!(last["stage"], "dead");
    assert_eq!(last["why"], "mail_refused");
    assert_eq!(server.refused(), 1);
    house.run(&canary).expect_code(0);
    assert!(server.messages().is_empty());
    assert!(house.json("dlq ls").is_empty(), "no dead letter of a lead");
    wait_until("the failure is among the canaries", || {
        house.json("leads --canary --stage dead").len() == 1
    });
}
