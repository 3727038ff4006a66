//! Messages that a function sent, and how they come to the next one.

use std::collections::BTreeMap;

use anyhow::Result;
use aws_sdk_sqs::types::{Message, MessageAttributeValue, MessageSystemAttributeName};
use jiff::Timestamp;
use serde_json::{Map, Value, json};

use crate::clock;
use crate::json::At;

/// A message in the queue. A test may change it on its way.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sent {
    /// Its id.
    pub id: String,
    /// Its body.
    pub body: String,
    /// `DelaySeconds`.
    pub delay_seconds: u64,
    /// Its attributes that are texts.
    pub attributes: BTreeMap<String, String>,
    /// `AWSTraceHeader`.
    pub trace_header: Option<String>,
    /// `SentTimestamp`.
    pub sent_at: Timestamp,
    /// `ApproximateFirstReceiveTimestamp`; the time of the call of [`received`](Self::received) where it is none.
    pub first_received_at: Option<Timestamp>,
}

impl Sent {
    /// Reads what `SendMessage` was asked for.
    pub(super) fn read(asked: &Value, id: String, at: Timestamp) -> Self {
        let attributes = asked.at("MessageAttributes").as_object();
        let attributes = attributes.into_iter().flatten().map(|(name, value)| {
            let text = value.at("StringValue").as_str().unwrap_or_default();
            (name.clone(), text.to_owned())
        });
        let header = asked.pointer("/MessageSystemAttributes/AWSTraceHeader/StringValue");
        Self {
            id,
            body: text(asked.at("MessageBody")),
            delay_seconds: asked.at("DelaySeconds").as_u64().unwrap_or_default(),
            attributes: attributes.collect(),
            trace_header: header.map(text),
            sent_at: at,
            first_received_at: None,
        }
    }

    /// The message as it is received for the `count`th time.
    ///
    /// # Errors
    /// An attribute cannot be built.
    pub fn received(&self, count: u32) -> Result<Message> {
        let first = self.first_received_at.unwrap_or_else(clock::now);
        let mut message = Message::builder()
            .message_id(&self.id)
            .receipt_handle(format!("{}-{count}", self.id))
            .body(&self.body);
        let system = [
            (
                MessageSystemAttributeName::ApproximateReceiveCount,
                Some(count.to_string()),
            ),
            (
                MessageSystemAttributeName::SentTimestamp,
                Some(self.sent_at.as_millisecond().to_string()),
            ),
            (
                MessageSystemAttributeName::ApproximateFirstReceiveTimestamp,
                Some(first.as_millisecond().to_string()),
            ),
            (
                MessageSystemAttributeName::AwsTraceHeader,
                self.trace_header.clone(),
            ),
        ];
        for (name, value) in system {
            if let Some(value) = value {
                message = message.attributes(name, value);
            }
        }
        for (name, value) in &self.attributes {
            let value = MessageAttributeValue::builder()
                .data_type("String")
                .string_value(value);
            message = message.message_attributes(name, value.build()?);
        }
        Ok(message.build())
    }

    /// The message as `ReceiveMessage` gives it.
    pub(super) fn wire(&self, count: u32, handle: &str) -> Value {
        let first = self.first_received_at.unwrap_or(self.sent_at);
        let mut system = json!({
            "ApproximateReceiveCount": count.to_string(),
            "SentTimestamp": self.sent_at.as_millisecond().to_string(),
            "ApproximateFirstReceiveTimestamp": first.as_millisecond().to_string(),
        });
        if let (Some(header), Some(system)) = (&self.trace_header, system.as_object_mut()) {
            system.insert("AWSTraceHeader".to_owned(), header.clone().into());
        }
        let attributes = self.attributes.iter().map(|(name, value)| {
            let value = json!({"DataType": "String", "StringValue": value});
            (name.clone(), value)
        });
        json!({
            "MessageId": self.id, "ReceiptHandle": handle, "Body": self.body, "Attributes": system,
            "MessageAttributes": attributes.collect::<Map<_, _>>(),
        })
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}
