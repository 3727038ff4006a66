use super::prelude::*;
use leadwire_domain::key::Identity;
use leadwire_pipeline::port::Metadata;

#[tokio::test(start_paused = true)]
async fn the_same_webhook_five_times_at_once_is_one_object_one_document_and_one_mail() {
    let world = World::new();
    world.own("lead_1");
    let body = close_event("lead_1", "ev_1", INSTANT);
    let answers = join_all((0..5).map(|_| world.post(&body))).await;
    let duplicates = answers.iter().filter(|answer| is_duplicate(answer));
    assert_eq!(duplicates.count(), 4);
    world.work_until_idle().await;
    assert_eq!(world.keys("raw/").len(), 1);
    assert_eq!(world.keys("enriched/").len(), 1);
    assert_eq!(world.mailer().sent().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_retry_minutes_later_keeps_the_first_acceptance_and_what_is_left_of_the_delay() {
    let world = World::new();
    let body = close_event("lead_1", "ev_1", INSTANT);
    let first = event_of(&world.post(&body).await)["enrich_not_before"].clone();
    sleep(Duration::from_mins(4)).await;
    world.queue().purge();
    let answer = world.post(&body).await;
    assert_eq!(event_of(&answer)["enrich_not_before"], first);
    let left = world.queue().next_visible_at().unwrap();
    assert_eq!(left.to_string(), first.as_str().unwrap());
}

#[tokio::test(start_paused = true)]
async fn an_idempotency_key_makes_a_retry_of_the_flat_form_one_event() {
    let world = World::new();
    let first = key_of(&post_with_id(&world, "order-7").await);
    sleep(Duration::from_secs(30)).await;
    let second = post_with_id(&world, "order-7").await;
    assert_eq!(key_of(&second), first);
    assert!(is_duplicate(&second));
    assert_eq!(event_of(&second)["event_id"], "order-7");
}

#[tokio::test(start_paused = true)]
async fn without_an_id_two_posts_are_two_events_even_in_one_instant() {
    let world = World::new();
    let first = key_of(&world.post(ALICE).await);
    assert_ne!(key_of(&world.post(ALICE).await), first);
}

#[tokio::test(start_paused = true)]
async fn the_same_id_with_other_bytes_keeps_the_first_and_is_counted() {
    let world = World::new();
    let first = close_event("lead_1", "ev_1", INSTANT);
    let other = first.replace("Zoe", "Mallory");
    world.post(&first).await;
    let answer = world.observed(world.post(&other)).await;
    assert!(is_duplicate(&answer));
    assert_eq!(world.counted().get("LeadsConflicting"), Some(&1));
    let stored = world.peek(&key_of(&answer)).unwrap();
    assert_eq!(stored.bytes, first.as_bytes());
}

#[tokio::test(start_paused = true)]
async fn a_close_event_of_another_subscription_is_the_same_event_with_the_same_content() {
    let world = World::new();
    let first = close_event("lead_1", "ev_1", INSTANT);
    world.post(&first).await;
    let other = first.replace("whsub_1", "whsub_2");
    let answer = world.observed(world.post(&other)).await;
    assert!(is_duplicate(&answer));
    assert_eq!(world.counted().get("LeadsConflicting"), None);
    let stored = world.peek(&key_of(&answer)).unwrap();
    assert_eq!(stored.bytes, first.as_bytes());
}

#[tokio::test(start_paused = true)]
async fn a_duplicate_of_an_event_that_was_mailed_is_told_to_nobody() {
    let world = World::new();
    world.put_owner("test-1", OMAR);
    post_with_id(&world, "k").await;
    world.work_until_idle().await;
    assert!(is_duplicate(&post_with_id(&world, "k").await));
    assert_eq!(world.queue().depth(), 1);
    world.work_until_idle().await;
    assert_eq!(world.mailer().tries(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_message_that_is_delivered_twice_mails_once() {
    let world = posted(World::new()).await;
    let body = world.queue().bodies().remove(0);
    sleep(Duration::from_mins(10)).await;
    world.send(&body).await;
    world.send(&body).await;
    let outcomes = world.work_until_idle().await;
    assert_eq!(count(&outcomes, MAILED), 1, "{outcomes:?}");
    assert_eq!(world.mailer().sent().len(), 1);
    assert!(!has_failed(&outcomes));
}

#[tokio::test(start_paused = true)]
async fn a_forgotten_event_is_not_stored_again_and_its_slot_is_not_given_to_another() {
    let world = World::new();
    let body = close_event("lead_1", "ev_1", INSTANT);
    let key = key_of(&world.post(&body).await);
    leave_tombstone(&world, &key, "ev_1");
    world.queue().purge();
    let again = world.post(&body).await;
    assert!(is_duplicate(&again));
    assert_eq!(key_of(&again), key);
    assert_eq!(world.keys("raw/"), [&*key]);
    assert_eq!(world.peek(&key).unwrap().bytes, b"");
    assert_eq!(world.queue().depth(), 0);
    let other = close_event("lead_1", "ev_2", INSTANT);
    assert_ne!(key_of(&world.post(&other).await), key);
}

#[tokio::test(start_paused = true)]
async fn a_forgotten_event_without_a_time_of_its_own_is_known_by_its_id() {
    let world = World::new();
    let key = key_of(&post_with_id(&world, "order-7").await);
    leave_tombstone(&world, &key, "order-7");
    world.queue().purge();
    sleep(Duration::from_hours(1)).await;
    let again = post_with_id(&world, "order-7").await;
    assert!(is_duplicate(&again));
    assert_eq!(key_of(&again), key);
    assert_eq!(world.keys("raw/").len(), 1);
    assert_eq!(world.queue().depth(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_message_of_a_forgotten_event_writes_nothing() {
    let world = World::new();
    world.own("lead_1");
    let body = close_event("lead_1", "ev_1", INSTANT);
    let key = key_of(&world.post(&body).await);
    leave_tombstone(&world, &key, "ev_1");
    assert_eq!(world.work_until_idle().await, [ended(Done::Forgotten)]);
    assert_eq!(world.keys("enriched/"), [""; 0]);
    assert_eq!(world.keys("mail/"), [""; 0]);
    assert_eq!(world.mailer().tries(), 0);
}

#[tokio::test(start_paused = true)]
async fn an_event_that_the_first_edition_had_only_begun_to_forget_is_told_to_nobody() {
    let world = World::new();
    world.own("lead_1");
    let key = key_of(&world.post(&close_event("lead_1", "ev_1", INSTANT)).await);
    world.put_marker(&key.replace("raw/", "mail/"), "forgotten");
    assert_eq!(world.work_until_idle().await, [ended(Done::Forgotten)]);
    assert_eq!(world.mailer().tries(), 0);
}

/// What `forget` leaves where the raw object lay.
fn leave_tombstone(world: &World, raw_key: &str, event_id: &str) {
    let identity = Identity {
        source: Source::default(),
        event_id: &EventId::parse(event_id).unwrap(),
    };
    let metadata = Metadata::from([
        ("state".to_owned(), "forgotten".to_owned()),
        ("identity".to_owned(), identity.dedupe_key()),
    ]);
    world.remove(raw_key);
    let tombstone = NewObject::with_metadata(Vec::new(), metadata);
    world.home.plant(Bucket::Raw, raw_key, tombstone);
}
