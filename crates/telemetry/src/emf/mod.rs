//! `CloudWatch`'s embedded metric format, by an encoder that cannot write a document which `CloudWatch` would drop.

mod document;
mod limit;
mod value;

#[cfg(any(test, feature = "judge"))]
mod judge;
pub(crate) use document::Document;
#[cfg(any(test, feature = "judge"))]
pub use judge::{Sample, validate};
#[cfg(test)]
pub(crate) use limit::{LINE_BYTES_MAX, PAST_MS};
pub(crate) use limit::{is_dimension_value, is_in_window};
pub(crate) use value::{Loss, Value};
