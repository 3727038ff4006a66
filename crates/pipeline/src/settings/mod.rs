//! Settings: what an operator can set. Each has one entry: its names in both homes, its rule, its default, its help. Configurations are
//! read by the entries; `--help`, the tables of docs/CONFIG.md and the check of the template are derived from them.
//!
//! To add one: its entry in `table.rs` (or in a home's own settings, where only that home has it), `template.yaml`, and the place where
//! it is read.

mod config;
mod policy;
mod reader;
mod rule;
mod setting;
mod table;

pub use config::{
    ENRICH_TIMEOUT_SECONDS, EnrichConfig, INGEST_DEADLINE, IngestConfig, Pace, RECORD_DEADLINE,
    SweepConfig, VISIBILITY_SECONDS,
};
pub use policy::{AmbiguousPolicy, LEASE_SECONDS, OwnerMissingPolicy, ReplyTo};
pub use reader::{ConfigError, Naming, SettingsReader, read};
pub use rule::{Count, Parsed, Rule, Seconds, Values, Words, parse_seconds};
pub use setting::{AnySetting, Facts, Function, Preset, Setting, Template};
pub use table::*;
