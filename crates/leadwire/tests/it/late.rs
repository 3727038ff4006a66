//! A mail server that takes its time: what is waited for, what is broken off, and what is in doubt when `up` stops or dies meanwhile.

use crate::house::{House, Up, wait_until};
use crate::mail::{MailServer, stage, up};
use serde_json::json;
use std::time::{Duration, Instant};

/// Longer than any test waits.
const FOR_EVER: Duration = Duration::from_hours(1);

/// Lead `a`, sent to a server that is slow at a step once, and has come that far.
fn begun(step: &'static str, pause: Duration, more: &str) -> (House, MailServer, Up) {
    let house = House::new();
    let server = MailServer::slow(step, pause, 1);
    let up = up(&house, &server, more);
    up.accept("a");
    wait_until("it has come to the slow step", || server.refused() == 1);
    (house, server, up)
}

#[test]
fn an_answer_that_takes_25_s_is_waited_for_and_holds_up_no_other_lead() {
    let began = Instant::now();
    let (house, server, up) = begun("message", Duration::from_secs(25), "");
    house
        .run("lookup put --create b --owner Omar")
        .expect_code(0);
    up.accept("b");
    wait_until("the other one is mailed", || {
        house.lead("b")["stage"] == "mailed"
    });
    assert_ne!(stage(&house), "mailed");
    wait_until("it is mailed", || stage(&house) == "mailed");
    assert!(began.elapsed() >= Duration::from_secs(25));
    assert_eq!(server.messages().len(), 2, "each once");
    assert_eq!(up.stop(), Some(0));
}

#[test]
fn a_stop_between_the_final_dot_and_its_answer_leaves_a_doubt_that_says_so() {
    let (house, _server, up) = begun("message", FOR_EVER, "--stop-wait 1s");
    assert_eq!(up.stop(), Some(0));
    let lead = house.lead("a");
    let effect = &lead["effects"][0];
    let said = ["state", "attempt", "doubts", "detail"].map(|member| effect[member].clone());
    let expected = [
        json!("doubt"),
        json!(1),
        json!(1),
        json!("stopped before the answer"),
    ];
    assert_eq!(said, expected, "{lead}");
}

#[test]
fn a_stop_before_the_final_dot_breaks_the_mail_off_as_if_it_had_not_been_tried() {
    let (house, server, first) = begun("RCPT", FOR_EVER, "");
    let began = Instant::now();
    assert_eq!(first.stop(), Some(0));
    assert!(began.elapsed() < Duration::from_secs(50), "at once");
    let lead = house.lead("a");
    let effect = &lead["effects"][0];
    let said = ["state", "attempt", "doubts"].map(|member| effect[member].clone());
    assert_eq!(said, [json!("idle"), json!(0), json!(0)], "{lead}");
    assert!(server.messages().is_empty());
    let second = up(&house, &server, "");
    let told = second.wait_for("email_sent");
    assert_eq!(told["attempt"], 1, "{told}");
    assert_eq!(server.messages().len(), 1);
}

/// Whether the next run doubts a mail whose sender died at this step. It is mailed in either case.
#[track_caller]
fn check_death(step: &'static str, is_doubt: bool) {
    let (house, server, first) = begun(step, FOR_EVER, "");
    first.kill();
    let second = up(&house, &server, "");
    let told = second.told_until("email_sent");
    let is_doubted = told.iter().any(|told| told["event"] == "email_ambiguous");
    assert_eq!(is_doubted, is_doubt, "{step}: {told:#?}");
    wait_until("it is mailed", || stage(&house) == "mailed");
    assert_eq!(server.messages().len(), 1, "{step}");
}

#[test]
fn a_death_before_the_final_dot_is_no_doubt_and_one_after_it_is() {
    check_death("RCPT", false);
    check_death("message", true);
}
