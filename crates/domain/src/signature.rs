//! Signatures over the raw bytes: Close and Standard Webhooks. Constant time, several secrets, failing closed.

use crate::id::EventId;
use crate::source::{Secret, Source, SourceConfig};
use jiff::Timestamp;

/// A request's headers, by lower-case name.
pub trait Headers {
    /// The value of a header that stands there once and is visible ASCII.
    fn get(&self, name: &str) -> Option<&str>;
}

/// Why a request is not verified. For the log; the sender only learns 401.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unverified {
    /// This source has no secrets here.
    #[error("the source is not configured")]
    NotConfigured,
    /// A signature header is missing or has not its form.
    #[error("a signature header is missing or malformed")]
    Header,
    /// The signature's time is too far from now.
    #[error("the signature's time is outside the tolerance")]
    Stale,
    /// No active secret made this signature.
    #[error("no active secret matches the signature")]
    Mismatch,
}

/// What a signature vouches for, besides the body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verified {
    /// The signed id of Standard Webhooks (`webhook-id`).
    pub event_id: Option<EventId>,
}

/// Verifies `body` as `source` signs it: Close by `close-sig-hash` and `close-sig-timestamp`, the others by the Standard Webhooks headers.
pub fn verify(
    _source: Source,
    _config: &SourceConfig,
    _headers: &dyn Headers,
    _body: &[u8],
    _now: Timestamp,
) -> Result<Verified, Unverified> {
    todo!()
}

/// Signs `body` as `source` does: the headers to send, by lower-case name. For `leadwire send`, the canary and tests.
pub fn sign(_source: Source, _secret: &Secret, _event_id: &EventId, _body: &[u8], _now: Timestamp) -> Vec<(&'static str, String)> {
    todo!()
}

/// Whether a secret has the form of its source.
pub fn is_well_formed(_source: Source, _secret: &Secret) -> bool {
    todo!()
}
