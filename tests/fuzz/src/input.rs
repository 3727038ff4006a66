//! Taking an input apart.

use jiff::Timestamp;
use std::borrow::Cow;

/// An event, where an input has none.
pub(crate) const EVENT: &[u8] =
    br#"{"lead_id":"test-1","display_name":"Alice","owner_email":"eve@example.org"}"#;
const DIVIDER: &[u8] = b"\n~\n";

/// The parts of an input, which lines of `~` divide. What is not there is empty; the last part is all the rest.
pub(crate) fn parts<const N: usize>(data: &[u8]) -> [&[u8]; N] {
    let mut parts: [&[u8]; N] = [&[]; N];
    let mut rest = data;
    let count = parts.len();
    for (number, part) in (1..).zip(&mut parts) {
        let mut windows = rest.windows(DIVIDER.len());
        let divider = windows.position(|window| window == DIVIDER);
        let end = divider.filter(|_| number < count).unwrap_or(rest.len());
        (*part, rest) = rest.split_at(end);
        rest = rest.get(DIVIDER.len()..).unwrap_or_default();
    }
    parts
}

/// Any bytes as text.
pub(crate) fn text(data: &[u8]) -> Cow<'_, str> {
    String::from_utf8_lossy(data)
}

/// The bytes, or a default where there are none.
pub(crate) fn or<'a>(data: &'a [u8], default: &'a [u8]) -> &'a [u8] {
    if data.is_empty() { default } else { data }
}

/// The moment in which every law plays.
pub(crate) fn now() -> Timestamp {
    Timestamp::from_second(1_795_416_600).expect("within range")
}

/// A string as JSON.
pub(crate) fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}
