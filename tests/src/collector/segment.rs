//! X-Ray's segment documents, read more strictly than X-Ray does
//! (docs.aws.amazon.com/xray/latest/devguide/xray-api-segmentdocuments.html).

use serde_json::Value;

use crate::json::At;

/// A document must be smaller.
const DOCUMENT_BYTES_MAX: usize = 64 * 1024;
const NAME_CHARACTERS_MAX: usize = 200;
const ANNOTATIONS_MAX: usize = 50;
const ANNOTATION_CHARACTERS_MAX: usize = 1000;
/// X-Ray takes what began at most 30 days ago.
const AGE_SECONDS_MAX: i64 = 30 * 24 * 3600;
/// A clock may be ahead by so much.
const AHEAD_SECONDS_MAX: i64 = 5 * 60;

/// What a member must be.
type Demand = fn(&Value) -> bool;

/// Every member that a segment or a subsegment may have, and what it must be.
const MEMBERS: [(&str, Demand); 25] = [
    ("annotations", are_annotations),
    ("aws", Value::is_object),
    ("cause", is_cause),
    ("end_time", is_time),
    ("error", Value::is_boolean),
    ("fault", Value::is_boolean),
    ("http", is_http),
    ("id", is_id),
    ("in_progress", Value::is_boolean),
    ("links", Value::is_array),
    ("metadata", Value::is_object),
    ("name", is_name),
    ("namespace", is_namespace),
    ("origin", Value::is_string),
    ("parent_id", is_id),
    ("precursor_ids", Value::is_array),
    ("service", Value::is_object),
    ("sql", Value::is_object),
    ("start_time", is_time),
    ("subsegments", Value::is_array),
    ("throttle", Value::is_boolean),
    ("trace_id", Value::is_string),
    ("traced", Value::is_boolean),
    ("type", Value::is_string),
    ("user", Value::is_string),
];
const REQUEST_MEMBERS: [&str; 6] = [
    "client_ip",
    "method",
    "traced",
    "url",
    "user_agent",
    "x_forwarded_for",
];
const RESPONSE_MEMBERS: [&str; 2] = ["content_length", "status"];

/// Everything that is wrong with the text of a document. `now` is in seconds since 1970.
pub(super) fn faults(text: &str, now: i64) -> Vec<String> {
    let mut faults = Vec::new();
    if text.len() >= DOCUMENT_BYTES_MAX {
        faults.push(format!("{} bytes", text.len()));
    }
    match serde_json::from_str::<Value>(text) {
        Ok(document) if document.is_object() => {
            check_place(&document, &mut faults);
            check_trace_id(&document, now, &mut faults);
            check(&document, &mut faults);
        }
        other => faults.push(format!("no JSON object: {other:?}")),
    }
    faults
}

/// A document and every subsegment in it, each by itself: it says then what its place told, its trace and its parent.
pub(super) fn each(document: &Value) -> Vec<Value> {
    let mut outer = document.clone();
    let members = outer.as_object_mut();
    let inner = members.and_then(|members| members.remove("subsegments"));
    let mut all = vec![outer.clone()];
    for mut inner in inner.iter().filter_map(Value::as_array).flatten().cloned() {
        if let Some(members) = inner.as_object_mut() {
            members.insert("trace_id".to_owned(), outer.at("trace_id").clone());
            members.insert("parent_id".to_owned(), outer.at("id").clone());
            members.insert("type".to_owned(), "subsegment".into());
        }
        all.extend(each(&inner));
    }
    all
}

/// A document of its own is a segment, or a subsegment that says below what.
fn check_place(document: &Value, faults: &mut Vec<String>) {
    match (document.get("type"), document.at("parent_id")) {
        (None, _) => {}
        (Some(kind), Value::String(_)) if kind == "subsegment" => {}
        (kind, parent) => faults.push(format!("type {kind:?} below {parent}")),
    }
}

fn check_trace_id(document: &Value, now: i64, faults: &mut Vec<String>) {
    let id = document.at("trace_id").text();
    let parts: Vec<&str> = id.split('-').collect();
    let epoch = match parts.as_slice() {
        ["1", epoch, unique] if is_hex(epoch, 8) && is_hex(unique, 24) => {
            i64::from_str_radix(epoch, 16).ok()
        }
        _ => None,
    };
    let recent = now - AGE_SECONDS_MAX..=now + AHEAD_SECONDS_MAX;
    let is_recent = epoch.is_some_and(|epoch| recent.contains(&epoch));
    if !is_recent {
        faults.push(format!("trace_id {id:?}"));
    }
}

/// A segment or a subsegment, and what is in it.
fn check(document: &Value, faults: &mut Vec<String>) {
    let name = document.at("name").text();
    let mut fault = |what: String| faults.push(format!("{name}: {what}"));
    for (member, value) in document.as_object().into_iter().flatten() {
        let known = MEMBERS.iter().find(|(known, _)| known == member);
        if !known.is_some_and(|(_, is_good)| is_good(value)) {
            fault(format!("{member} is {value}"));
        }
    }
    for member in ["id", "name"] {
        if document.get(member).is_none() {
            fault(format!("no {member}"));
        }
    }
    let time = |name: &str| document.at(name).as_f64();
    let in_progress = document.at("in_progress") == true;
    match (time("start_time"), time("end_time")) {
        (Some(start), Some(end)) if end >= start && !in_progress => {}
        (Some(_), None) if in_progress => {}
        times => fault(format!("from and to {times:?}, in progress {in_progress}")),
    }
    // A throttled call is an error of the caller's.
    if document.at("throttle") == true && document.at("error") != true {
        fault("throttle without error".to_owned());
    }
    for inner in document.at("subsegments").items() {
        check(inner, faults);
    }
}

/// Seconds, not milliseconds: between the years 2001 and 2100.
fn is_time(time: &Value) -> bool {
    let seconds = time.as_f64();
    seconds.is_some_and(|seconds| (1e9..4.2e9).contains(&seconds))
}

fn is_namespace(space: &Value) -> bool {
    space == "aws" || space == "remote"
}

fn is_http(http: &Value) -> bool {
    let members = |name: &str| http.at(name).as_object().into_iter().flatten();
    let is_asked = |(name, value): (&String, &Value)| {
        REQUEST_MEMBERS.contains(&name.as_str()) && (value.is_string() || value.is_boolean())
    };
    let is_answered = |(name, value): (&String, &Value)| {
        RESPONSE_MEMBERS.contains(&name.as_str()) && value.is_u64()
    };
    http.is_object() && members("request").all(is_asked) && members("response").all(is_answered)
}

/// The id of an exception elsewhere, or exceptions.
fn is_cause(cause: &Value) -> bool {
    let mut exceptions = cause.at("exceptions").items().iter();
    is_id(cause) || cause.is_object() && exceptions.all(|exception| is_id(exception.at("id")))
}

fn are_annotations(annotations: &Value) -> bool {
    let is_good = |(name, value): (&String, &Value)| {
        let is_word = name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
        let is_short = |text: &str| text.chars().count() <= ANNOTATION_CHARACTERS_MAX;
        is_word && (value.is_boolean() || value.is_number() || value.as_str().is_some_and(is_short))
    };
    let members = annotations.as_object();
    members.is_some_and(|all| all.len() <= ANNOTATIONS_MAX && all.iter().all(is_good))
}

fn is_name(name: &Value) -> bool {
    let is_allowed =
        |c: char| c.is_alphanumeric() || c.is_whitespace() || "_.:/%&#=+\\-@".contains(c);
    let is_good = |name: &str| {
        (1..=NAME_CHARACTERS_MAX).contains(&name.chars().count()) && name.chars().all(is_allowed)
    };
    name.as_str().is_some_and(is_good)
}

fn is_id(id: &Value) -> bool {
    id.as_str().is_some_and(|id| is_hex(id, 16))
}

fn is_hex(text: &str, length: usize) -> bool {
    let is_digit = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    text.len() == length && text.bytes().all(is_digit)
}
