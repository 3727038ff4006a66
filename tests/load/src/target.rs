//! What load is put on: a home, wherever it runs.

use crate::lead::Event;
use crate::report::Report;
use anyhow::Result;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// The keys that the id of each accepted event was answered with: one, if all is well.
pub type Keys = BTreeMap<String, BTreeSet<String>>;

/// What a request was answered with.
#[derive(Clone, Debug)]
pub struct Answer {
    /// Its status.
    pub status: u16,
    /// Its body.
    pub body: Vec<u8>,
}

impl Answer {
    /// The event's key, in an answer of 202.
    pub fn key(&self) -> Option<String> {
        let body = (self.status == 202).then_some(&self.body)?;
        let document: Value = serde_json::from_slice(body).ok()?;
        let key = document.pointer("/events/0/s3_key")?.as_str()?;
        Some(key.to_owned())
    }
}

/// One of many senders.
pub trait Sender {
    /// Posts an event; no answer where none came in full.
    fn post(&mut self, event: &Event) -> impl Future<Output = Option<Answer>>;
    /// Posts an event without waiting for the answer. False where it could not be sent.
    fn abandon(&mut self, event: &Event) -> impl Future<Output = bool>;
}

/// A mail that was taken.
#[derive(Clone, Debug, Default)]
pub struct Mail {
    /// The name of its event: the key without `raw/` and `.json`.
    pub event: String,
    /// Its receiver, in the home's own words.
    pub to: String,
    /// What tells it from another mail of the same event.
    pub subject: String,
    /// All of it.
    pub text: String,
}

/// Mails, and how many of an event's to a receiver may have gone out unnoticed.
#[derive(Clone, Debug, Default)]
pub struct Mails {
    /// Every mail.
    pub taken: Vec<Mail>,
    /// For each event and receiver, how often its sender died or got no answer before it knew.
    pub doubts: BTreeMap<(String, String), usize>,
    /// Second mails that no doubt excuses, where the home can tell more than their number does.
    pub broken: Vec<String>,
}

/// A home under load.
pub trait Target {
    /// What posts to it.
    type Sender: Sender;
    /// A sender of its own.
    fn sender(&self) -> Self::Sender;
    /// How many receivers are told of each event.
    fn receivers(&self) -> usize;
    /// Writes a lead's owner file.
    fn put_owner(&self, lead_id: &str, owner: &str) -> Result<()>;
    /// The processes that run.
    fn processes(&self) -> Vec<u32>;
    /// The bytes of `raw/` or `enriched/`, by the event's name.
    fn stored(&self, room: &str, name: &str) -> Result<Option<Vec<u8>>>;
    /// The names of all events in `raw/` or `enriched/`.
    fn names(&self, room: &str) -> Result<BTreeSet<String>>;
    /// What was mailed.
    fn mails(&self, accepted: &Keys) -> Result<Mails>;
    /// Whether a mail names this owner.
    fn says(&self, mail: &Mail, owner: &str) -> bool;
    /// Ends, as an operator asks it to.
    fn stop(&self) -> impl Future<Output = Result<()>>;
}

/// A home that is flooded.
pub trait Flooded: Target {
    /// Enriches and mails what was accepted, so many events, and reports how fast. What is not mailed then is lost.
    fn work(&self, count: usize, report: &mut Report) -> impl Future<Output = Result<()>>;
}

/// A home that is killed again and again.
pub trait Killed: Target {
    /// Kills what is at work, as a power cut does, and starts it again. Returns how many processes it killed.
    /// What was accepted by then decides what is in doubt.
    fn kill(&self, accepted: impl Fn() -> Keys) -> impl Future<Output = Result<usize>>;
    /// Lets nothing fail any more.
    fn heal(&self);
    /// The state of each event by its id: `mailed`, `parked` and `dead` are ends.
    fn states(&self, accepted: &Keys) -> Result<BTreeMap<String, String>>;
    /// Reports what failed on purpose.
    fn faults(&self, report: &mut Report);
}

/// The name of an event, by its key.
pub fn name_of(key: &str) -> &str {
    let name = key.strip_prefix("raw/").unwrap_or(key);
    name.strip_suffix(".json").unwrap_or(name)
}
