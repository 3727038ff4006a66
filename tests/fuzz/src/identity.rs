//! Ids, and the keys that are made of them.

use crate::input::{now, text};
use jiff::{SignedDuration, Timestamp};
use leadwire_domain::key::{
    DEDUPE, EventName, FAILED, Identity, RAW, SWEPT, compact, failed_message_key, lookup_key,
    quarantine_key,
};
use leadwire_domain::lead::id::{EventId, LeadId, Sha256Hex};
use leadwire_domain::source::SourceKind;
use serde_json::Value;
use serde_json::value::RawValue;

/// Any text is an id exactly when it has the form of one, and a key that holds an id leads nowhere else.
pub fn lead_id(data: &[u8]) {
    let text = text(data);
    let id = LeadId::parse(&text);
    assert_eq!(id.is_ok(), has_form(&text), "{text:?}");
    assert_eq!(
        LeadId::from_text(&text).ok().map(String::from),
        id_of(&text)
    );
    check_json(data);
    check_event_id(&text);
    check_raw_key(&text);
    assert_safe(&failed_message_key(&text));
    assert_safe(&quarantine_key(Sha256Hex::of(data)));
    if let Ok(digest) = Sha256Hex::parse(&text) {
        assert_eq!(digest.to_string(), text.to_ascii_lowercase());
    }
    if let Ok(id) = id {
        assert_eq!(id.as_str(), text);
        check_keys(&id);
    }
}

/// The form of a lead id, as docs/PROTOCOL.md has it.
pub(crate) fn has_form(text: &str) -> bool {
    let is_plain = |c: char| matches!(c, 'a'..='z' | 'A'..='Z' | '0'..='9');
    text.starts_with(is_plain)
        && text.chars().count() <= 128
        && text.chars().all(|c| is_plain(c) || c == '_' || c == '-')
}

/// The lead id of any text: itself where it has that form, else its digest where all of it can be seen.
pub(crate) fn id_of(text: &str) -> Option<String> {
    if has_form(text) {
        return Some(text.to_owned());
    }
    let is_hidden = |c: char| c.is_whitespace() || c.is_control();
    let found = LeadId::from_text(text).ok()?;
    assert!((1..=128).contains(&text.chars().count()) && !text.contains(is_hidden));
    let digest = Sha256Hex::of(text.as_bytes()).to_string();
    let stand_in = format!("x-{}", digest.get(..32).unwrap_or_default());
    assert_eq!(found.as_str(), stand_in, "{text:?}");
    Some(stand_in)
}

/// A JSON value is a lead id where it is such a string, or digits alone.
pub(crate) fn id_in(json: &str) -> Option<String> {
    if json.bytes().all(|byte| byte.is_ascii_digit()) {
        return Some(json.to_owned()).filter(|text| has_form(text));
    }
    match serde_json::from_str(json).ok()? {
        Value::String(text) => id_of(&text),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => {
            None
        }
    }
}

fn check_json(data: &[u8]) {
    if let Ok(value) = serde_json::from_slice::<&RawValue>(data) {
        let found = LeadId::from_json(value).ok();
        assert_eq!(
            found.map(String::from),
            id_in(value.get()),
            "{}",
            value.get()
        );
    }
}

fn check_event_id(text: &str) {
    let is_visible = text.chars().all(|c| ('!'..='~').contains(&c));
    let expected = is_visible && (1..=256).contains(&text.len());
    let id = EventId::parse(text);
    assert_eq!(id.is_ok(), expected, "{text:?}");
    let Ok(id) = id else { return };
    let keys = SourceKind::ALL.map(|kind| {
        let identity = Identity {
            source: kind.into(),
            event_id: &id,
        };
        identity.dedupe_key()
    });
    for key in &keys {
        assert_safe(key);
        assert!(key.starts_with(DEDUPE));
        assert_eq!(keys.iter().filter(|other| *other == key).count(), 1);
    }
}

/// An operator may name any raw object, but nothing outside `raw/`.
fn check_raw_key(text: &str) {
    for key in [text.to_owned(), format!("{RAW}{text}.json")] {
        if let Ok(name) = EventName::parse_raw_key(&key) {
            assert_eq!(name.raw_key(), key);
            assert_eq!(name.revision(), 0);
            check_name(&name);
        }
    }
}

fn check_keys(id: &LeadId) {
    assert_eq!(lookup_key(id), format!("{id}.json"));
    assert_safe(&lookup_key(id));
    let event_id = EventId::parse(id.as_str()).expect("a lead id is visible ASCII");
    let identity = Identity {
        source: SourceKind::Close.into(),
        event_id: &event_id,
    };
    let second = SignedDuration::from_secs(1);
    for time in [now(), Timestamp::UNIX_EPOCH, Timestamp::MAX] {
        let base = EventName::new(id, time);
        assert_eq!(EventName::in_slot(id, time, &identity, 0), base);
        for slot in 1..4 {
            let name = EventName::in_slot(id, time, &identity, slot);
            assert!(name.may_be_of(id));
            let last = time.checked_add(second).map_or(compact(time), compact);
            assert!(
                name >= base
                    && name <= EventName::parse_raw_key(&key(id, &last)).expect("a raw key")
            );
        }
        assert_eq!(EventName::parse_raw_key(&base.raw_key()), Ok(base.clone()));
        assert!(base.may_be_of(id));
        check_name(&base);
    }
}

fn key(id: &LeadId, time: &str) -> String {
    format!("raw/crm_event_{id}_{time}.json")
}

fn check_name(name: &EventName) {
    for revision in [0, 1, u32::MAX] {
        let name = name.clone().with_revision(revision);
        for key in [
            name.raw_key(),
            name.enriched_key(),
            name.mail_key(),
            name.failed_key(),
            name.key(SWEPT),
        ] {
            assert_safe(&key);
            assert_eq!(key.matches('/').count(), 1, "{key}");
        }
        let is_tag = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
        assert!(name.tag().chars().all(is_tag) && name.tag().len() <= 256);
    }
    assert!(name.failed_key().starts_with(FAILED));
}

/// A key of characters that every store, proxy and shell takes for what they are.
fn assert_safe(key: &str) {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "_-./".contains(c);
    assert!(key.chars().all(is_plain), "{key:?}");
    assert!(!key.contains("..") && !key.contains("//"), "{key:?}");
    assert!(!key.starts_with('/') && key.len() <= 1024, "{key:?}");
}
