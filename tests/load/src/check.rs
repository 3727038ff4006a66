//! What is in the data folder, held against what was sent.

use crate::lead::{Event, owner};
use crate::report::Report;
use anyhow::{Context as _, Result};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::ErrorKind;
use std::path::Path;
use std::time::{Duration, Instant};

/// Longest that the views may take after the last mail.
const VIEWS_DEADLINE: Duration = Duration::from_secs(30);
const LOOK: Duration = Duration::from_millis(50);

/// An event that was answered with 202.
#[derive(Clone, Debug)]
pub struct Accepted {
    /// It.
    pub event: Event,
    /// Its `s3_key`.
    pub key: String,
}

impl Accepted {
    /// What names everything that belongs to it.
    pub fn name(&self) -> &str {
        let name = self.key.strip_prefix("raw/").unwrap_or(&self.key);
        name.strip_suffix(".json").unwrap_or(name)
    }
}

/// Names in a folder that end like this, without that end.
///
/// # Errors
/// The folder cannot be read.
pub fn names(folder: &Path, end: &str) -> Result<BTreeSet<String>> {
    let mut names = BTreeSet::new();
    for entry in fs::read_dir(folder).with_context(|| folder.display().to_string())? {
        let name = entry?.file_name().to_string_lossy().into_owned();
        if let Some(name) = name.strip_suffix(end).filter(|name| !name.starts_with('.')) {
            names.insert(name.to_owned());
        }
    }
    Ok(names)
}

/// Waits until the views are as many as the events. What lacks after a while is told by [`files`].
///
/// # Errors
/// A folder cannot be read.
pub fn await_views(data: &Path, count: usize) -> Result<()> {
    let began = Instant::now();
    loop {
        let raw = names(&data.join("raw"), ".json")?.len();
        let enriched = names(&data.join("enriched"), ".json")?.len();
        if (raw >= count && enriched >= count) || began.elapsed() > VIEWS_DEADLINE {
            return Ok(());
        }
        std::thread::park_timeout(LOOK);
    }
}

/// Keys are distinct, raw files hold what was sent, and each document is merged from its own event and its own owner.
///
/// # Errors
/// A folder cannot be read.
pub fn files(report: &mut Report, data: &Path, accepted: &[Accepted]) -> Result<()> {
    let mut keys: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for one in accepted {
        keys.entry(one.name())
            .or_default()
            .push(&one.event.event_id);
    }
    let shared = keys.iter().filter(|(_, events)| events.len() > 1);
    let shared = shared.map(|(key, events)| format!("{key}: {events:?}"));
    report.promise("every event has a key of its own", shared.collect());
    let mut merged = Vec::new();
    for one in accepted {
        let document = read(data, "enriched", one.name())?;
        let parsed = document
            .as_deref()
            .and_then(|bytes| serde_json::from_slice(bytes).ok());
        if !parsed.is_some_and(|document: Value| is_merge_of(&document, one)) {
            merged.push(format!("{}: {}", one.name(), seen(document.as_deref())));
        }
    }
    report.promise("every event is merged with its own owner", merged);
    raw_files(report, data, accepted)
}

/// Raw files hold what was sent, and there are no others.
///
/// # Errors
/// A folder cannot be read.
pub fn raw_files(report: &mut Report, data: &Path, accepted: &[Accepted]) -> Result<()> {
    let mut others = Vec::new();
    for one in accepted {
        let bytes = read(data, "raw", one.name())?;
        if bytes.as_deref() != Some(one.event.body.as_bytes()) {
            others.push(format!("{}: {}", one.name(), seen(bytes.as_deref())));
        }
    }
    report.promise("every raw file holds the bytes that were sent", others);
    let expected: BTreeSet<&str> = accepted.iter().map(Accepted::name).collect();
    let more = names(&data.join("raw"), ".json")?;
    let more = more
        .into_iter()
        .filter(|name| !expected.contains(name.as_str()));
    report.promise("nothing is stored that was not accepted", more.collect());
    Ok(())
}

fn seen(bytes: Option<&[u8]>) -> String {
    bytes.map_or_else(
        || "is not there".to_owned(),
        |bytes| String::from_utf8_lossy(bytes).into_owned(),
    )
}

fn read(data: &Path, folder: &str, name: &str) -> Result<Option<Vec<u8>>> {
    match fs::read(data.join(folder).join(format!("{name}.json"))) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error.into()),
    }
}

fn is_merge_of(document: &Value, one: &Accepted) -> bool {
    let member = |pointer: &str| document.pointer(pointer).and_then(Value::as_str);
    member("/lead_id") == Some(&one.event.lead_id)
        && member("/display_name") == Some(&one.event.name)
        && member("/lead_owner") == Some(&owner(&one.event.lead_id))
        && member("/_leadwire/raw_key") == Some(&one.key)
        && member("/_leadwire/event_id") == Some(&one.event.event_id)
}

/// The outbox holds one mail for each event that was accepted and no other, and each is told once.
///
/// # Errors
/// The outbox cannot be read.
pub fn mailed_once(
    report: &mut Report,
    data: &Path,
    accepted: &[Accepted],
    told: &[Value],
) -> Result<()> {
    let mails = names(&data.join("outbox"), ".eml")?;
    let expected: BTreeSet<&str> = accepted.iter().map(Accepted::name).collect();
    report.count("mailed", mails.len());
    let lost = expected.iter().filter(|name| !mails.contains(**name));
    report.promise(
        "every event that was accepted is mailed",
        lost.map(|name| (*name).to_owned()).collect(),
    );
    let more = mails
        .iter()
        .filter(|name| !expected.contains(name.as_str()));
    report.promise("nothing else is mailed", more.cloned().collect());
    let mut times: BTreeMap<String, usize> = BTreeMap::new();
    for line in told
        .iter()
        .filter(|line| line.get("event").is_some_and(|event| event == "email_sent"))
    {
        let id = line.get("message_id").and_then(Value::as_str);
        *times.entry(id.unwrap_or_default().to_owned()).or_default() += 1;
    }
    let again = times.iter().filter(|(_, times)| **times > 1);
    report.promise(
        "no event is mailed twice",
        again.map(|(id, times)| format!("{id}: {times}")).collect(),
    );
    Ok(())
}
