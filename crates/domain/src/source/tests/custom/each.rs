//! Where the events of a body stand.

use super::{config, contract};
use crate::source::Sources;
use serde_json::json;

#[test]
fn each_is_a_list_of_the_body_and_where_there_is_none_nothing_is_taken() {
    let config = config(&contract());
    let split = |body: &str| config.split(body.as_bytes()).map(|elements| elements.len());
    for nothing in ["{}", r#"{"entries":[]}"#, r#"{"entries":null}"#] {
        assert_eq!(split(nothing).unwrap(), 0, "{nothing}");
    }
    for wrong in [r#"{"entries":{}}"#, r#"{"entries":"x"}"#, "[]", "x"] {
        assert!(split(wrong).is_err(), "{wrong}");
    }
    let mut whole = contract();
    whole["each"] = "".into();
    let whole = super::config(&whole);
    let elements = whole.split(b"[{\"a\":1.0}, 2]").unwrap();
    assert_eq!(elements, [&b"{\"a\":1.0}"[..], b"2"]);
    assert!(whole.split(b"{}").is_err());
}

#[test]
fn lists_in_lists_are_one_list_of_events_and_what_holds_none_is_refused_by_itself() {
    let mut nested = contract();
    nested["each"] = json!(["/entry", "/changes"]);
    let nested = config(&nested);
    let split = |body: &str| {
        let elements = nested.split(body.as_bytes()).unwrap().into_iter();
        let texts = elements.map(|element| String::from_utf8(element.into_owned()).unwrap());
        texts.collect::<Vec<_>>()
    };
    let body = r#"{"entry":[{"changes":[{"a":1.0},2]},{"changes":[]},{},{"changes":null},{"changes":[{"b":1}]}]}"#;
    assert_eq!(split(body), [r#"{"a":1.0}"#, "2", r#"{"b":1}"#]);
    assert_eq!(
        split(r#"{"entry":[7,{"changes":{}},{"changes":[1]}]}"#),
        ["7", r#"{"changes":{}}"#, "1"]
    );
    assert!(split("{}").is_empty());
    assert!(nested.split(br#"{"entry":{}}"#).is_err());
    let mut bare = contract();
    bare["each"] = json!(["", ""]);
    let elements = config(&bare);
    let elements = elements.split(b"[[1],[],[2,3],4]").unwrap();
    assert_eq!(elements, [&b"1"[..], b"2", b"3", b"4"]);
    for wrong in [
        json!([]),
        json!(["/a", "/a", "/a", "/a", "/a"]),
        json!(["/a", "b"]),
        json!(7),
    ] {
        let mut declaration = contract();
        declaration["each"] = wrong;
        let document = json!({ "custom": declaration }).to_string();
        let why = Sources::parse(&document).unwrap_err().to_string();
        assert!(why.contains("each is not a JSON Pointer"), "{why}");
    }
}
