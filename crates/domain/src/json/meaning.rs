//! When two JSON values mean the same, and when one means nothing.

use super::scan;
use serde_json::value::RawValue;

/// Whether a value says nothing: `null`, or a string of white space only.
pub(crate) fn is_empty(value: &RawValue) -> bool {
    let text = value.get();
    text == "null" || scan::string(text).is_ok_and(|text| text.trim().is_empty())
}

/// Whether a value is a text, a number, `true` or `false`, and no list or object.
pub(crate) fn is_plain(value: &RawValue) -> bool {
    !value.get().starts_with(['{', '[']) && !is_empty(value)
}

/// A value as a person reads it: a string's characters, a number's digits, `true` or `false`. What is empty or nested is not shown.
pub(crate) fn shown(value: &RawValue) -> Option<String> {
    let text = value.get();
    if !is_plain(value) {
        return None;
    }
    if text.starts_with('"') {
        return scan::string(text).ok();
    }
    Some(text.to_owned())
}

/// Whether two values mean the same: strings by their characters, numbers by their digits, arrays item by item, objects whatever their
/// order and white space.
pub(crate) fn is_same(one: &RawValue, other: &RawValue) -> bool {
    one.get() == other.get()
        || matches!((scan::canonical(one.get()), scan::canonical(other.get())), (Ok(one), Ok(other)) if one == other)
}
