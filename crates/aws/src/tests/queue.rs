use super::clients;
use super::server::{Server, Step};
use crate::SqsDelayQueue;
use leadwire_pipeline::port::{DelayQueue as _, OutgoingMessage, PortErrorKind};
use leadwire_pipeline::trace::TraceContext;

const TRACEPARENT: &str = "00-00000001020202020202020202020202-0303030303030303-01";

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
    let trace = TraceContext::of_traceparent(TRACEPARENT.to_owned());
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

fn messages(count: usize) -> Vec<OutgoingMessage> {
    let numbers = 0..count;
    numbers
        .map(|number| OutgoingMessage {
            body: format!("m{number}"),
            delay_seconds: 600,
            trace: TraceContext::of_traceparent(TRACEPARENT.to_owned()),
        })
        .collect()
}

/// The entries of an answer, by their ids.
fn entries(ids: impl IntoIterator<Item = usize>) -> String {
    let entry = |id| format!(r#"{{"Id":"{id}","MessageId":"1","MD5OfMessageBody":"x"}}"#);
    let entries: Vec<_> = ids.into_iter().map(entry).collect();
    entries.join(",")
}

fn taken(count: usize) -> Step {
    let answer = format!(r#"{{"Successful":[{}]}}"#, entries(0..count));
    Step::ok(&[], &answer)
}

/// What the answer to a batch of three means.
async fn sent_three(answer: Step) -> Result<(), (PortErrorKind, String)> {
    let server = Server::start([answer]).await;
    let sent = queue(&server).await.send_all(messages(3)).await;
    sent.map_err(|error| (error.kind, error.source.to_string()))
}

#[tokio::test]
async fn several_messages_go_in_batches_of_ten_each_with_its_delay_and_its_trace() {
    let server = Server::start([taken(10)]).await;
    queue(&server).await.send_all(messages(20)).await.unwrap();
    let requests = server.requests();
    assert_eq!(requests.len(), 2);
    for request in requests {
        assert!(request.contains("x-amz-target: amazonsqs.sendmessagebatch"));
        for (part, count) in [
            (r#""Id":"#, 10),
            (r#""DelaySeconds":600"#, 10),
            (r#""traceparent":{"#, 10),
            (r#""AWSTraceHeader":{"#, 10),
        ] {
            assert_eq!(request.matches(part).count(), count, "{part} {request}");
        }
    }
}

#[tokio::test]
async fn a_batch_is_sent_only_where_every_message_is_said_to_be() {
    let failed = |id: usize, is_ours: bool| {
        format!(
            r#"{{"Id":"{id}","SenderFault":{is_ours},"Code":"InternalError","Message":"words"}}"#
        )
    };
    let answer = |successful: &str, failed: &str| {
        Step::ok(
            &[],
            &format!(r#"{{"Successful":[{successful}],"Failed":[{failed}]}}"#),
        )
    };
    assert_eq!(sent_three(taken(3)).await, Ok(()));
    let one_failed = |place| {
        answer(
            &entries((0..3).filter(|id| *id != place)),
            &failed(place, false),
        )
    };
    for place in 0..3 {
        let words = "1 of 3 messages were not taken: InternalError".to_owned();
        let expected = Err((PortErrorKind::Transient, words));
        assert_eq!(sent_three(one_failed(place)).await, expected);
    }
    let mixed = format!("{},{}", failed(0, true), failed(1, false));
    for (step, kind, words) in [
        // Nothing is said of the third.
        (
            taken(2),
            PortErrorKind::Transient,
            "1 of 3 messages were not taken: ",
        ),
        (
            Step::ok(&[], "{}"),
            PortErrorKind::Transient,
            "3 of 3 messages were not taken: ",
        ),
        (
            answer(&entries([2]), &mixed),
            PortErrorKind::Transient,
            "2 of 3 messages were not taken: InternalError",
        ),
        (
            answer(&entries([0, 1]), &failed(2, true)),
            PortErrorKind::Permanent,
            "1 of 3 messages were not taken: InternalError",
        ),
    ] {
        assert_eq!(sent_three(step).await, Err((kind, words.to_owned())));
    }
}

#[tokio::test]
async fn one_batch_of_several_that_fails_is_an_error() {
    let refused = Step::json(400, "AWS.SimpleQueueService.QueueDoesNotExist");
    let server = Server::start([taken(10), refused]).await;
    let sent = queue(&server).await.send_all(messages(11)).await;
    assert!(sent.is_err());
    assert_eq!(server.requests().len(), 2);
}
