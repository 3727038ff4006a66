//! Lambda's SQS event source mapping: it polls, invokes, and deletes what did not fail.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use aws_sdk_sqs::types::{DeleteMessageBatchRequestEntry, Message, MessageSystemAttributeName};
use serde_json::Value;
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::clients::Clients;
use crate::event;
use crate::function::Function;
use crate::instance::Outcome;
use crate::shared::Shared;

/// One long poll.
const POLL_SECONDS: i32 = 1;
/// A pause after a failed poll, so that a service that is down is not hammered.
const FAULT_PAUSE: Duration = Duration::from_millis(200);

/// How a mapping is set up.
#[derive(Clone, Copy, Debug)]
pub struct MappingOptions {
    /// `BatchSize`, 1 to 10.
    pub batch_size: i32,
    /// `MaximumConcurrency`: batches in flight at once.
    pub concurrency: usize,
    /// Whether it polls from its start on, or waits for [`Mapping::resume`].
    pub enabled: bool,
}

impl Default for MappingOptions {
    fn default() -> Self {
        Self {
            batch_size: 10,
            concurrency: 4,
            enabled: true,
        }
    }
}

/// One message as it was given to the function once.
#[derive(Clone, Debug)]
pub struct Delivery {
    /// The message's id.
    pub message_id: String,
    /// Its body.
    pub body: String,
    /// `ApproximateReceiveCount`.
    pub receive_count: u32,
    /// How many messages the batch had.
    pub batch: usize,
    /// Whether it stays in the queue.
    pub failed: bool,
}

/// A running mapping, until it is dropped.
#[derive(Debug)]
pub struct Mapping {
    polls: watch::Sender<bool>,
    _pollers: JoinSet<()>,
    poll: Arc<Poll>,
}

#[derive(Debug)]
struct Poll {
    clients: Clients,
    queue_url: String,
    queue_arn: String,
    function: Function,
    options: MappingOptions,
    deliveries: Shared<Vec<Delivery>>,
    faults: Shared<Vec<String>>,
}

/// What a mapping concludes from an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Every message is deleted.
    Done,
    /// These stay, the others are deleted.
    Some(BTreeSet<String>),
    /// All stay, and why.
    All(&'static str),
}

/// The rules by which Lambda reads the answer of a function that reports batch item failures.
pub fn judge(payload: &[u8], batch: &BTreeSet<String>) -> Verdict {
    if payload.iter().all(u8::is_ascii_whitespace) {
        return Verdict::Done;
    }
    let Ok(answer) = serde_json::from_slice::<Value>(payload) else {
        return Verdict::All("the answer is not JSON");
    };
    let items = match (&answer, answer.get("batchItemFailures")) {
        (Value::Null, _) | (Value::Object(_), None | Some(Value::Null)) => return Verdict::Done,
        (Value::Object(_), Some(Value::Array(items))) => items,
        (Value::Object(_), Some(_)) => return Verdict::All("batchItemFailures is not a list"),
        _ => return Verdict::All("the answer is not an object"),
    };
    let mut failed = BTreeSet::new();
    for item in items {
        match item.get("itemIdentifier").and_then(Value::as_str) {
            None => return Verdict::All("an itemIdentifier is absent or null"),
            Some("") => return Verdict::All("an itemIdentifier is empty"),
            Some(id) if !batch.contains(id) => return Verdict::All("an itemIdentifier is unknown"),
            Some(id) => failed.insert(id.to_owned()),
        };
    }
    if failed.is_empty() {
        Verdict::Done
    } else {
        Verdict::Some(failed)
    }
}

impl Mapping {
    /// Starts to poll.
    pub async fn start(
        clients: &Clients,
        queue_url: &str,
        function: &Function,
        options: MappingOptions,
    ) -> Result<Self> {
        let poll = Arc::new(Poll {
            clients: clients.clone(),
            queue_url: queue_url.to_owned(),
            queue_arn: clients.queue_arn(queue_url).await?,
            function: function.clone(),
            options,
            deliveries: Shared::default(),
            faults: Shared::default(),
        });
        let polls = watch::Sender::new(options.enabled);
        let mut pollers = JoinSet::new();
        for _ in 0..options.concurrency {
            pollers.spawn(Arc::clone(&poll).run(polls.subscribe()));
        }
        Ok(Self {
            polls,
            _pollers: pollers,
            poll,
        })
    }

    /// Every delivery that was judged so far.
    pub fn deliveries(&self) -> Vec<Delivery> {
        self.poll.deliveries.lock().clone()
    }

    /// Every whole batch that failed so far, and why.
    pub fn faults(&self) -> Vec<String> {
        self.poll.faults.lock().clone()
    }

    /// Begins to poll, where it was made without being enabled.
    pub fn resume(&self) {
        self.polls.send_replace(true);
    }
}

impl Poll {
    async fn run(self: Arc<Self>, mut polls: watch::Receiver<bool>) {
        while polls.wait_for(|polls| *polls).await.is_ok() {
            if let Err(error) = self.round().await {
                self.faults.lock().push(format!("{error:#}"));
                tokio::time::sleep(FAULT_PAUSE).await;
            }
        }
    }

    async fn round(&self) -> Result<()> {
        let receive = self.clients.sqs.receive_message();
        let receive = receive
            .queue_url(&self.queue_url)
            .max_number_of_messages(self.options.batch_size)
            .wait_time_seconds(POLL_SECONDS)
            .message_system_attribute_names(MessageSystemAttributeName::All)
            .message_attribute_names("All");
        let reply = receive.send().await.context("ReceiveMessage")?;
        let messages = reply.messages();
        if messages.is_empty() {
            return Ok(());
        }
        let event = event::queue(&self.queue_arn, messages);
        let outcome = self.function.invoke(&event).await?;
        let failed = self.failed(&outcome, messages);
        // Noted first, so that whoever sees the queue empty sees every delivery.
        self.note(messages, &failed);
        self.delete(messages, &failed).await?;
        Ok(())
    }

    fn failed(&self, outcome: &Outcome, messages: &[Message]) -> BTreeSet<String> {
        let batch: BTreeSet<String> = messages.iter().map(id).collect();
        let verdict = match outcome {
            Outcome::Response(payload) => judge(payload, &batch),
            Outcome::Error(_) => Verdict::All("the function failed"),
            Outcome::TimedOut => Verdict::All("the function ran out of time"),
            Outcome::Exited(_) => Verdict::All("the process ended"),
        };
        match verdict {
            Verdict::Done => BTreeSet::new(),
            Verdict::Some(failed) => failed,
            Verdict::All(reason) => {
                self.faults.lock().push(format!("{reason}: {outcome:?}"));
                batch
            }
        }
    }

    async fn delete(&self, messages: &[Message], failed: &BTreeSet<String>) -> Result<()> {
        let done = messages.iter().filter(|one| !failed.contains(&id(one)));
        let done: Vec<&Message> = done.collect();
        if done.is_empty() {
            return Ok(());
        }
        delete_batch(&self.clients, &self.queue_url, &done).await
    }

    fn note(&self, messages: &[Message], failed: &BTreeSet<String>) {
        let count = MessageSystemAttributeName::ApproximateReceiveCount;
        let deliveries = messages.iter().map(|message| {
            let attributes = message.attributes();
            let receives = attributes.and_then(|all| all.get(&count)?.parse().ok());
            Delivery {
                message_id: id(message),
                body: message.body().unwrap_or_default().to_owned(),
                receive_count: receives.unwrap_or(0),
                batch: messages.len(),
                failed: failed.contains(&id(message)),
            }
        });
        self.deliveries.lock().extend(deliveries);
    }
}

/// Deletes messages that were received.
pub(crate) async fn delete_batch(
    clients: &Clients,
    queue_url: &str,
    messages: &[&Message],
) -> Result<()> {
    let entries = messages.iter().enumerate().map(|(number, message)| {
        DeleteMessageBatchRequestEntry::builder()
            .id(number.to_string())
            .set_receipt_handle(message.receipt_handle().map(str::to_owned))
            .build()
    });
    let entries = entries.collect::<Result<Vec<_>, _>>()?;
    let delete = clients.sqs.delete_message_batch().queue_url(queue_url);
    let delete = delete.set_entries(Some(entries)).send().await;
    delete.context("DeleteMessageBatch")?;
    Ok(())
}

fn id(message: &Message) -> String {
    message.message_id().unwrap_or_default().to_owned()
}
