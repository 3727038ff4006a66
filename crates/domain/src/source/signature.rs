//! Signatures over raw bytes: constant time, several keys, failing closed.

use super::config::{Key, SignedHeaders, SourceConfig};
use crate::lead::id::EventId;
use hmac::{Hmac, KeyInit, Mac};
use jiff::Timestamp;
use sha2::Sha256;

/// A request's headers, by lower-case name.
pub trait Headers {
    /// The value of a header that stands there once and is visible ASCII, spaces included.
    fn get(&self, name: &str) -> Option<&str>;
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

/// How requests are verified, and samples signed.
pub(super) trait Scheme: Sync {
    /// The form of a secret, in words.
    fn secret_form(&self) -> &'static str;

    /// The key that a secret holds, where it has the form.
    fn decode_secret(&self, secret: &str) -> Option<Vec<u8>>;

    /// A secret of the form, from random bytes.
    fn encode_secret(&self, random: [u8; 32]) -> String;

    /// Verifies a delivery over its raw bytes. Every active key is tried, in constant time.
    fn verify(
        &self,
        config: &SourceConfig,
        delivery: &Delivery<'_>,
    ) -> Result<Verified, Unverified>;

    /// The headers with which the CRM signs a body. `None` where the id cannot be signed.
    fn sign(
        &self,
        key: &[u8],
        event_id: &EventId,
        body: &[u8],
        now: Timestamp,
    ) -> Option<SignedHeaders>;
}

/// What the headers of a request claim: which parts are signed, and the signatures of which one must match.
pub(super) struct Claims<'a> {
    pub(super) event_id: Option<EventId>,
    pub(super) time: Timestamp,
    pub(super) parts: Vec<&'a [u8]>,
    pub(super) signatures: Vec<Vec<u8>>,
}

impl Claims<'_> {
    /// Whether one of the source's keys made one of the signatures, lately. Every key is tried, and each comparison takes the same time
    /// wherever it fails.
    pub(super) fn verify(
        self,
        config: &SourceConfig,
        now: Timestamp,
    ) -> Result<Verified, Unverified> {
        if now.duration_since(self.time).abs() > config.tolerance {
            return Err(Unverified::Stale);
        }
        let matches = config
            .keys
            .iter()
            .fold(false, |found, key| self.matches(key) | found);
        if !matches {
            return Err(Unverified::Mismatch);
        }
        Ok(Verified {
            is_signed: true,
            event_id: self.event_id,
        })
    }

    fn matches(&self, key: &Key) -> bool {
        let mac = mac(&key.bytes, &self.parts);
        self.signatures.iter().fold(false, |found, signature| {
            mac.clone().verify_slice(signature).is_ok() | found
        })
    }
}

pub(super) fn mac(key: &[u8], parts: &[&[u8]]) -> Hmac<Sha256> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes a key of any length");
    for part in parts {
        mac.update(part);
    }
    mac
}

/// A header without which nothing can be verified.
pub(super) fn require<'a>(
    headers: &'a dyn Headers,
    name: &'static str,
) -> Result<&'a str, Unverified> {
    headers.get(name).ok_or(Unverified::HeaderMissing(name))
}

/// A signature's time: whole seconds since the epoch, digits only, so that no second text means the same.
pub(super) fn parse_seconds(header: &'static str, text: &str) -> Result<Timestamp, Unverified> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let seconds = text
        .parse()
        .ok()
        .filter(|_seconds| digits)
        .ok_or(Unverified::HeaderMalformed(header))?;
    Timestamp::from_second(seconds).map_err(|_out_of_range| Unverified::Stale)
}
