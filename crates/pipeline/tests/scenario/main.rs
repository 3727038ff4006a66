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
mod claims;
mod claims_old;
mod counts;
mod custom;
mod duplicate;
mod effects;
mod effects_doubt;
mod effects_end;
mod effects_property;
mod enrich_fault;
mod first_edition;
mod first_receive;
mod forget;
mod good;
mod identity;
mod ingest_fault;
mod kills;
mod laws;
mod ledger;
mod letter;
mod lines;
mod mail;
mod many;
mod meanwhile;
mod names;
mod neighbours;
mod owner;
mod owner_unfinished;
mod parked;
mod prefix;
mod prelude;
mod quarantine;
mod receivers;
mod redrive;
mod replay;
mod several;
mod silence;
mod sim_found;
mod sources;
mod sweep;
mod sweep_round;
mod unsent;
mod verify;
mod wake;
mod wake_flood;
mod wake_property;
mod ways;
mod when;
