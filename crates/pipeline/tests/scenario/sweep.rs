use super::prelude::*;
use super::receivers::worked;

/// Between a trigger and the sweep that finds it lost.
const LOST: Duration = Duration::from_secs(600 + 1800 + 3600 + 3 * 360 + 15 * 60 + 1);

/// A world with so many leads that have lost their triggers.
async fn lost(leads: usize) -> World {
    let world = World::new();
    post_leads(&world, leads).await;
    world.queue().purge();
    world
}

#[tokio::test(start_paused = true)]
async fn an_event_whose_trigger_was_lost_is_enqueued_again_and_mailed() {
    let world = lost(1).await;
    assert_eq!(swept(&world).await.found, 0, "too young");
    sleep(LOST).await;
    let report = swept(&world).await;
    assert_eq!((report.examined, report.found, report.sent), (1, 1, 1));
    assert!(!report.refused);
    check_told(&world, "SweepRuns 2, SweptEvents 1");
    assert_eq!(world.work_until_idle().await, [MAILED]);
}

#[tokio::test(start_paused = true)]
async fn in_normal_operation_it_finds_nothing() {
    let world = World::new();
    world.home.set_page(2);
    post_leads(&world, 7).await;
    world.put_owner("l3", "poison");
    world.work_until_idle().await;
    sleep(LOST).await;
    let report = swept(&world).await;
    assert_eq!((report.examined, report.found), (7, 0));
    assert_eq!(world.queue().depth(), 0);
}

#[tokio::test(start_paused = true)]
async fn what_circles_is_given_up_at_the_third_time() {
    let world = lost(1).await;
    for expected in [(1, 0), (1, 0), (0, 1), (0, 0)] {
        sleep(LOST).await;
        let report = swept(&world).await;
        assert_eq!((report.sent, report.given_up), expected);
        world.queue().purge();
    }
    assert_eq!(only(&world, "failed/")["reason"], "swept_out");
    assert_eq!(only(&world, "swept/")["count"], 2);
}

#[tokio::test(start_paused = true)]
async fn more_than_may_be_sent_are_not_sent_until_an_operator_confirms() {
    let world = World::with(|world| world.sweep.max = 3);
    post_leads(&world, 4).await;
    world.queue().purge();
    sleep(LOST).await;
    let report = swept(&world).await;
    assert_eq!((report.found, report.sent, report.keys.len()), (4, 0, 3));
    assert!(report.refused);
    check_told(&world, "SweepRefused 1, SweepRuns 1");
    assert_eq!(world.queue().depth(), 0);
    assert_eq!(world.sweep.run(SweepMode::Confirm).await.unwrap().sent, 4);
    world.work_until_idle().await;
    assert_eq!(world.mailer().sent().len(), 4);
}

#[tokio::test(start_paused = true)]
async fn a_dry_run_changes_nothing() {
    let world = lost(2).await;
    sleep(LOST).await;
    let report = world.observed(world.sweep.run(SweepMode::DryRun)).await;
    let report = report.unwrap();
    assert_eq!((report.found, report.sent), (2, 0));
    assert_eq!(world.queue().depth(), 0);
    assert!(world.keys("swept/").is_empty());
    assert!(world.counted().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_worker_that_died_between_claim_and_mail_is_found_too() {
    let world = lost(1).await;
    plant_claim(&world, &claim_until("2026-11-23T07:01:30Z"));
    sleep(LOST).await;
    assert_eq!(swept(&world).await.sent, 1);
    assert_eq!(world.work_until_idle().await, [MAILED]);
}

#[tokio::test(start_paused = true)]
async fn a_sweep_beside_a_live_trigger_adds_no_mail() {
    let world = posted(World::new()).await;
    sleep(LOST).await;
    assert_eq!(swept(&world).await.sent, 1);
    assert_eq!(world.queue().depth(), 2);
    world.work_until_idle().await;
    assert_eq!(world.mailer().sent().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn only_an_event_with_a_claim_is_given_the_time_of_a_busy_mail_service() {
    let without = lost(1).await;
    let with = lost(1).await;
    plant_claim(&with, &claim_until("2026-11-23T07:01:30Z"));
    sleep(LOST.saturating_sub(Duration::from_hours(1))).await;
    assert_eq!(swept(&without).await.found, 1);
    assert_eq!(swept(&with).await.found, 0);
    sleep(Duration::from_hours(1)).await;
    assert_eq!(swept(&with).await.found, 1);
}

#[tokio::test(start_paused = true)]
async fn what_is_older_than_the_limit_is_left_alone() {
    let world = lost(1).await;
    sleep(Duration::from_hours(24 * 15)).await;
    assert_eq!(swept(&world).await.found, 0);
}

#[tokio::test(start_paused = true)]
async fn what_was_enqueued_again_is_given_the_time_that_it_may_wait() {
    let world = lost(1).await;
    sleep(LOST).await;
    assert_eq!(swept(&world).await.sent, 1);
    for _ in 0..4 {
        sleep(Duration::from_mins(15)).await;
        assert_eq!(swept(&world).await.found, 0);
    }
}

#[tokio::test(start_paused = true)]
async fn one_event_that_cannot_be_enqueued_does_not_keep_the_others_waiting() {
    let world = lost(3).await;
    let first = world.keys("raw/").remove(0);
    world.put(&first.replace("raw/", "swept/"), "nonsense");
    sleep(LOST).await;
    let swept = world.observed(world.sweep.run(SweepMode::Send)).await;
    assert!(swept.is_err());
    assert_eq!(world.queue().depth(), 2);
    assert_eq!(world.counted().get("SweptEvents"), Some(&2));
}

#[tokio::test(start_paused = true)]
async fn a_queue_that_takes_nothing_uses_up_one_count_and_not_one_of_each_event() {
    let world = lost(5).await;
    sleep(LOST).await;
    world.queue().fail_sends(1);
    assert!(world.sweep.run(SweepMode::Send).await.is_err());
    assert_eq!(world.keys("swept/").len(), 1);
    assert_eq!(swept(&world).await.sent, 4);
    sleep(LOST).await;
    world.work_until_idle().await;
    assert_eq!(swept(&world).await.sent, 1);
}

/// An event of two receivers: one is told, and the other's mail was put off until that was given up.
async fn half_told() -> (World, EventName) {
    let busy = |number| (number > 0).then_some(Fault::Busy);
    let (world, name) = worked(AmbiguousPolicy::Resend, busy).await;
    assert_eq!(only(&world, "failed/")["reason"], "mail_unavailable");
    (world, name)
}

#[tokio::test(start_paused = true)]
async fn an_event_that_failed_is_swept_while_a_receiver_is_open_and_the_other_is_told_once() {
    let (world, name) = half_told().await;
    sleep(LOST).await;
    let report = swept(&world).await;
    assert_eq!((report.found, report.sent), (1, 1));
    assert_eq!(world.work_until_idle().await, [MAILED]);
    assert_eq!(world.mailer().sent().len(), 2);
    assert_eq!(world.state(&name.mail_key()), "sent");
    sleep(LOST).await;
    assert_eq!(swept(&world).await.found, 0);
}

#[tokio::test(start_paused = true)]
async fn what_failed_and_is_given_up_keeps_its_reason_and_is_not_found_again() {
    let (world, _) = half_told().await;
    for expected in [(1, 0), (1, 0), (0, 1), (0, 0), (0, 0)] {
        sleep(LOST).await;
        let report = swept(&world).await;
        assert_eq!((report.sent, report.given_up), expected);
        world.queue().purge();
    }
    assert_eq!(only(&world, "failed/")["reason"], "mail_unavailable");
    assert_eq!(only(&world, "swept/")["count"], 3);
}

#[tokio::test(start_paused = true)]
async fn what_was_given_up_before_stays_given_up_beside_an_open_receiver() {
    let (world, name) = half_told().await;
    let failed_key = name.failed_key();
    let failure = world.peek(&failed_key).unwrap();
    let failure = String::from_utf8(failure.bytes).unwrap();
    world.put(
        &failed_key,
        &failure.replace("mail_unavailable", "swept_out"),
    );
    sleep(LOST).await;
    assert_eq!(swept(&world).await.found, 0);
}

#[tokio::test(start_paused = true)]
async fn an_event_that_failed_is_not_swept_where_nothing_is_open() {
    for ambiguous in [AmbiguousPolicy::Resend, AmbiguousPolicy::Park] {
        let refuse = |number| (number > 0).then_some(Fault::Refused);
        let (world, _) = worked(ambiguous, refuse).await;
        sleep(LOST).await;
        assert_eq!(swept(&world).await.found, 0);
    }
    // What cannot be read has failed, and so has what failed in the first edition.
    for claim in ["nonsense", r#"{"state":"idle","attempt":1}"#, DEAD_CLAIM] {
        let (world, name) = half_told().await;
        world.put(&name.mail_key(), claim);
        sleep(LOST).await;
        assert_eq!(swept(&world).await.found, 0, "{claim}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_claim_that_may_not_be_read_keeps_no_other_event_from_being_swept() {
    let (world, name) = half_told().await;
    world.post_lead("lost").await;
    world.queue().purge();
    sleep(LOST).await;
    let key = name.mail_key();
    world.spoil(Fault::Denied, move |call| {
        matches!(call, Call::Get(..)) && call.is_on(&key)
    });
    let swept = world.observed(world.sweep.run(SweepMode::Send)).await;
    assert!(swept.is_err());
    assert_eq!(world.queue().depth(), 1);
    assert_eq!(world.counted().get("SweptEvents"), Some(&1));
}
