//! API Gateway in front of the ingestion function, on 127.0.0.1, so that any client (curl too) can post to it.

use anyhow::{Context, Result};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hyper::StatusCode;
use hyper::header::{CONTENT_LENGTH, HeaderMap, HeaderName, HeaderValue};
use serde_json::{Value, json};

use crate::event::{self, Shape};
use crate::function::Function;
use crate::http::{self, Answer, Request, Response, Server};
use crate::json::At;

/// A REST API with the two routes of the template.
#[derive(Debug)]
pub struct Gateway(Server);

impl Gateway {
    /// Serves `/Prod/ingest` and `/Prod/ingest/{source}` with a function, in events of this shape.
    pub async fn start(function: &Function, shape: Shape) -> Result<Self> {
        let server = Server::start((function.clone(), shape), serve);
        Ok(Self(server.await?))
    }

    /// The output `ApiUrl`: what the paths hang below.
    pub fn url(&self) -> String {
        format!("{}/{}", self.0.url(), event::STAGE)
    }
}

async fn serve((function, shape): (Function, Shape), mut request: Request) -> Answer {
    let path = request.uri().path().to_owned();
    let route = path.strip_prefix("/Prod").filter(|route| is_routed(route));
    let Some(route) = route else {
        return Some(refusal(StatusCode::NOT_FOUND, "not_found"));
    };
    let headers = request.headers_mut();
    headers.insert("x-forwarded-for", HeaderValue::from_static("203.0.113.7"));
    headers.insert("x-forwarded-proto", HeaderValue::from_static("https"));
    let answer = function.answer(&event::web(shape, route, &request)).await;
    let response = answer.and_then(|answer| response(&answer));
    // The template turns what the gateway says of a broken function into 503; a test wants to see it.
    let broken = |error| refusal(StatusCode::BAD_GATEWAY, &format!("{error:#}"));
    Some(response.unwrap_or_else(broken))
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
pub fn response(answer: &Value) -> Result<Response> {
    let status = answer.at("statusCode").as_u64();
    let status = status.context("the answer has no statusCode")?;
    let body = answer.at("body").text();
    let body = if answer.at("isBase64Encoded") == true {
        STANDARD.decode(body)?
    } else {
        body.as_bytes().to_vec()
    };
    let mut response = Response::new(body.into());
    *response.status_mut() = StatusCode::from_u16(u16::try_from(status)?)?;
    let single = answer.at("headers").as_object().into_iter().flatten();
    let several = answer.at("multiValueHeaders").as_object();
    let several = several.into_iter().flatten().flat_map(|(name, values)| {
        let values = values.items().iter();
        values.map(move |value| (name, value))
    });
    for (name, value) in single.chain(several) {
        append(response.headers_mut(), name, value)?;
    }
    Ok(response)
}

fn append(headers: &mut HeaderMap, name: &str, value: &Value) -> Result<()> {
    let name = HeaderName::from_bytes(name.as_bytes())?;
    let value = HeaderValue::from_str(value.as_str().context("a header is a text")?)?;
    let is_there = headers.get_all(&name).iter().any(|old| old == value);
    if name != CONTENT_LENGTH && !is_there {
        headers.append(name, value);
    }
    Ok(())
}
