//! The fronts that break on demand.

use anyhow::{Context, Result};
use aws_sdk_s3::operation::put_object::builders::PutObjectFluentBuilder;
use aws_sdk_sqs::error::ProvideErrorMetadata;
use leadwire_tests::clients::Clients;
use leadwire_tests::emulator::Emulators;
use leadwire_tests::fault::{Fault, Front};
use leadwire_tests::stack::unique_name;

struct Store {
    front: Front,
    clients: Clients,
    bucket: String,
}

impl Store {
    async fn start() -> Result<Self> {
        let emulators = Emulators::shared().await?;
        let front = Front::start(&emulators.aws).await?;
        let clients = Clients::new(&front.url(), &emulators.mail);
        let bucket = unique_name();
        clients.s3.create_bucket().bucket(&bucket).send().await?;
        Ok(Self {
            front,
            clients,
            bucket,
        })
    }

    fn put(&self) -> PutObjectFluentBuilder {
        let put = self.clients.s3.put_object().bucket(&self.bucket);
        put.key("k").body(b"1".to_vec().into())
    }

    async fn check_stored(&self) -> Result<()> {
        let stored = self.clients.bytes(&self.bucket, "k").await?;
        assert_eq!(stored.context("an object")?, "1");
        Ok(())
    }
}

#[tokio::test]
async fn a_refusal_is_an_error_of_the_service_and_ends_after_its_times() -> Result<()> {
    let store = Store::start().await?;
    store.put().send().await?;
    let denied = Fault::s3(403, "AccessDenied");
    let front = &store.front;
    front.inject(1, denied, |request| request.method() == "GET");
    let get = store.clients.s3.get_object().bucket(&store.bucket).key("k");
    let refused = get.send().await.err().context("refused once")?;
    assert_eq!(refused.code(), Some("AccessDenied"), "{refused:?}");
    store.check_stored().await
}

#[tokio::test]
async fn a_reply_lost_after_the_write_meets_its_own_object_at_the_retry() -> Result<()> {
    let store = Store::start().await?;
    let front = &store.front;
    front.inject(1, Fault::CutAfter, |request| request.method() == "PUT");
    let lost = store.put().if_none_match("*").send().await;
    let lost = lost.err().context("the SDK tried again")?;
    assert_eq!(lost.code(), Some("PreconditionFailed"), "{lost:?}");
    store.check_stored().await?;
    let calls = store.front.calls();
    let broken = calls.iter().filter(|call| call.broken).count();
    assert_eq!(broken, 1, "{calls:?}");
    Ok(())
}
