#![doc = include_str!("../README.md")]

pub mod config;
pub mod ledger;
pub mod observe;
pub mod operate;
pub mod port;
pub mod secrets;
pub mod stage;
#[cfg(feature = "testkit")]
pub mod testkit;
pub mod trace;
