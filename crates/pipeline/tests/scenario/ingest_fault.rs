use super::prelude::*;

#[tokio::test(start_paused = true)]
async fn a_lost_reply_of_the_raw_write_is_recognised_as_our_own() {
    let world = World::new();
    world.spoil_once(Fault::ReplyLost, creates("raw/"));
    let answer = world.post(ALICE).await;
    assert!(!is_duplicate(&answer));
    assert_eq!(world.keys("raw/").len(), 1);
    assert_eq!(world.queue().depth(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_write_that_left_nothing_is_a_503_and_the_retry_starts_clean() {
    for fault in [Fault::Fails, Fault::Conflict] {
        let world = World::new();
        let body = close_event("lead_1", "ev_1", INSTANT);
        world.spoil(fault, creates("raw/"));
        let answer = world.post(&body).await;
        let said = (answer.status, answer.retry_after_seconds);
        assert_eq!(said, (503, Some(5)), "{fault:?}");
        assert_eq!(world.queue().depth(), 0);
        world.home.clear_script();
        let answer = world.post(&body).await;
        assert!(!is_duplicate(&answer));
    }
}

#[tokio::test(start_paused = true)]
async fn stored_but_not_queued_is_a_503_and_the_retry_queues_it() {
    let world = World::new();
    let body = close_event("lead_1", "ev_1", INSTANT);
    world.queue().fail_sends(1);
    assert_eq!(world.post(&body).await.status, 503);
    assert_eq!(world.keys("raw/").len(), 1);
    let answer = world.post(&body).await;
    assert_eq!(answer.status, 202);
    assert_eq!(world.queue().depth(), 1);
    assert_eq!(world.keys("raw/"), [key_of(&answer)]);
}

#[tokio::test(start_paused = true)]
async fn a_hanging_store_is_a_503_after_four_seconds() {
    let world = World::new();
    world.spoil(Fault::Hangs, |call| matches!(call, Call::Create(..)));
    let start = Instant::now();
    let answer = world.observed(world.post(ALICE)).await;
    assert_eq!((answer.status, start.elapsed().as_secs()), (503, 4));
    assert_eq!(json(&answer)["code"], "unavailable");
    assert_eq!(world.counted().get("LeadsRejected"), Some(&1));
}

#[tokio::test(start_paused = true)]
async fn a_raw_object_that_may_not_be_read_or_written_is_a_503() {
    let all: fn(&Call) -> bool = |call| call.is_on("raw/");
    let reads: fn(&Call) -> bool = |call| reads("raw/")(call);
    for is_meant in [all, reads] {
        let world = World::new();
        let body = close_event("lead_1", "ev_1", INSTANT);
        world.post(&body).await;
        world.queue().purge();
        world.spoil(Fault::Denied, is_meant);
        assert_eq!(world.post(&body).await.status, 503);
        assert_eq!(world.queue().depth(), 0);
    }
}

#[tokio::test(start_paused = true)]
async fn a_lead_costs_a_write_and_a_message_and_one_with_an_id_an_entry_more() {
    const CREATE: &str = "PutObject if none";
    let close = close_event("lead_1", "ev_1", INSTANT);
    let flat = World::new();
    flat.post(ALICE).await;
    let fixed = World::new();
    fixed.post(&close).await;
    let named = World::new();
    post_with_id(&named, "order-7").await;
    let cost = |world: &World| {
        let calls = world.home.all_calls();
        let words = calls.iter().map(|call| call.words().0);
        words.collect::<Vec<_>>()
    };
    assert_eq!(cost(&flat), [CREATE, "SendMessage"]);
    assert_eq!(cost(&fixed), [CREATE, "SendMessage"]);
    assert_eq!(cost(&named), [CREATE, CREATE, "SendMessage"]);
}

#[tokio::test(start_paused = true)]
async fn a_lost_reply_of_the_identity_entry_keeps_one_key() {
    let world = World::new();
    world.spoil(Fault::ReplyLost, creates("dedupe/"));
    let first = key_of(&post_with_id(&world, "k-1").await);
    world.home.clear_script();
    sleep(Duration::from_secs(5)).await;
    assert_eq!(key_of(&post_with_id(&world, "k-1").await), first);
}

#[tokio::test(start_paused = true)]
async fn a_lost_reply_of_the_queue_doubles_the_trigger_and_not_the_mail() {
    let world = World::new();
    world.own("lead_1");
    let body = close_event("lead_1", "ev_1", INSTANT);
    world.queue().lose_send_replies(1);
    assert_eq!(world.post(&body).await.status, 503);
    assert_eq!(world.post(&body).await.status, 202);
    assert_eq!(world.queue().depth(), 2);
    world.work_until_idle().await;
    assert_eq!(world.mailer().sent().len(), 1);
}
