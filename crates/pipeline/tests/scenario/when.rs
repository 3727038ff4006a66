//! When a message comes back: not only whether.

use super::prelude::*;
use leadwire_pipeline::settings::OwnerMissingPolicy;
use std::ops::RangeInclusive;

/// The first time after a failure that may pass: `RETRY_SECONDS`, and up to half of it more.
const SOON: RangeInclusive<i64> = 15..=23;
/// Every later time: the queue's visibility.
const LATER: RangeInclusive<i64> = 360..=361;

#[track_caller]
fn check_gaps(what: &str, times: &[i64], first: i64, gaps: &[RangeInclusive<i64>]) {
    assert_eq!(times.first(), Some(&first), "{what}: {times:?}");
    let found: Vec<i64> = times.windows(2).map(|pair| pair[1] - pair[0]).collect();
    assert_eq!(found.len(), gaps.len(), "{what}: {times:?}");
    for (gap, expected) in found.iter().zip(gaps) {
        assert!(expected.contains(gap), "{what}: {times:?}");
    }
}

type Spoils = fn(&World);

fn lose_owner_and_queue(world: &World) {
    world.remove("test-1.json");
    world.queue().fail_sends(3);
}

/// An outage of the store.
fn fail_until(world: &World, over: Instant) {
    let is_meant = move |call: &Call| is_on_store(call) && Instant::now() < over;
    world.spoil(Fault::Fails, is_meant);
}

#[tokio::test(start_paused = true)]
async fn what_may_pass_is_tried_again_soon_once_and_then_by_the_queues_visibility() {
    // A record that hangs does so for its 20 seconds before it is put back.
    let (hung_soon, hung_later) = (35..=43, LATER);
    let (soon, later, hung) = ([SOON, LATER], [LATER, LATER], [hung_soon, hung_later]);
    let cases: [(Why, Spoils, &[RangeInclusive<i64>]); 10] = [
        (
            Why::StoreUnavailable,
            |w| w.spoil(Fault::Fails, reads("raw/")),
            &soon,
        ),
        (
            Why::StoreUnavailable,
            |w| w.spoil(Fault::Denied, reads("raw/")),
            &soon,
        ),
        (
            Why::Panicked,
            |w| w.spoil(Fault::Panics, reads("raw/")),
            &soon,
        ),
        (
            Why::DeadlineExceeded,
            |w| w.spoil(Fault::Hangs, reads("raw/")),
            &hung,
        ),
        (
            Why::StoreUnavailable,
            |w| w.spoil(Fault::Fails, creates("mail/")),
            &soon,
        ),
        (Why::QueueUnavailable, lose_owner_and_queue, &soon),
        // What no redelivery cures is written down, and waits for a person to cure it meanwhile.
        (
            Why::LookupInvalid,
            |w| w.put_owner("test-1", "poison"),
            &later,
        ),
        (
            Why::LookupMismatch,
            |w| w.put_owner("test-1", r#"{"lead_id":"b"}"#),
            &later,
        ),
        (Why::MailRefused, |w| w.mailer().refuse(3), &later),
        (Why::RawMissing, |w| w.remove(&w.keys("raw/")[0]), &later),
    ];
    for (number, (why, spoils, gaps)) in cases.into_iter().enumerate() {
        let world = posted(World::new()).await;
        spoils(&world);
        let outcomes = world.work_until_idle().await;
        assert_eq!(outcomes, [failed(why); 3], "case {number}");
        check_gaps(why.code(), &receives(&world), 600, gaps);
    }
}

#[tokio::test(start_paused = true)]
async fn an_outage_of_two_minutes_sends_nothing_to_the_dead_letters() {
    let world = posted(World::new()).await;
    fail_until(&world, Instant::now() + Duration::from_mins(12));
    let outcomes = world.work_until_idle().await;
    assert_eq!(outcomes.last(), Some(&MAILED));
    check_gaps("outage", &receives(&world), 600, &[SOON, LATER]);
}

#[tokio::test(start_paused = true)]
async fn how_soon_is_configured_and_nothing_is_the_queues_own_time() {
    for (retry_seconds, first) in [(0, LATER), (60, 60..=90), (1, 1..=2)] {
        let world = World::with(|world| world.enrich.retry_seconds = retry_seconds);
        let world = posted(world).await;
        world.spoil(Fault::Fails, reads("raw/"));
        world.work_until_idle().await;
        check_gaps("retry", &receives(&world), 600, &[first, LATER]);
    }
}

#[tokio::test(start_paused = true)]
async fn many_that_fail_at_once_come_back_spread() {
    let world = World::new();
    post_leads(&world, 20).await;
    fail_until(&world, Instant::now() + Duration::from_secs(601));
    world.work_until_idle().await;
    let mut second: Vec<i64> = receives(&world).split_off(20);
    let is_soon = |at: &i64| (615..=623).contains(at);
    assert!(second.iter().all(is_soon), "{second:?}");
    second.dedup();
    assert!(second.len() >= 4, "all at once: {second:?}");
}

/// When the owner file is looked for after the first look, in seconds.
const LOOKS: [i64; 9] = [30, 90, 210, 450, 750, 1050, 1350, 1650, 1800];

#[tokio::test(start_paused = true)]
async fn the_owner_file_is_looked_for_at_these_times_and_last_when_the_window_ends() {
    let world = World::new();
    world.post(ALICE).await;
    world.work_until_idle().await;
    let mut expected = vec![600];
    expected.extend(LOOKS.map(|look| 600 + look));
    expected.extend([2400 + 360, 2400 + 720]);
    assert_eq!(receives(&world), expected);
}

#[tokio::test(start_paused = true)]
async fn a_bare_messages_window_ends_when_that_of_the_event_does_whenever_it_is_sent() {
    let first_day = |window: i64| move |at: &i64| *at <= window;
    for sent_at in [0, 100, 599, 600, 1000, 2399] {
        let world = World::with(|world| world.enrich.owner_missing = OwnerMissingPolicy::Mail);
        let key = key_of(&world.post(ALICE).await);
        world.queue().purge();
        sleep(Duration::from_secs(sent_at)).await;
        world.send_bare(&key);
        let outcomes = world.work_until_idle().await;
        let done = outcomes.last();
        assert_eq!(done, Some(&MAILED), "{outcomes:?}");
        let times = receives(&world);
        assert!(times.iter().all(first_day(2400)), "{times:?}");
        assert_eq!(times.last(), Some(&2400), "sent at {sent_at}: {times:?}");
        let begun = i64::try_from(sent_at).unwrap();
        let looks: Vec<i64> = times.iter().map(|at| at - begun).take(4).collect();
        let expected = [0, 30, 90, 210].map(|look: i64| look.min(2400 - begun));
        assert!(expected.starts_with(&looks), "{looks:?}");
    }
    // Beyond it, one look is all.
    let world = World::new();
    let key = key_of(&world.post(ALICE).await);
    world.queue().purge();
    sleep(Duration::from_mins(40)).await;
    world.send_bare(&key);
    let missing = failed(Why::OwnerMissing);
    assert_eq!(world.work_until_idle().await, [missing; 3]);
}

#[tokio::test(start_paused = true)]
async fn a_busy_mail_service_is_tried_soon_at_first_and_then_every_five_minutes() {
    let world = posted(World::new()).await;
    world.mailer().be_busy(1000);
    world.work_until_idle().await;
    let times = receives(&world);
    let steps = [20, 40, 80, 160, 300, 300, 300, 300, 300];
    let first: Vec<i64> = times.windows(2).map(|pair| pair[1] - pair[0]).collect();
    for (gap, step) in first.iter().zip(steps) {
        assert!((step..=step + step / 2).contains(gap), "{times:?}");
    }
    let last_try = times[times.len() - 3];
    assert_eq!(last_try, 600 + 3600, "when the window ends: {times:?}");
}

#[tokio::test(start_paused = true)]
async fn a_live_claim_is_waited_for_until_its_lease_is_over_however_long_it_is() {
    for (until, expected) in [
        ("2026-11-23T07:01:30Z", vec![600, 691]),
        ("2026-11-23T07:00:00.5Z", vec![600, 602]),
        // Beyond what a queue can delay: 900 seconds at a time.
        ("2026-11-23T07:30:00Z", vec![600, 1500, 2400]),
    ] {
        let world = posted(World::new()).await;
        plant_claim(&world, &claim_until(until));
        world.work_until_idle().await;
        assert_eq!(receives(&world), expected, "{until}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_doubt_is_resent_soon_since_its_worker_gave_the_lease_back() {
    let world = posted(World::new()).await;
    world.mailer().lose_replies(1);
    let outcomes = world.work_until_idle().await;
    assert_eq!(outcomes.last(), Some(&MAILED));
    let times = receives(&world);
    assert_eq!(times.len(), 2, "{times:?}");
    assert!((20..=30).contains(&(times[1] - 600)), "{times:?}");
}

#[tokio::test(start_paused = true)]
async fn an_early_message_comes_back_at_its_time_whoever_is_early() {
    for early in [0, 1, 300, 599] {
        let world = posted(World::new()).await;
        sleep(Duration::from_secs(early)).await;
        world.queue().deliver_now();
        world.work_until_idle().await;
        let begun = i64::try_from(early).unwrap();
        assert_eq!(receives(&world), [begun, 600]);
    }
}

#[tokio::test(start_paused = true)]
async fn a_webhook_that_comes_late_again_is_queued_for_what_is_left_of_its_delay() {
    let body = close_event("lead_1", "ev_1", "2026-11-23T06:49:59.1");
    for (after, visible) in [(0, 600), (1, 600), (599, 600), (600, 600), (700, 700)] {
        let world = World::new();
        world.own("lead_1");
        world.post(&body).await;
        world.queue().purge();
        sleep(Duration::from_secs(after)).await;
        world.post(&body).await;
        assert_eq!(world.work_until_idle().await, [MAILED]);
        assert_eq!(receives(&world), [visible], "after {after}");
    }
}

#[tokio::test(start_paused = true)]
async fn twelve_hops_are_allowed_and_the_thirteenth_is_not() {
    // A claim that never ends: whoever holds it renews it.
    let world = posted(World::new()).await;
    plant_claim(&world, &claim_until("2027-11-23T07:00:00Z"));
    let outcomes = world.work_until_idle().await;
    let failed = failed(Why::HopsExhausted);
    assert_eq!(outcomes.len(), 12 + 3);
    assert_eq!(outcomes[12..], [failed; 3]);
    let times = receives(&world);
    let expected: Vec<i64> = (0..13).map(|hop| 600 + 900 * hop).collect();
    assert_eq!(times[..13], expected);
}

#[tokio::test(start_paused = true)]
async fn a_message_becomes_a_dead_letter_after_as_many_receives_as_are_allowed_be_they_twelve() {
    for allowed in [1, 2, 3, 9, 10, 12] {
        let world = World::with(|world| world.enrich.max_receive_count = allowed);
        world.send(r#"{"s3_key":"raw/nowhere.json"}"#).await;
        let mut told = Vec::new();
        for receive_count in 1..=allowed {
            let record = leadwire_pipeline::stage::enrich::Record {
                receive_count,
                ..world.queue().receive(1).remove(0)
            };
            world.put("failed/nowhere.json", "untouched");
            let work = world
                .enrich
                .handle_batch(vec![record], Duration::from_mins(1));
            world.observed(work).await;
            told.push(world.counted().get("FinalAttemptFailed").copied());
            sleep(Duration::from_secs(361)).await;
            world.queue().purge();
            world.send(r#"{"s3_key":"raw/nowhere.json"}"#).await;
        }
        let last = told.pop().unwrap();
        assert_eq!(last, Some(1), "of {allowed}");
        assert!(told.iter().all(Option::is_none), "of {allowed}: {told:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_mail_is_in_time_within_sixty_seconds_of_what_came_last() {
    let late = |seconds: u64| Duration::from_secs(seconds);
    // When the owner file comes, when the service lets the mail through, and how it counts.
    for (owner_at, freed_at, metric) in [
        (0, 600, "MailedInTime"),
        (0, 660, "MailedInTime"),
        (0, 661, "MailedLate"),
        (700, 760, "MailedInTime"),
        (700, 761, "MailedLate"),
    ] {
        let world = World::new();
        world.post(ALICE).await;
        let body = world.queue().bodies().remove(0);
        world.queue().purge();
        sleep(late(owner_at)).await;
        world.put_owner("test-1", OMAR);
        sleep(late(freed_at - owner_at)).await;
        world.send(&body).await;
        world.observed(world.work_until_idle()).await;
        assert_eq!(
            world.counted().get(metric),
            Some(&1),
            "{owner_at} {freed_at}"
        );
    }
}
