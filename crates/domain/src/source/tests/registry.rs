//! What holds for every kind. A new one is tried here by its line in the registry.

use super::{Request, delivery};
use crate::json::Object;
use crate::lead::id::{EventId, LeadId};
use crate::sample::{cases, text};
use crate::source::{
    Delivery, EventFilter, Extracted, Sample, SignedRequest, Source, SourceConfig, SourceKind,
    SourceName, Sources, Unverified,
};
use jiff::Timestamp;
use proptest::prelude::*;
use std::collections::BTreeSet;

fn now() -> Timestamp {
    Timestamp::from_second(1_800_000_000).unwrap()
}

fn secret(kind: SourceKind) -> String {
    kind.make_secret([7; 32])
}

fn config(kind: SourceKind) -> SourceConfig {
    kind.example(&secret(kind)).unwrap()
}

/// A sample with this name, as the kind's CRM sends it now.
fn sent(kind: SourceKind, name: &str) -> SignedRequest {
    let lead = Sample {
        name: name.to_owned(),
        ..sample()
    };
    config(kind).sample(&lead, now()).unwrap()
}

fn verify_with(
    secret: &str,
    kind: SourceKind,
    (query, headers): (&str, &Request),
    body: &[u8],
) -> Result<(), Unverified> {
    let config = kind.example(secret).unwrap();
    let delivery = Delivery {
        query,
        ..delivery(headers, body, now())
    };
    config.verify(&delivery).map(|_verified| ())
}

fn verify(kind: SourceKind, request: (&str, &Request), body: &[u8]) -> Result<(), Unverified> {
    verify_with(&secret(kind), kind, request, body)
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
fn a_kinds_name_is_its_own_and_fits_a_path_and_a_metric() {
    let names: BTreeSet<_> = SourceKind::ALL.into_iter().map(SourceKind::name).collect();
    assert_eq!(names.len(), SourceKind::ALL.len());
    for kind in SourceKind::ALL {
        let source = Source::from(kind);
        assert_eq!((source.as_str(), source.kind_label()), (kind.name(), None));
        assert_eq!(SourceKind::from_name(kind.name()), Some(kind));
        assert_eq!(Source::of_labels(kind.name(), None), Some(source));
        assert_eq!(
            SourceName::of_path(&source.name().path()),
            Some(source.name())
        );
    }
    assert_eq!(SourceKind::from_name("no-such-kind"), None);
}

#[test]
fn only_the_addresses_of_the_contract_are_a_sources() {
    for path in ["/ingest", "/ingest/", "/ingest/generic"] {
        assert_eq!(SourceName::of_path(path), Some(Source::default().name()));
    }
    let long = format!("/ingest/{}", "x".repeat(32));
    for path in [
        "/ingest/close",
        "/ingest/close/",
        "/ingest/0-no-such-source-",
        &long,
    ] {
        let name = SourceName::of_path(path).unwrap();
        assert_eq!(name.path(), path.trim_end_matches('/'));
    }
    let longer = format!("{long}x");
    let others = "/ /ingestx /ingest/- /ingest/-a /ingest/Close /ingest/a_b /ingest/close/x /ingest//close /Ingest /x/ingest";
    for path in others
        .split(' ')
        .chain(["", "/ingest/é", "/ingest/a b", &longer])
    {
        assert_eq!(SourceName::of_path(path), None, "{path}");
    }
}

#[test]
fn labels_name_a_source_and_its_kind_where_that_is_another() {
    let close = Source::of_labels("crm-2", Some("close")).unwrap();
    assert_eq!((close.as_str(), close.kind()), ("crm-2", SourceKind::Close));
    assert_eq!(close.kind_label(), Some("close"));
    assert_ne!(close, Source::from(SourceKind::Close));
    assert!(close.is_metered() && !Source::from(SourceKind::Canary).is_metered());
    for (name, kind) in [
        ("crm-2", None),
        ("crm-2", Some("x")),
        ("Close", Some("close")),
    ] {
        assert_eq!(Source::of_labels(name, kind), None);
    }
}

#[test]
fn a_sample_is_an_event_of_its_source_signed_or_stored() {
    for kind in SourceKind::ALL {
        let (sample, config) = (sample(), config(kind));
        let request = config.sample(&sample, now()).unwrap();
        let lead = kind.definition().reserved_lead().unwrap_or("test-1");
        let headers = Request::signed(&request);
        let delivery = Delivery {
            query: &request.query,
            ..delivery(&headers, &request.body, now())
        };
        let verified = config
            .verify(&delivery)
            .unwrap_or_else(|why| panic!("{kind}: {why}"));
        let elements = config.split(&verified.body).unwrap();
        let [element] = &*elements else {
            panic!("{kind}: not one event");
        };
        for filter in [EventFilter::All, config.filter()] {
            let Ok(Extracted::Event(event)) = kind.parse(element, filter) else {
                panic!("{kind}: not an event");
            };
            assert_eq!(event.lead_id.as_str(), lead, "{kind}");
            // HubSpot's and Zoho's are made of several members, of which one is this.
            let id = sample.event_id.as_str();
            assert!(event.event_id.is_none_or(|own| own.as_str().contains(id)));
            // HubSpot says nothing of the person.
            let says_more = event.fields.iter().count() > 1;
            assert!(
                !says_more || event.fields.get("display_name").is_some(),
                "{kind}"
            );
        }
        let secret = secret(kind);
        assert!(
            !String::from_utf8_lossy(&verified.body).contains(&secret),
            "{kind}"
        );
        let Ok(top) = Object::parse(element) else {
            continue;
        };
        if kind.definition().recognises(&top) {
            let (found, event) = SourceKind::parse_unlabelled(element).unwrap();
            assert_eq!((found, event.lead_id.as_str()), (kind, lead));
        }
    }
}

#[test]
fn a_secret_has_the_form_of_its_kind_and_is_not_shown() {
    for kind in SourceKind::ALL {
        let secret = secret(kind);
        let config = config(kind);
        assert_eq!(config.source(), kind.into());
        let debug = format!("{config:?} {:?}", Sources::only(config.clone(), &secret));
        assert!(!debug.contains(&secret) && !debug.contains(&hex::encode([7; 32])));
        assert!(!debug.contains("[7") && debug.contains("***"), "{debug}");
        assert!(kind.example("").is_err(), "{kind}");
    }
}

#[test]
fn only_the_default_source_may_be_open() {
    let (open, none) = (Sources::open_dev(), Request::default());
    let delivery = delivery(&none, b"{}", now());
    for kind in SourceKind::ALL {
        let source = Source::from(kind);
        match open.verify(source.name(), &delivery) {
            Ok((config, verified)) => {
                assert_eq!(config.source(), Source::default());
                assert!(source == Source::default() && config.is_open() && !verified.is_signed);
            }
            Err(why) => assert_eq!(why, Unverified::NotConfigured),
        }
        let none = Sources::default();
        let why = none.verify(source.name(), &delivery);
        assert_eq!(why.err(), Some(Unverified::NotConfigured));
    }
}

#[test]
fn a_reserved_lead_is_its_sources_alone() {
    for owner in SourceKind::ALL {
        let Some(lead) = owner.definition().reserved_lead() else {
            continue;
        };
        let reserved = Sample {
            lead_id: LeadId::parse(lead).unwrap(),
            ..sample()
        };
        for kind in SourceKind::ALL {
            let parsed = kind.parse(&kind.sample(&reserved), EventFilter::All);
            assert_eq!(parsed.is_ok(), kind == owner, "{kind} {lead}");
        }
    }
}

/// Flips one bit; a header that is no visible ASCII any more is as good as missing.
fn flip(text: &mut [u8], place: prop::sample::Index, bit: u8) {
    let at = place.index(text.len());
    text[at] ^= 1 << bit;
}

fn any_kind() -> impl Strategy<Value = SourceKind> {
    prop::sample::select(&SourceKind::ALL[..])
}

proptest! {
    #![proptest_config(cases())]

    #[test]
    fn what_is_sent_is_verified_by_its_secret_and_by_no_other(kind in any_kind(), name in text(), random: [u8; 32]) {
        prop_assume!(random != [7; 32]);
        let sent = sent(kind, &name);
        let headers = Request::signed(&sent);
        let request = (&*sent.query, &headers);
        prop_assert_eq!(verify(kind, request, &sent.body), Ok(()));
        let other = kind.make_secret(random);
        prop_assert_eq!(verify_with(&other, kind, request, &sent.body), Err(Unverified::Mismatch));
    }

    #[test]
    fn any_flipped_bit_of_a_signed_body_is_refused(
        kind in any_kind(),
        name in text(),
        place: prop::sample::Index,
        bit in 0..8_u8,
    ) {
        prop_assume!(kind.signs_body());
        let mut sent = sent(kind, &name);
        flip(&mut sent.body, place, bit);
        let headers = Request::signed(&sent);
        let found = verify(kind, (&sent.query, &headers), &sent.body);
        prop_assert_eq!(found, Err(Unverified::Mismatch));
    }

    #[test]
    fn any_flipped_bit_of_a_header_is_refused(
        kind in any_kind(),
        name in text(),
        header: prop::sample::Index,
        place: prop::sample::Index,
        bit in 0..8_u8,
    ) {
        let sent = sent(kind, &name);
        let mut headers = Request::signed(&sent);
        prop_assume!(!headers.0.is_empty());
        let name = headers.0.keys().nth(header.index(headers.0.len())).unwrap().clone();
        let mut changed = headers.0.remove(&name).unwrap().into_bytes();
        flip(&mut changed, place, bit);
        headers.0.extend(String::from_utf8(changed).ok().map(|value| (name, value)));
        prop_assert!(verify(kind, (&sent.query, &headers), &sent.body).is_err());
    }

    #[test]
    fn a_header_that_is_missing_is_named(kind in any_kind(), name in text(), header: prop::sample::Index) {
        let sent = sent(kind, &name);
        let mut headers = Request::signed(&sent);
        prop_assume!(!headers.0.is_empty());
        let name = headers.0.keys().nth(header.index(headers.0.len())).unwrap().clone();
        headers.0.remove(&name);
        let why = verify(kind, (&sent.query, &headers), &sent.body).unwrap_err();
        prop_assert!(matches!(why, Unverified::HeaderMissing(missing) if missing == name), "{why} {name}");
    }

    #[test]
    fn any_body_that_is_signed_is_verified_with_that_body(kind in any_kind(), body: Vec<u8>, second in 0..4_000_000_000_i64) {
        let now = Timestamp::from_second(second).unwrap();
        let config = config(kind);
        // Where a secret stands in the body, not every body can be signed.
        if let Some(sent) = config.sign(&EventId::parse("ev_1Test").unwrap(), body, now) {
            let headers = Request::signed(&sent);
            let delivery = Delivery { query: &sent.query, ..delivery(&headers, &sent.body, now) };
            prop_assert!(config.verify(&delivery).is_ok());
        }
    }
}

#[test]
fn the_names_and_secret_forms_that_are_written_down_stay() {
    let webhooks = "whsec_ and base64 of 24 to 64 bytes";
    for (kind, name, form) in [
        (SourceKind::Generic, "generic", webhooks),
        (SourceKind::Standard, "standard", webhooks),
        (SourceKind::Close, "close", "64 hexadecimal digits"),
        (SourceKind::Canary, "canary", webhooks),
    ] {
        let wrong = kind.example("x").unwrap_err().to_string();
        let expected = format!("{name}: secret 1 has not the form of this source ({form})");
        assert_eq!((kind.name(), wrong), (name, expected));
    }
}
