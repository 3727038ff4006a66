//! What one source is configured with: its keys, and what it takes.

use super::Source;
use crate::lead::id::EventId;
use jiff::{SignedDuration, Timestamp};
use std::fmt;

/// What one source is configured to take.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceConfig {
    /// The active keys, several during a rotation.
    pub keys: Vec<Key>,
    /// The event types that are taken; others are acknowledged and ignored.
    pub events: Vec<String>,
    /// How far a signature's timestamp may be from now, either way.
    pub tolerance: SignedDuration,
}

impl Default for SourceConfig {
    fn default() -> Self {
        Self {
            keys: Vec::new(),
            events: vec!["lead.created".to_owned()],
            tolerance: SignedDuration::from_secs(300),
        }
    }
}

/// Headers to send, by lower-case name.
pub type SignedHeaders = Vec<(&'static str, String)>;

/// What a source signs with: a secret, decoded. It is never printed.
#[derive(Clone, PartialEq, Eq)]
pub struct Key {
    source: Source,
    pub(super) bytes: Vec<u8>,
}

impl Key {
    pub(super) fn new(source: Source, bytes: Vec<u8>) -> Self {
        Self { source, bytes }
    }

    /// The source that signs with it.
    pub fn source(&self) -> Source {
        self.source
    }

    /// Signs a body as its source does: the headers to send. `None` where the id cannot be signed: Standard Webhooks forbid a full stop.
    pub fn sign(&self, event_id: &EventId, body: &[u8], now: Timestamp) -> Option<SignedHeaders> {
        let scheme = self.source.kind().scheme();
        scheme.sign(&self.bytes, event_id, body, now)
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Key({} ***)", self.source)
    }
}
