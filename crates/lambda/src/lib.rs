#![doc = include_str!("../README.md")]

pub mod config;
mod flush;
pub mod http;
pub mod queue;
mod reader;
pub mod serve;
pub mod stage;
pub mod vars;
