//! Whatever goes wrong with a call: what the port says of it, and how many requests that took.

use super::server::{Server, Step};
use super::{ATTEMPT, SILENT_ATTEMPT, clients_at};
use crate::{Buckets, Clients, S3Store, SecretsManagerStore, SesMailer, SqsDelayQueue};
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
    Remains,
    /// What a deletion hides.
    Hidden,
    Erase,
    Send,
    Visibility,
    Secret,
    Mail,
    Webhook,
}

const OF_S3: [Call; 8] = [
    Call::Get,
    Call::Create,
    Call::Replace,
    Call::Put,
    Call::List,
    Call::Remains,
    Call::Hidden,
    Call::Erase,
];
const OF_SQS: [Call; 2] = [Call::Send, Call::Visibility];

/// What became of a call, in a word.
fn told<T>(result: Result<T, PortError>, word: impl FnOnce(T) -> &'static str) -> &'static str {
    match result {
        Ok(value) => word(value),
        Err(error) if error.kind == PortErrorKind::Transient => "transient",
        Err(_) => "permanent",
    }
}

fn fetched(fetched: &Fetched) -> &'static str {
    match fetched {
        Fetched::Found(_) => "ok",
        Fetched::Missing => "missing",
        Fetched::Denied => "denied",
        Fetched::TooLarge => "too large",
    }
}

async fn of_s3(call: Call, store: &S3Store) -> &'static str {
    let (bucket, key, etag) = (Bucket::Enriched, "x.json", ETag("e0".into()));
    let object = || NewObject::of(b"{}".to_vec());
    match call {
        Call::Get => told(store.get(bucket, key, 9).await, |found| fetched(&found)),
        Call::Hidden => told(store.get_remains(bucket, key, 9).await, |found| {
            fetched(&found)
        }),
        Call::Remains => told(store.remains(bucket, key).await, |_keys| "ok"),
        Call::Erase => told(store.erase(bucket, key).await, |_versions| "ok"),
        Call::Create => told(
            store.create(bucket, key, object()).await,
            |created| match created {
                Created::New(_) => "ok",
                Created::Exists => "exists",
            },
        ),
        Call::Replace => {
            let replaced = store.replace(bucket, key, &etag, object()).await;
            told(replaced, |replaced| match replaced {
                Replaced::New(_) => "ok",
                Replaced::Changed => "changed",
            })
        }
        Call::Put => told(store.put(bucket, key, object()).await, |()| "ok"),
        Call::List | Call::Send | Call::Visibility | Call::Secret | Call::Mail | Call::Webhook => {
            told(store.list(bucket, "", None).await, |_page| "ok")
        }
    }
}

pub(super) async fn work(call: Call, clients: &Clients, url: &str) -> &'static str {
    let queue = SqsDelayQueue::new(clients.sqs(), format!("{url}/000000000000/delay"));
    match call {
        Call::Send => {
            let message = OutgoingMessage {
                body: "{}".into(),
                delay_seconds: 600,
                trace: TraceContext::default(),
            };
            told(queue.send(message).await, |()| "ok")
        }
        Call::Visibility => told(queue.set_visibility("handle", 15).await, |()| "ok"),
        Call::Secret => {
            let store = SecretsManagerStore::new(clients.secrets(), "arn:x");
            told(store.fetch().await, |document| match document {
                Some(_) => "ok",
                None => "none",
            })
        }
        Call::Mail => {
            let mailer = SesMailer::new(clients.ses(), None);
            match mailer.send(&super::mail::mail()).await {
                MailOutcome::Accepted(_) => "ok",
                MailOutcome::Busy(_) => "busy",
                MailOutcome::Refused(_) => "refused",
                MailOutcome::Ambiguous(_) => "ambiguous",
            }
        }
        Call::Webhook => {
            let posted = clients.webhooks(url).post(Vec::new(), Vec::new()).await;
            told(posted, |_reply| "ok")
        }
        Call::Get
        | Call::Create
        | Call::Replace
        | Call::Put
        | Call::List
        | Call::Remains
        | Call::Hidden
        | Call::Erase => {
            let buckets = Buckets {
                enriched: Some("enriched-bucket".into()),
                ..Buckets::default()
            };
            of_s3(call, &S3Store::new(clients.s3(), buckets)).await
        }
    }
}

/// Success, as the service of a call words it.
pub(super) fn success(call: Call) -> Step {
    match call {
        Call::Remains => Step::ok(&[], "<ListVersionsResult></ListVersionsResult>"),
        Call::Erase => Step::Answer(204, Vec::new(), String::new()),
        Call::List => Step::ok(&[], "<ListBucketResult></ListBucketResult>"),
        Call::Secret => Step::ok(&[], r#"{"SecretString":"{}"}"#),
        Call::Send | Call::Visibility | Call::Mail | Call::Webhook => {
            Step::ok(&[], r#"{"MessageId":"1"}"#)
        }
        Call::Get | Call::Hidden | Call::Create | Call::Replace | Call::Put => {
            Step::ok(&[DATE, "etag: \"e1\""], "{}")
        }
    }
}

/// An error, as the service of a call words it.
pub(super) fn error(call: Call, status: u16, code: &str) -> Step {
    if OF_S3.contains(&call) {
        Step::xml(status, code)
    } else {
        Step::json(status, code)
    }
}

/// A call, what the service does, what the port says of it, and after how many requests.
pub(super) type Row = (Call, Vec<Step>, &'static str, usize);

pub(super) async fn check(rows: Vec<Row>) {
    let checks = rows
        .into_iter()
        .map(|(call, script, expected, requests)| async move {
            let server = Server::start(script.clone()).await;
            let is_silent = script
                .iter()
                .any(|step| matches!(step, Step::Silence | Step::Stalled(..)));
            let attempt = if is_silent { SILENT_ATTEMPT } else { ATTEMPT };
            let clients = clients_at(&server.url(), attempt).await;
            let found = (
                work(call, &clients, &server.url()).await,
                server.requests().len(),
            );
            let is_met = found == (expected, requests);
            (!is_met)
                .then(|| format!("{call:?} {script:?}: {found:?}, not {expected} in {requests}"))
        });
    let checks = stream::iter(checks).buffer_unordered(AT_ONCE);
    let breaches: Vec<String> = checks.filter_map(std::future::ready).collect().await;
    assert!(breaches.is_empty(), "{}", breaches.join("\n"));
}

#[tokio::test]
async fn a_service_that_is_slow_down_or_hung_is_asked_three_times_and_then_transient() {
    let mut rows = Vec::new();
    let single = OF_S3
        .into_iter()
        .filter(|call| !matches!(call, Call::Hidden | Call::Erase));
    for call in single.chain(OF_SQS).chain([Call::Secret]) {
        let throttled = if OF_S3.contains(&call) {
            error(call, 503, "SlowDown")
        } else {
            error(call, 400, "ThrottlingException")
        };
        for step in [
            throttled,
            error(call, 500, "InternalError"),
            error(call, 503, "ServiceUnavailable"),
            Step::Reset,
        ] {
            rows.push((call, vec![step.clone()], "transient", 3));
            rows.push((call, vec![step, success(call)], "ok", 2));
        }
    }
    check(rows).await;
    // Apart from the others, whose work would be taken for silence too.
    let silent = [Call::Get, Call::Put, Call::List, Call::Send, Call::Secret];
    check(
        silent
            .map(|call| (call, vec![Step::Silence], "transient", 3))
            .into(),
    )
    .await;
}

#[tokio::test]
async fn a_conditional_write_that_took_effect_without_a_reply_meets_itself() {
    let met = |call, first| {
        let word = if call == Call::Create {
            "exists"
        } else {
            "changed"
        };
        (
            call,
            vec![first, Step::xml(412, "PreconditionFailed")],
            word,
            2,
        )
    };
    let mut rows = Vec::new();
    for call in [Call::Create, Call::Replace] {
        for lost in [Step::Reset, Step::Silence, Step::xml(500, "InternalError")] {
            rows.push(met(call, lost));
        }
        // Two at once: AWS asks for another try, and whoever is still in the way then has won.
        let conflict = || Step::xml(409, "ConditionalRequestConflict");
        rows.push(met(call, conflict()));
        rows.push((call, vec![conflict(), success(call)], "ok", 2));
        let word = if call == Call::Create {
            "exists"
        } else {
            "changed"
        };
        rows.push((call, vec![conflict()], word, 3));
    }
    let gone = vec![Step::xml(404, "NoSuchKey")];
    rows.push((Call::Replace, gone, "changed", 1));
    check(rows).await;
}

#[tokio::test]
async fn a_message_whose_reply_was_lost_is_sent_twice_rather_than_never() {
    let lost = [Step::Reset, Step::Silence];
    let rows = lost.map(|step| (Call::Send, vec![step, success(Call::Send)], "ok", 2));
    check(rows.into()).await;
}

#[tokio::test]
async fn a_key_that_may_not_be_used_is_permanent_and_a_busy_one_is_not() {
    let once = |call, status, code, word| (call, vec![error(call, status, code)], word, 1);
    let mut rows = vec![
        once(Call::Get, 403, "AccessDenied", "denied"),
        once(Call::Get, 400, "KMS.DisabledException", "permanent"),
        once(Call::Send, 400, "KmsAccessDenied", "permanent"),
        once(Call::Send, 400, "KmsDisabled", "permanent"),
        once(Call::Send, 400, "KmsThrottled", "transient"),
        once(Call::Secret, 400, "DecryptionFailure", "permanent"),
        once(Call::Secret, 400, "AccessDeniedException", "permanent"),
    ];
    for call in [Call::Create, Call::Replace, Call::Put] {
        rows.push(once(call, 403, "AccessDenied", "permanent"));
        rows.push(once(call, 400, "KMS.DisabledException", "permanent"));
        rows.push(once(call, 400, "KMS.ThrottlingException", "transient"));
    }
    check(rows).await;
}

#[tokio::test]
async fn an_answer_that_breaks_off_or_stalls_is_transient() {
    let announced = [DATE, "etag: \"e1\"", "content-length: 9"];
    let headers = announced.map(str::to_owned).to_vec();
    let breaks = Step::Broken(headers.clone(), "{}".into());
    // The body's own limit ends it, after three seconds.
    let stalls = Step::Stalled(headers, "{}".into());
    check(vec![
        (Call::Get, vec![breaks], "transient", 1),
        (Call::Get, vec![stalls], "transient", 1),
    ])
    .await;
}

#[tokio::test]
async fn a_pooled_connection_that_died_costs_a_retry_and_with_a_mail_a_doubt() {
    for (call, word, requests) in [(Call::Put, "ok", 3), (Call::Mail, "ambiguous", 2)] {
        let script = [success(call), Step::Reset, success(call)];
        let server = Server::start(script).await;
        let clients = clients_at(&server.url(), ATTEMPT).await;
        assert_eq!(work(call, &clients, &server.url()).await, "ok");
        assert_eq!(work(call, &clients, &server.url()).await, word);
        assert_eq!(server.requests().len(), requests, "{call:?}");
    }
}
