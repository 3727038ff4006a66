//! A request as its source sees it, and what is known of it once it is verified.

use crate::lead::id::EventId;
use jiff::Timestamp;

/// A request's headers, by lower-case name.
pub trait Headers {
    /// The value of a header that stands there once and is visible ASCII, spaces included.
    fn get(&self, name: &str) -> Option<&str>;

    /// Whether the header stands there at all, also where it has no value that counts.
    fn contains(&self, name: &str) -> bool {
        self.get(name).is_some()
    }
}

/// Headers as [`super::Key::sign`] gives them.
impl Headers for Vec<(&'static str, String)> {
    fn get(&self, name: &str) -> Option<&str> {
        let found = self.iter().find(|(header, _)| *header == name);
        found.map(|(_, value)| value.as_str())
    }
}

/// A request as a source's signature sees it.
#[derive(Clone, Copy)]
pub struct Delivery<'a> {
    /// The headers.
    pub headers: &'a (dyn Headers + Sync),
    /// The body's bytes as they were sent.
    pub body: &'a [u8],
    /// When it came.
    pub received_at: Timestamp,
}

/// Why a request is not verified. For the log; the sender only learns 401.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unverified {
    /// This source has no secrets here.
    #[error("the source is not configured")]
    NotConfigured,
    /// It is signed as another source signs, which has an address of its own.
    #[error("it is signed as a source signs that has an address of its own")]
    Misdirected,
    /// A header is missing, stands there twice, or is not visible ASCII.
    #[error("the header {0} is missing, or not one line of visible ASCII")]
    HeaderMissing(&'static str),
    /// A header has not its form.
    #[error("the header {0} is malformed")]
    HeaderMalformed(&'static str),
    /// The signature's time is too far from now.
    #[error("the signature's time is outside the tolerance")]
    Stale,
    /// No active key made this signature.
    #[error("no active secret matches the signature")]
    Mismatch,
}

/// What is known of a request that may be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verified {
    /// Whether a signature was checked: an open source has none.
    pub is_signed: bool,
    /// The id that the signature covers, where it covers one.
    pub event_id: Option<EventId>,
}
