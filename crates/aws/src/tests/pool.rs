//! How many connections there are.

use super::clients;
use super::server::{Server, Step};
use crate::pool::CONNECTIONS_MAX;
use crate::{Buckets, S3Store};
use futures_util::future::join_all;
use leadwire_pipeline::port::{Bucket, NewObject, ObjectStore as _};
use std::time::Duration;

/// How long the service takes, so that calls are under way at once.
const LATE: Duration = Duration::from_millis(100);

#[tokio::test]
async fn no_more_connections_are_made_to_a_host_than_the_limit_and_all_of_them_are_used_again() {
    let done = Step::ok(&["etag: \"1\""], "");
    let server = Server::start([Step::Late(LATE, Box::new(done))]).await;
    let buckets = Buckets {
        raw: Some("raw".to_owned()),
        ..Buckets::default()
    };
    let store = S3Store::new(clients(&server).await.s3(), buckets);
    let put_all = async |count: usize| {
        let puts = (0..count).map(|number| {
            let key = format!("raw/{number}.json");
            let store = &store;
            async move {
                let object = NewObject::of(b"{}".to_vec());
                store.put(Bucket::Raw, &key, object).await
            }
        });
        let put: Result<Vec<()>, _> = join_all(puts).await.into_iter().collect();
        put.unwrap();
    };
    put_all(3 * CONNECTIONS_MAX).await;
    assert_eq!(server.connections(), CONNECTIONS_MAX);
    put_all(CONNECTIONS_MAX).await;
    assert_eq!(server.connections(), CONNECTIONS_MAX);
    assert_eq!(server.requests().len(), 4 * CONNECTIONS_MAX);
}
