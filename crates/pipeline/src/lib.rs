#![doc = include_str!("../README.md")]

pub use settings as config;
pub mod ledger;
pub mod observe;
pub mod operate;
pub mod port;
pub mod secrets;
pub mod settings;
pub mod stage;
#[cfg(feature = "testkit")]
pub mod testkit;
pub mod trace;
