#![doc = include_str!("../README.md")]

mod action;
mod bounds;
mod claim;
mod defer;
mod enrich;
mod fact;
mod forget;
mod ghost;
mod ingest;
mod mail;
mod model;
mod pair;
mod queue;
mod state;
mod sweep;
mod symmetry;
mod variant;
mod worker;
mod world;

pub mod circle;
pub mod control;
pub mod naming;
pub mod property;
pub mod scenario;
pub mod walk;

pub use bounds::Protocol;
pub use variant::Variant;
