//! Owner files that come late, and S3's notifications of them, over the real function.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use leadwire_pipeline::testkit::notification;
use leadwire_tests::clock;
use leadwire_tests::cloud::Sent;
use leadwire_tests::fault::lists;
use leadwire_tests::rig::{LOOKUP, Rig};

/// Records in a batch.
const BATCH: usize = 10;
/// Promise P9, from the notification on.
const SOON: Duration = Duration::from_secs(5);

/// S3's notification that a lead's owner file was written.
fn written(lead: &str) -> Sent {
    Sent {
        id: format!("s3-{lead}"),
        body: notification(LOOKUP, &format!("{lead}.json")),
        sent_at: clock::now(),
        ..Sent::default()
    }
}

/// Leads that were looked for once, in vain.
async fn waiting(rig: &Rig, leads: &[String]) -> Result<()> {
    for lead in leads {
        rig.lead(lead).await?;
    }
    for batch in rig.cloud.take_sent().chunks(BATCH) {
        let failed = rig.deliver_all(batch, 1).await?;
        ensure!(failed.is_empty(), "{failed:?}");
    }
    let copies = rig.cloud.take_sent();
    ensure!(copies.len() == leads.len(), "each waits: {}", copies.len());
    Ok(())
}

#[tokio::test]
async fn each_of_200_leads_is_mailed_within_five_seconds_of_the_notification_of_its_owner_file()
-> Result<()> {
    let rig = Rig::start(&[]).await?;
    let leads: Vec<String> = (0..200).map(|number| format!("late-{number}")).collect();
    waiting(&rig, &leads).await?;
    for batch in leads.chunks(BATCH) {
        for lead in batch {
            rig.assign(lead, "Omar");
        }
        let notified = Instant::now();
        let written: Vec<Sent> = batch.iter().map(|lead| written(lead)).collect();
        let failed = rig.deliver_all(&written, 1).await?;
        ensure!(failed.is_empty(), "{failed:?}");
        rig.deliver_sent().await?;
        ensure!(notified.elapsed() < SOON, "{:?}", notified.elapsed());
    }
    let mails = rig.cloud.mails();
    ensure!(mails.len() == leads.len(), "{}", mails.len());
    Ok(())
}

#[tokio::test]
async fn owner_files_of_nobody_who_waits_cost_a_listing_each_and_send_nothing() -> Result<()> {
    let rig = Rig::start(&[]).await?;
    let leads: Vec<String> = (0..500).map(|number| format!("foreign-{number}")).collect();
    for batch in leads.chunks(BATCH) {
        let written: Vec<Sent> = batch.iter().map(|lead| written(lead)).collect();
        let failed = rig.deliver_all(&written, 1).await?;
        ensure!(failed.is_empty(), "{failed:?}");
    }
    let calls = rig.front.calls();
    let listed: BTreeSet<&str> = calls.iter().map(|call| &*call.path).collect();
    let listings = listed.iter().filter(|path| path.contains("list-type=2"));
    assert_eq!(listings.count(), leads.len());
    assert!(rig.cloud.take_sent().is_empty());
    Ok(())
}

#[tokio::test]
async fn a_notification_that_fails_is_reported_and_keeps_no_batch_mate_from_its_mail() -> Result<()>
{
    let rig = Rig::start(&[]).await?;
    waiting(&rig, &["late-a".to_owned()]).await?;
    rig.assign("late-a", "Omar");
    let broken = leadwire_tests::fault::Fault::s3(500, "InternalError");
    rig.front.inject(3, broken, |call| lists(call, ""));
    rig.assign("there", "Omar");
    rig.lead("there").await?;
    let mut batch = rig.cloud.take_sent();
    batch.push(written("late-a"));
    let failed = rig.deliver_all(&batch, 1).await?;
    assert_eq!(failed, ["s3-late-a"]);
    assert_eq!(rig.cloud.mails().len(), 1);
    // The queue's next receive.
    rig.deliver_all(&[written("late-a")], 2).await?;
    rig.deliver_sent().await?;
    assert_eq!(rig.cloud.mails().len(), 2);
    Ok(())
}
