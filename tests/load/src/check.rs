//! What is stored and mailed, compared with what was sent.

use crate::lead::{Event, owner};
use crate::report::Report;
use crate::target::{Mails, Target, name_of};
use anyhow::Result;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// An event that was answered with 202.
#[derive(Clone, Debug)]
pub struct Accepted {
    /// It.
    pub event: Event,
    /// Its `s3_key`.
    pub key: String,
}

impl Accepted {
    fn name(&self) -> &str {
        name_of(&self.key)
    }
}

/// Raw objects hold what was sent, and there are no others.
pub fn raw<T: Target>(report: &mut Report, target: &T, accepted: &[Accepted]) -> Result<()> {
    let mut others = Vec::new();
    for one in accepted {
        let bytes = target.stored("raw", one.name())?;
        if bytes.as_deref() != Some(one.event.body.as_bytes()) {
            others.push(format!("{}: {}", one.name(), shown(bytes.as_deref())));
        }
    }
    report.promise("every raw file holds the bytes that were sent", others);
    let expected: BTreeSet<&str> = accepted.iter().map(Accepted::name).collect();
    let mut more = target.names("raw")?;
    more.retain(|name| !expected.contains(name.as_str()));
    report.promise("nothing is stored that was not accepted", more);
    Ok(())
}

/// Keys are distinct, and each document is merged from its own event and its own owner.
pub fn documents<T: Target>(report: &mut Report, target: &T, accepted: &[Accepted]) -> Result<()> {
    let mut keys: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for one in accepted {
        let events = keys.entry(one.name()).or_default();
        events.push(&one.event.event_id);
    }
    let shared = keys.iter().filter(|(_, events)| events.len() > 1);
    let shared = shared.map(|(key, events)| format!("{key}: {events:?}"));
    report.promise("every event has a key of its own", shared);
    let mut merged = Vec::new();
    for one in accepted {
        let bytes = target.stored("enriched", one.name())?;
        if !parsed(bytes.as_deref()).is_some_and(|document| is_merge_of(&document, one)) {
            merged.push(format!("{}: {}", one.name(), shown(bytes.as_deref())));
        }
    }
    report.promise("every event is merged with its own owner", merged);
    Ok(())
}

/// There is one mail to each receiver of each event that was accepted, and no other.
pub fn mailed_once<T: Target>(
    report: &mut Report,
    target: &T,
    mails: &Mails,
    accepted: &[Accepted],
) {
    let expected: BTreeSet<&str> = accepted.iter().map(Accepted::name).collect();
    let mut times: BTreeMap<&str, BTreeMap<&str, usize>> = BTreeMap::new();
    for mail in &mails.taken {
        let receivers = times.entry(&mail.event).or_default();
        *receivers.entry(&mail.to).or_default() += 1;
    }
    report.count("mailed", times.len());
    let told = |name: &str| times.get(name).map_or(0, BTreeMap::len);
    let lost = expected
        .iter()
        .filter(|name| told(name) != target.receivers());
    let lost = lost.map(|name| format!("{name}: {} receivers", told(name)));
    let promise = "every event that was accepted is mailed to each receiver";
    report.promise(promise, lost);
    let more = times.keys().filter(|name| !expected.contains(**name));
    report.promise("nothing else is mailed", more);
    let again = times.iter().flat_map(|(name, to)| {
        let again = to.iter().filter(|(_, times)| **times > 1);
        again.map(move |(to, times)| format!("{name} to {to}: {times}"))
    });
    report.promise("no receiver is mailed twice", again);
}

/// A second mail to a receiver only where the first is in doubt, and no third; every mail of an event says the same, and what its document says.
pub fn mailed_in_doubt<T: Target>(report: &mut Report, target: &T, mails: &Mails) -> Result<()> {
    let mut subjects: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    let mut copies: BTreeMap<(String, String), usize> = BTreeMap::new();
    for mail in &mails.taken {
        subjects
            .entry(&mail.event)
            .or_default()
            .insert(&mail.subject);
        let effect = (mail.event.clone(), mail.to.clone());
        *copies.entry(effect).or_default() += 1;
    }
    report.count("mails", mails.taken.len());
    report.count("mails_in_doubt", mails.doubts.values().sum());
    report.count("mails_more_than_effects", mails.taken.len() - copies.len());
    let (mut twice, mut different) = (mails.broken.clone(), Vec::new());
    for (effect, copies) in &copies {
        let doubts = mails.doubts.get(effect).copied().unwrap_or(0);
        if *copies > 1 + doubts.min(1) {
            let (event, to) = effect;
            twice.push(format!(
                "{event} to {to}: {copies} mails, {doubts} in doubt"
            ));
        }
    }
    for (event, subjects) in &subjects {
        if subjects.len() > 1 {
            different.push(format!("{event}: {subjects:?}"));
        }
    }
    report.promise(
        "a second mail only where the first is in doubt, and no third",
        twice,
    );
    report.promise(
        "one document for one event, whatever its owner file becomes",
        different,
    );
    let mut foreign = Vec::new();
    for mail in &mails.taken {
        let document = parsed(target.stored("enriched", &mail.event)?.as_deref());
        let owner = document
            .as_ref()
            .and_then(|document| document.get("lead_owner"));
        let owner = owner.and_then(Value::as_str);
        if !owner.is_some_and(|owner| target.says(mail, owner)) {
            foreign.push(format!("{}: {owner:?}", mail.event));
        }
    }
    report.promise("every mail is rendered from the stored document", foreign);
    Ok(())
}

fn parsed(bytes: Option<&[u8]>) -> Option<Value> {
    serde_json::from_slice(bytes?).ok()
}

fn shown(bytes: Option<&[u8]>) -> String {
    let text = bytes.map(|bytes| String::from_utf8_lossy(bytes).into_owned());
    text.unwrap_or_else(|| "is not there".to_owned())
}

fn is_merge_of(document: &Value, one: &Accepted) -> bool {
    let member = |pointer: &str| document.pointer(pointer).and_then(Value::as_str);
    member("/lead_id") == Some(&one.event.lead_id)
        && member("/display_name") == Some(&one.event.name)
        && member("/lead_owner") == Some(&owner(&one.event.lead_id))
        && member("/_leadwire/raw_key") == Some(&one.key)
        && member("/_leadwire/event_id") == Some(&one.event.event_id)
}
