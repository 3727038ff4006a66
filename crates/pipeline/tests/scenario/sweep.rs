use super::{ALICE, OMAR, only, plant_claim};
use leadwire_pipeline::port::Bucket;
use leadwire_pipeline::stage::enrich::{Done, Outcome};
use leadwire_pipeline::stage::sweep::SweepMode;
use leadwire_pipeline::testkit::{World, WorldBuilder};
use std::time::Duration;

const LONG: Duration = Duration::from_secs(600 + 1800 + 3600 + 3 * 360 + 15 * 60 + 1);

async fn lost(world: &World, leads: usize) {
    for i in 0..leads {
        world.put_owner(
            &format!("l{i}"),
            &format!(r#"{{"lead_id":"l{i}","lead_owner":"O{i}"}}"#),
        );
        world
            .post(&format!(r#"{{"lead_id":"l{i}","display_name":"N{i}"}}"#))
            .await;
    }
    world.queue().purge();
}

#[tokio::test(start_paused = true)]
async fn an_event_whose_trigger_was_lost_is_enqueued_again_and_mailed() {
    let world = World::new();
    lost(&world, 1).await;
    assert_eq!(
        world.sweep.run(SweepMode::Send).await.unwrap().found,
        0,
        "too young"
    );
    tokio::time::sleep(LONG).await;
    let report = world
        .observed(world.sweep.run(SweepMode::Send))
        .await
        .unwrap();
    assert_eq!(
        (report.examined, report.found, report.sent, report.refused),
        (1, 1, 1, false)
    );
    assert_eq!(world.told().get("SweptEvents"), Some(&1));
    assert_eq!(world.work_until_idle().await, [Outcome::Done(Done::Mailed)]);
}

#[tokio::test(start_paused = true)]
async fn in_normal_operation_it_finds_nothing() {
    let world = World::new();
    world.store().set_page(2);
    for i in 0..7 {
        world.put_owner(
            &format!("l{i}"),
            &format!(r#"{{"lead_id":"l{i}","lead_owner":"O"}}"#),
        );
        world.post(&format!(r#"{{"lead_id":"l{i}"}}"#)).await;
    }
    world.put_owner("l3", "poison");
    world.work_until_idle().await;
    tokio::time::sleep(LONG).await;
    let report = world.sweep.run(SweepMode::Send).await.unwrap();
    assert_eq!((report.examined, report.found), (7, 0));
    assert_eq!(world.queue().depth(), 0);
}

#[tokio::test(start_paused = true)]
async fn what_circles_is_given_up_at_the_third_time() {
    let world = World::new();
    lost(&world, 1).await;
    for expected in [(1, 0), (1, 0), (0, 1), (0, 0)] {
        tokio::time::sleep(LONG).await;
        let report = world.sweep.run(SweepMode::Send).await.unwrap();
        assert_eq!((report.sent, report.given_up), expected);
        world.queue().purge();
    }
    assert_eq!(only(&world, "failed/")["reason"], "swept_out");
    assert_eq!(only(&world, "swept/")["count"], 2);
}

#[tokio::test(start_paused = true)]
async fn more_than_may_be_sent_are_not_sent_until_an_operator_confirms() {
    let mut builder = WorldBuilder::default();
    builder.sweep.max = 3;
    let world = builder.build();
    lost(&world, 4).await;
    tokio::time::sleep(LONG).await;
    let report = world
        .observed(world.sweep.run(SweepMode::Send))
        .await
        .unwrap();
    assert_eq!(
        (report.found, report.sent, report.refused, report.keys.len()),
        (4, 0, true, 3)
    );
    assert_eq!(world.told().get("SweepRefused"), Some(&1));
    assert_eq!(world.queue().depth(), 0);
    assert_eq!(world.sweep.run(SweepMode::Confirm).await.unwrap().sent, 4);
    world.work_until_idle().await;
    assert_eq!(world.mailer().sent().len(), 4);
}

#[tokio::test(start_paused = true)]
async fn a_dry_run_changes_nothing() {
    let world = World::new();
    lost(&world, 2).await;
    tokio::time::sleep(LONG).await;
    let report = world
        .observed(world.sweep.run(SweepMode::DryRun))
        .await
        .unwrap();
    assert_eq!((report.found, report.sent), (2, 0));
    assert_eq!(world.queue().depth(), 0);
    assert!(world.store().keys(Bucket::Enriched, "swept/").is_empty());
    assert!(world.told().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_worker_that_died_between_claim_and_mail_is_found_too() {
    let world = World::new();
    lost(&world, 1).await;
    let claim =
        r#"{"state":"sending","token":"dead","lease_until":"2026-11-23T07:01:30Z","attempt":1}"#;
    plant_claim(&world, claim);
    tokio::time::sleep(LONG).await;
    assert_eq!(world.sweep.run(SweepMode::Send).await.unwrap().sent, 1);
    assert_eq!(world.work_until_idle().await, [Outcome::Done(Done::Mailed)]);
}

#[tokio::test(start_paused = true)]
async fn a_sweep_beside_a_live_trigger_adds_no_mail() {
    let world = World::new();
    world.put_owner("test-1", OMAR);
    world.post(ALICE).await;
    tokio::time::sleep(LONG).await;
    assert_eq!(world.sweep.run(SweepMode::Send).await.unwrap().sent, 1);
    assert_eq!(world.queue().depth(), 2);
    world.work_until_idle().await;
    assert_eq!(world.mailer().sent().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn what_is_older_than_the_limit_is_left_alone() {
    let world = World::new();
    lost(&world, 1).await;
    tokio::time::sleep(Duration::from_hours(24 * 15)).await;
    assert_eq!(world.sweep.run(SweepMode::Send).await.unwrap().found, 0);
}

#[tokio::test(start_paused = true)]
async fn what_was_enqueued_again_is_given_the_time_that_it_may_wait() {
    let world = World::new();
    lost(&world, 1).await;
    tokio::time::sleep(LONG).await;
    assert_eq!(world.sweep.run(SweepMode::Send).await.unwrap().sent, 1);
    for _ in 0..8 {
        tokio::time::sleep(Duration::from_mins(15)).await;
        assert_eq!(world.sweep.run(SweepMode::Send).await.unwrap().found, 0);
    }
}

#[tokio::test(start_paused = true)]
async fn one_event_that_cannot_be_enqueued_does_not_keep_the_others_waiting() {
    let world = World::new();
    lost(&world, 3).await;
    let first = world.store().keys(Bucket::Raw, "raw/").remove(0);
    world.store().plant(
        Bucket::Enriched,
        &first.replace("raw/", "swept/"),
        leadwire_pipeline::port::NewObject::of(b"nonsense".to_vec()),
    );
    tokio::time::sleep(LONG).await;
    let swept = world.observed(world.sweep.run(SweepMode::Send)).await;
    assert!(swept.is_err());
    assert_eq!(world.queue().depth(), 2);
    assert_eq!(world.told().get("SweptEvents"), Some(&2));
}

#[tokio::test(start_paused = true)]
async fn a_queue_that_takes_nothing_uses_up_one_count_and_not_one_of_each_event() {
    let world = World::new();
    lost(&world, 5).await;
    tokio::time::sleep(LONG).await;
    world.queue().fail_sends(1);
    assert!(world.sweep.run(SweepMode::Send).await.is_err());
    assert_eq!(world.store().keys(Bucket::Enriched, "swept/").len(), 1);
    assert_eq!(world.sweep.run(SweepMode::Send).await.unwrap().sent, 4);
    tokio::time::sleep(LONG).await;
    world.work_until_idle().await;
    assert_eq!(world.sweep.run(SweepMode::Send).await.unwrap().sent, 1);
}
