//! Strict, lossless JSON: members are kept as the bytes that came, so that digits, unknown fields and nested order survive.

mod meaning;
mod scan;

pub(crate) use meaning::{is_empty, is_same};

use serde_json::value::RawValue;
use std::collections::BTreeMap;
use std::fmt;

/// A JSON object whose members are kept verbatim, sorted by name. Its `Debug` shows none of them: they are a lead's.
#[derive(Clone, Default)]
pub struct Object(BTreeMap<String, Box<RawValue>>);

/// Bytes that are not a strict JSON object. It never shows them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JsonError {
    /// Not JSON, not UTF-8, with a byte order mark, a lone surrogate escape, or followed by something.
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
    /// Takes strict JSON: UTF-8, no byte order mark, no duplicate key at any depth, no lone surrogate, at most 64 levels.
    pub fn parse(bytes: &[u8]) -> Result<Self, JsonError> {
        let text = std::str::from_utf8(bytes).map_err(|_not_utf8| JsonError::Invalid)?;
        let members = scan::members(text)?.ok_or(JsonError::NotObject)?;
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
        serde_json::from_str(self.get(name)?.get()).ok()
    }

    /// A member that is an object.
    pub fn object(&self, name: &str) -> Option<Self> {
        Self::parse(self.get(name)?.get().as_bytes()).ok()
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

    /// Sets a member to a string.
    pub fn set_text(&mut self, name: &str, text: &str) {
        self.set(name, raw_text(text));
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
