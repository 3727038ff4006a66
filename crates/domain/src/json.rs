//! Strict, lossless JSON: members are kept as the bytes that came, so that digits, unknown fields and nested order survive.

mod meaning;
mod scan;
mod spans;

pub(crate) use meaning::{is_empty, is_plain, is_same, shown};
pub(crate) use spans::Spans;

use serde_json::value::RawValue;
use std::collections::BTreeMap;
use std::fmt;
use std::str::Utf8Error;

/// U+FEFF in UTF-8.
const BYTE_ORDER_MARK: &[u8] = "\u{feff}".as_bytes();

/// A JSON object whose members are kept verbatim, sorted by name. Its `Debug` shows none of them: they are a lead's.
#[derive(Clone, Default)]
pub struct Object(BTreeMap<String, Box<RawValue>>);

/// Bytes that are not a strict JSON object. It never shows them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JsonError {
    /// Empty, or a text that ends before its object does: the beginning of an object, and nothing in it is wrong so far.
    #[error("empty or cut off")]
    CutOff,
    /// Not JSON, not UTF-8, or followed by something.
    #[error("not valid JSON")]
    Invalid,
    /// Nested deeper than the limit.
    #[error("nested deeper than 64 levels")]
    TooDeep,
    /// The same key twice in one object, at any depth.
    #[error("an object has the same key twice")]
    DuplicateKey,
    /// JSON, but no object.
    #[error("not a JSON object")]
    NotObject,
}

impl fmt::Debug for Object {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Object({} members)", self.0.len())
    }
}

impl Object {
    /// Takes strict JSON: UTF-8, no duplicate key at any depth, at most 64 levels. A byte order mark before it is skipped.
    pub fn parse(bytes: &[u8]) -> Result<Self, JsonError> {
        if BYTE_ORDER_MARK.starts_with(bytes) {
            return Err(JsonError::CutOff);
        }
        let bytes = without_byte_order_mark(bytes);
        let text = std::str::from_utf8(bytes).map_err(|error| not_utf8(bytes, error))?;
        let members = members(text)?.ok_or(JsonError::NotObject)?;
        let mut object = BTreeMap::new();
        for (name, value) in members {
            object.insert(name.into_owned(), raw(value)?);
        }
        Ok(Self(object))
    }

    /// A member's verbatim JSON.
    pub fn get(&self, name: &str) -> Option<&RawValue> {
        self.0.get(name).map(AsRef::as_ref)
    }

    /// A member that is a string.
    pub fn text(&self, name: &str) -> Option<String> {
        scan::string(self.get(name)?.get()).ok()
    }

    /// A member that is an object.
    pub fn object(&self, name: &str) -> Option<Self> {
        Self::parse(self.get(name)?.get().as_bytes()).ok()
    }

    /// The items of a member that is an array.
    pub(crate) fn items(&self, name: &str) -> Vec<Box<RawValue>> {
        let value = self.get(name);
        let items = value.and_then(|value| serde_json::from_str(value.get()).ok());
        items.unwrap_or_default()
    }

    /// A member as a person reads it.
    pub(crate) fn shown(&self, name: &str) -> Option<String> {
        meaning::shown(self.get(name)?)
    }

    /// Every member, sorted by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &RawValue)> {
        self.0
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_ref()))
    }

    /// Sets a member to verbatim JSON.
    pub fn set(&mut self, name: &str, value: Box<RawValue>) {
        self.0.insert(name.to_owned(), value);
    }

    /// Takes a member out.
    pub(crate) fn remove(&mut self, name: &str) -> Option<Box<RawValue>> {
        self.0.remove(name)
    }

    /// Sets a member to a string.
    pub fn set_text(&mut self, name: &str, text: &str) {
        self.set(name, raw_text(text));
    }
}

/// What follows a byte order mark, which editors and exports of Windows put before a text.
pub(crate) fn without_byte_order_mark(bytes: &[u8]) -> &[u8] {
    bytes.strip_prefix(BYTE_ORDER_MARK).unwrap_or(bytes)
}

/// A place in a text, as an editor counts: from 1, columns by characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) line: usize,
    pub(crate) column: usize,
}

/// Where bytes stop being JSON in UTF-8, whatever value they are. None where they are well formed.
pub(crate) fn fault(bytes: &[u8]) -> Option<Place> {
    let bytes = without_byte_order_mark(bytes);
    let (text, is_whole) = match std::str::from_utf8(bytes) {
        Ok(text) => (text, true),
        Err(error) => {
            let begin = bytes.get(..error.valid_up_to()).unwrap_or_default();
            (std::str::from_utf8(begin).unwrap_or_default(), false)
        }
    };
    let found = scan::fault(text);
    let read = found.or((!is_whole).then_some(text.len()))?;
    let read = text.get(..read).unwrap_or(text);
    let line = read.bytes().filter(|byte| *byte == b'\n').count() + 1;
    let last = read.rsplit('\n').next().unwrap_or_default();
    Some(Place {
        line,
        column: last.chars().count() + 1,
    })
}

/// The members of a document. Only the beginning of an object can be cut off.
fn members(text: &str) -> Result<Option<Vec<scan::Member<'_, &str>>>, JsonError> {
    scan::members(text).map_err(|error| {
        if error == JsonError::CutOff && !may_become_object(text) {
            JsonError::Invalid
        } else {
            error
        }
    })
}

fn may_become_object(text: &str) -> bool {
    let text = text.trim_ascii_start();
    text.is_empty() || text.starts_with('{')
}

/// Bytes that end within a character are cut off where any character may stand there, as in a string.
fn not_utf8(bytes: &[u8], error: Utf8Error) -> JsonError {
    let ends_within = error.error_len().is_none();
    let completed = String::from_utf8_lossy(bytes);
    match members(&completed) {
        Err(JsonError::CutOff) if ends_within => JsonError::CutOff,
        _ => JsonError::Invalid,
    }
}

/// A string as JSON.
pub(crate) fn raw_text(text: &str) -> Box<RawValue> {
    serde_json::value::to_raw_value(text).expect("a string always serialises")
}

/// A value that the scanner found, as an own copy.
fn raw(value: &str) -> Result<Box<RawValue>, JsonError> {
    RawValue::from_string(value.to_owned()).map_err(|_scanner_is_stricter| JsonError::Invalid)
}

#[cfg(test)]
mod tests;
