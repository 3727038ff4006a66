//! Who a lead is, and what is known about it.

pub mod change;
pub mod document;
mod external;
pub(crate) mod field;
pub mod id;
pub mod merge;
pub mod owner;
