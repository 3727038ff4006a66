//! Many leads whose owners come at random moments of the wait, under virtual time: how long each is kept waiting after its file.

use super::prelude::*;
use leadwire_pipeline::testkit::{Chance, OWNER_BUCKET};
use std::collections::BTreeSet;

const LEADS: usize = 200;
/// The wait for an owner begins after the delay, and lasts so long.
const WINDOW_SECONDS: u64 = 1800;

/// When each event was mailed first.
type Mailed = BTreeMap<String, Instant>;

/// Goes forward to `time`, and works on whatever is due until then.
async fn work_until(world: &World, time: Instant, mailed: &mut Mailed) {
    loop {
        let next = world.queue().next_visible_at();
        let wait = next.map(|next| next.duration_since(world.clock().now()));
        let wait = wait.map(|wait| Duration::try_from(wait).unwrap_or_default());
        let left = time.saturating_duration_since(Instant::now());
        match wait.filter(|wait| *wait <= left) {
            Some(wait) => sleep(wait).await,
            None => return sleep(left).await,
        }
        world.work().await;
        note(world, mailed);
    }
}

/// Posts the leads, gives each its owner at a random moment of its wait, and notes how long its mail takes from then. S3's notification
/// takes up to two seconds, and `lost` of a thousand never come.
async fn waits(seed: u64, lost: u64) -> Vec<Duration> {
    let (world, mut chance) = (World::new(), Chance::new(seed));
    let begin = Instant::now();
    // What happens when: a file comes, or a notification of it.
    let mut course: BTreeSet<(Duration, usize, bool)> = BTreeSet::new();
    for number in 0..LEADS {
        world.post_lead(&format!("l{number}")).await;
        let at = Duration::from_mins(10) + chance.millis(1000 * (WINDOW_SECONDS - 1));
        course.insert((at, number, false));
        if !chance.happens(lost) {
            course.insert((at + chance.millis(2000), number, true));
        }
    }
    let mut came = BTreeMap::new();
    let mut mailed = Mailed::new();
    for (at, number, is_notification) in course {
        work_until(&world, begin + at, &mut mailed).await;
        let lead = format!("l{number}");
        if is_notification {
            let file = format!("{lead}.json");
            world.notify(&[(OWNER_BUCKET, &file)]).await;
            // SQS's poller takes its time.
            let polled = Instant::now() + Duration::from_millis(500);
            work_until(&world, polled, &mut mailed).await;
        } else {
            world.own(&lead);
            came.insert(lead, Instant::now());
        }
    }
    while world.queue().depth() > 0 {
        world.work_next().await;
        note(&world, &mut mailed);
    }
    assert_eq!(world.mailer().sent().len(), LEADS, "each is mailed once");
    let wait = |(lead, came): (&String, &Instant)| {
        let of_lead = format!("crm_event_{lead}_");
        let mut mails = mailed.iter();
        let mail = mails.find(|(event, _)| event.starts_with(&of_lead));
        *mail.expect("every lead is mailed").1 - *came
    };
    let mut waits: Vec<Duration> = came.iter().map(wait).collect();
    waits.sort_unstable();
    waits
}

fn note(world: &World, mailed: &mut Mailed) {
    for mail in world.mailer().sent() {
        mailed.entry(mail.event).or_insert_with(Instant::now);
    }
}

#[tokio::test(start_paused = true)]
async fn of_200_leads_whose_owners_come_late_99_in_100_are_mailed_within_five_seconds() {
    for seed in 0..3 {
        let waits = waits(seed, 0).await;
        assert!(
            waits[LEADS * 99 / 100] <= Duration::from_secs(5),
            "{waits:?}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn with_every_notification_lost_the_longest_step_of_the_schedule_is_the_longest_wait() {
    let waits = waits(7, 1000).await;
    let (median, last) = (waits[LEADS / 2], waits[LEADS - 1]);
    assert!(last <= Duration::from_secs(301), "{last:?}");
    assert!(median > Duration::from_secs(30), "it is not mailed at once");
}

#[tokio::test(start_paused = true)]
async fn a_hundred_thousand_owner_files_of_others_cost_a_listing_each_and_queue_nothing() {
    let world = World::new();
    post_leads(&world, 10).await;
    sleep(Duration::from_mins(10)).await;
    let (before, asked) = (world.queue().bodies(), world.home.calls().len());
    let files: Vec<String> = (0..100_000).map(|n| format!("foreign-{n}.json")).collect();
    for batch in files.chunks(1000) {
        let batch: Vec<(&str, &str)> = batch.iter().map(|file| (OWNER_BUCKET, &**file)).collect();
        world.notify(&batch).await;
    }
    assert_eq!(world.queue().bodies(), before);
    let calls = world.home.calls();
    assert_eq!(calls.len() - asked, files.len());
    assert!(
        calls[asked..]
            .iter()
            .all(|call| matches!(call, Call::List(..)))
    );
    assert_eq!(count(&world.work().await, MAILED), 10);
}
