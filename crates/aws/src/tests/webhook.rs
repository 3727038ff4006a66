use super::clients;
use super::server::{Server, Step};
use leadwire_pipeline::port::{PortErrorKind, WebhookSender as _};

#[tokio::test]
async fn a_webhook_is_posted_once_with_its_headers_and_any_status_is_an_answer() {
    let refusal = Step::Answer(503, vec!["retry-after: 5".to_owned()], "{}".to_owned());
    let server = Server::start([Step::ok(&[], r#"{"status":"accepted"}"#), refusal]).await;
    let sender = clients(&server)
        .await
        .webhooks(format!("{}/Prod/ingest/canary", server.url()));
    let post = || sender.post(vec![("webhook-id", "lw_1".to_owned())], b"{}".to_vec());
    let taken = post().await.unwrap();
    assert_eq!(
        (taken.status, taken.body.as_slice()),
        (200, br#"{"status":"accepted"}"#.as_slice())
    );
    let refused = post().await.unwrap();
    assert_eq!((refused.status, refused.body.as_slice()), (503, &b"{}"[..]));
    let requests = server.requests();
    let [first, _second] = requests.as_slice() else {
        panic!("{requests:?}")
    };
    assert!(
        first.starts_with("post /prod/ingest/canary http/1.1"),
        "{first}"
    );
    assert!(first.contains("webhook-id: lw_1"), "{first}");
    assert!(first.contains("content-length: 2"), "{first}");
    assert!(first.ends_with("{}"), "{first}");
}

#[tokio::test]
async fn an_address_that_does_not_answer_is_a_transient_failure_and_is_not_asked_again() {
    let server = Server::start([Step::Reset]).await;
    let sender = clients(&server).await.webhooks(server.url());
    let error = sender.post(Vec::new(), Vec::new()).await.unwrap_err();
    assert_eq!(error.kind, PortErrorKind::Transient);
    assert_eq!(server.requests().len(), 1);
    let nowhere = clients(&server).await.webhooks("not an address");
    let error = nowhere.post(Vec::new(), Vec::new()).await.unwrap_err();
    assert_eq!(error.kind, PortErrorKind::Permanent);
}
