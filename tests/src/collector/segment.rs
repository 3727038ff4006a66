//! X-Ray's segment documents, read more strictly than X-Ray does
//! (docs.aws.amazon.com/xray/latest/devguide/xray-api-segmentdocuments.html).

use serde_json::{Map, Value};

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

/// Every member that a segment or a subsegment may have.
const MEMBERS: [&str; 25] = [
    "annotations",
    "aws",
    "cause",
    "end_time",
    "error",
    "fault",
    "http",
    "id",
    "in_progress",
    "links",
    "metadata",
    "name",
    "namespace",
    "origin",
    "parent_id",
    "precursor_ids",
    "service",
    "sql",
    "start_time",
    "subsegments",
    "throttle",
    "trace_id",
    "traced",
    "type",
    "user",
];
const REQUEST_MEMBERS: [&str; 6] = [
    "client_ip",
    "method",
    "traced",
    "url",
    "user_agent",
    "x_forwarded_for",
];

/// Everything that is wrong with the text of a document. `now` is in seconds since 1970.
pub fn faults(text: &str, now: i64) -> Vec<String> {
    let mut faults = Vec::new();
    if text.len() >= DOCUMENT_BYTES_MAX {
        faults.push(format!("{} bytes", text.len()));
    }
    match serde_json::from_str::<Value>(text) {
        Ok(Value::Object(document)) => {
            let document = Value::Object(document);
            check_place(&document, &mut faults);
            check_trace_id(&document, now, &mut faults);
            check(&document, &mut faults);
        }
        other => faults.push(format!("no JSON object: {other:?}")),
    }
    faults
}

/// A document and every subsegment in it, each by itself: it says then what its place told, its trace and its parent.
pub fn each(document: &Value) -> Vec<Value> {
    let mut outer = document.clone();
    let inner = outer
        .as_object_mut()
        .and_then(|members| members.remove("subsegments"));
    let inner = inner.as_ref().and_then(Value::as_array);
    let inner = inner.into_iter().flatten().flat_map(|inner| {
        let mut inner = inner.clone();
        if let Some(members) = inner.as_object_mut() {
            for (member, told) in [
                ("trace_id", outer.at("trace_id").clone()),
                ("parent_id", outer.at("id").clone()),
                ("type", Value::from("subsegment")),
            ] {
                members.insert(member.to_owned(), told);
            }
        }
        each(&inner)
    });
    let inner: Vec<Value> = inner.collect();
    std::iter::once(outer).chain(inner).collect()
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
    let id = document.at("trace_id").as_str().unwrap_or_default();
    let parts: Vec<&str> = id.split('-').collect();
    let epoch = match parts.as_slice() {
        ["1", epoch, unique] if is_hex(epoch, 8) && is_hex(unique, 24) => {
            i64::from_str_radix(epoch, 16).ok()
        }
        _ => None,
    };
    let is_recent = epoch
        .is_some_and(|epoch| (now - AGE_SECONDS_MAX..=now + AHEAD_SECONDS_MAX).contains(&epoch));
    if !is_recent {
        faults.push(format!("trace_id {id:?}"));
    }
}

/// A segment or a subsegment, and what is in it.
fn check(document: &Value, faults: &mut Vec<String>) {
    let name = document.at("name").as_str().unwrap_or_default();
    let mut fault = |what: String| faults.push(format!("{name}: {what}"));
    let members = document.as_object().into_iter().flatten();
    for (member, value) in members {
        if !MEMBERS.contains(&member.as_str()) || value.is_null() {
            fault(format!("{member} is {value}"));
        }
    }
    if !is_name(name) {
        fault(format!("name {name:?}"));
    }
    if !is_id(document.at("id")) {
        fault(format!("id {}", document.at("id")));
    }
    if document.get("parent_id").is_some_and(|id| !is_id(id)) {
        fault(format!("parent_id {}", document.at("parent_id")));
    }
    if document
        .get("namespace")
        .is_some_and(|space| space != "aws" && space != "remote")
    {
        fault(format!("namespace {}", document.at("namespace")));
    }
    check_times(document, &mut fault);
    check_flags(document, &mut fault);
    check_http(document.at("http"), &mut fault);
    check_cause(document.at("cause"), &mut fault);
    check_annotations(document.at("annotations"), &mut fault);
    for member in ["aws", "http", "service", "metadata", "annotations", "sql"] {
        if document.get(member).is_some_and(|value| !value.is_object()) {
            fault(format!("{member} is no object"));
        }
    }
    for inner in document.at("subsegments").as_array().into_iter().flatten() {
        check(inner, faults);
    }
}

fn check_times(document: &Value, fault: &mut impl FnMut(String)) {
    let time = |name: &str| document.at(name).as_f64();
    let in_progress = document.at("in_progress") == true;
    // Seconds, not milliseconds: between the years 2001 and 2100.
    let is_time = |time: f64| (1e9..4.2e9).contains(&time);
    match (time("start_time"), time("end_time")) {
        (Some(start), Some(end)) if is_time(start) && end >= start && !in_progress => {}
        (Some(start), None) if is_time(start) && in_progress => {}
        times => fault(format!("from and to {times:?}, in progress {in_progress}")),
    }
}

fn check_flags(document: &Value, fault: &mut impl FnMut(String)) {
    for name in ["error", "throttle", "fault", "in_progress", "traced"] {
        if document.get(name).is_some_and(|value| !value.is_boolean()) {
            fault(format!("{name} is {}", document.at(name)));
        }
    }
    // A throttled call is an error of the caller's.
    if document.at("throttle") == true && document.at("error") != true {
        fault("throttle without error".to_owned());
    }
}

fn check_http(http: &Value, fault: &mut impl FnMut(String)) {
    for (name, value) in http.at("request").as_object().into_iter().flatten() {
        let is_known = REQUEST_MEMBERS.contains(&name.as_str());
        if !is_known || !(value.is_string() || value.is_boolean()) {
            fault(format!("http.request.{name} is {value}"));
        }
    }
    for (name, value) in http.at("response").as_object().into_iter().flatten() {
        let is_known = ["status", "content_length"].contains(&name.as_str());
        if !is_known || value.as_u64().is_none() {
            fault(format!("http.response.{name} is {value}"));
        }
    }
}

fn check_cause(cause: &Value, fault: &mut impl FnMut(String)) {
    match cause {
        Value::Null => {}
        Value::String(_) if is_id(cause) => {}
        Value::Object(_) => {
            for exception in cause.at("exceptions").as_array().into_iter().flatten() {
                if !is_id(exception.at("id")) {
                    fault(format!("cause.exceptions of {exception}"));
                }
            }
        }
        Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
            fault(format!("cause {cause}"));
        }
    }
}

fn check_annotations(annotations: &Value, fault: &mut impl FnMut(String)) {
    let empty = Map::new();
    let annotations = annotations.as_object().unwrap_or(&empty);
    if annotations.len() > ANNOTATIONS_MAX {
        fault(format!("{} annotations", annotations.len()));
    }
    for (name, value) in annotations {
        let is_word = name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
        let is_value = match value {
            Value::String(text) => text.chars().count() <= ANNOTATION_CHARACTERS_MAX,
            Value::Bool(_) | Value::Number(_) => true,
            Value::Null | Value::Array(_) | Value::Object(_) => false,
        };
        if !is_word || !is_value {
            fault(format!("annotation {name} is {value}"));
        }
    }
}

fn is_name(name: &str) -> bool {
    let is_allowed =
        |c: char| c.is_alphanumeric() || c.is_whitespace() || "_.:/%&#=+\\-@".contains(c);
    (1..=NAME_CHARACTERS_MAX).contains(&name.chars().count()) && name.chars().all(is_allowed)
}

fn is_id(id: &Value) -> bool {
    id.as_str().is_some_and(|id| is_hex(id, 16))
}

fn is_hex(text: &str, length: usize) -> bool {
    let is_digit = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    text.len() == length && text.bytes().all(is_digit)
}
