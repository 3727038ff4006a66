#![doc = include_str!("../README.md")]

mod actor;
pub mod control;
mod end;
pub mod explore;
pub mod fault;
pub mod findings;
pub mod kept;
mod lie;
mod machine;
pub mod mistake;
mod old;
mod operator;
mod owner;
mod process;
pub mod receiver;
pub mod rule;
pub mod seeds;
pub mod setting;
mod state;
mod sweeper;
mod webhook;
mod world;

pub use state::Report;
pub use world::{run_script, run_seed, run_seed_with};

/// The delay between a webhook and its enrichment.
pub const DELAY_SECONDS: u32 = 600;
