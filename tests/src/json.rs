//! Looking into JSON without fear: what is not there is null, and null is empty.

use serde_json::Value;

/// What a value holds.
pub trait At {
    /// The member `name`; null where there is none.
    fn at(&self, name: &str) -> &Value;

    /// The text that it is; empty where it is none.
    fn text(&self) -> &str;

    /// The items of the list that it is; none where it is no list.
    fn items(&self) -> &[Value];

    /// The items of the list that it is; itself where it is no list.
    fn many(&self) -> &[Value];
}

impl At for Value {
    fn at(&self, name: &str) -> &Value {
        self.get(name).unwrap_or(&Value::Null)
    }

    fn text(&self) -> &str {
        self.as_str().unwrap_or_default()
    }

    fn items(&self) -> &[Value] {
        self.as_array().map_or(&[], Vec::as_slice)
    }

    fn many(&self) -> &[Value] {
        let one = std::slice::from_ref(self);
        self.as_array().map_or(one, Vec::as_slice)
    }
}
