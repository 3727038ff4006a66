use super::server::{Server, Step};
use super::{ATTEMPT, SILENT_ATTEMPT, clients, clients_at};
use crate::SesMailer;
use leadwire_domain::notice::{EmailAddress, EmailText};
use leadwire_pipeline::port::{Mail, MailOutcome, Mailer as _};

pub(super) fn mail() -> Mail {
    Mail {
        event: "crm_event_test-1".into(),
        attempt: 2,
        environment: "dev".into(),
        from: EmailAddress::parse("crm@example.com").unwrap(),
        to: vec![EmailAddress::parse("omar@example.com").unwrap()],
        is_canary: false,
        text: EmailText {
            subject: "New lead: Zoë".into(),
            text: "text".into(),
            html: "<p>html</p>".into(),
        },
    }
}

fn name(outcome: &MailOutcome) -> &'static str {
    match outcome {
        MailOutcome::Accepted(_) => "accepted",
        MailOutcome::Busy(_) => "busy",
        MailOutcome::Refused(_) => "refused",
        MailOutcome::Ambiguous(_) => "ambiguous",
    }
}

/// Sends one mail and checks what became of it, and that exactly one request went out.
async fn check(step: Step, expected: &str) {
    let server = Server::start([
        step.clone(),
        Step::ok(&[], r#"{"MessageId":"a second request"}"#),
    ])
    .await;
    let attempt = if matches!(step, Step::Silence) {
        SILENT_ATTEMPT
    } else {
        ATTEMPT
    };
    let clients = clients_at(&server.url(), attempt).await;
    let outcome = SesMailer::new(clients.ses(), None).send(&mail()).await;
    assert_eq!(name(&outcome), expected, "{step:?}: {outcome:?}");
    assert_eq!(server.requests().len(), 1, "{step:?}");
}

#[tokio::test]
async fn whatever_happens_ses_is_asked_once() {
    for code in [
        "TooManyRequestsException",
        "LimitExceededException",
        "SendingPausedException",
        "AccountSuspendedException",
    ] {
        check(Step::json(400, code), "busy").await;
    }
    check(Step::json(429, "TooManyRequestsException"), "busy").await;
    check(Step::json(400, "ThrottlingException"), "busy").await;
    check(Step::json(403, "ExpiredTokenException"), "busy").await;
    for code in [
        "MessageRejected",
        "MailFromDomainNotVerifiedException",
        "BadRequestException",
    ] {
        check(Step::json(400, code), "refused").await;
    }
    check(Step::json(404, "NotFoundException"), "refused").await;
    check(Step::json(403, "AccessDeniedException"), "refused").await;
    for status in [500, 502, 503, 504] {
        check(Step::json(status, "InternalFailure"), "ambiguous").await;
    }
    check(Step::Reset, "ambiguous").await;
    check(Step::Silence, "ambiguous").await;
    check(Step::ok(&[], "not json"), "ambiguous").await;
}

/// Nothing but the attempt at a connection is made.
async fn check_unreachable(url: &str) {
    let clients = clients_at(url, ATTEMPT).await;
    let outcome = SesMailer::new(clients.ses(), None).send(&mail()).await;
    assert_eq!(name(&outcome), "busy", "{url}: {outcome:?}");
}

#[tokio::test]
async fn a_service_that_cannot_be_reached_is_busy_since_nothing_was_sent() {
    let bound = tokio::net::TcpSocket::new_v4().unwrap();
    bound.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let address = bound.local_addr().unwrap();
    check_unreachable(&format!("http://{address}")).await;
    check_unreachable("http://no-such-host.invalid").await;
    // The handshake never gets an answer, and the connection's own time limit ends it.
    let server = Server::start([Step::Silence]).await;
    check_unreachable(&server.url().replace("http:", "https:")).await;
    assert!(server.requests().is_empty());
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
    let [request] = server.requests().try_into().unwrap();
    assert!(
        request.starts_with("post /v2/email/outbound-emails http/1.1"),
        "{request}"
    );
    for part in [
        r#""FromEmailAddress":"crm@example.com""#,
        r#""ToAddresses":["omar@example.com"]"#,
        r#""Subject":{"Data":"New lead: Zoë","Charset":"UTF-8"}"#,
        r#""Html":{"Data":"<p>html</p>","Charset":"UTF-8"}"#,
        r#"{"Name":"event","Value":"crm_event_test-1"}"#,
        r#"{"Name":"attempt","Value":"2"}"#,
        r#"{"Name":"environment","Value":"dev"}"#,
        r#""ConfigurationSetName":"leadwire""#,
    ] {
        assert!(request.contains(part), "{part} is not in {request}");
    }
}

#[tokio::test]
async fn what_ses_says_of_addresses_never_reaches_an_error() {
    let server = Server::start([Step::json(400, "MessageRejected")]).await;
    let outcome = SesMailer::new(clients(&server).await.ses(), None)
        .send(&mail())
        .await;
    let shown = format!("{outcome:?}");
    assert!(
        shown.contains("MessageRejected") && !shown.contains("alice"),
        "{shown}"
    );
}
