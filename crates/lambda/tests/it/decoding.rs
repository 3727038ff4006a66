use crate::{BATCH, HTTP, REST, URL};
use leadwire_domain::source::Headers as _;
use leadwire_lambda::http::HttpEvent;
use leadwire_lambda::queue::QueueEvent;
use leadwire_pipeline::stage::enrich::Record;
use serde::Serialize;

/// A webhook as it must be decoded: its path, the values of some headers, its body.
type Expected<'a> = (&'a str, &'a [(&'a str, Option<&'a str>)], &'a str);

/// Decodes an event of a carrier, and compares.
#[track_caller]
pub(crate) fn check(event: &str, (path, headers, body): Expected<'_>) {
    let event: HttpEvent = serde_json::from_str(event).unwrap();
    let decoded = event.decode().unwrap();
    assert_eq!((decoded.method.as_str(), &*decoded.path), ("POST", path));
    for (name, expected) in headers {
        assert_eq!(decoded.headers.get(name), *expected, "{name}");
    }
    assert_eq!(decoded.body, body.as_bytes());
}

/// The records of a batch.
pub(crate) fn records(event: &impl Serialize) -> Vec<Record> {
    let json = serde_json::to_string(event).unwrap();
    let event: QueueEvent = serde_json::from_str(&json).unwrap();
    event.into_records()
}

#[test]
fn a_rest_api_event_gives_route_headers_and_the_bytes_that_were_signed() {
    let headers = [
        ("close-sig-timestamp", Some("1795416600")),
        ("content-type", Some("application/json")),
    ];
    check(
        REST,
        ("/ingest/close", &headers, r#"{"event":{"id":"ev_Zoë"}}"#),
    );
}

#[test]
fn an_http_api_event_loses_its_stage() {
    let headers = [("webhook-signature", Some("v1,AAAA v1,BBBB"))];
    let body = "{\"type\":\"lead.created\"}\n";
    check(HTTP, ("/ingest/standard", &headers, body));
}

#[test]
fn a_function_url_event_is_understood_too() {
    let headers = [("idempotency-key", Some("k-1"))];
    check(URL, ("/ingest", &headers, r#"{"lead_id":"test-1"}"#));
}

#[test]
fn a_batch_keeps_bodies_as_text_and_carries_the_trace() {
    let event: QueueEvent = serde_json::from_str(BATCH).unwrap();
    let records = event.into_records();
    let [first, second] = records.as_slice() else {
        panic!("{records:?}")
    };
    let sent_at = "2026-11-23T06:50:00.123Z".parse().unwrap();
    assert_eq!((first.receive_count, first.sent_at), (2, Some(sent_at)));
    let trace = "6ac29d00abababababababababababab";
    assert_eq!(first.trace.trace_id(), Some(trace));
    let xray = first.trace.xray.as_deref().unwrap();
    assert!(xray.starts_with("Root=1-6ac29d00-"));
    assert!(first.body.contains("raw/crm_event_test-1_"));
    assert_eq!(second.body, "not json at all");
    assert_eq!(second.receive_count, 1);
    assert_eq!(second.trace.traceparent, None);
}
