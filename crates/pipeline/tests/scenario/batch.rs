use leadwire_domain::failure::FailureReason;
use leadwire_domain::wait::DeferReason;
use leadwire_pipeline::port::{Bucket, DelayQueue, Home, OutgoingMessage};
use leadwire_pipeline::settings::RECORD_DEADLINE;
use leadwire_pipeline::stage::enrich::{Done, Outcome, Record};
use leadwire_pipeline::testkit::{Call, Fault, World};
use leadwire_pipeline::trace::TraceContext;
use std::time::Duration;

async fn with_leads(count: usize) -> World {
    let world = World::new();
    for i in 0..count {
        world.put_owner(
            &format!("l{i}"),
            &format!(r#"{{"lead_id":"l{i}","lead_owner":"O{i}"}}"#),
        );
        world
            .post(&format!(r#"{{"lead_id":"l{i}","display_name":"N{i}"}}"#))
            .await;
    }
    tokio::time::sleep(Duration::from_mins(10)).await;
    world
}

fn count(outcomes: &[Outcome], wanted: Outcome) -> usize {
    outcomes
        .iter()
        .filter(|outcome| **outcome == wanted)
        .count()
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
        let message = OutgoingMessage {
            body: poison.to_owned(),
            delay_seconds: 0,
            trace: TraceContext::default(),
        };
        world.home.queue().send(message).await.unwrap();
    }
    let outcomes = world.work().await;
    assert_eq!(outcomes.len(), 10);
    assert_eq!(count(&outcomes, Outcome::Done(Done::Mailed)), 6);
    assert_eq!(
        count(&outcomes, Outcome::Failed(FailureReason::BadMessage)),
        2
    );
    assert_eq!(
        count(&outcomes, Outcome::Failed(FailureReason::RawMissing)),
        1
    );
    assert_eq!(
        count(&outcomes, Outcome::Failed(FailureReason::LookupInvalid)),
        1
    );
    world.work_until_idle().await;
    assert_eq!(world.queue().dead_letters().len(), 4);
    assert!(
        world
            .queue()
            .dead_letters()
            .iter()
            .all(|letter| letter.receives == 3)
    );
    assert_eq!(world.store().keys(Bucket::Enriched, "failed/").len(), 4);
    assert_eq!(
        world
            .store()
            .keys(Bucket::Enriched, "failed/message-")
            .len(),
        2
    );
}

#[tokio::test(start_paused = true)]
async fn a_panic_or_a_hang_of_one_record_is_that_records_alone() {
    for (fault, reason) in [
        (Fault::Panics, FailureReason::Panicked),
        (Fault::Hangs, FailureReason::DeadlineExceeded),
    ] {
        let world = with_leads(10).await;
        world.store().set_script(move |call| {
            matches!(call, Call::Get(Bucket::Lookup, key) if key == "l3.json").then_some(fault)
        });
        let outcomes = world.work().await;
        assert_eq!(count(&outcomes, Outcome::Done(Done::Mailed)), 9);
        assert_eq!(count(&outcomes, Outcome::Failed(reason)), 1);
        world.store().clear_script();
        assert_eq!(world.work_until_idle().await, [Outcome::Done(Done::Mailed)]);
    }
}

#[tokio::test(start_paused = true)]
async fn the_same_message_twice_in_one_batch_is_worked_on_once() {
    let world = with_leads(1).await;
    let body = world.queue().bodies().remove(0);
    let message = OutgoingMessage {
        body,
        delay_seconds: 0,
        trace: TraceContext::default(),
    };
    world.home.queue().send(message).await.unwrap();
    let outcomes = world.work_until_idle().await;
    assert_eq!(
        count(&outcomes, Outcome::Done(Done::Mailed)),
        1,
        "{outcomes:?}"
    );
    assert!(
        outcomes.iter().all(|outcome| !outcome.is_failed()),
        "{outcomes:?}"
    );
    assert_eq!(world.mailer().sent().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_batch_short_of_time_is_put_back_without_costing_a_receive() {
    let world = with_leads(3).await;
    let records = world.queue().receive(10);
    let handles: Vec<String> = records
        .iter()
        .map(|record| record.receipt_handle.clone())
        .collect();
    let results = world
        .enrich
        .handle_batch(records, Duration::from_secs(19))
        .await;
    assert!(results.iter().all(|(_, outcome)| matches!(
        outcome,
        Outcome::Deferred {
            reason: DeferReason::NoTimeLeft,
            ..
        }
    )));
    assert_eq!(world.mailer().tries(), 0);
    for handle in &handles {
        world.queue().delete(handle);
    }
    let outcomes = world.work_until_idle().await;
    assert_eq!(count(&outcomes, Outcome::Done(Done::Mailed)), 3);
    assert!(
        world
            .queue()
            .deliveries()
            .iter()
            .all(|(_, receives)| *receives == 1)
    );
}

#[tokio::test(start_paused = true)]
async fn a_batch_with_just_the_time_of_a_record_is_worked_on() {
    let world = with_leads(2).await;
    let records = world.queue().receive(10);
    let results = world.enrich.handle_batch(records, RECORD_DEADLINE).await;
    let outcomes: Vec<Outcome> = results.into_iter().map(|(_, outcome)| outcome).collect();
    assert_eq!(
        count(&outcomes, Outcome::Done(Done::Mailed)),
        2,
        "{outcomes:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_queue_that_cannot_take_a_copy_keeps_the_original() {
    let world = World::new();
    world.post(super::ALICE).await;
    tokio::time::sleep(Duration::from_mins(10)).await;
    world.queue().fail_sends(1);
    assert_eq!(
        world.work().await,
        [Outcome::Failed(FailureReason::QueueUnavailable)]
    );
    assert_eq!(world.queue().depth(), 1, "the original is still there");
    world.put_owner("test-1", super::OMAR);
    assert_eq!(world.work_until_idle().await, [Outcome::Done(Done::Mailed)]);
}

#[tokio::test(start_paused = true)]
async fn a_batch_is_worked_on_all_at_once() {
    let world = with_leads(10).await;
    let results = world
        .enrich
        .handle_batch(world.queue().receive(10), Duration::from_mins(1))
        .await;
    assert_eq!(results.len(), 10);
    let calls = world.store().calls();
    let first_mail = calls
        .iter()
        .position(|call| call.is_on("mail/") && matches!(call, Call::Replace(..)))
        .unwrap();
    let reads_before = calls[..first_mail]
        .iter()
        .filter(|call| matches!(call, Call::Get(Bucket::Lookup, _)))
        .count();
    assert_eq!(
        reads_before, 10,
        "every record is under way before the first is settled"
    );
}

#[tokio::test(start_paused = true)]
async fn a_failure_is_reported_even_where_it_cannot_be_written_down() {
    let world = with_leads(1).await;
    world.store().set_script(|call| match call {
        Call::Get(Bucket::Raw, _) => Some(Fault::Fails),
        Call::Put(..) => Some(Fault::Hangs),
        _ => None,
    });
    let record = Record {
        receive_count: 3,
        ..world.queue().receive(1).remove(0)
    };
    let results = world
        .enrich
        .handle_batch(vec![record], Duration::from_mins(1))
        .await;
    assert!(results[0].1.is_failed());
}
