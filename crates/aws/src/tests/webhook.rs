use super::clients;
use super::server::{Server, Step};
use leadwire_pipeline::port::{PortErrorKind, WebhookSender as _};

#[tokio::test]
async fn a_webhook_is_posted_once_with_its_headers_and_any_status_is_an_answer() {
    let refusal = Step::Answer(503, vec!["retry-after: 5".to_owned()], "{}".to_owned());
    let server = Server::start([Step::ok(&[], r#"{"status":"accepted"}"#), refusal]).await;
    let url = format!("{}/Prod/ingest/canary", server.url());
    let sender = clients(&server).await.webhooks(url);
    let post = async || {
        let headers = vec![("webhook-id", "lw_1".to_owned())];
        let reply = sender.post(headers, b"{}".to_vec()).await.unwrap();
        (reply.status, String::from_utf8(reply.body).unwrap())
    };
    assert_eq!(post().await, (200, r#"{"status":"accepted"}"#.to_owned()));
    let [first] = server.requests().try_into().unwrap();
    assert_eq!(post().await, (503, "{}".to_owned()));
    assert_eq!(server.requests().len(), 2);
    assert!(
        first.starts_with("post /prod/ingest/canary http/1.1"),
        "{first}"
    );
    assert!(first.contains("webhook-id: lw_1"), "{first}");
    assert!(first.contains("content-length: 2"), "{first}");
    assert!(first.ends_with("{}"), "{first}");
}

#[tokio::test]
async fn an_address_that_is_none_is_a_permanent_failure() {
    let server = Server::start([Step::RESET]).await;
    let nowhere = clients(&server).await.webhooks("not an address");
    let error = nowhere.post(Vec::new(), Vec::new()).await.unwrap_err();
    assert_eq!(error.kind, PortErrorKind::Permanent);
}
