//! Mails of which nobody knows whether they went out.

use crate::house::{House, Up};
use crate::mail::{MailServer, stage, up};

/// A lead whose mail is parked: the server's answer to it made no sense, and the process ended before its lease did.
fn parked() -> (House, MailServer, Up) {
    let house = House::new();
    let server = MailServer::start("message", "nonsense", 1);
    let park = "--ambiguous park";
    let first = up(&house, &server, park);
    first.accept("a");
    first.wait_for("email_ambiguous");
    first.kill();
    let second = up(&house, &server, park);
    second.wait_for("email_parked");
    (house, server, second)
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
