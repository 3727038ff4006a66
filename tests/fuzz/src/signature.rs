//! Signatures, and the document of their secrets.

use crate::input::{now, parts, text};
use leadwire_domain::lead::id::EventId;
use leadwire_domain::source::{
    Delivery, Headers, SignedRequest, SourceConfig, SourceKind, Sources, canary,
};
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

    pub(crate) fn of(request: &SignedRequest) -> Self {
        let headers = request.headers.iter();
        Self(
            headers
                .map(|(name, value)| ((*name).to_owned(), value.clone()))
                .collect(),
        )
    }
}

/// The request that a source of this kind sends with this body, where it can.
pub(crate) fn signed(kind: SourceKind, id: &EventId, body: &[u8]) -> Option<SignedRequest> {
    config(kind).sign(id, body.to_vec(), now())
}

/// The kind's secret in these laws.
pub(crate) fn secret(kind: SourceKind) -> String {
    kind.make_secret(*b"leadwire-laws-are-not-secrets-32")
}

/// A source of this kind.
pub(crate) fn config(kind: SourceKind) -> SourceConfig {
    let example = kind.example(&secret(kind));
    example.expect("a secret of its kind")
}

/// What is signed is verified; with another header or another body it is not, and what nobody signed never is.
pub fn signature(data: &[u8]) {
    let [id, timestamp, signature, body, other] = parts(data);
    let [id, timestamp, signature, other_text] = [id, timestamp, signature, other].map(text);
    for kind in SourceKind::ALL {
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
        let is_verified = |query: &str, headers: &Map, body: &[u8]| {
            let delivery = Delivery {
                method: "POST",
                path: "/ingest",
                query,
                headers,
                body,
                received_at: now(),
            };
            config(kind).verify(&delivery).is_ok()
        };
        assert!(!is_verified(&id, &forged, body), "a forgery is verified");
        let plain = EventId::parse("msg_1").expect("a plain id");
        let signed_id = EventId::parse(&id)
            .ok()
            .filter(|id| !id.as_str().contains('.'))
            .unwrap_or(plain);
        let Some(good) = signed(kind, &signed_id, body) else {
            continue;
        };
        let headers = Map::of(&good);
        let (query, body) = (&good.query, &*good.body);
        assert!(
            is_verified(query, &headers, body),
            "what is signed is verified"
        );
        let is_covered = kind.signs_body() && body != other;
        assert!(!is_covered || !is_verified(query, &headers, other));
        for (name, value) in &headers.0 {
            // A list of signatures may say more, as long as it says this one.
            if *value == other_text || other_text.split(' ').any(|item| item == value) {
                continue;
            }
            let mut tampered = headers.clone();
            tampered.set(name, &other_text);
            assert!(
                !is_verified(query, &tampered, body),
                "{name}: {other_text:?}"
            );
        }
    }
}

/// A document is taken with every secret in form or refused whole, and neither an error nor its debugging form repeats what could be a
/// secret.
pub fn sources_document(data: &[u8]) {
    let text = text(data);
    match Sources::parse(&text) {
        Ok(sources) => {
            assert!(!sources.is_open(), "a document opens no door");
            for config in sources.iter() {
                assert!(!config.source().is_synthetic());
                assert!(config.secrets() > 0);
                check_hidden(config);
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
    if let Ok(config) = canary::parse_secret(&text) {
        assert_eq!(config.source(), SourceKind::Canary.into());
        check_hidden(&config);
    }
}

fn check_hidden(config: &SourceConfig) {
    let shown = format!("{config:?}");
    let secrets = format!("secrets: {} ***,", config.secrets());
    assert!(shown.contains(&secrets), "{shown}");
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
