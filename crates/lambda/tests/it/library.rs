//! Our event types beside those of `aws_lambda_events`: what it writes, we read; where it is stricter, why we have our own.

use crate::{BATCH, HTTP, REST, URL};
use aws_lambda_events::apigw::{ApiGatewayProxyRequest, ApiGatewayV2httpRequest};
use aws_lambda_events::lambda_function_urls::LambdaFunctionUrlRequest;
use aws_lambda_events::sqs::SqsEvent;
use leadwire_domain::source::Headers as _;
use leadwire_lambda::http::HttpEvent;
use leadwire_lambda::queue::QueueEvent;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

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
fn a_batch_reads_the_same_after_the_library_has_read_and_written_it() {
    let event: SqsEvent = serde_json::from_str(BATCH).unwrap();
    let written = serde_json::to_string(&event).unwrap();
    let records = |json: &str| {
        let event: QueueEvent = serde_json::from_str(json).unwrap();
        format!("{:?}", event.into_records())
    };
    assert_eq!(records(&written), records(BATCH));
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
    let ours: HttpEvent = serde_json::from_value(json).unwrap();
    assert_eq!(ours.decode().unwrap().headers.get("close-sig-hash"), None);
}
