#![doc = include_str!("../README.md")]

pub mod canary;
pub mod change;
pub mod claim;
pub mod email;
pub mod enriched;
pub mod event;
pub mod failure;
pub mod id;
pub mod json;
pub mod key;
pub mod limits;
pub mod merge;
pub mod problem;
pub mod signature;
pub mod source;
pub mod trigger;
pub mod wait;

#[cfg(test)]
mod hostile;
#[cfg(test)]
mod sample;
