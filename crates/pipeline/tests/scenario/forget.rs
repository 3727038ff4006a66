use super::duplicate::header;
use super::{ALICE, OMAR, close_event, json, key_of, plant_claim};
use jiff::SignedDuration;
use leadwire_domain::lead::id::LeadId;
use leadwire_pipeline::operate::forget::{Forget, ForgetConfig, ForgetStep, Forgotten};
use leadwire_pipeline::port::{Bucket, NewObject, PortError};
use leadwire_pipeline::stage::enrich::{Done, Outcome};
use leadwire_pipeline::stage::sweep::SweepMode;
use leadwire_pipeline::testkit::{Call, FakeHome, Fault, World};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

const LEASE: SignedDuration = SignedDuration::from_secs(90);
const LONG: Duration = Duration::from_hours(3);

fn forget(world: &World) -> Forget<FakeHome> {
    let config = ForgetConfig {
        lease: LEASE,
        owner_file: true,
    };
    Forget::new(Arc::clone(&world.home), config)
}

async fn try_to_forget(world: &World, lead_id: &str) -> Result<Forgotten, PortError> {
    let forget = forget(world);
    let found = forget.find(&LeadId::parse(lead_id).unwrap()).await?;
    forget.run(&found, || false, &mut |_step| ()).await
}

async fn forgotten(world: &World, lead_id: &str) -> Forgotten {
    try_to_forget(world, lead_id).await.unwrap()
}

/// Everything in both buckets whose key has this in it.
fn keys_with(world: &World, part: &str) -> Vec<String> {
    let raw = world.store().keys(Bucket::Raw, "");
    let all = raw
        .into_iter()
        .chain(world.store().keys(Bucket::Enriched, ""));
    all.filter(|key| key.contains(part)).collect()
}

/// All objects whose keys are wanted, as they lie there.
fn objects(world: &World, is_wanted: impl Fn(&str) -> bool) -> Vec<(String, Vec<u8>, String)> {
    let mut objects = Vec::new();
    for bucket in [Bucket::Raw, Bucket::Enriched, Bucket::Lookup] {
        for key in world.store().keys(bucket, "") {
            if is_wanted(&key) {
                let object = world.store().peek(bucket, &key).unwrap();
                objects.push((key, object.bytes, object.etag.0));
            }
        }
    }
    objects
}

async fn mailed(world: &World, lead_id: &str) -> String {
    world.put_owner(
        lead_id,
        &format!(r#"{{"lead_id":"{lead_id}","lead_owner":"Omar"}}"#),
    );
    let body = close_event(
        lead_id,
        &format!("ev_{lead_id}"),
        "2026-11-23T06:49:59.123456",
    );
    let key = key_of(&world.post(&body).await);
    world.work_until_idle().await;
    key
}

#[tokio::test(start_paused = true)]
async fn nothing_of_a_forgotten_lead_is_left_but_markers_and_leads_that_begin_alike_stay() {
    let world = World::new();
    world.store().keep_versions();
    let key = mailed(&world, "a").await;
    for other in ["a_1", "a-b", "aa", "A", "a_20261123T064959123456Z"] {
        mailed(&world, other).await;
    }
    let body = close_event("a", "ev_a", "2026-11-23T06:49:59.123456");
    let is_anothers =
        |key: &str| key != "a.json" && !key.contains("crm_event_a_20261123T064959123456Z.");
    let before = objects(&world, is_anothers);
    assert_eq!(before.len(), 4 * 5);

    let done = forgotten(&world, "a").await;
    assert_eq!((done.events, done.versions, done.owner_file), (1, 2, 1));
    assert_eq!(objects(&world, is_anothers), before);
    let mail_key = key.replace("raw/", "mail/");
    assert_eq!(
        keys_with(&world, "crm_event_a_20261123T064959123456Z."),
        [mail_key.as_str()]
    );
    for (bucket, key) in [
        (Bucket::Raw, key.clone()),
        (Bucket::Enriched, key.replace("raw/", "enriched/")),
        (Bucket::Lookup, "a.json".to_owned()),
    ] {
        assert_eq!(world.store().versions(bucket, &key), 0, "{key}");
    }
    let marker = world.store().peek(Bucket::Enriched, &mail_key).unwrap();
    assert!(marker.bytes.is_empty());
    assert_eq!(marker.metadata["state"], "forgotten");

    // Neither the CRM, nor an operator, nor the sweep brings it back.
    assert_eq!(
        json(&world.post(&body).await)["events"][0]["duplicate"],
        true
    );
    world.send_bare(&key);
    assert_eq!(
        world.work_until_idle().await,
        [Outcome::Done(Done::Forgotten)]
    );
    tokio::time::sleep(LONG).await;
    assert_eq!(world.sweep.run(SweepMode::Confirm).await.unwrap().found, 0);
    assert_eq!(objects(&world, is_anothers), before);
}

#[tokio::test(start_paused = true)]
async fn what_waits_fails_or_is_parked_is_forgotten_with_all_that_was_written_of_it() {
    let world = World::new();
    world.put_owner("test-1", "poison");
    let failing = key_of(&world.post(ALICE).await);
    world.work_until_idle().await;
    assert_eq!(world.queue().dead_letters().len(), 1);
    let waiting = key_of(&world.post(ALICE).await);
    let raw = world.store().peek(Bucket::Raw, &failing).unwrap();
    world.store().plant(
        Bucket::Enriched,
        &failing.replace("raw/", "swept/"),
        NewObject::of(br#"{"count":1}"#.to_vec()),
    );
    let parked = br#"{"state":"parked","parked_at":"2026-11-23T07:00:00Z","attempt":1}"#;
    let revision = failing
        .replace("raw/", "mail/")
        .replace(".json", ".r1.json");
    world
        .store()
        .plant(Bucket::Enriched, &revision, NewObject::of(parked.to_vec()));
    world.store().plant(
        Bucket::Enriched,
        &failing
            .replace("raw/", "enriched/")
            .replace(".json", ".r1.json"),
        NewObject::of(raw.bytes),
    );
    let done = forgotten(&world, "test-1").await;
    assert_eq!((done.events, done.versions), (2, 5));
    let left = keys_with(&world, "");
    assert!(left.iter().all(|key| key.starts_with("mail/")), "{left:?}");
    assert_eq!(left.len(), 3);
    for key in [
        &revision,
        &failing.replace("raw/", "mail/"),
        &waiting.replace("raw/", "mail/"),
    ] {
        let marker = world.store().peek(Bucket::Enriched, key).unwrap();
        assert_eq!(marker.metadata["state"], "forgotten", "{key}");
    }
    world.redrive().await.unwrap();
    let outcomes = world.work_until_idle().await;
    assert_eq!(outcomes, [Outcome::Done(Done::Forgotten); 2]);
    assert_eq!(keys_with(&world, ""), left);
}

#[tokio::test(start_paused = true)]
async fn a_worker_that_began_before_the_mark_leaves_nothing_behind() {
    for slow in ["enriched/", "mail/", "raw/"] {
        let world = World::new();
        world.put_owner("test-1", OMAR);
        let key = key_of(&world.post(ALICE).await);
        tokio::time::sleep(Duration::from_mins(11)).await;
        let mut is_first = true;
        world.store().set_script(move |call| {
            let is_it = match call {
                Call::Create(..) => call.is_on(slow),
                Call::Get(..) => slow == "raw/" && call.is_on(slow),
                _ => false,
            };
            (is_it && std::mem::take(&mut is_first)).then_some(Fault::Late)
        });
        let second = Duration::from_secs(1);
        let late = async {
            tokio::time::sleep(second).await;
            forgotten(&world, "test-1").await
        };
        let (_outcomes, done) = tokio::join!(world.work(), late);
        assert_eq!(done.events, 1);
        let left = keys_with(&world, "");
        assert_eq!(left, [key.replace("raw/", "mail/")], "late at {slow}");
        let marker = world.store().peek(Bucket::Enriched, &left[0]).unwrap();
        assert_eq!(marker.metadata["state"], "forgotten", "late at {slow}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_webhook_that_was_being_stored_does_not_bring_the_lead_back() {
    let world = World::new();
    let body = close_event("lead_1", "ev_1", "2026-11-23T06:49:59.123456");
    world.post(&body).await;
    // The CRM's retry has looked for a marker, and is slow to store.
    let mut is_first = true;
    world.store().set_script(move |call| {
        let is_it = matches!(call, Call::Create(Bucket::Raw, _));
        (is_it && std::mem::take(&mut is_first)).then_some(Fault::Late)
    });
    let second = Duration::from_secs(1);
    let late = async {
        tokio::time::sleep(second).await;
        forgotten(&world, "lead_1").await
    };
    let (_answer, done) = tokio::join!(world.post(&body), late);
    assert_eq!(done.events, 1);
    assert!(world.store().keys(Bucket::Raw, "").is_empty());
}

#[tokio::test(start_paused = true)]
async fn wherever_it_is_interrupted_a_second_run_finishes_the_work() {
    let calls = {
        let world = World::new();
        mailed(&world, "a").await;
        let before = world.store().calls().len();
        forgotten(&world, "a").await;
        world.store().calls().len() - before
    };
    assert!(calls > 20);
    for fault in [Fault::Fails, Fault::ReplyLost] {
        for call in 0..calls {
            let world = World::new();
            world.store().keep_versions();
            let key = mailed(&world, "a").await;
            let mut left = call;
            world.store().set_script(move |_call| {
                let is_it = left == 0;
                left = left.wrapping_sub(1);
                is_it.then_some(fault)
            });
            assert!(try_to_forget(&world, "a").await.is_err(), "call {call}");
            world.store().clear_script();
            forgotten(&world, "a").await;
            let mail_key = key.replace("raw/", "mail/");
            assert_eq!(keys_with(&world, ""), [mail_key.as_str()], "call {call}");
            let marker = world.store().peek(Bucket::Enriched, &mail_key).unwrap();
            assert!(marker.metadata.contains_key("identity"), "call {call}");
            assert!(world.store().keys(Bucket::Lookup, "").is_empty());
            assert_eq!(forgotten(&world, "a").await.events, 0, "call {call}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn one_lease_passes_between_the_mark_and_the_deletion_and_a_second_run_waits_for_the_rest() {
    let world = World::new();
    mailed(&world, "a").await;
    let forget = forget(&world);
    let found = forget.find(&LeadId::parse("a").unwrap()).await.unwrap();
    let begun = Instant::now();
    world
        .store()
        .set_script(|call| matches!(call, Call::Erase(..)).then_some(Fault::Fails));
    let mut steps = Vec::new();
    assert!(
        forget
            .run(&found, || false, &mut |step| steps.push(step))
            .await
            .is_err()
    );
    assert_eq!(begun.elapsed(), Duration::from_secs(90));
    assert_eq!(steps[0], ForgetStep::Marked { done: 1, all: 1 });
    assert_eq!(
        steps[1],
        ForgetStep::Waiting {
            left: Duration::from_secs(90)
        }
    );
    assert_eq!(steps.len(), 91);

    world.store().clear_script();
    forget.run(&found, || false, &mut |_step| ()).await.unwrap();
    assert_eq!(begun.elapsed(), Duration::from_secs(90), "it was over");
}

#[tokio::test(start_paused = true)]
async fn nothing_is_waited_for_where_nobody_is_at_work() {
    let world = World::new();
    let key = mailed(&world, "a").await;
    let forget = forget(&world);
    let found = forget.find(&LeadId::parse("a").unwrap()).await.unwrap();
    let begun = Instant::now();
    let is_idle = || {
        let mail_key = key.replace("raw/", "mail/");
        let marker = world.store().peek(Bucket::Enriched, &mail_key).unwrap();
        assert_eq!(marker.metadata["state"], "forgotten", "asked too early");
        true
    };
    forget.run(&found, is_idle, &mut |_step| ()).await.unwrap();
    assert_eq!(begun.elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn an_event_without_a_time_of_its_own_is_known_again_by_its_dedupe_entry() {
    let world = World::new();
    let headers = header("idempotency-key", "order-7");
    let post = || world.post_to("/ingest", &headers, ALICE.as_bytes());
    let key = key_of(&post().await);
    world.queue().purge();
    forgotten(&world, "test-1").await;
    assert_eq!(world.store().keys(Bucket::Enriched, "dedupe/").len(), 1);
    tokio::time::sleep(Duration::from_mins(5)).await;
    let again = post().await;
    assert_eq!(key_of(&again), key);
    assert_eq!(json(&again)["events"][0]["duplicate"], true);
    assert!(world.store().keys(Bucket::Raw, "").is_empty());
    assert_eq!(world.queue().depth(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_live_claim_is_taken_over_and_its_worker_finds_the_marker() {
    let world = World::new();
    world.put_owner("test-1", OMAR);
    world.post(ALICE).await;
    plant_claim(
        &world,
        r#"{"state":"sending","token":"other","lease_until":"2026-11-23T07:02:00Z","attempt":1}"#,
    );
    assert_eq!(forgotten(&world, "test-1").await.events, 1);
    assert_eq!(
        world.work_until_idle().await,
        [Outcome::Done(Done::Forgotten)]
    );
    assert_eq!(world.mailer().tries(), 0);
}

#[tokio::test(start_paused = true)]
async fn what_a_retention_hid_and_what_somebody_put_by_hand_is_found_too() {
    let world = World::new();
    let store = world.store();
    store.keep_versions();
    store.set_page(1);
    let hidden = mailed(&world, "a").await;
    store.remove(Bucket::Raw, &hidden);
    let orphan = mailed(&world, "a_1").await;
    for (name, lead) in [("0-by-hand", "a"), ("x-by-hand", "a"), ("x-other", "b")] {
        let body = format!(r#"{{"lead_id":"{lead}"}}"#).into_bytes();
        store.plant(
            Bucket::Raw,
            &format!("raw/{name}.json"),
            NewObject::of(body),
        );
    }
    let done = forgotten(&world, "a").await;
    assert_eq!((done.events, done.versions), (3, 4));
    assert_eq!(store.versions(Bucket::Raw, &hidden), 0);
    assert_eq!(
        store.keys(Bucket::Raw, "raw/"),
        [orphan.as_str(), "raw/x-other.json"]
    );
    assert!(
        !store
            .keys(Bucket::Enriched, "mail/x-by-hand.json")
            .is_empty()
    );
}

#[tokio::test(start_paused = true)]
async fn whose_an_event_is_the_stored_id_says_and_not_its_name() {
    let world = World::new();
    let key = mailed(&world, "a").await;
    let mut stored = world.store().peek(Bucket::Raw, &key).unwrap();
    stored.metadata.insert("lead-id".into(), "b".into());
    world.store().plant(
        Bucket::Raw,
        &key,
        NewObject::with_metadata(stored.bytes, stored.metadata),
    );
    assert_eq!(forgotten(&world, "a").await.events, 0);
    assert!(world.store().peek(Bucket::Raw, &key).is_some());
}

#[tokio::test(start_paused = true)]
async fn looking_for_what_would_be_forgotten_changes_nothing() {
    let world = World::new();
    let key = mailed(&world, "a").await;
    let before = objects(&world, |_key| true);
    let found = forget(&world)
        .find(&LeadId::parse("a").unwrap())
        .await
        .unwrap();
    assert!(found.owner_file);
    assert_eq!(found.events.len(), 1);
    assert_eq!(
        found.events[0].keys,
        [
            (Bucket::Enriched, key.replace("raw/", "enriched/")),
            (Bucket::Raw, key)
        ]
    );
    assert_eq!(objects(&world, |_key| true), before);
}
