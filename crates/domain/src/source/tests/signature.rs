use crate::lead::id::EventId;
use crate::source::signature::mac;
use crate::source::{Delivery, Headers, Source, SourceConfig, Sources, Unverified, Verified};
use jiff::Timestamp;
use proptest::prelude::*;
use std::collections::BTreeMap;

const CLOSE_SECRET: &str = "b9260244ef33625f9b4b26a27db08758cdd39478b852c73f2d33ab042eb8abb4";
const CLOSE_BODY: &str = r#"{"event": {"id": "ev_4YUAT9G7PQNYEX0V7HpiZa", "date_created": "2019-01-01T13:33:00.842000", "data": {"object_type": "activity.note", "action": "created", "note": "test content"}}, "subscription_id": "whsub_mBTylJxRXaBOXcuQmgUdmL"}"#;
const CLOSE_HASH: &str = "e6cf27a55de463dc46d8b5c16d2afe74d766e8f0c9892422c93573521cd377ed";
const STANDARD_SECRET: &str = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";
const STANDARD_BODY: &str = r#"{"email":"test@example.com","username":"test_user"}"#;
const STANDARD_SIGNATURE: &str = "v1,tZ1I4/hDygAJgO5TYxiSd6Sd0kDW6hPenDe+bTa3Kkw=";

struct Request(BTreeMap<String, String>);

impl Headers for Request {
    fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }
}

fn request(headers: &[(&str, &str)]) -> Request {
    Request(
        headers
            .iter()
            .map(|(name, value)| (name.to_string(), value.to_string()))
            .collect(),
    )
}

fn close(hash: &str, timestamp: &str) -> Request {
    request(&[("close-sig-hash", hash), ("close-sig-timestamp", timestamp)])
}

fn standard(id: &str, timestamp: &str, signature: &str) -> Request {
    request(&[
        ("webhook-id", id),
        ("webhook-timestamp", timestamp),
        ("webhook-signature", signature),
    ])
}

/// Sources with one that has these secrets, where it has any.
fn sources(source: Source, secrets: &[&str]) -> Sources {
    let mut sources = Sources::default();
    if !secrets.is_empty() {
        let keys = secrets.iter().filter_map(|secret| source.parse_key(secret));
        let config = SourceConfig {
            keys: keys.collect(),
            ..SourceConfig::default()
        };
        sources.configured.insert(source, config);
    }
    sources
}

fn verify(
    source: Source,
    sources: &Sources,
    headers: &Request,
    body: &[u8],
    received_at: Timestamp,
) -> Result<Option<EventId>, Unverified> {
    let delivery = Delivery {
        headers,
        body,
        received_at,
    };
    let Verified {
        is_signed,
        event_id,
    } = sources.verify(source, &delivery)?;
    assert!(is_signed);
    Ok(event_id)
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

#[track_caller]
fn check_close(request: &Request, secrets: &[&str], now: i64, expected: Result<(), Unverified>) {
    let found = verify(
        Source::Close,
        &sources(Source::Close, secrets),
        request,
        CLOSE_BODY.as_bytes(),
        at(now),
    );
    assert_eq!(found, expected.map(|()| None));
}

#[track_caller]
fn check_standard(
    request: &Request,
    secrets: &[&str],
    now: i64,
    expected: Result<&str, Unverified>,
) {
    for source in [Source::Standard, Source::Generic, Source::Canary] {
        let found = verify(
            source,
            &sources(source, secrets),
            request,
            STANDARD_BODY.as_bytes(),
            at(now),
        );
        assert_eq!(found, expected.map(|id| Some(EventId::parse(id).unwrap())));
    }
}

#[test]
fn the_published_vector_of_close_is_verified() {
    check_close(
        &close(CLOSE_HASH, "1557751596"),
        &[CLOSE_SECRET],
        1_557_751_596,
        Ok(()),
    );
}

#[test]
fn the_published_vector_of_standard_webhooks_is_verified() {
    let id = "msg_27UH4WbU6Z5A5EzD8u03UvzRbpk";
    check_standard(
        &standard(id, "1649367553", STANDARD_SIGNATURE),
        &[STANDARD_SECRET],
        1_649_367_553,
        Ok(id),
    );
    let svix = request(&[
        ("svix-id", id),
        ("svix-timestamp", "1649367553"),
        ("svix-signature", STANDARD_SIGNATURE),
    ]);
    check_standard(&svix, &[STANDARD_SECRET], 1_649_367_553, Ok(id));
}

#[test]
fn the_key_of_close_is_the_decoded_hex_and_not_its_digits() {
    let wrong = mac(
        CLOSE_SECRET.as_bytes(),
        &[b"1557751596", CLOSE_BODY.as_bytes()],
    );
    let wrong = hex::encode(hmac::Mac::finalize(wrong).into_bytes());
    check_close(
        &close(&wrong, "1557751596"),
        &[CLOSE_SECRET],
        1_557_751_596,
        Err(Unverified::Mismatch),
    );
}

#[test]
fn every_active_secret_is_tried_and_none_verifies_nothing() {
    let other = "00".repeat(32);
    let request = close(CLOSE_HASH, "1557751596");
    check_close(&request, &[&other, CLOSE_SECRET], 1_557_751_596, Ok(()));
    check_close(&request, &[CLOSE_SECRET, &other], 1_557_751_596, Ok(()));
    let twice = [CLOSE_SECRET, CLOSE_SECRET];
    check_close(&request, &twice, 1_557_751_596, Ok(()));
    check_close(
        &request,
        &[&other],
        1_557_751_596,
        Err(Unverified::Mismatch),
    );
    check_close(
        &request,
        &["", "zz"],
        1_557_751_596,
        Err(Unverified::Mismatch),
    );
    check_close(&request, &[], 1_557_751_596, Err(Unverified::NotConfigured));
}

#[test]
fn a_signature_is_fresh_within_the_tolerance_on_both_sides() {
    let request = close(CLOSE_HASH, "1557751596");
    for (skew, expected) in [
        (-300, Ok(())),
        (300, Ok(())),
        (-301, Err(Unverified::Stale)),
        (301, Err(Unverified::Stale)),
    ] {
        check_close(&request, &[CLOSE_SECRET], 1_557_751_596 + skew, expected);
    }
    let just_over: Timestamp = "2019-05-13T12:51:36.000000001Z".parse().unwrap();
    let found = verify(
        Source::Close,
        &sources(Source::Close, &[CLOSE_SECRET]),
        &request,
        CLOSE_BODY.as_bytes(),
        just_over,
    );
    assert_eq!(found, Err(Unverified::Stale));
}

#[test]
fn a_header_that_is_missing_or_odd_is_refused_by_its_name() {
    let now = 1_557_751_596;
    let time = "1557751596";
    let (hash, timestamp) = ("close-sig-hash", "close-sig-timestamp");
    for (headers, expected) in [
        (request(&[]), Unverified::HeaderMissing(hash)),
        (
            request(&[(hash, CLOSE_HASH)]),
            Unverified::HeaderMissing(timestamp),
        ),
        (
            request(&[(timestamp, time)]),
            Unverified::HeaderMissing(hash),
        ),
        (
            close(&CLOSE_HASH.to_uppercase(), time),
            Unverified::HeaderMalformed(hash),
        ),
    ] {
        check_close(&headers, &[CLOSE_SECRET], now, Err(expected));
    }
    check_close(
        &close("", time),
        &[CLOSE_SECRET],
        now,
        Err(Unverified::Mismatch),
    );
    check_close(
        &close(CLOSE_HASH.get(..62).unwrap(), time),
        &[CLOSE_SECRET],
        now,
        Err(Unverified::Mismatch),
    );
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
        check_close(&close(CLOSE_HASH, odd), &[CLOSE_SECRET], now, malformed);
    }
    check_close(
        &close(CLOSE_HASH, "9223372036854775807"),
        &[CLOSE_SECRET],
        now,
        Err(Unverified::Stale),
    );
}

#[test]
fn any_signature_of_a_list_may_match_and_unknown_versions_are_passed_over() {
    let id = "msg_27UH4WbU6Z5A5EzD8u03UvzRbpk";
    let check = |list: &str, expected| {
        check_standard(
            &standard(id, "1649367553", list),
            &[STANDARD_SECRET],
            1_649_367_553,
            expected,
        );
    };
    check(
        &format!("{STANDARD_SIGNATURE} {STANDARD_SIGNATURE}"),
        Ok(id),
    );
    check(
        &format!("v1a,abc v2,x v1,AAAA {STANDARD_SIGNATURE} v1,!"),
        Ok(id),
    );
    check("", Err(Unverified::Mismatch));
    check("v1,", Err(Unverified::Mismatch));
    check(
        &STANDARD_SIGNATURE.replace("v1,", "v1a,"),
        Err(Unverified::Mismatch),
    );
    check(
        &STANDARD_SIGNATURE.replace("v1,", ""),
        Err(Unverified::Mismatch),
    );
    check(
        &STANDARD_SIGNATURE.replace("Kkw=", "Kkx="),
        Err(Unverified::Mismatch),
    );
}

#[test]
fn an_id_with_a_full_stop_cannot_pass_for_part_of_the_timestamp() {
    let forged = standard(
        "msg_27UH4WbU6Z5A5EzD8u03UvzRbpk.1649367553",
        "1649367553",
        STANDARD_SIGNATURE,
    );
    check_standard(
        &forged,
        &[STANDARD_SECRET],
        1_649_367_553,
        Err(Unverified::HeaderMalformed("webhook-id")),
    );
    check_standard(
        &standard("", "1649367553", STANDARD_SIGNATURE),
        &[STANDARD_SECRET],
        1_649_367_553,
        Err(Unverified::HeaderMalformed("webhook-id")),
    );
    let id = EventId::parse("a.b").unwrap();
    let key = Source::Standard.parse_key(STANDARD_SECRET).unwrap();
    assert_eq!(key.sign(&id, b"", at(0)), None);
}

#[test]
fn a_header_of_standard_webhooks_that_is_missing_is_named_as_it_would_have_come() {
    let id = "msg_27UH4WbU6Z5A5EzD8u03UvzRbpk";
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
        check_standard(
            &request(headers),
            &[STANDARD_SECRET],
            1,
            Err(Unverified::HeaderMissing(missing)),
        );
    }
}

#[test]
fn a_reason_names_its_header_and_no_value() {
    let reason = Unverified::HeaderMissing("close-sig-hash").to_string();
    assert!(reason.contains("close-sig-hash"), "{reason}");
    let reason = Unverified::HeaderMalformed("webhook-id").to_string();
    assert!(reason.contains("webhook-id"), "{reason}");
}

#[test]
fn only_the_default_address_sends_another_signature_away() {
    let close = close(CLOSE_HASH, "1557751596");
    let now = at(1_557_751_596);
    let verify = |source, secret, headers: &Request| {
        let sources = sources(source, &[secret]);
        verify(source, &sources, headers, CLOSE_BODY.as_bytes(), now)
    };
    let misdirected = Err(Unverified::Misdirected);
    assert_eq!(
        verify(Source::Generic, STANDARD_SECRET, &close),
        misdirected
    );
    let missing = Err(Unverified::HeaderMissing("webhook-id"));
    assert_eq!(verify(Source::Standard, STANDARD_SECRET, &close), missing);
    let both = request(&[
        ("close-sig-hash", CLOSE_HASH),
        ("webhook-signature", "v1,x"),
    ]);
    assert_eq!(verify(Source::Generic, STANDARD_SECRET, &both), missing);
}

#[test]
fn a_secret_has_the_form_of_its_source() {
    let whsec = |bytes: usize| format!("whsec_{}", "AAAA".repeat(bytes / 3));
    for (source, secret, expected) in [
        (Source::Close, CLOSE_SECRET.to_owned(), true),
        (Source::Close, CLOSE_SECRET.to_uppercase(), true),
        (Source::Close, "ab".repeat(31), false),
        (Source::Close, "zz".repeat(32), false),
        (Source::Close, whsec(24), false),
        (Source::Standard, whsec(21), false),
        (Source::Standard, whsec(24), true),
        (Source::Generic, whsec(63), true),
        (Source::Generic, whsec(66), false),
        (Source::Standard, whsec(24).replace("whsec_", ""), false),
        (Source::Standard, "whsec_!!!!".to_owned(), false),
        (Source::Standard, String::new(), false),
    ] {
        let key = source.parse_key(&secret);
        assert_eq!(key.is_some(), expected, "{source} {secret}");
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
        let key = Source::Close.parse_key(CLOSE_SECRET).unwrap();
        let headers = key.sign(&EventId::parse("ev_1Test").unwrap(), &body, now).unwrap();
        let request = Request(headers.into_iter().map(|(name, value)| (name.to_owned(), value)).collect());
        prop_assert!(verify(Source::Close, &sources(Source::Close, &secrets), &request, &body, now).is_ok());
    }
}
