use super::prelude::*;
use leadwire_pipeline::operate::forget::ForgetStep;

/// Everything in both buckets whose key has this in it.
fn keys_with(world: &World, part: &str) -> Vec<String> {
    let all = all_keys(world).into_iter();
    all.filter(|key| key.contains(part)).collect()
}

/// All objects whose keys are wanted, as they lie there.
fn objects(world: &World, is_wanted: impl Fn(&str) -> bool) -> Vec<(String, Vec<u8>, String)> {
    let mut objects = Vec::new();
    let keys = [all_keys(world), world.keys("")].concat();
    for key in keys.into_iter().filter(|key| is_wanted(key)) {
        let object = world.peek(&key).unwrap();
        objects.push((key, object.bytes, object.etag.0));
    }
    objects
}

async fn mailed(world: &World, lead_id: &str) -> String {
    world.own(lead_id);
    let body = close_event(lead_id, &format!("ev_{lead_id}"), INSTANT);
    let key = key_of(&world.post(&body).await);
    world.work_until_idle().await;
    key
}

#[tokio::test(start_paused = true)]
async fn nothing_of_a_forgotten_lead_is_left_but_markers_and_leads_that_begin_alike_stay() {
    let world = World::new();
    world.home.keep_versions();
    let key = mailed(&world, "a").await;
    for other in ["a_1", "a-b", "aa", "A", "a_20261123T064959123456Z"] {
        mailed(&world, other).await;
    }
    let body = close_event("a", "ev_a", INSTANT);
    let is_anothers =
        |key: &str| key != "a.json" && !key.contains("crm_event_a_20261123T064959123456Z.");
    let before = objects(&world, is_anothers);
    assert_eq!(before.len(), 4 * 5);

    let done = forgotten(&world, "a").await;
    assert_eq!((done.events, done.versions, done.owner_file), (1, 2, 1));
    assert_eq!(objects(&world, is_anothers), before);
    let mail_key = key.replace("raw/", "mail/");
    let left = keys_with(&world, "crm_event_a_20261123T064959123456Z.");
    assert_eq!(left, [mail_key.as_str()]);
    for key in [&*key, &key.replace("raw/", "enriched/"), "a.json"] {
        assert_eq!(world.versions(key), 0, "{key}");
    }
    assert_eq!(world.state(&mail_key), "forgotten");

    // Neither the CRM, nor an operator, nor the sweep brings it back.
    assert!(is_duplicate(&world.post(&body).await));
    world.send_bare(&key);
    assert_eq!(world.work_until_idle().await, [ended(Done::Forgotten)]);
    sleep(LONG).await;
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

    world.put(&failing.replace("raw/", "swept/"), r#"{"count":1}"#);
    let revision = failing.replace(".json", ".r1.json");
    world.put(&revision.replace("raw/", "mail/"), PARKED_CLAIM);
    world.put(&revision.replace("raw/", "enriched/"), ALICE);
    let done = forgotten(&world, "test-1").await;
    assert_eq!((done.events, done.versions), (2, 5));
    let left = keys_with(&world, "");
    assert!(left.iter().all(|key| key.starts_with("mail/")), "{left:?}");
    assert_eq!(left.len(), 3);
    for key in [revision, failing, waiting] {
        let mail_key = key.replace("raw/", "mail/");
        assert_eq!(world.state(&mail_key), "forgotten", "{key}");
    }
    world.redrive().await.unwrap();
    let outcomes = world.work_until_idle().await;
    assert_eq!(outcomes, [ended(Done::Forgotten); 2]);
    assert_eq!(keys_with(&world, ""), left);
}

/// Forgets a lead while something else is under way already.
async fn forgotten_late(world: &World, lead: &str) -> Forgotten {
    sleep(Duration::from_secs(1)).await;
    forgotten(world, lead).await
}

#[tokio::test(start_paused = true)]
async fn a_worker_that_began_before_the_mark_leaves_nothing_behind() {
    for slow in ["enriched/", "mail/", "raw/"] {
        let world = World::new();
        world.put_owner("test-1", OMAR);
        let key = key_of(&world.post(ALICE).await);
        sleep(Duration::from_mins(11)).await;
        world.spoil_once(Fault::Late, move |call| {
            creates(slow)(call) || (slow == "raw/" && reads(slow)(call))
        });
        let (_outcomes, done) = tokio::join!(world.work(), forgotten_late(&world, "test-1"));
        assert_eq!(done.events, 1);
        let left = keys_with(&world, "");
        assert_eq!(left, [key.replace("raw/", "mail/")], "late at {slow}");
        assert_eq!(world.state(&left[0]), "forgotten", "late at {slow}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_webhook_that_was_being_stored_does_not_bring_the_lead_back() {
    let world = World::new();
    let body = close_event("lead_1", "ev_1", INSTANT);
    world.post(&body).await;
    // The CRM's retry has looked for a marker, and is slow to store.
    world.spoil_once(Fault::Late, creates("raw/"));
    let (_answer, done) = tokio::join!(world.post(&body), forgotten_late(&world, "lead_1"));
    assert_eq!(done.events, 1);
    assert!(world.keys("raw/").is_empty());
}

#[tokio::test(start_paused = true)]
async fn wherever_it_is_interrupted_a_second_run_finishes_the_work() {
    let calls = {
        let world = World::new();
        mailed(&world, "a").await;
        let before = world.home.calls().len();
        forgotten(&world, "a").await;
        world.home.calls().len() - before
    };
    assert!(calls > 20);
    for fault in [Fault::Fails, Fault::ReplyLost] {
        for call in 0..calls {
            let world = World::new();
            world.home.keep_versions();
            let key = mailed(&world, "a").await;
            world.spoil_some(call..call + 1, fault, |_call| true);
            assert!(try_to_forget(&world, "a").await.is_err(), "call {call}");
            world.home.clear_script();
            forgotten(&world, "a").await;
            let mail_key = key.replace("raw/", "mail/");
            assert_eq!(keys_with(&world, ""), [mail_key.as_str()], "call {call}");
            let marker = world.peek(&mail_key).unwrap();
            assert!(marker.metadata.contains_key("identity"), "call {call}");
            assert!(world.keys("").is_empty());
            assert_eq!(forgotten(&world, "a").await.events, 0, "call {call}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn one_lease_passes_between_the_mark_and_the_deletion_and_a_second_run_waits_for_the_rest() {
    let world = World::new();
    mailed(&world, "a").await;
    let forget = forget(&world);
    let found = forget.find(&lead_id("a")).await.unwrap();
    let begun = Instant::now();
    world.spoil(Fault::Fails, |call| matches!(call, Call::Erase(..)));
    let mut steps = Vec::new();
    let mut told = |step| steps.push(step);
    forget.run(&found, || false, &mut told).await.unwrap_err();
    assert_eq!(begun.elapsed(), Duration::from_secs(90));
    assert_eq!(steps[0], ForgetStep::Marked { done: 1, all: 1 });
    let left = Duration::from_secs(90);
    assert_eq!(steps[1], ForgetStep::Waiting { left });
    assert_eq!(steps.len(), 91);

    world.home.clear_script();
    forget.run(&found, || false, &mut |_step| ()).await.unwrap();
    assert_eq!(begun.elapsed(), Duration::from_secs(90), "it was over");
}

#[tokio::test(start_paused = true)]
async fn nothing_is_waited_for_where_nobody_is_at_work() {
    let world = World::new();
    let key = mailed(&world, "a").await;
    let forget = forget(&world);
    let found = forget.find(&lead_id("a")).await.unwrap();
    let begun = Instant::now();
    let is_idle = || {
        let mail_key = key.replace("raw/", "mail/");
        assert_eq!(world.state(&mail_key), "forgotten", "asked too early");
        true
    };
    forget.run(&found, is_idle, &mut |_step| ()).await.unwrap();
    assert_eq!(begun.elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn an_event_without_a_time_of_its_own_is_known_again_by_its_dedupe_entry() {
    let world = World::new();
    let key = key_of(&post_with_id(&world, "order-7").await);
    world.queue().purge();
    forgotten(&world, "test-1").await;
    assert_eq!(world.keys("dedupe/").len(), 1);
    sleep(Duration::from_mins(5)).await;
    let again = post_with_id(&world, "order-7").await;
    assert_eq!(key_of(&again), key);
    assert!(is_duplicate(&again));
    assert!(world.keys("raw/").is_empty());
    assert_eq!(world.queue().depth(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_live_claim_is_taken_over_and_its_worker_finds_the_marker() {
    let world = posted(World::new()).await;
    plant_claim(&world, &claim_until("2026-11-23T07:02:00Z"));
    assert_eq!(forgotten(&world, "test-1").await.events, 1);
    assert_eq!(world.work_until_idle().await, [ended(Done::Forgotten)]);
    assert_eq!(world.mailer().tries(), 0);
}

#[tokio::test(start_paused = true)]
async fn what_a_retention_hid_and_what_somebody_put_by_hand_is_found_too() {
    let world = World::new();
    world.home.keep_versions();
    world.home.set_page(1);
    let hidden = mailed(&world, "a").await;
    world.remove(&hidden);
    let orphan = mailed(&world, "a_1").await;
    for (name, lead) in [("0-by-hand", "a"), ("x-by-hand", "a"), ("x-other", "b")] {
        let body = format!(r#"{{"lead_id":"{lead}"}}"#);
        world.put(&format!("raw/{name}.json"), &body);
    }
    let done = forgotten(&world, "a").await;
    assert_eq!((done.events, done.versions), (3, 4));
    assert_eq!(world.versions(&hidden), 0);
    assert_eq!(world.keys("raw/"), [&*orphan, "raw/x-other.json"]);
    assert_eq!(world.keys("mail/x-by-hand.json").len(), 1);
}

#[tokio::test(start_paused = true)]
async fn whose_an_event_is_the_stored_id_says_and_not_its_name() {
    let world = World::new();
    let key = mailed(&world, "a").await;
    let mut stored = world.peek(&key).unwrap();
    stored.metadata.insert("lead-id".into(), "b".into());
    world.put_back(&key, stored);
    assert_eq!(forgotten(&world, "a").await.events, 0);
    assert!(world.peek(&key).is_some());
}

#[tokio::test(start_paused = true)]
async fn looking_for_what_would_be_forgotten_changes_nothing() {
    let world = World::new();
    let key = mailed(&world, "a").await;
    let before = objects(&world, |_key| true);
    let found = forget(&world).find(&lead_id("a")).await.unwrap();
    assert!(found.owner_file);
    assert_eq!(found.events.len(), 1);
    let document = (Bucket::Enriched, key.replace("raw/", "enriched/"));
    assert_eq!(found.events[0].keys, [document, (Bucket::Raw, key)]);
    assert_eq!(objects(&world, |_key| true), before);
}
