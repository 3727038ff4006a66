//! What a source signed and is no event, on a deployed stack: an operator lists it, reads it again, and it is an event that comes now.

use anyhow::{Result, bail, ensure};
use leadwire_pipeline::operate::quarantine::{Retried, find, list, retry};
use leadwire_pipeline::port::{Bucket, NewObject, ObjectStore as _, Ports};
use leadwire_pipeline::secrets::SecretCache;
use leadwire_pipeline::settings::IngestConfig;
use leadwire_pipeline::stage::ingest::Ingest;
use leadwire_pipeline::testkit::FakeSecrets;
use leadwire_tests::accepted::Accepted;
use leadwire_tests::emulator::Emulators;
use leadwire_tests::house::{House, HouseOptions};
use leadwire_tests::http::Response;
use leadwire_tests::secret::{self, StandardSender};
use serde_json::json;

use crate::forget::operator;

/// The lead's id is in another place than where it is looked for.
const ODD: &str = r#"{"type":"lead.created","data":{"id":"kept-1","display_name":"Zoë"}}"#;

/// The same as it may be read one day.
fn good() -> String {
    ODD.replace(r#""id""#, r#""lead_id""#)
}

async fn build(sender: &StandardSender) -> Result<House> {
    let emulators = Emulators::shared().await?;
    let arn = secret::store(&emulators.aws, &sender.document()).await?;
    House::build(HouseOptions {
        environment: vec![("SOURCES_SECRET_ARN", arn)],
        ..HouseOptions::prompt()
    })
    .await
}

async fn post(house: &House, sender: &StandardSender, body: &str) -> Result<Response> {
    let signed = sender.sign("msg_1", body)?;
    let path = "/ingest/standard";
    house.post(path, &signed.headers(), body).await
}

/// How many versions and marks of deletions there are below a prefix.
async fn versions(house: &House, prefix: &str) -> Result<usize> {
    let bucket = house.stack.output("EnrichedBucketName")?;
    let list = house.clients.s3.list_object_versions();
    let reply = list.bucket(bucket).prefix(prefix).send().await?;
    Ok(reply.versions().len() + reply.delete_markers().len())
}

#[tokio::test]
async fn what_was_kept_is_listed_found_and_once_it_can_be_read_mailed_once() -> Result<()> {
    let sender = StandardSender::new([7; 32]);
    let house = build(&sender).await?;
    house.assign("kept-1", "Omar").await?;
    assert_eq!(post(&house, &sender, ODD).await?.status(), 400);

    let home = operator(&house)?;
    let secrets = FakeSecrets::default();
    secrets.set(&sender.document().to_string());
    let config = IngestConfig { delay_seconds: 0 };
    let ingest = Ingest::new(home.clone(), SecretCache::new(secrets, "prod"), config);
    let Ports { store, .. } = &*home;
    let [kept] = &*list(&*home).await? else {
        bail!("one is kept");
    };
    assert_eq!(
        (kept.source(), &*kept.bytes),
        (Some("standard"), ODD.as_bytes())
    );
    let digits = kept.key.split_at("quarantine/".len()).1.split_at(12).0;
    assert_eq!(find(&*home, digits).await?, [&*kept.key]);
    let refused = retry(&*home, &ingest, kept).await?;
    ensure!(matches!(refused, Retried::Refused(_)), "{refused:?}");

    // Stands for a version that reads it: other bytes, the same labels.
    let head = house.clients.s3.head_object().key(&kept.key);
    let head = head.bucket(house.stack.output("EnrichedBucketName")?);
    let labels = head.send().await?.metadata.unwrap_or_default();
    let object = NewObject {
        bytes: good().into_bytes(),
        metadata: labels.into_iter().collect(),
    };
    store.put(Bucket::Enriched, &kept.key, object).await?;
    let [kept] = &*list(&*home).await? else {
        bail!("one is kept");
    };
    let Retried::Taken(again) = retry(&*home, &ingest, kept).await? else {
        bail!("it can be read");
    };
    assert_eq!(
        json!(
            again
                .accepted
                .iter()
                .map(|event| event.event_id.as_str())
                .collect::<Vec<_>>()
        ),
        json!(["msg_1"])
    );
    assert_eq!(versions(&house, "quarantine/").await?, 0);
    house.mails(1).await?;

    // The sender comes again, in the form that is read.
    let answer = post(&house, &sender, &good()).await?;
    assert_eq!(Accepted::read(&answer)?["duplicate"], true);
    house.quiet().await?;
    assert_eq!(house.mails_taken(), 1);
    Ok(())
}
