//! When two JSON values mean the same, and when one means nothing.

use super::{Object, raw_text};
use serde_json::value::RawValue;

/// Whether a value says nothing: `null`, or a string of white space only.
pub(crate) fn is_empty(value: &RawValue) -> bool {
    match value.get() {
        "null" => true,
        text if text.starts_with('"') => decoded(text).is_some_and(|text| text.trim().is_empty()),
        _ => false,
    }
}

/// Whether two values mean the same: strings by their characters, numbers by their digits, arrays item by item, objects whatever their
/// order and white space.
pub(crate) fn is_same(one: &RawValue, other: &RawValue) -> bool {
    one.get() == other.get() || canonical(one.get()) == canonical(other.get())
}

/// One text for all ways to write a value. Depth is bounded by the strict parse that came before.
fn canonical(value: &str) -> String {
    match value.as_bytes().first() {
        Some(b'"') => {
            decoded(value).map_or_else(|| value.to_owned(), |text| raw_text(&text).get().to_owned())
        }
        Some(b'{') => Object::parse(value.as_bytes()).map_or_else(
            |_unreachable| value.to_owned(),
            |object| canonical_object(&object),
        ),
        Some(b'[') => serde_json::from_str::<Vec<&RawValue>>(value).map_or_else(
            |_unreachable| value.to_owned(),
            |items| canonical_array(&items),
        ),
        _ => value.to_owned(),
    }
}

fn canonical_object(object: &Object) -> String {
    let members: Vec<String> = object
        .iter()
        .map(|(name, value)| format!("{}:{}", raw_text(name), canonical(value.get())))
        .collect();
    format!("{{{}}}", members.join(","))
}

fn canonical_array(items: &[&RawValue]) -> String {
    let items: Vec<String> = items.iter().map(|item| canonical(item.get())).collect();
    format!("[{}]", items.join(","))
}

fn decoded(text: &str) -> Option<String> {
    serde_json::from_str(text).ok()
}
