//! Every step of a mail by SMTP, and every way in which its answer can fail to come: the outcome, how often the server was called, and whether
//! it had the whole message.

use super::server::{DROP, STALL, Script, Server};
use super::{EVENT, mail_about, outcome};
use crate::sample::sample;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinSet;
use tokio::time::{advance, pause, resume};

/// The steps before the server has the whole message, and the answer that lets each go on.
const STEPS: [(&str, &str); 6] = [
    ("greeting", "220 ready"),
    ("EHLO", "250 AUTH PLAIN LOGIN"),
    ("AUTH", "235 welcome"),
    ("MAIL", "250 ok"),
    ("RCPT", "250 ok"),
    ("DATA", "354 go on"),
];

/// A step, what the server does at it, the outcome, and whole messages.
type Row = (&'static str, &'static str, &'static str, usize);

fn leak(text: String) -> &'static str {
    Box::leak(text.into_boxed_str())
}

fn rows() -> Vec<Row> {
    let mut rows = Vec::new();
    for (step, goes_on) in STEPS {
        let code = goes_on.get(..3).unwrap();
        let begun = leak(format!("half {}", code.get(..2).unwrap()));
        let more_to_come = leak(format!("half {code}-more to come\r\n"));
        rows.extend([
            (step, "421 closing", "busy", 0),
            (step, "451 later", "busy", 0),
            (step, "554 never", "refused", 0),
            (step, DROP, "busy", 0),
            (step, begun, "busy", 0),
            (step, more_to_come, "busy", 0),
            (step, "nonsense", "busy", 0),
            (step, "stall ", "busy", 0),
            (step, leak(format!("stall {code}")), "busy", 0),
            (step, leak(format!("late {goes_on}")), "accepted", 1),
        ]);
    }
    rows.extend([
        ("message", "421 closing", "busy", 1),
        ("message", "451 later", "busy", 1),
        ("message", "554 never", "refused", 1),
        ("message", DROP, "ambiguous", 1),
        ("message", "half 25", "ambiguous", 1),
        ("message", "half 250 taken", "ambiguous", 1),
        ("message", "half 250-more to come\r\n", "ambiguous", 1),
        ("message", "nonsense", "ambiguous", 1),
        ("message", "stall ", "ambiguous", 1),
        ("message", "stall 250 tak", "ambiguous", 1),
        ("message", "late 250 taken", "accepted", 1),
    ]);
    rows
}

#[tokio::test]
async fn every_step_and_every_way_to_fail_has_its_outcome_and_is_tried_once() {
    let sample = sample();
    let mut cases = JoinSet::new();
    let mut stalling = Vec::new();
    for (number, row) in rows().into_iter().enumerate() {
        let (step, reply, expected, messages) = row;
        let server = Arc::new(Server::start(Script::with(step, reply)).await);
        if reply.starts_with(STALL) {
            stalling.push(Arc::clone(&server));
        }
        let mailer = sample.home.smtp(server.url("user:pw@"));
        let mail = mail_about(format!("{EVENT}-{number}"));
        cases.spawn(async move {
            let outcome = outcome(&mailer, &mail).await;
            let found = (outcome, server.connections(), server.messages());
            (found != (expected, 1, messages))
                .then(|| format!("{step} {reply:?}: {found:?}, not {expected} with {messages}"))
        });
    }
    let mut breaches = Vec::new();
    while cases.len() > stalling.len() {
        let ended = cases.join_next().await.unwrap();
        breaches.extend(ended.unwrap());
    }
    for server in &stalling {
        server.is_held().await;
    }
    // What is left waits for an answer that never comes.
    pause();
    advance(Duration::from_mins(10)).await;
    resume();
    breaches.extend(cases.join_all().await.into_iter().flatten());
    assert!(breaches.is_empty(), "{}", breaches.join("\n"));
}
