use super::clients;
use super::server::{Server, Step};
use crate::SecretsManagerStore;
use leadwire_pipeline::port::SecretStore as _;

#[tokio::test]
async fn the_document_is_fetched_where_one_is_configured() {
    let server = Server::start([Step::ok(&[], r#"{"SecretString":"{\"close\":{}}"}"#)]).await;
    let client = clients(&server).await.secrets();
    let document = SecretsManagerStore::new(client, "arn:x").fetch().await;
    assert_eq!(document.unwrap().as_deref(), Some(r#"{"close":{}}"#));
    assert_eq!(SecretsManagerStore::none().fetch().await.unwrap(), None);
    assert_eq!(server.requests().len(), 1);
}
