//! The events that the harness writes are those that AWS writes.

use anyhow::{Context, Result};
use bytes::Bytes;
use leadwire_tests::event::{Shape, web};
use leadwire_tests::gateway;
use leadwire_tests::http::Request;
use serde_json::json;

fn post(path: &str) -> Result<Request> {
    let request = hyper::Request::post(path)
        .header("content-type", "application/json")
        .header("webhook-signature", "v1,a")
        .header("webhook-signature", "v1,b");
    Ok(request.body(Bytes::from_static(b"{\"a\":1}"))?)
}

#[test]
fn a_rest_event_tells_the_path_without_and_with_the_stage() -> Result<()> {
    let event = web(Shape::Rest, "/ingest/close", &post("/Prod/ingest/close")?);
    assert_eq!(event["path"], "/ingest/close");
    assert_eq!(event["requestContext"]["path"], "/Prod/ingest/close");
    assert_eq!(event["resource"], "/ingest/{source}");
    assert_eq!(event["pathParameters"], json!({"source": "close"}));
    assert_eq!(event["requestContext"]["stage"], "Prod");
    Ok(())
}

#[test]
fn a_rest_event_carries_its_body_in_base64_and_every_value_of_a_header() -> Result<()> {
    let event = web(Shape::Rest, "/ingest", &post("/Prod/ingest")?);
    assert_eq!(event["isBase64Encoded"], true);
    assert_eq!(event["body"], "eyJhIjoxfQ==");
    assert_eq!(event["headers"]["Webhook-Signature"], "v1,b");
    let all = &event["multiValueHeaders"]["Webhook-Signature"];
    assert_eq!(*all, json!(["v1,a", "v1,b"]));
    Ok(())
}

#[test]
fn an_http_api_names_its_stage_in_the_path_and_a_function_url_has_none() -> Result<()> {
    let http = web(Shape::Http, "/ingest", &post("/Prod/ingest")?);
    assert_eq!(http["version"], "2.0");
    assert_eq!(http["rawPath"], "/Prod/ingest");
    let url = web(Shape::FunctionUrl, "/ingest", &post("/ingest")?);
    assert_eq!(url["rawPath"], "/ingest");
    assert_eq!(url["requestContext"]["stage"], "$default");
    assert_eq!(url["requestContext"]["http"]["method"], "POST");
    Ok(())
}

#[test]
fn an_answer_of_a_function_becomes_http() -> Result<()> {
    let payload = json!({
        "statusCode": 202, "headers": {"Content-Type": "application/json"},
        "multiValueHeaders": {"X-A": ["1", "2"]}, "body": "e30=", "isBase64Encoded": true,
    });
    let response = gateway::response(&payload)?;
    assert_eq!(response.status(), 202);
    assert_eq!(response.body(), "{}");
    assert_eq!(response.headers().get_all("x-a").iter().count(), 2);
    let broken = gateway::response(&json!({})).err();
    let broken = broken.context("an answer without a status is broken")?;
    assert!(broken.to_string().contains("statusCode"), "{broken}");
    Ok(())
}
