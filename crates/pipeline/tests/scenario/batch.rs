use super::prelude::*;
use leadwire_pipeline::settings::RECORD_DEADLINE;
use leadwire_pipeline::stage::enrich::Record;

async fn with_leads(count: usize) -> World {
    let world = World::new();
    post_leads(&world, count).await;
    sleep(Duration::from_mins(10)).await;
    world
}

#[tokio::test(start_paused = true)]
async fn one_poisoned_message_of_each_kind_never_fails_its_batch_mates() {
    let world = with_leads(7).await;
    world.put_owner("l0", "not json");
    for poison in [
        "nonsense",
        r#"{"v":99,"s3_key":"raw/x.json"}"#,
        r#"{"s3_key":"raw/nowhere.json"}"#,
    ] {
        world.send(poison).await;
    }
    let outcomes = world.work().await;
    assert_eq!(outcomes.len(), 10);
    assert_eq!(count(&outcomes, MAILED), 6);
    assert_eq!(count(&outcomes, failed(Why::BadMessage)), 2);
    assert_eq!(count(&outcomes, failed(Why::RawMissing)), 1);
    assert_eq!(count(&outcomes, failed(Why::LookupInvalid)), 1);
    world.work_until_idle().await;
    let letters = world.queue().dead_letters();
    assert_eq!(letters.len(), 4);
    assert!(letters.iter().all(|letter| letter.receives == 3));
    assert_eq!(world.keys("failed/").len(), 4);
    assert_eq!(world.keys("failed/message-").len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_panic_or_a_hang_of_one_record_is_that_records_alone() {
    for (fault, reason) in [
        (Fault::Panics, Why::Panicked),
        (Fault::Hangs, Why::DeadlineExceeded),
    ] {
        let world = with_leads(10).await;
        world.spoil(fault, reads("l3.json"));
        let outcomes = world.work().await;
        assert_eq!(count(&outcomes, MAILED), 9);
        assert_eq!(count(&outcomes, failed(reason)), 1);
        world.home.clear_script();
        assert_eq!(world.work_until_idle().await, [MAILED]);
    }
}

#[tokio::test(start_paused = true)]
async fn the_same_message_twice_in_one_batch_is_worked_on_once() {
    let world = with_leads(1).await;
    let body = world.queue().bodies().remove(0);
    world.send(&body).await;
    let outcomes = world.work_until_idle().await;
    assert_eq!(count(&outcomes, MAILED), 1, "{outcomes:?}");
    assert!(!has_failed(&outcomes), "{outcomes:?}");
    assert_eq!(world.mailer().sent().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_batch_short_of_time_is_put_back_without_costing_a_receive() {
    let world = with_leads(3).await;
    let records = world.queue().receive(10);
    let short = Duration::from_secs(19);
    for (message_id, outcome) in world.enrich.handle_batch(records, short).await {
        let reason = DeferReason::NoTimeLeft;
        assert_eq!(outcome, Outcome::Deferred { reason, seconds: 1 });
        world.queue().delete(&message_id);
    }
    assert_eq!(world.mailer().tries(), 0);
    let outcomes = world.work_until_idle().await;
    assert_eq!(count(&outcomes, MAILED), 3);
    assert!(costs_no_receive(&world));
}

#[tokio::test(start_paused = true)]
async fn a_batch_with_just_the_time_of_a_record_is_worked_on() {
    let world = with_leads(2).await;
    let records = world.queue().receive(10);
    let results = world.enrich.handle_batch(records, RECORD_DEADLINE).await;
    let outcomes: Vec<Outcome> = results.into_iter().map(|(_, outcome)| outcome).collect();
    assert_eq!(count(&outcomes, MAILED), 2, "{outcomes:?}");
}

#[tokio::test(start_paused = true)]
async fn a_queue_that_cannot_take_a_copy_keeps_the_original() {
    let world = World::new();
    world.post(ALICE).await;
    sleep(Duration::from_mins(10)).await;
    world.queue().fail_sends(1);
    assert_eq!(world.work().await, [failed(Why::QueueUnavailable)]);
    assert_eq!(world.queue().depth(), 1, "the original is still there");
    world.put_owner("test-1", OMAR);
    assert_eq!(world.work_until_idle().await, [MAILED]);
}

#[tokio::test(start_paused = true)]
async fn a_batch_is_worked_on_all_at_once() {
    let world = with_leads(10).await;
    assert_eq!(world.work().await.len(), 10);
    let calls = world.home.calls();
    let before_first_mail = calls.iter().take_while(|call| !replaces("mail/")(call));
    let reads = before_first_mail.filter(|call| reads_owner(call)).count();
    assert_eq!(
        reads, 10,
        "every record is under way before the first is settled"
    );
}

#[tokio::test(start_paused = true)]
async fn a_failure_is_reported_even_where_it_cannot_be_written_down() {
    let world = with_leads(1).await;
    world.home.set_script(|call| match call {
        Call::Get(Bucket::Raw, _) => Some(Fault::Fails),
        Call::Put(..) => Some(Fault::Hangs),
        _ => None,
    });
    let record = Record {
        receive_count: 3,
        ..world.queue().receive(1).remove(0)
    };
    let minute = Duration::from_mins(1);
    let results = world.enrich.handle_batch(vec![record], minute).await;
    assert!(results[0].1.is_failed());
}
