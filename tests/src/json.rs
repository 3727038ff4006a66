//! Looking into JSON without fear: what is not there is null.

use serde_json::Value;

/// A member of a value by its name; null where there is none.
pub trait At {
    /// The member `name`.
    fn at(&self, name: &str) -> &Value;
}

impl At for Value {
    fn at(&self, name: &str) -> &Value {
        self.get(name).unwrap_or(&Value::Null)
    }
}
