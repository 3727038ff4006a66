//! Close: `close-sig-hash` is the lower-case hex of HMAC-SHA256 over the timestamp and the body, with nothing between them.

use super::{Headers, Signed, Unverified, mac, parse_seconds};
use hmac::Mac;

const HASH: &str = "close-sig-hash";
const TIMESTAMP: &str = "close-sig-timestamp";
const DIGEST_BYTES: usize = 32;

/// The key is 64 hexadecimal digits, decoded: not the digits themselves, as a common mistake has it.
pub(super) fn key(secret: &str) -> Option<Vec<u8>> {
    hex::decode(secret)
        .ok()
        .filter(|key| key.len() == DIGEST_BYTES)
}

pub(super) fn read<'a>(headers: &'a dyn Headers, body: &'a [u8]) -> Result<Signed<'a>, Unverified> {
    let hash = headers.get(HASH).ok_or(Unverified::Header)?;
    let timestamp = headers.get(TIMESTAMP).ok_or(Unverified::Header)?;
    let time = parse_seconds(timestamp)?;
    let is_lower = !hash.bytes().any(|byte| byte.is_ascii_uppercase());
    let signature = hex::decode(hash)
        .ok()
        .filter(|_signature| is_lower)
        .ok_or(Unverified::Header)?;
    Ok(Signed {
        event_id: None,
        time,
        parts: vec![timestamp.as_bytes(), body],
        signatures: vec![signature],
    })
}

pub(super) fn sign(key: &[u8], timestamp: String, body: &[u8]) -> Vec<(&'static str, String)> {
    let digest = mac(key, &[timestamp.as_bytes(), body])
        .finalize()
        .into_bytes();
    vec![(HASH, hex::encode(digest)), (TIMESTAMP, timestamp)]
}
