use super::{ALICE, close_event, json, key_of};
use leadwire_pipeline::port::Bucket;
use leadwire_pipeline::testkit::{Call, Fault, World};

#[tokio::test(start_paused = true)]
async fn a_lost_reply_of_the_raw_write_is_recognised_as_our_own() {
    let world = World::new();
    let mut lost = false;
    world.store().set_script(move |call| match call {
        Call::Create(Bucket::Raw, _) if !std::mem::replace(&mut lost, true) => {
            Some(Fault::ReplyLost)
        }
        _ => None,
    });
    let answer = world.post(ALICE).await;
    assert_eq!(json(&answer)["events"][0]["duplicate"], false);
    assert_eq!(world.store().keys(Bucket::Raw, "raw/").len(), 1);
    assert_eq!(world.queue().depth(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_write_that_left_nothing_is_a_503_and_the_retry_starts_clean() {
    for fault in [Fault::Fails, Fault::Conflict] {
        let world = World::new();
        let body = close_event("lead_1", "ev_1", "2026-11-23T06:49:59.123456");
        world
            .store()
            .set_script(move |call| matches!(call, Call::Create(Bucket::Raw, _)).then_some(fault));
        let answer = world.post(&body).await;
        assert_eq!(
            (answer.status, answer.retry_after_seconds),
            (503, Some(5)),
            "{fault:?}"
        );
        assert_eq!(world.queue().depth(), 0);
        world.store().clear_script();
        let answer = world.post(&body).await;
        assert_eq!(json(&answer)["events"][0]["duplicate"], false);
    }
}

#[tokio::test(start_paused = true)]
async fn stored_but_not_queued_is_a_503_and_the_retry_queues_it() {
    let world = World::new();
    let body = close_event("lead_1", "ev_1", "2026-11-23T06:49:59.123456");
    world.queue().fail_sends(1);
    assert_eq!(world.post(&body).await.status, 503);
    assert_eq!(world.store().keys(Bucket::Raw, "raw/").len(), 1);
    let answer = world.post(&body).await;
    assert_eq!(answer.status, 202);
    assert_eq!(world.queue().depth(), 1);
    assert_eq!(world.store().keys(Bucket::Raw, "raw/"), [key_of(&answer)]);
}

#[tokio::test(start_paused = true)]
async fn a_hanging_store_is_a_503_after_four_seconds() {
    let world = World::new();
    world
        .store()
        .set_script(|call| matches!(call, Call::Create(..)).then_some(Fault::Hangs));
    let start = tokio::time::Instant::now();
    let answer = world.observed(world.post(ALICE)).await;
    assert_eq!((answer.status, start.elapsed().as_secs()), (503, 4));
    assert_eq!(json(&answer)["code"], "unavailable");
    assert_eq!(world.told().get("LeadsRejected"), Some(&1));
}

#[tokio::test(start_paused = true)]
async fn a_lost_reply_of_the_dedupe_entry_keeps_one_key() {
    let world = World::new();
    let headers = super::duplicate::header("idempotency-key", "k-1");
    world.store().set_script(|call| {
        matches!(call, Call::Create(Bucket::Enriched, _)).then_some(Fault::ReplyLost)
    });
    let first = key_of(&world.post_to("/ingest", &headers, ALICE.as_bytes()).await);
    world.store().clear_script();
    tokio::time::sleep(std::time::Duration::from_secs(5)).await;
    assert_eq!(
        key_of(&world.post_to("/ingest", &headers, ALICE.as_bytes()).await),
        first
    );
}

#[tokio::test(start_paused = true)]
async fn a_lost_reply_of_the_queue_doubles_the_trigger_and_not_the_mail() {
    let world = World::new();
    world.put_owner("lead_1", r#"{"lead_id":"lead_1","lead_owner":"Omar"}"#);
    let body = close_event("lead_1", "ev_1", "2026-11-23T06:49:59.123456");
    world.queue().lose_send_replies(1);
    assert_eq!(world.post(&body).await.status, 503);
    assert_eq!(world.post(&body).await.status, 202);
    assert_eq!(world.queue().depth(), 2);
    world.work_until_idle().await;
    assert_eq!(world.mailer().sent().len(), 1);
}
