//! Mails of which nobody knows whether they went out.

use crate::house::{House, Up, wait_until};
use crate::mail::{MailServer, stage, up};
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
    house.run("lookup put a --owner Omar").expect_code(0);
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
