//! The delay queue and the dead-letter queue.

use super::PortError;
use crate::trace::TraceContext;
use jiff::Timestamp;
use std::future::Future;

/// A message to be sent.
#[derive(Clone, Debug)]
pub struct OutgoingMessage {
    /// Its body.
    pub body: String,
    /// Seconds until it can be received, at most 900.
    pub delay_seconds: u32,
    /// The trace it belongs to; it travels in message attributes.
    pub trace: TraceContext,
}

/// The delay queue: Amazon SQS's semantics, at least once, in no order.
pub trait DelayQueue: Send + Sync {
    /// Sends a message.
    fn send(&self, message: OutgoingMessage) -> impl Future<Output = Result<(), PortError>> + Send;
    /// Sends several messages, by fewer calls where the home has one for them. `Ok` only where every one is queued; after an error some
    /// may be.
    fn send_all(
        &self,
        messages: Vec<OutgoingMessage>,
    ) -> impl Future<Output = Result<(), PortError>> + Send {
        async {
            let mut sent = Ok(());
            for message in messages {
                sent = sent.and(self.send(message).await);
            }
            sent
        }
    }
    /// Lets a received message be received again after `seconds`. Spacing only: no promise rests on it.
    fn set_visibility(
        &self,
        receipt_handle: &str,
        seconds: u32,
    ) -> impl Future<Output = Result<(), PortError>> + Send;
}

/// A message in the queue, or in the dead-letter queue.
#[derive(Clone, Debug)]
pub struct QueuedMessage {
    /// The queue's id of it.
    pub message_id: String,
    /// By what the queue deletes it.
    pub handle: String,
    /// Its body.
    pub body: String,
    /// When it can be received.
    pub visible_at: Timestamp,
    /// How often it was received.
    pub receives: u32,
    /// The trace it belongs to, where that is known.
    pub trace: TraceContext,
    /// What else it carries. Only a dead letter that was taken says it.
    pub others: Vec<Attribute>,
}

/// An attribute of a message that is none of ours. A copy carries it along.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attribute {
    /// Its name.
    pub name: String,
    /// The queue's word for its type.
    pub kind: String,
    /// Its text, where it is one.
    pub text: Option<String>,
    /// Its bytes, where it is none.
    pub bytes: Option<Vec<u8>>,
}

/// The dead-letter queue. Only a person's redrive has this port: no stage does.
pub trait DeadLetterQueue: Send + Sync {
    /// Takes the dead letters, to send them again. Others may not see them until they are deleted or given back.
    fn take_dead(&self) -> impl Future<Output = Result<Vec<QueuedMessage>, PortError>> + Send;
    /// Sends a copy of a dead letter to the queue, with whatever attributes it has besides its trace.
    fn send_copy(
        &self,
        message: OutgoingMessage,
        letter: &QueuedMessage,
    ) -> impl Future<Output = Result<(), PortError>> + Send;
    /// Deletes a dead letter, after a copy was sent.
    fn delete_dead(
        &self,
        letter: &QueuedMessage,
    ) -> impl Future<Output = Result<(), PortError>> + Send;
    /// Gives dead letters back that were taken and not deleted.
    fn return_dead(
        &self,
        letters: &[QueuedMessage],
    ) -> impl Future<Output = Result<(), PortError>> + Send;
}
