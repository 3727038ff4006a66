//! How Standard Webhooks sign: `v1,` and the base64 of HMAC-SHA256 over `id.timestamp.body`.

use super::intake::{Intake, Secret, SignedRequest};
use super::members::Members;
use super::signature::{Claims, mac, parse_seconds, require};
use super::{Delivery, Headers, Unverified, forms};
use crate::lead::id::EventId;
use crate::problem::Problem;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::Mac;
use jiff::{SignedDuration, Timestamp};
use std::borrow::Cow;

/// What a secret begins with.
pub(super) const SECRET_PREFIX: &str = "whsec_";
/// The header of the signatures.
pub(super) const SIGNATURE: &str = "webhook-signature";
const ID: &str = "webhook-id";
const TIMESTAMP: &str = "webhook-timestamp";
const VERSION: &str = "v1,";
/// The headers of the standard, and those under which Svix sends the same.
const HEADERS: [[&str; 3]; 2] = [
    [ID, TIMESTAMP, SIGNATURE],
    ["svix-id", "svix-timestamp", "svix-signature"],
];

/// A source that is signed so.
pub(super) struct StandardWebhooks {
    secrets: Vec<Secret>,
    /// Whether a body that is an array is several events.
    is_split: bool,
}

impl StandardWebhooks {
    /// Reads the members of such a source.
    pub(super) fn configure(members: &mut Members<'_>) -> Option<Self> {
        let form = "whsec_ and base64 of 24 to 64 bytes";
        let secrets = members.secrets("secrets", form, decode_secret)?;
        Some(Self {
            secrets,
            is_split: false,
        })
    }

    /// The same, where a body that is an array is several events.
    pub(super) fn with_arrays(self) -> Self {
        Self {
            is_split: true,
            ..self
        }
    }
}

impl Intake for StandardWebhooks {
    fn secrets(&self) -> usize {
        self.secrets.len()
    }

    fn verify(
        &self,
        delivery: &Delivery<'_>,
        tolerance: SignedDuration,
    ) -> Result<Option<EventId>, Unverified> {
        let headers = delivery.headers;
        let [id_name, timestamp_name, signature_name] = names(headers);
        let id = require(headers, id_name)?;
        let timestamp = require(headers, timestamp_name)?;
        let signatures = require(headers, signature_name)?;
        let event_id = parse_id(id).ok_or(Unverified::HeaderMalformed(id_name))?;
        let time = parse_seconds(timestamp_name, timestamp)?;
        // Other versions, such as v1a, are for receivers that know them.
        let signatures = signatures
            .split(' ')
            .filter_map(|item| STANDARD.decode(item.strip_prefix(VERSION)?).ok())
            .collect();
        let claims = Claims {
            event_id: Some(event_id),
            time,
            parts: vec![
                id.as_bytes(),
                b".",
                timestamp.as_bytes(),
                b".",
                delivery.body,
            ],
            signatures,
        };
        claims.verify(&self.secrets, delivery.received_at, tolerance)
    }

    fn sign(&self, event_id: &EventId, body: Vec<u8>, now: Timestamp) -> Option<SignedRequest> {
        let id = parse_id(event_id.as_str())?.to_string();
        let timestamp = now.as_second().to_string();
        let parts = [id.as_bytes(), b".", timestamp.as_bytes(), b".", &body];
        let secret = self.secrets.first()?;
        let digest = mac(secret.expose(), &parts).finalize().into_bytes();
        let signature = format!("{VERSION}{}", STANDARD.encode(digest));
        Some(SignedRequest {
            headers: vec![(ID, id), (TIMESTAMP, timestamp), (SIGNATURE, signature)],
            query: String::new(),
            body,
        })
    }

    fn split<'a>(&self, body: &'a [u8]) -> Result<Vec<Cow<'a, [u8]>>, Problem> {
        if self.is_split {
            forms::split_array(body)
        } else {
            Ok(vec![Cow::Borrowed(body)])
        }
    }
}

/// The key is base64 of 24 to 64 bytes after `whsec_`.
fn decode_secret(secret: &str) -> Option<Vec<u8>> {
    let key = STANDARD.decode(secret.strip_prefix(SECRET_PREFIX)?).ok()?;
    (24..=64).contains(&key.len()).then_some(key)
}

/// A secret of random bytes.
pub(super) fn make_secret(random: [u8; 32]) -> String {
    format!("{SECRET_PREFIX}{}", STANDARD.encode(random))
}

/// The names under which the headers came: the first set that is whole, else the one of which the most is there.
fn names(headers: &dyn Headers) -> [&'static str; 3] {
    let present = |names: &[&str; 3]| {
        names
            .iter()
            .filter(|name| headers.get(name).is_some())
            .count()
    };
    let [standard, svix] = HEADERS;
    if present(&svix) > present(&standard) {
        svix
    } else {
        standard
    }
}

/// An id with a full stop could pass part of itself off as the timestamp.
fn parse_id(text: &str) -> Option<EventId> {
    EventId::parse(text)
        .ok()
        .filter(|id| !id.as_str().contains('.'))
}
