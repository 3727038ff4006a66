mod each;
mod kept;
mod late;
mod server;
mod tls;
mod upgrade;

use super::{LocalMailer, SmtpUrl, probe_smtp};
use crate::durable::create_whole;
use crate::sample::{Sample, chain, count, mail_log, sample};
use leadwire_domain::effect::EffectId;
use leadwire_domain::notice::{EmailAddress, EmailText};
use leadwire_domain::sender::Sender;
use leadwire_pipeline::port::{Mail, MailOutcome, Mailer, PortErrorKind};
use server::{Script, Server};
use std::collections::BTreeSet;
use std::fs;

const EVENT: &str = "crm_event_l-1_20261123T065000123456Z";
const ID: &str = "<crm_event_l-1_20261123T065000123456Z.team.0de61b1110462435@example.com>";
const FILE: &str = "crm_event_l-1_20261123T065000123456Z.team.0de61b1110462435.eml";

pub(super) fn mail() -> Mail {
    let address = |text| EmailAddress::parse(text).unwrap();
    Mail {
        event: EVENT.to_owned(),
        attempt: 1,
        environment: "dev".to_owned(),
        from: Sender::of(address("crm@example.com")),
        reply_to: None,
        effect: EffectId::of_mail("team", &address("omar@example.com")),
        to: address("omar@example.com"),
        is_canary: false,
        text: EmailText {
            subject: "New lead: Zoë → Omar".to_owned(),
            text: "Name:     Zoë\n.\n.dot\n".to_owned(),
            html: "<p>Zoë</p>".to_owned(),
        },
    }
}

fn second_attempt() -> Mail {
    Mail {
        attempt: 2,
        ..mail()
    }
}

fn mail_about(event: impl Into<String>) -> Mail {
    Mail {
        event: event.into(),
        ..mail()
    }
}

fn mail_to(address: &str) -> Mail {
    let to = EmailAddress::parse(address).unwrap();
    Mail {
        effect: EffectId::of_mail("team", &to),
        to,
        ..mail()
    }
}

fn canary_mail() -> Mail {
    Mail {
        is_canary: true,
        ..mail_about("crm_event_leadwire-canary_20261123T065000123456Z")
    }
}

/// Sends a mail: the outcome in a word, and what a person would read.
async fn send(mailer: &LocalMailer, mail: &Mail) -> (&'static str, String) {
    match mailer.send(mail).await {
        MailOutcome::Accepted(id) => ("accepted", id),
        MailOutcome::Unsent(why) => ("unsent", why.code().to_owned()),
        MailOutcome::Throttled(error) | MailOutcome::Busy(error) => {
            assert_eq!(error.kind, PortErrorKind::Transient);
            ("busy", chain(&error))
        }
        MailOutcome::Refused(error) => {
            assert_eq!(error.kind, PortErrorKind::Permanent);
            ("refused", chain(&error))
        }
        MailOutcome::Ambiguous(error) => ("ambiguous", chain(&error)),
    }
}

async fn outcome(mailer: &LocalMailer, mail: &Mail) -> &'static str {
    send(mailer, mail).await.0
}

async fn smtp(sample: &Sample, script: Script) -> (Server, LocalMailer) {
    let server = Server::start(script).await;
    let mailer = sample.home.smtp(server.url(""));
    (server, mailer)
}

async fn logged(sample: &Sample) -> Vec<(String, u32)> {
    let log = mail_log(&sample.home).await.into_iter();
    log.map(|(outcome, attempt, _)| (outcome, attempt))
        .collect()
}

#[tokio::test]
async fn an_accepted_mail_reached_the_server_whole_and_is_never_sent_again() {
    let sample = sample();
    let (server, mailer) = smtp(&sample, Script::default()).await;
    for mail in [mail(), second_attempt()] {
        assert_eq!(send(&mailer, &mail).await, ("accepted", ID.to_owned()));
    }
    let [one] = server.received().try_into().unwrap();
    assert_eq!(one.from, "<crm@example.com>");
    assert_eq!(one.to, ["<omar@example.com>"]);
    for part in [
        format!("Message-ID: {ID}\r\n").as_str(),
        "Date: Mon, 23 Nov 2026 07:00:00 +0000\r\n",
        "Content-Type: multipart/alternative;",
        // A line that begins with a dot keeps it.
        "\r\n.dot",
    ] {
        assert!(one.message.contains(part), "{part}: {}", one.message);
    }
    let expected = ("accepted".to_owned(), 1, Some(ID.to_owned()));
    assert_eq!(mail_log(&sample.home).await, [expected]);
}

#[tokio::test]
async fn a_refused_receiver_does_not_keep_the_mail_from_the_other() {
    let sample = sample();
    let (server, mailer) = smtp(&sample, Script::without("gone@example.com")).await;
    let (gone, there) = (mail_to("gone@example.com"), mail_to("olga@example.com"));
    for attempt in 1..=2 {
        let again = |mail: &Mail| Mail {
            attempt,
            ..mail.clone()
        };
        assert_eq!(outcome(&mailer, &again(&gone)).await, "refused");
        assert_eq!(outcome(&mailer, &again(&there)).await, "accepted");
    }
    let [one] = server.received().try_into().unwrap();
    assert_eq!(one.to, ["<olga@example.com>"]);
    assert!(one.message.contains("\r\nTo: olga@example.com\r\n"));
    assert!(!one.message.contains("gone@"), "{}", one.message);
    let expected = [("refused", 1), ("accepted", 1), ("refused", 2)];
    let expected = expected.map(|(outcome, attempt)| (outcome.to_owned(), attempt));
    assert_eq!(logged(&sample).await, expected);
}

async fn check(step: &'static str, reply: &'static str, outcome: &'static str, answered: &str) {
    let sample = sample();
    let (_server, mailer) = smtp(&sample, Script::with(step, reply)).await;
    let text = format!("could not send mail: the mail server answered {answered}");
    assert_eq!(send(&mailer, &mail()).await, (outcome, text));
    assert_eq!(logged(&sample).await, [(outcome.to_owned(), 1)]);
}

#[tokio::test]
async fn each_answer_of_a_mail_server_has_its_outcome_and_its_words_are_not_repeated() {
    check("greeting", "421 busy", "busy", "421 to the greeting").await;
    check("greeting", "554 go away", "refused", "554 to the greeting").await;
    check("MAIL", "451 later", "busy", "451 to MAIL FROM").await;
    check("RCPT", "450 greylisted", "busy", "450 to RCPT TO").await;
    let unknown = "550 5.1.1 <omar@example.com> unknown";
    check("RCPT", unknown, "refused", "550 to RCPT TO").await;
    check("DATA", "452 full", "busy", "452 to DATA").await;
    check("message", "451 later", "busy", "451 to the message").await;
    check("message", "554 spam", "refused", "554 to the message").await;
}

#[track_caller]
fn check_detail(outcome: &MailOutcome, expected: Option<&str>) {
    assert_eq!(outcome.detail(), expected, "{outcome:?}");
}

#[tokio::test]
async fn of_a_servers_answer_its_codes_are_said_and_nothing_else() {
    for (step, reply, expected) in [
        (
            "RCPT",
            "550 5.1.1 <omar@example.com> unknown",
            Some("550 5.1.1"),
        ),
        (
            "RCPT",
            "550-5.7.1 no mail\r\n550 5.7.1 from you",
            Some("550 5.7.1"),
        ),
        ("RCPT", "450 4.2.0", Some("450 4.2.0")),
        ("MAIL", "550 <omar@example.com> 5.1.1", Some("550")),
        ("MAIL", "550 5.1.1.1 x", Some("550")),
        ("MAIL", "550 5.1234.1 x", Some("550")),
        ("MAIL", "550 5.1.1omar x", Some("550")),
        ("MAIL", "550 9.1.1 x", Some("550")),
        ("greeting", "421 omar@example.com", Some("421")),
        ("message", "451 4.3.0 later", Some("451 4.3.0")),
        ("message", "554 5.6.0 omar@example.com", Some("554 5.6.0")),
        (
            "message",
            server::DROP,
            Some("the connection failed at the message"),
        ),
        (
            "message",
            "omar@example.com",
            Some("the connection failed at the message"),
        ),
        (
            "RCPT",
            server::DROP,
            Some("the connection failed at RCPT TO"),
        ),
    ] {
        let sample = sample();
        let (_server, mailer) = smtp(&sample, Script::with(step, reply)).await;
        check_detail(&mailer.send(&mail()).await, expected);
    }
    let sample = sample();
    check_detail(&sample.home.outbox().send(&mail()).await, None);
}

#[tokio::test]
async fn an_ambiguous_mail_is_sent_again_when_the_stage_says_so() {
    let sample = sample();
    let (_lost, first) = smtp(&sample, Script::with("message", server::DROP)).await;
    let (server, second) = smtp(&sample, Script::default()).await;
    assert_eq!(outcome(&first, &mail()).await, "ambiguous");
    assert_eq!(outcome(&second, &second_attempt()).await, "accepted");
    let again = &server.received()[0].message;
    assert!(again.contains(ID), "under the same id: {again}");
    let expected = [("ambiguous".to_owned(), 1), ("accepted".to_owned(), 2)];
    assert_eq!(logged(&sample).await, expected);
}

#[tokio::test]
async fn nobody_listening_is_busy() {
    let sample = sample();
    let bound = tokio::net::TcpSocket::new_v4().unwrap();
    bound.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let url = format!("smtp://{}", bound.local_addr().unwrap());
    let mailer = sample.home.smtp(SmtpUrl::parse(&url).unwrap());
    assert_eq!(outcome(&mailer, &mail()).await, "busy");
}

#[tokio::test]
async fn nothing_is_sent_without_tls_where_tls_is_required() {
    let sample = sample();
    let server = Server::start(Script::default()).await;
    let url = SmtpUrl {
        tls: super::url::Tls::Required,
        ..server.url("")
    };
    let (outcome, text) = send(&sample.home.smtp(url), &mail()).await;
    assert_eq!(outcome, "busy");
    assert!(text.contains("STARTTLS"), "{text}");
    assert!(server.received().is_empty());
}

#[tokio::test]
async fn a_login_is_made_where_the_url_has_one() {
    let sample = sample();
    for (answer, expected) in [
        ("235 welcome", "accepted"),
        ("535 wrong password", "refused"),
    ] {
        let server = Server::start(Script::with("AUTH", answer)).await;
        let mailer = sample.home.smtp(server.url("user:p%20w@"));
        let mail = mail_about(format!("{EVENT}-{expected}"));
        assert_eq!(outcome(&mailer, &mail).await, expected);
        // AUTH PLAIN: \0user\0p w
        assert_eq!(server.logins(), ["AHVzZXIAcCB3"]);
    }
}

#[tokio::test]
async fn a_probe_goes_as_far_as_the_login_and_says_where_it_failed() {
    let cases = [
        (Script::default(), None),
        (
            Script::with("greeting", "554 go away"),
            Some("the mail server answered 554 to the greeting"),
        ),
        (
            Script::with("AUTH", "535 wrong password of user@example.com"),
            Some("the mail server answered 535 to the login"),
        ),
    ];
    for (script, expected) in cases {
        let server = Server::start(script).await;
        let failure = probe_smtp(&server.url("user:pw@").into()).await.err();
        let failure = failure.map(|error| chain(&error));
        let expected = expected.map(|text| format!("could not use the mail server: {text}"));
        assert_eq!(failure, expected);
        assert!(server.received().is_empty());
    }
}

#[tokio::test]
async fn a_mail_that_is_being_sent_is_not_sent_beside_itself() {
    let sample = sample();
    let (server, mailer) = smtp(&sample, Script::with("message", server::HOLD)).await;
    let first = tokio::spawn({
        let mailer = mailer.clone();
        async move { outcome(&mailer, &mail()).await }
    });
    server.is_held().await;
    let beside = send(&mailer, &second_attempt()).await;
    assert_eq!(beside, ("unsent", "in_hand".to_owned()));
    server.let_go();
    assert_eq!(first.await.unwrap(), "accepted");
    assert_eq!(outcome(&mailer, &second_attempt()).await, "accepted");
    assert_eq!(server.received().len(), 1);
}

#[tokio::test]
async fn the_mails_of_one_event_to_two_receivers_go_side_by_side() {
    let sample = sample();
    let (server, mailer) = smtp(&sample, Script::with("message", server::HOLD)).await;
    let mails = ["omar@example.com", "olga@example.com"].map(mail_to);
    let sending = mails.map(|mail| {
        let mailer = mailer.clone();
        tokio::spawn(async move { send(&mailer, &mail).await })
    });
    // Each waits for its answer while the other one does.
    for _ in &sending {
        server.is_held().await;
    }
    for _ in &sending {
        server.let_go();
    }
    let mut ids = BTreeSet::new();
    for one in sending {
        let (outcome, id) = one.await.unwrap();
        assert_eq!(outcome, "accepted");
        ids.insert(id);
    }
    assert_eq!((server.received().len(), ids.len()), (2, 2));
}

#[tokio::test]
async fn a_mail_is_put_into_the_outbox_exactly_once() {
    let sample = sample();
    let folder = sample.home.folder().outbox();
    let put = async |mail| {
        let sent = send(&sample.home.outbox(), &mail).await;
        assert_eq!(sent, ("accepted", ID.to_owned()));
        fs::read_to_string(folder.join(FILE)).unwrap()
    };
    let first = put(mail()).await;
    assert!(first.starts_with("Message-ID: "), "{first}");
    assert!(first.contains("\r\n\r\n"), "{first}");
    sample.clock.advance(60);
    assert_eq!(put(second_attempt()).await, first);
    assert_eq!(count(&folder), 1, "nothing temporary is left");
}

#[tokio::test]
async fn each_receivers_mail_is_a_file_of_its_own() {
    let sample = sample();
    let outbox = sample.home.outbox();
    for address in ["omar@example.com", "olga@example.com", "OMAR@Example.com"] {
        assert_eq!(outcome(&outbox, &mail_to(address)).await, "accepted");
    }
    let folder = sample.home.folder().outbox();
    assert_eq!(count(&folder), 2, "an address is one in whatever case");
    let text = fs::read_to_string(folder.join(FILE)).unwrap();
    assert!(text.contains("\r\nTo: omar@example.com\r\n"), "{text}");
    assert!(!text.contains("olga"), "{text}");
}

#[tokio::test]
async fn what_is_taken_out_of_the_outbox_is_not_put_there_again_even_by_the_next_process() {
    let sample = sample();
    let put = async |sample: &Sample, mail| send(&sample.home.outbox(), &mail).await;
    let accepted = ("accepted", ID.to_owned());
    assert_eq!(put(&sample, mail()).await, accepted);
    fs::remove_file(sample.home.folder().outbox().join(FILE)).unwrap();
    assert_eq!(put(&sample, second_attempt()).await, accepted);
    let next = sample.reopened();
    assert_eq!(put(&next, second_attempt()).await, accepted);
    assert_eq!(count(&next.home.folder().outbox()), 0);
}

#[tokio::test]
async fn a_file_that_was_written_and_not_logged_is_found_and_left_as_it_is() {
    let sample = sample();
    let folder = sample.home.folder().outbox();
    fs::write(folder.join(FILE), "written").unwrap();
    let sent = send(&sample.home.outbox(), &second_attempt()).await;
    assert_eq!(sent, ("accepted", ID.to_owned()));
    assert_eq!(fs::read_to_string(folder.join(FILE)).unwrap(), "written");
    assert_eq!(logged(&sample).await, [("accepted".to_owned(), 2)]);
}

#[tokio::test]
async fn an_outbox_that_cannot_be_written_is_busy_and_leaves_nothing() {
    let sample = sample();
    let (outbox, folder) = (sample.home.outbox(), sample.home.folder().outbox());
    fs::remove_dir(&folder).unwrap();
    assert_eq!(outcome(&outbox, &mail()).await, "busy");
    assert_eq!(outcome(&outbox, &canary_mail()).await, "busy");
    fs::create_dir(&folder).unwrap();
    assert_eq!(outcome(&outbox, &mail()).await, "accepted");
}

#[tokio::test]
async fn a_tag_that_is_no_file_name_is_refused() {
    let sample = sample();
    let outbox = sample.home.outbox();
    for event in ["", "../x", "a/b", "a\r\nBcc: x", ".hidden"] {
        let outcome = outcome(&outbox, &mail_about(event)).await;
        assert_eq!(outcome, "refused", "{event:?}");
    }
}

#[test]
fn of_many_who_create_a_file_at_once_exactly_one_does() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.eml");
    let created: Vec<bool> = std::thread::scope(|scope| {
        let create = |number: usize| create_whole(&path, number.to_string().as_bytes()).unwrap();
        let writers = (0..16).map(|number| scope.spawn(move || create(number)));
        let writers: Vec<_> = writers.collect();
        writers.into_iter().map(|w| w.join().unwrap()).collect()
    });
    assert_eq!(created.iter().filter(|is_new| **is_new).count(), 1);
    assert_eq!(count(folder.path()), 1);
}

#[tokio::test]
async fn a_canarys_mail_proves_the_way_out_and_reaches_nobody() {
    let sample = sample();
    let (server, mailer) = smtp(&sample, Script::default()).await;
    for mailer in [mailer, sample.home.outbox()] {
        let accepted = send(&mailer, &canary_mail()).await;
        assert_eq!(accepted.0, "accepted", "{accepted:?}");
    }
    assert_eq!((server.connections(), server.received().len()), (1, 0));
    assert_eq!(count(&sample.home.folder().outbox()), 0);
    assert!(logged(&sample).await.is_empty());
}

#[tokio::test]
async fn a_way_out_that_is_closed_fails_the_canary_as_it_would_fail_a_lead() {
    let sample = sample();
    for (step, reply, expected) in [
        ("greeting", "421 later", "busy"),
        ("NOOP", "421 later", "busy"),
        ("NOOP", "554 never", "refused"),
        ("NOOP", server::DROP, "busy"),
    ] {
        let (_server, mailer) = smtp(&sample, Script::with(step, reply)).await;
        assert_eq!(outcome(&mailer, &canary_mail()).await, expected);
    }
}
