use crate::hostile;
use crate::lead::id::LeadId;
use crate::problem::Problem;
use crate::sample::{cases, document, lead_id, members, quoted, text, verbatim};
use crate::source::{Event, EventFilter, Extracted, SourceConfig, SourceKind};
use proptest::prelude::*;

const CLOSE: &str = include_str!("../../../fixtures/close_lead_created.json");

/// Lead, event id and time, or why it is refused.
fn read(source: SourceKind, body: &[u8]) -> String {
    let types = ["lead.created".to_owned()];
    match source.parse(body, EventFilter::Types(&types)) {
        Ok(Extracted::Event(event)) => {
            let id = event.event_id.map_or("-".to_owned(), |id| id.to_string());
            let time = event.time.map_or("-".to_owned(), |time| time.to_string());
            format!("{} {id} {time}", event.lead_id)
        }
        Ok(Extracted::Ignored(event_type)) => format!("ignored {event_type}"),
        Err(problem) => problem.code().to_owned(),
    }
}

#[track_caller]
fn check(source: SourceKind, body: &str, expected: &str) {
    assert_eq!(read(source, body.as_bytes()), expected, "{source} {body}");
}

/// Checks each line of a table: a body, `=>`, and how it is read.
#[track_caller]
fn check_each(source: SourceKind, table: &str) {
    for (body, expected) in rows(table) {
        check(source, body, expected);
    }
}

/// Checks each line of a table: a text of the Close event, `->`, what stands there instead, `=>`, and how it is read then.
#[track_caller]
fn check_close(table: &str) {
    for (change, expected) in rows(table) {
        let (old, new) = change.split_once(" -> ").expect(change);
        assert!(CLOSE.contains(old), "{old}");
        check(SourceKind::Close, &CLOSE.replacen(old, new, 1), expected);
    }
}

fn rows(table: &str) -> impl Iterator<Item = (&str, &str)> {
    let lines = table.lines().map(str::trim);
    let rows = lines.filter(|line| !line.is_empty());
    rows.map(|row| row.rsplit_once(" => ").expect(row))
}

#[track_caller]
fn parse(source: SourceKind, body: &str) -> Event {
    match source.parse(body.as_bytes(), EventFilter::All) {
        Ok(Extracted::Event(event)) => *event,
        other => panic!("{source}: {other:?}"),
    }
}

#[test]
fn the_flat_form_is_its_own_fields() {
    let body = br#"{"lead_id":"test-1","display_name":"Alice","lead_email":"alice@example.com","event_id":"form","date_created":"x"}"#;
    for source in [SourceKind::Generic, SourceKind::Standard] {
        let Ok(Extracted::Event(event)) = source.parse(body, EventFilter::Types(&[])) else {
            panic!("{source}")
        };
        assert_eq!(event.lead_id.as_str(), "test-1");
        // A form's members never make two leads one event.
        assert_eq!((event.event_id, event.time), (None, None));
        assert_eq!(event.fields.iter().count(), 5);
    }
}

#[test]
fn a_lead_id_is_a_text_or_a_whole_number_in_its_exact_digits() {
    check_each(
        SourceKind::Generic,
        r#"
        {"lead_id":"00123"} => 00123 - -
        {"lead_id":"\u0061"} => a - -
        {"lead_id":0} => 0 - -
        {"lead_id":12345678901234567890123} => 12345678901234567890123 - -
        {"lead_id":"a\u002fb"} => x-c14cddc033f64b9dea80ea675cf280a0 - -
        {"lead_id":"x-c14cddc033f64b9dea80ea675cf280a0"} => x-c14cddc033f64b9dea80ea675cf280a0 - -
        {"lead_id":"é","data":{"lead_id":"x-4a99557e4033c3539de2eb65472017ca"}} => x-4a99557e4033c3539de2eb65472017ca - -
        {"lead_id":"é","data":{"lead_id":"e"}} => conflicting_lead_ids
        {"Lead_Id":"a","id":"a"} => invalid_lead_id
        "#,
    );
    let bad = r#"null true {} [] ["a"] 1.0 1e2 1E2 -1 -0 "" "a\u0000" "a\u00ad" "\ud83d" "a\n""#;
    let too_long = "1".repeat(129);
    for bad in bad.split(' ').chain([r#"" a""#, &too_long]) {
        let body = format!(r#"{{"lead_id":{bad}}}"#);
        check(SourceKind::Generic, &body, "invalid_lead_id");
    }
}

#[test]
fn a_body_that_is_no_strict_object_has_its_own_code() {
    for body in hostile::CUT_OFF.iter().chain(hostile::BODIES) {
        for source in SourceKind::ALL {
            let shown = String::from_utf8_lossy(body);
            assert_eq!(read(source, body), "invalid_json", "{source} {shown:?}");
        }
    }
    check_each(
        SourceKind::Generic,
        r#"
        {"lead_id":"a","lead_id":"a"} => duplicate_key
        {"lead_id":"a","lead\u005fid":"b"} => duplicate_key
        [] => invalid_event
        [{"lead_id":"a"}] => invalid_event
        {} => invalid_lead_id
        {"lead_id":"a","_leadwire":{}} => reserved_field
        "#,
    );
    let twice = r#"{"event":{"data":{"x":1,"x":1}}}"#;
    check(SourceKind::Close, twice, "duplicate_key");
    let (open, close) = ("[".repeat(64), "]".repeat(64));
    let deep = format!(r#"{{"lead_id":"a","x":{open}{close}}}"#);
    check(SourceKind::Generic, &deep, "too_deep");
}

#[test]
fn a_close_event_is_read_at_its_own_address_and_at_the_generic_one() {
    let expected = "lead_1Test ev_1Test 2025-09-04T07:27:17.674Z";
    for source in [SourceKind::Close, SourceKind::Generic] {
        check(source, CLOSE, expected);
    }
    let fields = verbatim(&parse(SourceKind::Close, CLOSE).fields);
    assert_eq!(fields["lead_id"], r#""lead_1Test""#);
    assert_eq!(fields["custom.cf_abc123"], r#""Direct VSL""#);
    let created = r#""2025-09-04T07:27:17.642000+00:00""#;
    assert_eq!(fields["date_created"], created);
    assert!(!fields.contains_key("previous_data"));
    assert!(SourceKind::Generic.is_misdirected(CLOSE.as_bytes()));
    assert!(!SourceKind::Close.is_misdirected(CLOSE.as_bytes()));
    check(SourceKind::Standard, CLOSE, "invalid_lead_id");
    check(SourceKind::Close, r#"{"lead_id":"a"}"#, "invalid_event");
}

#[test]
fn another_type_of_close_event_is_ignored_whatever_else_is_wrong_with_it() {
    check_close(
        r#"
        "action":"created" -> "action":"deleted" => ignored lead.deleted
        "object_type":"lead" -> "object_type":"contact" => ignored contact.created
        "#,
    );
    check_each(
        SourceKind::Close,
        r#"
        {"event":{"object_type":"lead","action":"deleted","data":null}} => ignored lead.deleted
        {"event":{"object_type":"lead","action":"merged","lead_id":7.5,"id":{},"date_created":1}} => ignored lead.merged
        "#,
    );
    let note = r#"{"event":{"object_type":"activity.note","action":"created"}}"#;
    check(SourceKind::Generic, note, "ignored activity.note.created");
    let long = "é".repeat(1_000);
    let body = format!(r#"{{"type":"{long}"}}"#);
    check(
        SourceKind::Standard,
        &body,
        &format!("ignored {}", "é".repeat(128)),
    );
}

#[test]
fn a_close_event_of_a_type_that_is_taken_must_be_whole() {
    check_each(
        SourceKind::Close,
        r#"
        {"event":{"object_type":"lead","action":"created","lead_id":"a","data":null}} => invalid_event
        {"event":{"object_type":"lead","action":"created","lead_id":"a"}} => invalid_event
        {"event":{"object_type":"lead","action":"created","data":{}}} => invalid_lead_id
        {"event":{"object_type":"lead"}} => invalid_event
        {"event":{"object_type":1,"action":"created"}} => invalid_event
        {"event":[]} => invalid_event
        "#,
    );
    check_close(
        r#"
        "ev_1Test" -> 1 => invalid_event_id
        "ev_1Test" -> "" => invalid_event_id
        "ev_1Test" -> "ev 1" => invalid_event_id
        "id":"ev_1Test", ->  => lead_1Test - 2025-09-04T07:27:17.674Z
        "status_label" -> "_leadwire":1,"status_label" => reserved_field
        "#,
    );
    let too_long = "e".repeat(257);
    check_close(&format!("ev_1Test -> {too_long} => invalid_event_id"));
}

#[test]
fn two_different_leads_in_one_event_are_a_conflict() {
    check_close(
        r#"
        "object_id":"lead_1Test" -> "object_id":"lead_2" => conflicting_lead_ids
        "lead_id":"lead_1Test" -> "lead_id":"lead_2" => conflicting_lead_ids
        "data":{"id":"lead_1Test" -> "data":{"id":"lead_2" => conflicting_lead_ids
        "data":{ -> "data":{"lead_id":"lead_2", => conflicting_lead_ids
        {"subscription_id" -> {"lead_id":"lead_2","subscription_id" => conflicting_lead_ids
        {"subscription_id" -> {"lead_id":"lead_1Test","subscription_id" => lead_1Test ev_1Test 2025-09-04T07:27:17.674Z
        "object_id":"lead_1Test" -> "object_id":null => lead_1Test ev_1Test 2025-09-04T07:27:17.674Z
        "#,
    );
    check_each(
        SourceKind::Generic,
        r#"
        {"lead_id":"a","event":{"lead_id":"b"}} => conflicting_lead_ids
        {"lead_id":"a","data":{"lead_id":"b"}} => conflicting_lead_ids
        {"lead_id":"a","event":{"object_type":"lead","action":"created","object_id":"b"}} => conflicting_lead_ids
        {"lead_id":"a","event":{"object_type":"lead","data":{"id":"b"}}} => conflicting_lead_ids
        {"lead_id":1,"data":{"lead_id":"1","id":"b"},"event":"webinar"} => 1 - -
        "#,
    );
    let standard = r#"{"type":"lead.created","lead_id":"a","data":{"lead_id":"b"}}"#;
    check(SourceKind::Standard, standard, "conflicting_lead_ids");
}

#[test]
fn an_object_of_another_kind_names_its_lead_by_lead_id_alone() {
    let body = r#"{"event":{"object_type":"opportunity","action":"created","object_id":"oppo_1","lead_id":"lead_1","data":{"id":"oppo_1","lead_id":"lead_1"}}}"#;
    assert_eq!(parse(SourceKind::Close, body).lead_id.as_str(), "lead_1");
}

#[test]
fn a_time_is_rfc_3339_or_utc_without_an_offset() {
    const TIME: &str = r#""2025-09-04T07:27:17.674000""#;
    for (good, expected) in [
        (
            r#""2025-09-04T09:27:17.674+02:00""#,
            "2025-09-04T07:27:17.674Z",
        ),
        (r#""2025-09-04T07:27:17Z""#, "2025-09-04T07:27:17Z"),
        ("null", "-"),
    ] {
        check_close(&format!(
            "{TIME} -> {good} => lead_1Test ev_1Test {expected}"
        ));
    }
    let bad = r#""" "yesterday" 1756970837 "2025-13-04T07:27:17" "2025-09-04T25:00:00Z" "-002025-09-04T07:27:17Z"
        "1969-12-31T23:59:59Z" "9999-12-31T23:59:59Z" "99999-01-01T00:00:00Z" {}"#;
    for bad in bad.split_whitespace() {
        check_close(&format!("{TIME} -> {bad} => lead_1Test ev_1Test -"));
    }
}

#[test]
fn only_the_form_of_a_close_event_fixes_its_time_wherever_it_comes_in() {
    let envelope =
        r#"{"type":"lead.created","timestamp":"2022-11-03T20:26:10Z","data":{"lead_id":"a"}}"#;
    for (source, body, expected) in [
        (SourceKind::Close, CLOSE, true),
        (SourceKind::Generic, CLOSE, true),
        (SourceKind::Generic, r#"{"lead_id":"a"}"#, false),
        (SourceKind::Standard, envelope, false),
        (SourceKind::Standard, r#"{"lead_id":"a"}"#, false),
    ] {
        let event = parse(source, body);
        assert_eq!(event.is_time_fixed, expected, "{source} {body}");
    }
}

#[test]
fn what_belongs_to_a_delivery_is_no_part_of_an_event() {
    let other_subscription = CLOSE.replacen("whsub_", "whsub_other", 1);
    let other_name = CLOSE.replacen("\"data\":{", "\"data\":{\"more\":1,", 1);
    for source in [SourceKind::Close, SourceKind::Generic] {
        let same = |other: &str| source.is_same_content(CLOSE.as_bytes(), other.as_bytes());
        assert!(same(CLOSE) && same(&other_subscription), "{source}");
        assert!(!same(&other_name) && !same("{}") && !same(""), "{source}");
    }
    let flat = |id: u8| format!(r#"{{"lead_id":"a","subscription_id":{id}}}"#).into_bytes();
    for source in [SourceKind::Generic, SourceKind::Standard] {
        assert!(source.is_same_content(&flat(1), &flat(1)));
        assert!(!source.is_same_content(&flat(1), &flat(2)), "{source}");
    }
}

fn config(kind: SourceKind) -> SourceConfig {
    kind.example(&kind.make_secret([1; 32])).unwrap()
}

/// The elements of a body, or why it has none.
fn split(kind: SourceKind, body: &str) -> String {
    let source = config(kind);
    let elements = match source.split(body.as_bytes()) {
        Ok(elements) => elements,
        Err(problem) => return problem.code().to_owned(),
    };
    let elements = elements.iter();
    let texts: Vec<_> = elements
        .map(|element| String::from_utf8_lossy(element))
        .collect();
    texts.join(" | ")
}

#[test]
fn an_array_of_standard_is_split_into_its_items_as_they_came() {
    for (body, expected) in [
        (r#"{"lead_id":"a"}"#, r#"{"lead_id":"a"}"#),
        (" [ {\"a\" : 1.0} ,\n2,[3]] ", "{\"a\" : 1.0} | 2 | [3]"),
        // What is wrong with an item is the item's own.
        (r#"[{"a":1,"a":2},"\ud800"]"#, r#"{"a":1,"a":2} | "\ud800""#),
        ("[]", "invalid_event"),
        ("[1", "invalid_json"),
        ("[1]x", "invalid_json"),
        ("[1 2]", "invalid_json"),
        ("", ""),
    ] {
        assert_eq!(split(SourceKind::Standard, body), expected, "{body}");
    }
    for source in [SourceKind::Generic, SourceKind::Close, SourceKind::Canary] {
        assert_eq!(split(source, "[1,2]"), "[1,2]", "{source}");
    }
}

#[test]
fn a_request_has_at_most_a_hundred_events() {
    let array = |count: usize| format!("[{}]", vec!["1"; count].join(","));
    let standard = config(SourceKind::Standard);
    let split = |count| standard.split(array(count).as_bytes()).map(|all| all.len());
    assert_eq!(split(1), Ok(1));
    assert_eq!(split(100), Ok(100));
    assert_eq!(split(101), Err(Problem::TooManyEvents));
    let deep = format!("[{}]", "[".repeat(500) + &"]".repeat(500));
    let elements = standard.split(deep.as_bytes()).unwrap();
    assert_eq!(read(SourceKind::Standard, &elements[0]), "too_deep");
}

#[test]
fn the_envelope_of_standard_webhooks_is_opened() {
    let body = r#"{"type":"lead.created","timestamp":"2022-11-03T20:26:10.344522Z","data":{"lead_id":7,"display_name":"Alice"}}"#;
    check(
        SourceKind::Standard,
        body,
        "7 - 2022-11-03T20:26:10.344522Z",
    );
    let fields = verbatim(&parse(SourceKind::Standard, body).fields);
    assert!(fields.keys().eq(["display_name", "lead_id"]));
    check_each(
        SourceKind::Standard,
        r#"
        {"type":"lead.created","data":{"lead_id":"a"}} => a - -
        {"type":"lead.created","lead_id":"a","data":{"x":1}} => a - -
        {"type":"vip","lead_id":"a"} => a - -
        {"type":"lead.deleted","timestamp":7,"data":null} => ignored lead.deleted
        {"type":"ping"} => ignored ping
        {"type":"lead.created"} => invalid_event
        {"type":"lead.created","data":[]} => invalid_event
        {"type":"lead.created","data":{}} => invalid_lead_id
        {"type":"lead.created","data":{"lead_id":"a","_leadwire":0}} => reserved_field
        {"type":"lead.created","timestamp":1764399598,"data":{"lead_id":"a"}} => a - -
        "#,
    );
}

#[test]
fn a_stored_body_is_known_by_its_shape() {
    let deleted = r#"{"event":{"object_type":"lead","action":"deleted","data":null}}"#;
    let flat = r#"{"lead_id":"a","event":{"object_type":"lead","action":"created"}}"#;
    for (body, expected) in [
        (CLOSE, Ok((SourceKind::Close, "lead_1Test"))),
        (
            r#"{"type":"x.y","data":{"lead_id":"a"}}"#,
            Ok((SourceKind::Standard, "a")),
        ),
        (flat, Ok((SourceKind::Generic, "a"))),
        ("{}", Err(Problem::InvalidLeadId)),
        (deleted, Err(Problem::InvalidEvent)),
    ] {
        let read = SourceKind::parse_unlabelled(body.as_bytes());
        let read = read.map(|(source, event)| (source, event.lead_id.to_string()));
        assert_eq!(read, expected.map(|(source, id)| (source, id.to_owned())));
    }
    for (body, expected) in [(CLOSE, true), ("{}", false), ("", false)] {
        assert_eq!(
            SourceKind::Generic.is_misdirected(body.as_bytes()),
            expected
        );
    }
}

#[test]
fn hostile_values_are_fields_like_any_other_and_hostile_ids_are_refused() {
    for value in hostile::TEXTS {
        let value_json = quoted(value);
        let body = format!(r#"{{"lead_id":"a","display_name":{value_json}}}"#);
        check(SourceKind::Generic, &body, "a - -");
        let expected = match LeadId::from_text(value) {
            Ok(id) => format!("{id} - -"),
            Err(_) => "invalid_lead_id".to_owned(),
        };
        let body = format!(r#"{{"lead_id":{value_json}}}"#);
        check(SourceKind::Generic, &body, &expected);
    }
}

proptest! {
    #![proptest_config(cases())]

    #[test]
    fn any_lead_id_comes_back_from_every_form(id in lead_id(), fields in members()) {
        let mut fields = fields;
        fields.insert("lead_id".into(), quoted(id.as_str()));
        fields.remove("id");
        fields.remove("event");
        fields.remove("data");
        let flat = document(fields.iter());
        let envelope = format!(r#"{{"type":"lead.created","data":{flat}}}"#);
        let close = format!(r#"{{"event":{{"object_type":"lead","action":"created","lead_id":"{id}","data":{flat}}}}}"#);
        for (source, body) in [(SourceKind::Generic, flat), (SourceKind::Standard, envelope), (SourceKind::Close, close)] {
            let Ok(Extracted::Event(event)) = source.parse(body.as_bytes(), EventFilter::All) else { panic!("{body}") };
            prop_assert_eq!(&event.lead_id, &id);
            prop_assert_eq!(verbatim(&event.fields), fields.clone());
        }
    }

    #[test]
    fn any_text_as_lead_id_is_taken_exactly_when_it_is_one(text in text()) {
        let body = format!(r#"{{"lead_id":{}}}"#, quoted(&text));
        match SourceKind::Generic.parse(body.as_bytes(), EventFilter::All) {
            Ok(Extracted::Event(event)) => prop_assert_eq!(Ok(event.lead_id), LeadId::from_text(&text)),
            Ok(Extracted::Ignored(_)) => prop_assert!(false, "the flat form is always taken"),
            Err(problem) => {
                prop_assert_eq!(problem, Problem::InvalidLeadId);
                prop_assert!(LeadId::from_text(&text).is_err());
            }
        }
    }

    #[test]
    fn any_bytes_are_answered_without_a_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        for source in SourceKind::ALL {
            let _answer = source.parse(&bytes, EventFilter::All);
        }
        let _answers = (SourceKind::parse_unlabelled(&bytes), SourceKind::Generic.is_misdirected(&bytes));
    }
}

#[test]
fn every_form_names_the_lead_as_the_crm_writes_it() {
    let id = LeadId::from_text("urn:li:1").unwrap();
    let close =
        r#"{"event":{"object_type":"lead","action":"created","lead_id":"urn:li:1","data":{}}}"#;
    for (source, body) in [
        (SourceKind::Generic, r#"{"lead_id":"urn:li:1"}"#.to_owned()),
        (
            SourceKind::Standard,
            r#"{"type":"x","lead_id":"urn:li:1","data":{}}"#.to_owned(),
        ),
        (
            SourceKind::Standard,
            format!(r#"{{"type":"x","lead_id":"{id}","data":{{"lead_id":"urn:li:1"}}}}"#),
        ),
        (SourceKind::Close, close.to_owned()),
    ] {
        let event = parse(source, &body);
        assert_eq!(event.lead_id, id, "{body}");
        let named = event.fields.text("lead_id");
        assert_eq!(named.as_deref(), Some("urn:li:1"), "{body}");
    }
}

#[test]
fn a_byte_order_mark_before_the_body_changes_nothing_of_its_event() {
    for source in SourceKind::ALL {
        for body in [r#"{"lead_id":"a","display_name":"Alice"}"#, CLOSE] {
            let marked = format!("\u{feff}{body}");
            let (plain, marked) = (
                read(source, body.as_bytes()),
                read(source, marked.as_bytes()),
            );
            assert_eq!(plain, marked, "{source}");
        }
    }
}

#[test]
fn a_byte_order_mark_before_an_array_belongs_to_none_of_its_elements() {
    let body = "\u{feff}[{\"lead_id\":\"a\"}, {\"lead_id\":\"b\"}]";
    let standard = config(SourceKind::Standard);
    let elements = standard.split(body.as_bytes()).unwrap();
    assert_eq!(
        elements,
        [r#"{"lead_id":"a"}"#.as_bytes(), br#"{"lead_id":"b"}"#]
    );
}
