//! A queue in memory, with Amazon SQS's semantics: delays, visibility, receive counts, redrive.

use super::lock;
use crate::port::{Clock, DelayQueue, OutgoingMessage, PortError};
use crate::stage::enrich::Record;
use crate::trace::TraceContext;
use jiff::{SignedDuration, Timestamp};
use std::sync::{Arc, Mutex};
use tracing::Span;

/// A message that the redrive policy moved away.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeadLetter {
    /// Its id.
    pub message_id: String,
    /// Its body.
    pub body: String,
    /// How often it had been received.
    pub receives: u32,
}

#[derive(Clone, Debug)]
struct Message {
    id: u64,
    body: String,
    trace: TraceContext,
    sent_at: Timestamp,
    visible_at: Timestamp,
    receives: u32,
}

#[derive(Debug, Default)]
struct State {
    sent: u64,
    waiting: Vec<Message>,
    dead: Vec<DeadLetter>,
    failures: u32,
    replies_lost: u32,
    deliveries: Vec<(Timestamp, String, u32)>,
}

/// A queue in memory.
#[derive(Debug)]
pub struct FakeQueue<C> {
    clock: Arc<C>,
    visibility_seconds: u32,
    receives_max: u32,
    state: Mutex<State>,
}

impl<C: Clock> FakeQueue<C> {
    /// An empty queue.
    pub fn new(clock: Arc<C>, visibility_seconds: u32, receives_max: u32) -> Self {
        Self {
            clock,
            visibility_seconds,
            receives_max,
            state: Mutex::default(),
        }
    }

    /// The next `count` sends fail and have no effect.
    pub fn fail_sends(&self, count: u32) {
        lock(&self.state).failures = count;
    }

    /// The next `count` sends take effect and their replies are lost.
    pub fn lose_replies(&self, count: u32) {
        lock(&self.state).replies_lost = count;
    }

    /// Receives up to `max` messages, and moves those away that were received too often.
    pub fn receive(&self, max: usize) -> Vec<Record> {
        let now = self.clock.now();
        let mut state = lock(&self.state);
        let mut received = Vec::new();
        let mut waiting = std::mem::take(&mut state.waiting);
        waiting.retain_mut(|message| {
            if message.visible_at > now || received.len() == max {
                return true;
            }
            if message.receives >= self.receives_max {
                let dead = DeadLetter {
                    message_id: id_of(message),
                    body: message.body.clone(),
                    receives: message.receives,
                };
                state.dead.push(dead);
                return false;
            }
            message.receives += 1;
            message.visible_at = later(now, self.visibility_seconds);
            state
                .deliveries
                .push((now, message.body.clone(), message.receives));
            received.push(record_of(message));
            true
        });
        state.waiting = waiting;
        received
    }

    /// Deletes a received message.
    pub fn delete(&self, receipt_handle: &str) {
        lock(&self.state).waiting.retain(|message| {
            handle_of(message) != receipt_handle && id_of(message) != receipt_handle
        });
    }

    /// Makes every waiting message visible now, as a queue does that delivers twice or too early.
    pub fn deliver_now(&self) {
        let now = self.clock.now();
        for message in &mut lock(&self.state).waiting {
            message.visible_at = message.visible_at.min(now);
        }
    }

    /// When the next message becomes visible.
    pub fn next_visible_at(&self) -> Option<Timestamp> {
        lock(&self.state)
            .waiting
            .iter()
            .map(|message| message.visible_at)
            .min()
    }

    /// How many messages wait or are being worked on.
    pub fn depth(&self) -> usize {
        lock(&self.state).waiting.len()
    }

    /// The bodies that wait.
    pub fn bodies(&self) -> Vec<String> {
        lock(&self.state)
            .waiting
            .iter()
            .map(|message| message.body.clone())
            .collect()
    }

    /// What the redrive policy moved away.
    pub fn dead_letters(&self) -> Vec<DeadLetter> {
        lock(&self.state).dead.clone()
    }

    /// Every delivery so far: body and receive count.
    pub fn deliveries(&self) -> Vec<(String, u32)> {
        let state = lock(&self.state);
        let deliveries = state.deliveries.iter();
        deliveries
            .map(|(_, body, receives)| (body.clone(), *receives))
            .collect()
    }

    /// When each delivery so far was.
    pub fn delivered_at(&self) -> Vec<Timestamp> {
        let state = lock(&self.state);
        state.deliveries.iter().map(|(at, ..)| *at).collect()
    }

    /// Sends the dead letters again, as an operator's redrive does.
    pub fn redrive(&self) {
        let now = self.clock.now();
        let mut state = lock(&self.state);
        for letter in std::mem::take(&mut state.dead) {
            state.push(letter.body, TraceContext::default(), now, now);
        }
    }

    /// Throws away every waiting message, as a purge does.
    pub fn purge(&self) {
        lock(&self.state).waiting.clear();
    }
}

impl State {
    fn push(
        &mut self,
        body: String,
        trace: TraceContext,
        sent_at: Timestamp,
        visible_at: Timestamp,
    ) {
        self.sent += 1;
        self.waiting.push(Message {
            id: self.sent,
            body,
            trace,
            sent_at,
            visible_at,
            receives: 0,
        });
    }
}

fn later(time: Timestamp, seconds: u32) -> Timestamp {
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

impl<C: Clock> DelayQueue for FakeQueue<C> {
    async fn send(&self, message: OutgoingMessage) -> Result<(), PortError> {
        tokio::task::yield_now().await;
        let now = self.clock.now();
        let mut state = lock(&self.state);
        if state.failures > 0 {
            state.failures -= 1;
            return Err(PortError::transient(
                "send message",
                "a fault that a test asked for",
            ));
        }
        state.push(
            message.body,
            message.trace,
            now,
            later(now, message.delay_seconds),
        );
        if state.replies_lost > 0 {
            state.replies_lost -= 1;
            return Err(PortError::transient(
                "send message",
                "a reply that a test lost",
            ));
        }
        Ok(())
    }

    async fn set_visibility(&self, receipt_handle: &str, seconds: u32) -> Result<(), PortError> {
        let visible_at = later(self.clock.now(), seconds);
        for message in &mut lock(&self.state).waiting {
            if handle_of(message) == receipt_handle {
                message.visible_at = visible_at;
            }
        }
        Ok(())
    }
}
