#![doc = include_str!("../README.md")]

pub mod check;
pub mod flood;
#[cfg(feature = "aws")]
pub mod functions;
#[cfg(feature = "aws")]
pub mod kill;
pub mod lead;
pub mod machine;
pub mod million;
pub mod post;
pub mod report;
mod sender;
pub mod smtp;
pub mod soak;
pub mod target;
pub mod vital;
