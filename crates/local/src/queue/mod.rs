//! The delay queue in `SQLite`: Amazon SQS's semantics, with its dead letters.

mod message;
mod sql;

pub(crate) use sql::release;

pub use message::{DeadLetter, QueueDepth, WaitingMessage};

use crate::database::Database;
use jiff::{SignedDuration, Timestamp};
use leadwire_domain::limits::{MESSAGE_BYTES_MAX, QUEUE_DELAY_SECONDS_MAX};
use leadwire_pipeline::port::{Clock, DelayQueue, OutgoingMessage, PortError};
use leadwire_pipeline::stage::enrich::Record;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Notify;

/// The delay queue.
#[derive(Clone)]
pub struct SqliteQueue {
    database: Database,
    clock: Arc<dyn Clock>,
    /// Rung when a message may have become due earlier than the runner thinks.
    bell: Arc<Notify>,
}

impl SqliteQueue {
    pub(crate) fn new(database: Database, clock: Arc<dyn Clock>) -> Self {
        Self {
            database,
            clock,
            bell: Arc::default(),
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
        let clock = Arc::clone(&self.clock);
        let visibility = SignedDuration::try_from(visibility)
            .map_err(|error| PortError::permanent("receive messages", error))?;
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
        self.database
            .write(work, |_records| ())
            .await
            .map_err(|fault| fault.during("receive messages"))
    }

    /// Deletes received messages by their receipt handles; one that was received again since stays. Returns how many were deleted.
    pub async fn delete(&self, receipt_handles: Vec<String>) -> Result<u64, PortError> {
        let work = move |connection: &_| sql::delete(connection, &receipt_handles);
        self.database
            .write(work, |_count| ())
            .await
            .map_err(|fault| fault.during("delete messages"))
    }

    /// All messages that wait or are worked on, soonest first, at most `limit`.
    pub async fn waiting(&self, limit: u32) -> Result<Vec<WaitingMessage>, PortError> {
        let now = self.clock.now();
        let work = move |connection: &_| sql::waiting(connection, now, limit);
        self.database
            .read(work)
            .await
            .map_err(|fault| fault.during("look at the queue"))
    }

    /// How many messages there are.
    pub async fn depth(&self) -> Result<QueueDepth, PortError> {
        let now = self.clock.now();
        let work = move |connection: &_| sql::depth(connection, now);
        self.database
            .read(work)
            .await
            .map_err(|fault| fault.during("look at the queue"))
    }

    /// When the oldest message was sent that waits or is worked on, where there is one.
    pub async fn oldest(&self) -> Result<Option<Timestamp>, PortError> {
        self.database
            .read(sql::oldest)
            .await
            .map_err(|fault| fault.during("look at the queue"))
    }

    /// The dead letters, oldest first, at most `limit`.
    pub async fn dead_letters(&self, limit: u32) -> Result<Vec<DeadLetter>, PortError> {
        let work = move |connection: &_| sql::dead_letters(connection, limit);
        self.database
            .read(work)
            .await
            .map_err(|fault| fault.during("look at the dead letters"))
    }

    /// Deletes dead letters without sending them again. Returns how many there were.
    pub async fn delete_dead_letters(&self, message_ids: Vec<String>) -> Result<u64, PortError> {
        let work = move |connection: &_| sql::delete_dead_letters(connection, &message_ids);
        self.database
            .write(work, |_count| ())
            .await
            .map_err(|fault| fault.during("delete dead letters"))
    }

    /// When the next message is due, where there is one.
    pub(crate) async fn next_due(&self) -> Result<Option<Timestamp>, PortError> {
        self.database
            .read(sql::next_due)
            .await
            .map_err(|fault| fault.during("look at the queue"))
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
        const ACTION: &str = "send message";
        if message.body.len() > MESSAGE_BYTES_MAX {
            return Err(PortError::permanent(
                ACTION,
                "the message is longer than 4 KiB",
            ));
        }
        if message.delay_seconds > QUEUE_DELAY_SECONDS_MAX {
            return Err(PortError::permanent(
                ACTION,
                "the delay is longer than 900 s",
            ));
        }
        let (clock, bell) = (Arc::clone(&self.clock), Arc::clone(&self.bell));
        let work = move |connection: &_| {
            let now = clock.now();
            let due_at = later(
                now,
                SignedDuration::from_secs(i64::from(message.delay_seconds)),
            );
            sql::send(connection, &message, now, due_at)
        };
        self.database
            .write(work, move |()| bell.notify_one())
            .await
            .map_err(|fault| fault.during(ACTION))
    }

    async fn set_visibility(&self, receipt_handle: &str, seconds: u32) -> Result<(), PortError> {
        let (clock, bell, receipt) = (
            Arc::clone(&self.clock),
            Arc::clone(&self.bell),
            receipt_handle.to_owned(),
        );
        let work = move |connection: &_| {
            let due_at = later(clock.now(), SignedDuration::from_secs(i64::from(seconds)));
            sql::set_visibility(connection, &receipt, due_at)
        };
        self.database
            .write(work, move |()| bell.notify_one())
            .await
            .map_err(|fault| fault.during("set visibility"))
    }
}

fn later(now: Timestamp, wait: SignedDuration) -> Timestamp {
    now.checked_add(wait).unwrap_or(Timestamp::MAX)
}

impl std::fmt::Debug for SqliteQueue {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SqliteQueue").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
