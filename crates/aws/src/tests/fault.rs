//! Whatever goes wrong with a call: what the port says of it, and how many requests that took.

use super::server::{Server, Step};
use super::{ATTEMPT, SILENT_ATTEMPT, clients_at};
use crate::{Buckets, Clients, S3Store, SecretsManagerStore, SesMailer, SqsDelayQueue};
use Call::{
    Create, Erase, EraseHidden, Get, Hidden, List, ListVersions, Mail, Put, Replace, Secret, Send,
    Visibility, Webhook,
};
use futures_util::StreamExt as _;
use futures_util::stream;
use leadwire_pipeline::port::{
    Bucket, Created, DelayQueue as _, ETag, Eraser as _, Fetched, MailOutcome, Mailer as _,
    NewObject, ObjectStore as _, OutgoingMessage, PortError, PortErrorKind, Replaced,
    SecretStore as _, WebhookSender as _,
};
use leadwire_pipeline::trace::TraceContext;

/// Calls at once: more would keep each other waiting, and be late for it.
const AT_ONCE: usize = 16;
pub(super) const DATE: &str = "last-modified: Mon, 23 Nov 2026 06:50:00 GMT";

/// A call on a port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Call {
    Get,
    Create,
    Replace,
    Put,
    List,
    /// What is left under a prefix.
    ListVersions,
    /// What a deletion hides.
    Hidden,
    Erase,
    /// The deletion of what an object hides.
    EraseHidden,
    Send,
    Visibility,
    Secret,
    Mail,
    Webhook,
}

pub(super) const CALLS: [Call; 14] = [
    Get,
    Create,
    Replace,
    Put,
    List,
    ListVersions,
    Hidden,
    Erase,
    EraseHidden,
    Send,
    Visibility,
    Secret,
    Mail,
    Webhook,
];

/// What became of a call, in a word.
fn word<T>(result: Result<T, PortError>, word: impl FnOnce(T) -> &'static str) -> &'static str {
    match result {
        Ok(value) => word(value),
        Err(error) if error.kind == PortErrorKind::Transient => "transient",
        Err(_) => "permanent",
    }
}

fn fetched(fetched: Result<Fetched, PortError>) -> &'static str {
    word(fetched, |fetched| match fetched {
        Fetched::Found(_) => "ok",
        Fetched::Missing => "missing",
        Fetched::Denied => "denied",
        Fetched::TooLarge => "too large",
    })
}

pub(super) async fn work(call: Call, clients: &Clients, url: &str) -> &'static str {
    let buckets = Buckets {
        enriched: Some("enriched-bucket".into()),
        owner: Some("123456789012".into()),
        ..Buckets::default()
    };
    let store = S3Store::new(clients.s3(), buckets);
    let (bucket, key, etag) = (Bucket::Enriched, "x.json", ETag("e0".into()));
    let object = NewObject::of(b"{}".to_vec());
    let queue = SqsDelayQueue::new(clients.sqs(), format!("{url}/000000000000/delay"));
    match call {
        Get => fetched(store.get(bucket, key, 9).await),
        Hidden => fetched(store.get_any_version(bucket, key, 9).await),
        ListVersions => word(store.list_versions(bucket, key).await, |_keys| "ok"),
        Erase => word(store.erase(bucket, key).await, |_versions| "ok"),
        EraseHidden => word(store.erase_hidden(bucket, key).await, |_versions| "ok"),
        Create => {
            let created = store.create(bucket, key, object).await;
            word(created, |created| match created {
                Created::New(_) => "ok",
                Created::Exists => "exists",
            })
        }
        Replace => {
            let replaced = store.replace(bucket, key, &etag, object).await;
            word(replaced, |replaced| match replaced {
                Replaced::New(_) => "ok",
                Replaced::Changed => "changed",
            })
        }
        Put => word(store.put(bucket, key, object).await, |()| "ok"),
        List => word(store.list(bucket, "", None).await, |_page| "ok"),
        Send => {
            let message = OutgoingMessage {
                body: "{}".into(),
                delay_seconds: 600,
                trace: TraceContext::default(),
            };
            word(queue.send(message).await, |()| "ok")
        }
        Visibility => word(queue.set_visibility("handle", 15).await, |()| "ok"),
        Secret => {
            let store = SecretsManagerStore::new(clients.secrets(), "arn:x");
            let document = store.fetch().await;
            word(document, |document| document.map_or("none", |_text| "ok"))
        }
        Mail => name(&mail(clients).await),
        Webhook => {
            let posted = clients.webhooks(url).post(Vec::new(), Vec::new()).await;
            word(posted, |_reply| "ok")
        }
    }
}

/// Sends a mail.
pub(super) async fn mail(clients: &Clients) -> MailOutcome {
    let mailer = SesMailer::new(clients.ses(), None);
    mailer.send(&super::mail::mail()).await
}

fn name(outcome: &MailOutcome) -> &'static str {
    match outcome {
        MailOutcome::Accepted(_) => "ok",
        MailOutcome::Throttled(_) => "throttled",
        MailOutcome::Busy(_) => "busy",
        MailOutcome::Unsent(_) => "unsent",
        MailOutcome::Refused(_) => "refused",
        MailOutcome::Ambiguous(_) => "ambiguous",
    }
}

impl Call {
    pub(super) fn is_of_s3(self) -> bool {
        !matches!(self, Send | Visibility | Secret | Mail | Webhook)
    }

    /// Success, as its service words it.
    pub(super) fn success(self) -> Step {
        match self {
            ListVersions => Step::ok(&[], "<ListVersionsResult></ListVersionsResult>"),
            Erase | EraseHidden => Step::Answer(204, Vec::new(), String::new()),
            List => Step::ok(&[], "<ListBucketResult></ListBucketResult>"),
            Secret => Step::ok(&[], r#"{"SecretString":"{}"}"#),
            Send | Visibility | Mail | Webhook => Step::ok(&[], r#"{"MessageId":"1"}"#),
            Get | Hidden | Create | Replace | Put => Step::ok(&[DATE, "etag: \"e1\""], "{}"),
        }
    }

    /// An error, as its service words it.
    pub(super) fn error(self, status: u16, code: &str) -> Step {
        if self.is_of_s3() {
            Step::xml(status, code)
        } else {
            Step::json(status, code)
        }
    }
}

/// A call, what the service does, what the port says of it, and after how many requests.
pub(super) type Row = (Call, Vec<Step>, &'static str, usize);

pub(super) async fn check(rows: impl IntoIterator<Item = Row>) {
    let checks = rows
        .into_iter()
        .map(|(call, script, expected, requests)| async move {
            let server = Server::start(script.clone()).await;
            let is_silent = script.iter().any(|step| matches!(step, Step::Stall(_)));
            let attempt = if is_silent { SILENT_ATTEMPT } else { ATTEMPT };
            let clients = clients_at(&server.url(), attempt).await;
            let word = work(call, &clients, &server.url()).await;
            let found = (word, server.requests().len());
            (found != (expected, requests))
                .then(|| format!("{call:?} {script:?}: {found:?}, not {expected} in {requests}"))
        });
    let checks = stream::iter(checks).buffer_unordered(AT_ONCE);
    let breaches: Vec<String> = checks.filter_map(std::future::ready).collect().await;
    assert!(breaches.is_empty(), "{}", breaches.join("\n"));
}

#[tokio::test]
async fn a_conditional_write_that_took_effect_without_a_reply_meets_itself() {
    let mut rows = Vec::new();
    for (call, met) in [(Create, "exists"), (Replace, "changed")] {
        let is_there = || Step::xml(412, "PreconditionFailed");
        rows.push((call, vec![is_there()], met, 1));
        for lost in [Step::RESET, Step::SILENCE, Step::xml(500, "InternalError")] {
            rows.push((call, vec![lost, is_there()], met, 2));
        }
        // Two at once: AWS asks for another try, and whoever is still in the way then has won.
        let conflict = || Step::xml(409, "ConditionalRequestConflict");
        rows.push((call, vec![conflict(), is_there()], met, 2));
        rows.push((call, vec![conflict(), call.success()], "ok", 2));
        rows.push((call, vec![conflict()], met, 3));
    }
    rows.push((Replace, vec![Step::xml(404, "NoSuchKey")], "changed", 1));
    check(rows).await;
}

#[tokio::test]
async fn a_message_whose_reply_was_lost_is_sent_twice_rather_than_never() {
    let lost = [Step::RESET, Step::SILENCE];
    check(lost.map(|step| (Send, vec![step, Send.success()], "ok", 2))).await;
}

/// Of each row: it is asked for once, whatever would be answered to a second request.
async fn check_once(rows: &[(Call, u16, &str, &'static str)]) {
    let once = rows.iter().map(|&(call, status, code, word)| {
        (
            call,
            vec![call.error(status, code), call.success()],
            word,
            1,
        )
    });
    check(once).await;
}

#[tokio::test]
async fn a_key_that_may_not_be_used_is_permanent_and_a_busy_one_is_not() {
    check_once(&[
        (Get, 400, "KMS.DisabledException", "permanent"),
        (Send, 400, "KmsAccessDenied", "permanent"),
        (Send, 400, "KmsDisabled", "permanent"),
        (Send, 400, "KmsThrottled", "transient"),
        (Secret, 400, "DecryptionFailure", "permanent"),
    ])
    .await;
    for call in [Create, Replace, Put] {
        check_once(&[
            (call, 400, "KMS.DisabledException", "permanent"),
            (call, 400, "KMS.ThrottlingException", "transient"),
        ])
        .await;
    }
}

#[tokio::test]
async fn each_refusal_of_a_service_has_its_meaning_and_is_asked_for_once() {
    check_once(&[
        (Create, 404, "NoSuchBucket", "permanent"),
        (Create, 400, "InvalidRequest", "permanent"),
        (Get, 403, "SignatureDoesNotMatch", "permanent"),
        (Get, 404, "NoSuchBucket", "permanent"),
        (Get, 404, "NoSuchKey", "missing"),
        (Send, 400, "QueueDoesNotExist", "permanent"),
        (Secret, 400, "AccessDeniedException", "permanent"),
        (Secret, 400, "ResourceNotFoundException", "permanent"),
        (Mail, 400, "TooManyRequestsException", "throttled"),
        (Mail, 429, "TooManyRequestsException", "throttled"),
        (Mail, 400, "LimitExceededException", "busy"),
        (Mail, 400, "SendingPausedException", "busy"),
        (Mail, 400, "AccountSuspendedException", "busy"),
        (Mail, 400, "Throttling", "throttled"),
        (Mail, 403, "ExpiredTokenException", "busy"),
        (Mail, 400, "MessageRejected", "refused"),
        (Mail, 400, "MailFromDomainNotVerifiedException", "refused"),
        (Mail, 400, "BadRequestException", "refused"),
        (Mail, 404, "NotFoundException", "refused"),
    ])
    .await;
    let binary = Step::ok(&[], r#"{"SecretBinary":"AAAA"}"#);
    let nonsense = Step::ok(&[], "not json");
    check([
        (Secret, vec![binary], "permanent", 1),
        (Mail, vec![nonsense], "ambiguous", 1),
    ])
    .await;
}

#[tokio::test]
async fn a_pooled_connection_that_died_costs_a_retry_and_with_a_mail_a_doubt() {
    for (call, word, requests) in [(Put, "ok", 3), (Mail, "ambiguous", 2)] {
        let script = [call.success(), Step::RESET, call.success()];
        let server = Server::start(script).await;
        let clients = clients_at(&server.url(), ATTEMPT).await;
        assert_eq!(work(call, &clients, &server.url()).await, "ok");
        assert_eq!(work(call, &clients, &server.url()).await, word);
        assert_eq!(server.requests().len(), requests, "{call:?}");
    }
}
