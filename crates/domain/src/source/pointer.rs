//! JSON Pointers (RFC 6901) over documents whose values are kept as they came.

use crate::json::Object;
use serde_json::value::RawValue;
use serde_json::{Map, Value};
use std::fmt;

/// A longer list is made for no document.
const LIST_MAX: usize = 100;

/// A place in a document: the names and indexes on the way to it. Without any it is the document itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Pointer(Vec<String>);

impl Pointer {
    /// Takes `/a/b~1c/0`, or nothing for the document itself.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let Some(rest) = text.strip_prefix('/') else {
            return text.is_empty().then(|| Self(Vec::new()));
        };
        let steps = rest.split('/').map(unescape);
        steps.collect::<Option<_>>().map(Self)
    }

    /// The only name on the way, for a member of the document itself.
    pub(super) fn member(&self) -> Option<&str> {
        match &self.0[..] {
            [only] => Some(only),
            _ => None,
        }
    }

    /// The names and indexes on the way.
    pub(super) fn steps(&self) -> &[String] {
        &self.0
    }

    /// The value there, where it is reached from an object.
    pub(super) fn find(&self, top: &Object) -> Option<Box<RawValue>> {
        let (first, rest) = self.0.split_first()?;
        descend(top.get(first)?, rest)
    }

    /// Sets the value there, and makes what is on the way to it: a list where an index follows, else an object.
    pub(super) fn set(&self, document: &mut Value, value: Value) {
        set(document, &self.0, value);
    }
}

impl fmt::Display for Pointer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|step| {
            let step = step.replace('~', "~0").replace('/', "~1");
            write!(f, "/{step}")
        })
    }
}

fn unescape(step: &str) -> Option<String> {
    let mut parts = step.split('~');
    let first = parts.next().map(str::to_owned);
    parts.try_fold(first?, |read, part| {
        let (mark, rest) = part.split_at_checked(1)?;
        let mark = match mark {
            "0" => '~',
            "1" => '/',
            _ => return None,
        };
        Some(format!("{read}{mark}{rest}"))
    })
}

fn descend(value: &RawValue, steps: &[String]) -> Option<Box<RawValue>> {
    let Some((step, rest)) = steps.split_first() else {
        return Some(value.to_owned());
    };
    if value.get().starts_with('{') {
        let object = Object::parse(value.get().as_bytes()).ok()?;
        return descend(object.get(step)?, rest);
    }
    let is_index = step == "0" || step.starts_with(|first: char| ('1'..='9').contains(&first));
    let index: usize = step.parse().ok().filter(|_| is_index)?;
    let items: Vec<&RawValue> = serde_json::from_str(value.get()).ok()?;
    descend(items.get(index)?, rest)
}

fn set(place: &mut Value, steps: &[String], value: Value) {
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

fn is_empty(value: &Value) -> bool {
    value.as_object().is_some_and(Map::is_empty)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(pointer: &str, expected: Option<&str>) {
        let document =
            r#"{"foo":["bar",{"x":1.50}],"":0,"a/b":1,"m~n":8,"~1":2,"0":3,"deep":{"er":[[4]]}}"#;
        let top = Object::parse(document.as_bytes()).unwrap();
        let pointer = Pointer::parse(pointer).unwrap();
        let found = pointer.find(&top);
        assert_eq!(found.as_deref().map(RawValue::get), expected);
        assert_eq!(Pointer::parse(&pointer.to_string()), Some(pointer));
    }

    #[test]
    fn a_pointer_leads_to_a_value_as_it_came() {
        check("/foo/0", Some(r#""bar""#));
        check("/foo/1/x", Some("1.50"));
        check("/", Some("0"));
        check("/a~1b", Some("1"));
        check("/m~0n", Some("8"));
        check("/~01", Some("2"));
        check("/0", Some("3"));
        check("/deep/er/0/0", Some("4"));
    }

    #[test]
    fn what_is_not_there_is_no_mistake() {
        for missing in [
            "", "/bar", "/foo/2", "/foo/00", "/foo/-", "/foo/+1", "/foo/0/x", "/a~1b/0",
        ] {
            check(missing, None);
        }
    }

    #[test]
    fn what_is_no_pointer_is_told() {
        for wrong in ["foo", "#/foo", "/a~", "/a~2", "/~/b"] {
            assert_eq!(Pointer::parse(wrong), None, "{wrong}");
        }
        assert_eq!(Pointer::parse("/é~0").unwrap().member(), Some("é~"));
        assert_eq!(Pointer::parse("/a/b").unwrap().member(), None);
    }
}
