//! Objects, messages and mails in memory.

use super::lock;
use super::queue::Messages;
use super::store::{Objects, at};
use crate::port::{Bucket, Mail, NewObject, StoredObject};
use jiff::{SignedDuration, Timestamp};
use std::sync::Mutex;
use std::time::Duration;
use tokio::time::Instant;

/// 2026-11-23T06:50:00Z.
const EPOCH_SECONDS: i64 = 1_795_416_600;

#[derive(Debug, Default)]
pub(super) struct State {
    pub(super) objects: Objects,
    pub(super) messages: Messages,
    pub(super) mails: Vec<Mail>,
    pub(super) drawn: u128,
}

/// Objects, messages and mails in memory. Its time is tokio's: under `start_paused` it moves only when everything waits. What is read or
/// changed here is neither a call on a port nor seen by a script.
#[derive(Debug)]
pub struct Memory {
    start: Instant,
    state: Mutex<State>,
}

impl Default for Memory {
    fn default() -> Self {
        Self {
            start: Instant::now(),
            state: Mutex::default(),
        }
    }
}

impl Memory {
    pub(super) fn with<T>(&self, work: impl FnOnce(&mut State) -> T) -> T {
        work(&mut lock(&self.state))
    }

    /// The true time. It begins at 2026-11-23T06:50:00Z.
    pub fn time(&self) -> Timestamp {
        let epoch = Timestamp::from_second(EPOCH_SECONDS).expect("within range");
        let elapsed = SignedDuration::try_from(self.start.elapsed()).unwrap_or(SignedDuration::MAX);
        epoch.checked_add(elapsed).unwrap_or(epoch)
    }

    /// How long it has been there.
    pub fn age(&self) -> Duration {
        self.start.elapsed()
    }

    /// An object as it lies there.
    pub fn peek(&self, bucket: Bucket, key: &str) -> Option<StoredObject> {
        self.with(|state| state.objects.peek(&at(bucket, key)).cloned())
    }

    /// The keys under a prefix.
    pub fn keys(&self, bucket: Bucket, prefix: &str) -> Vec<String> {
        self.with(|state| {
            let objects = state.objects.under(bucket, prefix);
            objects.map(|(key, _)| key.clone()).collect()
        })
    }

    /// Writes an object as another party would.
    pub fn plant(&self, bucket: Bucket, key: &str, object: NewObject) {
        let now = self.time();
        self.with(|state| state.objects.put(&at(bucket, key), object, now));
    }

    /// Removes an object as an operator would.
    pub fn remove(&self, bucket: Bucket, key: &str) {
        self.with(|state| state.objects.remove(&at(bucket, key)));
    }

    /// Keeps what is overwritten or removed from now on, as a bucket with versions does.
    pub fn keep_versions(&self) {
        self.with(|state| state.objects.keeps_versions = true);
    }

    /// How many versions of an object there are.
    pub fn versions(&self, bucket: Bucket, key: &str) -> usize {
        self.with(|state| state.objects.versions(&at(bucket, key)))
    }

    /// Lists in pages of this many entries.
    pub fn set_page(&self, entries: usize) {
        self.with(|state| state.objects.page = entries);
    }

    /// The mails that went out.
    pub fn sent(&self) -> Vec<Mail> {
        self.with(|state| state.mails.clone())
    }

    /// The last mail that went out.
    pub fn last_mail(&self) -> Option<Mail> {
        self.with(|state| state.mails.last().cloned())
    }
}
