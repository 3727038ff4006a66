use super::{JsonError, Object, is_empty, is_same};
use crate::sample::{cases, document, members, object, quoted, value, verbatim};
use crate::{hostile, limits::JSON_DEPTH_MAX};
use proptest::prelude::*;
use serde_json::value::RawValue;

#[track_caller]
fn check(body: &str, expected: Result<&[(&str, &str)], JsonError>) {
    let found = Object::parse(body.as_bytes()).map(|object| verbatim(&object));
    let expected = expected.map(|members| {
        members
            .iter()
            .map(|(name, value)| (name.to_string(), value.to_string()))
            .collect()
    });
    assert_eq!(found, expected, "{body}");
}

#[test]
fn members_are_kept_as_the_bytes_that_came() {
    check("{}", Ok(&[]));
    check(" {\r\n} \t", Ok(&[]));
    check(
        r#"{"b":1,"a":{"z": [1,  2]}}"#,
        Ok(&[("a", r#"{"z": [1,  2]}"#), ("b", "1")]),
    );
    check(
        r#"{"n":1.000000000000000005,"m":12345678901234567890123,"o":-0,"p":1e400}"#,
        Ok(&[
            ("m", "12345678901234567890123"),
            ("n", "1.000000000000000005"),
            ("o", "-0"),
            ("p", "1e400"),
        ]),
    );
    check(
        r#"{"\u0061\n\ud83d\ude00":"\u0061\/\u0000"}"#,
        Ok(&[("a\n😀", r#""\u0061\/\u0000""#)]),
    );
    check(r#"{"":""}"#, Ok(&[("", r#""""#)]));
}

#[test]
fn what_is_not_strict_json_is_invalid() {
    for body in hostile::BODIES {
        let shown = String::from_utf8_lossy(body);
        let read = Object::parse(body).err();
        assert_eq!(read, Some(JsonError::Invalid), "{shown:?}");
    }
    for body in hostile::CUT_OFF {
        let shown = String::from_utf8_lossy(body);
        let read = Object::parse(body).err();
        assert_eq!(read, Some(JsonError::CutOff), "{shown:?}");
    }
}

#[test]
fn a_byte_order_mark_is_skipped_where_the_document_begins_and_nowhere_else() {
    check("\u{feff}{\"a\":1}", Ok(&[("a", "1")]));
    check("\u{feff} {}", Ok(&[]));
    check("\u{feff}[]", Err(JsonError::NotObject));
    check("{\u{feff}}", Err(JsonError::Invalid));
    check("{\"\u{feff}\":1}", Ok(&[("\u{feff}", "1")]));
}

#[test]
fn a_lone_surrogate_is_kept_as_it_came_and_shown_as_the_replacement_character() {
    for (json, shown) in [
        (r#""\ud83d""#, "\u{fffd}"),
        (r#""a\udc00b""#, "a\u{fffd}b"),
        (r#""\ud800\ud800""#, "\u{fffd}\u{fffd}"),
        (r#""\ud800\ud83d\ude00""#, "\u{fffd}😀"),
        (r#""\ud800\n\ud800x\u0041""#, "\u{fffd}\n\u{fffd}xA"),
    ] {
        let body = format!(r#"{{"a":{json},"b":[{json}]}}"#);
        check(&body, Ok(&[("a", json), ("b", &format!("[{json}]"))]));
        let object = Object::parse(body.as_bytes()).unwrap();
        assert_eq!(object.text("a").as_deref(), Some(shown), "{json}");
        assert_eq!(object.shown("a").as_deref(), Some(shown), "{json}");
    }
    check(r#"{"\ud800":1}"#, Ok(&[("\u{fffd}", "1")]));
    // Both are shown alike, so nobody could tell which is which.
    check(r#"{"\ud800":1,"\udfff":2}"#, Err(JsonError::DuplicateKey));
    for bad in [
        r#"{"a":"\ud80x"}"#,
        r#"{"a":"\ud800\uzzzz"}"#,
        r#"{"a":"\ud800\x"}"#,
    ] {
        check(bad, Err(JsonError::Invalid));
    }
}

#[test]
fn a_fault_is_found_where_an_editor_would_show_it() {
    for (body, expected) in [
        (&b"{}"[..], None),
        (b"[1, \"a\"]", None),
        (b"\xef\xbb\xbf{}", None),
        (b"", Some((1, 1))),
        (b"lead_id=a", Some((1, 1))),
        (b"<xml/>", Some((1, 1))),
        (b"{\"a\":1,}", Some((1, 8))),
        (b"{\"a\":1;}", Some((1, 7))),
        (b"\xef\xbb\xbf{'a':1}", Some((1, 2))),
        (b"{\r\n  \"a\": 1\r\n  \"b\": 2\r\n}", Some((3, 3))),
        ("{\"é\":\"é\nx\"}".as_bytes(), Some((1, 8))),
        (b"{\"a\":\"\\q\"}", Some((1, 8))),
        (b"{\"a\":\"\\u00g0\"}", Some((1, 11))),
        ("{\"a\":1é}".as_bytes(), Some((1, 7))),
        (b"{} {}", Some((1, 4))),
        (b"{\"a\":1", Some((1, 7))),
        (b"{\"a\":\"\xff\"}", Some((1, 7))),
        (b"{\"a\" 1,\"b\":\"\xff\"}", Some((1, 6))),
    ] {
        let found = super::fault(body).map(|place| (place.line, place.column));
        assert_eq!(found, expected, "{:?}", String::from_utf8_lossy(body));
    }
}

#[test]
fn every_bracket_is_closed_by_its_own() {
    for body in [
        r#"{"a":1]"#,
        r#"{"a":[1}}"#,
        r#"{"a":{"b":1]}"#,
        r#"{"a":[1;2]}"#,
    ] {
        check(body, Err(JsonError::Invalid));
    }
}

#[test]
fn json_that_is_no_object_is_told_apart() {
    for body in ["null", "true", "1", "\"a\"", "[]", " [ {} , 1 ] "] {
        check(body, Err(JsonError::NotObject));
    }
    check("[1,]", Err(JsonError::Invalid));
    check(r#"[{"a":1,"a":1}]"#, Err(JsonError::DuplicateKey));
}

#[test]
fn the_same_key_twice_is_found_at_any_depth_and_however_it_is_written() {
    for body in [
        r#"{"a":1,"a":1}"#,
        r#"{"lead_id":"a","x":0,"lead\u005fid":"b"}"#,
        r#"{"x":{"a":1,"b":2,"a":3}}"#,
        r#"{"x":[[{"a":1,"\u0061":3}]]}"#,
        r#"{"":1,"":2}"#,
        r#"{"😀":1,"\ud83d\ude00":2}"#,
    ] {
        check(body, Err(JsonError::DuplicateKey));
    }
    check(
        r#"{"a":{"a":{"a":1}},"A":1}"#,
        Ok(&[("A", "1"), ("a", r#"{"a":{"a":1}}"#)]),
    );
}

#[test]
fn depth_is_allowed_up_to_its_limit() {
    let arrays = |levels: usize| format!(r#"{{"a":{}{}}}"#, "[".repeat(levels), "]".repeat(levels));
    let objects = |levels: usize| format!("{}1{}", r#"{"a":"#.repeat(levels), "}".repeat(levels));
    assert!(Object::parse(arrays(JSON_DEPTH_MAX - 1).as_bytes()).is_ok());
    assert!(Object::parse(objects(JSON_DEPTH_MAX).as_bytes()).is_ok());
    check(&arrays(JSON_DEPTH_MAX), Err(JsonError::TooDeep));
    check(&objects(JSON_DEPTH_MAX + 1), Err(JsonError::TooDeep));
    check(&"[".repeat(1 << 20), Err(JsonError::TooDeep));
    check(&r#"{"a":"#.repeat(200_000), Err(JsonError::TooDeep));
}

#[test]
fn a_million_keys_and_a_mebibyte_of_text_are_no_trouble() {
    let keys: Vec<String> = (0..1_000_000).map(|key| format!("\"{key}\":0")).collect();
    let object = Object::parse(format!("{{{}}}", keys.join(",")).as_bytes()).unwrap();
    assert_eq!(object.iter().count(), 1_000_000);
    let escapes = format!(r#"{{"a":"{}"}}"#, r"\u00e9".repeat(200_000));
    let object = Object::parse(escapes.as_bytes()).unwrap();
    assert_eq!(object.text("a").unwrap().chars().count(), 200_000);
}

#[test]
fn members_are_read_by_their_kind() {
    let object =
        Object::parse(br#"{"text":"\u0041","number":1,"object":{"a":1},"null":null}"#).unwrap();
    assert_eq!(object.text("text").as_deref(), Some("A"));
    for name in ["number", "null", "absent"] {
        assert_eq!(object.text(name), None, "{name}");
    }
    assert_eq!(verbatim(&object.object("object").unwrap()).len(), 1);
    assert!(object.object("text").is_none() && object.object("null").is_none());
}

#[track_caller]
fn raw(json: &str) -> Box<RawValue> {
    serde_json::from_str(json).unwrap()
}

#[test]
fn a_value_is_empty_when_it_says_nothing() {
    for empty in ["null", r#""""#, r#"" \t\n""#, r#""\u00a0\u2003""#] {
        assert!(is_empty(&raw(empty)), "{empty}");
    }
    for full in ["0", "false", "[]", "{}", r#""null""#, r#""\u0000""#] {
        assert!(!is_empty(&raw(full)), "{full}");
    }
}

#[test]
fn values_are_the_same_when_they_mean_the_same() {
    for (one, other) in [
        (r#""A""#, r#""\u0041""#),
        (r#"{"a":1,"b":[1, 2]}"#, r#"{ "b":[1,2], "\u0061":1 }"#),
        (r#"["\/"]"#, r#"["/"]"#),
        (
            r#""\b\f\n\r\t\"\\""#,
            r#""\u0008\u000c\u000a\u000D\u0009\u0022\u005C""#,
        ),
    ] {
        assert!(is_same(&raw(one), &raw(other)), "{one} {other}");
    }
    for (one, other) in [
        ("1", "1.0"),
        ("1", r#""1""#),
        (r#""a""#, r#""A""#),
        ("[1,2]", "[2,1]"),
        ("{}", "[]"),
        (r#""{}""#, "{}"),
    ] {
        assert!(!is_same(&raw(one), &raw(other)), "{one} {other}");
    }
}

proptest! {
    #![proptest_config(cases())]

    #[test]
    fn every_member_comes_back_verbatim(members in members()) {
        prop_assert_eq!(verbatim(&object(&members)), members);
    }

    /// Whatever is accepted, `serde_json` reads the same way; whatever is invalid, it refuses too.
    #[test]
    fn damaged_documents_are_judged_as_serde_json_judges_them(
        members in members(),
        edits in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>(), 0..3_u8), 0..3),
    ) {
        let mut bytes = document(members.iter()).into_bytes();
        for (place, byte, kind) in edits {
            let at = place.index(bytes.len() + 1);
            match kind {
                0 => bytes.insert(at, byte),
                1 if at < bytes.len() => drop(bytes.remove(at)),
                _ => bytes.truncate(at),
            }
        }
        let theirs = serde_json::from_slice::<serde_json::Value>(&bytes);
        match Object::parse(&bytes) {
            Ok(object) => {
                let raw: std::collections::BTreeMap<String, Box<RawValue>> = serde_json::from_slice(&bytes).unwrap();
                prop_assert_eq!(object.iter().count(), raw.len());
                prop_assert!(object.iter().all(|(name, value)| raw[name].get() == value.get()));
            }
            Err(JsonError::CutOff | JsonError::Invalid) => prop_assert!(theirs.is_err()),
            Err(JsonError::NotObject) => prop_assert!(theirs.is_ok_and(|value| !value.is_object())),
            Err(JsonError::DuplicateKey | JsonError::TooDeep) => {}
        }
    }

    /// A fault is found exactly where the document is refused for its syntax, and what comes before it could begin one.
    #[test]
    fn any_bytes_are_answered_without_a_panic_and_their_fault_has_a_place(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let is_syntax = |error| matches!(error, JsonError::CutOff | JsonError::Invalid);
        let refused = Object::parse(&bytes).err();
        if refused.is_some_and(is_syntax) {
            prop_assert!(super::fault(&bytes).is_some());
        }
        if refused.is_none() {
            prop_assert!(super::fault(&bytes).is_none());
        }
    }

    #[test]
    fn a_repeated_member_is_always_a_duplicate(members in members(), name in crate::sample::text(), one in value(), other in value()) {
        let name = quoted(&name);
        let body = format!("{{{name}:{one},\"nested\":{},{name}:{other}}}", document(members.iter()));
        prop_assert_eq!(Object::parse(body.as_bytes()).err(), Some(JsonError::DuplicateKey));
    }

    #[test]
    fn the_order_of_members_changes_no_meaning_and_a_value_does(members in members(), other in value()) {
        let forward = raw(&document(members.iter()));
        prop_assert!(is_same(&forward, &raw(&document(members.iter().rev()))));
        let mut changed = members.clone();
        changed.insert("other".into(), other);
        prop_assert!(!is_same(&forward, &raw(&document(changed.iter()))));
    }
}
