//! Messages as a person looks at them.

use jiff::Timestamp;
use leadwire_pipeline::trace::TraceContext;

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
    /// Whether it was received and is hidden until `due_at`: a worker holds it, or it waits for its next try.
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
    /// Never received, and not yet due.
    pub delayed: u64,
    /// Due.
    pub due: u64,
    /// Received, and hidden.
    pub in_flight: u64,
    /// Dead letters.
    pub dead: u64,
}
