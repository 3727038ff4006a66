#![doc = include_str!("../README.md")]

pub mod canary;
pub mod config;
pub mod enrich;
pub mod events;
mod failed;
#[cfg(feature = "fakes")]
pub mod fakes;
pub mod ingest;
pub mod metric;
pub mod port;
pub mod sabotage;
pub mod secrets;
pub mod sweep;
pub mod trace;
