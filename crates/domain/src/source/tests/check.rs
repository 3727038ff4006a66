//! The signature doctor: each mistake is made in a good request of each kind to which it applies, and named.

mod body;
mod place;

use super::super::check::{Mistake, Reading, SavedRequest, SignatureForm, Verdict, check};
use crate::hostile;
use crate::lead::id::{EventId, LeadId};
use crate::problem::Problem;
use crate::sample::cases;
use crate::source::{Delivery, Sample, SourceKind, SourceName, Sources};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use serde_json::{Map, Value, json};

fn now() -> Timestamp {
    Timestamp::from_second(1_800_000_000).unwrap()
}

fn name(name: &str) -> SourceName {
    SourceName::parse(name).unwrap()
}

fn secret(kind: SourceKind, seed: u8) -> String {
    // Both alphabets of base64 differ in it, and no two kinds have the same.
    let mut random = [0xfb ^ seed; 32];
    let place = SourceKind::ALL.iter().position(|other| *other == kind);
    random[31] ^= u8::try_from(place.unwrap()).unwrap();
    kind.make_secret(random)
}

/// A document with one source, `own`.
fn document(kind: SourceKind, members: Value) -> Value {
    json!({ "own": with_kind(kind, members) })
}

fn with_kind(kind: SourceKind, mut members: Value) -> Value {
    members["kind"] = kind.name().into();
    members
}

/// A request that its CRM would sign by this document, at this time.
fn signed(document: &Value, body: impl Fn(Vec<u8>) -> Vec<u8>, at: Timestamp) -> SavedRequest {
    let sources = Sources::parse(&document.to_string()).unwrap();
    let config = sources.get(name("own")).unwrap();
    let lead = Sample {
        lead_id: LeadId::parse("test-1").unwrap(),
        name: "Zoë \"A/B\"".to_owned(),
        email: "alice@example.com".to_owned(),
        event_id: EventId::parse("ev_1").unwrap(),
        made_at: Some(at),
    };
    let body = body(config.kind().sample(&lead));
    let sent = config.sign(&lead.event_id, body, at).unwrap();
    let headers = sent
        .headers
        .iter()
        .map(|(name, value)| ((*name).to_owned(), value.clone().into_bytes()));
    let mut headers: Vec<_> = headers.collect();
    headers.push(("user-agent".to_owned(), b"a-crm/1.0".to_vec()));
    headers.push(("host".to_owned(), b"hooks.example.com".to_vec()));
    let target = ("POST", "/ingest/own", sent.query.as_str());
    SavedRequest::new(target, headers, &sent.body, at)
}

fn sample(kind: SourceKind) -> (Value, SavedRequest) {
    let document = document(kind, kind.example_members(&secret(kind, 0)));
    let request = signed(&document, |body| body, now());
    (document, request)
}

fn verdict(document: &Value, request: &SavedRequest) -> Verdict {
    let (document, request) = (document.to_string(), request.clone());
    check((&document, &[]), name("own"), request, now())
        .unwrap()
        .verdict
}

fn mistakes(document: &Value, request: &SavedRequest) -> Vec<Mistake> {
    match verdict(document, request) {
        Verdict::Refused { mistakes, .. } => mistakes,
        Verdict::Verified(_) => panic!("it verifies"),
    }
}

/// The mistake that is found is this one, and the only one.
#[track_caller]
fn check_found(kind: SourceKind, (document, request): (&Value, &SavedRequest), expected: &Mistake) {
    let found = mistakes(document, request);
    assert_eq!(found, std::slice::from_ref(expected), "{kind}");
}

/// The kinds whose signature covers the body.
fn signing() -> impl Iterator<Item = SourceKind> {
    SourceKind::configurable().filter(|kind| kind.signs_body())
}

/// The headers that its signature, or its secret, stands in.
fn own_headers(request: &SavedRequest) -> Vec<String> {
    let names = request.headers.iter().map(|(name, _)| name.clone());
    names
        .filter(|name| name != "user-agent" && name != "host")
        .collect()
}

fn value<'a>(request: &'a mut SavedRequest, name: &str) -> &'a mut Vec<u8> {
    let mut headers = request.headers.iter_mut();
    &mut headers.find(|(own, _)| own == name).unwrap().1
}

fn text(request: &mut SavedRequest, name: &str) -> String {
    String::from_utf8(value(request, name).clone()).unwrap()
}

/// The header of the signature: the one whose value is long.
fn signature_header(request: &SavedRequest) -> Option<String> {
    let mut headers = request.headers.iter();
    let found = headers.find(|(_, value)| value.len() >= 40)?;
    Some(found.0.clone())
}

fn time_header(request: &SavedRequest) -> Option<String> {
    let mut headers = request.headers.iter();
    let found =
        headers.find(|(_, value)| value.len() >= 10 && value.iter().all(u8::is_ascii_digit))?;
    Some(found.0.clone())
}

#[test]
fn a_good_request_of_every_kind_verifies() {
    for kind in SourceKind::configurable() {
        let (document, request) = sample(kind);
        assert_eq!(
            verdict(&document, &request),
            Verdict::Verified(None),
            "{kind}"
        );
        let again = SavedRequest::parse(&request.render()).unwrap();
        assert_eq!(
            verdict(&document, &again),
            Verdict::Verified(None),
            "{kind}"
        );
    }
}

#[test]
fn an_old_request_whose_time_of_receipt_is_unknown_verifies_and_says_how_old_it_is() {
    for kind in SourceKind::configurable() {
        let (document, mut request) = sample(kind);
        let has_time = time_header(&request).is_some();
        request.received_at = None;
        let later = now().checked_add(SignedDuration::from_hours(3)).unwrap();
        let found = check((&document.to_string(), &[]), name("own"), request, later).unwrap();
        let age = has_time.then_some(3 * 3600);
        assert_eq!(found.verdict, Verdict::Verified(age), "{kind}");
    }
}

#[test]
fn a_stale_request_is_stale_by_so_much_also_beside_another_mistake() {
    for kind in SourceKind::configurable() {
        let (document, mut request) = sample(kind);
        if time_header(&request).is_none() {
            continue;
        }
        request.received_at = Some(now().checked_add(SignedDuration::from_secs(301)).unwrap());
        check_found(kind, (&document, &request), &Mistake::Stale(301));
        request.received_at = Some(now().checked_sub(SignedDuration::from_secs(400)).unwrap());
        check_found(kind, (&document, &request), &Mistake::Stale(-400));
        request.body.push(b'\n');
        let found = mistakes(&document, &request);
        assert_eq!(
            found,
            [
                Mistake::Body("a line feed was added at its end"),
                Mistake::Stale(-400)
            ],
            "{kind}"
        );
    }
}

#[test]
fn a_time_in_the_other_unit_is_named() {
    for kind in SourceKind::configurable() {
        let (document, mut request) = sample(kind);
        let Some(header) = time_header(&request) else {
            continue;
        };
        let time: i64 = text(&mut request, &header).parse().unwrap();
        let is_millis = time < 10_000_000_000;
        let other = if is_millis { time * 1000 } else { time / 1000 };
        *value(&mut request, &header) = other.to_string().into_bytes();
        check_found(
            kind,
            (&document, &request),
            &Mistake::TimeUnit { header, is_millis },
        );
    }
}

#[test]
fn a_time_that_was_signed_in_the_other_unit_is_named() {
    // Signed as a sender does that holds its clock in the other unit.
    let far = Timestamp::from_second(now().as_millisecond()).unwrap_or(Timestamp::MAX);
    let (document, request) = sample(SourceKind::HubSpot);
    let mut request = SavedRequest {
        headers: signed(
            &document,
            |body| body,
            Timestamp::from_millisecond(now().as_second()).unwrap(),
        )
        .headers,
        ..request
    };
    let body = signed(
        &document,
        |body| body,
        Timestamp::from_millisecond(now().as_second()).unwrap(),
    )
    .body;
    request.body = body;
    let header = time_header(&request).unwrap();
    check_found(
        SourceKind::HubSpot,
        (&document, &request),
        &Mistake::TimeUnit {
            header,
            is_millis: false,
        },
    );
    assert!(far > now());
}

#[test]
fn a_missing_header_is_named_with_those_that_are_like_it() {
    for kind in SourceKind::configurable() {
        let (document, good) = sample(kind);
        for header in own_headers(&good) {
            let mut request = good.clone();
            request.headers.retain(|(name, _)| *name != header);
            let found = mistakes(&document, &request);
            let [
                Mistake::HeaderMissing {
                    header: missing, ..
                },
            ] = &found[..]
            else {
                panic!("{kind} {header}: {found:?}");
            };
            assert_eq!(*missing, header, "{kind}");
        }
    }
}

#[test]
fn a_header_under_another_name_is_named() {
    for kind in SourceKind::configurable() {
        let (document, good) = sample(kind);
        for header in own_headers(&good) {
            for found in [
                format!("x-{header}"),
                header.replace('-', "_"),
                format!("http-{header}"),
            ] {
                let mut request = good.clone();
                for (name, _) in &mut request.headers {
                    if *name == header {
                        name.clone_from(&found);
                    }
                }
                if found == header {
                    continue;
                }
                let expected = Mistake::HeaderRenamed {
                    header: header.clone(),
                    found,
                };
                check_found(kind, (&document, &request), &expected);
            }
        }
    }
}

#[test]
fn a_header_or_a_parameter_that_stands_there_twice_is_named() {
    for kind in SourceKind::configurable() {
        let (document, good) = sample(kind);
        for header in own_headers(&good) {
            for is_first in [true, false] {
                let mut request = good.clone();
                let at = if is_first { 0 } else { request.headers.len() };
                request
                    .headers
                    .insert(at, (header.clone(), b"other".to_vec()));
                let expected = Mistake::Doubled(format!("The header {header}"));
                check_found(kind, (&document, &request), &expected);
            }
        }
        if !good.query.is_empty() {
            let mut request = good.clone();
            request.query += "&token=other";
            let expected = Mistake::Doubled("the parameter \"token\"".to_owned());
            check_found(kind, (&document, &request), &expected);
        }
    }
}

#[test]
fn the_secret_of_another_source_is_named_by_its_name() {
    for kind in SourceKind::configurable() {
        let (mut document, _) = sample(kind);
        let other = kind.example_members(&secret(kind, 9));
        let request = signed(&self::document(kind, other.clone()), |body| body, now());
        document["other"] = with_kind(kind, other);
        check_found(
            kind,
            (&document, &request),
            &Mistake::SecretOfSource(name("other")),
        );
    }
}

#[test]
fn an_old_secret_is_found_in_the_document_from_before() {
    for kind in SourceKind::configurable() {
        let (document, _) = sample(kind);
        let before = self::document(kind, kind.example_members(&secret(kind, 9)));
        let request = signed(&before, |body| body, now());
        assert_eq!(mistakes(&document, &request), [], "{kind}");
        let known = [before.to_string()];
        let found = check((&document.to_string(), &known), name("own"), request, now()).unwrap();
        let Verdict::Refused { mistakes, .. } = found.verdict else {
            panic!("{kind}");
        };
        assert_eq!(mistakes, [Mistake::SecretOld], "{kind}");
    }
}

/// A request that a sender signs who takes this for the key.
fn signed_by(kind: SourceKind, key: &[u8], body: &[u8]) -> SavedRequest {
    use crate::source::intake::Secret;
    use crate::source::signature::mac;
    use hmac::Mac as _;
    let key = Secret::new(key.to_vec());
    let (document, mut request) = sample(kind);
    request.body = body.to_vec();
    let time = time_header(&request)
        .map(|header| text(&mut request, &header))
        .unwrap();
    let digest = |parts: &[&[u8]]| mac(key.expose(), parts).finalize().into_bytes();
    match kind {
        SourceKind::Close => {
            let signature = hex::encode(digest(&[time.as_bytes(), body]));
            *value(&mut request, "close-sig-hash") = signature.into_bytes();
        }
        SourceKind::HubSpot => {
            let url = document["own"]["url"].as_str().unwrap();
            let signature = digest(&[b"POST", url.as_bytes(), body, time.as_bytes()]);
            *value(&mut request, "x-hubspot-signature-v3") =
                STANDARD.encode(signature).into_bytes();
        }
        SourceKind::Generic
        | SourceKind::Standard
        | SourceKind::Pipedrive
        | SourceKind::Salesforce
        | SourceKind::Zoho
        | SourceKind::Custom
        | SourceKind::Canary => {
            let signature = digest(&[b"ev_1.", time.as_bytes(), b".", body]);
            *value(&mut request, "webhook-signature") =
                format!("v1,{}", STANDARD.encode(signature)).into_bytes();
        }
    }
    request
}

#[test]
fn a_secret_that_is_read_in_another_way_is_named() {
    let body = br#"{"lead_id":"test-1"}"#;
    let close = secret(SourceKind::Close, 0);
    let hubspot = secret(SourceKind::HubSpot, 0);
    let standard = secret(SourceKind::Standard, 0);
    let generic = secret(SourceKind::Generic, 0);
    let after = generic.strip_prefix("whsec_").unwrap();
    for (kind, key, expected) in [
        (SourceKind::Close, close.clone().into_bytes(), Reading::Text),
        (
            SourceKind::HubSpot,
            hex::decode(&hubspot).unwrap(),
            Reading::Hex,
        ),
        (
            SourceKind::HubSpot,
            STANDARD.decode(&hubspot).unwrap(),
            Reading::Base64,
        ),
        (
            SourceKind::HubSpot,
            format!("{hubspot}\n").into_bytes(),
            Reading::LineFeed,
        ),
        (
            SourceKind::Standard,
            standard.clone().into_bytes(),
            Reading::Text,
        ),
        (
            SourceKind::Generic,
            after.as_bytes().to_vec(),
            Reading::TextAfterPrefix,
        ),
    ] {
        let (document, _) = sample(kind);
        let request = signed_by(kind, &key, body);
        check_found(kind, (&document, &request), &Mistake::SecretRead(expected));
    }
}

#[test]
fn a_signature_in_another_form_is_named() {
    for kind in SourceKind::configurable() {
        let (document, good) = sample(kind);
        let Some(header) = signature_header(&good) else {
            continue;
        };
        let sent = text(&mut good.clone(), &header);
        let at = sent
            .find([',', ' '])
            .or(sent.starts_with("sha256=").then_some(6));
        let at = at.map_or(0, |at| at + 1);
        let (prefix, core) = sent.split_at(at);
        let mut forms = vec![
            (SignatureForm::Prefix, format!("sha256={core}")),
            (SignatureForm::Decorated, format!("\"{sent}\"")),
        ];
        if !prefix.is_empty() {
            forms.push((SignatureForm::Prefix, core.to_owned()));
        }
        if let Ok(digest) = hex::decode(core) {
            let upper = core.to_ascii_uppercase();
            forms.push((SignatureForm::Case, format!("{prefix}{upper}")));
            let other = STANDARD.encode(digest);
            forms.push((SignatureForm::Encoding, format!("{prefix}{other}")));
        } else {
            let digest = STANDARD.decode(core).unwrap();
            forms.push((
                SignatureForm::Encoding,
                format!("{prefix}{}", URL_SAFE_NO_PAD.encode(&digest)),
            ));
            if kind.signs_body() {
                forms.push((
                    SignatureForm::Encoding,
                    format!("{prefix}{}", hex::encode(&digest)),
                ));
            } else {
                let user = String::from_utf8(digest.clone()).unwrap();
                forms.push((SignatureForm::Encoding, format!("{prefix}{user}")));
                forms.push((
                    SignatureForm::Spaced,
                    format!("{prefix}{}", STANDARD.encode(format!("{user} "))),
                ));
            }
        }
        for (form, other) in forms {
            let mut request = good.clone();
            // One that is its own form otherwise is no mistake.
            if other == sent {
                continue;
            }
            *value(&mut request, &header) = other.clone().into_bytes();
            let found = mistakes(&document, &request);
            assert_eq!(found, [Mistake::SignatureForm(form)], "{kind} {form:?}");
        }
    }
}
