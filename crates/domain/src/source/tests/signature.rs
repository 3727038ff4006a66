use super::{Request, delivery};
use crate::lead::id::EventId;
use crate::source::signature::mac;
use crate::source::{Source, SourceKind, Sources, Unverified};
use jiff::Timestamp;
use proptest::prelude::*;

const CLOSE_SECRET: &str = "b9260244ef33625f9b4b26a27db08758cdd39478b852c73f2d33ab042eb8abb4";
const CLOSE_BODY: &str = r#"{"event": {"id": "ev_4YUAT9G7PQNYEX0V7HpiZa", "date_created": "2019-01-01T13:33:00.842000", "data": {"object_type": "activity.note", "action": "created", "note": "test content"}}, "subscription_id": "whsub_mBTylJxRXaBOXcuQmgUdmL"}"#;
const CLOSE_HASH: &str = "e6cf27a55de463dc46d8b5c16d2afe74d766e8f0c9892422c93573521cd377ed";
/// When the vector of Close was signed.
const CLOSE_TIME: i64 = 1_557_751_596;
const STANDARD_SECRET: &str = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";
const STANDARD_BODY: &str = r#"{"email":"test@example.com","username":"test_user"}"#;
const STANDARD_ID: &str = "msg_27UH4WbU6Z5A5EzD8u03UvzRbpk";
/// When the vector of Standard Webhooks was signed.
const STANDARD_TIME: i64 = 1_649_367_553;
const STANDARD_SIGNATURE: &str = "v1,tZ1I4/hDygAJgO5TYxiSd6Sd0kDW6hPenDe+bTa3Kkw=";

fn close(hash: &str, timestamp: &str) -> Request {
    Request::of(&[("close-sig-hash", hash), ("close-sig-timestamp", timestamp)])
}

fn standard(id: &str, timestamp: &str, signature: &str) -> Request {
    Request::of(&[
        ("webhook-id", id),
        ("webhook-timestamp", timestamp),
        ("webhook-signature", signature),
    ])
}

/// Sources with one of this kind that has these secrets, where it has any.
fn sources(kind: SourceKind, secrets: &[&str]) -> Sources {
    if secrets.is_empty() {
        return Sources::default();
    }
    let document = serde_json::json!({ kind.name(): { "secrets": secrets } });
    if kind.is_synthetic() {
        return Sources::only(kind.example(secrets[0]).unwrap(), "");
    }
    Sources::parse(&document.to_string()).unwrap()
}

fn verify(
    kind: SourceKind,
    sources: &Sources,
    headers: &Request,
    body: &[u8],
    received_at: Timestamp,
) -> Result<Option<EventId>, Unverified> {
    let name = Source::from(kind).name();
    let (_, verified) = sources.verify(name, &delivery(headers, body, received_at))?;
    assert!(verified.is_signed && *verified.body == *body);
    Ok(verified.event_id)
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

/// The published vector of Close.
fn published() -> Request {
    close(CLOSE_HASH, &CLOSE_TIME.to_string())
}

#[track_caller]
fn check_close(request: &Request, secrets: &[&str], expected: Result<(), Unverified>) {
    check_close_at(at(CLOSE_TIME), request, secrets, expected);
}

#[track_caller]
fn check_close_at(
    now: Timestamp,
    request: &Request,
    secrets: &[&str],
    expected: Result<(), Unverified>,
) {
    let (sources, body) = (sources(SourceKind::Close, secrets), CLOSE_BODY.as_bytes());
    let found = verify(SourceKind::Close, &sources, request, body, now);
    assert_eq!(found, expected.map(|()| None));
}

#[track_caller]
fn check_standard(request: &Request, expected: Result<(), Unverified>) {
    let (body, now) = (STANDARD_BODY.as_bytes(), at(STANDARD_TIME));
    for source in [
        SourceKind::Standard,
        SourceKind::Generic,
        SourceKind::Canary,
    ] {
        let sources = sources(source, &[STANDARD_SECRET]);
        let found = verify(source, &sources, request, body, now);
        let id = EventId::parse(STANDARD_ID).unwrap();
        assert_eq!(found, expected.map(|()| Some(id)));
    }
}

#[test]
fn the_published_vector_of_close_is_verified() {
    check_close(&published(), &[CLOSE_SECRET], Ok(()));
}

#[test]
fn the_published_vector_of_standard_webhooks_is_verified() {
    let time = STANDARD_TIME.to_string();
    check_standard(&standard(STANDARD_ID, &time, STANDARD_SIGNATURE), Ok(()));
    let svix = Request::of(&[
        ("svix-id", STANDARD_ID),
        ("svix-timestamp", &time),
        ("svix-signature", STANDARD_SIGNATURE),
    ]);
    check_standard(&svix, Ok(()));
}

#[test]
fn the_key_of_close_is_the_decoded_hex_and_not_its_digits() {
    let time = CLOSE_TIME.to_string();
    let parts = [time.as_bytes(), CLOSE_BODY.as_bytes()];
    let wrong = mac(CLOSE_SECRET.as_bytes(), &parts);
    let wrong = hex::encode(hmac::Mac::finalize(wrong).into_bytes());
    let mismatch = Err(Unverified::Mismatch);
    check_close(&close(&wrong, &time), &[CLOSE_SECRET], mismatch);
}

#[test]
fn every_active_secret_is_tried_and_none_verifies_nothing() {
    let other = "00".repeat(32);
    for (secrets, expected) in [
        (&[&*other, CLOSE_SECRET][..], Ok(())),
        (&[CLOSE_SECRET, &other], Ok(())),
        (&[CLOSE_SECRET, CLOSE_SECRET], Ok(())),
        (&[&*other], Err(Unverified::Mismatch)),
        (&[], Err(Unverified::NotConfigured)),
    ] {
        check_close(&published(), secrets, expected);
    }
}

#[test]
fn a_signature_is_fresh_within_the_tolerance_on_both_sides() {
    let just_over: Timestamp = "2019-05-13T12:51:36.000000001Z".parse().unwrap();
    for (now, expected) in [
        (at(CLOSE_TIME - 300), Ok(())),
        (at(CLOSE_TIME + 300), Ok(())),
        (at(CLOSE_TIME - 301), Err(Unverified::Stale(-301))),
        (at(CLOSE_TIME + 301), Err(Unverified::Stale(301))),
        (just_over, Err(Unverified::Stale(300))),
    ] {
        check_close_at(now, &published(), &[CLOSE_SECRET], expected);
    }
}

#[test]
fn a_header_that_is_missing_or_odd_is_refused_by_its_name() {
    let time = "1557751596";
    let (hash, timestamp) = ("close-sig-hash", "close-sig-timestamp");
    for (headers, expected) in [
        (Request::of(&[]), Unverified::HeaderMissing(hash)),
        (
            Request::of(&[(hash, CLOSE_HASH)]),
            Unverified::HeaderMissing(timestamp),
        ),
        (
            Request::of(&[(timestamp, time)]),
            Unverified::HeaderMissing(hash),
        ),
        (
            close(&CLOSE_HASH.to_uppercase(), time),
            Unverified::HeaderMalformed(hash),
        ),
    ] {
        check_close(&headers, &[CLOSE_SECRET], Err(expected));
    }
    for hash in ["", CLOSE_HASH.get(..62).unwrap()] {
        let mismatch = Err(Unverified::Mismatch);
        check_close(&close(hash, time), &[CLOSE_SECRET], mismatch);
    }
    for odd in [
        "",
        " 1557751596",
        "+1557751596",
        "-1557751596",
        "1557751596.0",
        "1557751596\n",
        "0x5cd9",
        "١٥",
        "99999999999999999999999",
    ] {
        let malformed = Err(Unverified::HeaderMalformed(timestamp));
        check_close(&close(CLOSE_HASH, odd), &[CLOSE_SECRET], malformed);
    }
    let far = close(CLOSE_HASH, "9223372036854775807");
    let age = at(CLOSE_TIME).duration_since(Timestamp::MAX).as_secs();
    check_close(&far, &[CLOSE_SECRET], Err(Unverified::Stale(age)));
}

#[test]
fn any_signature_of_a_list_may_match_and_unknown_versions_are_passed_over() {
    let time = STANDARD_TIME.to_string();
    for good in [
        format!("{STANDARD_SIGNATURE} {STANDARD_SIGNATURE}"),
        format!("v1a,abc v2,x v1,AAAA {STANDARD_SIGNATURE} v1,!"),
    ] {
        check_standard(&standard(STANDARD_ID, &time, &good), Ok(()));
    }
    for bad in [
        "",
        "v1,",
        &STANDARD_SIGNATURE.replace("v1,", "v1a,"),
        &STANDARD_SIGNATURE.replace("v1,", ""),
        &STANDARD_SIGNATURE.replace("Kkw=", "Kkx="),
    ] {
        let mismatch = Err(Unverified::Mismatch);
        check_standard(&standard(STANDARD_ID, &time, bad), mismatch);
    }
}

#[test]
fn an_id_with_a_full_stop_cannot_pass_for_part_of_the_timestamp() {
    let time = STANDARD_TIME.to_string();
    for id in [&*format!("{STANDARD_ID}.{time}"), ""] {
        let forged = standard(id, &time, STANDARD_SIGNATURE);
        check_standard(&forged, Err(Unverified::HeaderMalformed("webhook-id")));
    }
    let id = EventId::parse("a.b").unwrap();
    let source = SourceKind::Standard.example(STANDARD_SECRET).unwrap();
    assert_eq!(source.sign(&id, Vec::new(), at(0)), None);
}

#[test]
fn a_header_of_standard_webhooks_that_is_missing_is_named_as_it_would_have_come() {
    let id = STANDARD_ID;
    for (headers, missing) in [
        (&[][..], "webhook-id"),
        (&[("webhook-id", id)], "webhook-timestamp"),
        (
            &[("webhook-id", id), ("webhook-timestamp", "1")],
            "webhook-signature",
        ),
        (&[("svix-id", id)], "svix-timestamp"),
        (&[("svix-signature", "v1,x")], "svix-id"),
    ] {
        let missing = Err(Unverified::HeaderMissing(missing));
        check_standard(&Request::of(headers), missing);
    }
}

#[test]
fn a_reason_names_its_header_and_no_value() {
    let reason = Unverified::HeaderMissing("close-sig-hash").to_string();
    assert!(reason.contains("close-sig-hash"), "{reason}");
    let reason = Unverified::HeaderMalformed("webhook-id").to_string();
    assert!(reason.contains("webhook-id"), "{reason}");
    let reason = Unverified::Stale(301).to_string();
    assert!(reason.contains("301 s ago"), "{reason}");
    let reason = Unverified::Stale(-301).to_string();
    assert!(reason.contains("301 s ahead"), "{reason}");
}

#[test]
fn only_the_default_address_sends_another_signature_away() {
    let (close, now) = (published(), at(CLOSE_TIME));
    let verify = |source, secret, headers: &Request| {
        let sources = sources(source, &[secret]);
        verify(source, &sources, headers, CLOSE_BODY.as_bytes(), now)
    };
    let misdirected = Err(Unverified::Misdirected);
    assert_eq!(
        verify(SourceKind::Generic, STANDARD_SECRET, &close),
        misdirected
    );
    let missing = Err(Unverified::HeaderMissing("webhook-id"));
    assert_eq!(
        verify(SourceKind::Standard, STANDARD_SECRET, &close),
        missing
    );
    let both = Request::of(&[
        ("close-sig-hash", CLOSE_HASH),
        ("webhook-signature", "v1,x"),
    ]);
    assert_eq!(verify(SourceKind::Generic, STANDARD_SECRET, &both), missing);
}

#[test]
fn a_secret_has_the_form_of_its_source() {
    let whsec = |bytes: usize| format!("whsec_{}", "AAAA".repeat(bytes / 3));
    for (source, secret, expected) in [
        (SourceKind::Close, CLOSE_SECRET.to_owned(), true),
        (SourceKind::Close, CLOSE_SECRET.to_uppercase(), true),
        (SourceKind::Close, "ab".repeat(31), false),
        (SourceKind::Close, "zz".repeat(32), false),
        (SourceKind::Close, whsec(24), false),
        (SourceKind::Standard, whsec(21), false),
        (SourceKind::Standard, whsec(24), true),
        (SourceKind::Generic, whsec(63), true),
        (SourceKind::Generic, whsec(66), false),
        (SourceKind::Standard, whsec(24).replace("whsec_", ""), false),
        (SourceKind::Standard, "whsec_!!!!".to_owned(), false),
        (SourceKind::Standard, String::new(), false),
    ] {
        assert_eq!(
            source.example(&secret).is_ok(),
            expected,
            "{source} {secret}"
        );
    }
}

proptest! {
    #![proptest_config(crate::sample::cases())]

    #[test]
    fn the_order_of_several_secrets_does_not_matter(position in 0..4_usize, body: Vec<u8>) {
        let others = [0_u8, 1, 2].map(|byte| hex::encode([byte; 32]));
        let mut secrets: Vec<&str> = others.iter().map(String::as_str).collect();
        secrets.insert(position, CLOSE_SECRET);
        let now = at(1_800_000_000);
        let source = SourceKind::Close.example(CLOSE_SECRET).unwrap();
        let signed = source.sign(&EventId::parse("ev_1Test").unwrap(), body.clone(), now).unwrap();
        let request = Request::signed(&signed);
        prop_assert!(verify(SourceKind::Close, &sources(SourceKind::Close, &secrets), &request, &body, now).is_ok());
    }
}
