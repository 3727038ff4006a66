#![doc = include_str!("../README.md")]

pub mod audit;
pub mod canary;
pub mod config;
pub mod enrich;
pub mod events;
mod failed;
#[cfg(feature = "fakes")]
pub mod fakes;
pub mod forget;
pub mod ingest;
mod listing;
pub mod metric;
pub mod parked;
pub mod port;
mod raw;
pub mod replay;
pub mod sabotage;
pub mod secrets;
pub mod sweep;
pub mod trace;
