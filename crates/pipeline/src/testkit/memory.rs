//! Objects, messages and mails in memory.

use super::lock;
use super::mail_log::MailLog;
use super::queue::{Message, Messages, Received, later};
use super::store::{Objects, at};
use crate::ledger::queue::QueueSnapshot;
use crate::port::{
    Acceptance, Accepted, Bucket, Mail, NewObject, OutgoingMessage, QueuedMessage, StoredObject,
};
use crate::stage::enrich::Record;
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
    /// The mail log, where there is one.
    pub(super) log: Option<MailLog>,
    pub(super) drawn: u128,
    /// Whether objects and messages lie in one place.
    pub(super) accepts: bool,
}

impl State {
    /// All of it, or nothing where a key holds an object.
    pub(super) fn accept(
        &mut self,
        acceptance: Acceptance,
        now: Timestamp,
        delay_seconds: u32,
    ) -> Accepted {
        let Acceptance { objects, message } = acceptance;
        let mut keys = objects.iter().map(|(bucket, key, _)| at(*bucket, key));
        if keys.any(|key| self.objects.peek(&key).is_some()) {
            return Accepted::Exists;
        }
        for (bucket, key, object) in objects {
            self.objects.put(&at(bucket, &key), object, now);
        }
        self.messages.push(message, now, delay_seconds);
        Accepted::New
    }
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

    /// From now on it takes what a new event leaves in one transaction, as one machine's home does.
    pub fn accept_at_once(&self) {
        self.with(|state| state.accepts = true);
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

    /// Sends a message as an operator would. It can be received at once.
    pub fn push(&self, message: OutgoingMessage) {
        let now = self.time();
        self.with(|state| state.messages.push(message, now, 0));
    }

    /// Receives up to `max` messages, and moves those away that were received too often.
    pub fn receive(&self, max: usize) -> Vec<Record> {
        let now = self.time();
        self.with(|state| state.messages.receive(max, now))
    }

    /// Receives the message at a place, which can be received again after so many seconds.
    pub fn receive_at(&self, place: usize, hidden_seconds: u32) -> Received {
        let now = self.time();
        self.with(|state| state.messages.receive_at(place, now, hidden_seconds))
    }

    /// Deletes a message by its id, or by the handle of its last receive. Returns its event.
    pub fn delete(&self, id_or_handle: &str) -> Option<String> {
        self.with_waiting(|waiting| {
            let place = waiting.iter().position(|m| m.is(id_or_handle))?;
            waiting.remove(place).event().map(str::to_owned)
        })
    }

    /// Makes every waiting message visible now, as a queue does that delivers twice or too early.
    pub fn deliver_now(&self) {
        self.make_visible(|_any| true);
    }

    /// Makes visible what is being worked on, as the next run of a dead machine does.
    pub fn release(&self) {
        self.make_visible(|message| message.receives > 0);
    }

    fn make_visible(&self, is_meant: impl Fn(&Message) -> bool) {
        let now = self.time();
        self.with_waiting(|waiting| {
            for message in waiting.iter_mut().filter(|message| is_meant(message)) {
                message.visible_at = message.visible_at.min(now);
            }
        });
    }

    /// Makes a message visible within so many seconds, which failed and may be hidden for longer.
    pub fn give_back(&self, id: &str, seconds: u32) {
        let at = later(self.time(), seconds);
        self.with_waiting(|waiting| {
            for message in waiting.iter_mut().filter(|message| message.is(id)) {
                message.visible_at = message.visible_at.min(at);
            }
        });
    }

    /// When the next message becomes visible.
    pub fn next_visible_at(&self) -> Option<Timestamp> {
        self.with_waiting(|waiting| waiting.iter().map(|message| message.visible_at).min())
    }

    /// How many messages wait or are being worked on.
    pub fn depth(&self) -> usize {
        self.with_waiting(|waiting| waiting.len())
    }

    /// The bodies of the messages that wait or are being worked on.
    pub fn bodies(&self) -> Vec<String> {
        self.with_waiting(|waiting| waiting.iter().map(|message| message.body.clone()).collect())
    }

    /// Throws away every waiting message, as a purge does.
    pub fn purge(&self) {
        self.with_waiting(Vec::clear);
    }

    /// Whether a message of an event waits or is being worked on.
    pub fn is_live(&self, event: &str) -> bool {
        self.with_waiting(|waiting| waiting.iter().any(|m| m.event() == Some(event)))
    }

    /// Whether a message of an event is among the dead letters.
    pub fn is_dead(&self, event: &str) -> bool {
        self.with(|state| state.messages.dead.iter().any(|m| m.event() == Some(event)))
    }

    /// Every delivery so far: body and receive count.
    pub fn deliveries(&self) -> Vec<(String, u32)> {
        self.with(|state| {
            let deliveries = state.messages.deliveries.iter();
            let deliveries = deliveries.map(|(_, body, receives)| (body.clone(), *receives));
            deliveries.collect()
        })
    }

    /// When each delivery so far was.
    pub fn delivered_at(&self) -> Vec<Timestamp> {
        self.with(|state| {
            state
                .messages
                .deliveries
                .iter()
                .map(|(at, ..)| *at)
                .collect()
        })
    }

    /// What the redrive policy moved away.
    pub fn dead_letters(&self) -> Vec<QueuedMessage> {
        self.with(|state| state.messages.dead())
    }

    /// What is in the queue, and its dead letters.
    pub fn snapshot(&self) -> QueueSnapshot {
        self.with(|state| QueueSnapshot::new(Some(state.messages.waiting()), state.messages.dead()))
    }

    fn with_waiting<T>(&self, work: impl FnOnce(&mut Vec<Message>) -> T) -> T {
        self.with(|state| work(&mut state.messages.waiting))
    }

    /// There is a mail log, as on one machine, and the run of this name writes in it.
    pub fn log_mails(&self, boot: &str) {
        self.with(|state| state.log.get_or_insert_default().add_boot(boot));
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
