//! The owner file, which others write: the one reader of its bytes.

use super::field::LEAD_ID;
use super::id::LeadId;
use super::merge::{MergeError, check_side};
use crate::json::{JsonError, Object};

/// Why an owner file cannot be used. It never shows what is in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OwnerFileError {
    /// Nothing is in it yet, or the beginning of an object: its writer may still be at it.
    #[error("empty or cut off")]
    Unfinished,
    /// Over the limit.
    #[error("larger than 1 MiB")]
    TooLarge,
    /// No strict JSON object.
    #[error(transparent)]
    Json(JsonError),
    /// It does not say whose it is.
    #[error("has no valid lead_id")]
    NoLeadId,
    /// It is another lead's.
    #[error("names another lead")]
    OtherLead,
    /// It has a member of ours.
    #[error("has a member _leadwire, which is reserved")]
    Reserved,
}

impl From<JsonError> for OwnerFileError {
    fn from(error: JsonError) -> Self {
        match error {
            JsonError::CutOff => Self::Unfinished,
            JsonError::Invalid
            | JsonError::TooDeep
            | JsonError::DuplicateKey
            | JsonError::NotObject => Self::Json(error),
        }
    }
}

impl From<MergeError> for OwnerFileError {
    fn from(error: MergeError) -> Self {
        match error {
            MergeError::NoLeadId => Self::NoLeadId,
            MergeError::OtherLead => Self::OtherLead,
            MergeError::Reserved => Self::Reserved,
        }
    }
}

/// The fields of a lead's owner file.
pub fn parse_owner_file(lead_id: &LeadId, bytes: &[u8]) -> Result<Object, OwnerFileError> {
    let fields = Object::parse(bytes)?;
    check_side(lead_id, &fields)?;
    fields.get(LEAD_ID).ok_or(OwnerFileError::NoLeadId)?;
    Ok(fields)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample::{cases, document, members, quoted};
    use proptest::prelude::*;

    fn parse(bytes: &[u8]) -> Result<Object, OwnerFileError> {
        parse_owner_file(&LeadId::parse("test-1").unwrap(), bytes)
    }

    #[track_caller]
    fn check(bytes: &[u8], expected: &str) {
        let read = parse(bytes).map(drop).map_err(|error| error.to_string());
        let shown = String::from_utf8_lossy(bytes);
        assert_eq!(
            read.err().as_deref().unwrap_or("good"),
            expected,
            "{shown:?}"
        );
    }

    #[test]
    fn a_file_is_good_whatever_wrote_it() {
        for file in [
            "{\"lead_id\":\"test-1\",\"lead_owner\":\"Omar\"}",
            "\u{feff}{\"lead_id\":\"test-1\"}",
            "\u{feff}\r\n{\r\n\t\"lead_id\": \"test-1\"\r\n}\r\n",
        ] {
            check(file.as_bytes(), "good");
        }
        let number = parse_owner_file(&LeadId::parse("17").unwrap(), br#"{"lead_id":17}"#);
        assert!(number.is_ok());
    }

    #[test]
    fn what_its_writer_may_still_complete_is_unfinished() {
        let one: &[&[u8]] = &[
            b"",
            b" \r\n\t",
            b"\xef",
            b"\xef\xbb",
            b"\xef\xbb\xbf",
            b"\xef\xbb\xbf \n",
            b"{",
            b"{\"lead_id\":\"test-1\"",
            b"{\"lead_id\":\"another",
            b"{\"a\":tr",
            b"{\"a\":-",
            b"{\"a\":1",
            b"{\"a\":1.",
            b"{\"a\":1e+",
            b"{\"a\":[{\"b\":null},",
            b"{\"a\":\"\\",
            b"{\"a\":\"\\u00",
            b"{\"a\":\"\\ud83d",
            b"{\"a\":\"\\ud83d\\u",
            b"{\"a\":\"\xc3",
            b"{\"a\":\"\xf0\x9f\x98",
        ];
        for file in one {
            check(file, "empty or cut off");
        }
    }

    #[test]
    fn what_no_more_bytes_could_cure_is_wrong_at_once_and_named() {
        let one: &[(&[u8], &str)] = &[
            (b"poison", "not valid JSON"),
            (b"<html>", "not valid JSON"),
            (b"\xff\xfe{\0", "not valid JSON"),
            (b"\0\0\0\0", "not valid JSON"),
            (b"{\"a\":1,,", "not valid JSON"),
            (b"{\"a\":\"\0", "not valid JSON"),
            (b"{\"a\" 1", "not valid JSON"),
            (b"{\"a\":\xc3", "not valid JSON"),
            (b"{\"a\":\"\\\xc3", "not valid JSON"),
            (b"{\"a\":\"\xff\"", "not valid JSON"),
            (b"{\"lead_id\":\"test-1\"}{", "not valid JSON"),
            (b"[", "not valid JSON"),
            (b"[]", "not a JSON object"),
            (b"null", "not a JSON object"),
            (b"\"test-1\"", "not a JSON object"),
            (
                b"{\"lead_id\":\"test-1\",\"lead_owner\":\"a\",\"lead_owner\":\"b\"}",
                "an object has the same key twice",
            ),
            (b"{}", "has no valid lead_id"),
            (b"{\"lead_id\":\"../1\"}", "has no valid lead_id"),
            (b"{\"lead_id\":\"test-2\"}", "names another lead"),
            (
                b"{\"lead_id\":\"test-1\",\"_leadwire\":1}",
                "has a member _leadwire, which is reserved",
            ),
        ];
        for (file, expected) in one {
            check(file, expected);
        }
        let deep = format!("{{\"a\":{}", "[".repeat(64));
        check(deep.as_bytes(), "nested deeper than 64 levels");
    }

    proptest! {
        #![proptest_config(cases())]

        /// Wherever a writer is interrupted, and whatever it writes.
        #[test]
        fn every_strict_prefix_of_a_good_file_is_unfinished_and_the_whole_one_is_good(
            mut members in members(),
            has_mark in any::<bool>(),
        ) {
            members.insert("lead_id".into(), quoted("test-1"));
            let mark = if has_mark { "\u{feff}" } else { "" };
            let whole = format!("{mark}{}", document(members.iter())).into_bytes();
            prop_assert!(parse(&whole).is_ok());
            for end in 0..whole.len() {
                prop_assert_eq!(parse(&whole[..end]).err(), Some(OwnerFileError::Unfinished), "{}", end);
            }
        }
    }
}
