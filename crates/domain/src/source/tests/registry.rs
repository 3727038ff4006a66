//! What holds for every kind. A new one is tried here by its line in the registry.

use super::Request;
use crate::json::Object;
use crate::lead::id::{EventId, LeadId};
use crate::sample::cases;
use crate::source::{
    Delivery, EventFilter, Extracted, Sample, Source, SourceConfig, Sources, Unverified,
};
use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use std::collections::BTreeSet;

fn now() -> Timestamp {
    Timestamp::from_second(1_800_000_000).unwrap()
}

fn secret(source: Source) -> String {
    source.make_secret([7; 32])
}

fn signed(source: Source, body: &[u8], now: Timestamp) -> Request {
    let key = source.parse_key(&secret(source)).unwrap();
    let id = EventId::parse("ev_1Test").unwrap();
    Request::signed(key.sign(&id, body, now).unwrap())
}

/// Verifies by a key of `secret`, whatever the time.
fn verify_with(
    secret: &str,
    source: Source,
    headers: &Request,
    body: &[u8],
) -> Result<(), Unverified> {
    let config = SourceConfig {
        keys: vec![source.parse_key(secret).unwrap()],
        tolerance: SignedDuration::MAX,
        ..SourceConfig::default()
    };
    let mut sources = Sources::default();
    sources.configured.insert(source, config);
    let delivery = Delivery {
        headers,
        body,
        received_at: now(),
    };
    sources.verify(source, &delivery).map(|_verified| ())
}

fn verify(source: Source, headers: &Request, body: &[u8]) -> Result<(), Unverified> {
    verify_with(&secret(source), source, headers, body)
}

fn sample() -> Sample {
    Sample {
        lead_id: LeadId::parse("test-1").unwrap(),
        name: "Alice \"A\"".to_owned(),
        email: "alice@example.com".to_owned(),
        event_id: EventId::parse("ev_1").unwrap(),
        made_at: Some(now()),
    }
}

#[test]
fn a_name_is_its_own_and_fits_a_path_and_a_metric() {
    let names: BTreeSet<_> = Source::ALL.into_iter().map(Source::as_str).collect();
    assert_eq!(names.len(), Source::ALL.len());
    for source in Source::ALL {
        let name = source.as_str();
        let is_plain = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-');
        assert!((1..=32).contains(&name.len()), "{name}");
        assert!(name.bytes().all(is_plain), "{name}");
        assert_eq!(Source::from_name(name), Some(source));
        let expected = (source != Source::default()).then_some(source);
        for path in [format!("/ingest/{name}"), format!("/ingest/{name}/")] {
            assert_eq!(Source::of_path(&path), expected, "{path}");
        }
    }
    assert_eq!(Source::from_name("no-such-source"), None);
}

#[test]
fn only_the_addresses_of_the_contract_are_a_sources() {
    for path in ["/ingest", "/ingest/"] {
        assert_eq!(Source::of_path(path), Some(Source::default()));
    }
    let others = "/ /ingestx /ingest/no-such-source /ingest/close/x /Ingest /x/ingest";
    for path in others.split(' ').chain([""]) {
        assert_eq!(Source::of_path(path), None, "{path}");
    }
}

#[test]
fn a_sample_is_an_event_of_its_source_signed_or_stored() {
    for source in Source::ALL {
        let sample = sample();
        let body = source.sample(&sample);
        let lead = source.kind().reserved_lead().unwrap_or("test-1");
        let types = SourceConfig::default().events;
        for filter in [EventFilter::All, EventFilter::Types(&types)] {
            let Ok(Extracted::Event(event)) = source.parse(&body, filter) else {
                panic!("{source}: not an event");
            };
            assert_eq!(event.lead_id.as_str(), lead, "{source}");
            assert!(event.event_id.is_none_or(|id| id == sample.event_id));
            assert!(event.fields.get("display_name").is_some(), "{source}");
        }
        assert_eq!(verify(source, &signed(source, &body, now()), &body), Ok(()));
        let top = Object::parse(&body).unwrap();
        if source.kind().recognises(&top) {
            let (found, event) = Source::parse_unlabelled(&body).unwrap();
            assert_eq!((found, event.lead_id.as_str()), (source, lead));
        }
    }
}

#[test]
fn a_secret_has_the_form_of_its_source_and_is_not_shown() {
    for source in Source::ALL {
        assert!(!source.secret_form().is_empty());
        let secret = secret(source);
        let key = source.parse_key(&secret).unwrap();
        assert_eq!(key.source(), source);
        let debug = format!("{key:?} {:?}", Sources::only(key.clone()));
        assert!(!debug.contains(&secret) && !debug.contains(&hex::encode([7; 32])));
        assert!(!debug.contains("[7") && debug.contains("***"), "{debug}");
        for bad in ["", "x", "\n"] {
            assert!(source.parse_key(bad).is_none(), "{source} {bad:?}");
        }
    }
}

#[test]
fn only_the_default_source_may_be_open() {
    let (open, none) = (Sources::open_dev(), Request::default());
    let delivery = Delivery {
        headers: &none,
        body: b"{}",
        received_at: now(),
    };
    for source in Source::ALL {
        assert_eq!(open.is_open(source), source == Source::default());
        assert!(!Sources::default().is_open(source));
        match open.verify(source, &delivery) {
            Ok(verified) => assert!(open.is_open(source) && !verified.is_signed),
            Err(why) => assert_eq!(why, Unverified::NotConfigured),
        }
        let why = Sources::default().verify(source, &delivery);
        assert_eq!(why.err(), Some(Unverified::NotConfigured));
    }
}

#[test]
fn a_reserved_lead_is_its_sources_alone() {
    for owner in Source::ALL {
        let Some(lead) = owner.kind().reserved_lead() else {
            continue;
        };
        let reserved = Sample {
            lead_id: LeadId::parse(lead).unwrap(),
            ..sample()
        };
        for source in Source::ALL {
            let parsed = source.parse(&source.sample(&reserved), EventFilter::All);
            assert_eq!(parsed.is_ok(), source == owner, "{source} {lead}");
        }
    }
}

/// Flips one bit; a header that is no visible ASCII any more is as good as missing.
fn flip(text: &mut [u8], place: prop::sample::Index, bit: u8) {
    let at = place.index(text.len());
    text[at] ^= 1 << bit;
}

fn any_source() -> impl Strategy<Value = Source> {
    prop::sample::select(&Source::ALL[..])
}

proptest! {
    #![proptest_config(cases())]

    #[test]
    fn what_is_signed_is_verified(source in any_source(), body: Vec<u8>, random: [u8; 32], second in 0..4_000_000_000_i64) {
        let secret = source.make_secret(random);
        let key = source.parse_key(&secret).unwrap();
        let now = Timestamp::from_second(second).unwrap();
        let headers = key.sign(&EventId::parse("ev_1Test").unwrap(), &body, now).unwrap();
        let request = Request::signed(headers);
        let delivery = Delivery { headers: &request, body: &body, received_at: now };
        prop_assert!(Sources::only(key).verify(source, &delivery).is_ok());
    }

    #[test]
    fn another_secret_verifies_nothing(source in any_source(), body: Vec<u8>, random: [u8; 32]) {
        prop_assume!(random != [7; 32]);
        let request = signed(source, &body, now());
        let found = verify_with(&source.make_secret(random), source, &request, &body);
        prop_assert_eq!(found, Err(Unverified::Mismatch));
    }

    #[test]
    fn any_flipped_bit_of_the_body_is_refused(
        source in any_source(),
        body in proptest::collection::vec(any::<u8>(), 1..200),
        place: prop::sample::Index,
        bit in 0..8_u8,
    ) {
        let request = signed(source, &body, now());
        let mut changed = body;
        flip(&mut changed, place, bit);
        prop_assert_eq!(verify(source, &request, &changed), Err(Unverified::Mismatch));
    }

    #[test]
    fn any_flipped_bit_of_a_header_is_refused(
        source in any_source(),
        body: Vec<u8>,
        header: prop::sample::Index,
        place: prop::sample::Index,
        bit in 0..8_u8,
    ) {
        let mut request = signed(source, &body, now());
        let name = request.0.keys().nth(header.index(request.0.len())).unwrap().clone();
        let mut changed = request.0.remove(&name).unwrap().into_bytes();
        flip(&mut changed, place, bit);
        request.0.extend(String::from_utf8(changed).ok().map(|value| (name, value)));
        prop_assert!(verify(source, &request, &body).is_err());
    }

    #[test]
    fn a_header_that_is_missing_is_named(source in any_source(), body: Vec<u8>, header: prop::sample::Index) {
        let mut request = signed(source, &body, now());
        let name = request.0.keys().nth(header.index(request.0.len())).unwrap().clone();
        request.0.remove(&name);
        let why = verify(source, &request, &body).unwrap_err();
        prop_assert!(matches!(why, Unverified::HeaderMissing(missing) if missing == name), "{why} {name}");
    }
}

#[test]
fn the_names_and_secret_forms_that_are_written_down_stay() {
    let said = |source: Source| (source.as_str(), source.secret_form());
    let webhooks = "whsec_ and base64 of 24 to 64 bytes";
    for (source, expected) in [
        (Source::Generic, ("generic", webhooks)),
        (Source::Standard, ("standard", webhooks)),
        (Source::Close, ("close", "64 hexadecimal digits")),
        (Source::Canary, ("canary", webhooks)),
    ] {
        assert_eq!(said(source), expected);
    }
}
