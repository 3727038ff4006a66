use super::call::{Call, at, configured, mistakes, read, split};
use crate::problem::Problem;
use crate::source::salesforce::to_18;
use crate::source::{SourceConfig, SourceKind, Unverified};

const FIXTURE: &str = include_str!("../../../fixtures/salesforce_outbound.xml");
const TOKEN: &str = "a-token_1";

fn source() -> SourceConfig {
    configured(
        r#"{"salesforce":{"organization_id":"00D000000000001","tokens":["old","a-token_1"]}}"#,
    )
}

fn call(query: &str, body: &str) -> Call {
    Call::new(&[], body).with_query(query)
}

fn verify(query: &str, body: &str) -> Result<(), Unverified> {
    call(query, body).verify(&source(), at(0))
}

#[test]
fn the_organization_with_one_of_the_tokens_is_verified() {
    for query in [
        "token=a-token_1",
        "a=b&token=old",
        "token=%61-token_1",
        "token=old&token=%6fld",
    ] {
        assert_eq!(verify(query, FIXTURE), Ok(()), "{query}");
    }
    for query in [
        "",
        "token",
        "tokens=old",
        "Token=old",
        "token=old&token=a-token_1",
    ] {
        assert_eq!(
            verify(query, FIXTURE),
            Err(Unverified::MemberMissing("token")),
            "{query}"
        );
    }
    for query in ["token=", "token=new", "token=ol", "token=old%00"] {
        assert_eq!(verify(query, FIXTURE), Err(Unverified::Mismatch), "{query}");
    }
    let short = FIXTURE.replace("00D000000000001EAA", "00D000000000001");
    assert_eq!(verify("token=old", &short), Ok(()));
    let other = FIXTURE.replace("00D000000000001EAA", "00D000000000002EAA");
    assert_eq!(verify("token=old", &other), Err(Unverified::Mismatch));
    let lower = FIXTURE.replace("00D000000000001EAA", "00d000000000001");
    assert_eq!(verify("token=old", &lower), Err(Unverified::Mismatch));
    let none = FIXTURE.replace("OrganizationId", "Organization");
    assert_eq!(
        verify("token=old", &none),
        Err(Unverified::MemberMissing("OrganizationId"))
    );
    assert_eq!(verify("token=old", "<a/>"), Err(Unverified::Unreadable));
    assert_eq!(verify("token=new", "<a/>"), Err(Unverified::Mismatch));
}

#[test]
fn no_bit_of_the_token_or_of_the_organization_may_change() {
    for changed in call("token=a-token_1", FIXTURE).flipped_query() {
        assert!(
            changed.verify(&source(), at(0)).is_err(),
            "{}",
            changed.query
        );
    }
    let place = FIXTURE.find("00D000000000001EAA").unwrap();
    for bit in 0..18 * 8 {
        let mut other = call("token=old", FIXTURE);
        other.body[place + bit / 8] ^= 1 << (bit % 8);
        assert!(other.verify(&source(), at(0)).is_err(), "{bit}");
    }
}

#[test]
fn every_mistake_in_its_configuration_is_found() {
    let id = "organization_id is not 15 or 18 letters and digits";
    for (members, expected) in [
        (
            "{}",
            &["has no organization_id, so", "has no tokens, so"][..],
        ),
        (
            r#"{"organization_id":"00D","tokens":["a b",""]}"#,
            &[id, "token 1 has", "token 2 has"],
        ),
        (
            r#"{"organization_id":"00D0000000000é","tokens":["a"]}"#,
            &[id],
        ),
    ] {
        let mut found = mistakes("salesforce", members);
        found.sort_by_key(|wrong| !wrong.contains("organization_id"));
        assert_eq!(found.len(), expected.len(), "{found:?}");
        for (found, expected) in found.iter().zip(expected) {
            assert!(found.starts_with(expected), "{found}");
        }
    }
}

#[test]
fn the_session_is_cut_out_before_anything_is_read() {
    let cleaned = call(&format!("token={TOKEN}"), FIXTURE)
        .cleaned(&source(), at(0))
        .unwrap();
    assert_eq!(
        cleaned,
        FIXTURE.replace(
            "<SessionId>00D000000000001!a.live.credential</SessionId>",
            ""
        )
    );
    for element in split(&source(), &cleaned) {
        assert!(
            !element.contains("credential") && !element.contains("SessionId"),
            "{element}"
        );
    }
}

#[test]
fn each_notification_is_an_element_with_its_organization_and_action() {
    let elements = split(&source(), FIXTURE);
    let start = r#"{"organization_id":"00D000000000001EAA","action_id":"04k000000000001AAA","notification_xml":"<Notification>"#;
    assert!(
        elements.iter().all(|element| element.starts_with(start)),
        "{elements:?}"
    );
    let read: Vec<_> = elements
        .iter()
        .map(|element| read(SourceKind::Salesforce, element))
        .collect();
    let [one, other] = &read[..] else {
        panic!("two notifications");
    };
    assert!(
        one.starts_with("00Q000000000001EAA 04l000000000001AAA - "),
        "{one}"
    );
    for part in [
        r#" company="ACME & Söhne" "#,
        r#" display_name="Zoe Example" "#,
        r#" lead_email="zoe@example.com" "#,
        r#" message="Please call\nme back" "#,
        r#" phone="+1 202 555 0143""#,
        r#" Status="Open" "#,
    ] {
        assert!(one.contains(part), "{one}");
    }
    assert!(
        other.starts_with("00Q000000000002EAA 04l000000000002AAA - "),
        "{other}"
    );
    assert!(other.contains(r#" display_name="Max Muster" "#), "{other}");
    assert!(other.contains(r#" phone="+1 202 555 0199""#), "{other}");
    let none = FIXTURE.replace("Notification>", "Other>");
    assert_eq!(split(&source(), none).len(), 0);
}

#[test]
fn what_is_not_taken_or_no_event_says_so() {
    let [element, _] = &split(&source(), FIXTURE)[..] else {
        panic!("two notifications");
    };
    for (from, to, expected) in [
        ("sf:Lead", "sf:Contact", "ignored Contact"),
        ("xsi:type", "xsi:kind", "invalid_event"),
        ("sObject", "object", "invalid_event"),
        ("00Q000000000001EAA", "00Q 000", "invalid_lead_id"),
        ("sf:Id>", "sf:Key>", "invalid_lead_id"),
        ("sf:Status", "sf:_leadwire", "reserved_field"),
        ("&amp;", "&amp", "invalid_event"),
        ("notification_xml", "xml", "invalid_event"),
    ] {
        let text = element.replace(from, to);
        assert_ne!(&text, element, "{from}");
        assert_eq!(read(SourceKind::Salesforce, &text), expected, "{to}");
    }
}

#[test]
fn an_event_without_an_id_of_its_own_is_taken() {
    let [element, _] = &split(&source(), FIXTURE)[..] else {
        panic!("two notifications");
    };
    let none = element.replace("<Id>04l000000000001AAA</Id>", "<Id/>");
    assert!(read(SourceKind::Salesforce, &none).starts_with("00Q000000000001EAA - - "));
}

#[test]
fn what_its_elements_have_in_common_cannot_fill_the_memory() {
    let long = "x".repeat(500_000);
    let many = FIXTURE.replace(
        "</notifications>",
        &("<Notification/>".repeat(90) + "</notifications>"),
    );
    let body = many.replace("04k000000000001AAA", &long);
    assert_eq!(
        source().split(body.as_bytes()).err().map(Problem::code),
        Some("too_large")
    );
    let many = FIXTURE.replace(
        "</notifications>",
        &("<Notification/>".repeat(99) + "</notifications>"),
    );
    assert_eq!(
        source().split(many.as_bytes()).err().map(Problem::code),
        Some("too_many_events")
    );
}

#[test]
fn it_is_acknowledged_as_the_wsdl_says() {
    let ack = SourceKind::Salesforce.acknowledgement().unwrap();
    assert_eq!(ack.content_type, "text/xml");
    assert!(ack.body.contains(r#"<notificationsResponse xmlns="http://soap.sforce.com/2005/09/outbound"><Ack>true</Ack></notificationsResponse>"#));
}
#[test]
fn an_id_of_15_characters_gets_the_three_that_tell_upper_from_lower_case() {
    for (id, expected) in [
        ("00D000000000001", "00D000000000001EAA"),
        ("04k000000000001", "04k000000000001AAA"),
        ("00QABCDEabcdeFG", "00QABCDEabcdeFG2HY"),
        ("ABCDEFGHIJKLMNO", "ABCDEFGHIJKLMNO555"),
        ("abcdefghijklmno", "abcdefghijklmnoAAA"),
        ("00Q000000000001EAA", "00Q000000000001EAA"),
    ] {
        assert_eq!(to_18(id).as_deref(), Some(expected), "{id}");
    }
    for id in [
        "",
        "00D00000000000",
        "00D0000000000011",
        "00D00000000000é",
        "00D0000 0000001",
    ] {
        assert_eq!(to_18(id), None, "{id}");
    }
}
