#![doc = include_str!("README.md")]

pub mod flow;
pub mod sample;
