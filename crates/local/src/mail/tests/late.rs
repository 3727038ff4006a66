//! Mail servers that take their time: as long as RFC 5321 (4.5.3.2) grants it, and not longer. Sockets are real, and time is moved by hand
//! while nothing is on its way.

use super::server::{HOLD, Script};
use super::{EVENT, logged, mail, mail_about, mail_to, second_attempt, smtp};
use crate::mail::LocalMailer;
use crate::sample::{Sample, eventually, sample};
use leadwire_pipeline::port::{BegunMail, Mail, MailOutcome, Mailer as _};
use std::time::Duration;
use tokio::task::JoinHandle;
use tokio::time::{Instant, advance, pause, resume};

/// The outcome in a word, and what is said of it where it failed.
fn said(outcome: &MailOutcome) -> (&'static str, Option<&str>) {
    let word = match outcome {
        MailOutcome::Unsent(why) => return ("unsent", Some(why.code())),
        MailOutcome::Accepted(_) => "accepted",
        MailOutcome::Throttled(_) => "throttled",
        MailOutcome::Busy(_) => "busy",
        MailOutcome::Refused(_) => "refused",
        MailOutcome::Ambiguous(_) => "ambiguous",
    };
    (word, outcome.detail())
}

fn begin(mailer: &LocalMailer, mail: Mail) -> JoinHandle<MailOutcome> {
    let mailer = mailer.clone();
    tokio::spawn(async move { mailer.send(&mail).await })
}

/// Lets time pass at once, when everything has happened that was on its way: the client may not know yet that it is connected.
async fn pass(time: Duration) {
    for _turn in 0..100 {
        tokio::task::yield_now().await;
    }
    pause();
    advance(time).await;
    resume();
}

async fn check_late(step: &'static str, after: Duration, expected: (&str, Option<&str>)) {
    let sample = sample();
    let (server, mailer) = smtp(&sample, Script::with(step, HOLD)).await;
    let sending = begin(&mailer, mail());
    server.is_held().await;
    pass(after).await;
    if expected.0 == "accepted" {
        server.let_go();
    }
    assert_eq!(said(&sending.await.unwrap()), expected, "{step} {after:?}");
    let messages = usize::from(step == "message" || expected.0 == "accepted");
    assert_eq!(server.messages(), messages, "{step} {after:?}");
    assert_eq!(server.connections(), 1, "{step} {after:?}");
    assert_eq!(logged(&sample).await, [(expected.0.to_owned(), 1)]);
}

const SECOND: Duration = Duration::from_secs(1);
const COMMAND: Duration = Duration::from_mins(5);
/// A second less.
const IN_TIME: Duration = Duration::from_secs(299);
const ANSWER: Duration = Duration::from_mins(10);

#[tokio::test]
async fn an_answer_that_is_late_is_waited_for_as_long_as_the_protocol_grants() {
    for (step, name) in [
        ("greeting", "the greeting"),
        ("EHLO", "the greeting"),
        ("MAIL", "MAIL FROM"),
        ("RCPT", "RCPT TO"),
        ("DATA", "DATA"),
    ] {
        check_late(step, IN_TIME, ("accepted", None)).await;
        let late = format!("no answer to {name} in time");
        check_late(step, COMMAND, ("busy", Some(&late))).await;
    }
    check_late("greeting", Duration::from_secs(20), ("accepted", None)).await;
    check_late("message", Duration::from_mins(9), ("accepted", None)).await;
    let late = Some("no answer to the message in time");
    check_late("message", ANSWER, ("ambiguous", late)).await;
}

#[tokio::test]
async fn everything_before_the_final_dot_takes_a_quarter_of_an_hour_at_most() {
    let sample = sample();
    let (server, mailer) = smtp(&sample, Script::with("", HOLD)).await;
    let sending = begin(&mailer, mail());
    // The greeting, EHLO, MAIL FROM, RCPT TO: each within its own time.
    for _step in 0..3 {
        server.is_held().await;
        pass(Duration::from_mins(4)).await;
        server.let_go();
    }
    server.is_held().await;
    pass(Duration::from_mins(3)).await;
    let slow = ("busy", Some("over 15 min before the final dot"));
    assert_eq!(said(&sending.await.unwrap()), slow);
    assert_eq!(server.messages(), 0);
}

#[tokio::test]
async fn three_seconds_a_receiver_are_three_seconds_for_ten() {
    let sample = sample();
    let (server, mailer) = smtp(&sample, Script::with("RCPT", HOLD)).await;
    let receivers = (0..10).map(|number| mail_to(&format!("r{number}@example.com")));
    let sending: Vec<_> = receivers.map(|mail| begin(&mailer, mail)).collect();
    for _ in &sending {
        server.is_held().await;
    }
    let began = Instant::now();
    pass(3 * SECOND).await;
    for _ in &sending {
        server.let_go();
    }
    for one in sending {
        assert_eq!(said(&one.await.unwrap()), ("accepted", None));
    }
    assert!(began.elapsed() < 60 * SECOND);
    assert_eq!(server.received().len(), 10);
}

#[tokio::test]
async fn who_is_refused_for_now_keeps_the_mail_from_nobody_else() {
    let sample = sample();
    let script = Script::answering("full@example.com", "452 4.2.2 mailbox full");
    let (server, mailer) = smtp(&sample, script).await;
    let full = mailer.send(&mail_to("full@example.com")).await;
    assert_eq!(said(&full), ("busy", Some("452 4.2.2")));
    let other = mailer.send(&mail_to("olga@example.com")).await;
    assert_eq!(said(&other), ("accepted", None));
    assert_eq!(server.received().len(), 1);
}

#[tokio::test]
async fn a_server_that_takes_two_receivers_a_mail_gets_all_of_them() {
    let sample = sample();
    let (server, mailer) = smtp(&sample, Script::with_receivers_max(2)).await;
    for number in 0..5 {
        let mail = mail_to(&format!("r{number}@example.com"));
        assert_eq!(said(&mailer.send(&mail).await), ("accepted", None));
    }
    assert_eq!(server.received().len(), 5);
}

/// Whether a mail of a run that has ended may be out.
async fn may_be_out(sample: &Sample, attempt: u32, boot: &str) -> bool {
    let mail = mail();
    let begun = BegunMail {
        event: &mail.event,
        effect: &mail.effect,
        attempt,
        boot,
    };
    sample.home.outbox().may_be_out(begun).await.unwrap()
}

#[tokio::test]
async fn that_a_mail_goes_out_is_on_disk_before_it_can_be_taken_and_not_earlier() {
    for (step, row) in [
        ("greeting", None),
        ("DATA", None),
        ("message", Some(("sending".to_owned(), 1))),
    ] {
        let sample = sample();
        let (server, mailer) = smtp(&sample, Script::with(step, HOLD)).await;
        let sending = begin(&mailer, mail());
        server.is_held().await;
        let expected: Vec<_> = row.into_iter().collect();
        assert_eq!(logged(&sample).await, expected, "{step}");
        let boot = sample.home.boot().unwrap().to_owned();
        // As a death: nothing is written any more.
        sending.abort();
        drop((sending.await, mailer));
        let next = sample.reopened();
        assert_eq!(may_be_out(&next, 1, &boot).await, step == "message");
        assert!(!may_be_out(&next, 2, &boot).await, "another attempt");
        // One that wrote no rows: an older version's.
        assert!(may_be_out(&next, 1, "another boot").await);
    }
}

#[tokio::test]
async fn what_the_log_says_of_an_ended_attempt_counts() {
    for (reply, expected) in [
        ("451 later", false),
        ("554 never", false),
        ("250 taken", false),
        (super::server::DROP, true),
    ] {
        let sample = sample();
        let (_server, mailer) = smtp(&sample, Script::with("message", reply)).await;
        mailer.send(&mail()).await;
        let boot = sample.home.boot().unwrap();
        assert_eq!(may_be_out(&sample, 1, boot).await, expected, "{reply}");
    }
}

#[tokio::test]
async fn a_stop_breaks_off_what_cannot_have_been_taken() {
    for step in ["greeting", "RCPT", "DATA"] {
        let sample = sample();
        let (server, mailer) = smtp(&sample, Script::with(step, HOLD)).await;
        let sending = begin(&mailer, mail());
        server.is_held().await;
        sample.home.stopping().begin(50 * SECOND);
        let stopped = ("unsent", Some("stopping"));
        assert_eq!(said(&sending.await.unwrap()), stopped, "{step}");
        assert_eq!(said(&mailer.send(&second_attempt()).await), stopped);
        assert_eq!((server.messages(), server.connections()), (0, 1), "{step}");
        assert_eq!(logged(&sample).await, [], "it was no attempt");
    }
}

#[tokio::test]
async fn a_stop_waits_for_the_answer_to_what_has_gone_out_and_then_it_is_in_doubt() {
    for (answers, expected) in [
        (true, ("accepted", None)),
        (false, ("ambiguous", Some("stopped before the answer"))),
    ] {
        let sample = sample();
        let (server, mailer) = smtp(&sample, Script::with("message", HOLD)).await;
        let sending = begin(&mailer, mail());
        server.is_held().await;
        sample.home.stopping().begin(50 * SECOND);
        pass(if answers { 40 } else { 50 } * SECOND).await;
        if answers {
            server.let_go();
        }
        assert_eq!(said(&sending.await.unwrap()), expected);
        assert_eq!(logged(&sample).await, [(expected.0.to_owned(), 1)]);
    }
}

#[tokio::test]
async fn sixteen_slow_leads_leave_the_others_in_the_queue_and_not_in_their_way() {
    let sample = sample();
    let (server, mailer) = smtp(&sample, Script::with("message", HOLD)).await;
    let about = |number: u32| mail_about(format!("{EVENT}-{number}"));
    let mut slow: Vec<_> = (0..16)
        .map(|number| begin(&mailer, about(number)))
        .collect();
    for _ in &slow {
        server.is_held().await;
    }
    // Another one waits for a turn, as long as one may be given back soon.
    let seventeenth = begin(&mailer, about(16));
    tokio::task::yield_now().await;
    assert_eq!(server.connections(), 16);
    pass(10 * SECOND).await;
    let crowded = ("unsent", Some("no_turn"));
    assert_eq!(said(&seventeenth.await.unwrap()), crowded);
    let began = Instant::now();
    assert_eq!(said(&mailer.send(&about(17)).await), crowded);
    assert!(began.elapsed() < SECOND, "and no later one waits at all");
    // A lead that has its turn goes on to its other receivers.
    let other = Mail {
        event: about(0).event,
        ..mail_to("olga@example.com")
    };
    slow.push(begin(&mailer, other));
    server.is_held().await;
    for _ in &slow {
        server.let_go();
    }
    for one in slow {
        assert_eq!(said(&one.await.unwrap()), ("accepted", None));
    }
    server.let_go();
    assert_eq!(said(&mailer.send(&about(16)).await), ("accepted", None));
    eventually("each mail came once", || async {
        server.received().len() == 18
    })
    .await;
}
