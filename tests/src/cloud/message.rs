//! Messages that a function sent, and how they come to the next one.

use std::collections::BTreeMap;

use anyhow::Result;
use aws_sdk_sqs::types::{Message, MessageAttributeValue};
use jiff::Timestamp;
use serde_json::{Value, json};

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
        let text = |value: &Value| value.at("StringValue").text().to_owned();
        let attributes = attributes.into_iter().flatten();
        let attributes = attributes.map(|(name, value)| (name.clone(), text(value)));
        let header = asked.pointer("/MessageSystemAttributes/AWSTraceHeader/StringValue");
        Self {
            id,
            body: asked.at("MessageBody").text().to_owned(),
            delay_seconds: asked.at("DelaySeconds").as_u64().unwrap_or_default(),
            attributes: attributes.collect(),
            trace_header: header.map(|header| header.text().to_owned()),
            sent_at: at,
            first_received_at: None,
        }
    }

    /// The message as it is received for the `count`th time.
    pub fn received(&self, count: u32) -> Result<Message> {
        let mut message = Message::builder()
            .message_id(&self.id)
            .receipt_handle(format!("{}-{count}", self.id))
            .body(&self.body);
        let first = self.first_received_at.unwrap_or_else(clock::now);
        for (name, value) in self.system(count, first) {
            message = message.attributes(name.into(), value);
        }
        for (name, value) in &self.attributes {
            let value = MessageAttributeValue::builder().string_value(value);
            message = message.message_attributes(name, value.data_type("String").build()?);
        }
        Ok(message.build())
    }

    /// The message as `ReceiveMessage` gives it.
    pub(super) fn wire(&self, count: u32, handle: &str) -> Value {
        let first = self.first_received_at.unwrap_or(self.sent_at);
        let attributes = self.attributes.iter().map(|(name, value)| {
            let value = json!({"DataType": "String", "StringValue": value});
            (name.clone(), value)
        });
        json!({
            "MessageId": self.id, "ReceiptHandle": handle, "Body": self.body,
            "Attributes": self.system(count, first), "MessageAttributes": attributes.collect::<Value>(),
        })
    }

    /// The attributes that SQS itself gives a message.
    fn system(&self, count: u32, first: Timestamp) -> BTreeMap<&'static str, String> {
        let millis = |time: Timestamp| time.as_millisecond().to_string();
        let mut system = BTreeMap::from([
            ("ApproximateReceiveCount", count.to_string()),
            ("SentTimestamp", millis(self.sent_at)),
            ("ApproximateFirstReceiveTimestamp", millis(first)),
        ]);
        let header = self.trace_header.clone();
        system.extend(header.map(|header| ("AWSTraceHeader", header)));
        system
    }
}
