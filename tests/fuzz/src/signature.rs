//! Signatures, and the document of their secrets.

use crate::input::{now, parts, text};
use leadwire_domain::canary;
use leadwire_domain::lead::id::EventId;
use leadwire_domain::signature::{Headers, is_well_formed, sign, verify};
use leadwire_domain::source::{Secret, Source, SourceConfig, Sources};
use std::collections::BTreeMap;

pub(crate) const CLOSE_SECRET: &str =
    "0f1e2d3c4b5a69788796a5b4c3d2e1f00f1e2d3c4b5a69788796a5b4c3d2e1f0";
pub(crate) const STANDARD_SECRET: &str = "whsec_bGVhZHdpcmUtbGF3cy1hcmUtbm90LXNlY3JldHM=";

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
        let signed = sign(source, &secret(source), id, body, now());
        let headers = signed
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value));
        Self(headers.collect())
    }
}

pub(crate) fn secret(source: Source) -> Secret {
    Secret::new(match source {
        Source::Close => CLOSE_SECRET,
        Source::Generic | Source::Standard | Source::Canary => STANDARD_SECRET,
    })
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
    let config = SourceConfig {
        secrets: vec![secret(source)],
        ..SourceConfig::default()
    };
    verify(source, &config, headers, body, now()).is_ok()
}

/// A document is taken with every secret in form or refused whole, and neither an error nor its debugging form tells what is in it.
pub fn sources_document(data: &[u8]) {
    let text = text(data);
    match Sources::parse(&text) {
        Ok(sources) => {
            for source in Source::ALL {
                assert!(!sources.is_open(source), "a document opens no door");
                let Some(config) = sources.get(source) else {
                    continue;
                };
                assert!(Source::CONFIGURED.contains(&source));
                assert!(!config.secrets.is_empty());
                for secret in &config.secrets {
                    assert!(is_well_formed(source, secret));
                    assert_eq!(format!("{secret:?}"), "Secret(***)");
                }
            }
        }
        Err(error) => {
            let told = error.to_string();
            let names = ["the sources document", "generic", "close", "standard"];
            let known = names.iter().any(|name| told.starts_with(name));
            assert!(known && told.len() < 200, "{told}");
        }
    }
    if let Ok(secret) = canary::parse_secret(&text) {
        assert!(is_well_formed(Source::Canary, &secret));
        assert_eq!(format!("{secret:?}"), "Secret(***)");
    }
}
