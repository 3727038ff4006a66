use super::prelude::*;
use leadwire_pipeline::ledger::history::LeadState;
use leadwire_pipeline::ledger::{Ledger, RawState, Tombstone};
use leadwire_pipeline::operate::forget::ForgetStep;
use leadwire_pipeline::operate::replay::list_time;
use std::future::pending;

/// Everything in both buckets whose key has this in it.
pub(crate) fn keys_with(world: &World, part: &str) -> Vec<String> {
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

/// Where a raw object lies, and where the claim of its event does.
pub(crate) fn marks_of(key: &str) -> [String; 2] {
    [key.to_owned(), key.replace("raw/", "mail/")]
}

pub(crate) async fn raw(world: &World, key: &str) -> RawState {
    let name = EventName::parse_raw_key(key).unwrap();
    Ledger::new(&*world.home).raw(&name).await.unwrap()
}

/// The tombstone of an event: the only version of its raw object.
pub(crate) async fn tombstone(world: &World, key: &str) -> Tombstone {
    assert_eq!(world.versions(key), 1, "{key}");
    let RawState::Forgotten(tombstone) = raw(world, key).await else {
        panic!("{key} has no tombstone");
    };
    tombstone
}

pub(crate) async fn mailed(world: &World, lead_id: &str) -> String {
    world.own(lead_id);
    let body = close_event(lead_id, &format!("ev_{lead_id}"), INSTANT);
    let key = key_of(&world.post(&body).await);
    world.work_until_idle().await;
    key
}

#[tokio::test(start_paused = true)]
async fn nothing_of_a_forgotten_lead_is_left_but_marks_and_leads_that_begin_alike_stay() {
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
    let left = keys_with(&world, "crm_event_a_20261123T064959123456Z.");
    assert_eq!(left, marks_of(&key));
    for key in [&*key.replace("raw/", "enriched/"), "a.json"] {
        assert_eq!(world.versions(key), 0, "{key}");
    }
    assert_eq!(world.state(&left[1]), "forgotten");
    let stone = tombstone(&world, &key).await;
    assert_eq!(
        world.peek(&left[1]).unwrap().metadata["identity"],
        stone.identity.unwrap()
    );
    assert_eq!(stone.at, world.home.now() - SignedDuration::from_secs(90));
    let plain = ["forgotten-at", "identity", "state"];
    assert!(world.peek(&key).unwrap().metadata.keys().eq(plain));

    // Neither the CRM, nor an operator, nor the sweep brings it back.
    assert!(is_duplicate(&world.post(&body).await));
    world.send_bare(&key);
    assert_eq!(world.work_until_idle().await, [ended(Done::Forgotten)]);
    sleep(LONG).await;
    let sweep = world.sweep.run(SweepMode::Confirm).await.unwrap();
    assert_eq!(
        (sweep.examined, sweep.found),
        (5, 0),
        "a tombstone is passed over"
    );
    assert_eq!(objects(&world, is_anothers), before);
    assert!(matches!(raw(&world, &key).await, RawState::Forgotten(_)));
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
    assert_eq!(left.len(), 5);
    let mut marks = [marks_of(&failing), marks_of(&waiting)].concat();
    marks.push(revision.replace("raw/", "mail/"));
    for mark in marks {
        assert_eq!(world.state(&mark), "forgotten", "{mark}");
    }
    world.redrive().await.unwrap();
    let outcomes = world.work_until_idle().await;
    assert_eq!(outcomes, [ended(Done::Forgotten); 2]);
    assert_eq!(keys_with(&world, ""), left);
}

/// Breaks forgetting off at each call, in worlds that `make` made, and sees that a second run ends as if it was not.
async fn broken_off_everywhere<M: Future<Output = (World, String)>>(make: impl Fn() -> M) {
    let calls = {
        let (world, _key) = make().await;
        let before = world.home.calls().len();
        forgotten(&world, "a").await;
        world.home.calls().len() - before
    };
    assert!(calls > 15);
    for fault in [Fault::Fails, Fault::ReplyLost] {
        for call in 0..calls {
            let (world, key) = make().await;
            world.spoil_some(call..call + 1, fault, |_call| true);
            assert!(try_to_forget(&world, "a").await.is_err(), "call {call}");
            world.home.clear_script();
            forgotten(&world, "a").await;
            let marks = marks_of(&key);
            assert_eq!(keys_with(&world, ""), marks, "call {call}");
            let identity = tombstone(&world, &key).await.identity;
            let marker = world.peek(&marks[1]).unwrap();
            assert_eq!(world.state(&marks[1]), "forgotten", "call {call}");
            assert_eq!(marker.metadata.get("identity").cloned(), identity);
            assert!(identity.is_some(), "call {call}");
            assert!(world.keys("").is_empty());
            assert_eq!(
                forgotten(&world, "a").await,
                Forgotten::default(),
                "call {call}"
            );
        }
    }
}

#[tokio::test(start_paused = true)]
async fn wherever_it_is_interrupted_a_second_run_finishes_the_work() {
    for keeps_versions in [false, true] {
        let make = async || {
            let world = World::new();
            if keeps_versions {
                world.home.keep_versions();
            }
            let key = mailed(&world, "a").await;
            (world, key)
        };
        broken_off_everywhere(make).await;
    }
}

#[tokio::test(start_paused = true)]
async fn an_event_of_which_the_tombstone_left_nothing_is_found_by_its_unfinished_marks() {
    let make = async || {
        let world = World::new();
        let body = close_event("a", "ev_a", INSTANT);
        let key = key_of(&world.post(&body).await);
        (world, key)
    };
    broken_off_everywhere(make).await;
}

#[tokio::test(start_paused = true)]
async fn one_lease_passes_between_the_marks_and_the_deletion_and_a_second_run_waits_for_the_rest() {
    let world = World::new();
    mailed(&world, "a").await;
    let forget = forget(&world);
    let found = forget.find(&lead_id("a")).await.unwrap();
    let begun = Instant::now();
    world.spoil(Fault::Fails, |call| matches!(call, Call::Erase(..)));
    let mut steps = Vec::new();
    let mut told = |step| steps.push(step);
    forget.run(&found, pending(), &mut told).await.unwrap_err();
    assert_eq!(begun.elapsed(), Duration::from_secs(90));
    assert_eq!(steps[0], ForgetStep::Marked { done: 1, all: 1 });
    let left = Duration::from_secs(90);
    assert_eq!(steps[1], ForgetStep::Waiting { left });
    assert_eq!(steps.len(), 91);

    world.home.clear_script();
    forget
        .run(&found, pending(), &mut |_step| ())
        .await
        .unwrap();
    assert_eq!(begun.elapsed(), Duration::from_secs(90), "it was over");
}

#[tokio::test(start_paused = true)]
async fn the_lease_counts_from_the_later_of_tombstone_and_claim_whoever_wrote_them() {
    let world = World::new();
    let key = mailed(&world, "a").await;
    world.spoil(Fault::Fails, replaces("mail/"));
    try_to_forget(&world, "a").await.unwrap_err();
    assert!(matches!(raw(&world, &key).await, RawState::Forgotten(_)));
    sleep(Duration::from_secs(80)).await;
    world.home.clear_script();
    let begun = Instant::now();
    forgotten(&world, "a").await;
    assert_eq!(begun.elapsed(), Duration::from_secs(90), "from the claim");
}

#[tokio::test(start_paused = true)]
async fn the_tombstone_is_written_before_any_claim_and_what_it_hides_goes_last() {
    let world = World::new();
    world.home.keep_versions();
    let key = mailed(&world, "a").await;
    world.put(&key.replace("raw/", "failed/"), "{}");
    let before = world.home.calls().len();
    forgotten(&world, "a").await;
    let calls = world.home.calls().split_off(before);
    let is_change = |call: &Call| !matches!(call, Call::Get(..) | Call::List(..));
    let changes = calls.into_iter().filter(is_change).collect::<Vec<_>>();
    let at = |prefix: &str| key.replace("raw/", prefix);
    let expected = [
        Call::Replace(Bucket::Raw, key.clone()),
        Call::Replace(Bucket::Enriched, at("mail/")),
        Call::Erase(Bucket::Enriched, at("enriched/")),
        Call::Erase(Bucket::Enriched, at("failed/")),
        Call::Erase(Bucket::Raw, key.clone()),
        Call::Erase(Bucket::Lookup, "a.json".to_owned()),
    ];
    assert_eq!(changes, expected);
}

#[tokio::test(start_paused = true)]
async fn a_stray_message_that_fails_before_it_sees_the_tombstone_leaves_nothing_behind() {
    for prefix in ["mail/", "enriched/", "raw/"] {
        let world = World::new();
        let key = mailed(&world, "a").await;
        forgotten(&world, "a").await;
        world.send_bare(&key);
        world.spoil_some(0..3, Fault::Hangs, reads(prefix));
        let outcomes = world.work_until_idle().await;
        assert_eq!(outcomes.len(), 3, "{prefix}: {outcomes:?}");
        assert_eq!(outcomes.last(), Some(&ended(Done::Forgotten)), "{prefix}");
        assert_eq!(keys_with(&world, ""), marks_of(&key), "{prefix}");
        assert!(world.home.dead_letters().is_empty(), "{prefix}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_a_worker_writes_after_a_run_that_did_not_wait_is_found_by_the_next() {
    let world = World::new();
    world.own("a");
    let body = close_event("a", "ev_a", INSTANT);
    let key = key_of(&world.post(&body).await);
    // Nothing but its raw object is stored, and the run ends while it waits.
    let first = tokio::time::timeout(Duration::from_secs(30), forgotten(&world, "a")).await;
    assert!(first.is_err(), "it waits");
    let forget = forget(&world);
    let found = forget.find(&lead_id("a")).await.unwrap();
    assert_eq!((found.events.len(), found.recent.len()), (0, 1));
    let late = async {
        sleep(Duration::from_secs(20)).await;
        world.put(&key.replace("raw/", "enriched/"), ALICE);
    };
    let begun = Instant::now();
    let mut ignored = |_step| ();
    let (done, ()) = tokio::join!(forget.run(&found, pending(), &mut ignored), late);
    assert_eq!(done.unwrap().versions, 1);
    assert_eq!(
        begun.elapsed(),
        Duration::from_mins(1),
        "what is left of the lease"
    );
    assert_eq!(keys_with(&world, ""), marks_of(&key));
}

#[tokio::test(start_paused = true)]
async fn nothing_is_waited_for_where_nobody_is_at_work() {
    let world = World::new();
    let key = mailed(&world, "a").await;
    let forget = forget(&world);
    let found = forget.find(&lead_id("a")).await.unwrap();
    let begun = Instant::now();
    let gone = async {
        let mail_key = key.replace("raw/", "mail/");
        assert_eq!(world.state(&mail_key), "forgotten", "asked too early");
    };
    forget.run(&found, gone, &mut |_step| ()).await.unwrap();
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
    let identity = tombstone(&world, &key).await.identity;
    assert_eq!(world.keys("dedupe/"), [identity.unwrap()]);
    assert_eq!(world.queue().depth(), 0);
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
    for key in [&*hidden, "raw/0-by-hand.json", "raw/x-by-hand.json"] {
        assert!(tombstone(&world, key).await.identity.is_some(), "{key}");
    }
    for key in [&*orphan, "raw/x-other.json"] {
        assert!(
            matches!(raw(&world, key).await, RawState::Stored(_)),
            "{key}"
        );
    }
    assert_eq!(world.keys("mail/x-by-hand.json").len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_raw_object_that_is_too_large_to_be_an_event_is_forgotten_too() {
    let world = World::new();
    world.home.keep_versions();
    let key = "raw/crm_event_a_20261123T064959123456Z.json";
    world.put(key, &"x".repeat(2 << 20));
    let done = forgotten(&world, "a").await;
    assert_eq!((done.events, done.versions), (1, 1));
    assert_eq!(tombstone(&world, key).await.identity, None);
}

#[tokio::test(start_paused = true)]
async fn a_forgotten_event_is_shown_as_that_and_without_its_data() {
    let world = World::new();
    let key = mailed(&world, "a").await;
    let name = EventName::parse_raw_key(&key).unwrap();
    // Interrupted before anything was deleted.
    world.spoil(Fault::Fails, |call| matches!(call, Call::Erase(..)));
    try_to_forget(&world, "a").await.unwrap_err();
    world.home.clear_script();
    let queue = world.queue().snapshot();
    let ledger = Ledger::new(&*world.home);
    assert!(ledger.newest(&queue, 10).await.unwrap().is_empty());
    for events in [
        ledger.newest_forgotten(&queue, 10).await.unwrap(),
        ledger.lead(&queue, &lead_id("a")).await.unwrap(),
    ] {
        let [event] = &events[..] else {
            panic!("{events:?}");
        };
        assert_eq!(event.name, name);
        assert_eq!(event.status(world.home.now()).state, LeadState::Forgotten);
        assert!(event.received.is_none() && event.document.is_none());
        assert_eq!((event.lead_id(), event.event_id()), ("", ""));
    }
    assert!(ledger.lead(&queue, &lead_id("b")).await.unwrap().is_empty());
    assert_eq!(refused(&world, &name).await, Refusal::Forgotten);
    forgotten(&world, "a").await;
    let (home, span) = (&*world.home, SignedDuration::from_hours(1));
    let (from, to) = (world.home.now() - span, world.home.now() + span);
    assert_eq!(list_time(home, from, to).await.unwrap(), []);
    assert_eq!(list_lead(home, &lead_id("a")).await.unwrap(), []);
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
