//! What differs between two enriched documents of one event: field by field, without our own member.

use crate::json::{Object, is_empty, is_same};
use crate::lead::field::OURS;
use serde_json::value::RawValue;
use std::collections::BTreeSet;
use std::fmt;

/// A field that differs. Its `Debug` shows no value: they are a lead's.
#[derive(Clone)]
pub struct Change {
    /// The field.
    pub field: String,
    /// What it was, where there was one.
    pub before: Option<Box<RawValue>>,
    /// What it is, where there is one.
    pub after: Option<Box<RawValue>>,
}

impl fmt::Debug for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Change")
            .field("field", &self.field)
            .finish_non_exhaustive()
    }
}

/// The fields in which two documents differ, sorted by name. A field that is absent and one that says nothing are the same.
pub fn diff(before: &Object, after: &Object) -> Vec<Change> {
    let names: BTreeSet<&str> = before
        .iter()
        .chain(after.iter())
        .map(|(name, _)| name)
        .filter(|name| *name != OURS)
        .collect();
    names
        .into_iter()
        .filter(|name| differ(before.get(name), after.get(name)))
        .map(|name| Change {
            field: name.to_owned(),
            before: before.get(name).map(ToOwned::to_owned),
            after: after.get(name).map(ToOwned::to_owned),
        })
        .collect()
}

/// A value that says something.
fn said(value: Option<&RawValue>) -> Option<&RawValue> {
    value.filter(|value| !is_empty(value))
}

fn differ(before: Option<&RawValue>, after: Option<&RawValue>) -> bool {
    match (said(before), said(after)) {
        (Some(before), Some(after)) => !is_same(before, after),
        (None, None) => false,
        (Some(_), None) | (None, Some(_)) => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(before: &str, after: &str, expected: &[&str]) {
        let object = |text: &str| Object::parse(text.as_bytes()).unwrap();
        let changes = diff(&object(before), &object(after));
        let fields: Vec<&str> = changes.iter().map(|change| change.field.as_str()).collect();
        assert_eq!(fields, expected);
    }

    #[test]
    fn what_was_added_taken_away_or_changed_differs() {
        check(
            r#"{"a":1,"b":"x","gone":true,"_leadwire":{"schema":1}}"#,
            r#"{"a":1,"b":"y","new":[1],"_leadwire":{"schema":1,"more":2}}"#,
            &["b", "gone", "new"],
        );
    }

    #[test]
    fn what_means_the_same_does_not_differ() {
        check(
            r#"{"a":{"x":1,"y":2},"b":"\u00e4","c":null,"d":" ","f":null}"#,
            r#"{"a": { "y": 2, "x": 1 },"b":"ä","e":"","f":""}"#,
            &[],
        );
    }

    #[test]
    fn no_value_is_shown_by_debug() {
        let object = |text: &str| Object::parse(text.as_bytes()).unwrap();
        let changes = diff(&object(r#"{"a":"Alice"}"#), &object(r#"{"a":"Bob"}"#));
        assert_eq!(format!("{changes:?}"), r#"[Change { field: "a", .. }]"#);
    }
}
