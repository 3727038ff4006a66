//! A delay queue with SQS's semantics: delay, visibility, receives, dead letters.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::Instant;

use super::message::Sent;
use crate::clients::{ACCOUNT, REGION};
use crate::json::At;

/// Messages of one receive at most, as SQS has it.
const RECEIVE_MAX: usize = 10;

/// A message in the queue.
#[derive(Debug)]
struct Held {
    message: Sent,
    due: Instant,
    receives: u32,
    handle: String,
}

/// The queue.
#[derive(Debug)]
pub(super) struct Queue {
    visibility: Duration,
    receives_max: u32,
    /// By their order of arrival.
    held: BTreeMap<u64, Held>,
    arrivals: u64,
    handles: u64,
    pub(super) dead: Vec<Sent>,
}

impl Queue {
    pub(super) fn new(visibility: Duration, receives_max: u32) -> Self {
        Self {
            visibility,
            receives_max,
            held: BTreeMap::new(),
            arrivals: 0,
            handles: 0,
            dead: Vec::new(),
        }
    }

    pub(super) fn send(&mut self, message: Sent) {
        let due = Instant::now() + Duration::from_secs(message.delay_seconds);
        self.arrivals += 1;
        let held = Held {
            message,
            due,
            receives: 0,
            handle: String::new(),
        };
        self.held.insert(self.arrivals, held);
    }

    /// Whether a receive would find something.
    pub(super) fn has_due(&self) -> bool {
        let now = Instant::now();
        self.held.values().any(|held| held.due <= now)
    }

    pub(super) fn receive(&mut self, asked: &Value) -> Vec<Value> {
        let now = Instant::now();
        let limit = self.receives_max;
        let spent = |held: &Held| held.due <= now && held.receives >= limit;
        let dead: Vec<u64> = self
            .held
            .iter()
            .filter(|(_, held)| spent(held))
            .map(|(at, _)| *at)
            .collect();
        let buried = dead.iter().filter_map(|at| self.held.remove(at));
        self.dead.extend(buried.map(|held| held.message));
        let most = asked.at("MaxNumberOfMessages").as_u64().unwrap_or(1);
        let most = usize::try_from(most)
            .unwrap_or(RECEIVE_MAX)
            .min(RECEIVE_MAX);
        let due = self.held.values_mut().filter(|held| held.due <= now);
        let mut received = Vec::new();
        for held in due.take(most) {
            self.handles += 1;
            held.receives += 1;
            held.due = now + self.visibility;
            held.handle = format!("handle-{}", self.handles);
            let first = held.message.first_received_at;
            held.message.first_received_at = Some(first.unwrap_or_else(crate::clock::now));
            received.push(held.message.wire(held.receives, &held.handle));
        }
        received
    }

    pub(super) fn delete(&mut self, asked: &Value) -> Value {
        let entries = asked.at("Entries").as_array().cloned().unwrap_or_default();
        for entry in &entries {
            let handle = entry.at("ReceiptHandle").as_str().unwrap_or_default();
            self.held
                .retain(|_, held| held.handle != handle || handle.is_empty());
        }
        let done: Vec<Value> = entries
            .iter()
            .map(|entry| json!({"Id": entry.at("Id")}))
            .collect();
        json!({"Successful": done, "Failed": []})
    }

    pub(super) fn hide(&mut self, asked: &Value) {
        let handle = asked.at("ReceiptHandle").as_str().unwrap_or_default();
        let seconds = asked.at("VisibilityTimeout").as_u64().unwrap_or_default();
        let due = Instant::now() + Duration::from_secs(seconds);
        let held = self.held.values_mut().find(|held| held.handle == handle);
        if let Some(held) = held {
            held.due = due;
        }
    }

    pub(super) fn attributes(&self, name: &str) -> Value {
        let now = Instant::now();
        let count = |is_so: &dyn Fn(&Held) -> bool| {
            let count = self.held.values().filter(|held| is_so(held)).count();
            count.to_string()
        };
        json!({"Attributes": {
            "QueueArn": format!("arn:aws:sqs:{REGION}:{ACCOUNT}:{name}"),
            "ApproximateNumberOfMessages": count(&|held| held.due <= now),
            "ApproximateNumberOfMessagesNotVisible": count(&|held| held.due > now && held.receives > 0),
            "ApproximateNumberOfMessagesDelayed": count(&|held| held.due > now && held.receives == 0),
        }})
    }
}
