//! The events of Lambda: webhooks by three carriers, and batches of messages.

use crate::input::{parts, text};
use base64::prelude::{BASE64_STANDARD, Engine as _};
use leadwire_domain::failure::FailureReason;
use leadwire_domain::limits::BODY_BYTES_MAX;
use leadwire_domain::source::Headers as _;
use leadwire_lambda::http::{Decoded, HttpEvent};
use leadwire_lambda::queue::{QueueEvent, response};
use leadwire_pipeline::stage::enrich::Outcome;
use serde_json::{Value, json};

const HEADER: &str = "X-Signature";

/// A request is the same by every carrier: method, path, header and the bytes that were signed.
pub fn web_event(data: &[u8]) {
    if let Ok(event) = serde_json::from_slice::<HttpEvent>(data)
        && let Ok(decoded) = event.decode()
    {
        assert!(decoded.body.len() <= BODY_BYTES_MAX + 1);
    }
    let [method, segment, header, body] = parts(data);
    let request = Sent {
        method: &text(method),
        segment: &text(segment),
        header: &text(header),
        body,
    };
    let mut bodies = vec![(BASE64_STANDARD.encode(body), true)];
    bodies.extend(
        std::str::from_utf8(body)
            .ok()
            .map(|body| (body.to_owned(), false)),
    );
    for (body, is_base64) in bodies {
        for event in request.events(&body, is_base64) {
            let event = serde_json::from_value::<HttpEvent>(event).expect("an event of AWS");
            request.check(&event.decode().expect("the body is what it is said to be"));
        }
    }
}

/// A request, as its sender meant it.
struct Sent<'a> {
    method: &'a str,
    segment: &'a str,
    header: &'a str,
    body: &'a [u8],
}

impl Sent<'_> {
    /// The same request from a REST API, an HTTP API with a stage, and a function URL.
    fn events(&self, body: &str, is_base64: bool) -> [Value; 3] {
        let Self {
            method,
            segment,
            header,
            ..
        } = self;
        let parameters = json!({ "source": segment });
        let headers = json!({ HEADER: header, "Host": "x" });
        let rest = json!({
            "resource": "/ingest/{source}", "path": format!("/base/ingest/{segment}"), "httpMethod": method,
            "pathParameters": parameters, "headers": headers, "multiValueHeaders": { HEADER: [header], "Host": ["x"] },
            "requestContext": { "stage": "Prod" }, "body": body, "isBase64Encoded": is_base64,
        });
        let http = json!({
            "version": "2.0", "routeKey": "POST /ingest/{source}", "rawPath": format!("/Prod/ingest/{segment}"),
            "pathParameters": parameters, "headers": headers, "body": body, "isBase64Encoded": is_base64,
            "requestContext": { "stage": "Prod", "http": { "method": method } },
        });
        let url = json!({
            "version": "2.0", "routeKey": "$default", "rawPath": format!("/ingest/{segment}"),
            "headers": headers, "body": body, "isBase64Encoded": is_base64,
            "requestContext": { "stage": "$default", "http": { "method": method } },
        });
        [rest, http, url]
    }

    fn check(&self, decoded: &Decoded) {
        assert_eq!(decoded.method, self.method);
        assert_eq!(decoded.path, format!("/ingest/{}", self.segment));
        assert_eq!(decoded.body, self.body);
        let is_visible = self.header.chars().all(|c| (' '..='~').contains(&c));
        let expected = is_visible.then_some(self.header);
        assert_eq!(decoded.headers.get("x-signature"), expected);
        assert_eq!(decoded.headers.get("x-other"), None);
    }
}

/// Every message of a batch comes out with its own id and body, whatever stands beside it, and only failed ones are reported.
pub fn queue_batch(data: &[u8]) {
    check_any(data);
    let [first, second, attributes] = parts(data);
    let bodies = [text(first), text(second)];
    let attributes = serde_json::from_slice(attributes).unwrap_or(Value::Null);
    let record = |(id, body): (usize, _)| {
        json!({
            "messageId": format!("m-{id}"), "receiptHandle": "r", "body": body,
            "attributes": attributes, "messageAttributes": attributes,
        })
    };
    let records: Vec<Value> = bodies.iter().enumerate().map(record).collect();
    let event = serde_json::from_value::<QueueEvent>(json!({ "Records": records }));
    let records = event.expect("a batch of AWS").into_records();
    let found: Vec<_> = records
        .iter()
        .map(|record| (record.message_id.as_str(), record.body.as_str()))
        .collect();
    let [first, second] = &bodies;
    assert_eq!(found, [("m-0", &**first), ("m-1", &**second)]);
    for record in &records {
        let receives = attributes.get("ApproximateReceiveCount");
        if !receives.is_some_and(Value::is_string) {
            assert_eq!(record.receive_count, 1);
        }
    }
    let failed = Outcome::Failed(FailureReason::BadMessage);
    let outcomes = vec![("m-1".to_owned(), failed), ("m-9".to_owned(), failed)];
    let told = response(&["m-0".to_owned(), "m-1".to_owned()], outcomes);
    let told = serde_json::to_string(&told).expect("an answer to Lambda");
    assert_eq!(told, r#"{"batchItemFailures":[{"itemIdentifier":"m-1"}]}"#);
}

/// Any document is a batch of all of its records, or none.
fn check_any(data: &[u8]) {
    let Ok(event) = serde_json::from_slice::<QueueEvent>(data) else {
        return;
    };
    let records = event.into_records();
    let Ok(document) = serde_json::from_slice::<Value>(data) else {
        return;
    };
    let ids: Vec<_> = records
        .iter()
        .map(|record| Some(record.message_id.as_str()))
        .collect();
    let sent = document.get("Records").and_then(Value::as_array);
    let sent = sent.into_iter().flatten();
    let sent: Vec<_> = sent
        .map(|record| record.get("messageId").and_then(Value::as_str))
        .collect();
    assert_eq!(ids, sent);
}
