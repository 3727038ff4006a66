//! Events the way AWS writes them: of the SQS event source, of REST and HTTP APIs, of a function URL.

use std::collections::BTreeMap;

use aws_sdk_sqs::types::Message;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hyper::header::{HeaderMap, HeaderName, HeaderValue, USER_AGENT};
use percent_encoding::percent_decode_str;
use serde_json::{Map, Value, json};

use crate::clients::{ACCOUNT, REGION};
use crate::clock;
use crate::http::Request;

/// The stage that the template deploys.
pub const STAGE: &str = "Prod";

/// The shapes in which a web request reaches a function.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// A REST API (payload 1.0), what `template.yaml` deploys.
    Rest,
    /// An HTTP API (payload 2.0) with a named stage.
    Http,
    /// A function URL.
    FunctionUrl,
}

/// The event of a request to `path` below the stage, such as `/ingest/close`.
pub fn web(shape: Shape, path: &str, request: &Request) -> Value {
    // With `*/*` among the binary media types every body comes encoded; no body is null.
    let body = Some(request.body()).filter(|body| !body.is_empty());
    let body = body.map(|body| STANDARD.encode(body));
    let mut event = match shape {
        Shape::Rest => rest(path, request),
        Shape::Http => payload_2(&format!("/{STAGE}{path}"), STAGE, request),
        Shape::FunctionUrl => payload_2(path, "$default", request),
    };
    if let Some(members) = event.as_object_mut() {
        members.insert("isBase64Encoded".to_owned(), body.is_some().into());
        members.insert("body".to_owned(), body.into());
    }
    event
}

fn rest(path: &str, request: &Request) -> Value {
    let source = path.strip_prefix("/ingest/");
    let source = source.filter(|rest| !rest.is_empty());
    let resource = source.map_or(path, |_source| "/ingest/{source}");
    let now = clock::now();
    json!({
        "resource": resource, "path": path, "httpMethod": request.method().as_str(),
        "headers": last_values(request.headers()), "multiValueHeaders": all_values(request.headers()),
        "queryStringParameters": last_parameters(request), "multiValueQueryStringParameters": all_parameters(request),
        "pathParameters": source.map(|source| json!({"source": source})), "stageVariables": null,
        "requestContext": {
            "accountId": ACCOUNT, "apiId": "a1b2c3d4e5", "resourceId": "r1", "resourcePath": resource,
            "httpMethod": request.method().as_str(), "path": format!("/{STAGE}{path}"), "stage": STAGE,
            "domainName": format!("a1b2c3d4e5.execute-api.{REGION}.amazonaws.com"), "domainPrefix": "a1b2c3d4e5",
            "protocol": "HTTP/1.1", "requestId": "c6af9ac6-7b61-11e6-9a41-93e8deadbeef",
            "extendedRequestId": "JKJaXmPLvHcESHA=", "requestTime": now.strftime("%d/%b/%Y:%H:%M:%S +0000").to_string(),
            "requestTimeEpoch": now.as_millisecond(),
            "identity": {"sourceIp": "203.0.113.7", "userAgent": agent(request.headers()), "accountId": null, "apiKey": null},
        },
    })
}

fn payload_2(raw_path: &str, stage: &str, request: &Request) -> Value {
    let now = clock::now();
    let headers = request.headers().iter();
    let headers = headers.map(|(name, value)| (name.to_string(), lossy(value)));
    json!({
        "version": "2.0", "routeKey": "$default", "rawPath": raw_path,
        "rawQueryString": request.uri().query().unwrap_or_default(), "headers": headers.collect::<Value>(),
        "requestContext": {
            "accountId": ACCOUNT, "apiId": "a1b2c3d4e5", "domainName": format!("a1b2c3d4e5.execute-api.{REGION}.amazonaws.com"),
            "domainPrefix": "a1b2c3d4e5", "requestId": "JKJaXmPLvHcESHA=", "routeKey": "$default", "stage": stage,
            "time": now.strftime("%d/%b/%Y:%H:%M:%S +0000").to_string(), "timeEpoch": now.as_millisecond(),
            "http": {"method": request.method().as_str(), "path": raw_path, "protocol": "HTTP/1.1",
                     "sourceIp": "203.0.113.7", "userAgent": agent(request.headers())},
        },
    })
}

/// The parameters of the query, decoded, as a REST API hands them on.
fn parameters(request: &Request) -> Vec<(String, String)> {
    let query = request.uri().query().unwrap_or_default().split('&');
    let decoded = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
    let pair = |pair: &str| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        (decoded(name), decoded(value))
    };
    query.filter(|pair| !pair.is_empty()).map(pair).collect()
}

fn last_parameters(request: &Request) -> Option<Map<String, Value>> {
    let pairs = parameters(request).into_iter();
    let last: Map<_, _> = pairs.map(|(name, value)| (name, value.into())).collect();
    (!last.is_empty()).then_some(last)
}

fn all_parameters(request: &Request) -> Option<BTreeMap<String, Vec<String>>> {
    let mut all = BTreeMap::<_, Vec<_>>::new();
    for (name, value) in parameters(request) {
        all.entry(name).or_default().push(value);
    }
    (!all.is_empty()).then_some(all)
}

fn agent(headers: &HeaderMap) -> Option<Value> {
    headers.get(USER_AGENT).map(lossy)
}

fn lossy(header: &HeaderValue) -> Value {
    String::from_utf8_lossy(header.as_bytes()).into()
}

fn last_values(headers: &HeaderMap) -> Map<String, Value> {
    let pair = |(name, value): (&HeaderName, &HeaderValue)| (title_case(name), lossy(value));
    headers.iter().map(pair).collect()
}

fn all_values(headers: &HeaderMap) -> Map<String, Value> {
    let values = |name: &HeaderName| -> Value {
        let values = headers.get_all(name).iter();
        values.map(lossy).collect()
    };
    let all = |name: &HeaderName| (title_case(name), values(name));
    headers.keys().map(all).collect()
}

/// A REST API hands header names on as they were sent, and HTTP/1.1 clients send them like this.
fn title_case(name: &HeaderName) -> String {
    let word = |word: &str| {
        let (first, rest) = word.split_at(usize::from(!word.is_empty()));
        first.to_ascii_uppercase() + rest
    };
    name.as_str()
        .split('-')
        .map(word)
        .collect::<Vec<_>>()
        .join("-")
}

/// The event of a batch of messages.
pub fn queue(queue_arn: &str, messages: &[Message]) -> Value {
    let records = messages.iter().map(|message| record(queue_arn, message));
    json!({"Records": records.collect::<Value>()})
}

fn record(queue_arn: &str, message: &Message) -> Value {
    let attributes = message.attributes().into_iter().flatten();
    let attributes = attributes.map(|(name, value)| (name.as_str().to_owned(), json!(value)));
    let own = message.message_attributes().into_iter().flatten();
    let own = own.map(|(name, value)| {
        let value = json!({
            "stringValue": value.string_value(), "stringListValues": [], "binaryListValues": [],
            "dataType": value.data_type(),
        });
        (name.clone(), value)
    });
    json!({
        "messageId": message.message_id(), "receiptHandle": message.receipt_handle(), "body": message.body(),
        "attributes": attributes.collect::<Value>(), "messageAttributes": own.collect::<Value>(),
        "md5OfBody": message.md5_of_body(), "eventSource": "aws:sqs", "eventSourceARN": queue_arn, "awsRegion": REGION,
    })
}
