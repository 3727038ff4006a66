//! One request beside one configuration: what is tried against the door's own code, and changed to find out what would verify.

use super::saved::SavedRequest;
use crate::json::Object;
use crate::source::config::Verifying;
use crate::source::reading::Reading;
use crate::source::{Delivery, Headers, Source, SourceConfig, Unverified};
use jiff::Timestamp;
use serde_json::{Map, Value};
use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

/// The members that hold secrets, in every kind.
const SECRETS: [&str; 3] = ["secrets", "tokens", "passwords"];
/// The part of a configuration that verifies no event.
const CHALLENGE: &str = "challenge";

/// The names of headers that a source has asked for.
#[derive(Debug, Default)]
pub(super) struct Asked(Mutex<BTreeSet<String>>);

/// A source and a request to it.
#[derive(Clone)]
pub(super) struct Case {
    pub(super) source: Source,
    /// The members of the source, as its document has them.
    pub(super) members: Map<String, Value>,
    /// How its secrets are read, where that is not as its kind does.
    pub(super) reading: Option<Reading>,
    pub(super) request: SavedRequest,
    pub(super) at: Timestamp,
}

/// Headers that note which of them are asked for.
struct Noted<'a> {
    request: &'a SavedRequest,
    asked: &'a Asked,
}

impl Headers for Noted<'_> {
    fn get(&self, name: &str) -> Option<&str> {
        self.asked.note(name);
        self.request.get(name)
    }

    fn contains(&self, name: &str) -> bool {
        self.asked.note(name);
        self.request.contains(name)
    }
}

impl Asked {
    /// The names, sorted.
    pub(super) fn names(&self) -> Vec<String> {
        let names = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        names.iter().cloned().collect()
    }

    fn note(&self, name: &str) {
        let mut names = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if !names.contains(name) {
            names.insert(name.to_owned());
        }
    }
}

impl Case {
    /// What the door says of it: how far off its time is, in seconds, where that is out of the tolerance and all the rest is right.
    pub(super) fn verify(&self, asked: &Asked) -> Result<Option<i64>, Unverified> {
        let config = self.config().ok_or(Unverified::NotConfigured)?;
        let headers = Noted {
            request: &self.request,
            asked,
        };
        let delivery = Delivery {
            headers: &headers,
            ..self.request.delivery(self.at)
        };
        match config.verify(&delivery) {
            Ok(_verified) => Ok(None),
            Err(Unverified::Stale(age)) => {
                let timeless = config.verify_as(&delivery, Verifying::Timeless);
                timeless.map(|_verified| Some(age))
            }
            Err(why) => Err(why),
        }
    }

    /// The source as it would be configured. `None` where the document would be refused.
    pub(super) fn config(&self) -> Option<SourceConfig> {
        let members = Value::Object(self.members.clone()).to_string();
        let members = Object::parse(members.as_bytes()).ok()?;
        let config = SourceConfig::parse_reading(self.source, &members, self.reading);
        config.ok().filter(|config| !config.is_open())
    }

    /// The same with another request.
    pub(super) fn with(&self, change: impl FnOnce(&mut SavedRequest)) -> Self {
        let mut case = self.clone();
        change(&mut case.request);
        case
    }

    /// The same with another body.
    pub(super) fn with_body(&self, body: Vec<u8>) -> Self {
        Self {
            source: self.source,
            members: self.members.clone(),
            reading: self.reading,
            request: self.request.with_body(body),
            at: self.at,
        }
    }

    /// The same, where a header has this value once.
    pub(super) fn with_header(&self, name: &str, value: impl Into<Vec<u8>>) -> Self {
        self.with(|request| {
            request.headers.retain(|(own, _)| own != name);
            request.headers.push((name.to_owned(), value.into()));
        })
    }

    /// The same with these secrets.
    pub(super) fn with_secrets(&self, secrets: &[String]) -> Self {
        let mut case = self.clone();
        each_list(&mut case.members, &mut |list| {
            *list = secrets.iter().cloned().map(Value::from).collect();
        });
        case
    }

    /// The same, where every plain text of this name, wherever it stands, is another.
    pub(super) fn with_text(&self, name: &str, text: &str) -> Self {
        let mut case = self.clone();
        each_text(&mut case.members, &mut |own, value| {
            if own == name {
                text.clone_into(value);
            }
        });
        case
    }

    /// The texts of its secrets.
    pub(super) fn secrets(&self) -> Vec<String> {
        secrets(&self.members)
    }

    /// The plain texts of its configuration: no secret, and by the name that stands before each.
    pub(super) fn texts(&self) -> Vec<(String, String)> {
        let mut found = Vec::new();
        each_text(&mut self.members.clone(), &mut |name, value| {
            found.push((name.to_owned(), value.clone()));
        });
        found
    }
}

/// The texts of the secrets of a source.
pub(super) fn secrets(members: &Map<String, Value>) -> Vec<String> {
    let mut found = Vec::new();
    each_list(&mut members.clone(), &mut |list| {
        let texts = list.iter().filter_map(Value::as_str);
        found.extend(texts.map(str::to_owned));
    });
    found
}

fn each_list(members: &mut Map<String, Value>, act: &mut impl FnMut(&mut Vec<Value>)) {
    for (name, value) in members {
        match value {
            Value::Array(list) if SECRETS.contains(&name.as_str()) => act(list),
            Value::Object(inner) if name != CHALLENGE => each_list(inner, act),
            Value::Null
            | Value::Bool(_)
            | Value::Number(_)
            | Value::String(_)
            | Value::Array(_)
            | Value::Object(_) => {}
        }
    }
}

fn each_text(members: &mut Map<String, Value>, act: &mut impl FnMut(&str, &mut String)) {
    for (name, value) in members {
        match value {
            Value::String(text) => act(name, text),
            Value::Object(inner) if name != CHALLENGE => each_text(inner, act),
            Value::Null
            | Value::Bool(_)
            | Value::Number(_)
            | Value::Array(_)
            | Value::Object(_) => {}
        }
    }
}
