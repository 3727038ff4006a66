//! What a declaration does, case by case. What holds for every kind is in `source/tests/registry.rs`.

mod each;
mod verify;

use super::{Request, delivery};
use crate::json::Object;
use crate::lead::id::EventId;
use crate::sample::cases;
use crate::source::{
    Delivery, Event, EventFilter, Extracted, Sample, SourceConfig, SourceKind, SourceName, Sources,
    Unverified, Verified,
};
use hmac::{Hmac, KeyInit as _, Mac as _};
use jiff::Timestamp;
use proptest::prelude::*;
use serde_json::{Value, json};
use sha2::Sha256;

const NOW: i64 = 1_800_000_000;

fn now() -> Timestamp {
    Timestamp::from_second(NOW).unwrap()
}

fn config(declaration: &Value) -> SourceConfig {
    let document = json!({ "webform": declaration }).to_string();
    let sources = Sources::parse(&document).unwrap_or_else(|wrong| panic!("{wrong}"));
    let name = SourceName::parse("webform").unwrap();
    sources.get(name).unwrap().clone()
}

#[track_caller]
fn check_mistakes(declaration: &Value, expected: &[&str]) {
    let document = json!({ "webform": declaration }).to_string();
    let wrong = Sources::parse(&document).unwrap_err().to_string();
    let wrong: Vec<_> = wrong.split("; webform: ").collect();
    let first = format!("webform: {}", expected.first().unwrap());
    let others = expected.iter().skip(1).copied();
    let expected: Vec<_> = [&*first].into_iter().chain(others).collect();
    assert_eq!(wrong, expected);
}

fn owned(headers: Vec<(&str, String)>) -> Request {
    Request(
        headers
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value))
            .collect(),
    )
}

fn hmac_sha256(key: &str, parts: &[&[u8]]) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(key.as_bytes()).unwrap();
    for part in parts {
        mac.update(part);
    }
    hex::encode(mac.finalize().into_bytes())
}

fn verify<'a>(
    config: &SourceConfig,
    headers: &'a Request,
    query: &'a str,
    body: &'a [u8],
) -> Result<Verified<'a>, Unverified> {
    let delivery = Delivery {
        query,
        path: "/Prod/ingest/webform",
        ..delivery(headers, body, now())
    };
    config.verify(&delivery)
}

fn read(config: &SourceConfig, element: &[u8]) -> Result<Extracted, crate::problem::Problem> {
    SourceKind::Custom.parse_mapped(element, config.mapping(), config.filter())
}

#[track_caller]
fn event(config: &SourceConfig, element: &[u8]) -> Event {
    match read(config, element) {
        Ok(Extracted::Event(event)) => *event,
        other => panic!("{other:?}"),
    }
}

fn shown(event: &Event) -> String {
    let members = event.fields.iter();
    let members: Vec<_> = members
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    members.join(" ")
}

/// The declaration of the contract.
fn contract() -> Value {
    json!({"kind": "custom",
        "verify": {"scheme": "hmac-sha256", "header": "X-Signature", "prefix": "sha256=", "encoding": "hex",
            "signed": "{timestamp}.{body}", "timestamp": "X-Timestamp", "secrets": ["old", "secret"]},
        "format": "json", "each": "/entries", "type": "/event",
        "fields": {"lead_id": "/data/id", "event_id": "/id", "time": "/created_at",
            "display_name": ["/data/first_name", "/data/last_name"], "lead_email": "/data/email", "phone": "/data/phone"},
        "challenge": {"query": "hub.challenge", "token_query": "hub.verify_token", "tokens": ["a token"]}})
}

const BODY: &str = r#"{"entries": [{"event":"made","id":"e 1","created_at":"2026-11-23T06:50:00Z",
    "data":{"id":17,"first_name":"Zoe","last_name":"Example","email":"zoe@example.com","phone":null},"n":1.50},{"event":"made"}]}"#;

fn signed(timestamp: &str, body: &str) -> Request {
    let signature = hmac_sha256("secret", &[timestamp.as_bytes(), b".", body.as_bytes()]);
    owned(vec![
        ("x-signature", format!("sha256={signature}")),
        ("x-timestamp", timestamp.to_owned()),
    ])
}

#[test]
fn the_contracts_declaration_takes_what_it_declares() {
    let config = config(&contract());
    let headers = signed(&NOW.to_string(), BODY);
    let verified = verify(&config, &headers, "", BODY.as_bytes()).unwrap();
    let elements = config.split(&verified.body).unwrap();
    assert_eq!(elements.len(), 2);
    assert!(
        BODY.contains(std::str::from_utf8(&elements[0]).unwrap()),
        "as it came"
    );
    let event = event(&config, &elements[0]);
    assert_eq!(event.lead_id.as_str(), "17");
    // A space is in no event's id: it is known by its digest.
    let digest = "46ef0f0cc4b0b0a1e0b4b2a5e9f4b6b7";
    assert_eq!(
        event.event_id.as_ref().unwrap().as_str().len(),
        digest.len() * 2
    );
    assert_eq!(event.time, Some("2026-11-23T06:50:00Z".parse().unwrap()));
    assert_eq!(
        shown(&event),
        r#"created_at="2026-11-23T06:50:00Z" data={"id":17,"first_name":"Zoe","last_name":"Example","email":"zoe@example.com","phone":null} display_name="Zoe Example" event="made" id="e 1" lead_email="zoe@example.com" lead_id="17" n=1.50 phone=null"#
    );
    // The second one has no id, and hides nothing.
    assert!(read(&config, &elements[1]).is_err());
}

#[test]
fn every_mistake_of_a_declaration_is_told_at_once_and_where_it_is() {
    check_mistakes(
        &json!({"kind": "custom", "feilds": {}, "verify": {"scheme": "hmac-sha256", "secrets": [""], "signed": "{bdy}", "header": "a b", "urll": 1},
            "format": "xml", "each": "entries", "type": 7, "fields": {"lead_email": "email", "_leadwire": "/x", "phone": []},
            "challenge": {"query": "c", "tokens": []}, "events": ["a"]}),
        &[
            r#""feilds" is no member of it; did you mean "fields"?"#,
            "format is not json or form",
            "type is not a JSON Pointer",
            r#"/fields: "_leadwire" is no name for a field"#,
            r#"/fields: "lead_email" is not a JSON Pointer (RFC 6901) that begins with /, nor a list of them"#,
            r#"/fields: "phone" is not a JSON Pointer (RFC 6901) that begins with /, nor a list of them"#,
            "/fields has no lead_id, so every event would be refused",
            "each is not a JSON Pointer (RFC 6901), which begins with /, nor a list of one to four",
            r#""urll" is no member of /verify; did you mean "url"?"#,
            "/verify/header is not the name of a header",
            "/verify/signed has a part that is none of {body}, {timestamp}, {method}, {url} and {header:<name>}",
            "/verify/secret 1 has not the form of this source (a text)",
            "has no /challenge/token_query, so every request would be refused",
            "has no /challenge/tokens, so every request would be refused",
            "has events and no type, so that no event would be taken",
        ],
    );
}

#[test]
fn every_mistake_of_a_verification_is_told_where_it_is() {
    let fields = json!({"lead_id": "/id"});
    let verify = |verify: Value| json!({"kind": "custom", "fields": fields, "verify": verify});
    check_mistakes(
        &json!({"kind": "custom"}),
        &[
            "has no fields, which say where the lead's id stands",
            "has no verify, so every request would be refused",
        ],
    );
    for scheme in ["none", "NONE", ""] {
        let wrong = if scheme.is_empty() {
            "/verify/scheme is empty"
        } else {
            "/verify/scheme is none of hmac-sha256, hmac-sha1, hmac-sha512, bearer, basic or token"
        };
        check_mistakes(&verify(json!({"scheme": scheme})), &[wrong]);
    }
    check_mistakes(
        &verify(json!({"scheme": "bearer"})),
        &["has no /verify/tokens, so every request would be refused"],
    );
    check_mistakes(
        &verify(json!({"scheme": "token", "header": "X-Key", "query": "key", "tokens": ["t"]})),
        &["/verify has not exactly one of header, query and field"],
    );
    check_mistakes(
        &verify(json!({"scheme": "token", "field": "", "tokens": ["t"]})),
        &["/verify/field does not point to a member of the body"],
    );
}

#[test]
fn what_is_not_signed_is_told() {
    let fields = json!({"lead_id": "/id"});
    let hmac = |more: Value| {
        let mut all = json!({"scheme": "hmac-sha256", "header": "X-S", "secrets": ["s"]});
        let more = more.as_object().unwrap().clone();
        all.as_object_mut().unwrap().extend(more);
        json!({"kind": "custom", "fields": fields, "verify": all})
    };
    check_mistakes(
        &hmac(json!({"signed": "{timestamp}", "timestamp": "X-T"})),
        &["/verify/signed has no {body}, so that anybody could change it"],
    );
    check_mistakes(
        &hmac(json!({"timestamp": "X-T"})),
        &["/verify/signed has no {timestamp}, so that anybody could change that"],
    );
    check_mistakes(
        &hmac(json!({"signed": "{timestamp}{body}"})),
        &["/verify/signed has a {timestamp}, and no timestamp says in which header it stands"],
    );
    check_mistakes(
        &hmac(json!({"secret_encoding": "hex", "url": "hooks.example.com"})),
        &[
            "/verify/url is not the address that the sender calls, https://…",
            "/verify/secret 1 has not the form of this source (hexadecimal digits)",
        ],
    );
}

#[test]
fn a_mapping_that_no_label_has_room_for_is_told() {
    let long: serde_json::Map<_, _> = (0..40)
        .map(|n| (format!("field_{n:02}"), json!(format!("/some/place/{n}"))))
        .chain([("lead_id".to_owned(), json!("/id"))])
        .collect();
    check_mistakes(
        &json!({"kind": "custom", "fields": long, "verify": {"scheme": "bearer", "tokens": ["t"]}}),
        &[
            "fields and type are 1138 bytes as they are stored beside every event, and at most 1024 are kept",
        ],
    );
}

#[test]
fn a_type_is_taken_as_events_says_and_all_are_where_it_says_nothing() {
    let mut declaration = contract();
    declaration["events"] = json!(["made"]);
    let some = config(&declaration);
    let element = |event: &str| format!(r#"{{"event":{event},"data":{{"id":1}}}}"#);
    assert!(matches!(
        read(&some, element(r#""made""#).as_bytes()),
        Ok(Extracted::Event(_))
    ));
    for other in [r#""gone""#, "null", "{}", r#""""#] {
        let read = read(&some, element(other).as_bytes());
        assert!(matches!(read, Ok(Extracted::Ignored(_))), "{other}");
    }
    let untyped = read(&some, br#"{"data":{"id":1}}"#);
    assert!(matches!(untyped, Ok(Extracted::Ignored(_))));
    assert!(matches!(
        read(&config(&contract()), br#"{"data":{"id":1}}"#),
        Ok(Extracted::Event(_))
    ));
}

#[test]
fn a_form_is_read_by_its_names_and_a_member_that_is_mapped_whole_is_renamed() {
    let config = config(&json!({"kind": "custom", "format": "form",
        "verify": {"scheme": "bearer", "tokens": ["t"]},
        "fields": {"lead_id": "/e-mail", "lead_email": "/e-mail", "display_name": ["/first", "/last"], "time": "/at", "message": "/fields[msg]"}}));
    let body = b"e-mail=Zoe%40example.com&first=Zoe&last=&at=1795416600&fields%5Bmsg%5D=Hi&choice=a&choice=b";
    let event = event(&config, body);
    // An address is no lead id by itself.
    assert!(event.lead_id.as_str().starts_with("x-"));
    assert_eq!(
        event.time,
        Some(Timestamp::from_second(1_795_416_600).unwrap())
    );
    assert_eq!(
        shown(&event),
        r#"at="1795416600" choice=["a","b"] display_name="Zoe" first="Zoe" last="" lead_email="Zoe@example.com" lead_id="Zoe@example.com" message="Hi""#
    );
    assert!(
        event.event_id.is_none(),
        "every delivery is an event of its own"
    );
}

#[test]
fn a_challenge_is_answered_to_who_knows_the_token() {
    let config = config(&contract());
    let none = Request::default();
    let ask = |query: &str| {
        let delivery = Delivery {
            method: "GET",
            query,
            ..delivery(&none, b"", now())
        };
        config.challenge(&delivery).unwrap()
    };
    let good = "hub.mode=subscribe&hub.verify_token=a%20token&hub.challenge=1158%3C201444";
    assert_eq!(ask(good), Ok("1158<201444".to_owned()));
    assert_eq!(
        ask("hub.verify_token=a&hub.challenge=1"),
        Err(Unverified::Mismatch)
    );
    assert_eq!(
        ask("hub.challenge=1"),
        Err(Unverified::MemberMissing("hub.verify_token"))
    );
    assert_eq!(
        ask("hub.verify_token=a%20token"),
        Err(Unverified::MemberMissing("hub.challenge"))
    );
    let close = SourceKind::Close
        .example(&SourceKind::Close.make_secret([7; 32]))
        .unwrap();
    assert!(close.challenge(&delivery(&none, b"", now())).is_none());
}

#[test]
fn what_is_stored_beside_an_event_reads_it_again() {
    let config = config(
        &json!({"kind": "custom", "verify": {"scheme": "bearer", "tokens": ["a secret"]}, "type": "/ü\"\\ x",
        "fields": {"lead_id": "/a~1b/0", "näme": ["/\u{1f600}", "/b"]}}),
    );
    let label = config.mapping().unwrap();
    assert_eq!(
        label,
        r#"{"fields":{"lead_id":"/a~1b/0","n\u00e4me":["/\ud83d\ude00","/b"]},"type":"/\u00fc\"\\\u0020x"}"#
    );
    assert!(label.bytes().all(|byte| byte.is_ascii_graphic()));
    assert!(!label.contains("secret"));
    // Without it, or with another's, an element is read as the flat form.
    for (body, lead) in [
        (r#"{"lead_id":"a"}"#, "a"),
        (r#"{"lead_id":7,"a/b":["x"]}"#, "7"),
    ] {
        for label in [None, Some("{}"), Some("x")] {
            let read = SourceKind::Custom.parse_mapped(body.as_bytes(), label, EventFilter::All);
            let Ok(Extracted::Event(event)) = read else {
                panic!("{body}")
            };
            assert_eq!(event.lead_id.as_str(), lead);
        }
    }
}

/// A declaration of every way to verify, whose sample can be sent.
fn declarations() -> Vec<Value> {
    let fields =
        json!({"lead_id": "/lead/id", "event_id": "/events/0/id", "display_name": "/lead/name"});
    let schemes = [
        json!({"scheme": "hmac-sha256", "header": "X-S", "secrets": ["secret"]}),
        json!({"scheme": "hmac-sha1", "header": "X-S", "encoding": "base64", "secret_encoding": "base64", "secrets": ["c2VjcmV0"]}),
        json!({"scheme": "hmac-sha512", "header": "X-S", "prefix": "v1=", "secret_encoding": "hex", "secrets": ["00ff"],
            "signed": "{method}{header:X-T}{url}{body}", "timestamp": "X-T", "url": "https://hooks.example.com/ingest/webform?a=b"}),
        json!({"scheme": "hmac-sha256", "header": "X-S", "prefix": "v1=", "signed": "{timestamp}:{body}", "timestamp": {"header": "X-S", "prefix": "t="}, "secrets": ["secret"]}),
        json!({"scheme": "bearer", "tokens": ["secret"]}),
        json!({"scheme": "basic", "user": "leadwire", "passwords": ["secret"]}),
        json!({"scheme": "token", "header": "X-Key", "tokens": ["secret"]}),
        json!({"scheme": "token", "query": "the key", "tokens": ["secret &"]}),
        json!({"scheme": "token", "field": "/the/key", "tokens": ["secret"]}),
    ];
    let mut all: Vec<Value> = schemes
        .into_iter()
        .flat_map(|verify| {
            let one = json!({"kind": "custom", "verify": verify, "fields": fields, "type": "/type", "events": ["made"]});
            let mut several = one.clone();
            several["each"] = "/all/these".into();
            let mut nested = one.clone();
            nested["each"] = json!(["/all/these", "/inner", ""]);
            [one, several, nested]
        })
        .collect();
    all.push(json!({"kind": "custom", "format": "form", "verify": {"scheme": "token", "field": "/key", "tokens": ["secret"]},
        "fields": {"lead_id": "/id", "event_id": "/event", "display_name": "/näme"}}));
    all
}

fn sample(name: &str) -> Sample {
    Sample {
        lead_id: crate::lead::id::LeadId::parse("test-1").unwrap(),
        name: name.to_owned(),
        email: "zoe@example.com".to_owned(),
        event_id: EventId::parse("ev_1").unwrap(),
        made_at: Some(now()),
    }
}

#[test]
fn a_sample_of_every_declaration_is_verified_and_read() {
    for declaration in declarations() {
        let config = config(&declaration);
        let request = config.sample(&sample("Zöe"), now()).unwrap();
        let headers = Request::signed(&request);
        let verified = verify(&config, &headers, &request.query, &request.body);
        let verified = verified.unwrap_or_else(|why| panic!("{declaration}: {why}"));
        assert!(
            !String::from_utf8_lossy(&verified.body).contains("secret"),
            "{declaration}"
        );
        let elements = config.split(&verified.body).unwrap();
        assert_eq!(elements.len(), 1, "{declaration}");
        let event = event(&config, &elements[0]);
        assert_eq!(
            (event.lead_id.as_str(), event.event_id.unwrap().as_str()),
            ("test-1", "ev_1")
        );
        assert_eq!(
            event.fields.text("display_name").unwrap(),
            "Zöe",
            "{declaration}"
        );
    }
}

proptest! {
    #![proptest_config(cases())]

    /// The law of the issue: any flipped bit of what is signed fails; and whoever has no secret has no effect, whatever is sent.
    #[test]
    fn no_flipped_bit_is_verified(which in any::<prop::sample::Index>(), bit in any::<prop::sample::Index>(), at_headers: bool) {
        let declarations = declarations();
        let config = config(which.get(&declarations));
        let mut request = config.sample(&sample("Zöe"), now()).unwrap();
        let signs_body = which.get(&declarations)["verify"]["scheme"].as_str().unwrap().starts_with("hmac");
        let bytes: &mut Vec<u8> = &mut request.body;
        if at_headers {
            prop_assume!(!request.headers.is_empty());
            let value = &mut request.headers.last_mut().unwrap().1;
            // The scheme of a bearer has no case.
            let from = value.find(' ').map_or(0, |blank| blank + 1);
            let mut bytes = value.clone().into_bytes();
            let place = from + bit.index(bytes.len() - from);
            bytes[place] ^= 1;
            let Ok(text) = String::from_utf8(bytes) else { return Ok(()) };
            *value = text;
        } else {
            prop_assume!(signs_body);
            let place = bit.index(bytes.len() * 8);
            bytes[place / 8] ^= 1 << (place % 8);
        }
        let headers = Request::signed(&request);
        prop_assert!(verify(&config, &headers, &request.query, &request.body).is_err());
    }

    #[test]
    fn whatever_is_declared_is_read_or_told_and_nothing_verifies_without_its_secret(scheme in "[a-z0-9-]{0,12}|hmac-sha256|bearer|basic|token", secret in ".{0,3}", signed in ".{0,12}|[{}a-z]{0,12}", header in ".{0,6}", body in ".{0,20}") {
        let verify = json!({"scheme": scheme, "header": header, "signed": signed, "secrets": [secret], "tokens": [secret], "user": header, "passwords": [secret]});
        let document = json!({"webform": {"kind": "custom", "verify": verify, "fields": {"lead_id": "/id"}}}).to_string();
        if let Ok(sources) = Sources::parse(&document) {
            prop_assert!(!secret.is_empty());
            let config = sources.iter().next().unwrap().clone();
            let empty = owned(vec![("authorization", "Bearer ".to_owned()), ("authorization", "Basic ".to_owned())]);
            prop_assert!(self::verify(&config, &empty, "", body.as_bytes()).is_err());
        }
    }

    #[test]
    fn any_bytes_are_an_event_or_a_problem(bytes in prop::collection::vec(any::<u8>(), 0..60), form: bool) {
        let format = if form { "form" } else { "json" };
        let config = config(&json!({"kind": "custom", "format": format, "verify": {"scheme": "bearer", "tokens": ["t"]}, "fields": {"lead_id": "/a"}}));
        let label = config.mapping();
        let first = SourceKind::Custom.parse_mapped(&bytes, label, EventFilter::All);
        if let Ok(Extracted::Event(event)) = first {
            let again = SourceKind::Custom.parse_mapped(&bytes, label, EventFilter::All);
            let Ok(Extracted::Event(again)) = again else { panic!("read once") };
            prop_assert_eq!(event.lead_id, again.lead_id);
        }
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let _readable = (Object::parse(&bytes), SourceKind::Custom.parse_mapped(&bytes, Some(&text), EventFilter::All));
    }
}
