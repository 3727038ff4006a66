//! What goes on while a lead is forgotten.

use super::forget::{keys_with, mailed, marks_of, tombstone};
use super::prelude::*;
use tokio::sync::Notify;

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
        assert_eq!(left, marks_of(&key), "late at {slow}");
        for mark in &left {
            assert_eq!(world.state(mark), "forgotten", "late at {slow}");
        }
    }
}

/// Runs something else when forgetting is at its call of this number, which takes three seconds. False where it makes fewer.
async fn forgotten_while(world: &World, call: usize, other: impl AsyncFn()) -> bool {
    let is_there = Arc::new(Notify::new());
    let (notice, mut calls) = (Arc::clone(&is_there), 0..);
    world.home.set_script(move |_call| {
        let is_meant = calls.next() == Some(call);
        if is_meant {
            notice.notify_one();
        }
        is_meant.then_some(Fault::Late)
    });
    let meanwhile = async {
        let wait = tokio::time::timeout(Duration::from_mins(5), is_there.notified());
        let is_reached = wait.await.is_ok();
        if is_reached {
            other().await;
        }
        is_reached
    };
    let (done, is_reached) = tokio::join!(try_to_forget(world, "a"), meanwhile);
    world.home.clear_script();
    // What was written between the last look and the end is a reason to begin again.
    if done.is_err() {
        forgotten(world, "a").await;
    }
    is_reached
}

#[tokio::test(start_paused = true)]
async fn a_worker_that_comes_at_any_call_leaves_nothing_behind_and_mails_once_at_most() {
    for call in 0.. {
        let world = World::new();
        world.home.keep_versions();
        world.own("a");
        let key = key_of(&world.post(&close_event("a", "ev_a", INSTANT)).await);
        sleep(Duration::from_mins(11)).await;
        let work = async || drop(world.work().await);
        if !forgotten_while(&world, call, work).await {
            assert!(call > 15, "{call}");
            break;
        }
        world.work_until_idle().await;
        assert!(world.mailer().sent().len() < 2, "{call}");
        assert_eq!(keys_with(&world, ""), marks_of(&key), "{call}");
        assert_eq!(world.state(&marks_of(&key)[1]), "forgotten", "{call}");
        tombstone(&world, &key).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_crm_that_sends_again_at_any_call_brings_nothing_back() {
    for call in 0.. {
        let world = World::new();
        world.home.keep_versions();
        let body = close_event("a", "ev_a", INSTANT);
        let key = mailed(&world, "a").await;
        let retry = async || assert!(is_duplicate(&world.post(&body).await), "{call}");
        if !forgotten_while(&world, call, retry).await {
            assert!(call > 15, "{call}");
            break;
        }
        world.work_until_idle().await;
        assert_eq!(world.mailer().sent().len(), 1, "{call}");
        assert_eq!(keys_with(&world, ""), marks_of(&key), "{call}");
        tombstone(&world, &key).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_webhook_that_was_being_stored_does_not_bring_the_lead_back() {
    let world = World::new();
    let body = close_event("lead_1", "ev_1", INSTANT);
    let key = key_of(&world.post(&body).await);
    // The CRM's retry has looked for a marker, and is slow to store.
    world.spoil_once(Fault::Late, creates("raw/"));
    let (answer, done) = tokio::join!(world.post(&body), forgotten_late(&world, "lead_1"));
    assert_eq!(done.events, 1);
    assert!(is_duplicate(&answer));
    assert_eq!(world.keys("raw/"), [&*key]);
    assert!(tombstone(&world, &key).await.identity.is_some());
}

#[tokio::test(start_paused = true)]
async fn a_live_claim_is_taken_over_and_its_worker_finds_the_marker() {
    let world = posted(World::new()).await;
    plant_claim(&world, &claim_until("2026-11-23T07:02:00Z"));
    assert_eq!(forgotten(&world, "test-1").await.events, 1);
    assert_eq!(world.work_until_idle().await, [ended(Done::Forgotten)]);
    assert_eq!(world.mailer().tries(), 0);
}
