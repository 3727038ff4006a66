//! The delay queue in `SQLite`: Amazon SQS's semantics, with its dead letters.

mod message;
mod sql;
mod waits;

pub(crate) use sql::release;

pub use message::{DeadLetter, QueueDepth, WaitingMessage};

use crate::database::Database;
use crate::system::HomeClock;
use jiff::{SignedDuration, Timestamp};
use leadwire_domain::lead::id::LeadId;
use leadwire_domain::limits::{MESSAGE_BYTES_MAX, QUEUE_DELAY_SECONDS_MAX};
use leadwire_domain::wait::DeferReason;
use leadwire_pipeline::port::{DelayQueue, OutgoingMessage, PortError};
use leadwire_pipeline::stage::enrich::Record;
use rusqlite::Connection;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Notify;
use waits::OwnerWaits;

/// How long a message is hidden that is worked on: longer than its work takes, also where the machine sleeps meanwhile. Its turn gives it
/// back. Nothing else is hidden for more than half of this.
pub(crate) const HELD: Duration = Duration::from_hours(24);

/// The longest sleep of who works on the queue: after it the queue is looked at, since a command in another process sends without ringing
/// this one's bell.
pub(crate) const HEARTBEAT: Duration = Duration::from_secs(1);

const LOOK: &str = "look at the queue";
const SEND: &str = "send message";

/// The delay queue.
#[derive(Clone, Debug)]
pub struct SqliteQueue {
    database: Database,
    clock: HomeClock,
    /// Rung when a message may have become due earlier than the runner thinks.
    bell: Arc<Notify>,
    waits: OwnerWaits,
}

impl SqliteQueue {
    pub(crate) fn new(database: Database, clock: HomeClock) -> Self {
        Self {
            database,
            clock,
            bell: Arc::default(),
            waits: OwnerWaits::default(),
        }
    }

    /// Receives up to `max` due messages, which come back after `visibility` unless they are deleted. A message that was received
    /// `max_receive_count` times already becomes a dead letter instead.
    pub async fn receive(
        &self,
        max: u32,
        visibility: Duration,
        max_receive_count: u32,
    ) -> Result<Vec<Record>, PortError> {
        const ACTION: &str = "receive messages";
        let clock = self.clock.clone();
        let visibility = SignedDuration::try_from(visibility)
            .map_err(|error| PortError::permanent(ACTION, error))?;
        let work = move |connection: &_| {
            let now = clock.now();
            let order = sql::Receive {
                max,
                now,
                until: later(now, visibility),
                max_receive_count,
            };
            order.run(connection)
        };
        self.database.write(ACTION, work).await
    }

    /// Deletes received messages by their receipt handles; one that was received again since stays. Returns how many were deleted.
    pub async fn delete(&self, receipt_handles: Vec<String>) -> Result<u64, PortError> {
        let work = move |connection: &_| sql::delete(connection, &receipt_handles);
        self.database.write("delete messages", work).await
    }

    /// Lets a received message that failed come back at a time, or earlier where the stage has asked for that.
    pub(crate) async fn give_back(
        &self,
        receipt_handle: &str,
        at: Timestamp,
    ) -> Result<(), PortError> {
        let receipt = receipt_handle.to_owned();
        let work = move |connection: &_| sql::give_back(connection, &receipt, at);
        self.write_and_ring("give a message back", work).await
    }

    /// All messages that wait or are worked on, soonest first, at most `limit`.
    pub async fn waiting(&self, limit: u32) -> Result<Vec<WaitingMessage>, PortError> {
        let now = self.clock.now();
        let work = move |connection: &_| sql::waiting(connection, now, limit);
        self.database.read(LOOK, work).await
    }

    /// The messages that are worked on, each with the receive that it was given out by.
    pub async fn in_work(&self) -> Result<BTreeSet<(String, u32)>, PortError> {
        let half = later(self.clock.now(), SignedDuration::from_hours(12));
        let work = move |connection: &_| sql::in_work(connection, half);
        self.database.read(LOOK, work).await
    }

    /// The messages that are about raw objects, by their keys, and the dead letters.
    pub async fn about(
        &self,
        keys: Vec<String>,
    ) -> Result<(Vec<WaitingMessage>, Vec<DeadLetter>), PortError> {
        let now = self.clock.now();
        let work = move |connection: &_| sql::about_keys(connection, now, &keys);
        self.database.read(LOOK, work).await
    }

    /// How many messages there are.
    pub async fn depth(&self) -> Result<QueueDepth, PortError> {
        let now = self.clock.now();
        let work = move |connection: &_| sql::depth(connection, now);
        self.database.read(LOOK, work).await
    }

    /// When the oldest message was sent that waits or is worked on, where there is one.
    pub async fn oldest(&self) -> Result<Option<Timestamp>, PortError> {
        self.database.read(LOOK, sql::oldest).await
    }

    /// The dead letters, oldest first, at most `limit`.
    pub async fn dead_letters(&self, limit: u32) -> Result<Vec<DeadLetter>, PortError> {
        let work = move |connection: &_| sql::dead_letters(connection, limit);
        self.database.read("look at the dead letters", work).await
    }

    /// Deletes dead letters without sending them again. Returns how many there were.
    pub async fn delete_dead_letters(&self, message_ids: Vec<String>) -> Result<u64, PortError> {
        let work = move |connection: &_| sql::delete_dead_letters(connection, &message_ids);
        self.database.write("delete dead letters", work).await
    }

    /// The leads that wait for their owner files now, as far as this process put their messages back, or has read that another did.
    pub(crate) fn owner_waits(&self) -> Vec<LeadId> {
        self.waits.at(self.clock.now())
    }

    /// Reads which leads wait that a process before this one put back.
    pub(crate) async fn read_owner_waits(&self) -> Result<(), PortError> {
        let waits = self.waits.clone();
        let work = move |connection: &_| {
            let note = |body: &str, due_at| waits.note(body, due_at);
            sql::put_back(connection, DeferReason::OwnerAbsent.code(), note)
        };
        self.database.read(LOOK, work).await
    }

    /// When the next message is due, where there is one.
    pub(crate) async fn next_due(&self) -> Result<Option<Timestamp>, PortError> {
        self.database.read(LOOK, sql::next_due).await
    }

    async fn write_and_ring(
        &self,
        action: &'static str,
        work: impl FnMut(&Connection) -> rusqlite::Result<()> + Send + 'static,
    ) -> Result<(), PortError> {
        let queue = self.clone();
        let ring = move |(): &()| queue.ring();
        self.database.write_then(action, work, ring).await
    }

    /// What is due within a second, or may be.
    pub(crate) fn ring(&self) {
        self.bell.notify_one();
    }

    /// Whether a message must ring: what is due later the runner finds by itself in time.
    pub(crate) fn must_ring(message: &OutgoingMessage) -> bool {
        Duration::from_secs(message.delay_seconds.into()) <= HEARTBEAT
    }

    /// Refuses a message that no queue takes.
    pub(crate) fn check(message: &OutgoingMessage) -> Result<(), PortError> {
        let refused = |reason: &str| Err(PortError::permanent(SEND, reason));
        if message.body.len() > MESSAGE_BYTES_MAX {
            return refused("the message is longer than 4 KiB");
        }
        if message.delay_seconds > QUEUE_DELAY_SECONDS_MAX {
            return refused("the delay is longer than 900 s");
        }
        Ok(())
    }

    /// Inserts a message.
    pub(crate) fn insert(
        connection: &Connection,
        message: &OutgoingMessage,
        now: Timestamp,
    ) -> rusqlite::Result<()> {
        sql::send(connection, message, now, due(now, message.delay_seconds))
    }

    /// Rings when a message may have become due earlier. One ring is remembered where no task waits.
    pub(crate) fn bell(&self) -> &Notify {
        &self.bell
    }

    /// The queue's time.
    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }
}

impl DelayQueue for SqliteQueue {
    async fn send(&self, message: OutgoingMessage) -> Result<(), PortError> {
        self.send_all(vec![message]).await
    }

    /// All in one transaction: every message is queued, or none.
    async fn send_all(&self, messages: Vec<OutgoingMessage>) -> Result<(), PortError> {
        messages.iter().try_for_each(Self::check)?;
        for message in &messages {
            let due_at = due(self.clock.now(), message.delay_seconds);
            self.waits.note(&message.body, due_at);
        }
        let must_ring = messages.iter().any(Self::must_ring);
        let (clock, queue) = (self.clock.clone(), self.clone());
        let work = move |connection: &_| {
            let now = clock.now();
            messages
                .iter()
                .try_for_each(|message| Self::insert(connection, message, now))
        };
        let ring = move |(): &()| {
            if must_ring {
                queue.ring();
            }
        };
        self.database.write_then(SEND, work, ring).await
    }

    async fn set_visibility(&self, receipt_handle: &str, seconds: u32) -> Result<(), PortError> {
        let (clock, receipt) = (self.clock.clone(), receipt_handle.to_owned());
        let work = move |connection: &_| {
            sql::set_visibility(connection, &receipt, due(clock.now(), seconds))
        };
        self.write_and_ring("set visibility", work).await
    }
}

fn due(now: Timestamp, seconds: u32) -> Timestamp {
    later(now, SignedDuration::from_secs(i64::from(seconds)))
}

fn later(now: Timestamp, wait: SignedDuration) -> Timestamp {
    now.checked_add(wait).unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests;
