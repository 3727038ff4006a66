//! Whole scenarios on fakes, in milliseconds, under a paused clock.

#![expect(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    clippy::wildcard_enum_match_arm,
    reason = "a test that meets the unexpected should stop"
)]

mod again;
mod alone;
mod audit;
mod audit_property;
mod batch;
mod canary;
mod counts;
mod duplicate;
mod enrich_fault;
mod forget;
mod good;
mod ingest_fault;
mod laws;
mod ledger;
mod lines;
mod mail;
mod neighbours;
mod owner;
mod parked;
mod prefix;
mod prelude;
mod redrive;
mod replay;
mod sim_found;
mod sources;
mod sweep;
mod verify;
mod ways;
mod when;
