//! A webhook's body, as each source reads it.

use crate::identity::id_in;
use crate::input::quoted;
use crate::signature::secret;
use leadwire_domain::json::{JsonError, Object};
use leadwire_domain::limits::EVENTS_MAX;
use leadwire_domain::source::{Event, EventFilter, Extracted, SourceKind, canary};
use serde::de::IgnoredAny;
use std::collections::BTreeSet;

/// Whatever is accepted is strict JSON about one lead, and every source says the same of it.
pub fn webhook_body(data: &[u8]) {
    let strict = Object::parse(data);
    check_strict(data, strict.as_ref());
    let types = ["lead.created".to_owned()];
    for source in SourceKind::ALL {
        let all = source.parse(data, EventFilter::All);
        let taken = source.parse(data, EventFilter::Types(&types));
        match (&all, &taken) {
            (Ok(Extracted::Event(one)), Ok(Extracted::Event(other))) => {
                assert_eq!(one.lead_id, other.lead_id);
                assert_eq!(one.event_id, other.event_id);
                assert_eq!(one.time, other.time);
            }
            (Ok(Extracted::Ignored(_)), _) => panic_on("a type is left out where all are taken"),
            (_, Ok(Extracted::Ignored(_))) => assert!(strict.is_ok()),
            (Err(one), Err(other)) => assert_eq!(one, other),
            (Ok(_), Err(_)) | (Err(_), Ok(_)) => panic_on("the types that are taken decide more"),
        }
        match all {
            Ok(Extracted::Event(event)) => {
                let top = strict.as_ref().expect("what is no strict JSON is no event");
                check_event(source, &event);
                if OWN_FORMS.contains(&source) {
                    check_ids(source, &event, top);
                }
            }
            Ok(Extracted::Ignored(_)) => {}
            Err(problem) => assert_eq!(problem.status(), 400),
        }
    }
    check_stored(data);
    check_split(data, strict.is_ok());
}

/// Kinds whose elements are made: they have laws of their own.
const MADE: [SourceKind; 2] = [SourceKind::Salesforce, SourceKind::Zoho];
/// Kinds that take the forms of our own, in which a lead's id may stand in several places.
const OWN_FORMS: [SourceKind; 4] = [
    SourceKind::Generic,
    SourceKind::Close,
    SourceKind::Standard,
    SourceKind::Canary,
];

/// The elements of a request stand in it one after the other, as they came; an object is one element.
fn check_split(data: &[u8], is_object: bool) {
    for source in SourceKind::ALL
        .into_iter()
        .filter(|kind| !MADE.contains(kind))
    {
        let config = source.example(&secret(source)).expect("a good example");
        let elements = match config.split(data) {
            Ok(elements) => elements,
            Err(problem) => {
                assert!(!is_object && [400, 413].contains(&problem.status()));
                continue;
            }
        };
        assert!(elements.len() <= EVENTS_MAX);
        assert!(!is_object || elements == [data]);
        let mut rest = data;
        for element in elements.iter().filter(|element| !element.is_empty()) {
            let mut places = rest.windows(element.len());
            let place = places.position(|window| *window == **element);
            let end = place.expect("an element is a part of its request") + element.len();
            rest = rest.get(end..).unwrap_or_default();
        }
    }
}

#[expect(clippy::panic, reason = "a law that does not hold panics")]
fn panic_on(breach: &str) {
    panic!("{breach}");
}

/// `serde_json` is the second opinion; where it is laxer, the rules that we add are checked by themselves.
fn check_strict(data: &[u8], strict: Result<&Object, &JsonError>) {
    let data = data.strip_prefix("\u{feff}".as_bytes()).unwrap_or(data);
    let lax = serde_json::from_slice::<IgnoredAny>(data);
    let Ok(object) = strict else {
        return;
    };
    assert!(lax.is_ok());
    let text = std::str::from_utf8(data).expect("strict JSON is UTF-8");
    assert!(deepest(text) <= 64);
    let mut members = Vec::new();
    for (name, value) in object.iter() {
        assert!(text.contains(value.get()), "{name} is not kept as it came");
        members.push(format!("{}:{}", quoted(name), value.get()));
    }
    let written = format!("{{{}}}", members.join(","));
    let again = Object::parse(written.as_bytes()).expect("what was read can be written");
    assert_eq!(names(&again), names(object));
    if let Some(first) = members.first() {
        let twice = format!("{{{first},{}}}", members.join(","));
        let refused = Object::parse(twice.as_bytes()).err();
        assert_eq!(refused, Some(JsonError::DuplicateKey));
    }
}

pub(crate) fn names(object: &Object) -> BTreeSet<String> {
    object.iter().map(|(name, _)| name.to_owned()).collect()
}

/// How deep a text nests, strings passed over.
fn deepest(text: &str) -> usize {
    let (mut depth, mut deepest) = (0_usize, 0);
    let (mut in_string, mut is_escaped) = (false, false);
    for byte in text.bytes() {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' => is_escaped = in_string,
            b'"' => in_string = !in_string,
            b'{' | b'[' if !in_string => depth += 1,
            b'}' | b']' if !in_string => depth = depth.saturating_sub(1),
            _ => {}
        }
        deepest = deepest.max(depth);
    }
    deepest
}

fn check_event(source: SourceKind, event: &Event) {
    let id = event.lead_id.as_str();
    let is_canary = id == canary::LEAD_ID;
    assert_eq!(is_canary, source == SourceKind::Canary);
    let own = event
        .fields
        .get("lead_id")
        .expect("the fields name the lead");
    assert_eq!(id_in(own.get()).as_deref(), Some(id));
    assert!(event.fields.get("_leadwire").is_none());
    assert!(event.time.is_none_or(|time| time.as_second() >= 0));
}

/// Whatever id stands where one is looked for is this one.
fn check_ids(source: SourceKind, event: &Event, top: &Object) {
    let inner = |name: &str| {
        let id = top.object(name)?.get("lead_id")?.get().to_owned();
        id_in(&id)
    };
    let is_typed = top.get("lead_id").is_none() && top.object("event").is_some();
    let is_close = source == SourceKind::Close || (source == SourceKind::Generic && is_typed);
    let is_envelope = !is_close && source != SourceKind::Generic && top.text("type").is_some();
    let places = [
        top.get("lead_id").and_then(|value| id_in(value.get())),
        inner("data").filter(|_| !is_close),
        inner("event").filter(|_| !is_envelope),
    ];
    for id in places.into_iter().flatten() {
        assert_eq!(id, event.lead_id.as_str(), "two leads in one event");
    }
}

/// A raw object that nobody labelled is read as its source would have read it.
fn check_stored(data: &[u8]) {
    let Ok((source, event)) = SourceKind::parse_unlabelled(data) else {
        return;
    };
    let is_misdirected = SourceKind::Generic.is_misdirected(data);
    assert_eq!(is_misdirected, source == SourceKind::Close);
    let Ok(Extracted::Event(same)) = source.parse(data, EventFilter::All) else {
        return panic_on("a stored event is none of its source");
    };
    assert_eq!(same.lead_id, event.lead_id);
    assert_eq!(same.event_id, event.event_id);
}
