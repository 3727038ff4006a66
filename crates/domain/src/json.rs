//! Strict, lossless JSON: members are kept as the bytes that came, so that digits, unknown fields and nested order survive.

use serde_json::value::RawValue;
use std::collections::BTreeMap;

/// A JSON object whose members are kept verbatim, sorted by name.
#[derive(Clone, Debug, Default)]
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

impl Object {
    /// Takes strict JSON: UTF-8, no byte order mark, no duplicate key at any depth, no lone surrogate, at most 64 levels.
    pub fn parse(_bytes: &[u8]) -> Result<Self, JsonError> {
        todo!()
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
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_ref()))
    }

    /// Sets a member to verbatim JSON.
    pub fn set(&mut self, name: &str, value: Box<RawValue>) {
        self.0.insert(name.to_owned(), value);
    }
}
