#![doc = include_str!("../README.md")]

pub mod classify;
pub mod clients;
mod endpoint;
pub mod environment;
mod hooks;
pub mod mail;
mod pool;
pub mod queue;
mod secret;
pub mod store;
#[cfg(test)]
mod tests;
pub mod trust;
pub mod warm;
pub mod webhook;

pub use clients::{Clients, ClientsError};
pub use leadwire_pipeline::os::{OsEntropy, SystemClock};
pub use mail::SesMailer;
pub use queue::SqsDelayQueue;
pub use secret::SecretsManagerStore;
pub use store::{Buckets, S3Store};
pub use webhook::HttpWebhookSender;
