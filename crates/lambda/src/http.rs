//! Webhooks as API Gateway (REST and HTTP APIs) and function URLs deliver them, and answers as they want them.
//!
//! The event types hold only what is read: whatever else AWS adds or leaves out cannot make a webhook fail. Those of
//! `aws_lambda_events` would: a header or a path parameter that is null, or a context without its method, fails the request, and of a
//! header that stands twice under two spellings `headers` keeps the last. `tests/it/library.rs` shows it, and that we read what they write.

use aws_lambda_events::apigw::ApiGatewayProxyResponse;
use aws_lambda_events::encodings::Body;
use base64::prelude::{BASE64_STANDARD, Engine as _};
use http::header::{ALLOW, CONTENT_TYPE, HeaderName, HeaderValue, RETRY_AFTER};
use leadwire_domain::limits::BODY_BYTES_MAX;
use leadwire_domain::problem::Problem;
use leadwire_domain::source::{Headers, header_value};
use leadwire_pipeline::observe::RequestRejected;
use leadwire_pipeline::stage::ingest::Answer;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;
use std::collections::BTreeMap;

/// A request of a REST API (payload 1.0), or of an HTTP API or a function URL (payload 2.0).
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct HttpEvent {
    /// Payload 1.0.
    http_method: Option<String>,
    /// Payload 1.0: without the stage, but with the base path of a custom domain.
    path: Option<String>,
    /// Payload 1.0: the route, `/ingest/{source}`.
    resource: Option<String>,
    /// Payload 2.0: with the stage, unless that is `$default`.
    raw_path: Option<String>,
    /// Payload 2.0: the route, `POST /ingest/{source}` or `$default`.
    route_key: Option<String>,
    path_parameters: Option<BTreeMap<String, Option<String>>>,
    /// Payload 1.0: every value of the query, decoded.
    multi_value_query_string_parameters: Option<BTreeMap<String, Option<Vec<String>>>>,
    /// Payload 1.0: the last value of each, decoded.
    query_string_parameters: Option<BTreeMap<String, Option<String>>>,
    /// Payload 2.0: as it was sent.
    raw_query_string: Option<String>,
    headers: Option<BTreeMap<String, Option<String>>>,
    /// Payload 1.0: every value of every header.
    multi_value_headers: Option<BTreeMap<String, Option<Vec<String>>>>,
    body: Option<String>,
    is_base64_encoded: Option<bool>,
    request_context: RequestContext,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct RequestContext {
    stage: Option<String>,
    /// Payload 1.0: as it was called, with the stage or the base path of a custom domain.
    path: Option<String>,
    http: HttpContext,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct HttpContext {
    method: Option<String>,
}

/// A webhook, decoded.
#[derive(Debug)]
pub struct Decoded {
    /// The HTTP method.
    pub method: String,
    /// The path without a stage or a domain's base path.
    pub path: String,
    /// The same as it was called.
    pub called: String,
    /// The query as it was sent; of payload 1.0, which has decoded values alone, one that says the same.
    pub query: String,
    /// The headers.
    pub headers: DecodedHeaders,
    /// The body's bytes as they were sent, cut one byte past the limit.
    pub body: Vec<u8>,
}

/// The carrier said that the body is base64, and it is not: the bytes that were sent are not known.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("the event says that its body is base64, and it does not decode")]
pub struct NotBase64(#[from] base64::DecodeError);

impl NotBase64 {
    /// Refuses the request before the stage sees it, with the reason.
    pub fn refuse(&self) -> Answer {
        let problem = Problem::InvalidJson;
        RequestRejected {
            source: None,
            reason: problem.into(),
            unverified: None,
            cause: Some(&self.to_string()),
            quarantined: None,
        }
        .emit();
        Answer::problem(problem)
    }
}

/// Headers by lower-case name, each of one value however often it stands there. One of different values, or that is not visible ASCII,
/// counts as absent.
#[derive(Debug, Default)]
pub struct DecodedHeaders(BTreeMap<String, Option<String>>);

impl Headers for DecodedHeaders {
    fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name)?.as_deref()
    }

    fn contains(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }
}

impl DecodedHeaders {
    fn add(&mut self, name: &str, value: &str) {
        let value = header_value(std::iter::once(value.as_bytes())).map(str::to_owned);
        self.0
            .entry(name.to_ascii_lowercase())
            .and_modify(|first| {
                if *first != value {
                    *first = None;
                }
            })
            .or_insert(value);
    }
}

impl HttpEvent {
    /// Takes the event apart.
    pub fn decode(self) -> Result<Decoded, NotBase64> {
        let path = self.path();
        let query = self.query();
        let headers = self.headers();
        let called = self.request_context.path.or(self.raw_path);
        let called = called.or(self.path).unwrap_or_default();
        let method = self.request_context.http.method.or(self.http_method);
        let mut body = self.body.unwrap_or_default().into_bytes();
        if self.is_base64_encoded == Some(true) {
            body = BASE64_STANDARD.decode(&body)?;
        }
        body.truncate(BODY_BYTES_MAX + 1);
        Ok(Decoded {
            method: method.unwrap_or_default(),
            path,
            called,
            query,
            headers,
            body,
        })
    }

    /// The route with its parameters filled in knows neither stages nor base paths; the raw path has to be freed of them.
    fn path(&self) -> String {
        let route_key = self.route_key.as_deref();
        let route_key = route_key.and_then(|key| Some(key.split_once(' ')?.1));
        let route = self.resource.as_deref().or(route_key);
        if let Some(path) = route.and_then(|route| self.fill(route)) {
            return path;
        }
        let path = self.path.as_deref().or(self.raw_path.as_deref());
        let path = path.unwrap_or_default();
        let stage = self.request_context.stage.as_deref();
        let stage = stage.filter(|stage| *stage != "$default");
        let rest = stage.and_then(|stage| path.strip_prefix('/')?.strip_prefix(stage));
        let rest = rest.filter(|rest| rest.is_empty() || rest.starts_with('/'));
        rest.unwrap_or(path).to_owned()
    }

    /// `/ingest/{source}` or `/{proxy+}` with the request's own values, or `None` where one is missing.
    fn fill(&self, route: &str) -> Option<String> {
        let mut path = String::new();
        for segment in route.strip_prefix('/')?.split('/') {
            path.push('/');
            let name = segment.strip_prefix('{');
            match name.and_then(|name| name.strip_suffix('}')) {
                None => path.push_str(segment),
                Some(name) => {
                    let name = name.strip_suffix('+').unwrap_or(name);
                    path.push_str(self.path_parameters.as_ref()?.get(name)?.as_deref()?);
                }
            }
        }
        Some(path)
    }

    fn query(&self) -> String {
        if let Some(raw) = &self.raw_query_string {
            return raw.clone();
        }
        let many = self.multi_value_query_string_parameters.iter().flatten();
        let many = many.flat_map(|(name, values)| {
            let values = values.iter().flatten();
            values.map(move |value| (name, value))
        });
        let mut pairs: Vec<_> = many.collect();
        if pairs.is_empty() {
            let single = self.query_string_parameters.iter().flatten();
            pairs.extend(single.filter_map(|(name, value)| Some((name, value.as_ref()?))));
        }
        let encode = |text| utf8_percent_encode(text, NON_ALPHANUMERIC);
        let pairs = pairs.into_iter();
        let pairs = pairs.map(|(name, value)| format!("{}={}", encode(name), encode(value)));
        pairs.collect::<Vec<_>>().join("&")
    }

    fn headers(&self) -> DecodedHeaders {
        let mut headers = DecodedHeaders::default();
        for (name, values) in self.multi_value_headers.iter().flatten() {
            for value in values.iter().flatten() {
                headers.add(name, value);
            }
        }
        if headers.0.is_empty() {
            for (name, value) in self.headers.iter().flatten() {
                if let Some(value) = value {
                    headers.add(name, once(value));
                }
            }
        }
        headers
    }
}

/// An answer in the form that all three carriers take.
pub fn response(answer: Answer) -> ApiGatewayProxyResponse {
    let mut response = ApiGatewayProxyResponse::default();
    response.status_code = answer.status.into();
    let headers = &mut response.headers;
    headers.extend(header(CONTENT_TYPE, answer.content_type));
    if let Some(seconds) = answer.retry_after_seconds {
        headers.insert(RETRY_AFTER, seconds.into());
    }
    if let Some(allow) = answer.allow {
        headers.extend(header(ALLOW, allow));
    }
    response.body = Some(Body::Text(answer.body));
    response
}

/// A header's value, where payload 2.0 joins by a comma what stood there twice.
fn once(value: &str) -> &str {
    let halves = value.split_at_checked(value.len() / 2);
    match halves {
        Some((one, rest)) if !one.is_empty() && rest.strip_prefix(',') == Some(one) => one,
        _ => value,
    }
}

/// The header, or none where the value could not stand in HTTP.
fn header(name: HeaderName, value: &str) -> Option<(HeaderName, HeaderValue)> {
    Some((name, HeaderValue::from_str(value).ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decode(json: &str) -> Decoded {
        let event = serde_json::from_str::<HttpEvent>(json).unwrap();
        event.decode().unwrap()
    }

    #[test]
    fn a_path_loses_stage_and_base_path() {
        for (json, expected) in [
            (r#"{"path":"/ingest"}"#, "/ingest"),
            (
                r#"{"path":"/Prod/ingest/close","requestContext":{"stage":"Prod"}}"#,
                "/ingest/close",
            ),
            (
                r#"{"path":"/hooks/ingest/close","resource":"/ingest/{source}","pathParameters":{"source":"close"}}"#,
                "/ingest/close",
            ),
            (
                r#"{"path":"/hooks/ingest","resource":"/{proxy+}","pathParameters":{"proxy":"ingest"}}"#,
                "/ingest",
            ),
            (
                r#"{"rawPath":"/v1/ingest","routeKey":"POST /ingest","requestContext":{"stage":"$default"}}"#,
                "/ingest",
            ),
            (
                r#"{"rawPath":"/Prod/ingest","routeKey":"$default","requestContext":{"stage":"Prod"}}"#,
                "/ingest",
            ),
            (
                r#"{"rawPath":"/Product/ingest","routeKey":"$default","requestContext":{"stage":"Prod"}}"#,
                "/Product/ingest",
            ),
            (
                r#"{"rawPath":"/x/ingest","routeKey":"$default","requestContext":{"stage":"$default"}}"#,
                "/x/ingest",
            ),
            (
                r#"{"path":"/ingest/x","resource":"/{proxy+}","pathParameters":null}"#,
                "/ingest/x",
            ),
        ] {
            assert_eq!(decode(json).path, expected, "{json}");
        }
    }

    #[test]
    fn a_header_that_stands_twice_with_different_values_counts_as_absent() {
        let headers = decode(
            r#"{"multiValueHeaders":{"X-Twice":["a","b"],"X-Same":["c","c"],"x-One":["d"],"X-ONE":["e"],"Odd":["\u00e9"],"Null":null}}"#,
        )
        .headers;
        assert_eq!(headers.get("x-same"), Some("c"));
        for absent in ["x-twice", "x-one", "odd", "absent"] {
            assert_eq!(headers.get(absent), None, "{absent}");
            assert_eq!(headers.contains(absent), absent != "absent", "{absent}");
        }
    }

    #[test]
    fn a_header_that_an_http_api_joined_counts_once() {
        let headers = decode(r#"{"headers":{"x-id":"a,a","x-signature":"v1,YQ==,v1,YQ==","x-other":"a,b","x-odd":",","x-three":"a,a,a"}}"#).headers;
        for (name, value) in [
            ("x-id", "a"),
            ("x-signature", "v1,YQ=="),
            ("x-other", "a,b"),
            ("x-odd", ","),
            ("x-three", "a,a,a"),
        ] {
            assert_eq!(headers.get(name), Some(value), "{name}");
        }
    }

    #[test]
    fn a_body_is_cut_one_byte_past_the_limit() {
        let event = serde_json::json!({ "body": "x".repeat(BODY_BYTES_MAX + 9) });
        assert_eq!(decode(&event.to_string()).body.len(), BODY_BYTES_MAX + 1);
    }

    #[test]
    fn a_body_that_is_not_the_base64_that_it_is_said_to_be_is_refused_with_400() {
        for body in [r#"{"lead_id":"a"}"#, "e30", "e30==", "e3 0="] {
            let event = serde_json::json!({ "body": body, "isBase64Encoded": true });
            let event = serde_json::from_value::<HttpEvent>(event).unwrap();
            let error = event.decode().unwrap_err();
            assert!(error.to_string().contains("base64"), "{error}");
            let answer = error.refuse();
            assert_eq!(answer.status, 400, "{body}");
            assert!(answer.body.contains(r#""code":"invalid_json""#), "{body}");
        }
        let nothing = decode(r#"{"body":null,"isBase64Encoded":true}"#);
        assert!(nothing.body.is_empty());
    }

    #[test]
    fn an_answer_has_its_headers_and_its_text() {
        let answer = Answer {
            status: 405,
            content_type: "application/problem+json",
            retry_after_seconds: Some(7),
            allow: Some("POST"),
            source: None,
            is_verified: false,
            is_plain: true,
            body: "{}".to_owned(),
        };
        assert_eq!(
            serde_json::to_value(response(answer)).unwrap(),
            serde_json::json!({
                "statusCode": 405,
                "headers": {"content-type": "application/problem+json", "retry-after": "7", "allow": "POST"},
                "multiValueHeaders": {},
                "body": "{}",
                "isBase64Encoded": false,
            })
        );
    }

    #[test]
    fn an_event_without_anything_is_decoded_and_not_an_error() {
        let Decoded {
            method, path, body, ..
        } = decode(
            r#"{"headers":null,"multiValueHeaders":null,"body":null,"pathParameters":null}"#,
        );
        assert_eq!((method + &path, body.len()), (String::new(), 0));
    }
}
