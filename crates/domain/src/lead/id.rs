//! Who an event is about and which event it is.

use crate::limits::{EVENT_ID_CHARS_MAX, LEAD_ID_CHARS_MAX};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use sha2::{Digest, Sha256};
use std::fmt;

/// The CRM's id of a lead: `^[A-Za-z0-9][A-Za-z0-9_-]{0,127}$` (docs/PROTOCOL.md, Requests and answers).
///
/// A valid lead id is not personal data: it may be logged, used in keys and shown.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct LeadId(String);

/// A text that is not a lead id. It never shows the text: an invalid id may be anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "a lead id has 1 to 128 characters of A-Z, a-z, 0-9, '_' and '-', and begins with a letter or a digit"
)]
pub struct LeadIdError;

impl LeadId {
    /// Takes a text that is exactly a lead id.
    pub fn parse(text: &str) -> Result<Self, LeadIdError> {
        let mut bytes = text.bytes();
        let first = bytes.next().ok_or(LeadIdError)?;
        let valid = first.is_ascii_alphanumeric()
            && text.len() <= LEAD_ID_CHARS_MAX
            && bytes.all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-');
        if valid {
            Ok(Self(text.to_owned()))
        } else {
            Err(LeadIdError)
        }
    }

    /// Takes a JSON string, or a non-negative integer as its exact decimal text: not `1e2`, not `1.0`, not `-0` (docs/PROTOCOL.md, Requests and answers).
    pub fn from_json(value: &RawValue) -> Result<Self, LeadIdError> {
        let token = value.get();
        if token.starts_with(|c: char| c.is_ascii_digit()) {
            let whole = token.bytes().all(|b| b.is_ascii_digit());
            return if whole {
                Self::parse(token)
            } else {
                Err(LeadIdError)
            };
        }
        let text: String = serde_json::from_str(token).map_err(|_not_text| LeadIdError)?;
        Self::parse(&text)
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for LeadId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for LeadId {
    type Error = LeadIdError;
    fn try_from(text: String) -> Result<Self, LeadIdError> {
        Self::parse(&text)
    }
}

impl From<LeadId> for String {
    fn from(id: LeadId) -> Self {
        id.0
    }
}

/// The id of an event: the CRM's own, else one made at receipt. 1 to 256 visible ASCII characters.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct EventId(String);

/// A text that is not an event id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an event id has 1 to 256 visible ASCII characters")]
pub struct EventIdError;

impl EventId {
    /// Takes a text of 1 to 256 visible ASCII characters.
    pub fn parse(text: &str) -> Result<Self, EventIdError> {
        let valid = !text.is_empty()
            && text.len() <= EVENT_ID_CHARS_MAX
            && text.bytes().all(|b| b.is_ascii_graphic());
        if valid {
            Ok(Self(text.to_owned()))
        } else {
            Err(EventIdError)
        }
    }

    /// The id of an event that brought none, from 128 bits of randomness: `lw_` and 32 hexadecimal digits.
    pub fn from_random(bits: [u8; 16]) -> Self {
        Self(format!("lw_{}", hex::encode(bits)))
    }

    /// The id of the element at `index` of a request that has this id and several elements. One that is too long is digested.
    #[must_use]
    pub fn of_element(&self, index: usize) -> Self {
        let id = format!("{self}.{index}");
        if id.len() <= EVENT_ID_CHARS_MAX {
            Self(id)
        } else {
            Self(hex::encode(Sha256::digest(id)))
        }
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for EventId {
    type Error = EventIdError;
    fn try_from(text: String) -> Result<Self, EventIdError> {
        Self::parse(&text)
    }
}

impl From<EventId> for String {
    fn from(id: EventId) -> Self {
        id.0
    }
}

/// The SHA-256 of some bytes, printed as 64 lower-case hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Sha256Hex([u8; 32]);

/// A text that is not 64 hexadecimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a SHA-256 is 64 hexadecimal digits")]
pub struct Sha256HexError;

impl Sha256Hex {
    /// The digest of `bytes`.
    pub fn of(bytes: &[u8]) -> Self {
        Self(Sha256::digest(bytes).into())
    }

    /// Takes 64 hexadecimal digits.
    pub fn parse(text: &str) -> Result<Self, Sha256HexError> {
        let mut digest = [0; 32];
        hex::decode_to_slice(text, &mut digest).map_err(|_not_hex| Sha256HexError)?;
        Ok(Self(digest))
    }
}

impl fmt::Display for Sha256Hex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for Sha256Hex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Sha256Hex({self})")
    }
}

impl TryFrom<String> for Sha256Hex {
    type Error = Sha256HexError;
    fn try_from(text: String) -> Result<Self, Sha256HexError> {
        Self::parse(&text)
    }
}

impl From<Sha256Hex> for String {
    fn from(digest: Sha256Hex) -> Self {
        digest.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lead_id_is_what_the_contract_allows_and_nothing_else() {
        for good in ["a", "0", "lead_1Test", "A-b_c", &"x".repeat(128)] {
            assert!(LeadId::parse(good).is_ok(), "{good:?}");
        }
        let long = "x".repeat(129);
        let odd = ["a b", "a\n", "a\0", "é", "a\u{202e}", &long];
        for bad in ["", "_a", "-a", "a/b", "../a", "a.b", "a%2e"]
            .into_iter()
            .chain(odd)
        {
            assert!(LeadId::parse(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn an_event_id_is_visible_ascii_within_its_limit() {
        assert!(EventId::parse(&"e".repeat(256)).is_ok());
        for bad in ["", "a b", "a\n", "é", &"e".repeat(257)] {
            assert!(EventId::parse(bad).is_err(), "{bad:?}");
        }
        let made = EventId::from_random([7; 16]);
        assert_eq!(made.as_str(), "lw_07070707070707070707070707070707");
    }

    #[test]
    fn an_element_has_the_id_of_its_request_and_its_place() {
        let request = EventId::parse("msg_1").unwrap();
        assert_eq!(request.of_element(0).as_str(), "msg_1.0");
        assert_eq!(request.of_element(99).as_str(), "msg_1.99");
        let fits = EventId::parse(&"e".repeat(254)).unwrap();
        assert_eq!(fits.of_element(7).as_str(), "e".repeat(254) + ".7");
        let digest = Sha256Hex::of(format!("{}.10", "e".repeat(254)).as_bytes());
        assert_eq!(fits.of_element(10).as_str(), digest.to_string());
    }

    #[test]
    fn a_digest_survives_its_text() {
        let digest = Sha256Hex::of(b"abc");
        let text = digest.to_string();
        let expected = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(text, expected);
        assert_eq!(Sha256Hex::parse(&text), Ok(digest));
        assert!(Sha256Hex::parse("abc").is_err());
    }
}
