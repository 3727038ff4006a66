//! A queue in memory, with Amazon SQS's semantics: delays, visibility, receive counts, redrive; at least once, in no order.

use crate::port::{OutgoingMessage, QueuedMessage};
use crate::settings::VISIBILITY_SECONDS;
use crate::stage::enrich::Record;
use crate::trace::TraceContext;
use jiff::{SignedDuration, Timestamp};
use leadwire_domain::message::Trigger;
use std::cell::OnceCell;
use tracing::Span;

/// Receives before a message is moved away.
pub const RECEIVES_MAX: u32 = 3;
/// A dead letter that was taken is hidden for so many seconds.
const TAKEN_SECONDS: u32 = 600;

#[derive(Debug)]
pub(super) struct Message {
    id: u64,
    pub(super) body: String,
    /// The event that it is about, once that was asked.
    event: OnceCell<Option<String>>,
    trace: TraceContext,
    sent_at: Timestamp,
    pub(super) visible_at: Timestamp,
    pub(super) receives: u32,
}

impl Message {
    pub(super) fn event(&self) -> Option<&str> {
        let parsed = || Some(Trigger::parse(&self.body).ok()?.name.to_string());
        self.event.get_or_init(parsed).as_deref()
    }

    fn id(&self) -> String {
        format!("m-{}", self.id)
    }

    fn handle(&self) -> String {
        format!("m-{}-{}", self.id, self.receives)
    }

    pub(super) fn is(&self, id_or_handle: &str) -> bool {
        self.id() == id_or_handle || self.handle() == id_or_handle
    }

    fn record(&self) -> Record {
        Record {
            message_id: self.id(),
            receipt_handle: self.handle(),
            body: self.body.clone(),
            receive_count: self.receives,
            sent_at: Some(self.sent_at),
            first_received_at: None,
            trace: self.trace.clone(),
            span: Span::none(),
        }
    }

    fn queued(&self) -> QueuedMessage {
        QueuedMessage {
            message_id: self.id(),
            handle: self.id(),
            body: self.body.clone(),
            visible_at: self.visible_at,
            receives: self.receives,
            trace: self.trace.clone(),
            others: Vec::new(),
        }
    }
}

/// What came of receiving one message.
#[derive(Debug)]
#[expect(
    clippy::large_enum_variant,
    reason = "it is taken apart where it is made"
)]
pub enum Received {
    /// It is received.
    Record(Record),
    /// It was received too often, and is a dead letter now. Its event, where it names one.
    Moved(Option<String>),
    /// It is not visible, or there is none.
    Nothing,
}

/// The queue and its dead letters.
#[derive(Debug, Default)]
pub(super) struct Messages {
    sent: u64,
    pub(super) waiting: Vec<Message>,
    pub(super) dead: Vec<Message>,
    /// When each delivery was, of what, and how often that had been received.
    pub(super) deliveries: Vec<(Timestamp, String, u32)>,
}

impl Messages {
    pub(super) fn push(&mut self, message: OutgoingMessage, now: Timestamp, delay_seconds: u32) {
        self.sent += 1;
        self.waiting.push(Message {
            id: self.sent,
            body: message.body,
            event: OnceCell::new(),
            trace: message.trace,
            sent_at: now,
            visible_at: later(now, delay_seconds),
            receives: 0,
        });
    }

    /// Receives up to `max` messages in the order in which they were sent, and moves those away that were received too often.
    pub(super) fn receive(&mut self, max: usize, now: Timestamp) -> Vec<Record> {
        let mut records = Vec::new();
        let mut place = 0;
        while place < self.waiting.len() && records.len() < max {
            match self.receive_at(place, now, VISIBILITY_SECONDS) {
                Received::Record(record) => {
                    records.push(record);
                    place += 1;
                }
                Received::Nothing => place += 1,
                Received::Moved(_) => {}
            }
        }
        records
    }

    /// Receives the message at a place, which can be received again after so many seconds.
    pub(super) fn receive_at(
        &mut self,
        place: usize,
        now: Timestamp,
        hidden_seconds: u32,
    ) -> Received {
        let message = self.waiting.get_mut(place);
        let Some(message) = message.filter(|message| message.visible_at <= now) else {
            return Received::Nothing;
        };
        if message.receives >= RECEIVES_MAX {
            let message = self.waiting.remove(place);
            let event = message.event().map(str::to_owned);
            self.dead.push(message);
            return Received::Moved(event);
        }
        message.receives += 1;
        message.visible_at = later(now, hidden_seconds);
        let record = message.record();
        self.deliveries
            .push((now, record.body.clone(), message.receives));
        Received::Record(record)
    }

    pub(super) fn set_visibility(&mut self, handle: &str, visible_at: Timestamp) {
        for message in &mut self.waiting {
            if message.handle() == handle {
                message.visible_at = visible_at;
            }
        }
    }

    pub(super) fn waiting(&self) -> Vec<QueuedMessage> {
        self.waiting.iter().map(Message::queued).collect()
    }

    pub(super) fn dead(&self) -> Vec<QueuedMessage> {
        self.dead.iter().map(Message::queued).collect()
    }

    pub(super) fn take_dead(&mut self, now: Timestamp) -> Vec<QueuedMessage> {
        let visible = self.dead.iter_mut().filter(|m| m.visible_at <= now);
        let taken = visible.map(|message| {
            message.visible_at = later(now, TAKEN_SECONDS);
            message.queued()
        });
        taken.collect()
    }

    pub(super) fn return_dead(&mut self, ids: &[String], now: Timestamp) {
        for message in &mut self.dead {
            if ids.contains(&message.id()) {
                message.visible_at = now;
            }
        }
    }

    pub(super) fn delete_dead(&mut self, id: &str) {
        self.dead.retain(|message| message.id() != id);
    }
}

pub(super) fn later(time: Timestamp, seconds: u32) -> Timestamp {
    time.checked_add(SignedDuration::from_secs(i64::from(seconds)))
        .unwrap_or(time)
}
