//! What the functions call of AWS, in memory and answered at once: S3, SQS, SES and Secrets Manager as far as they ask.
//!
//! `LocalStack` and moto judge whether the system works; this is for tests and benchmarks that look at a function
//! itself, want many of it, and would only wait for an emulator.

mod message;
mod queue;
mod store;

pub use message::Sent;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::Result;
use bytes::Bytes;
use hyper::StatusCode;
use jiff::Timestamp;
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::clock;
use crate::http::{self, Answer, Request, Response, Server};
use crate::json::At;
use queue::Queue;
use store::Store;

/// Between two looks of a long poll.
const POLL_INTERVAL: Duration = Duration::from_millis(20);
/// The path of SES v2's `SendEmail`.
pub const SEND_EMAIL: &str = "/v2/email/outbound-emails";

/// A call that was answered.
#[derive(Clone, Debug)]
pub struct Call {
    /// What was asked for, such as `S3.PutObject`.
    pub what: &'static str,
    /// The path: `/<bucket>/<key>` for S3.
    pub path: String,
    /// When it was there in full.
    pub at: Timestamp,
}

/// A mail that was taken.
#[derive(Clone, Debug)]
pub struct Mailed {
    /// When.
    pub at: Timestamp,
    /// What SES was asked for.
    pub request: Value,
}

#[derive(Debug, Default)]
struct State {
    store: Store,
    sent: Vec<Sent>,
    mails: Vec<Mailed>,
    calls: Vec<Call>,
    /// The sources document, and what the canary's secret holds.
    secret: Value,
    canary_secret: Value,
    queue: Option<Queue>,
}

/// The services, behind one endpoint, until it is dropped.
#[derive(Debug)]
pub struct Cloud {
    server: Server,
    state: Arc<Mutex<State>>,
}

impl Cloud {
    /// Starts to serve, with nothing in store.
    ///
    /// # Errors
    /// No port is free.
    pub async fn start() -> Result<Self> {
        let state = Arc::new(Mutex::new(State::default()));
        let server = {
            let state = Arc::clone(&state);
            Server::start(move |request| {
                let state = Arc::clone(&state);
                async move { Answer::Reply(serve(&state, &request).await) }
            })
            .await?
        };
        Ok(Self { server, state })
    }

    /// The value of `AWS_ENDPOINT_URL`.
    pub fn url(&self) -> String {
        self.server.url()
    }

    /// Waits until every call that had been made by now has taken effect.
    ///
    /// # Errors
    /// There is always another call.
    pub async fn settled(&self) -> Result<()> {
        self.server.settled().await
    }

    /// Writes an object.
    pub fn put(&self, bucket: &str, key: &str, bytes: impl Into<Bytes>) {
        let path = format!("/{bucket}/{key}");
        guard(&self.state).store.put(path, bytes.into(), Vec::new());
    }

    /// The bytes of an object.
    pub fn bytes(&self, bucket: &str, key: &str) -> Option<Bytes> {
        guard(&self.state).store.bytes(&format!("/{bucket}/{key}"))
    }

    /// Forgets every object, message, mail and call.
    pub fn clear(&self) {
        let mut state = guard(&self.state);
        let (secret, canary_secret) = (state.secret.take(), state.canary_secret.take());
        *state = State {
            secret,
            canary_secret,
            ..State::default()
        };
    }

    /// What the secret of the sources holds from now on.
    pub fn hold_secret(&self, document: Value) {
        guard(&self.state).secret = document;
    }

    /// What every secret whose name ends in `canary` holds from now on.
    pub fn hold_canary_secret(&self, document: Value) {
        guard(&self.state).canary_secret = document;
    }

    /// Keeps what is sent in a queue from now on, which can be received from: SQS in full, as far as an event source
    /// mapping asks.
    pub fn serve_queue(&self, visibility: Duration, receives_max: u32) {
        guard(&self.state).queue = Some(Queue::new(visibility, receives_max));
    }

    /// Every dead letter of the queue so far.
    pub fn dead_letters(&self) -> Vec<Sent> {
        let state = guard(&self.state);
        state
            .queue
            .as_ref()
            .map_or_else(Vec::new, |queue| queue.dead.clone())
    }

    /// Every message that was sent so far.
    pub fn sent(&self) -> Vec<Sent> {
        guard(&self.state).sent.clone()
    }

    /// Takes the messages that were sent since the last taking.
    pub fn take_sent(&self) -> Vec<Sent> {
        std::mem::take(&mut guard(&self.state).sent)
    }

    /// Every mail so far.
    pub fn mails(&self) -> Vec<Mailed> {
        guard(&self.state).mails.clone()
    }

    /// Every call so far.
    pub fn calls(&self) -> Vec<Call> {
        guard(&self.state).calls.clone()
    }
}

impl State {
    fn has_due(&self) -> bool {
        self.queue.as_ref().is_some_and(Queue::has_due)
    }

    fn answer(&mut self, request: &Request) -> Response {
        let at = clock::now();
        let path = request.uri().path().to_owned();
        let target = request.headers().get("x-amz-target");
        let target = target.and_then(|target| target.to_str().ok());
        let (what, response) = match target {
            Some("AmazonSQS.SendMessage") => ("SQS.SendMessage", self.send(request, at)),
            Some("AmazonSQS.ChangeMessageVisibility") => (
                "SQS.ChangeMessageVisibility",
                self.queue_call(request, hide),
            ),
            Some("AmazonSQS.ReceiveMessage") => {
                ("SQS.ReceiveMessage", self.queue_call(request, receive))
            }
            Some("AmazonSQS.DeleteMessageBatch") => (
                "SQS.DeleteMessageBatch",
                self.queue_call(request, Queue::delete),
            ),
            Some("AmazonSQS.GetQueueAttributes") => (
                "SQS.GetQueueAttributes",
                self.queue_call(request, attributes),
            ),
            Some("secretsmanager.GetSecretValue") => {
                ("SecretsManager.GetSecretValue", self.secret(request))
            }
            None if path == SEND_EMAIL => ("SES.SendEmail", self.mail(request, at)),
            None => self.store.answer(request, at),
            Some(other) => (
                "unknown",
                http::json(StatusCode::NOT_IMPLEMENTED, &json!({"message": other})),
            ),
        };
        self.calls.push(Call { what, path, at });
        response
    }

    fn send(&mut self, request: &Request, at: Timestamp) -> Response {
        let asked: Value = serde_json::from_slice(request.body()).unwrap_or_default();
        let id = format!("00000000-0000-4000-8000-{:012x}", self.calls.len());
        let sent = Sent::read(&asked, id.clone(), at);
        if let Some(queue) = &mut self.queue {
            queue.send(sent.clone());
        }
        self.sent.push(sent);
        http::json(StatusCode::OK, &json!({"MessageId": id}))
    }

    /// A call to the queue; where none is served, it is answered as if there were nothing in it.
    fn queue_call(
        &mut self,
        request: &Request,
        call: impl FnOnce(&mut Queue, &Value) -> Value,
    ) -> Response {
        let asked: Value = serde_json::from_slice(request.body()).unwrap_or_default();
        let queue = self.queue.as_mut();
        let answer = queue.map_or_else(|| json!({}), |queue| call(queue, &asked));
        http::json(StatusCode::OK, &answer)
    }

    fn mail(&mut self, request: &Request, at: Timestamp) -> Response {
        let request = serde_json::from_slice(request.body()).unwrap_or_default();
        self.mails.push(Mailed { at, request });
        let id = format!("mail-{}", self.mails.len());
        http::json(StatusCode::OK, &json!({"MessageId": id}))
    }

    fn secret(&self, request: &Request) -> Response {
        let asked: Value = serde_json::from_slice(request.body()).unwrap_or_default();
        let id = asked.get("SecretId").and_then(Value::as_str);
        let secret = if id.is_some_and(|id| id.ends_with("canary")) {
            &self.canary_secret
        } else {
            &self.secret
        };
        let body = json!({
            "ARN": "arn:aws:secretsmanager:us-east-1:000000000000:secret:sources", "Name": "sources",
            "VersionId": "00000000-0000-4000-8000-000000000000", "SecretString": secret.to_string(),
        });
        http::json(StatusCode::OK, &body)
    }
}

/// Answers at once, but for a long poll that finds nothing yet.
async fn serve(state: &Mutex<State>, request: &Request) -> Response {
    let target = request.headers().get("x-amz-target");
    if target.is_some_and(|target| target == "AmazonSQS.ReceiveMessage") {
        let asked: Value = serde_json::from_slice(request.body()).unwrap_or_default();
        let wait = asked.at("WaitTimeSeconds").as_u64().unwrap_or_default();
        let end = Instant::now() + Duration::from_secs(wait);
        while Instant::now() < end && !guard(state).has_due() {
            tokio::time::sleep(POLL_INTERVAL).await;
        }
    }
    guard(state).answer(request)
}

fn receive(queue: &mut Queue, asked: &Value) -> Value {
    json!({"Messages": queue.receive(asked)})
}

fn hide(queue: &mut Queue, asked: &Value) -> Value {
    queue.hide(asked);
    json!({})
}

fn attributes(queue: &mut Queue, asked: &Value) -> Value {
    let url = asked.at("QueueUrl").as_str().unwrap_or_default();
    queue.attributes(url.rsplit('/').next().unwrap_or_default())
}

fn guard<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
