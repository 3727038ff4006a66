use super::call::{Call, at, configured, mistakes, read};
use crate::source::{SourceConfig, SourceKind, Unverified};

const LEAD: &str = include_str!("../../../fixtures/pipedrive_lead_create.json");
const PERSON: &str = include_str!("../../../fixtures/pipedrive_person_create.json");

fn source() -> SourceConfig {
    configured(r#"{"pipedrive":{"user":"leadwïre","passwords":["old","pä:ss word"]}}"#)
}

fn basic(credentials: &str) -> Call {
    use base64::Engine;
    let encoded = base64::engine::general_purpose::STANDARD.encode(credentials);
    Call::new(&[("authorization", &format!("Basic {encoded}"))], LEAD)
}

fn verify(call: &Call) -> Result<(), Unverified> {
    call.verify(&source(), at(0))
}

#[test]
fn the_user_with_one_of_the_passwords_is_verified_in_utf_8() {
    for good in ["leadwïre:old", "leadwïre:pä:ss word"] {
        assert_eq!(verify(&basic(good)), Ok(()), "{good}");
    }
    for bad in [
        "leadwïre:",
        "leadwïre:new",
        "leadwïre",
        "other:old",
        ":",
        "leadwïre:old ",
        "old",
    ] {
        assert_eq!(verify(&basic(bad)), Err(Unverified::Mismatch), "{bad}");
    }
    assert_eq!(
        verify(&Call::new(&[], LEAD)),
        Err(Unverified::HeaderMissing("authorization"))
    );
    for odd in ["", "Basic", "Basic !", "Bearer b2xk", "Basic  b2xk"] {
        let call = Call::new(&[("authorization", odd)], LEAD);
        assert_eq!(
            verify(&call),
            Err(Unverified::HeaderMalformed("authorization")),
            "{odd}"
        );
    }
}

#[test]
fn no_bit_of_the_credentials_may_change() {
    for changed in basic("leadwïre:pä:ss word").flipped_header("authorization") {
        assert!(verify(&changed).is_err(), "{changed:?}");
    }
}

#[test]
fn every_mistake_in_its_configuration_is_found() {
    let password = "password 2 has not the form of this source (a text without control characters)";
    for (members, expected) in [
        ("{}", &["has no user, so", "has no passwords, so"][..]),
        (
            r#"{"user":"a:b","passwords":["x",""]}"#,
            &["user has a colon or a control character", password],
        ),
        (
            r#"{"user":"","passwords":["x","a\nb"]}"#,
            &["user is empty", password],
        ),
        (
            r#"{"user":1,"passwords":"x"}"#,
            &["user is not a text", "passwords is not a list of texts"],
        ),
    ] {
        let found = mistakes("pipedrive", members);
        assert_eq!(found.len(), expected.len(), "{found:?}");
        for (found, expected) in found.iter().zip(expected) {
            assert!(found.starts_with(expected), "{found}");
        }
    }
}

#[test]
fn a_lead_has_its_title_for_a_name_and_its_uuid_for_an_id() {
    let lead = read(SourceKind::Pipedrive, LEAD);
    let start = "c0ffee00-0000-4000-8000-000000000001 11111111-2222-4333-8444-555555555555 2025-06-19T16:07:08.6Z ";
    assert!(lead.starts_with(start), "{lead}");
    assert!(
        lead.contains(r#" display_name="Zoe Example lead" "#),
        "{lead}"
    );
    assert!(!lead.contains(" title="), "{lead}");
    assert!(lead.contains(" person_id=12 "), "{lead}");
}

#[test]
fn a_person_has_the_primary_address_and_number() {
    let person = read(SourceKind::Pipedrive, PERSON);
    assert!(
        person.starts_with("4711 11111111-2222-4333-8444-666666666666 "),
        "{person}"
    );
    for part in [
        r#" display_name="Zoe Example" "#,
        r#" lead_email="zoe@example.com" "#,
        r#" phone="+1 202 555 0143" "#,
    ] {
        assert!(person.contains(part), "{person}");
    }
    let other = PERSON.replace(r#""primary":true"#, r#""primary":false"#);
    let other = read(SourceKind::Pipedrive, &other);
    assert!(
        other.contains(r#" lead_email="zoe@home.example.org" "#),
        "{other}"
    );
    let none = PERSON
        .replace("\"emails\":[", "\"emails\":[1,{},[],")
        .replace("\"phones\":[{", "\"other\":[{");
    let none = read(SourceKind::Pipedrive, &none);
    assert!(
        none.contains(" lead_email=") && !none.contains(" phone="),
        "{none}"
    );
}

#[test]
fn whatever_names_its_lead_is_taken() {
    let with = |meta: &str, data: &str| {
        let text =
            format!(r#"{{"meta":{{"entity":"lead","action":"create"{meta}}},"data":{data}}}"#);
        read(SourceKind::Pipedrive, &text)
    };
    for (meta, data, expected) in [
        (r#","entity_id":"a""#, "null", "a - - "),
        (
            r#","entity_id":7,"id":"é","timestamp":"soon""#,
            r#"{"id":"7"}"#,
            r#"7 - - id="7""#,
        ),
        (
            r#","id":12,"timestamp":"1750349228""#,
            r#"{"id":7}"#,
            "7 12 2025-06-19T16:07:08Z id=7",
        ),
        (
            r#","timestamp":1750349228600"#,
            r#"{"id":7}"#,
            "7 - 2025-06-19T16:07:08.6Z id=7",
        ),
        (
            r#","timestamp":-1"#,
            r#"{"id":7,"title":null}"#,
            "7 - - id=7 title=null",
        ),
    ] {
        assert_eq!(with(meta, data), expected);
    }
}

#[test]
fn what_is_not_taken_or_no_event_says_so() {
    for (from, to, expected) in [
        (
            r#""action":"create""#,
            r#""action":"change""#,
            "ignored lead.change",
        ),
        (
            r#""entity":"lead""#,
            r#""entity":"deal""#,
            "ignored deal.create",
        ),
        (r#""entity":"lead""#, r#""entity":1"#, "invalid_event"),
        (r#""meta""#, r#""mate""#, "invalid_event"),
        (
            r#""entity_id":"c0ffee00"#,
            r#""entity_id":"c0ffee01"#,
            "conflicting_lead_ids",
        ),
        (r#""title""#, r#""_leadwire""#, "reserved_field"),
    ] {
        let text = LEAD.replace(from, to);
        assert_ne!(text, LEAD);
        assert_eq!(read(SourceKind::Pipedrive, &text), expected);
    }
}

#[test]
fn another_attempt_is_the_same_content() {
    let again = LEAD.replace(r#""attempt":1"#, r#""attempt":2"#);
    let is_same =
        |other: &str| SourceKind::Pipedrive.is_same_content(LEAD.as_bytes(), other.as_bytes());
    assert!(is_same(&again) && !is_same(PERSON));
}
