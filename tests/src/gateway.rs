//! API Gateway in front of the ingestion function, on 127.0.0.1, so that any client (curl too) can post to it.

use anyhow::{Context, Result};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use hyper::StatusCode;
use hyper::header::{HeaderName, HeaderValue};
use serde_json::{Value, json};

use crate::event::{self, Shape};
use crate::function::Function;
use crate::http::{self, Answer, Request, Response, Server};
use crate::instance::Outcome;
use crate::json::At;

/// A REST API with the two routes of the template.
#[derive(Debug)]
pub struct Gateway(Server);

impl Gateway {
    /// Serves `/Prod/ingest` and `/Prod/ingest/{source}` with a function, in events of this shape.
    ///
    /// # Errors
    /// No port is free.
    pub async fn start(function: &Function, shape: Shape) -> Result<Self> {
        let function = function.clone();
        let server = Server::start(move |request| {
            let function = function.clone();
            async move { Answer::Reply(serve(&function, shape, request).await) }
        });
        Ok(Self(server.await?))
    }

    /// The output `ApiUrl`: what the paths hang below.
    pub fn url(&self) -> String {
        format!("{}/{}", self.0.url(), event::STAGE)
    }
}

async fn serve(function: &Function, shape: Shape, mut request: Request) -> Response {
    let path = request.uri().path().to_owned();
    let route = path.strip_prefix("/Prod").filter(|route| is_routed(route));
    let Some(route) = route else {
        return refusal(StatusCode::NOT_FOUND, "not_found");
    };
    for (name, value) in [
        ("x-forwarded-for", "203.0.113.7"),
        ("x-forwarded-proto", "https"),
    ] {
        request
            .headers_mut()
            .insert(name, HeaderValue::from_static(value));
    }
    let outcome = function.invoke(&event::web(shape, route, &request)).await;
    match outcome {
        Ok(Outcome::Response(payload)) => response(&payload)
            .unwrap_or_else(|error| refusal(StatusCode::BAD_GATEWAY, &format!("{error:#}"))),
        // The template turns what the gateway says of a broken function into 503; a test wants to see it.
        other => refusal(StatusCode::BAD_GATEWAY, &format!("{other:?}")),
    }
}

fn is_routed(route: &str) -> bool {
    let segments: Vec<&str> = route.split('/').collect();
    matches!(segments.as_slice(), ["", "ingest"])
        || matches!(segments.as_slice(), ["", "ingest", source] if !source.is_empty())
}

fn refusal(status: StatusCode, code: &str) -> Response {
    let body = json!({"type": "about:blank", "status": status.as_u16(), "code": code});
    http::text(status, "application/problem+json", body.to_string())
}

/// Turns a function's answer into HTTP as API Gateway does.
///
/// # Errors
/// The answer is malformed, which API Gateway calls 502.
pub fn response(payload: &[u8]) -> Result<Response> {
    let answer: Value = serde_json::from_slice(payload).context("the answer is not JSON")?;
    let status = answer
        .at("statusCode")
        .as_u64()
        .context("the answer has no statusCode")?;
    let body = answer.at("body").as_str().unwrap_or_default();
    let body = if answer.at("isBase64Encoded").as_bool() == Some(true) {
        Bytes::from(STANDARD.decode(body)?)
    } else {
        Bytes::copy_from_slice(body.as_bytes())
    };
    let mut response = Response::new(body);
    *response.status_mut() = StatusCode::from_u16(u16::try_from(status)?)?;
    let single = answer.at("headers").as_object().into_iter().flatten();
    for (name, value) in single {
        append(&mut response, name, value)?;
    }
    for (name, values) in answer
        .at("multiValueHeaders")
        .as_object()
        .into_iter()
        .flatten()
    {
        for value in values.as_array().into_iter().flatten() {
            append(&mut response, name, value)?;
        }
    }
    Ok(response)
}

fn append(response: &mut Response, name: &str, value: &Value) -> Result<()> {
    let name = HeaderName::from_bytes(name.as_bytes())?;
    let value = HeaderValue::from_str(value.as_str().context("a header is a text")?)?;
    if name != hyper::header::CONTENT_LENGTH
        && !response
            .headers()
            .get_all(&name)
            .iter()
            .any(|old| old == value)
    {
        response.headers_mut().append(name, value);
    }
    Ok(())
}
