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
}

impl Queue {
    pub(super) fn new(visibility: Duration, receives_max: u32) -> Self {
        Self {
            visibility,
            receives_max,
            held: BTreeMap::new(),
            arrivals: 0,
            handles: 0,
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

    pub(super) fn receive(&mut self, asked: &Value) -> Value {
        let (now, limit) = (Instant::now(), self.receives_max);
        let spent = |held: &Held| held.due <= now && held.receives >= limit;
        self.held.retain(|_, held| !spent(held));
        let most = asked.at("MaxNumberOfMessages").as_u64().unwrap_or(1);
        let most = usize::try_from(most).map_or(RECEIVE_MAX, |most| most.min(RECEIVE_MAX));
        let due = self.held.values_mut().filter(|held| held.due <= now);
        let mut received = Vec::new();
        for held in due.take(most) {
            self.handles += 1;
            held.receives += 1;
            held.due = now + self.visibility;
            held.handle = format!("handle-{}", self.handles);
            let first = &mut held.message.first_received_at;
            first.get_or_insert_with(crate::clock::now);
            received.push(held.message.wire(held.receives, &held.handle));
        }
        json!({"Messages": received})
    }

    pub(super) fn delete(&mut self, asked: &Value) -> Value {
        let entries = asked.at("Entries").items();
        for entry in entries {
            let handle = entry.at("ReceiptHandle").text();
            self.held
                .retain(|_, held| held.handle != handle || handle.is_empty());
        }
        let done = entries.iter().map(|entry| json!({"Id": entry.at("Id")}));
        json!({"Successful": done.collect::<Value>(), "Failed": []})
    }

    pub(super) fn hide(&mut self, asked: &Value) -> Value {
        let handle = asked.at("ReceiptHandle").text();
        let seconds = asked.at("VisibilityTimeout").as_u64().unwrap_or_default();
        let due = Instant::now() + Duration::from_secs(seconds);
        let mut held = self.held.values_mut();
        if let Some(held) = held.find(|held| held.handle == handle) {
            held.due = due;
        }
        json!({})
    }

    pub(super) fn attributes(&mut self, asked: &Value) -> Value {
        let url = asked.at("QueueUrl").text();
        let name = url.rsplit('/').next().unwrap_or_default();
        let now = Instant::now();
        let count = |is_so: fn(&Held, Instant) -> bool| {
            let count = self.held.values().filter(|held| is_so(held, now)).count();
            count.to_string()
        };
        json!({"Attributes": {
            "QueueArn": format!("arn:aws:sqs:{REGION}:{ACCOUNT}:{name}"),
            "ApproximateNumberOfMessages": count(|held, now| held.due <= now),
            "ApproximateNumberOfMessagesNotVisible": count(|held, now| held.due > now && held.receives > 0),
            "ApproximateNumberOfMessagesDelayed": count(|held, now| held.due > now && held.receives == 0),
        }})
    }
}
