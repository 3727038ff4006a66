//! Where the events of a body stand.

use super::mapping::read_paths;
use crate::json::{Object, without_byte_order_mark};
use crate::problem::Problem;
use crate::source::event::parse_object;
use crate::source::members::Members;
use crate::source::pointer::Pointer;
use serde_json::value::RawValue;
use serde_json::{Map, Value};
use std::borrow::Cow;

pub(super) const EACH: &str = "each";
/// How deep lists may stand in lists.
const LISTS_MAX: usize = 4;

/// The way to the events of a body: the list in it, then the list in each of that one's elements, and so on. Without any the body is the event.
pub(super) struct Each(Vec<Pointer>);

impl Each {
    /// Reads the member, and notes what is wrong with it.
    pub(super) fn read(members: &mut Members<'_>) -> Self {
        let Some(value) = members.json(EACH) else {
            return Self(Vec::new());
        };
        let paths = read_paths(value).filter(|paths| paths.len() <= LISTS_MAX);
        if paths.is_none() {
            let form = "a JSON Pointer (RFC 6901), which begins with /, nor a list of one to four";
            members.wrong_member(EACH, &format!("is not {form}"));
        }
        Self(paths.unwrap_or_default())
    }

    /// Whether the body is the event.
    pub(super) fn is_body(&self) -> bool {
        self.0.is_empty()
    }

    /// The events of a body, each as it came.
    pub(super) fn split<'a>(&self, body: &'a [u8]) -> Result<Vec<Cow<'a, [u8]>>, Problem> {
        let Some((outer, inner)) = self.0.split_first() else {
            return Ok(vec![Cow::Borrowed(body)]);
        };
        let mut events = items(outer, body)?;
        for each in inner {
            events = events
                .into_iter()
                .flat_map(|event| within(event, each))
                .collect();
        }
        let events = events.iter().map(|event| event.get().as_bytes().to_vec());
        Ok(events.map(Cow::Owned).collect())
    }

    /// A body with this only event.
    pub(super) fn wrap(&self, event: Value) -> Value {
        self.0.iter().rev().fold(event, |event, each| {
            let mut body = Value::Object(Map::new());
            each.set(&mut body, Value::Array(vec![event]));
            body
        })
    }
}

type Items = Vec<Box<RawValue>>;

/// The list of a body.
fn items(each: &Pointer, body: &[u8]) -> Result<Items, Problem> {
    let list = if each.steps().is_empty() {
        let text = std::str::from_utf8(without_byte_order_mark(body));
        let text = text.map_err(|_quotes_input| Problem::InvalidJson)?;
        let list = serde_json::from_str(text).map_err(|_quotes_input| Problem::InvalidJson);
        Some(list?)
    } else {
        each.find(&parse_object(body)?)
    };
    listed(list).ok_or(Problem::InvalidEvent)
}

/// The list within an element. One in which there could be none stands for itself, and is refused by itself.
fn within(element: Box<RawValue>, each: &Pointer) -> Items {
    let list = if each.steps().is_empty() {
        Some(element.clone())
    } else {
        match Object::parse(element.get().as_bytes()) {
            Ok(object) => each.find(&object),
            Err(_no_object) => return vec![element],
        }
    };
    listed(list).unwrap_or_else(|| vec![element])
}

/// The items of what is a list, or nothing at all. `None` where it is anything else.
fn listed(list: Option<Box<RawValue>>) -> Option<Items> {
    match list.filter(|list| list.get() != "null") {
        Some(list) => serde_json::from_str(list.get()).ok(),
        None => Some(Vec::new()),
    }
}
