use super::{Request, delivery};
use crate::source::{Source, SourceConfig, SourceKind, SourceName, Sources, Unverified};
use jiff::{SignedDuration, Timestamp};

const CLOSE_SECRET: &str = "abababababababababababababababababababababababababababababababab";

#[track_caller]
fn check_mistakes(document: &str, expected: &str) {
    let error = Sources::parse(document).expect_err(document);
    assert_eq!(error.to_string(), expected, "{document}");
}

fn get<'a>(sources: &'a Sources, name: &str) -> Option<&'a SourceConfig> {
    sources.get(SourceName::parse(name).unwrap())
}

#[test]
fn a_document_configures_the_sources_that_it_names() {
    let document = format!(
        r#"{{"close":{{"secrets":["{CLOSE_SECRET}"],"events":["lead.updated"],"tolerance_seconds":60}}}}"#
    );
    let sources = Sources::parse(&document).unwrap();
    let close = get(&sources, "close").unwrap();
    assert_eq!(close.secrets(), 1);
    assert_eq!(close.tolerance(), SignedDuration::from_secs(60));
    assert_eq!(close.events().unwrap(), ["lead.updated"]);
    assert_eq!(sources.iter().count(), 1);
    assert!(!sources.is_open());
    assert_eq!(Sources::parse("{}").unwrap().iter().count(), 0);
}

#[test]
fn what_a_source_does_not_say_is_its_kinds_default() {
    for kind in SourceKind::configurable() {
        let members = kind.example_members(&kind.make_secret([1; 32]));
        let sources = Sources::parse(&format!(r#"{{"{kind}":{members}}}"#)).unwrap();
        let config = get(&sources, kind.name()).unwrap();
        assert_eq!(config.source(), Source::from(kind));
        assert_eq!(config.events(), kind.default_events().as_deref());
        assert_eq!(config.tolerance(), SignedDuration::from_secs(300));
        assert_eq!(config.status(), 202);
        assert!(config.secrets() > 0);
    }
    let open = Sources::open_dev();
    let open = get(&open, "generic").unwrap();
    assert!(open.is_open());
    assert_eq!(open.events().unwrap(), ["lead.created"]);
}

#[test]
fn several_sources_may_be_of_one_kind_each_with_a_name_and_secrets_of_its_own() {
    let other = "cd".repeat(32);
    let document = format!(
        r#"{{"close-eu":{{"kind":"close","secrets":["{CLOSE_SECRET}"]}},"close-us":{{"kind":"close","secrets":["{other}","{CLOSE_SECRET}"],"status":200}}}}"#
    );
    let sources = Sources::parse(&document).unwrap();
    let (eu, us) = (
        get(&sources, "close-eu").unwrap(),
        get(&sources, "close-us").unwrap(),
    );
    assert_eq!(
        (eu.kind(), us.kind()),
        (SourceKind::Close, SourceKind::Close)
    );
    assert_eq!((eu.secrets(), us.secrets()), (1, 2));
    assert_eq!((eu.status(), us.status()), (202, 200));
    assert_eq!(eu.source().to_string(), "close-eu");
    assert!(get(&sources, "close").is_none());
}

#[test]
fn two_documents_are_the_same_when_their_text_is() {
    let document = |secret: &str| {
        Sources::parse(&format!(r#"{{"close":{{"secrets":["{secret}"]}}}}"#)).unwrap()
    };
    assert!(document(CLOSE_SECRET) == document(CLOSE_SECRET));
    assert!(document(CLOSE_SECRET) != document(&"cd".repeat(32)));
    assert!(document(CLOSE_SECRET) != Sources::open_dev());
    assert!(Sources::open_dev() != Sources::default());
}

#[test]
fn a_document_that_is_none_says_what_it_should_be() {
    let form =
        r#"the sources document is not a JSON object of the form {"close":{"secrets":["…"]}}"#;
    let twice = r#"{"close":{},"close":{}}"#;
    for bad in ["", "[]", "null", "\"x\"", "{", twice, "\u{feff}[]"] {
        check_mistakes(bad, form);
    }
}

#[test]
fn a_source_is_an_object_and_nothing_else_is_read_as_one() {
    let of = r#"close: is not an object of the form {"secrets":["…"]}"#;
    let positional = format!(r#"[["{CLOSE_SECRET}"]]"#);
    let whole = r#"[["x"],["lead.created"],300]"#;
    for bad in ["1", "null", "\"x\"", "[]", r#"[["x"]]"#, whole, &positional] {
        check_mistakes(&format!(r#"{{"close":{bad}}}"#), of);
    }
}

#[test]
fn unknown_kinds_and_members_are_named_with_the_nearest_known_one() {
    let all = SourceKind::configurable().map(SourceKind::name);
    let all = all.collect::<Vec<_>>().join(", ");
    check_mistakes(
        r#"{"closed":{"secrets":[]}}"#,
        r#""closed" is no kind of source; did you mean "close"?"#,
    );
    check_mistakes(
        r#"{"webform":1}"#,
        &format!(r#""webform" is no kind of source; there are {all}; or say its "kind""#),
    );
    check_mistakes(
        r#"{"web":{"kind":"standart","secrets":[]}}"#,
        r#"web: "standart" is no kind of source; did you mean "standard"?"#,
    );
    check_mistakes(
        r#"{"web":{"kind":"canary","secrets":[]}}"#,
        &format!(r#"web: "canary" is no kind of source; there are {all}"#),
    );
    check_mistakes(r#"{"web":{"kind":["close"]}}"#, "web: kind is not a text");
    check_mistakes(
        r#"{"canary":{"kind":"close","secrets":["x"]}}"#,
        r#""canary" is our own, and no name for a source"#,
    );
    let document =
        format!(r#"{{"close":{{"secrets":["{CLOSE_SECRET}"],"event":["lead.updated"],"x":1}}}}"#);
    check_mistakes(
        &document,
        r#"close: "event" is no member of it; did you mean "events"?; close: "x" is no member of it; there are kind, secrets, events, tolerance_seconds, status, silence_hours"#,
    );
}

#[test]
fn every_mistake_is_named_at_once() {
    check_mistakes(
        &format!(
            r#"{{"close":{{"secrets":["{CLOSE_SECRET}","zz",""],"events":"lead.created","tolerance_seconds":-1,"status":204,"silence_hours":0}},"generic":{{}},"standard":{{"secrets":[]}},"What":0}}"#
        ),
        "\"What\" is no name of a source: a name is 1 to 32 of a-z, 0-9 and -, and does not begin with -; \
         close: secret 2 has not the form of this source (64 hexadecimal digits); \
         close: secret 3 has not the form of this source (64 hexadecimal digits); \
         close: events is not a list of texts; \
         close: tolerance_seconds is not a whole number of seconds; \
         close: status is not 202 or 200; \
         close: silence_hours is not a whole number of hours, 1 to 8760; \
         generic: has no secrets, so every request would be refused; \
         standard: has no secrets, so every request would be refused",
    );
    for bad in [r#""x""#, "[1]", "{}", "null", r#"[["x"]]"#] {
        check_mistakes(
            &format!(r#"{{"close":{{"secrets":{bad}}}}}"#),
            "close: secrets is not a list of texts",
        );
    }
}

#[test]
fn mistakes_without_end_are_counted() {
    let mistakes = |count: usize| {
        let members = (0..count).map(|number| format!(r#""x{number}":0"#));
        let members = members.collect::<Vec<_>>().join(",");
        let error = Sources::parse(&format!("{{{members}}}")).unwrap_err();
        error.to_string()
    };
    assert!(!mistakes(20).contains("more"));
    assert!(mistakes(21).ends_with("; and 1 more"));
    let many = mistakes(1000);
    assert!(many.ends_with("and 980 more"), "{many}");
    assert!(many.len() < 3000, "{many}");
}

#[test]
fn a_name_that_could_be_a_secret_is_not_repeated() {
    let (short, long) = ("x".repeat(32), "x".repeat(33));
    for (name, is_shown) in [
        (short.as_str(), true),
        (&long, false),
        ("päss", false),
        ("a_b-c.d e", true),
    ] {
        for document in [
            format!(r#"{{"{name}":1}}"#),
            format!(r#"{{"close":{{"secrets":["{CLOSE_SECRET}"],"{name}":1}}}}"#),
        ] {
            let error = Sources::parse(&document).unwrap_err().to_string();
            assert_eq!(error.contains(name), is_shown, "{error}");
        }
    }
}

#[test]
fn a_secret_in_any_place_is_not_repeated() {
    for source in SourceKind::configurable() {
        let secret = source.make_secret([0xc7; 32]);
        for document in [
            format!(r#""{secret}""#),
            format!(r#"{{"{secret}":1}}"#),
            format!(r#"{{"{secret}":{{"secrets":["{secret}"]}}}}"#),
            format!(r#"{{"{source}":"{secret}"}}"#),
            format!(r#"{{"{source}":["{secret}"]}}"#),
            format!(r#"{{"{source}":{{"{secret}":1}}}}"#),
            format!(r#"{{"{source}":{{"secrets":"{secret}"}}}}"#),
            format!(r#"{{"{source}":{{"secrets":["{secret}!"]}}}}"#),
            format!(r#"{{"{source}":{{"secrets":["{secret}"],"events":"{secret}"}}}}"#),
            format!(r#"{{"{source}":{{"secrets":["{secret}"],"tolerance_seconds":"{secret}"}}}}"#),
        ] {
            let error = Sources::parse(&document).expect_err(&document);
            let shown = format!("{error} {error:?}");
            assert!(!shown.contains(secret.get(4..12).unwrap()), "{shown}");
        }
    }
}

#[test]
fn a_source_that_the_document_leaves_out_is_not_configured() {
    let sources = Sources::parse("{}").unwrap();
    let headers = Request::default();
    let delivery = delivery(&headers, b"", Timestamp::UNIX_EPOCH);
    let found = sources.verify(Source::from(SourceKind::Close).name(), &delivery);
    let found = found.map(|_verified| ());
    assert_eq!(found, Err(Unverified::NotConfigured));
}

#[test]
fn a_source_is_silent_when_more_than_its_hours_have_passed_and_what_is_not_recorded_yet() {
    let of = |members: &str| {
        let document = format!(r#"{{"close":{{"secrets":["{CLOSE_SECRET}"]{members}}}}}"#);
        Sources::parse(&document)
    };
    let sources = of(r#","silence_hours":1"#).unwrap();
    let close = get(&sources, "close").unwrap();
    let seen_at: Timestamp = "2026-11-23T06:50:00Z".parse().unwrap();
    let after = |minutes| seen_at + SignedDuration::from_mins(minutes);
    assert_eq!(close.silence(), Some(SignedDuration::from_hours(1)));
    assert!(!close.is_silent(seen_at, after(75)));
    assert!(close.is_silent(seen_at, after(76)));
    let without = of("").unwrap();
    let without = get(&without, "close").unwrap();
    assert!(!without.is_silent(seen_at, after(60 * 24 * 365)));
    for (hours, is_taken) in [
        ("8760", true),
        ("8761", false),
        ("1.5", false),
        ("\"1\"", false),
    ] {
        let read = of(&format!(r#","silence_hours":{hours}"#));
        assert_eq!(read.is_ok(), is_taken, "{hours}");
    }
}
