//! The delay queue in SQS.

use crate::classify::failed;
use aws_sdk_sqs::Client;
use aws_sdk_sqs::error::BuildError;
use aws_sdk_sqs::types::{
    MessageAttributeValue, MessageSystemAttributeNameForSends, MessageSystemAttributeValue,
};
use leadwire_pipeline::port::{DelayQueue, OutgoingMessage, PortError};
use leadwire_pipeline::trace::{TRACEPARENT, TRACESTATE};

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
        let action = "send message";
        let impossible = |error| PortError::permanent(action, error);
        let mut request = self
            .client
            .send_message()
            .queue_url(&self.url)
            .message_body(message.body)
            .set_delay_seconds(i32::try_from(message.delay_seconds).ok());
        for (name, value) in others {
            request = request.message_attributes(name, value);
        }
        for (name, value) in [
            (TRACEPARENT, message.trace.traceparent),
            (TRACESTATE, message.trace.tracestate),
        ] {
            if let Some(value) = value.filter(|value| !value.is_empty()) {
                let value = text(value).map_err(impossible)?;
                request = request.message_attributes(name, value);
            }
        }
        if let Some(header) = message.trace.xray.filter(|value| !value.is_empty()) {
            let name = MessageSystemAttributeNameForSends::AwsTraceHeader;
            let value = system_text(header).map_err(impossible)?;
            request = request.message_system_attributes(name, value);
        }
        request.send().await.map(drop).map_err(failed(action))
    }
}

impl DelayQueue for SqsDelayQueue {
    async fn send(&self, message: OutgoingMessage) -> Result<(), PortError> {
        self.send_with(message, Vec::new()).await
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
