//! Bodies that are made up for a declaration: what its pointers point to, and nothing else.

use super::each::Each;
use super::form;
use super::mapping::Format;
use crate::source::pointer::Pointer;
use serde_json::{Map, Value};

/// A body with these values.
pub(super) fn body(format: Format, values: &[(Pointer, String)], each: &Each) -> Vec<u8> {
    if format == Format::Form {
        let pairs = values.iter().map(|(pointer, value)| {
            let name = pointer.steps().first().cloned();
            (name.unwrap_or_default(), value.clone())
        });
        return form::write(&pairs.collect::<Vec<_>>()).into_bytes();
    }
    let mut element = Value::Object(Map::new());
    for (pointer, value) in values {
        pointer.set(&mut element, value.as_str().into());
    }
    each.wrap(element).to_string().into_bytes()
}

/// A body with one more value.
pub(super) fn with(
    body: Vec<u8>,
    pointer: &Pointer,
    value: &str,
    format: Format,
) -> Option<Vec<u8>> {
    if format == Format::Form {
        let name = pointer.member()?.to_owned();
        let pair = form::write(&[(name, value.to_owned())]);
        return Some([body, pair.into_bytes()].join(&b'&'));
    }
    let mut document: Value = serde_json::from_slice(&body).ok()?;
    pointer.set(&mut document, value.into());
    Some(document.to_string().into_bytes())
}
