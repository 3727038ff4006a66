//! Standard Webhooks: `v1,` and the base64 of HMAC-SHA256 over `id.timestamp.body`.

use super::{Headers, Signed, Unverified, mac, parse_seconds};
use crate::lead::id::EventId;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::Mac;

const SECRET_PREFIX: &str = "whsec_";
const VERSION: &str = "v1,";
const ID: &str = "webhook-id";
const TIMESTAMP: &str = "webhook-timestamp";
const SIGNATURE: &str = "webhook-signature";
/// The headers of the standard, and those under which Svix sends the same.
const HEADERS: [[&str; 3]; 2] = [
    [ID, TIMESTAMP, SIGNATURE],
    ["svix-id", "svix-timestamp", "svix-signature"],
];

/// The key is base64 of 24 to 64 bytes after `whsec_`.
pub(super) fn key(secret: &str) -> Option<Vec<u8>> {
    let key = STANDARD.decode(secret.strip_prefix(SECRET_PREFIX)?).ok()?;
    (24..=64).contains(&key.len()).then_some(key)
}

pub(super) fn read<'a>(headers: &'a dyn Headers, body: &'a [u8]) -> Result<Signed<'a>, Unverified> {
    let [id, timestamp, list] = HEADERS
        .into_iter()
        .find_map(|[id, timestamp, signature]| {
            Some([
                headers.get(id)?,
                headers.get(timestamp)?,
                headers.get(signature)?,
            ])
        })
        .ok_or(Unverified::Header)?;
    let event_id = parse_id(id).ok_or(Unverified::Header)?;
    let time = parse_seconds(timestamp)?;
    // Other versions, such as v1a, are for receivers that know them.
    let signatures = list
        .split(' ')
        .filter_map(|item| STANDARD.decode(item.strip_prefix(VERSION)?).ok())
        .collect();
    let parts = vec![id.as_bytes(), b".", timestamp.as_bytes(), b".", body];
    Ok(Signed {
        event_id: Some(event_id),
        time,
        parts,
        signatures,
    })
}

pub(super) fn sign(
    key: &[u8],
    event_id: &EventId,
    timestamp: String,
    body: &[u8],
) -> Vec<(&'static str, String)> {
    let id = event_id.as_str();
    if parse_id(id).is_none() {
        return Vec::new();
    }
    let digest = mac(
        key,
        &[id.as_bytes(), b".", timestamp.as_bytes(), b".", body],
    )
    .finalize()
    .into_bytes();
    vec![
        (ID, id.to_owned()),
        (TIMESTAMP, timestamp),
        (SIGNATURE, format!("{VERSION}{}", STANDARD.encode(digest))),
    ]
}

/// An id with a full stop could pass part of itself off as the timestamp.
fn parse_id(text: &str) -> Option<EventId> {
    EventId::parse(text)
        .ok()
        .filter(|id| !id.as_str().contains('.'))
}
