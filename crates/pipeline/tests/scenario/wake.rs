//! Owner files that come late, and S3's notifications of them: lost, early, doubled, of others.

use super::prelude::*;
use leadwire_pipeline::settings::OwnerMissingPolicy;
use leadwire_pipeline::stage::enrich::Record;
use leadwire_pipeline::testkit::{OWNER_BUCKET, notification};

const WOKEN: Outcome = Outcome::Done(Done::Woken);
const LEFT: Outcome = Outcome::Done(Done::LeftWaiting);
const FILE: (&str, &str) = (OWNER_BUCKET, "test-1.json");

/// An event whose owner was looked for once, in vain.
async fn waiting() -> World {
    let world = World::new();
    world.post(ALICE).await;
    sleep(Duration::from_mins(10)).await;
    assert!(matches!(world.work().await[..], [Outcome::Deferred { .. }]));
    world
}

/// How many messages there are that a wake-up sent.
fn wake_ups(world: &World) -> usize {
    let bodies = world.queue().bodies();
    let triggers = bodies.iter().filter_map(|body| Trigger::parse(body).ok());
    triggers.filter(|trigger| trigger.once).count()
}

/// Whether nothing was asked of the store and the queue since then.
fn asked_nothing_since(world: &World, calls: usize) -> bool {
    world.home.calls().len() == calls
}

#[tokio::test(start_paused = true)]
async fn a_lead_whose_owner_comes_late_is_mailed_at_once_and_measured() {
    let world = waiting().await;
    sleep(Duration::from_secs(7)).await;
    world.put_owner("test-1", OMAR);
    let came = Instant::now();
    let course = async {
        assert_eq!(world.notify(&[FILE]).await, [WOKEN]);
        sleep(Duration::from_secs(2)).await;
        assert_eq!(world.work().await, [MAILED]);
    };
    world.observed(course).await;
    assert!(came.elapsed() < Duration::from_secs(5));
    check_told(
        &world,
        "EffectsSent mail 1, EmailsSent 1, EndToEndLatency generic 1, LeadsEnriched 1, MailedInTime 1, OwnerToMail 1",
    );
    assert_eq!(world.work_until_idle().await, [ended(Done::MailedBefore)]);
    assert_eq!(world.mailer().sent().len(), 1);
    assert!(costs_no_receive(&world));
}

#[tokio::test(start_paused = true)]
async fn where_the_notification_is_lost_the_old_schedule_holds() {
    for came_after in [1, 29, 31, 200, 1700] {
        let world = waiting().await;
        sleep(Duration::from_secs(came_after)).await;
        world.put_owner("test-1", OMAR);
        let came = Instant::now();
        while world.mailer().sent().is_empty() {
            world.work_next().await;
        }
        assert!(came.elapsed() <= Duration::from_secs(301), "{came_after}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_owner_who_comes_within_the_delay_costs_no_second_message() {
    let world = World::new();
    world.post(ALICE).await;
    sleep(Duration::from_secs(599)).await;
    world.put_owner("test-1", OMAR);
    assert_eq!(world.notify(&[FILE]).await, [WOKEN]);
    assert_eq!(wake_ups(&world), 0);
    let outcomes = world.observed(world.work_until_idle()).await;
    assert_eq!(outcomes, [MAILED]);
    assert_eq!(world.counted().get("OwnerToMail"), None);
    assert_eq!(world.queue().deliveries().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_notification_that_comes_before_the_file_leaves_the_event_to_its_own_message() {
    let world = waiting().await;
    world.notify(&[FILE]).await;
    assert_eq!(world.work().await, [LEFT]);
    assert_eq!(wake_ups(&world), 0, "it does not wait");
    assert_eq!(world.queue().depth(), 1, "the event's own message does");
}

#[tokio::test(start_paused = true)]
async fn a_wake_up_never_decides_that_the_owner_is_missing() {
    for owner_missing in [OwnerMissingPolicy::Dlq, OwnerMissingPolicy::Mail] {
        let world = World::with(|world| world.enrich.owner_missing = owner_missing);
        world.post(ALICE).await;
        sleep(Duration::from_mins(10)).await;
        world.work().await;
        world.queue().purge();
        sleep(Duration::from_mins(31)).await;
        world.notify(&[FILE]).await;
        assert_eq!(world.work_until_idle().await, [LEFT], "{owner_missing:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn doubled_notifications_mail_once_and_names_of_one_batch_are_looked_at_once() {
    let world = waiting().await;
    world.put_owner("test-1", OMAR);
    let is_listing = |call: &&Call| matches!(call, Call::List(..));
    assert_eq!(world.notify(&[FILE; 3]).await, [WOKEN; 3]);
    assert_eq!(world.home.calls().iter().filter(is_listing).count(), 1);
    assert_eq!(wake_ups(&world), 1);
    assert_eq!(world.notify(&[FILE]).await, [WOKEN]);
    assert_eq!(wake_ups(&world), 2);
    let outcomes = world.work_until_idle().await;
    assert_eq!(count(&outcomes, MAILED), 1, "{outcomes:?}");
    assert!(!has_failed(&outcomes), "{outcomes:?}");
    assert_eq!(world.mailer().sent().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn what_is_no_owner_file_of_ours_is_acknowledged_and_asks_nothing() {
    let world = waiting().await;
    let calls = world.home.calls().len();
    for other in [
        ("elsewhere", "test-1.json"),
        (OWNER_BUCKET, "import/test-1.json"),
        (OWNER_BUCKET, "test-1.csv"),
        (OWNER_BUCKET, "test+1.json"),
    ] {
        assert_eq!(world.notify(&[other]).await, [WOKEN], "{other:?}");
    }
    assert!(asked_nothing_since(&world, calls));
    // Whatever queue it comes by.
    world
        .send(r#"{"Service":"Amazon S3","Event":"s3:TestEvent","Bucket":"lookup"}"#)
        .await;
    assert_eq!(world.work().await, [WOKEN]);
    assert_eq!(world.queue().depth(), 1);
    assert!(world.keys("failed/").is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_lead_is_never_woken_for_another_whose_id_begins_alike() {
    let world = World::new();
    for lead in ["a", "a_1", "a_1_20261123T065000123456Z", "ab"] {
        world.post_lead(lead).await;
    }
    sleep(Duration::from_mins(10)).await;
    world.work().await;
    for (file, lead) in [("a.json", "a"), ("a_1.json", "a_1")] {
        world.notify(&[(OWNER_BUCKET, file)]).await;
        let bodies = world.queue().bodies();
        let triggers = bodies.iter().filter_map(|body| Trigger::parse(body).ok());
        let woken = triggers.filter(|trigger| trigger.once);
        let woken: Vec<String> = woken
            .map(|t| t.facts.unwrap().lead_id.to_string())
            .collect();
        assert_eq!(woken, [lead]);
        assert_eq!(count(&world.work().await, LEFT), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn every_event_of_a_lead_that_waits_is_woken_and_no_other() {
    let world = World::new();
    for id in ["1", "2", "3"] {
        post_with_id(&world, id).await;
        sleep(Duration::from_secs(1)).await;
    }
    sleep(Duration::from_secs(598)).await;
    assert_eq!(world.work().await.len(), 2, "the third is not due");
    world.put_owner("test-1", OMAR);
    world.notify(&[FILE]).await;
    assert_eq!(wake_ups(&world), 2);
    let outcomes = world.work_until_idle().await;
    assert_eq!(count(&outcomes, MAILED), 3, "{outcomes:?}");
}

#[tokio::test(start_paused = true)]
async fn what_has_its_document_is_not_woken_nor_is_a_replay_of_it() {
    let (world, name) = mailed().await;
    world.notify(&[FILE]).await;
    assert_eq!(world.queue().depth(), 0, "a file that is replaced later");
    replayed(&world, &name, Notify::IfChanged).await;
    let before = world.queue().bodies();
    world.notify(&[FILE]).await;
    assert_eq!(world.queue().bodies(), before);
}

#[tokio::test(start_paused = true)]
async fn a_forgotten_lead_is_not_woken() {
    let world = waiting().await;
    forgotten(&world, "test-1").await;
    world.put_owner("test-1", OMAR);
    world.notify(&[FILE]).await;
    assert_eq!(wake_ups(&world), 0);
    assert_eq!(world.work_until_idle().await, [ended(Done::Forgotten)]);
}

#[tokio::test(start_paused = true)]
async fn a_lead_that_is_forgotten_after_it_was_woken_is_not_mailed() {
    let world = waiting().await;
    world.put_owner("test-1", OMAR);
    world.notify(&[FILE]).await;
    forgotten(&world, "test-1").await;
    let outcomes = world.work_until_idle().await;
    assert_eq!(outcomes, [ended(Done::Forgotten); 2]);
    assert!(world.mailer().sent().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_dead_letter_is_woken_for_a_day_after_its_window_and_no_longer() {
    for (hours, expected) in [(23, 1), (25, 0)] {
        let world = World::new();
        world.post(ALICE).await;
        world.work_until_idle().await;
        assert_eq!(world.queue().dead_letters().len(), 1);
        sleep(Duration::from_hours(hours)).await;
        world.put_owner("test-1", OMAR);
        world.notify(&[FILE]).await;
        assert_eq!(wake_ups(&world), expected, "{hours}");
        world.work_until_idle().await;
        assert_eq!(world.mailer().sent().len(), expected, "{hours}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_owner_file_that_is_wrong_is_the_own_messages_to_fail() {
    for (file, why) in [
        ("not json", Why::LookupInvalid),
        (r#"{"lead_id":"other"}"#, Why::LookupMismatch),
    ] {
        let world = waiting().await;
        world.put_owner("test-1", file);
        world.notify(&[FILE]).await;
        assert_eq!(world.work().await, [LEFT], "{why:?}");
        assert!(world.keys("failed/").is_empty(), "{why:?}");
        // The next version of it wakes the lead again.
        world.put_owner("test-1", OMAR);
        world.notify(&[FILE]).await;
        assert_eq!(world.work().await, [MAILED], "{why:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_wake_up_that_met_its_document_waits_and_fails_like_the_events_own_message() {
    let world = waiting().await;
    world.put_owner("test-1", OMAR);
    world.mailer().be_busy(1);
    world.notify(&[FILE]).await;
    let busy = DeferReason::MailUnavailable;
    let outcomes = world.work().await;
    assert!(matches!(outcomes[..], [Outcome::Deferred { reason, .. }] if reason == busy));
    let outcomes = world.work_until_idle().await;
    assert_eq!(count(&outcomes, MAILED), 1, "{outcomes:?}");
    assert_eq!(world.mailer().sent().len(), 1);

    let world = waiting().await;
    world.put_owner("test-1", OMAR);
    world.mailer().refuse(1);
    world.notify(&[FILE]).await;
    assert_eq!(world.work().await, [failed(Why::MailRefused)]);
    assert_eq!(world.keys("failed/").len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_store_or_a_queue_that_fails_is_asked_again_by_the_next_receive() {
    type Met = (fn(&Call) -> bool, Fault, Why);
    let is_listing = |call: &Call| matches!(call, Call::List(..));
    let is_sent = |call: &Call| matches!(call, Call::Send(_));
    let faults: [Met; 4] = [
        (is_listing, Fault::Fails, Why::StoreUnavailable),
        (is_sent, Fault::Fails, Why::QueueUnavailable),
        (is_listing, Fault::Hangs, Why::DeadlineExceeded),
        (is_listing, Fault::Panics, Why::Panicked),
    ];
    for (is_meant, fault, why) in faults {
        let world = waiting().await;
        world.put_owner("test-1", OMAR);
        world.spoil_once(fault, is_meant);
        assert_eq!(world.notify(&[FILE]).await, [failed(why)]);
        assert!(world.keys("failed/").is_empty(), "it is a hint");
        assert_eq!(world.notify(&[FILE]).await, [WOKEN]);
        assert_eq!(count(&world.work().await, MAILED), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn a_batch_of_both_forms_and_of_nonsense_is_worked_on_each_by_itself() {
    let world = waiting().await;
    world.put_owner("test-1", OMAR);
    world.own("b");
    world.post_lead("b").await;
    sleep(Duration::from_mins(10)).await;
    world.spoil(Fault::Fails, reads("raw/crm_event_c_"));
    world.post_lead("c").await;
    world.queue().deliver_now();
    for body in [
        notification(OWNER_BUCKET, "test-1.json"),
        "nonsense".to_owned(),
        r#"{"Records":[{"s3":{}}]}"#.to_owned(),
    ] {
        world.send(&body).await;
    }
    let outcomes = world.work().await;
    assert_eq!(outcomes.len(), 6);
    assert_eq!(count(&outcomes, MAILED), 2, "{outcomes:?}");
    assert_eq!(count(&outcomes, WOKEN), 1, "{outcomes:?}");
    assert_eq!(count(&outcomes, failed(Why::BadMessage)), 2, "{outcomes:?}");
}

#[tokio::test(start_paused = true)]
async fn a_notification_that_finds_no_time_left_comes_back() {
    let world = waiting().await;
    world.queue().deliver_now();
    let record = Record {
        body: notification(OWNER_BUCKET, "test-1.json"),
        ..world.queue().receive(1).remove(0)
    };
    let short = Duration::from_secs(19);
    let results = world.enrich.handle_batch(vec![record], short).await;
    assert_eq!(results[0].1, failed(Why::DeadlineExceeded));
}

#[tokio::test(start_paused = true)]
async fn what_an_operator_put_by_hand_is_not_woken() {
    let world = World::new();
    let key = "raw/crm_event_test-1_20261123T064000000000Z.json";
    world.put(key, ALICE);
    sleep(Duration::from_mins(10)).await;
    world.notify(&[FILE]).await;
    assert_eq!(wake_ups(&world), 0);
}
