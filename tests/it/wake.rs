//! Owner files that come late, and S3's notifications of them, over the real function.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use jiff::Timestamp;
use leadwire_pipeline::testkit::{Chance, notification};
use leadwire_tests::cloud::Sent;
use leadwire_tests::fault::lists;
use leadwire_tests::house::{House, HouseOptions};
use leadwire_tests::rig::{LOOKUP, Rig};
use leadwire_tests::{clock, metric};
use serde_json::Value;
use tokio::sync::Semaphore;

/// Leads whose owners come late.
const LEADS: usize = 200;
/// Records in a batch.
const BATCH: usize = 10;
/// Promise P9, from the notification on.
const SOON: Duration = Duration::from_secs(5);

/// The time over which their files come: less than the first step of the schedule, by which they would be found without any notification.
const SPREAD_MS: u64 = 20_000;

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
    let leads: Vec<String> = (0..LEADS).map(|number| format!("late-{number}")).collect();
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

/// What the lines of the enrichment say of each lead, as they come.
#[derive(Default)]
struct Told {
    lines: usize,
    waiting: usize,
    /// When each lead was mailed.
    mailed: BTreeMap<String, Timestamp>,
}

impl Told {
    /// Reads on. Returns how many leads were mailed since.
    fn read(&mut self, house: &House) -> Result<usize> {
        let (lines, before) = (house.enrich.log().lines(), self.mailed.len());
        for line in lines.get(self.lines..).unwrap_or_default() {
            self.waiting += usize::from(line.contains("\"lead_deferred\""));
            if line.contains("\"email_sent\"") {
                let line: Value = serde_json::from_str(line)?;
                let [lead, time] = ["lead_id", "timestamp"].map(|name| line.get(name)?.as_str());
                let time = time.context("a line has its time")?.parse()?;
                let lead = lead.context("a mail has its lead")?.to_owned();
                self.mailed.insert(lead, time);
            }
        }
        self.lines = lines.len();
        Ok(self.mailed.len() - before)
    }
}

/// Writes the owner file of each lead at a moment of its own, and returns when that was. A file waits where as many leads as there are turns
/// are not mailed yet: a busy emulator is not what is measured.
async fn assign_by_chance(
    house: &House,
    leads: &[String],
    turns: &Semaphore,
) -> Result<BTreeMap<String, Timestamp>> {
    let (begin, mut chance) = (tokio::time::Instant::now(), Chance::new(13));
    let files = leads.iter().map(|lead| {
        let moment = begin + chance.millis(SPREAD_MS);
        async move {
            tokio::time::sleep_until(moment).await;
            turns.acquire().await?.forget();
            let before = clock::now();
            house.assign(lead, "Omar").await?;
            anyhow::Ok((lead.clone(), before))
        }
    });
    let files = stream::iter(files).buffer_unordered(leads.len());
    files.try_collect().await
}

#[tokio::test]
async fn of_200_leads_whose_owners_come_by_chance_99_in_100_are_mailed_within_five_seconds_by_s3s_own_notifications()
-> Result<()> {
    let house = House::build(HouseOptions {
        has_notifications: true,
        ..HouseOptions::prompt()
    })
    .await?;
    let leads: Vec<String> = (0..LEADS).map(|number| format!("late-{number}")).collect();
    let posts = leads.iter().map(|lead| house.lead(lead));
    let posts = stream::iter(posts).buffer_unordered(BATCH);
    posts.try_collect::<Vec<_>>().await?;
    let mut told = Told::default();
    let wait = clock::eventually("each waits", || {
        let read = told.read(&house);
        let is_so = read.map(|_mailed| (told.waiting >= LEADS).then_some(()));
        std::future::ready(is_so)
    });
    wait.await.with_context(|| house.account())?;
    let turns = Semaphore::new(BATCH);
    let mail = clock::eventually("each is mailed", || {
        let read = told.read(&house);
        let is_so = read.map(|mailed| {
            turns.add_permits(mailed);
            (told.mailed.len() >= LEADS).then_some(())
        });
        std::future::ready(is_so)
    });
    let (came, mailed) = tokio::join!(assign_by_chance(&house, &leads, &turns), mail);
    mailed.with_context(|| house.account())?;
    let waits = came?.into_iter();
    let waits = waits.map(|(lead, came)| told.mailed[&lead].duration_since(came).try_into());
    let mut waits: Vec<Duration> = waits.collect::<Result<_, _>>()?;
    waits.sort_unstable();
    ensure!(waits[LEADS * 99 / 100] <= SOON, "{waits:?}");
    ensure!(house.mails(LEADS).await?.len() == LEADS, "once each");
    house.check_single_receives()?;
    let samples = metric::samples(&house.enrich.log().lines(), "OwnerToMail");
    ensure!(samples.len() == LEADS, "each is measured");
    Ok(())
}
