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

#[tokio::test]
async fn the_version_from_before_is_asked_for_by_its_label_and_its_absence_is_no_error() {
    let absent = Step::json(400, "ResourceNotFoundException");
    let found = Step::ok(&[], r#"{"SecretString":"{}"}"#);
    let server = Server::start([found, absent]).await;
    let store = SecretsManagerStore::new(clients(&server).await.secrets(), "arn:x");
    assert_eq!(store.fetch_previous().await.unwrap().as_deref(), Some("{}"));
    assert_eq!(store.fetch_previous().await.unwrap(), None);
    assert!(
        store.fetch().await.is_err(),
        "the current one must be there"
    );
    let asked = server.requests();
    let with_label = asked.iter().map(|one| one.contains("AWSPREVIOUS"));
    assert_eq!(with_label.collect::<Vec<_>>(), [true, true, false]);
}
