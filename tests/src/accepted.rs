//! What a sender is answered whose event was accepted.

use std::ops::Deref;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use crate::http::Response;
use crate::json::At;

/// The entry of an accepted event in the answer.
#[derive(Clone, Debug)]
pub struct Accepted(Value);

impl Accepted {
    /// The first entry of an answer.
    pub fn read(response: &Response) -> Result<Self> {
        let text = String::from_utf8_lossy(response.body());
        ensure!(response.status() == 202, "{}: {text}", response.status());
        let answer: Value = serde_json::from_slice(response.body())?;
        let event = answer.pointer("/events/0").cloned();
        event.map(Self).context("an accepted event")
    }

    /// A text that it holds; empty where it does not.
    pub fn text(&self, member: &str) -> &str {
        self.0.at(member).text()
    }

    /// The key of the raw object.
    pub fn key(&self) -> &str {
        self.text("s3_key")
    }

    /// The key of what belongs to the event in another room, such as `enriched`.
    pub fn key_in(&self, room: &str) -> String {
        key_in(self.key(), room)
    }
}

impl Deref for Accepted {
    type Target = Value;

    fn deref(&self) -> &Value {
        &self.0
    }
}

/// The key of what belongs to the event of a raw object in another room.
pub fn key_in(raw_key: &str, room: &str) -> String {
    raw_key.replacen("raw/", &format!("{room}/"), 1)
}
