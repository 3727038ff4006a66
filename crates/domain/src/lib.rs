#![doc = include_str!("../README.md")]

mod address;
pub mod channel;
pub mod claim;
pub mod effect;
pub mod failure;
pub mod hint;
pub mod json;
pub mod key;
pub mod lead;
pub mod limits;
pub mod message;
pub mod notice;
pub mod notification;
pub mod problem;
pub mod sender;
pub mod source;
pub mod wait;

#[cfg(test)]
mod hostile;
#[cfg(test)]
mod sample;
