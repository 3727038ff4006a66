//! Declared sources: whatever is declared and sent, nobody without a secret has an effect, no element hides another, and no token is kept.

use crate::input::{now, parts, text};
use crate::signature::Map;
use leadwire_domain::lead::id::{EventId, LeadId};
use leadwire_domain::limits::MAPPING_BYTES_MAX;
use leadwire_domain::source::{
    Delivery, EventFilter, Extracted, Sample, SourceConfig, SourceKind, Sources,
};
use serde_json::value::RawValue;

const TOKEN: &str = "a-token-that-nobody-else-has";
const GOOD: &str = r#"{"data":{"id":"good-1"},"n":1.50}"#;

/// A declaration, a header's value, and a body.
pub fn custom(data: &[u8]) {
    let [declaration, header, body] = parts(data);
    if let Some(config) = declared(&text(declaration)) {
        check(&config, &text(header), body);
    }
    hostile_element(body);
    form(body);
}

fn declared(members: &str) -> Option<SourceConfig> {
    let document = format!(r#"{{"custom":{members}}}"#);
    let sources = Sources::parse(&document).ok()?;
    let config = sources.iter().next()?.clone();
    (config.kind() == SourceKind::Custom).then_some(config)
}

fn delivery<'a>(query: &'a str, headers: &'a Map, body: &'a [u8]) -> Delivery<'a> {
    Delivery {
        method: "POST",
        path: "/ingest/custom",
        query,
        headers,
        body,
        received_at: now(),
    }
}

fn check(config: &SourceConfig, header: &str, body: &[u8]) {
    assert!(config.secrets() > 0 && !config.is_open());
    let mapping = config.mapping().expect("it is declared");
    assert!(
        mapping.len() <= MAPPING_BYTES_MAX && mapping.bytes().all(|byte| byte.is_ascii_graphic())
    );
    let empty = Map::default();
    assert!(
        config.verify(&delivery("", &empty, b"")).is_err(),
        "nothing is verified"
    );
    assert!(!matches!(
        config.challenge(&delivery("", &empty, b"")),
        Some(Ok(_))
    ));
    let mut headers = Map::default();
    for name in ["authorization", "x-signature", "x-timestamp", "x-key"] {
        headers.set(name, header);
    }
    // It may know the secret; whatever it is, nothing panics.
    let verified = config.verify(&delivery(header, &headers, body));
    let body = verified.map_or_else(|_| body.to_vec(), |verified| verified.body.into_owned());
    for element in config.split(&body).unwrap_or_default() {
        let first = config
            .kind()
            .parse_mapped(&element, Some(mapping), config.filter());
        if let Ok(Extracted::Event(event)) = first {
            let again = config
                .kind()
                .parse_mapped(&element, Some(mapping), EventFilter::All);
            assert!(matches!(again, Ok(Extracted::Event(same)) if same.lead_id == event.lead_id));
            assert!(event.fields.get("_leadwire").is_none());
        }
    }
    if let Some(sent) = config.sample(&sample(), now()) {
        let headers = Map::of(&sent);
        // What its own declaration contradicts is not taken, and nothing else comes of it.
        let _verified = config.verify(&delivery(&sent.query, &headers, &sent.body));
    }
}

fn sample() -> Sample {
    Sample {
        lead_id: LeadId::parse("test-1").expect("a plain id"),
        name: "Alice".to_owned(),
        email: "alice@example.com".to_owned(),
        event_id: EventId::parse("ev_1").expect("a plain id"),
        made_at: Some(now()),
    }
}

/// A hostile element beside a good one.
fn hostile_element(hostile: &[u8]) {
    let Ok(hostile) = serde_json::from_slice::<&RawValue>(hostile) else {
        return;
    };
    let declaration = format!(
        r#"{{"verify":{{"scheme":"bearer","tokens":["{TOKEN}"]}},"each":"/all","fields":{{"lead_id":"/data/id"}}}}"#
    );
    let config = declared(&declaration).expect("a sound declaration");
    for all in [format!("[{hostile},{GOOD}]"), format!("[{GOOD},{hostile}]")] {
        let body = format!(r#"{{"all":{all}}}"#);
        // Where the element breaks the body's own rules, the whole is no JSON of ours.
        let Ok(elements) = config.split(body.as_bytes()) else {
            continue;
        };
        let is_good = |element: &[u8]| {
            let read = config
                .kind()
                .parse_mapped(element, config.mapping(), EventFilter::All);
            matches!(read, Ok(Extracted::Event(event)) if event.lead_id.as_str() == "good-1")
        };
        assert!(
            elements.iter().any(|element| is_good(element)),
            "it is hidden"
        );
        assert!(
            elements.iter().any(|element| **element == *GOOD.as_bytes()),
            "as it came"
        );
    }
}

/// A form with the token anywhere among its pairs.
fn form(pairs: &[u8]) {
    let declaration = format!(
        r#"{{"format":"form","verify":{{"scheme":"token","field":"/key","tokens":["{TOKEN}"]}},"fields":{{"lead_id":"/id"}}}}"#
    );
    let config = declared(&declaration).expect("a sound declaration");
    let own = format!("key={TOKEN}").into_bytes();
    for body in [
        [&own[..], b"&", pairs].concat(),
        [pairs, b"&", &own].concat(),
    ] {
        let headers = Map::default();
        let Ok(verified) = config.verify(&delivery("", &headers, &body)) else {
            continue;
        };
        let kept = text(&verified.body).into_owned();
        let known_beside = text(pairs).contains(TOKEN);
        assert!(known_beside || !kept.contains(TOKEN), "the token is kept");
    }
    if !text(pairs).contains(TOKEN) {
        let headers = Map::default();
        assert!(config.verify(&delivery("", &headers, pairs)).is_err());
    }
}
