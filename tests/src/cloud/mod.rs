//! What the functions call of AWS, in memory and answered at once: S3, SQS, SES and Secrets Manager as far as they ask.
//!
//! `LocalStack` and moto judge whether the system works; this is for tests and benchmarks that look at a function
//! itself, want many of it, and would only wait for an emulator.

mod message;
mod queue;
mod store;

pub use message::Sent;

use std::collections::BTreeMap;
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
use crate::shared::Shared;
use queue::Queue;
use store::Store;

/// Between two looks of a long poll.
const POLL_INTERVAL: Duration = Duration::from_millis(20);
/// The target of SQS's `ReceiveMessage`.
const RECEIVE: &str = "AmazonSQS.ReceiveMessage";
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
    /// What each secret holds, by its ARN.
    secrets: BTreeMap<&'static str, Value>,
    queue: Option<Queue>,
}

/// The services, behind one endpoint, until it is dropped.
#[derive(Debug)]
pub struct Cloud {
    server: Server,
    state: Shared<State>,
}

impl Cloud {
    /// Starts to serve, with nothing in store.
    pub async fn start() -> Result<Self> {
        let state = Shared::<State>::default();
        let server = Server::start(state.clone(), serve).await?;
        Ok(Self { server, state })
    }

    /// The value of `AWS_ENDPOINT_URL`.
    pub fn url(&self) -> String {
        self.server.url()
    }

    /// Waits until every call that had been made by now has taken effect.
    pub async fn settled(&self) -> Result<()> {
        self.server.settled().await
    }

    /// Writes an object.
    pub fn put(&self, bucket: &str, key: &str, bytes: impl Into<Bytes>) {
        let path = format!("/{bucket}/{key}");
        self.state.lock().store.put(path, bytes.into(), Vec::new());
    }

    /// The bytes of an object.
    pub fn bytes(&self, bucket: &str, key: &str) -> Option<Bytes> {
        self.state.lock().store.bytes(&format!("/{bucket}/{key}"))
    }

    /// Forgets every object, message, mail and call.
    pub fn clear(&self) {
        let mut state = self.state.lock();
        *state = State {
            secrets: std::mem::take(&mut state.secrets),
            ..State::default()
        };
    }

    /// What a secret holds from now on.
    pub fn hold_secret(&self, arn: &'static str, document: Value) {
        self.state.lock().secrets.insert(arn, document);
    }

    /// Keeps what is sent in a queue from now on, which can be received from: SQS in full, as far as an event source
    /// mapping asks.
    pub fn serve_queue(&self, visibility: Duration, receives_max: u32) {
        self.state.lock().queue = Some(Queue::new(visibility, receives_max));
    }

    /// Every message that was sent so far.
    pub fn sent(&self) -> Vec<Sent> {
        self.state.lock().sent.clone()
    }

    /// Takes the messages that were sent since the last taking.
    pub fn take_sent(&self) -> Vec<Sent> {
        std::mem::take(&mut self.state.lock().sent)
    }

    /// Every mail so far.
    pub fn mails(&self) -> Vec<Mailed> {
        self.state.lock().mails.clone()
    }

    /// Every call so far.
    pub fn calls(&self) -> Vec<Call> {
        self.state.lock().calls.clone()
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
        let asked: Value = serde_json::from_slice(request.body()).unwrap_or_default();
        let (what, answer) = match target.unwrap_or(&path) {
            "AmazonSQS.SendMessage" => ("SQS.SendMessage", self.send(&asked, at)),
            "AmazonSQS.SendMessageBatch" => ("SQS.SendMessageBatch", self.send_batch(&asked, at)),
            "AmazonSQS.ChangeMessageVisibility" => (
                "SQS.ChangeMessageVisibility",
                self.ask_queue(&asked, Queue::hide),
            ),
            RECEIVE => ("SQS.ReceiveMessage", self.ask_queue(&asked, Queue::receive)),
            "AmazonSQS.DeleteMessageBatch" => (
                "SQS.DeleteMessageBatch",
                self.ask_queue(&asked, Queue::delete),
            ),
            "AmazonSQS.GetQueueAttributes" => (
                "SQS.GetQueueAttributes",
                self.ask_queue(&asked, Queue::attributes),
            ),
            "secretsmanager.GetSecretValue" => {
                ("SecretsManager.GetSecretValue", self.secret(&asked))
            }
            SEND_EMAIL => ("SES.SendEmail", self.mail(asked, at)),
            _ => {
                let (what, response) = self.store.answer(request);
                self.calls.push(Call { what, path, at });
                return response;
            }
        };
        self.calls.push(Call { what, path, at });
        http::json(StatusCode::OK, &answer)
    }

    fn send(&mut self, asked: &Value, at: Timestamp) -> Value {
        let number = self.calls.len() + self.sent.len();
        let id = format!("00000000-0000-4000-8000-{number:012x}");
        let sent = Sent::read(asked, id.clone(), at);
        if let Some(queue) = &mut self.queue {
            queue.send(sent.clone());
        }
        self.sent.push(sent);
        json!({"MessageId": id})
    }

    fn send_batch(&mut self, asked: &Value, at: Timestamp) -> Value {
        let entries = asked.at("Entries").items().iter();
        let sent = entries.map(|entry| {
            let id = self.send(entry, at).at("MessageId").clone();
            json!({"Id": entry.at("Id"), "MessageId": id})
        });
        json!({"Successful": sent.collect::<Value>(), "Failed": []})
    }

    /// A call to the queue; where none is served, it is answered as if there were nothing in it.
    fn ask_queue(&mut self, asked: &Value, call: fn(&mut Queue, &Value) -> Value) -> Value {
        let queue = self.queue.as_mut();
        queue.map_or_else(|| json!({}), |queue| call(queue, asked))
    }

    fn mail(&mut self, request: Value, at: Timestamp) -> Value {
        self.mails.push(Mailed { at, request });
        json!({"MessageId": format!("mail-{}", self.mails.len())})
    }

    fn secret(&self, asked: &Value) -> Value {
        let id = asked.at("SecretId").text();
        let secret = self.secrets.get(id).unwrap_or(&Value::Null);
        json!({
            "ARN": id, "Name": "sources", "VersionId": "00000000-0000-4000-8000-000000000000",
            "SecretString": secret.to_string(),
        })
    }
}

/// Answers at once, but for a long poll that finds nothing yet.
async fn serve(state: Shared<State>, request: Request) -> Answer {
    let target = request.headers().get("x-amz-target");
    if target.is_some_and(|target| target == RECEIVE) {
        let asked: Value = serde_json::from_slice(request.body()).unwrap_or_default();
        let wait = asked.at("WaitTimeSeconds").as_u64().unwrap_or_default();
        let end = Instant::now() + Duration::from_secs(wait);
        while Instant::now() < end && !state.lock().has_due() {
            tokio::time::sleep(POLL_INTERVAL).await;
        }
    }
    Some(state.lock().answer(&request))
}
