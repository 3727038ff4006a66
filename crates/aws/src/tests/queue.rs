use super::clients;
use super::server::{Server, Step};
use crate::SqsDelayQueue;
use leadwire_pipeline::port::{DelayQueue as _, OutgoingMessage, PortErrorKind};
use leadwire_pipeline::trace::TraceContext;

async fn queue(server: &Server) -> SqsDelayQueue {
    SqsDelayQueue::new(
        clients(server).await.sqs(),
        format!("{}/000000000000/delay", server.url()),
    )
}

fn message(trace: TraceContext) -> OutgoingMessage {
    OutgoingMessage {
        body: r#"{"v":1}"#.into(),
        delay_seconds: 600,
        trace,
    }
}

#[tokio::test]
async fn a_message_carries_its_delay_and_its_trace() {
    let server =
        Server::start([Step::ok(&[], r#"{"MessageId":"1","MD5OfMessageBody":"x"}"#)]).await;
    queue(&server)
        .await
        .send(message(TraceContext::of_traceparent(
            "00-00000001020202020202020202020202-0303030303030303-01".to_owned(),
        )))
        .await
        .unwrap();
    let [request] = server.requests().try_into().unwrap();
    assert!(
        request.contains("x-amz-target: amazonsqs.sendmessage"),
        "{request}"
    );
    for part in [
        r#""DelaySeconds":600"#,
        r#""traceparent":{"#,
        r#""AWSTraceHeader":{"#,
        r#"{\"v\":1}"#,
    ] {
        assert!(request.contains(part), "{part} is not in {request}");
    }
    assert!(
        !request.contains("tracestate"),
        "SQS refuses an empty attribute: {request}"
    );
}

#[tokio::test]
async fn an_empty_attribute_is_never_sent() {
    let server = Server::start([Step::ok(&[], r#"{"MessageId":"1"}"#)]).await;
    let empty = Some(String::new());
    let trace = TraceContext {
        traceparent: empty.clone(),
        tracestate: empty.clone(),
        xray: empty,
    };
    queue(&server).await.send(message(trace)).await.unwrap();
    let [request] = server.requests().try_into().unwrap();
    assert!(!request.contains("Attributes"), "{request}");
}

#[tokio::test]
async fn what_may_pass_is_transient_and_what_stays_permanent() {
    for (step, kind, requests) in [
        (
            Step::json(503, "ServiceUnavailable"),
            PortErrorKind::Transient,
            3,
        ),
        (Step::Reset, PortErrorKind::Transient, 3),
        (
            Step::json(400, "QueueDoesNotExist"),
            PortErrorKind::Permanent,
            1,
        ),
        (
            Step::json(403, "AccessDeniedException"),
            PortErrorKind::Permanent,
            1,
        ),
    ] {
        let server = Server::start([step.clone()]).await;
        let error = queue(&server)
            .await
            .send(message(TraceContext::default()))
            .await
            .unwrap_err();
        assert_eq!(
            (error.kind, server.requests().len()),
            (kind, requests),
            "{step:?}"
        );
    }
}

#[tokio::test]
async fn a_visibility_is_changed_by_its_handle() {
    let server = Server::start([Step::ok(&[], "{}")]).await;
    queue(&server)
        .await
        .set_visibility("handle-1", 15)
        .await
        .unwrap();
    let [request] = server.requests().try_into().unwrap();
    assert!(
        request.contains(r#""ReceiptHandle":"handle-1""#)
            && request.contains(r#""VisibilityTimeout":15"#),
        "{request}"
    );
}
