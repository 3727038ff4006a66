#![doc = include_str!("../README.md")]

pub mod ledger;
pub mod observe;
pub mod operate;
#[cfg(feature = "os")]
pub mod os;
pub mod port;
pub mod region;
pub mod secrets;
pub mod settings;
pub mod stage;
#[cfg(feature = "testkit")]
pub mod testkit;
pub mod trace;
