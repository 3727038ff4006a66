#![doc = include_str!("../README.md")]

pub mod config;
mod flush;
pub mod function;
pub mod http;
pub mod queue;
pub mod serve;
pub mod settings;
pub mod stage;
