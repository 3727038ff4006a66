use super::Request;
use crate::source::{Delivery, EventFilter, Source, SourceConfig, Sources, Unverified};
use jiff::{SignedDuration, Timestamp};

const CLOSE_SECRET: &str = "abababababababababababababababababababababababababababababababab";

#[track_caller]
fn check_mistakes(document: &str, expected: &str) {
    let error = Sources::parse(document).expect_err(document);
    assert_eq!(error.to_string(), expected, "{document}");
}

fn types(sources: &Sources, source: Source) -> Vec<String> {
    match sources.filter(source) {
        EventFilter::Types(types) => types.to_vec(),
        EventFilter::All => panic!("a source takes what it is configured to take"),
    }
}

#[test]
fn a_document_configures_the_sources_that_it_names() {
    let document = format!(
        r#"{{"close":{{"secrets":["{CLOSE_SECRET}"],"events":["lead.updated"],"tolerance_seconds":60}}}}"#
    );
    let sources = Sources::parse(&document).unwrap();
    let close = sources.get(Source::Close).unwrap();
    assert_eq!(close.keys, [Source::Close.parse_key(CLOSE_SECRET).unwrap()]);
    assert_eq!(close.tolerance, SignedDuration::from_secs(60));
    assert_eq!(types(&sources, Source::Close), ["lead.updated"]);
    for source in Source::ALL {
        assert!(!sources.is_open(source));
        if source != Source::Close {
            assert_eq!(sources.get(source), None);
            assert!(types(&sources, source).is_empty());
        }
    }
    assert_eq!(Sources::parse("{}").unwrap(), Sources::default());
}

#[test]
fn what_a_source_does_not_say_is_the_default() {
    for source in Source::configurable() {
        let secret = source.make_secret([1; 32]);
        let document = format!(r#"{{"{source}":{{"secrets":["{secret}"]}}}}"#);
        let sources = Sources::parse(&document).unwrap();
        let expected = SourceConfig {
            keys: vec![source.parse_key(&secret).unwrap()],
            events: vec!["lead.created".to_owned()],
            tolerance: SignedDuration::from_secs(300),
        };
        assert_eq!(sources.get(source), Some(&expected));
    }
    assert_eq!(
        types(&Sources::open_dev(), Source::default()),
        ["lead.created"]
    );
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
fn unknown_sources_and_members_are_named_with_the_nearest_known_one() {
    check_mistakes(
        r#"{"closed":{"secrets":[]}}"#,
        r#""closed" is no source; did you mean "close"?"#,
    );
    check_mistakes(
        r#"{"hubspot":1}"#,
        r#""hubspot" is no source; there are generic, close, standard"#,
    );
    check_mistakes(
        r#"{"canary":{"secrets":["x"]}}"#,
        r#""canary" is no source; there are generic, close, standard"#,
    );
    let document =
        format!(r#"{{"close":{{"secrets":["{CLOSE_SECRET}"],"event":["lead.updated"],"x":1}}}}"#);
    check_mistakes(
        &document,
        r#"close: "event" is no member of a source; did you mean "events"?; close: "x" is no member of a source; there are secrets, events, tolerance_seconds"#,
    );
}

#[test]
fn every_mistake_is_named_at_once() {
    check_mistakes(
        &format!(
            r#"{{"close":{{"secrets":["{CLOSE_SECRET}","zz",""],"events":"lead.created","tolerance_seconds":-1}},"generic":{{}},"standard":{{"secrets":[]}},"what":0}}"#
        ),
        "close: secret 2 has not the form of this source (64 hexadecimal digits); \
         close: secret 3 has not the form of this source (64 hexadecimal digits); \
         close: events is not a list of texts; \
         close: tolerance_seconds is not a whole number of seconds; \
         generic: has no secrets, so every request would be refused; \
         standard: has no secrets, so every request would be refused; \
         \"what\" is no source; there are generic, close, standard",
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
    assert!(many.len() < 2000, "{many}");
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
    for source in Source::configurable() {
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
    let delivery = Delivery {
        headers: &Request::default(),
        body: b"",
        received_at: Timestamp::UNIX_EPOCH,
    };
    let found = sources.verify(Source::Close, &delivery);
    assert_eq!(found, Err(Unverified::NotConfigured));
}
