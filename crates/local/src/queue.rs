//! The delay queue in SQLite.

use jiff::Timestamp;
use leadwire_pipeline::enrich::Record;
use leadwire_pipeline::port::{DelayQueue, OutgoingMessage, PortError};
use leadwire_pipeline::trace::TraceContext;
use std::time::Duration;

/// The delay queue: Amazon SQS's semantics, with its dead letters.
#[derive(Clone, Debug)]
pub struct SqliteQueue {}

/// A message that waits, or is being worked on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WaitingMessage {
    /// Its id.
    pub message_id: String,
    /// Its body.
    pub body: String,
    /// When it was sent.
    pub sent_at: Timestamp,
    /// When it can be received (again).
    pub due_at: Timestamp,
    /// How often it has been received.
    pub receive_count: u32,
    /// Whether a worker holds it until `due_at`.
    pub in_flight: bool,
}

/// A message that was received as often as is allowed, in vain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeadLetter {
    /// Its id.
    pub message_id: String,
    /// Its body.
    pub body: String,
    /// When it was sent.
    pub sent_at: Timestamp,
    /// When it was put aside.
    pub dead_at: Timestamp,
    /// How often it had been received.
    pub receive_count: u32,
    /// The trace it belongs to.
    pub trace: TraceContext,
}

/// How many messages there are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct QueueDepth {
    /// Not yet due.
    pub delayed: u64,
    /// Due, and received by nobody yet.
    pub due: u64,
    /// Held by a worker.
    pub in_flight: u64,
    /// Dead letters.
    pub dead: u64,
}

impl SqliteQueue {
    /// Receives up to `max` due messages, which come back after `visibility` unless they are deleted. A message that was received
    /// `max_receive_count` times already becomes a dead letter instead.
    pub async fn receive(&self, max: u32, visibility: Duration, max_receive_count: u32) -> Result<Vec<Record>, PortError> {
        todo!()
    }

    /// Deletes received messages by their receipt handles; one that was received again since stays.
    pub async fn delete(&self, receipt_handles: Vec<String>) -> Result<u64, PortError> {
        todo!()
    }

    /// All messages that wait or are worked on, soonest first, at most `limit`.
    pub async fn waiting(&self, limit: u32) -> Result<Vec<WaitingMessage>, PortError> {
        todo!()
    }

    /// How many messages there are.
    pub async fn depth(&self) -> Result<QueueDepth, PortError> {
        todo!()
    }

    /// The dead letters, oldest first, at most `limit`.
    pub async fn dead_letters(&self, limit: u32) -> Result<Vec<DeadLetter>, PortError> {
        todo!()
    }

    /// Sends dead letters again, as copies with their attributes and new ids, due at once, and deletes them. Returns how many there were.
    pub async fn redrive(&self, message_ids: Vec<String>) -> Result<u64, PortError> {
        todo!()
    }

    /// Deletes a dead letter without sending it again. Returns how many there were.
    pub async fn delete_dead_letters(&self, message_ids: Vec<String>) -> Result<u64, PortError> {
        todo!()
    }
}

impl DelayQueue for SqliteQueue {
    async fn send(&self, message: OutgoingMessage) -> Result<(), PortError> {
        todo!()
    }
    async fn set_visibility(&self, receipt_handle: &str, seconds: u32) -> Result<(), PortError> {
        todo!()
    }
}
