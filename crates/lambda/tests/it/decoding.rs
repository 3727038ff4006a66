use crate::{BATCH, HTTP, REST, URL};
use aws_lambda_events::apigw::{ApiGatewayProxyRequest, ApiGatewayV2httpRequest};
use aws_lambda_events::lambda_function_urls::LambdaFunctionUrlRequest;
use leadwire_domain::source::Headers as _;
use leadwire_lambda::http::HttpEvent;
use leadwire_lambda::queue::QueueEvent;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// Decodes an event of a carrier, as AWS sends it and as the library writes what it has read.
#[track_caller]
fn check<Library: DeserializeOwned + Serialize>(
    event: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: &str,
) {
    let library: Library = serde_json::from_str(event).unwrap();
    let written = serde_json::to_string(&library).unwrap();
    for event in [event, &written] {
        let decoded = serde_json::from_str::<HttpEvent>(event).unwrap().decode();
        let decoded = decoded.unwrap();
        assert_eq!((&*decoded.method, &*decoded.path), ("POST", path));
        for (name, expected) in headers {
            assert_eq!(decoded.headers.get(name), Some(*expected), "{name}");
        }
        assert_eq!(decoded.body, body.as_bytes());
    }
}

#[test]
fn a_rest_api_event_gives_route_headers_and_the_bytes_that_were_signed() {
    check::<ApiGatewayProxyRequest>(
        REST,
        "/ingest/close",
        &[
            ("close-sig-timestamp", "1795416600"),
            ("content-type", "application/json"),
        ],
        r#"{"event":{"id":"ev_Zoë"}}"#,
    );
}

#[test]
fn an_http_api_event_loses_its_stage() {
    // The library writes a top-level `httpMethod` too, always GET.
    check::<ApiGatewayV2httpRequest>(
        HTTP,
        "/ingest/standard",
        &[("webhook-signature", "v1,AAAA v1,BBBB")],
        "{\"type\":\"lead.created\"}\n",
    );
}

#[test]
fn a_function_url_event_is_understood_too() {
    let headers = [("idempotency-key", "k-1")];
    let body = r#"{"lead_id":"test-1"}"#;
    check::<LambdaFunctionUrlRequest>(URL, "/ingest", &headers, body);
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
