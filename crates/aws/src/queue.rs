//! The delay queue in SQS.

use crate::classify::port_error;
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
}

impl SqsDelayQueue {
    /// Sends a message with further attributes, as a copy of one that has some.
    pub async fn send_with(
        &self,
        message: OutgoingMessage,
        others: Vec<(String, MessageAttributeValue)>,
    ) -> Result<(), PortError> {
        let action = "send message";
        let mut request = self
            .client
            .send_message()
            .queue_url(&self.url)
            .message_body(message.body);
        request = request.set_delay_seconds(i32::try_from(message.delay_seconds).ok());
        for (name, value) in others {
            request = request.message_attributes(name, value);
        }
        for (name, value) in [
            (TRACEPARENT, message.trace.traceparent),
            (TRACESTATE, message.trace.tracestate),
        ] {
            if let Some(value) = value.filter(|value| !value.is_empty()) {
                request = request.message_attributes(
                    name,
                    text(value).map_err(|error| PortError::permanent(action, error))?,
                );
            }
        }
        if let Some(header) = message.trace.xray.filter(|value| !value.is_empty()) {
            let value = system_text(header).map_err(|error| PortError::permanent(action, error))?;
            request = request.message_system_attributes(
                MessageSystemAttributeNameForSends::AwsTraceHeader,
                value,
            );
        }
        match request.send().await {
            Ok(_) => Ok(()),
            Err(error) => Err(port_error(action, &error)),
        }
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
            .receipt_handle(receipt_handle);
        match request
            .set_visibility_timeout(i32::try_from(seconds).ok())
            .send()
            .await
        {
            Ok(_) => Ok(()),
            Err(error) => Err(port_error("change visibility", &error)),
        }
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
