//! Signatures over the raw bytes: Close and Standard Webhooks. Constant time, several secrets, failing closed.

mod close;
mod standard;

use crate::lead::id::EventId;
use crate::source::{Secret, Source, SourceConfig};
use hmac::{Hmac, KeyInit, Mac};
use jiff::{SignedDuration, Timestamp};
use sha2::Sha256;

/// A request's headers, by lower-case name.
pub trait Headers {
    /// The value of a header that stands there once and is visible ASCII, spaces included.
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
///
/// Nothing of the body is parsed. Every active secret is tried, and each comparison takes the same time wherever it fails.
pub fn verify(
    source: Source,
    config: &SourceConfig,
    headers: &dyn Headers,
    body: &[u8],
    now: Timestamp,
) -> Result<Verified, Unverified> {
    if config.secrets.is_empty() {
        return Err(Unverified::NotConfigured);
    }
    let signed = match source {
        Source::Close => close::read(headers, body)?,
        Source::Generic | Source::Standard | Source::Canary => standard::read(headers, body)?,
    };
    let tolerance = SignedDuration::from_secs(i64::from(config.tolerance_seconds));
    if now.duration_since(signed.time).abs() > tolerance {
        return Err(Unverified::Stale);
    }
    let keys = config
        .secrets
        .iter()
        .filter_map(|secret| key(source, secret));
    let matches = keys.fold(false, |found, key| signed.matches(&key) | found);
    if matches {
        Ok(Verified {
            event_id: signed.event_id,
        })
    } else {
        Err(Unverified::Mismatch)
    }
}

/// Signs `body` as `source` does: the headers to send, by lower-case name. For `leadwire send`, the canary and tests. A secret that has not
/// the form of its source signs nothing and gives no headers; so does an id with a full stop, which Standard Webhooks forbids.
pub fn sign(
    source: Source,
    secret: &Secret,
    event_id: &EventId,
    body: &[u8],
    now: Timestamp,
) -> Vec<(&'static str, String)> {
    let Some(key) = key(source, secret) else {
        return Vec::new();
    };
    let timestamp = now.as_second().to_string();
    match source {
        Source::Close => close::sign(&key, timestamp, body),
        Source::Generic | Source::Standard | Source::Canary => {
            standard::sign(&key, event_id, timestamp, body)
        }
    }
}

/// Whether a secret has the form of its source.
pub fn is_well_formed(source: Source, secret: &Secret) -> bool {
    key(source, secret).is_some()
}

/// The bytes to sign with, where the secret has the form of its source.
fn key(source: Source, secret: &Secret) -> Option<Vec<u8>> {
    match source {
        Source::Close => close::key(secret.expose()),
        Source::Generic | Source::Standard | Source::Canary => standard::key(secret.expose()),
    }
}

/// What a request claims: which parts are signed, and the signatures of which one must match.
struct Signed<'a> {
    event_id: Option<EventId>,
    time: Timestamp,
    parts: Vec<&'a [u8]>,
    signatures: Vec<Vec<u8>>,
}

impl Signed<'_> {
    fn matches(&self, key: &[u8]) -> bool {
        let mac = mac(key, &self.parts);
        self.signatures.iter().fold(false, |found, signature| {
            mac.clone().verify_slice(signature).is_ok() | found
        })
    }
}

fn mac(key: &[u8], parts: &[&[u8]]) -> Hmac<Sha256> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes a key of any length");
    for part in parts {
        mac.update(part);
    }
    mac
}

/// A signature's time: whole seconds since the epoch, digits only, so that no second text means the same.
fn parse_seconds(text: &str) -> Result<Timestamp, Unverified> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let seconds = text
        .parse()
        .ok()
        .filter(|_seconds| digits)
        .ok_or(Unverified::Header)?;
    Timestamp::from_second(seconds).map_err(|_out_of_range| Unverified::Stale)
}

#[cfg(test)]
mod tests;
