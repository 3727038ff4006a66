//! Sources that are to be heard from: what is recorded of them, what that costs, and when their silence is told.

use super::prelude::*;
use leadwire_pipeline::observe::{Event, Scope, Sink, scope};
use leadwire_pipeline::testkit;
use std::sync::Mutex;

const DAY: Duration = Duration::from_hours(24);
/// How exactly it is recorded when something came.
const QUARTER: Duration = Duration::from_mins(15);

/// A world with the source `forms`, and these members of it besides.
fn world(members: &str) -> World {
    let world = World::prod();
    configure(&world, members);
    world
}

fn configure(world: &World, members: &str) {
    let document = format!(
        r#"{{"forms":{{"kind":"standard","secrets":["{WHSEC}"]{members}}},"others":{{"kind":"close","secrets":["{0}"]}}}}"#,
        "ab".repeat(32)
    );
    world.secrets.set(&document);
}

/// One that is to be heard from every day.
fn watched() -> World {
    world(r#","silence_hours":24"#)
}

fn lead(data: &str) -> String {
    format!(r#"{{"type":"lead.created","data":{data}}}"#)
}

async fn post(world: &World, body: &str) -> u16 {
    let answer = post_signed_to(world, "forms", SourceKind::Standard, WHSEC, body);
    answer.await.status
}

/// When something was recorded, in seconds since the world began.
fn recorded(world: &World) -> Option<i64> {
    let object = world.peek("seen/forms")?;
    assert!(object.bytes.is_empty());
    Some(since_begin(object.last_modified))
}

/// The calls that concern what is recorded.
fn calls_on_seen(world: &World) -> usize {
    let calls = world.home.calls();
    calls.iter().filter(|call| call.is_on("seen/")).count()
}

/// The names of the events of this thread.
#[derive(Clone, Default)]
struct Told(Arc<Mutex<Vec<&'static str>>>);

impl Told {
    fn listen() -> (Self, Scope) {
        let told = Self::default();
        (told.clone(), scope(Arc::new(told)))
    }

    fn count(&self, event: &str) -> usize {
        let told = self.0.lock().unwrap();
        told.iter().filter(|name| **name == event).count()
    }
}

impl Sink for Told {
    fn take(&self, event: &dyn Event) {
        testkit::count(event);
        self.0.lock().unwrap().push(event.facts().name);
    }
}

/// What a sweep says of silent sources: none where it did not look.
async fn silent(world: &World) -> Option<u64> {
    swept(world).await;
    world.counted().get("SourcesSilent").copied()
}

#[tokio::test(start_paused = true)]
async fn a_source_without_the_member_costs_no_call_neither_a_request_nor_a_sweep() {
    let world = world("");
    assert_eq!(post(&world, &lead(ALICE)).await, 202);
    assert_eq!(silent(&world).await, None);
    let without = world.home.calls();
    assert_eq!(calls_on_seen(&world), 0);

    let world = watched();
    assert_eq!(post(&world, &lead(ALICE)).await, 202);
    assert_eq!(silent(&world).await, Some(0));
    let mut with = world.home.calls();
    with.retain(|call| !call.is_on("seen/"));
    assert_eq!(with, without);
    assert_eq!(calls_on_seen(&world), 2, "a write and a listing");
}

#[tokio::test(start_paused = true)]
async fn that_something_came_is_recorded_after_its_event_and_at_most_once_in_a_quarter_of_an_hour()
{
    let world = watched();
    for (minute, expected) in [(0, 0), (1, 0), (14, 0), (15, 900), (29, 900), (30, 1800)] {
        sleep_until(&world, minute * 60).await;
        assert_eq!(post(&world, &lead(ALICE)).await, 202);
        assert_eq!(recorded(&world), Some(expected), "minute {minute}");
    }
    assert_eq!(calls_on_seen(&world), 3);
    let calls = world.home.calls();
    let place = |prefix| calls.iter().position(|call| call.is_on(prefix));
    assert!(place("raw/") < place("seen/"), "{calls:?}");
}

async fn sleep_until(world: &World, second: i64) {
    let left = second - since_begin(world.clock().now());
    sleep(Duration::from_secs(left.unsigned_abs())).await;
}

#[tokio::test(start_paused = true)]
async fn whatever_is_verified_counts_and_nothing_else() {
    let ignored = r#"{"type":"lead.deleted","data":{"lead_id":"a"}}"#;
    for (body, status) in [(&*lead(ALICE), 202), (ignored, 200), ("nonsense", 400)] {
        let world = watched();
        assert_eq!(post(&world, body).await, status);
        assert!(recorded(&world).is_some(), "{body}");
    }
    // A duplicate.
    let world = watched();
    for _ in 0..2 {
        assert_eq!(post(&world, &lead(ALICE)).await, 202);
        sleep(QUARTER).await;
    }
    assert_eq!(recorded(&world), Some(900));
    // Another's secret, no signature, and another source.
    let world = watched();
    let other = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    let forged = post_signed_to(&world, "forms", SourceKind::Standard, other, ALICE).await;
    assert_eq!(forged.status, 401);
    let unsigned = world.post_to("/ingest/forms", &no_headers(), b"{}").await;
    assert_eq!(unsigned.status, 401);
    let close = close_event("lead_1", "ev_1", INSTANT);
    let key = "ab".repeat(32);
    let answer = post_signed_to(&world, "others", SourceKind::Close, &key, &close).await;
    assert_eq!(answer.status, 202);
    assert_eq!(calls_on_seen(&world), 0);
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_recorded_is_a_line_and_never_a_refusal() {
    for fault in [Fault::Fails, Fault::Denied, Fault::Hangs] {
        let (told, _scope) = Told::listen();
        let world = watched();
        world.spoil(fault, |call| call.is_on("seen/"));
        let began = Instant::now();
        assert_eq!(post(&world, &lead(ALICE)).await, 202, "{fault:?}");
        assert!(began.elapsed() <= Duration::from_secs(4), "{fault:?}");
        // A store in trouble is not asked again by every request.
        assert_eq!(post(&world, &lead(ALICE)).await, 202, "{fault:?}");
        assert_eq!(told.count("seen_not_recorded"), 1, "{fault:?}");
        assert_eq!(world.queue().depth(), 2);
    }
}

#[tokio::test(start_paused = true)]
async fn the_clock_starts_with_the_first_sweep_that_finds_the_member() {
    let (told, _scope) = Told::listen();
    let world = world("");
    sleep(DAY * 3).await;
    assert_eq!(silent(&world).await, None);
    configure(&world, r#","silence_hours":24"#);
    sleep(QUARTER).await;
    assert_eq!(silent(&world).await, Some(0));
    sleep(DAY + QUARTER).await;
    assert_eq!(silent(&world).await, Some(0), "it is not longer yet");
    assert_eq!(told.count("source_silent"), 0);
    sleep(Duration::from_secs(1)).await;
    assert_eq!(silent(&world).await, Some(1));
    assert_eq!(silent(&world).await, Some(1), "each sweep counts it");
    assert_eq!(told.count("source_silent"), 2);
}

#[tokio::test(start_paused = true)]
async fn a_silence_ends_with_whatever_is_verified_or_with_the_member() {
    let world = watched();
    post(&world, &lead(ALICE)).await;
    sleep(DAY * 2).await;
    assert_eq!(silent(&world).await, Some(1));
    assert_eq!(post(&world, "nonsense").await, 400);
    assert_eq!(silent(&world).await, Some(0));
    sleep(DAY * 2).await;
    assert_eq!(silent(&world).await, Some(1));
    configure(&world, r#","silence_hours":72"#);
    sleep(QUARTER).await;
    assert_eq!(silent(&world).await, Some(0));
    configure(&world, "");
    sleep(DAY * 7).await;
    assert_eq!(silent(&world).await, None);
}

#[tokio::test(start_paused = true)]
async fn no_trouble_with_the_sources_keeps_a_lost_event_from_being_swept() {
    type Trouble = fn(&World);
    let troubles: [(Trouble, &str); 4] = [
        (|world| world.secrets.set("broken"), "sources_unavailable"),
        (|world| world.secrets.set_down(true), "sources_unavailable"),
        (
            |world| world.spoil(Fault::Denied, |call| *call == list_of_seen()),
            "call_failed",
        ),
        (
            |world| {
                let puts =
                    |call: &Call| matches!(call, Call::Put(_, key) if key.starts_with("seen/"));
                world.spoil(Fault::Fails, puts);
            },
            "call_failed",
        ),
    ];
    for (trouble, event) in troubles {
        let (told, _scope) = Told::listen();
        let world = World::new();
        world.post(ALICE).await;
        world.queue().purge();
        sleep(LONG).await;
        configure(&world, r#","silence_hours":24"#);
        trouble(&world);
        let report = swept(&world).await;
        assert_eq!((report.sent, report.complete), (1, true), "{event}");
        assert_eq!(told.count(event), 1, "{event}");
    }
}

fn list_of_seen() -> Call {
    Call::List(Bucket::Enriched, "seen/".to_owned())
}
