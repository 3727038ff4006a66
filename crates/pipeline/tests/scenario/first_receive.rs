//! The first receive does not read what it is about to write. Whatever it meets then, all is read before anything is decided.

use super::prelude::*;
use super::several::*;

/// The key of the only event under a prefix.
fn key(world: &World, prefix: &str) -> String {
    world.keys("raw/").remove(0).replacen("raw/", prefix, 1)
}

/// The reads of an attempt, each by what it reads.
fn gets(world: &World) -> [Call; 4] {
    let enriched = |prefix| Call::Get(Bucket::Enriched, key(world, prefix));
    [
        Call::Get(Bucket::Raw, key(world, "raw/")),
        Call::Get(Bucket::Lookup, "test-1.json".to_owned()),
        enriched("enriched/"),
        enriched("mail/"),
    ]
}

/// The calls of one batch.
async fn calls_of(
    world: &World,
    work: impl Future<Output = Vec<Outcome>>,
) -> (Vec<Outcome>, Vec<Call>) {
    let before = world.home.all_calls().len();
    let outcomes = work.await;
    (outcomes, world.home.all_calls().split_off(before))
}

/// Whether the calls begin with these, in any order.
#[track_caller]
fn check_begin(calls: &[Call], expected: &[Call]) {
    let begin = &calls[..expected.len().min(calls.len())];
    let has = |call| begin.contains(call);
    assert!(
        expected.iter().all(has),
        "{expected:?} do not begin {calls:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn n_receivers_cost_five_calls_and_n_two_at_once_each_time_and_the_mails_together() {
    for count in [1, 2, 3, 7] {
        let world = due(count).await;
        let (outcomes, calls) = calls_of(&world, world.work()).await;
        assert_eq!(outcomes, [MAILED]);
        assert_eq!(calls.len(), 5 + count, "{calls:?}");
        let [raw, lookup, ..] = gets(&world);
        check_begin(&calls, &[raw, lookup]);
        let creates = ["enriched/", "mail/"];
        let creates = creates.map(|prefix| Call::Create(Bucket::Enriched, key(&world, prefix)));
        check_begin(&calls[2..], &creates);
        let (mails, settle) = calls[4..].split_at(count);
        for number in 0..count {
            let to = mails.iter().filter(|call| mails_to(number)(call));
            assert_eq!(to.count(), 1, "{calls:?}");
        }
        let marker = Call::Replace(Bucket::Enriched, key(&world, "mail/"));
        assert_eq!(settle, [marker]);
    }
}

#[tokio::test(start_paused = true)]
async fn reads_writes_and_mails_each_go_at_the_same_time() {
    let world = due(3).await;
    world.spoil(Fault::Late, |_any| true);
    let began = Instant::now();
    assert_eq!(world.work().await, [MAILED]);
    // Three seconds each: reads, writes, mails; the answers come together, and are recorded by one settling write.
    assert_eq!(began.elapsed().as_secs(), 4 * 3);
    assert_eq!(claim_writes(&world), ["create", "replace"]);
}

/// What may have become of an owner file, or of what was accepted.
type Change = fn(&World);

/// Everything else that a first receive may find.
const FOUND: [(&str, Change); 10] = [
    ("owner gone", |world| world.remove("test-1.json")),
    ("owner of another", |world| {
        world.put_owner("test-1", r#"{"lead_id":"test-2"}"#);
    }),
    ("owner unfinished", |world| {
        world.put_owner("test-1", "{\"lead_id\"");
    }),
    ("owner unreadable", |world| {
        world.put_owner("test-1", "poison");
    }),
    ("owner too large", |world| {
        world.put_owner("test-1", &" ".repeat(1_048_577));
    }),
    ("owner denied", |world| {
        world.spoil(Fault::Denied, reads_owner);
    }),
    ("owner fails", |world| {
        world.spoil(Fault::Fails, reads_owner);
    }),
    ("raw fails", |world| {
        world.spoil(Fault::Fails, reads("raw/"));
    }),
    ("raw denied", |world| {
        world.spoil(Fault::Denied, reads("raw/"));
    }),
    ("raw gone", |world| world.remove(&key(world, "raw/"))),
];

#[tokio::test(start_paused = true)]
async fn a_duplicate_of_a_settled_event_is_acknowledged_whatever_is_found() {
    for (what, change) in FOUND {
        let world = due(2).await;
        let body = world.queue().bodies().remove(0);
        assert_eq!(world.work().await, [MAILED]);
        let expected = gets_before(&world, change);
        world.send(&body).await;
        let (outcomes, calls) = calls_of(&world, world.work()).await;
        assert_eq!(outcomes, [ended(Done::MailedBefore)], "{what}");
        check_begin(&calls, &expected);
        assert_eq!(calls.len(), 4, "{what}: {calls:?}");
        assert_eq!(world.mailer().tries(), 2, "{what}");
    }
}

/// The four reads, as they were named before the change.
fn gets_before(world: &World, change: Change) -> [Call; 4] {
    let gets = gets(world);
    change(world);
    gets
}

#[tokio::test(start_paused = true)]
async fn a_duplicate_of_a_settled_event_changes_nothing_where_bytes_and_owner_are_there() {
    let world = due(2).await;
    let body = world.queue().bodies().remove(0);
    assert_eq!(world.work().await, [MAILED]);
    let ends =
        |world: &World| ["enriched/", "mail/"].map(|p| world.peek(&key(world, p)).unwrap().etag);
    let before = ends(&world);
    world.put_owner("test-1", &OMAR.replace("Omar", "Nadia"));
    world.send(&body).await;
    assert_eq!(world.work().await, [ended(Done::MailedBefore)]);
    assert_eq!(ends(&world), before);
    assert_eq!(world.mailer().tries(), 2);
}

#[tokio::test(start_paused = true)]
async fn nothing_is_decided_waited_for_or_reported_before_document_and_claim_were_read() {
    for (what, change) in FOUND {
        let world = due(2).await;
        let expected = gets_before(&world, change);
        let (_, calls) = calls_of(&world, world.work()).await;
        check_begin(&calls, &expected);
        assert!(calls.len() <= 6, "{what}: {calls:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_live_claim_is_waited_for_and_nothing_else_whatever_is_found() {
    let live = r#"{"v":2,"token":"other","lease_until":"2026-11-23T07:01:00Z"}"#;
    for (what, change) in FOUND {
        let world = due(2).await;
        let mail = key(&world, "mail/");
        world.put(&mail, live);
        change(&world);
        let outcome = world.work().await.remove(0);
        let (reason, seconds) = (DeferReason::ClaimLive, 61);
        assert_eq!(outcome, Outcome::Deferred { reason, seconds }, "{what}");
        assert!(has_no_failure(&world), "{what}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_stored_document_is_told_whatever_the_owner_file_is_by_now() {
    for (what, change) in &FOUND[..7] {
        let world = due(2).await;
        // A worker died before it sent anything.
        world.spoil_once(Fault::DiesAfter, creates("enriched/"));
        assert_eq!(world.work_or_die().await, None, "{what}");
        world.remove(&key(&world, "mail/"));
        let body = world.queue().bodies().remove(0);
        world.queue().purge();
        change(&world);
        world.send(&body).await;
        assert_eq!(world.work().await, [MAILED], "{what}");
        assert_eq!(subjects(&world), ["New lead: Alice → Omar"; 2], "{what}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_forgotten_event_is_acknowledged_by_its_tombstone() {
    for has_owner in [true, false] {
        let world = due(2).await;
        let raw = key(&world, "raw/");
        world.put_marker(&raw, "forgotten");
        if !has_owner {
            world.remove("test-1.json");
        }
        assert_eq!(world.work().await, [ended(Done::Forgotten)]);
        assert_eq!(world.keys("enriched/").len() + world.keys("mail/").len(), 0);
        assert_eq!(world.mailer().tries(), 0);
    }
}

#[tokio::test(start_paused = true)]
async fn every_other_receive_reads_all_four_before_it_writes() {
    // The second receive of a message.
    let world = due(2).await;
    world.spoil_once(Fault::Fails, creates("enriched/"));
    assert_eq!(world.work().await, [failed(Why::StoreUnavailable)]);
    let (outcomes, calls) = calls_of(&world, world.work_next()).await;
    assert_eq!(outcomes, [MAILED]);
    check_begin(&calls, &gets(&world));

    // After a wait.
    let world = posted(world_of(2, AmbiguousPolicy::Resend)).await;
    world.queue().deliver_now();
    let early = world.work().await.remove(0);
    assert!(waits(early, DeferReason::TooEarly));
    let (outcomes, calls) = calls_of(&world, world.work_next()).await;
    assert_eq!(outcomes, [MAILED]);
    check_begin(&calls, &gets(&world));

    // An operator's bare message, which does not say whose owner file is meant.
    let world = due(2).await;
    world.queue().purge();
    world.send_bare(&key(&world, "raw/"));
    let (outcomes, calls) = calls_of(&world, world.work()).await;
    assert_eq!(outcomes, [MAILED]);
    check_begin(&calls, &gets(&world));

    // A revision.
    let world = due(2).await;
    world.work().await;
    let name = EventName::parse_raw_key(&key(&world, "raw/")).unwrap();
    replayed(&world, &name, Notify::Force).await;
    let (outcomes, calls) = calls_of(&world, world.work()).await;
    assert_eq!(outcomes, [MAILED]);
    let of = |call: &Call| matches!(call, Call::Get(..));
    assert!(calls[..4].iter().all(of), "{calls:?}");
    assert_eq!(calls.len(), 5 + 2 + 2);
}
