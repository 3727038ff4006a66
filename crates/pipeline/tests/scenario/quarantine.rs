//! What is signed and no event: kept with all that is needed to read it again, listed, and taken once it can be.

use super::prelude::*;
use leadwire_pipeline::ledger::{Place, Quarantined};
use leadwire_pipeline::operate::quarantine::{Retried, count, find, list, retry};
use leadwire_pipeline::stage::ingest::Again;

/// An envelope of a lead that this version cannot read: its id is in another place.
fn odd(lead_id: &str) -> String {
    format!(r#"{{"type":"lead.created","data":{{"id":"{lead_id}"}}}}"#)
}

/// The same as a version would keep it that reads it.
fn good(lead_id: &str) -> String {
    odd(lead_id).replace("\"id\"", "\"lead_id\"")
}

async fn post(world: &World, body: &str) -> Answer {
    post_signed(world, SourceKind::Standard, WHSEC, body).await
}

#[track_caller]
fn only_one(kept: Vec<Quarantined>) -> Quarantined {
    let [one] = <[_; 1]>::try_from(kept).unwrap();
    one
}

async fn kept(world: &World) -> Quarantined {
    only_one(list(&*world.home).await.unwrap())
}

/// Stands for a version that reads what this one does not: the bytes are others, and the labels stay.
fn understood(world: &World, kept: &Quarantined, body: &str) {
    let mut object = world.peek(&kept.key).unwrap();
    object.bytes = body.as_bytes().to_vec();
    world.put_back(&kept.key, object);
}

async fn retried(world: &World) -> Retried {
    let kept = kept(world).await;
    world
        .observed(retry(&*world.home, &world.ingest, &kept))
        .await
        .unwrap()
}

#[track_caller]
fn taken(retried: Retried) -> Again {
    match retried {
        Retried::Taken(again) => again,
        other => panic!("{other:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_kept_says_how_it_came_and_is_counted_and_told_with_its_key() {
    let world = standard_world();
    let answer = world.observed(post(&world, &odd("a"))).await;
    check_refused(&answer, 400, "invalid_lead_id");
    assert!(answer.body.contains("found data.id"), "{}", answer.body);
    check_told(&world, "LeadsRejected invalid_lead_id 1, Quarantined 1");
    let kept = kept(&world).await;
    assert_eq!(
        (kept.source(), kept.kind()),
        (Some("standard"), Some("standard"))
    );
    assert_eq!(kept.received_at(), world.clock().now());
    assert_eq!(kept.problem().unwrap().code(), "invalid_lead_id");
    assert_eq!(kept.request_id().unwrap().as_str(), "msg_1");
    let place = Place {
        index: 0,
        has_others: false,
    };
    assert_eq!(kept.place(), Some(place));
    assert_eq!(kept.bytes, odd("a").as_bytes());
    assert_eq!(count(&*world.home).await.unwrap(), 1);
    let digits = kept.key.strip_prefix("quarantine/").unwrap();
    for text in [
        &*kept.key,
        digits,
        digits.get(..6).unwrap(),
        &digits.to_uppercase(),
    ] {
        let found = find(&*world.home, text).await.unwrap();
        assert_eq!(found, [&*kept.key], "{text}");
    }
    for text in [
        "",
        digits.get(..5).unwrap(),
        "zzzzzz",
        "quarantine/",
        "../raw",
    ] {
        assert!(find(&*world.home, text).await.unwrap().is_empty(), "{text}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_read_still_stays_as_it_is_and_says_why() {
    let world = standard_world();
    post(&world, &odd("a")).await;
    let before = world.peek(&kept(&world).await.key).unwrap();
    sleep(LONG).await;
    let Retried::Refused(again) = retried(&world).await else {
        panic!("it cannot be read")
    };
    assert_eq!(again.refused[0].problem.code(), "invalid_lead_id");
    assert!(again.refused[0].hint.as_ref().unwrap().contains("data.id"));
    let after = world.peek(&kept(&world).await.key).unwrap();
    assert_eq!(
        (after.metadata, after.bytes),
        (before.metadata, before.bytes)
    );
    assert_eq!(world.keys("raw/"), [""; 0]);
    assert_eq!(world.queue().depth(), 0);
}

#[tokio::test(start_paused = true)]
async fn what_can_be_read_now_is_an_event_that_comes_now_and_leaves() {
    let world = standard_world();
    world.own("a");
    post(&world, &odd("a")).await;
    sleep(LONG).await;
    understood(&world, &kept(&world).await, &good("a"));
    let now = world.clock().now();
    let again = taken(retried(&world).await);
    assert_eq!(again.accepted.len(), 1);
    let event = &again.accepted[0];
    assert_eq!(event.event_id.as_str(), "msg_1", "the id of its request");
    assert!(!event.duplicate);
    assert_eq!(since_begin(event.enrich_not_before), since_begin(now) + 600);
    assert_eq!(world.keys("quarantine/"), [""; 0]);
    check_told(
        &world,
        "EventsPerRequest 1, IngestLatency standard 1, LeadsAccepted standard 1",
    );
    let stored = world.peek(&event.s3_key).unwrap();
    assert_eq!(stored.bytes, good("a").as_bytes());
    assert_eq!(world.work_until_idle().await, [MAILED]);
    assert_eq!(receives(&world), [since_begin(now) + 600]);
    // Its sender comes again after all: the same event.
    let answer = post(&world, &good("a")).await;
    assert!(is_duplicate(&answer), "{}", answer.body);
}

#[tokio::test(start_paused = true)]
async fn a_try_that_is_cut_off_makes_no_second_event_although_nothing_gave_it_an_id() {
    let world = World::prod();
    let key = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
    world
        .secrets
        .set(&format!(r#"{{"close":{{"secrets":["{key}"]}}}}"#));
    let event = close_event("a", "ev_1", INSTANT).replace("\"id\":\"ev_1\",", "");
    let bad = event.replace("\"data\":", "\"date\":");
    let answer = post_signed(&world, SourceKind::Close, key, &bad).await;
    check_refused(&answer, 400, "invalid_event");
    understood(&world, &kept(&world).await, &event);
    world.own("a");
    world.spoil_once(Fault::Fails, |call| {
        call.is_on("quarantine/") && matches!(call, Call::Erase(..))
    });
    let Retried::NotRemoved(first, _) = retried(&world).await else {
        panic!("the deletion fails")
    };
    let again = taken(retried(&world).await);
    assert_eq!(again.accepted[0].event_id, first.accepted[0].event_id);
    assert!(again.accepted[0].duplicate);
    assert_eq!(world.keys("raw/").len(), 1);
    assert_eq!(count(&*world.home).await.unwrap(), 0);
    world.work_until_idle().await;
    assert_eq!(world.mailer().sent().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn an_element_keeps_its_place_in_its_request() {
    let world = standard_world();
    post(&world, &format!("[{},{}]", good("a"), odd("b"))).await;
    understood(&world, &kept(&world).await, &good("b"));
    let again = taken(retried(&world).await);
    assert_eq!(again.accepted[0].event_id.as_str(), "msg_1.1");
    assert_eq!(world.keys("raw/").len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_request_that_could_not_be_taken_apart_is_taken_apart_now() {
    let world = standard_world();
    post(&world, &format!("[{},{}", good("a"), odd("b"))).await;
    let whole = kept(&world).await;
    assert_eq!(whole.place(), None);
    understood(&world, &whole, &format!("[{},{}]", good("a"), odd("b")));
    let again = taken(retried(&world).await);
    assert_eq!(again.accepted[0].event_id.as_str(), "msg_1.0");
    assert_eq!(again.refused[0].index, 1);
    // What is no event still is kept by itself.
    let left = kept(&world).await;
    assert_eq!(left.bytes, odd("b").as_bytes());
    assert_eq!(
        left.place(),
        Some(Place {
            index: 1,
            has_others: true
        })
    );
}

#[tokio::test(start_paused = true)]
async fn todays_configuration_counts() {
    let world = standard_world();
    post(&world, &odd("a")).await;
    let typed = good("a").replace("lead.created", "lead.merged");
    understood(&world, &kept(&world).await, &typed);
    let Retried::Refused(again) = retried(&world).await else {
        panic!("the type is not taken")
    };
    assert_eq!(again.ignored, ["lead.merged"]);
    world.secrets.set("{}");
    sleep(Duration::from_mins(10)).await;
    let kept = kept(&world).await;
    let refused = retry(&*world.home, &world.ingest, &kept).await.unwrap_err();
    assert!(
        format!("{refused:?}").contains("not configured"),
        "{refused:?}"
    );
    assert_eq!(count(&*world.home).await.unwrap(), 1);
}

#[tokio::test(start_paused = true)]
async fn where_storing_fails_it_stays() {
    for prefix in ["raw/", "dedupe/"] {
        let world = standard_world();
        post(&world, &odd("a")).await;
        understood(&world, &kept(&world).await, &good("a"));
        world.spoil(Fault::Fails, move |call| call.is_on(prefix));
        let kept = kept(&world).await;
        assert!(retry(&*world.home, &world.ingest, &kept).await.is_err());
        assert_eq!(count(&*world.home).await.unwrap(), 1);
        assert_eq!(world.queue().depth(), 0);
    }
}
