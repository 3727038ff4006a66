use super::{OMAR, close_event, json, key_of};
use leadwire_pipeline::port::{Bucket, Metadata, NewObject};
use leadwire_pipeline::stage::enrich::{Done, Outcome};
use leadwire_pipeline::testkit::World;
use leadwire_pipeline::trace::TraceContext;
use std::collections::BTreeMap;

pub(crate) struct Map(pub(crate) BTreeMap<&'static str, String>);

impl leadwire_domain::source::Headers for Map {
    fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }
}

pub(crate) fn header(name: &'static str, value: &str) -> Map {
    Map(BTreeMap::from([(name, value.to_owned())]))
}

#[tokio::test(start_paused = true)]
async fn the_same_webhook_five_times_at_once_is_one_object_one_document_and_one_mail() {
    let world = World::new();
    world.put_owner("lead_1", r#"{"lead_id":"lead_1","lead_owner":"Omar"}"#);
    let body = close_event("lead_1", "ev_1", "2026-11-23T06:49:59.123456");
    let answers = futures_util::future::join_all((0..5).map(|_| world.post(&body))).await;
    let duplicates = answers
        .iter()
        .filter(|answer| json(answer)["events"][0]["duplicate"] == true)
        .count();
    assert_eq!(duplicates, 4);
    world.work_until_idle().await;
    assert_eq!(world.store().keys(Bucket::Raw, "raw/").len(), 1);
    assert_eq!(world.store().keys(Bucket::Enriched, "enriched/").len(), 1);
    assert_eq!(world.mailer().sent().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_retry_minutes_later_keeps_the_first_acceptance_and_what_is_left_of_the_delay() {
    let world = World::new();
    let body = close_event("lead_1", "ev_1", "2026-11-23T06:49:59.123456");
    let first = json(&world.post(&body).await)["events"][0]["enrich_not_before"].clone();
    tokio::time::sleep(std::time::Duration::from_mins(4)).await;
    world.queue().purge();
    let answer = world.post(&body).await;
    assert_eq!(json(&answer)["events"][0]["enrich_not_before"], first);
    let left = world.queue().next_visible_at().unwrap();
    assert_eq!(left.to_string(), first.as_str().unwrap());
}

#[tokio::test(start_paused = true)]
async fn an_idempotency_key_makes_a_retry_of_the_flat_form_one_event() {
    let world = World::new();
    let headers = header("idempotency-key", "order-7");
    let first = key_of(
        &world
            .post_to("/ingest", &headers, super::ALICE.as_bytes())
            .await,
    );
    tokio::time::sleep(std::time::Duration::from_secs(30)).await;
    let second = world
        .post_to("/ingest", &headers, super::ALICE.as_bytes())
        .await;
    assert_eq!(key_of(&second), first);
    assert_eq!(json(&second)["events"][0]["duplicate"], true);
    assert_eq!(json(&second)["events"][0]["event_id"], "order-7");
}

#[tokio::test(start_paused = true)]
async fn without_an_id_two_posts_are_two_events_even_in_one_instant() {
    let world = World::new();
    let (a, b) = (
        key_of(&world.post(super::ALICE).await),
        key_of(&world.post(super::ALICE).await),
    );
    assert_ne!(a, b);
}

#[tokio::test(start_paused = true)]
async fn the_same_id_with_other_bytes_keeps_the_first_and_is_counted() {
    let world = World::new();
    let first = close_event("lead_1", "ev_1", "2026-11-23T06:49:59.123456");
    let other = first.replace("Zoe", "Mallory");
    world.post(&first).await;
    let answer = world.observed(world.post(&other)).await;
    assert_eq!(json(&answer)["events"][0]["duplicate"], true);
    assert_eq!(world.told().get("LeadsConflicting"), Some(&1));
    assert_eq!(
        world
            .store()
            .peek(Bucket::Raw, &key_of(&answer))
            .unwrap()
            .bytes,
        first.as_bytes()
    );
}

#[tokio::test(start_paused = true)]
async fn an_event_that_was_mailed_gets_no_new_trigger() {
    let world = World::new();
    world.put_owner("test-1", OMAR);
    let headers = header("idempotency-key", "k");
    world
        .post_to("/ingest", &headers, super::ALICE.as_bytes())
        .await;
    world.work_until_idle().await;
    let answer = world
        .post_to("/ingest", &headers, super::ALICE.as_bytes())
        .await;
    assert_eq!(answer.status, 202);
    assert_eq!(world.queue().depth(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_message_that_is_delivered_twice_mails_once() {
    let world = World::new();
    world.put_owner("test-1", OMAR);
    world.post(super::ALICE).await;
    let body = world.queue().bodies().remove(0);
    for _ in 0..2 {
        use leadwire_pipeline::port::{DelayQueue, Home, OutgoingMessage};
        let copy = OutgoingMessage {
            body: body.clone(),
            delay_seconds: 600,
            trace: TraceContext::default(),
        };
        world.home.queue().send(copy).await.unwrap();
    }
    let outcomes = world.work_until_idle().await;
    assert_eq!(
        outcomes
            .iter()
            .filter(|outcome| **outcome == Outcome::Done(Done::Mailed))
            .count(),
        1,
        "{outcomes:?}"
    );
    assert_eq!(world.mailer().sent().len(), 1);
    assert!(outcomes.iter().all(|outcome| !outcome.is_failed()));
}

#[tokio::test(start_paused = true)]
async fn a_forgotten_event_is_not_stored_again_and_its_slot_is_not_given_to_another() {
    let world = World::new();
    let body = close_event("lead_1", "ev_1", "2026-11-23T06:49:59.123456");
    let key = key_of(&world.post(&body).await);
    forget(&world, &key, "ev_1");
    world.queue().purge();
    let again = world.post(&body).await;
    assert_eq!(json(&again)["events"][0]["duplicate"], true);
    assert_eq!(
        world.store().keys(Bucket::Raw, "raw/"),
        Vec::<String>::new()
    );
    assert_eq!(world.queue().depth(), 0);
    let other = close_event("lead_1", "ev_2", "2026-11-23T06:49:59.123456");
    assert_ne!(key_of(&world.post(&other).await), key);
}

#[tokio::test(start_paused = true)]
async fn a_message_of_a_forgotten_event_writes_nothing() {
    let world = World::new();
    world.put_owner("lead_1", r#"{"lead_id":"lead_1","lead_owner":"Omar"}"#);
    let body = close_event("lead_1", "ev_1", "2026-11-23T06:49:59.123456");
    let key = key_of(&world.post(&body).await);
    let stored = world.store().peek(Bucket::Raw, &key).unwrap();
    forget(&world, &key, "ev_1");
    // The raw object is not deleted yet: the message must not make a document of it all the same.
    world.store().plant(
        Bucket::Raw,
        &key,
        NewObject::with_metadata(stored.bytes, stored.metadata),
    );
    assert_eq!(
        world.work_until_idle().await,
        [Outcome::Done(Done::Forgotten)]
    );
    assert_eq!(
        world.store().keys(Bucket::Enriched, "enriched/"),
        Vec::<String>::new()
    );
    assert_eq!(world.mailer().tries(), 0);
}

/// What `forget` leaves behind.
fn forget(world: &World, raw_key: &str, event_id: &str) {
    use leadwire_domain::{key::Identity, lead::id::EventId, source::Source};
    let event_id = EventId::parse(event_id).unwrap();
    let identity = Identity {
        source: Source::Generic,
        event_id: &event_id,
    }
    .dedupe_key();
    let metadata = Metadata::from([
        ("state".to_owned(), "forgotten".to_owned()),
        ("identity".to_owned(), identity),
    ]);
    world.store().remove(Bucket::Raw, raw_key);
    world.store().plant(
        Bucket::Enriched,
        &raw_key.replace("raw/", "mail/"),
        NewObject::with_metadata(Vec::new(), metadata),
    );
}
