//! A lead forgotten on a deployed stack: every version of what is stored goes, also what a deletion hid, and another lead whose id begins
//! alike stays; the audit adds up before and after.

use std::collections::BTreeSet;
use std::sync::Arc;

use anyhow::{Context, Result, ensure};
use jiff::SignedDuration;
use leadwire_aws::{Buckets, OsEntropy, S3Store, SqsDelayQueue, SystemClock};
use leadwire_domain::lead::id::LeadId;
use leadwire_pipeline::operate::audit::{Audit, AuditConfig, AuditReport, QueueSeen};
use leadwire_pipeline::operate::forget::{
    Forget, ForgetConfig, Forgotten, TombstoneMode, make_tombstones,
};
use leadwire_pipeline::port::{NoMailer, Ports};
use leadwire_pipeline::testkit::sweep_config;
use leadwire_tests::accepted::{Accepted, key_in};
use leadwire_tests::house::House;
use leadwire_tests::rig::flat;

pub(crate) type Operator = Ports<S3Store, SqsDelayQueue, NoMailer, SystemClock, OsEntropy>;

/// The stack as an operator's command sees it.
pub(crate) fn operator(house: &House) -> Result<Arc<Operator>> {
    let bucket = |output: &str| anyhow::Ok(Some(house.stack.output(output)?.to_owned()));
    let buckets = Buckets {
        raw: bucket("RawBucketName")?,
        lookup: bucket("LookupBucketName")?,
        enriched: bucket("EnrichedBucketName")?,
        owner: None,
    };
    let queue = house.stack.output("DelayQueueUrl")?;
    Ok(Arc::new(Ports {
        store: S3Store::new(house.clients.s3.clone(), buckets),
        queue: SqsDelayQueue::new(house.clients.sqs.clone(), queue),
        mailer: NoMailer,
        clock: SystemClock,
        entropy: OsEntropy,
    }))
}

async fn forget(house: &House, lead_id: &str) -> Result<Forgotten> {
    let config = ForgetConfig {
        lease: SignedDuration::from_secs(1),
        owner_file: true,
    };
    let forget = Forget::new(operator(house)?, config);
    let found = forget.find(&LeadId::parse(lead_id)?).await?;
    Ok(forget
        .run(&found, std::future::pending(), &mut |_step| ())
        .await?)
}

async fn audit(house: &House) -> Result<AuditReport> {
    let config = AuditConfig {
        sweep: sweep_config(),
        expires: true,
    };
    let audit = Audit::new(operator(house)?, config);
    let queue = async || Ok(QueueSeen::default());
    let report = audit.run(queue, &mut |_step| ()).await?;
    ensure!(report.is_sound(), "{report:?}");
    Ok(report)
}

/// The keys of which any version is left, or a mark of a deletion.
async fn versions(house: &House, output: &str) -> Result<Vec<String>> {
    let bucket = house.stack.output(output)?;
    let listed = house.clients.s3.list_object_versions().bucket(bucket);
    let listed = listed.send().await?;
    let there = listed.versions().iter().filter_map(|version| version.key());
    let hidden = listed.delete_markers().iter().filter_map(|mark| mark.key());
    Ok(there.chain(hidden).map(str::to_owned).collect())
}

async fn accepted(house: &House, lead_id: &str) -> Result<Accepted> {
    let headers = [("Idempotency-Key", lead_id)];
    house.accepted("/ingest", &headers, &flat(lead_id)).await
}

#[tokio::test]
async fn a_forgotten_lead_leaves_a_tombstone_alone_and_does_not_come_back() -> Result<()> {
    let house = House::prompt().await?;
    let mut keys = Vec::new();
    for lead_id in ["gone", "gone_1"] {
        // Written twice: the owner file has an older version.
        for owner in ["Olga", "Omar"] {
            house.assign(lead_id, owner).await?;
        }
        let event = accepted(&house, lead_id).await?;
        keys.push(event.key().to_owned());
    }
    house.mails(2).await?;
    house.quiet().await?;
    let before = audit(&house).await?.account;
    assert_eq!((before.received, before.mailed), (2, 2));

    // As the bucket's lifecycle does: the object is hidden, and its version is still there.
    let (gone, kept) = (&keys[0], &keys[1]);
    let raw = house.stack.output("RawBucketName")?;
    let hide = house.clients.s3.delete_object().bucket(raw).key(gone);
    hide.send().await?;

    let done = forget(&house, "gone").await?;
    assert_eq!((done.events, done.versions, done.owner_file), (1, 3, 2));
    // The tombstone is the only version of its raw object.
    let raw = BTreeSet::from([gone.as_str(), kept.as_str()]);
    let raw_versions = versions(&house, "RawBucketName").await?;
    assert_eq!(raw_versions.len(), 2, "{raw_versions:?}");
    assert_eq!(raw, raw_versions.iter().map(String::as_str).collect());
    ensure_tombstone(&house, gone).await?;
    let lookup = versions(&house, "LookupBucketName").await?;
    assert!(lookup.iter().all(|key| key == "gone_1.json"), "{lookup:?}");
    let ours = versions(&house, "EnrichedBucketName").await?;
    let gone_name = gone.strip_prefix("raw/").context("raw/")?;
    let left = ours.iter().filter(|key| key.ends_with(gone_name));
    assert!(left.clone().all(|key| key.starts_with("mail/")), "{ours:?}");
    assert!(left.count() > 0, "its marker stays: {ours:?}");
    let document = key_in(kept, "enriched");
    assert_eq!(house.document(&document).await?["lead_owner"], "Omar");

    let again = accepted(&house, "gone").await?;
    assert_eq!(again["duplicate"], true, "{again:?}");
    house.quiet().await?;
    assert_eq!(versions(&house, "RawBucketName").await?, raw_versions);
    let after = audit(&house).await?.account;
    assert_eq!((after.received, after.mailed, after.forgotten), (2, 1, 1));
    assert_eq!(house.mails_taken(), 2);
    let nothing = forget(&house, "gone").await?;
    assert_eq!((nothing.events, nothing.versions), (0, 0));

    // As the first edition left it; its tombstone is made anew.
    let raw = house.stack.output("RawBucketName")?;
    let object = house.clients.s3.head_object().bucket(raw).key(gone);
    let version = object.send().await?.version_id;
    let erase = house.clients.s3.delete_object().bucket(raw).key(gone);
    erase.set_version_id(version).send().await?;
    let home = operator(&house)?;
    let report = make_tombstones(&*home, TombstoneMode::Make, &mut |_step| ()).await?;
    assert_eq!((report.made, report.had), (1, 0), "{report:?}");
    ensure_tombstone(&house, gone).await
}

async fn ensure_tombstone(house: &House, key: &str) -> Result<()> {
    let raw = house.stack.output("RawBucketName")?;
    let object = house.clients.s3.head_object().bucket(raw).key(key);
    let object = object.send().await?;
    ensure!(object.content_length() == Some(0), "{object:?}");
    let metadata = object.metadata().context("metadata")?;
    ensure!(metadata["state"] == "forgotten", "{metadata:?}");
    ensure!(metadata["identity"].starts_with("dedupe/"), "{metadata:?}");
    Ok(())
}
