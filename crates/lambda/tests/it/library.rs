//! Our event types beside those of `aws_lambda_events`: what it writes, we read; where it is stricter, why we have our own.

use crate::decoding::{check, records};
use crate::{BATCH, HTTP, REST, URL};
use aws_lambda_events::apigw::{ApiGatewayProxyRequest, ApiGatewayV2httpRequest};
use aws_lambda_events::lambda_function_urls::LambdaFunctionUrlRequest;
use aws_lambda_events::sqs::{SqsEvent, SqsMessage, SqsMessageAttribute};
use http::{HeaderMap, HeaderValue, Method};
use jiff::Timestamp;
use leadwire_lambda::http::HttpEvent;
use leadwire_lambda::queue::QueueEvent;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

/// The header that every webhook here has.
const ID: (&str, Option<&str>) = ("webhook-id", Some("msg_1"));

fn headers() -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.append("webhook-id", HeaderValue::from_static("msg_1"));
    headers.append("close-sig-hash", HeaderValue::from_static("a"));
    headers
}

fn written(event: &impl Serialize) -> String {
    serde_json::to_string(event).unwrap()
}

/// Whether the library reads the event of a fixture, with `value` put where `pointer` shows.
fn is_read<E: DeserializeOwned>(fixture: &str, pointer: &str, value: Value) -> bool {
    let mut event: Value = serde_json::from_str(fixture).unwrap();
    *event.pointer_mut(pointer).unwrap() = value;
    serde_json::from_value::<E>(event).is_ok()
}

/// The library refuses the changed fixture, and we read it.
#[track_caller]
fn check_stricter<Theirs: DeserializeOwned, Ours: DeserializeOwned>(
    fixture: &str,
    pointer: &str,
    value: &Value,
) {
    let unchanged = serde_json::from_str::<Theirs>(fixture);
    assert!(unchanged.is_ok(), "{:?}", unchanged.err());
    let theirs = is_read::<Theirs>(fixture, pointer, value.clone());
    assert!(!theirs, "the library has become lenient: {pointer} {value}");
    let ours = is_read::<Ours>(fixture, pointer, value.clone());
    assert!(ours, "{pointer} {value}");
}

#[test]
fn a_batch_that_the_library_writes_is_read() {
    let mut attribute = SqsMessageAttribute::default();
    attribute.string_value = Some("00-6ac29d00abababababababababababab-0101010101010101-01".into());
    let mut full = SqsMessage::default();
    full.message_id = Some("1".into());
    full.receipt_handle = Some("r".into());
    full.body = Some("not json".into());
    full.attributes = [
        ("ApproximateReceiveCount", "2"),
        ("SentTimestamp", "1795416600123"),
    ]
    .map(|(name, value)| (name.into(), value.into()))
    .into();
    full.message_attributes = [("traceparent".into(), attribute)].into();
    let mut bare = SqsMessage::default();
    bare.message_id = Some("2".into());
    let mut event = SqsEvent::default();
    event.records = vec![full, bare];

    let records = records(&event);
    let [full, bare] = records.as_slice() else {
        panic!("{records:?}")
    };
    assert_eq!((&*full.message_id, &*full.receipt_handle), ("1", "r"));
    assert_eq!((full.body.as_str(), full.receive_count), ("not json", 2));
    let sent_at = full.sent_at.map(Timestamp::as_millisecond);
    assert_eq!(sent_at, Some(1_795_416_600_123));
    let trace = "6ac29d00abababababababababababab";
    assert_eq!(full.trace.trace_id(), Some(trace));
    assert_eq!((bare.message_id.as_str(), bare.receive_count), ("2", 1));
}

#[test]
fn a_batch_reads_the_same_after_the_library_has_read_and_written_it() {
    let event: SqsEvent = serde_json::from_str(BATCH).unwrap();
    let direct: Value = serde_json::from_str(BATCH).unwrap();
    let (event, direct) = (records(&event), records(&direct));
    assert_eq!(format!("{event:?}"), format!("{direct:?}"));
}

#[test]
fn a_rest_api_request_that_the_library_writes_is_read() {
    let mut event = ApiGatewayProxyRequest::default();
    event.http_method = Method::POST;
    event.path = Some("/hooks/ingest/close".into());
    event.resource = Some("/ingest/{source}".into());
    event.path_parameters = [("source".into(), "close".into())].into();
    event.headers = headers();
    event.multi_value_headers = headers();
    let second = HeaderValue::from_static("b");
    event.multi_value_headers.append("close-sig-hash", second);
    event.request_context.stage = Some("Prod".into());
    event.body = Some("eyJldmVudCI6eyJpZCI6ImV2X1pvw6sifX0=".into());
    event.is_base64_encoded = true;
    let headers = [ID, ("close-sig-hash", None)];
    let body = r#"{"event":{"id":"ev_Zoë"}}"#;
    check(&written(&event), ("/ingest/close", &headers, body));
}

#[test]
fn an_http_api_request_that_the_library_writes_is_read() {
    // It writes a top-level `httpMethod` too, always GET.
    let mut event = ApiGatewayV2httpRequest::default();
    event.request_context.http.method = Method::POST;
    event.request_context.stage = Some("Prod".into());
    event.raw_path = Some("/Prod/ingest".into());
    event.route_key = Some("$default".into());
    event.headers = headers();
    event.body = Some("{}".into());
    check(&written(&event), ("/ingest", &[ID], "{}"));
}

#[test]
fn a_function_url_request_that_the_library_writes_is_read() {
    let mut event = LambdaFunctionUrlRequest::default();
    event.request_context.http.method = Some("POST".into());
    event.raw_path = Some("/ingest".into());
    event.headers = headers();
    event.body = Some("{}".into());
    check(&written(&event), ("/ingest", &[ID], "{}"));
}

#[test]
fn one_odd_message_would_fail_the_batch_in_the_library() {
    let odd = [
        ("/Records/0/attributes/ApproximateReceiveCount", json!(2)),
        ("/Records/0/attributes/SentTimestamp", json!(null)),
        ("/Records/0/messageAttributes", json!([])),
        (
            "/Records/0/messageAttributes/traceparent",
            json!({"binaryValue": "?"}),
        ),
        (
            "/Records/0/messageAttributes/traceparent/stringListValues",
            json!(null),
        ),
        ("/Records/0/body", json!({"s3_key": "raw/x"})),
    ];
    for (pointer, value) in odd {
        check_stricter::<SqsEvent, QueueEvent>(BATCH, pointer, &value);
    }
}

#[test]
fn one_odd_member_would_fail_the_webhook_in_the_library() {
    let null = json!(null);
    check_stricter::<ApiGatewayProxyRequest, HttpEvent>(REST, "/headers/User-Agent", &null);
    check_stricter::<ApiGatewayV2httpRequest, HttpEvent>(HTTP, "/headers/accept", &null);
    check_stricter::<LambdaFunctionUrlRequest, HttpEvent>(URL, "/headers/host", &null);
    check_stricter::<ApiGatewayProxyRequest, HttpEvent>(REST, "/pathParameters/source", &null);
    check_stricter::<ApiGatewayProxyRequest, HttpEvent>(REST, "/requestContext", &json!({}));
    check_stricter::<ApiGatewayV2httpRequest, HttpEvent>(HTTP, "/requestContext", &json!({}));
    check_stricter::<LambdaFunctionUrlRequest, HttpEvent>(URL, "/requestContext", &json!({}));
}

#[test]
fn a_header_under_two_spellings_would_be_believed_in_the_library() {
    let json = json!({
        "headers": {"Close-Sig-Hash": "a", "close-sig-hash": "b"},
        "requestContext": {"http": {"method": "POST"}},
    });
    let event: ApiGatewayV2httpRequest = serde_json::from_value(json.clone()).unwrap();
    assert_eq!(event.headers.get("close-sig-hash").unwrap(), "b");
    check(&json.to_string(), ("", &[("close-sig-hash", None)], ""));
}
