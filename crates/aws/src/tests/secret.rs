use super::clients;
use super::server::{Server, Step};
use crate::SecretsManagerStore;
use leadwire_pipeline::port::{PortErrorKind, SecretStore as _};

#[tokio::test]
async fn the_document_is_fetched_where_one_is_configured() {
    let server = Server::start([Step::ok(&[], r#"{"SecretString":"{\"close\":{}}"}"#)]).await;
    let clients = clients(&server).await;
    let document = SecretsManagerStore::new(clients.secrets(), "arn:x")
        .fetch()
        .await
        .unwrap();
    assert_eq!(document.as_deref(), Some(r#"{"close":{}}"#));
    assert_eq!(SecretsManagerStore::none().fetch().await.unwrap(), None);
    assert_eq!(server.requests().len(), 1);
}

#[tokio::test]
async fn a_document_that_cannot_be_fetched_is_an_error_and_never_none() {
    for (step, kind) in [
        (
            Step::json(400, "ResourceNotFoundException"),
            PortErrorKind::Permanent,
        ),
        (
            Step::json(500, "InternalServiceError"),
            PortErrorKind::Transient,
        ),
        (
            Step::ok(&[], r#"{"SecretBinary":"AAAA"}"#),
            PortErrorKind::Permanent,
        ),
    ] {
        let server = Server::start([step.clone()]).await;
        let clients = clients(&server).await;
        let error = SecretsManagerStore::new(clients.secrets(), "arn:x")
            .fetch()
            .await
            .unwrap_err();
        assert_eq!(error.kind, kind, "{step:?}");
    }
}
