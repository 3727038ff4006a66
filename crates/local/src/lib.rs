#![doc = include_str!("../README.md")]

mod backup;
mod canary;
mod database;
mod durable;
mod error;
mod folder;
mod home;
mod lock;
mod lookup;
mod mail;
mod owners;
mod queue;
mod runner;
#[cfg(test)]
mod sample;
mod secrets;
mod stop;
mod store;
mod system;
mod telemetry;
mod upkeep;
mod view;

pub use backup::Backup;
pub use error::{OpenError, OpenWarning};
pub use folder::{DataFolder, FileSystem};
pub use home::{LEASE_SECONDS, PACE};
pub use home::{LocalHome, LocalPorts, Mode, OpenOptions, OpenReport};
pub use leadwire_pipeline::os::{OsEntropy, SystemClock};
pub use lookup::LookupFolder;
pub use mail::{
    ANSWER_DEADLINE, EhloName, EhloNameError, LocalMailer, SmtpAuthority, SmtpAuthorityError,
    SmtpServer, SmtpUrl, SmtpUrlError, probe_smtp,
};
pub use queue::{DeadLetter, QueueDepth, SqliteQueue, WaitingMessage};
pub use runner::{Runner, RunnerConfig, Spans};
pub use secrets::FileSecrets;
pub use stop::Stopping;
pub use store::SqliteStore;
pub use telemetry::{
    MINUTE_AGE_MAX, Minute, NewMinute, StoredSpan, TelemetryError, TelemetryStore,
};
