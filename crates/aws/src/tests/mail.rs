use super::server::{Server, Step};
use super::{ATTEMPT, clients, clients_at, clients_in_time, fault, nobody_listens};
use crate::SesMailer;
use crate::clients::{ATTEMPT_TIMEOUT, MAIL_TIMEOUT};
use leadwire_domain::effect::EffectId;
use leadwire_domain::notice::{EmailAddress, EmailText};
use leadwire_domain::sender::Sender;
use leadwire_pipeline::port::{Mail, MailOutcome, Mailer as _};
use std::time::Duration;

pub(super) fn mail() -> Mail {
    let to = EmailAddress::parse("omar@example.com").unwrap();
    Mail {
        event: "crm_event_test-1".into(),
        attempt: 2,
        environment: "dev".into(),
        from: Sender::parse("crm@example.com").unwrap(),
        reply_to: None,
        effect: EffectId::of_mail("team", &to),
        to,
        is_canary: false,
        text: EmailText {
            subject: "New lead: Zoë".into(),
            text: "text".into(),
            html: "<p>html</p>".into(),
        },
    }
}

#[tokio::test]
async fn a_service_that_cannot_be_reached_is_busy_since_nothing_was_sent() {
    let (_bound, refusing) = nobody_listens();
    // The handshake never gets an answer, and the connection's own time limit ends it.
    let server = Server::start([Step::SILENCE]).await;
    for url in [
        refusing,
        "http://no-such-host.invalid".to_owned(),
        server.url().replace("http:", "https:"),
    ] {
        let outcome = fault::mail(&clients_at(&url, ATTEMPT).await).await;
        assert!(
            matches!(outcome, MailOutcome::Busy(_)),
            "{url}: {outcome:?}"
        );
    }
    assert!(server.requests().is_empty());
}

#[tokio::test]
async fn a_reply_of_ses_that_is_merely_late_is_a_reply() {
    // Later than any other service may be.
    let late = Step::Late(
        ATTEMPT_TIMEOUT + Duration::from_millis(500),
        Box::new(Step::ok(&[], r#"{"MessageId":"m-1"}"#)),
    );
    let server = Server::start([late]).await;
    let clients = clients_in_time(&server.url(), [ATTEMPT_TIMEOUT, MAIL_TIMEOUT]).await;
    let outcome = fault::mail(&clients).await;
    assert!(
        matches!(&outcome, MailOutcome::Accepted(id) if id == "m-1"),
        "{outcome:?}"
    );
}

#[tokio::test]
async fn a_mail_is_simple_content_in_utf_8_with_its_tags() {
    let server = Server::start([Step::ok(&[], r#"{"MessageId":"m-1"}"#)]).await;
    let mailer = SesMailer::new(clients(&server).await.ses(), Some("leadwire".into()));
    let outcome = mailer.send(&mail()).await;
    assert!(
        matches!(&outcome, MailOutcome::Accepted(id) if id == "m-1"),
        "{outcome:?}"
    );
    let request = server.check_request(&[
        r#""FromEmailAddress":"crm@example.com""#,
        r#""ToAddresses":["omar@example.com"]"#,
        r#""Subject":{"Data":"New lead: Zoë","Charset":"UTF-8"}"#,
        r#""Html":{"Data":"<p>html</p>","Charset":"UTF-8"}"#,
        r#"{"Name":"Auto-Submitted","Value":"auto-generated"}"#,
        r#"{"Name":"X-Auto-Response-Suppress","Value":"OOF, AutoReply"}"#,
        r#"{"Name":"X-Leadwire-Event","Value":"crm_event_test-1"}"#,
        r#"{"Name":"event","Value":"crm_event_test-1"}"#,
        r#"{"Name":"attempt","Value":"2"}"#,
        r#"{"Name":"environment","Value":"dev"}"#,
        r#""ConfigurationSetName":"leadwire""#,
    ]);
    assert!(request.starts_with("post /v2/email/outbound-emails http/1.1"));
}

#[tokio::test]
async fn a_sender_has_its_name_a_reply_goes_to_the_lead_and_a_look_alike_of_an_encoded_word_is_encoded()
 {
    let server = Server::start([Step::ok(&[], r#"{"MessageId":"m-1"}"#)]).await;
    let mailer = SesMailer::new(clients(&server).await.ses(), None);
    let text = EmailText {
        subject: "New lead: =?utf-8?Q?a=00?= → Omar".into(),
        ..mail().text
    };
    let named = Mail {
        from: Sender::parse("Leads, Zoë <crm@example.com>").unwrap(),
        reply_to: EmailAddress::parse("alice@example.com").ok(),
        text,
        ..mail()
    };
    let outcome = mailer.send(&named).await;
    assert!(matches!(&outcome, MailOutcome::Accepted(_)), "{outcome:?}");
    let request = server.check_request(&[
        r#""FromEmailAddress":"=?utf-8?B?TGVhZHMsIFpvw6s=?= <crm@example.com>""#,
        r#""ReplyToAddresses":["alice@example.com"]"#,
        // "New lead: =?utf-8?Q?a=00?= → Omar"
        r#""Subject":{"Data":"=?utf-8?B?TmV3IGxlYWQ6ID0/dXRmLTg/UT9hPTAwPz0g4oaSIE9tYXI=?=","Charset":"UTF-8"}"#,
    ]);
    assert!(!request.contains("?Q?a"), "{request}");
}

#[tokio::test]
async fn each_receiver_is_a_request_of_its_own_and_one_that_is_refused_keeps_no_other() {
    let taken = Step::ok(&[], r#"{"MessageId":"m-1"}"#);
    let server = Server::start([Step::json(400, "MessageRejected"), taken]).await;
    let mailer = SesMailer::new(clients(&server).await.ses(), None);
    let to = EmailAddress::parse("olga@example.com").unwrap();
    let second = Mail {
        effect: EffectId::of_mail("team", &to),
        to,
        ..mail()
    };
    let outcomes = (mailer.send(&mail()).await, mailer.send(&second).await);
    assert!(
        matches!(&outcomes, (MailOutcome::Refused(_), MailOutcome::Accepted(id)) if id == "m-1"),
        "{outcomes:?}"
    );
    let requests = server.requests();
    assert_eq!(requests.len(), 2);
    for (request, receiver) in requests.iter().zip(["omar", "olga"]) {
        let destination = format!(r#""Destination":{{"ToAddresses":["{receiver}@example.com"]}}"#);
        assert!(request.contains(&destination), "{request}");
    }
}

#[tokio::test]
async fn of_what_ses_answers_its_code_is_said_or_the_status_where_it_has_none() {
    for (step, expected) in [
        (Step::ok(&[], r#"{"MessageId":"m-1"}"#), None),
        (Step::json(400, "MessageRejected"), Some("MessageRejected")),
        (
            Step::json(429, "TooManyRequestsException"),
            Some("TooManyRequestsException"),
        ),
        (
            Step::json(500, "InternalServerErrorException"),
            Some("InternalServerErrorException"),
        ),
        (Step::Answer(503, Vec::new(), String::new()), Some("503")),
        (Step::RESET, None),
    ] {
        let server = Server::start([step]).await;
        let outcome = fault::mail(&clients(&server).await).await;
        assert_eq!(outcome.detail(), expected, "{outcome:?}");
    }
}

#[tokio::test]
async fn what_ses_says_of_addresses_never_reaches_an_error() {
    let server = Server::start([Step::json(400, "MessageRejected")]).await;
    let shown = format!("{:?}", fault::mail(&clients(&server).await).await);
    assert!(shown.contains("MessageRejected"), "{shown}");
    assert!(!shown.contains("alice"), "{shown}");
}
