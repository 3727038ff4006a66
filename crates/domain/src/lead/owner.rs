//! The owner file, which others write: the one reader of its bytes, and of the address in it.

use super::field::LEAD_ID;
use super::id::LeadId;
use super::merge::{MergeError, check_side};
use crate::address::EmailAddress;
use crate::json::{JsonError, Object, is_empty};

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

/// The member with the owner's name.
pub const LEAD_OWNER: &str = "lead_owner";
/// The member with the owner's address.
pub const OWNER_EMAIL: &str = "owner_email";
/// What people call it instead, and what is not read.
const EMAIL: &str = "email";
/// What a copied link begins with.
const MAILTO: &str = "mailto:";

/// What is wrong with an owner file that can be used all the same. It never shows what is in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OwnerDefect {
    /// The lead is unassigned.
    #[error("names no owner: lead_owner is missing or empty")]
    NoOwner,
    /// The owner cannot be notified.
    #[error("owner_email is no single e-mail address, so the owner gets no mail")]
    Address,
    /// An address stands where it is not looked for.
    #[error("has email and no owner_email; only owner_email is read, so the owner gets no mail")]
    OtherName,
}

/// What is wrong with the fields of an owner file that can be used.
pub fn owner_defects(fields: &Object) -> Vec<OwnerDefect> {
    let is_text = |name| {
        let value = fields.get(name).filter(|value| !is_empty(value));
        value.is_some_and(|value| !value.get().starts_with(['{', '[']) && !is_blank(fields, name))
    };
    let address = match owner_address(fields) {
        Err(defect) => Some(defect),
        Ok(None) if is_text(EMAIL) => Some(OwnerDefect::OtherName),
        Ok(_) => None,
    };
    let owner = (!is_text(LEAD_OWNER)).then_some(OwnerDefect::NoOwner);
    owner.into_iter().chain(address).collect()
}

fn is_blank(fields: &Object, name: &str) -> bool {
    fields.text(name).is_some_and(|text| trim(&text).is_empty())
}

/// The owner's address among the fields of an owner file, where there is one.
pub fn owner_address(fields: &Object) -> Result<Option<EmailAddress>, OwnerDefect> {
    let value = fields.get(OWNER_EMAIL).filter(|value| !is_empty(value));
    if value.is_none() || is_blank(fields, OWNER_EMAIL) {
        return Ok(None);
    }
    let text = fields.text(OWNER_EMAIL).ok_or(OwnerDefect::Address)?;
    read_address(&text).map(Some).ok_or(OwnerDefect::Address)
}

/// One address, as people write and copy it: with blanks around it, as `Omar <omar@example.com>`, as a `mailto:` link. Several are none,
/// since nobody knows which one is meant.
pub fn read_address(text: &str) -> Option<EmailAddress> {
    let text = trim(text);
    let bare = match text.strip_suffix('>') {
        None => text,
        Some(named) => {
            let (name, address) = named.rsplit_once('<')?;
            if name.contains(['@', '<', '>']) {
                return None;
            }
            trim(address)
        }
    };
    let scheme = bare.get(..MAILTO.len());
    let is_link = scheme.is_some_and(|scheme| scheme.eq_ignore_ascii_case(MAILTO));
    let bare = if is_link {
        bare.get(MAILTO.len()..)?
    } else {
        bare
    };
    EmailAddress::parse(bare).ok()
}

/// Without the white space and the invisible marks around a text that come with what is copied.
fn trim(text: &str) -> &str {
    let is_mark = |c: char| matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}');
    text.trim_matches(|c: char| c.is_whitespace() || is_mark(c))
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
            (b"{\"lead_id\":\"test 1\"}", "has no valid lead_id"),
            (b"{\"lead_id\":\"../1\"}", "names another lead"),
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

    #[test]
    fn an_address_is_read_as_people_write_it() {
        for text in [
            "omar@example.com",
            "omar@example.com ",
            "\u{feff}\u{a0}omar@example.com\u{200b}\r\n",
            "Omar <omar@example.com>",
            "\"Khan, Omar\" <omar@example.com>",
            "<omar@example.com>",
            "عمر < omar@example.com > ",
            "mailto:omar@example.com",
            "Omar <MAILTO:omar@example.com>",
        ] {
            let address = read_address(text);
            let address = address.as_ref().map(EmailAddress::expose);
            assert_eq!(address, Some("omar@example.com"), "{text:?}");
        }
        for text in [
            "",
            "Omar",
            "omar@example.com, olga@example.com",
            "omar@example.com;olga@example.com",
            "Omar <omar@example.com>, Olga <olga@example.com>",
            "olga@example.com <omar@example.com>",
            "Omar <<omar@example.com>>",
            "Omar omar@example.com",
            "omar@example.com>",
            "omar@example.com\r\nBcc: eve@example.org",
            "mailto:omar@example.com?cc=eve@example.org",
        ] {
            assert_eq!(read_address(text), None, "{text:?}");
        }
    }

    #[test]
    fn what_is_wrong_with_a_file_that_can_be_used_is_named() {
        for (members, expected) in [
            (r#""lead_owner":"Omar""#, &[][..]),
            (r#""lead_owner":"Omar","owner_email":null"#, &[]),
            (
                r#""lead_owner":"Omar","owner_email":"Omar <omar@example.com> ""#,
                &[],
            ),
            (r#""lead_owner":"Omar","owner_email":" ","email":"""#, &[]),
            (
                r#""lead_owner":"Omar","owner_email":"omar@example.com","email":"x@y.zz""#,
                &[],
            ),
            (r#""lead_owner":7"#, &[]),
            (r#""lead_owner":" ""#, &[OwnerDefect::NoOwner]),
            (r#""lead_owner":["Omar"]"#, &[OwnerDefect::NoOwner]),
            (
                r#""owner_email":"omar@""#,
                &[OwnerDefect::NoOwner, OwnerDefect::Address],
            ),
            (
                r#""lead_owner":"Omar","owner_email":["omar@example.com","olga@example.com"]"#,
                &[OwnerDefect::Address],
            ),
            (
                r#""lead_owner":"Omar","owner_email":7"#,
                &[OwnerDefect::Address],
            ),
            (
                r#""lead_owner":"Omar","email":"omar@example.com""#,
                &[OwnerDefect::OtherName],
            ),
        ] {
            let file = format!("{{\"lead_id\":\"test-1\",{members}}}");
            let fields = parse(file.as_bytes()).unwrap();
            assert_eq!(owner_defects(&fields), expected, "{members}");
        }
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
