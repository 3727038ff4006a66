//! Connections that are kept for the next mail, and how this machine presents itself on them.

use super::server::{DROP, HOLD, STALL, Script, Server};
use super::{EVENT, logged, mail, mail_about, outcome, send, smtp};
use crate::mail::{EhloName, LocalMailer, SmtpServer};
use crate::sample::{Sample, eventually, sample};
use leadwire_pipeline::port::Mail;
use std::time::Duration;
use tokio::time::{advance, pause, resume};

fn about(number: usize) -> Mail {
    mail_about(format!("{EVENT}-{number}"))
}

/// Sends so many mails one after the other.
async fn send_all(mailer: &LocalMailer, count: usize) {
    for number in 0..count {
        assert_eq!(
            outcome(mailer, &about(number)).await,
            "accepted",
            "{number}"
        );
    }
}

#[tokio::test]
async fn mails_one_after_the_other_share_a_connection_and_a_login() {
    let sample = sample();
    let server = Server::start(Script::default()).await;
    let mailer = sample.home.smtp(server.url("user:pw@"));
    send_all(&mailer, 10).await;
    assert_eq!((server.connections(), server.logins().len()), (1, 1));
    assert_eq!(server.received().len(), 10);
    let accepted = |(outcome, attempt): &(String, u32)| outcome == "accepted" && *attempt == 1;
    let logged = logged(&sample).await;
    assert!(
        logged.len() == 10 && logged.iter().all(accepted),
        "{logged:?}"
    );
}

#[tokio::test]
async fn a_connection_brings_so_many_mails_and_is_ended_as_it_should_be() {
    let sample = sample();
    let (server, mailer) = smtp(&sample, Script::default()).await;
    send_all(&mailer, 51).await;
    assert_eq!((server.connections(), server.goodbyes()), (2, 1));
    assert_eq!(server.received().len(), 51);
}

/// The second mail meets a connection that its server has given up, and that is neither a failure nor a doubt.
async fn check_stale(script: Script, what: &str) {
    let sample = sample();
    let (server, mailer) = smtp(&sample, script).await;
    send_all(&mailer, 2).await;
    assert_eq!((server.connections(), server.messages()), (2, 2), "{what}");
    let expected = ["accepted", "accepted"].map(|outcome| (outcome.to_owned(), 1));
    assert_eq!(logged(&sample).await, expected, "{what}");
}

#[tokio::test]
async fn a_kept_connection_that_its_server_has_given_up_is_opened_anew() {
    check_stale(Script::on_kept("MAIL", DROP), "closed without a word").await;
    check_stale(
        Script::on_kept("MAIL", "421 4.4.2 idle for too long"),
        "closed",
    )
    .await;
    check_stale(
        Script::on_kept("MAIL", "452 4.5.3 enough of you"),
        "a limit",
    )
    .await;
    check_stale(
        Script::with("message", "half 250 taken\r\n"),
        "closed at once",
    )
    .await;
}

#[tokio::test]
async fn a_kept_connection_that_is_silent_is_given_up_after_ten_seconds() {
    let sample = sample();
    let (server, mailer) = smtp(&sample, Script::on_kept("MAIL", STALL)).await;
    send_all(&mailer, 1).await;
    let second = tokio::spawn({
        let mailer = mailer.clone();
        async move { send(&mailer, &about(1)).await.0 }
    });
    server.is_held().await;
    pause();
    advance(Duration::from_secs(10)).await;
    resume();
    assert_eq!(second.await.unwrap(), "accepted");
    assert_eq!(server.connections(), 2);
}

/// What the server says to the mail that the second connection brings counts: it is no stale one.
#[tokio::test]
async fn an_answer_to_a_mail_on_a_kept_connection_is_an_answer() {
    for (step, reply, expected) in [
        ("RCPT", "550 5.1.1 gone", "refused"),
        ("DATA", "451 4.3.0 later", "busy"),
        ("message", "554 5.6.0 never", "refused"),
        ("message", DROP, "ambiguous"),
    ] {
        let sample = sample();
        let (server, mailer) = smtp(&sample, Script::on_kept(step, reply)).await;
        send_all(&mailer, 1).await;
        assert_eq!(
            outcome(&mailer, &about(1)).await,
            expected,
            "{step} {reply}"
        );
        assert_eq!(server.connections(), 1, "{step} {reply}");
        // What comes after it does not meet what was left behind.
        assert_eq!(
            outcome(&mailer, &about(2)).await,
            "accepted",
            "{step} {reply}"
        );
        assert_eq!(server.connections(), 2, "{step} {reply}");
    }
}

#[tokio::test]
async fn that_a_mail_goes_out_on_a_kept_connection_is_on_disk_before_it_can_be_taken_and_not_earlier()
 {
    for (step, row) in [("DATA", None), ("message", Some("sending"))] {
        let sample = sample();
        let (server, mailer) = smtp(&sample, Script::on_kept(step, HOLD)).await;
        send_all(&mailer, 1).await;
        let second = tokio::spawn({
            let mailer = mailer.clone();
            async move { send(&mailer, &about(1)).await.0 }
        });
        server.is_held().await;
        let rows = logged(&sample).await;
        let second_row = rows.get(1).map(|(outcome, _)| outcome.as_str());
        assert_eq!(second_row, row, "{step}");
        server.let_go();
        assert_eq!(second.await.unwrap(), "accepted");
    }
}

async fn is_ended(server: &Server) {
    eventually("the connection is ended", || async {
        server.goodbyes() == 1
    })
    .await;
}

#[tokio::test]
async fn what_nobody_uses_for_half_a_minute_is_closed() {
    let sample = sample();
    let (server, mailer) = smtp(&sample, Script::default()).await;
    send_all(&mailer, 1).await;
    assert_eq!(server.goodbyes(), 0);
    // Whoever closes it has begun to wait.
    for _turn in 0..100 {
        tokio::task::yield_now().await;
    }
    pause();
    advance(Duration::from_secs(30)).await;
    resume();
    is_ended(&server).await;
    send_all_from(&mailer, 1).await;
    assert_eq!(server.connections(), 2);
}

async fn send_all_from(mailer: &LocalMailer, number: usize) {
    assert_eq!(outcome(mailer, &about(number)).await, "accepted");
}

#[tokio::test]
async fn a_stop_closes_what_is_kept() {
    let sample = sample();
    let (server, mailer) = smtp(&sample, Script::default()).await;
    send_all(&mailer, 1).await;
    sample.home.stopping().begin(Duration::from_secs(50));
    is_ended(&server).await;
}

#[tokio::test]
async fn a_server_is_greeted_with_the_name_that_is_set() {
    let sample = sample();
    let server = Server::start(Script::default()).await;
    let named = SmtpServer {
        name: Some(EhloName::parse("hooks.example.com").unwrap()),
        ..server.url("").into()
    };
    assert_eq!(outcome(&sample.home.smtp(named), &mail()).await, "accepted");
    assert_eq!(server.hellos(), ["hooks.example.com"]);
}

async fn introduced(sample: &Sample, server: &Server, user: &str) -> Result<(), String> {
    let mailer = sample.home.smtp(server.url(user));
    let introduced = mailer.introduce().await;
    introduced.map_err(|error| crate::sample::chain(&error))
}

#[tokio::test]
async fn a_server_that_takes_no_password_is_told_at_the_start_and_refuses_mails() {
    for (offer, what) in [
        (
            "250-here\r\n250 AUTH XOAUTH2 OAUTHBEARER",
            ": it offers only OAuth2",
        ),
        ("250 here", ""),
    ] {
        let sample = sample();
        let server = Server::start(Script::offering(offer)).await;
        let said = format!("the mail server takes no user and password{what}");
        let at_start = introduced(&sample, &server, "user:pw@").await;
        assert_eq!(
            at_start,
            Err(format!("could not use the mail server: {said}"))
        );
        let mailer = sample.home.smtp(server.url("user:pw@"));
        let sent = send(&mailer, &mail()).await;
        assert_eq!(sent, ("refused", format!("could not send mail: {said}")));
        assert!(server.received().is_empty());
    }
}

#[tokio::test]
async fn an_introduction_is_the_first_mails_connection_and_only_where_there_is_a_login() {
    let sample = sample();
    let server = Server::start(Script::default()).await;
    assert_eq!(introduced(&sample, &server, "").await, Ok(()));
    assert_eq!(server.connections(), 0);
    let mailer = sample.home.smtp(server.url("user:pw@"));
    mailer.introduce().await.unwrap();
    send_all(&mailer, 3).await;
    assert_eq!((server.connections(), server.logins().len()), (1, 1));
}
