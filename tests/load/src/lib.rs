#![doc = include_str!("../README.md")]

pub mod check;
pub mod flood;
pub mod lead;
pub mod machine;
pub mod post;
pub mod report;
mod sender;
pub mod smtp;
pub mod soak;
#[cfg(feature = "aws")]
pub mod stack;
pub mod vital;
