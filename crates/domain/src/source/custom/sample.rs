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
        set(&mut element, pointer.steps(), value.as_str().into());
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
    set(&mut document, pointer.steps(), value.into());
    Some(document.to_string().into_bytes())
}

/// Sets a value, and makes what is on the way to it: a list where an index follows, else an object.
pub(super) fn set(place: &mut Value, steps: &[String], value: Value) {
    let Some((step, rest)) = steps.split_first() else {
        *place = value;
        return;
    };
    if let (Ok(index), false) = (step.parse::<usize>(), place.is_object() && !is_empty(place)) {
        if !place.is_array() {
            *place = Value::Array(Vec::new());
        }
        if let Value::Array(items) = place {
            let room = items.len().max(index.saturating_add(1)).min(LIST_MAX);
            items.resize(room, Value::Object(Map::new()));
            if let Some(item) = items.get_mut(index) {
                set(item, rest, value);
            }
        }
        return;
    }
    if !place.is_object() {
        *place = Value::Object(Map::new());
    }
    if let Value::Object(members) = place {
        let member = members.entry(step.clone());
        let member = member.or_insert_with(|| Value::Object(Map::new()));
        set(member, rest, value);
    }
}

/// A longer list is made for no sample.
const LIST_MAX: usize = 100;

fn is_empty(value: &Value) -> bool {
    value.as_object().is_some_and(Map::is_empty)
}
