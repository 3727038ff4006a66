//! S3 behind our store.

use anyhow::Result;
use aws_sdk_s3::types::{BucketVersioningStatus, VersioningConfiguration};
use leadwire_aws::{Buckets, S3Store};
use leadwire_pipeline::testkit::laws;
use leadwire_tests::clients::Clients;
use leadwire_tests::emulator::Emulators;
use leadwire_tests::stack::unique_name;

#[tokio::test]
async fn the_laws_of_a_store_hold_over_s3() -> Result<()> {
    let emulators = Emulators::shared().await?;
    let s3 = Clients::new(&emulators.aws, &emulators.mail).s3;
    let name = unique_name();
    let [raw, enriched] = ["raw", "enriched"].map(|bucket| format!("{name}-{bucket}"));
    for bucket in [&raw, &enriched] {
        s3.create_bucket().bucket(bucket).send().await?;
    }
    let buckets = Buckets {
        raw: Some(raw),
        enriched: Some(enriched),
        ..Buckets::default()
    };
    laws::object_store(&S3Store::new(s3, buckets)).await;
    Ok(())
}

#[tokio::test]
async fn the_laws_of_deletion_hold_over_s3_with_versions_and_without() -> Result<()> {
    let emulators = Emulators::shared().await?;
    let s3 = Clients::new(&emulators.aws, &emulators.mail).s3;
    for keeps_versions in [false, true] {
        let bucket = unique_name();
        s3.create_bucket().bucket(&bucket).send().await?;
        if keeps_versions {
            let enabled = VersioningConfiguration::builder()
                .status(BucketVersioningStatus::Enabled)
                .build();
            let request = s3.put_bucket_versioning().bucket(&bucket);
            request.versioning_configuration(enabled).send().await?;
        }
        let buckets = Buckets {
            enriched: Some(bucket),
            ..Buckets::default()
        };
        laws::eraser(&S3Store::new(s3.clone(), buckets), keeps_versions).await;
    }
    Ok(())
}
