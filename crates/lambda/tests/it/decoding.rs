use leadwire_domain::source::Headers as _;
use leadwire_lambda::http::{Decoded, HttpEvent};
use leadwire_lambda::queue::QueueEvent;

fn decode(json: &str) -> Decoded {
    let event = serde_json::from_str::<HttpEvent>(json).unwrap();
    event.decode().unwrap()
}

#[test]
fn a_rest_api_event_gives_route_headers_and_the_bytes_that_were_signed() {
    let decoded = decode(include_str!("../fixtures/rest_v1.json"));
    assert_eq!(
        (decoded.method.as_str(), decoded.path.as_str()),
        ("POST", "/ingest/close")
    );
    assert_eq!(
        decoded.headers.get("close-sig-timestamp"),
        Some("1795416600")
    );
    assert_eq!(
        decoded.headers.get("content-type"),
        Some("application/json")
    );
    assert_eq!(decoded.body, r#"{"event":{"id":"ev_Zoë"}}"#.as_bytes());
}

#[test]
fn an_http_api_event_loses_its_stage() {
    let decoded = decode(include_str!("../fixtures/http_v2.json"));
    assert_eq!(
        (decoded.method.as_str(), decoded.path.as_str()),
        ("POST", "/ingest/standard")
    );
    assert_eq!(
        decoded.headers.get("webhook-signature"),
        Some("v1,AAAA v1,BBBB")
    );
    assert_eq!(decoded.body, b"{\"type\":\"lead.created\"}\n");
}

#[test]
fn a_function_url_event_is_understood_too() {
    let decoded = decode(include_str!("../fixtures/function_url.json"));
    assert_eq!(
        (decoded.method.as_str(), decoded.path.as_str()),
        ("POST", "/ingest")
    );
    assert_eq!(decoded.headers.get("idempotency-key"), Some("k-1"));
    assert_eq!(decoded.body, br#"{"lead_id":"test-1"}"#);
}

#[test]
fn a_batch_keeps_bodies_as_text_and_carries_the_trace() {
    let event: QueueEvent = serde_json::from_str(include_str!("../fixtures/sqs.json")).unwrap();
    let records = event.into_records();
    let [first, second] = records.as_slice() else {
        panic!("{records:?}")
    };
    assert_eq!(first.receive_count, 2);
    assert_eq!(
        first.sent_at,
        Some("2026-11-23T06:50:00.123Z".parse().unwrap())
    );
    assert_eq!(
        first.trace.trace_id(),
        Some("6ac29d00abababababababababababab")
    );
    assert!(
        first
            .trace
            .xray
            .as_deref()
            .unwrap()
            .starts_with("Root=1-6ac29d00-")
    );
    assert!(first.body.contains("raw/crm_event_test-1_"));
    assert_eq!(second.body, "not json at all");
    assert_eq!(
        (second.receive_count, &second.trace.traceparent),
        (1, &None)
    );
}
