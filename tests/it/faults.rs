//! The fronts that break on demand.

use anyhow::{Context, Result};
use aws_sdk_sqs::error::ProvideErrorMetadata;
use leadwire_tests::clients::Clients;
use leadwire_tests::emulator::Emulators;
use leadwire_tests::fault::{Fault, Front};
use leadwire_tests::stack::unique_name;

async fn bucket() -> Result<(Front, Clients, String)> {
    let emulators = Emulators::shared().await?;
    let front = Front::start(&emulators.aws).await?;
    let clients = Clients::new(&front.url(), &emulators.mail);
    let name = unique_name();
    clients.s3.create_bucket().bucket(&name).send().await?;
    Ok((front, clients, name))
}

#[tokio::test]
async fn a_refusal_is_an_error_of_the_service_and_ends_after_its_times() -> Result<()> {
    let (front, clients, bucket) = bucket().await?;
    let put = clients
        .s3
        .put_object()
        .bucket(&bucket)
        .key("k")
        .body(b"1".to_vec().into());
    put.send().await?;
    front.inject(1, Fault::s3(403, "AccessDenied"), |request| {
        request.method() == "GET"
    });
    let get = || clients.s3.get_object().bucket(&bucket).key("k").send();
    let refused = get().await.err().context("refused once")?;
    assert_eq!(refused.code(), Some("AccessDenied"), "{refused:?}");
    let object = get().await?;
    assert_eq!(object.body.collect().await?.into_bytes().as_ref(), b"1");
    Ok(())
}

#[tokio::test]
async fn a_reply_lost_after_the_write_meets_its_own_object_at_the_retry() -> Result<()> {
    let (front, clients, bucket) = bucket().await?;
    front.inject(1, Fault::CutAfter, |request| request.method() == "PUT");
    let put = clients
        .s3
        .put_object()
        .bucket(&bucket)
        .key("k")
        .if_none_match("*");
    let lost = put
        .body(b"1".to_vec().into())
        .send()
        .await
        .err()
        .context("the SDK tried again")?;
    assert_eq!(lost.code(), Some("PreconditionFailed"), "{lost:?}");
    let object = clients
        .s3
        .get_object()
        .bucket(&bucket)
        .key("k")
        .send()
        .await?;
    assert_eq!(object.body.collect().await?.into_bytes().as_ref(), b"1");
    let broken = front.calls().iter().filter(|call| call.broken).count();
    assert_eq!(broken, 1, "{:?}", front.calls());
    Ok(())
}
