use super::call::{Call, at, configured, mistakes, read, split};
use crate::problem::Problem;
use crate::source::{SourceConfig, SourceKind, Unverified};

const FIXTURE: &str = include_str!("../../../fixtures/zoho_notification.json");
const TOKEN: &str = "not-a-secret-of-anyone";

fn source() -> SourceConfig {
    configured(&format!(r#"{{"zoho":{{"tokens":["old",{TOKEN:?}]}}}}"#))
}

fn verify(body: &str) -> Result<(), Unverified> {
    Call::new(&[], body).verify(&source(), at(0))
}

#[test]
fn one_of_the_tokens_in_the_body_is_verified() {
    assert_eq!(verify(FIXTURE), Ok(()));
    assert_eq!(verify(r#"{"token":"\u006fld"}"#), Ok(()));
    for bad in [
        r#"{"token":""}"#,
        r#"{"token":"new"}"#,
        r#"{"token":"old "}"#,
        r#"{"token":"ol"}"#,
    ] {
        assert_eq!(verify(bad), Err(Unverified::Mismatch), "{bad}");
    }
    for missing in [
        "{}",
        r#"{"token":null}"#,
        r#"{"token":["old"]}"#,
        r#"{"a":{"token":"old"}}"#,
    ] {
        assert_eq!(
            verify(missing),
            Err(Unverified::MemberMissing("token")),
            "{missing}"
        );
    }
    let deep = format!(
        r#"{{"token":"old","a":{}{}}}"#,
        "[".repeat(100),
        "]".repeat(100)
    );
    for unreadable in [
        "",
        "[]",
        "token=old",
        r#"{"token":"old","token":"old"}"#,
        &deep,
    ] {
        assert_eq!(
            verify(unreadable),
            Err(Unverified::Unreadable),
            "{unreadable}"
        );
    }
}

#[test]
fn no_bit_of_the_token_may_change() {
    let place = FIXTURE.find(TOKEN).unwrap();
    for bit in 0..TOKEN.len() * 8 {
        let mut other = Call::new(&[], FIXTURE);
        other.body[place + bit / 8] ^= 1 << (bit % 8);
        assert!(other.verify(&source(), at(0)).is_err(), "{bit}");
    }
}

#[test]
fn every_mistake_in_its_configuration_is_found() {
    let long = format!(r#"{{"tokens":["","{}"]}}"#, "a".repeat(51));
    for (members, expected) in [
        ("{}", &["has no tokens, so"][..]),
        (
            &long,
            &["token 1 has not the form", "token 2 has not the form"],
        ),
        (r#"{"tokens":[]}"#, &["has no tokens, so"]),
    ] {
        let found = mistakes("zoho", members);
        assert_eq!(found.len(), expected.len(), "{found:?}");
        for (found, expected) in found.iter().zip(expected) {
            assert!(found.starts_with(expected), "{found}");
        }
    }
}

#[test]
fn the_token_is_cut_out_with_its_comma_and_each_record_is_its_own_body() {
    let cleaned = Call::new(&[], FIXTURE).cleaned(&source(), at(0)).unwrap();
    assert_eq!(
        cleaned,
        FIXTURE.replace(r#","token":"not-a-secret-of-anyone""#, "")
    );
    let elements = split(&source(), &cleaned);
    let one = cleaned
        .replace(
            r#"["5725767000003000064","5725767000003000065"]"#,
            r#"["5725767000003000064"]"#,
        )
        .replace(
            r#",{"record_id":"5725767000003000065","values":{"Lead_Status":"New"}}"#,
            "",
        );
    let other = cleaned
        .replace(r#"["5725767000003000064","5725767000003000065"]"#, r#"["5725767000003000065"]"#)
        .replace(r#"{"record_id":"5725767000003000064","values":{"Lead_Status":"New","Full_Name":"Zoe Example","Email":"zoe@example.com","Phone":"+1 202 555 0143"}},"#, "");
    assert_eq!(elements, [one, other]);
    assert_eq!(
        elements
            .iter()
            .map(|element| read(SourceKind::Zoho, element))
            .collect::<Vec<_>>(),
        [
            r#"5725767000003000064 1000000068001|insert|5725767000003000064 2024-06-11T14:45:26.473Z Lead_Status="New" display_name="Zoe Example" lead_email="zoe@example.com" phone="+1 202 555 0143""#,
            r#"5725767000003000065 1000000068001|insert|5725767000003000065 2024-06-11T14:45:26.473Z Lead_Status="New""#,
        ]
    );
}

#[test]
fn a_hostile_id_hides_no_other() {
    let ids = r#"[1,{"a":[]},"1 2",null,2]"#;
    let text =
        format!(r#"{{"module":"Leads","operation":"insert","ids":{ids},"affected_values":7}}"#);
    let read: Vec<_> = split(&source(), &text)
        .iter()
        .map(|element| read(SourceKind::Zoho, element))
        .collect();
    assert_eq!(
        read,
        [
            "1 |insert|1 - ",
            "invalid_lead_id",
            "invalid_lead_id",
            "invalid_lead_id",
            "2 |insert|2 - "
        ]
    );
}

#[test]
fn a_body_without_a_list_of_ids_is_one_element_and_an_empty_one_is_none() {
    for (ids, count) in [("", 1), (r#","ids":"1""#, 1), (r#","ids":[]"#, 0)] {
        let text = format!(r#"{{"module":"Leads","operation":"insert"{ids}}}"#);
        let elements = split(&source(), &text);
        assert_eq!(elements.len(), count);
        for element in elements {
            assert_eq!(read(SourceKind::Zoho, &element), "invalid_lead_id");
        }
    }
}

#[test]
fn only_the_time_tells_the_changes_of_a_record_apart() {
    let event = |operation: &str, time: &str| {
        let text = format!(
            r#"{{"module":"Leads","operation":{operation:?},"ids":["1"],"channel_id":7{time}}}"#
        );
        let parsed = SourceKind::Zoho.parse(text.as_bytes(), crate::source::EventFilter::All);
        let Ok(crate::source::Extracted::Event(event)) = parsed else {
            panic!("no event");
        };
        event.event_id.map(|id| id.to_string())
    };
    assert_eq!(event("insert", "").as_deref(), Some("7|insert|1"));
    assert_eq!(
        event("insert", r#","server_time":5"#).as_deref(),
        Some("7|insert|1")
    );
    assert_eq!(
        event("update", r#","server_time":5"#).as_deref(),
        Some("7|update|1|5")
    );
    assert_eq!(event("update", ""), None);
}

#[test]
fn what_is_not_taken_or_no_event_says_so() {
    let [element, _] = &split(&source(), FIXTURE)[..] else {
        panic!("two records");
    };
    for (from, to, expected) in [
        (r#""insert""#, r#""update""#, "ignored Leads.update"),
        (r#""Leads""#, r#""Contacts""#, "ignored Contacts.insert"),
        (r#""module""#, r#""mod""#, "invalid_event"),
        (r#""Lead_Status""#, r#""_leadwire""#, "reserved_field"),
    ] {
        assert_eq!(read(SourceKind::Zoho, &element.replace(from, to)), expected);
    }
}

#[test]
fn what_its_elements_have_in_common_cannot_fill_the_memory() {
    let ids = vec!["1"; 100].join(",");
    let long = "x".repeat(500_000);
    let body = format!(
        r#"{{"module":"Leads","operation":"insert","ids":[{ids}],"query_params":"{long}"}}"#
    );
    assert_eq!(
        source().split(body.as_bytes()).err().map(Problem::code),
        Some("too_large")
    );
    let ids = vec!["1"; 101].join(",");
    let body = format!(r#"{{"ids":[{ids}]}}"#);
    assert_eq!(
        source().split(body.as_bytes()).err().map(Problem::code),
        Some("too_many_events")
    );
}
