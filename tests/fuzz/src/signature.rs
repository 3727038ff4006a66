//! Signatures, and the document of their secrets.

use crate::input::{now, parts, text};
use leadwire_domain::lead::id::EventId;
use leadwire_domain::source::{Delivery, Headers, Key, Source, Sources, canary};
use serde_json::Value;
use std::collections::BTreeMap;

/// A request's headers, as a carrier gives them: visible ASCII and spaces only.
#[derive(Clone, Debug, Default)]
pub(crate) struct Map(BTreeMap<String, String>);

impl Headers for Map {
    fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }
}

impl Map {
    pub(crate) fn set(&mut self, name: &str, value: &str) {
        let is_visible = |byte: u8| byte.is_ascii_graphic() || byte == b' ';
        if value.bytes().all(is_visible) {
            self.0.insert(name.to_owned(), value.to_owned());
        } else {
            self.0.remove(name);
        }
    }

    pub(crate) fn signed(source: Source, id: &EventId, body: &[u8]) -> Self {
        let signed = key(source).sign(id, body, now());
        let headers = signed
            .expect("an id without a full stop")
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value));
        Self(headers.collect())
    }
}

/// The source's secret in these laws.
pub(crate) fn secret(source: Source) -> String {
    source.make_secret(*b"leadwire-laws-are-not-secrets-32")
}

fn key(source: Source) -> Key {
    source
        .parse_key(&secret(source))
        .expect("a secret of its source")
}

/// What is signed is verified; with another header or another body it is not, and what nobody signed never is.
pub fn signature(data: &[u8]) {
    let [id, timestamp, signature, body, other] = parts(data);
    let [id, timestamp, signature, other_text] = [id, timestamp, signature, other].map(text);
    for source in Source::ALL {
        let mut forged = Map::default();
        for (name, value) in [
            ("webhook-id", &id),
            ("webhook-timestamp", &timestamp),
            ("webhook-signature", &signature),
            ("svix-id", &id),
            ("svix-timestamp", &timestamp),
            ("svix-signature", &signature),
            ("close-sig-hash", &signature),
            ("close-sig-timestamp", &timestamp),
        ] {
            forged.set(name, value);
        }
        assert!(!is_verified(source, &forged, body), "a forgery is verified");
        let plain = EventId::parse("msg_1").expect("a plain id");
        let signed_id = EventId::parse(&id)
            .ok()
            .filter(|id| !id.as_str().contains('.'))
            .unwrap_or(plain);
        let good = Map::signed(source, &signed_id, body);
        assert!(
            is_verified(source, &good, body),
            "what is signed is verified"
        );
        assert!(body == other || !is_verified(source, &good, other));
        for (name, value) in &good.0 {
            // A list of signatures may say more, as long as it says this one.
            if other_text.split(' ').any(|item| item == value) {
                continue;
            }
            let mut tampered = good.clone();
            tampered.set(name, &other_text);
            assert!(
                !is_verified(source, &tampered, body),
                "{name}: {other_text:?}"
            );
        }
    }
}

fn is_verified(source: Source, headers: &Map, body: &[u8]) -> bool {
    let delivery = Delivery {
        headers,
        body,
        received_at: now(),
    };
    Sources::only(key(source)).verify(source, &delivery).is_ok()
}

/// A document is taken with every secret in form or refused whole, and neither an error nor its debugging form repeats what could be a
/// secret.
pub fn sources_document(data: &[u8]) {
    let text = text(data);
    match Sources::parse(&text) {
        Ok(sources) => {
            for source in Source::ALL {
                assert!(!sources.is_open(source), "a document opens no door");
                let Some(config) = sources.get(source) else {
                    continue;
                };
                assert!(source.is_configurable());
                assert!(!config.keys.is_empty());
                for key in &config.keys {
                    assert_eq!(key.source(), source);
                    check_hidden(key);
                }
            }
        }
        Err(error) => {
            let shown = format!("{error} {error:?}");
            assert!(shown.len() < 10_000, "{shown}");
            for secret in long_texts(&text) {
                assert!(!shown.contains(&secret), "{shown}");
            }
        }
    }
    if let Ok(key) = canary::parse_secret(&text) {
        assert_eq!(key.source(), Source::Canary);
        check_hidden(&key);
    }
}

fn check_hidden(key: &Key) {
    assert_eq!(format!("{key:?}"), format!("Key({} ***)", key.source()));
}

/// Every text of a document that is as long as a secret, wherever it stands.
fn long_texts(document: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut open = vec![serde_json::from_str(document).unwrap_or(Value::Null)];
    while let Some(value) = open.pop() {
        match value {
            Value::String(text) => found.push(text),
            Value::Array(items) => open.extend(items),
            Value::Object(members) => {
                for (name, value) in members {
                    found.push(name);
                    open.push(value);
                }
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }
    found.retain(|text| text.len() > 32);
    found
}
