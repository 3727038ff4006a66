//! Who an event is about and which event it is.

use super::external;
use crate::limits::{EVENT_ID_CHARS_MAX, LEAD_ID_CHARS_MAX};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use sha2::{Digest, Sha256};
use std::fmt;

/// The id of a lead: `^[A-Za-z0-9][A-Za-z0-9_-]{0,127}$` (docs/PROTOCOL.md, Requests and answers). It is the CRM's own where that has this
/// form, else its stand-in.
///
/// A valid lead id is not personal data: it may be logged, used in keys and shown.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct LeadId(String);

/// A text that is not a lead id. It never shows the text: an invalid id may be anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "a lead id has 1 to 128 characters, and no white space, control or invisible character among them"
)]
pub struct LeadIdError;

impl LeadId {
    /// Takes an id as a CRM or a person writes it: of our form, or any other visible text, which its stand-in is made of.
    pub fn from_text(text: &str) -> Result<Self, LeadIdError> {
        let made = || external::stand_in(text).map(Self).ok_or(LeadIdError);
        Self::parse(text).or_else(|_other_form| made())
    }

    /// Takes a text that is exactly a lead id of our form, as keys, labels and documents have it.
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

    /// Takes a JSON string as [`LeadId::from_text`] does, or a non-negative integer as its exact decimal text: not `1e2`, not `1.0`, not `-0` (docs/PROTOCOL.md, Requests and answers).
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
        Self::from_text(&exact_text(value).ok_or(LeadIdError)?)
    }

    /// The CRM's own id in a JSON value, where that is another text than its lead id.
    pub fn external_in(value: &RawValue) -> Option<String> {
        let text = exact_text(value)?;
        let id = Self::from_text(&text).ok()?;
        (id.as_str() != text).then_some(text)
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A string, character by character: of a text with a lone surrogate nobody knows which id is meant, and two ids could be one.
fn exact_text(value: &RawValue) -> Option<String> {
    serde_json::from_str(value.get()).ok()
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

    /// The id of an event that brought none, where every reader must make the same one.
    pub fn from_digest(digest: Sha256Hex) -> Self {
        let [bits, _] = digest.halves();
        Self::from_random(bits)
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

    /// Its two halves.
    fn halves(self) -> [[u8; 16]; 2] {
        let Self(digest) = self;
        let half = |from: usize| {
            std::array::from_fn(|at| digest.get(from + at).copied().unwrap_or_default())
        };
        [half(0), half(16)]
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
    use crate::sample::cases;
    use proptest::prelude::*;

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

    #[track_caller]
    fn check(text: &str, expected: &str) {
        let id = LeadId::from_text(text);
        assert_eq!(
            id.as_ref().map_or("none", LeadId::as_str),
            expected,
            "{text:?}"
        );
    }

    #[test]
    fn an_id_of_another_alphabet_goes_by_the_digest_of_its_text() {
        // printf %s "$ID" | sha256sum | cut -c1-32
        check("urn:li:1:2", "x-8bb74f51c5a090706995444348edde77");
        check("{GUID}", "x-6bc8a62dbbbb89ff48dac7dec51b2ef4");
        check("-abc", "x-649d85fcc5d7e13d1217fc85fc746817");
        check("lead.123", "x-078156c0074dffb9a607d53af2d007b5");
        check("中村", "x-adaab6500b35e39bd2329832ffb170a0");
        for own in [
            "a",
            "lead_1Test",
            "x-",
            "x-8bb74f51c5a090706995444348edde77",
        ] {
            check(own, own);
        }
        let long = "é".repeat(128);
        assert!(LeadId::from_text(&long).is_ok());
        for none in [
            "",
            "a b",
            " a",
            "a\n",
            "a\0",
            "a\u{202e}",
            "a\u{ad}",
            "a\u{a0}b",
            "\u{feff}a",
            &(long + "é"),
        ] {
            check(none, "none");
        }
    }

    #[test]
    fn the_text_of_an_id_is_known_where_it_is_another_one() {
        let external = |json: &str| {
            let value = RawValue::from_string(json.to_owned()).unwrap();
            LeadId::external_in(&value)
        };
        assert_eq!(external(r#""a\/b""#).as_deref(), Some("a/b"));
        for own in [
            r#""a""#,
            "17",
            r#""x-00112233445566778899aabbccddeeff""#,
            "null",
            r#""a b""#,
            r#""\ud83d""#,
        ] {
            assert_eq!(external(own), None, "{own}");
        }
    }

    proptest! {
        #![proptest_config(cases())]

        #[test]
        fn every_text_is_one_id_or_none_and_an_id_is_itself(text in "\\PC{0,140}", other in "\\PC{0,4}") {
            let id = LeadId::from_text(&text);
            let is_visible = !text.chars().any(|c| c.is_whitespace() || c.is_control());
            if let Ok(id) = &id {
                prop_assert!(is_visible && (1..=128).contains(&text.chars().count()));
                prop_assert_eq!(LeadId::parse(id.as_str()), Ok(id.clone()));
                prop_assert_eq!(LeadId::from_text(id.as_str()), Ok(id.clone()));
                let json = RawValue::from_string(serde_json::to_string(&text).unwrap()).unwrap();
                prop_assert_eq!(LeadId::from_json(&json), Ok(id.clone()));
                let own = LeadId::external_in(&json).unwrap_or_else(|| id.to_string());
                prop_assert_eq!(&own, &text);
            }
            if let (Ok(one), Ok(two)) = (id, LeadId::from_text(&other)) {
                prop_assert_eq!(one == two, text == other);
            }
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
