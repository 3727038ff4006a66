//! Signatures over raw bytes: constant time, several keys, failing closed.

use super::delivery::{Headers, Unverified};
use super::intake::Secret;
use crate::lead::id::EventId;
use hmac::{Hmac, KeyInit, Mac};
use jiff::{SignedDuration, Timestamp};
use sha2::Sha256;

/// What the headers of a request claim: which parts are signed, and the signatures of which one must match.
pub(super) struct Claims<'a> {
    pub(super) event_id: Option<EventId>,
    pub(super) time: Timestamp,
    pub(super) parts: Vec<&'a [u8]>,
    pub(super) signatures: Vec<Vec<u8>>,
}

impl Claims<'_> {
    /// Whether one of these secrets made one of the signatures, lately. Every one is tried, and each comparison takes the same time
    /// wherever it fails.
    pub(super) fn verify(
        self,
        secrets: &[Secret],
        now: Timestamp,
        tolerance: SignedDuration,
    ) -> Result<Option<EventId>, Unverified> {
        check_time(self.time, now, tolerance)?;
        let matches = secrets
            .iter()
            .fold(false, |found, secret| self.matches(secret) | found);
        if matches {
            Ok(self.event_id)
        } else {
            Err(Unverified::Mismatch)
        }
    }

    fn matches(&self, secret: &Secret) -> bool {
        let mac = mac(secret.expose(), &self.parts);
        self.signatures.iter().fold(false, |found, signature| {
            mac.clone().verify_slice(signature).is_ok() | found
        })
    }
}

/// Whether a signature's time is near enough to now.
pub(super) fn check_time(
    time: Timestamp,
    now: Timestamp,
    tolerance: SignedDuration,
) -> Result<(), Unverified> {
    let age = now.duration_since(time);
    if age.abs() > tolerance {
        return Err(Unverified::Stale(age.as_secs()));
    }
    Ok(())
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
    let seconds = parse_digits(header, text)?;
    // What is out of range is stale by any tolerance.
    Ok(Timestamp::from_second(seconds).unwrap_or(Timestamp::MAX))
}

/// The same in milliseconds.
pub(super) fn parse_millis(header: &'static str, text: &str) -> Result<Timestamp, Unverified> {
    let millis = parse_digits(header, text)?;
    Ok(Timestamp::from_millisecond(millis).unwrap_or(Timestamp::MAX))
}

fn parse_digits(header: &'static str, text: &str) -> Result<i64, Unverified> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let number = text.parse().ok().filter(|_number| digits);
    number.ok_or(Unverified::HeaderMalformed(header))
}

/// A signature in lower-case hexadecimal digits, so that no second text means the same.
pub(super) fn parse_hex(header: &'static str, text: &str) -> Result<Vec<u8>, Unverified> {
    let is_lower = !text.bytes().any(|byte| byte.is_ascii_uppercase());
    let bytes = hex::decode(text).ok().filter(|_bytes| is_lower);
    bytes.ok_or(Unverified::HeaderMalformed(header))
}
