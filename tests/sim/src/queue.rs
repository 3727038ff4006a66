//! The queue: Amazon SQS's semantics, at least once, in no order.

use crate::chance::Chance;
use jiff::{SignedDuration, Timestamp};
use leadwire_domain::message::Trigger;
use leadwire_pipeline::port::OutgoingMessage;
use leadwire_pipeline::settings::VISIBILITY_SECONDS;
use leadwire_pipeline::stage::enrich::Record;
use leadwire_pipeline::trace::TraceContext;
use std::collections::BTreeMap;
use tracing::Span;

/// Receives before a message is moved away.
pub(crate) const RECEIVES_MAX: u32 = 3;
/// Records in a batch.
const BATCH: usize = 10;

/// A message.
#[derive(Clone, Debug)]
pub(crate) struct Message {
    id: u64,
    /// The event that it is about, where it can be read.
    pub(crate) event: Option<String>,
    body: String,
    trace: TraceContext,
    sent_at: Timestamp,
    visible_at: Timestamp,
    receives: u32,
}

/// The queue and its dead letters.
#[derive(Debug, Default)]
pub(crate) struct Queue {
    sent: u64,
    waiting: Vec<Message>,
    dead: Vec<Message>,
    /// Messages that wait or are being worked on, by event.
    live: BTreeMap<String, u32>,
    /// Dead letters, by event.
    buried: BTreeMap<String, u32>,
}

impl Queue {
    /// Takes a message that can be received from a time on. Gives back the event that it is about.
    pub(crate) fn push(
        &mut self,
        message: OutgoingMessage,
        now: Timestamp,
        visible_at: Timestamp,
    ) -> Option<String> {
        let trigger = Trigger::parse(&message.body).ok();
        let event = trigger.map(|trigger| trigger.name.to_string());
        self.sent += 1;
        add(&mut self.live, event.as_deref());
        self.waiting.push(Message {
            id: self.sent,
            event: event.clone(),
            body: message.body,
            trace: message.trace,
            sent_at: now,
            visible_at,
            receives: 0,
        });
        event
    }

    /// When the next message can be received.
    pub(crate) fn next_visible_at(&self) -> Option<Timestamp> {
        self.waiting.iter().map(|message| message.visible_at).min()
    }

    /// Receives some of what is visible, in any order, and moves those away that were received too often: their events are given back too.
    pub(crate) fn receive(
        &mut self,
        chance: &mut Chance,
        overlap_per_mille: u64,
        now: Timestamp,
    ) -> (Vec<Record>, Vec<String>) {
        let most = 1 + chance.place(BATCH);
        let mut records = Vec::new();
        let mut moved = Vec::new();
        let mut tries = self.waiting.len();
        while records.len() < most && tries > 0 {
            tries -= 1;
            let place = chance.place(self.waiting.len());
            let Some(message) = self.waiting.get_mut(place) else {
                break;
            };
            if message.visible_at > now {
                continue;
            }
            if message.receives >= RECEIVES_MAX {
                let message = self.waiting.swap_remove(place);
                remove(&mut self.live, message.event.as_deref());
                add(&mut self.buried, message.event.as_deref());
                moved.extend(message.event.clone());
                self.dead.push(message);
                continue;
            }
            message.receives += 1;
            message.visible_at = if chance.happens(overlap_per_mille) {
                later(now, u32::try_from(chance.below(30)).unwrap_or(0))
            } else {
                later(now, VISIBILITY_SECONDS)
            };
            records.push(record_of(message));
        }
        (records, moved)
    }

    /// Deletes a message by its id, as a worker's answer does. Gives back its event.
    pub(crate) fn delete(&mut self, message_id: &str) -> Option<String> {
        let place = self
            .waiting
            .iter()
            .position(|message| id_of(message) == message_id)?;
        let message = self.waiting.swap_remove(place);
        remove(&mut self.live, message.event.as_deref());
        message.event
    }

    /// Lets a received message be received again after a time.
    pub(crate) fn set_visibility(&mut self, handle: &str, seconds: u32, now: Timestamp) {
        for message in &mut self.waiting {
            if handle_of(message) == handle {
                message.visible_at = later(now, seconds);
            }
        }
    }

    /// Gives back what a dead machine held.
    pub(crate) fn release(&mut self, now: Timestamp) {
        for message in &mut self.waiting {
            if message.receives > 0 {
                message.visible_at = message.visible_at.min(now);
            }
        }
    }

    /// Throws every waiting message away.
    pub(crate) fn purge(&mut self) {
        self.waiting.clear();
        self.live.clear();
    }

    /// Takes the dead letters away, to be sent again.
    pub(crate) fn take_dead(&mut self) -> Vec<OutgoingMessage> {
        self.buried.clear();
        let dead = std::mem::take(&mut self.dead).into_iter();
        dead.map(|message| OutgoingMessage {
            body: message.body,
            delay_seconds: 0,
            trace: message.trace,
        })
        .collect()
    }

    /// Whether a message of an event waits or is being worked on.
    pub(crate) fn is_live(&self, event: &str) -> bool {
        self.live.get(event).is_some_and(|count| *count > 0)
    }

    /// Whether a message of an event is among the dead letters.
    pub(crate) fn is_dead(&self, event: &str) -> bool {
        self.buried.get(event).is_some_and(|count| *count > 0)
    }

    /// Dead letters that name no event.
    pub(crate) fn dead_strangers(&self) -> usize {
        let strangers = self.dead.iter().filter(|message| message.event.is_none());
        strangers.count()
    }

    /// Whether nothing waits.
    pub(crate) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }
}

fn add(counts: &mut BTreeMap<String, u32>, event: Option<&str>) {
    if let Some(event) = event {
        match counts.get_mut(event) {
            Some(count) => *count += 1,
            None => drop(counts.insert(event.to_owned(), 1)),
        }
    }
}

fn remove(counts: &mut BTreeMap<String, u32>, event: Option<&str>) {
    if let Some(count) = event.and_then(|event| counts.get_mut(event)) {
        *count = count.saturating_sub(1);
    }
}

pub(crate) fn later(time: Timestamp, seconds: u32) -> Timestamp {
    time.checked_add(SignedDuration::from_secs(i64::from(seconds)))
        .unwrap_or(time)
}

fn id_of(message: &Message) -> String {
    format!("m-{}", message.id)
}

fn handle_of(message: &Message) -> String {
    format!("m-{}-{}", message.id, message.receives)
}

fn record_of(message: &Message) -> Record {
    Record {
        message_id: id_of(message),
        receipt_handle: handle_of(message),
        body: message.body.clone(),
        receive_count: message.receives,
        sent_at: Some(message.sent_at),
        first_received_at: None,
        trace: message.trace.clone(),
        span: Span::none(),
    }
}
