use super::clients;
use super::server::{Server, Step};
use crate::SqsDelayQueue;
use leadwire_pipeline::port::{DelayQueue as _, OutgoingMessage};
use leadwire_pipeline::trace::TraceContext;

async fn queue(server: &Server) -> SqsDelayQueue {
    let url = format!("{}/000000000000/delay", server.url());
    SqsDelayQueue::new(clients(server).await.sqs(), url)
}

/// The request by which a message of this trace is sent.
async fn sent(trace: TraceContext, parts: &[&str]) -> String {
    let answer = r#"{"MessageId":"1","MD5OfMessageBody":"x"}"#;
    let server = Server::start([Step::ok(&[], answer)]).await;
    let message = OutgoingMessage {
        body: r#"{"v":1}"#.into(),
        delay_seconds: 600,
        trace,
    };
    queue(&server).await.send(message).await.unwrap();
    server.check_request(parts)
}

#[tokio::test]
async fn a_message_carries_its_delay_and_its_trace() {
    let traceparent = "00-00000001020202020202020202020202-0303030303030303-01";
    let trace = TraceContext::of_traceparent(traceparent.to_owned());
    let parts = [
        "x-amz-target: amazonsqs.sendmessage",
        r#""DelaySeconds":600"#,
        r#""traceparent":{"#,
        r#""AWSTraceHeader":{"#,
        r#"{\"v\":1}"#,
    ];
    let request = sent(trace, &parts).await;
    assert!(
        !request.contains("tracestate"),
        "SQS refuses an empty attribute: {request}"
    );
}

#[tokio::test]
async fn an_empty_attribute_is_never_sent() {
    let empty = Some(String::new());
    let trace = TraceContext {
        traceparent: empty.clone(),
        tracestate: empty.clone(),
        xray: empty,
    };
    let request = sent(trace, &[]).await;
    assert!(!request.contains("Attributes"), "{request}");
}

#[tokio::test]
async fn a_visibility_is_changed_by_its_handle() {
    let server = Server::start([Step::ok(&[], "{}")]).await;
    let queue = queue(&server).await;
    queue.set_visibility("handle-1", 15).await.unwrap();
    server.check_request(&[r#""ReceiptHandle":"handle-1""#, r#""VisibilityTimeout":15"#]);
}
