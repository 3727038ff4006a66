//! The real command, as a person or a program runs it.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "clippy knows tests by their attribute, and their helpers have none"
)]

mod alone;
mod audit;
mod backup;
mod browser;
mod by_hand;
mod canary;
mod command;
mod crash;
mod demo;
mod door;
mod forget;
#[cfg(target_os = "linux")]
mod full_disk;
mod house;
mod kinds;
mod late;
mod late_owner;
mod letter;
mod load;
mod mail;
mod page;
mod parked;
mod quarantine;
mod redrive;
mod refuse;
mod reload;
mod replay;
mod runbook;
mod save_refused;
mod send;
mod serve;
mod source;
mod source_check;
mod sources_docs;
#[cfg(feature = "aws")]
mod stack;
mod trouble;
mod watch;
