//! The delay queue in SQS.

use crate::classify::failed;
use aws_sdk_sqs::Client;
use aws_sdk_sqs::error::BuildError;
use aws_sdk_sqs::types::{
    BatchResultErrorEntry, MessageAttributeValue, MessageSystemAttributeNameForSends,
    MessageSystemAttributeValue, SendMessageBatchRequestEntry, SendMessageBatchResultEntry,
};
use futures_util::future::join_all;
use leadwire_pipeline::port::{DelayQueue, OutgoingMessage, PortError};
use leadwire_pipeline::trace::{TRACEPARENT, TRACESTATE};
use std::collections::{BTreeSet, HashMap};

const SEND: &str = "send message";
/// Messages of one call at most (Amazon SQS). Ten of 4 KiB are far below its 256 KiB.
const BATCH_MAX: usize = 10;

/// The delay queue over SQS.
#[derive(Clone, Debug)]
pub struct SqsDelayQueue {
    client: Client,
    url: String,
}

impl SqsDelayQueue {
    /// The queue at this URL.
    pub fn new(client: Client, url: impl Into<String>) -> Self {
        Self {
            client,
            url: url.into(),
        }
    }

    /// Sends a message with further attributes, as a copy of one that has some.
    pub async fn send_with(
        &self,
        message: OutgoingMessage,
        others: Vec<(String, MessageAttributeValue)>,
    ) -> Result<(), PortError> {
        let Attributes { mut own, system } = Attributes::of(&message)?;
        own.extend(others);
        let request = self
            .client
            .send_message()
            .queue_url(&self.url)
            .message_body(message.body)
            .set_delay_seconds(i32::try_from(message.delay_seconds).ok())
            .set_message_attributes(some(own))
            .set_message_system_attributes(some(system));
        request.send().await.map(drop).map_err(failed(SEND))
    }

    /// Sends at most [`BATCH_MAX`] messages by one call.
    async fn send_batch(&self, messages: &[OutgoingMessage]) -> Result<(), PortError> {
        let entries = messages.iter().enumerate().map(entry);
        let entries: Vec<_> = entries.collect::<Result<_, _>>()?;
        let request = self
            .client
            .send_message_batch()
            .queue_url(&self.url)
            .set_entries(Some(entries));
        let answer = request.send().await.map_err(failed(SEND))?;
        let (successful, refused) = (answer.successful(), answer.failed());
        let sent = successful.iter().map(SendMessageBatchResultEntry::id);
        let sent: BTreeSet<&str> = sent.collect();
        if refused.is_empty() && sent.len() == messages.len() {
            return Ok(());
        }
        let codes: BTreeSet<&str> = refused.iter().map(BatchResultErrorEntry::code).collect();
        let cause = format!(
            "{} of {} messages were not taken: {}",
            messages.len().saturating_sub(sent.len()),
            messages.len(),
            Vec::from_iter(codes).join(", "),
        );
        // Whatever is not known to be wrong for good may pass.
        let is_permanent =
            !refused.is_empty() && refused.iter().all(BatchResultErrorEntry::sender_fault);
        Err(if is_permanent {
            PortError::permanent(SEND, cause)
        } else {
            PortError::transient(SEND, cause)
        })
    }
}

impl DelayQueue for SqsDelayQueue {
    async fn send(&self, message: OutgoingMessage) -> Result<(), PortError> {
        self.send_with(message, Vec::new()).await
    }

    async fn send_all(&self, messages: Vec<OutgoingMessage>) -> Result<(), PortError> {
        let batches = messages
            .chunks(BATCH_MAX)
            .map(|batch| self.send_batch(batch));
        let sent = join_all(batches).await;
        sent.into_iter().collect()
    }

    async fn set_visibility(&self, receipt_handle: &str, seconds: u32) -> Result<(), PortError> {
        let request = self
            .client
            .change_message_visibility()
            .queue_url(&self.url)
            .receipt_handle(receipt_handle)
            .set_visibility_timeout(i32::try_from(seconds).ok());
        let changed = request.send().await.map(drop);
        changed.map_err(failed("change visibility"))
    }
}

/// What a message carries besides its body.
struct Attributes {
    own: HashMap<String, MessageAttributeValue>,
    system: HashMap<MessageSystemAttributeNameForSends, MessageSystemAttributeValue>,
}

impl Attributes {
    /// The trace of a message. SQS refuses an attribute that is empty.
    fn of(message: &OutgoingMessage) -> Result<Self, PortError> {
        let impossible = |error| PortError::permanent(SEND, error);
        let filled = |value: &Option<String>| value.clone().filter(|value| !value.is_empty());
        let trace = &message.trace;
        let mut own = HashMap::new();
        for (name, value) in [
            (TRACEPARENT, &trace.traceparent),
            (TRACESTATE, &trace.tracestate),
        ] {
            if let Some(value) = filled(value) {
                own.insert(name.to_owned(), text(value).map_err(impossible)?);
            }
        }
        let mut system = HashMap::new();
        if let Some(header) = filled(&trace.xray) {
            let name = MessageSystemAttributeNameForSends::AwsTraceHeader;
            system.insert(name, system_text(header).map_err(impossible)?);
        }
        Ok(Self { own, system })
    }
}

fn some<K, V>(map: HashMap<K, V>) -> Option<HashMap<K, V>> {
    Some(map).filter(|map| !map.is_empty())
}

/// An entry of a batch, by its place.
fn entry(
    (place, message): (usize, &OutgoingMessage),
) -> Result<SendMessageBatchRequestEntry, PortError> {
    let Attributes { own, system } = Attributes::of(message)?;
    let entry = SendMessageBatchRequestEntry::builder()
        .id(place.to_string())
        .message_body(&message.body)
        .set_delay_seconds(i32::try_from(message.delay_seconds).ok())
        .set_message_attributes(some(own))
        .set_message_system_attributes(some(system));
    entry
        .build()
        .map_err(|error| PortError::permanent(SEND, error))
}

fn text(value: String) -> Result<MessageAttributeValue, BuildError> {
    MessageAttributeValue::builder()
        .data_type("String")
        .string_value(value)
        .build()
}

fn system_text(value: String) -> Result<MessageSystemAttributeValue, BuildError> {
    MessageSystemAttributeValue::builder()
        .data_type("String")
        .string_value(value)
        .build()
}
