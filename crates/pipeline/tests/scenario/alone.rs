//! What is left when half is gone: each kind of object alone, every other one gone, as retention, a person or a crash may leave it.

use super::prelude::*;
use leadwire_pipeline::operate::audit::Account;
use leadwire_pipeline::port::StoredObject;

/// Everything that is ever stored of an event and its replays, as real runs leave it, by what its key begins and ends with.
type Objects = BTreeMap<String, StoredObject>;

/// The kinds of object: prefix, and revision.
const KINDS: [(&str, u32); 11] = [
    ("raw/", 0),
    ("enriched/", 0),
    ("mail/", 0),
    ("failed/", 0),
    ("swept/", 0),
    ("enriched/", 1),
    ("mail/", 1),
    ("failed/", 1),
    ("replay/", 1),
    ("enriched/", 10),
    ("replay/", 10),
];

fn key(kind: (&str, u32), base: &str) -> String {
    match kind {
        (prefix, 0) => format!("{prefix}{base}.json"),
        (prefix, revision) => format!("{prefix}{base}.r{revision}.json"),
    }
}

/// A whole event with ten replays, one of which failed, of this lead: its base name, and every object.
async fn whole(lead: &str) -> (String, Objects) {
    let world = World::new();
    world.own(lead);
    let name = name_of(&world.post_lead(lead).await);
    let raw = name.raw_key();
    world.work_until_idle().await;
    for _ in 0..10 {
        replayed(&world, &name, Notify::Force).await;
        world.work_until_idle().await;
    }
    let base = name.to_string();
    for revision in [0, 1] {
        let failure = format!(
            r#"{{"v":1,"reason":"mail_refused","receives":3,"failed_at":"2026-11-23T07:00:00Z","message_id":"m","s3_key":"{raw}","lead_id":"{lead}","event_id":"e","revision":{revision}}}"#
        );
        world.put(&key(("failed/", revision), &base), &failure);
    }
    world.put(&key(("swept/", 0), &base), r#"{"count":1}"#);
    let mut objects = Objects::new();
    for key in all_keys(&world) {
        let object = world.peek(&key).unwrap();
        objects.insert(key, object);
    }
    (base, objects)
}

fn put(world: &World, objects: &Objects, key: &str) {
    world.put_back(key, objects[key].clone());
}

/// What holds personal data, or says by its key alone whose it is and is no claim: forgetting leaves none of it.
fn is_data(prefix: &str) -> bool {
    ["raw/", "enriched/", "failed/", "swept/"].contains(&prefix)
}

#[tokio::test(start_paused = true)]
async fn each_kind_of_object_that_is_left_alone_is_forgotten_and_another_leads_never() {
    let (base, objects) = whole("a").await;
    let (other, others) = whole("a_1").await;
    for kind in KINDS {
        for hidden in [false, true] {
            let world = World::new();
            world.home.keep_versions();
            let (own, neighbour) = (key(kind, &base), key(kind, &other));
            put(&world, &objects, &own);
            put(&world, &others, &neighbour);
            if hidden {
                world.remove(&own);
            }
            let events = forgotten(&world, "a").await.events;
            let expected = usize::from(is_data(kind.0));
            assert_eq!(events, expected, "{own} {hidden}");
            let left = world.versions(&own);
            let is_raw = kind.0 == "raw/";
            let is_left = usize::from(is_raw || expected == 0);
            assert_eq!(left, is_left, "{own} {hidden}");
            if expected == 1 {
                assert_eq!(world.state(&key(("raw/", 0), &base)), "forgotten", "{own}");
            }
            assert_eq!(world.versions(&neighbour), 1, "{neighbour}");
            if expected == 1 {
                assert_eq!(world.state(&key(("mail/", 0), &base)), "forgotten", "{own}");
            }
            let strangers = all_keys(&world);
            let strangers = strangers.iter().filter(|key| key.contains(&other));
            assert_eq!(strangers.count(), 1, "{own}: nothing is marked of a_1");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn whatever_one_kind_of_object_is_gone_the_rest_of_the_event_is_forgotten() {
    let (base, objects) = whole("a").await;
    for gone in KINDS {
        let world = World::new();
        let kept = objects.keys().filter(|kept| **kept != key(gone, &base));
        for kept in kept {
            put(&world, &objects, kept);
        }
        assert_eq!(forgotten(&world, "a").await.events, 1, "{gone:?}");
        let left = all_keys(&world);
        let is_mark = |key: &String| key.starts_with("mail/") || key.starts_with("raw/");
        let is_harmless = |key: &String| is_mark(key) || key.starts_with("replay/");
        assert!(left.iter().all(is_harmless), "{gone:?}: {left:?}");
        for mark in left.iter().filter(|key| is_mark(key)) {
            assert_eq!(world.state(mark), "forgotten", "{gone:?}: {mark}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn each_kind_of_object_that_is_left_alone_is_audited_as_what_it_is() {
    let (base, objects) = whole("a").await;
    let nowhere = Account {
        received: 1,
        nowhere: 1,
        ..Account::default()
    };
    let none = Account::default();
    for kind in KINDS {
        let world = World::new();
        put(&world, &objects, &key(kind, &base));
        sleep(Duration::from_hours(5)).await;
        let (report, findings) = audited(&world).await;
        let (account, expired, flaw) = match kind {
            ("raw/", _) => (nowhere, 0, Some(Flaw::Nowhere)),
            ("enriched/", _) => (none, 0, Some(Flaw::DocumentWithoutRaw)),
            ("mail/", 0) => (none, 1, None),
            _ => (none, 0, None),
        };
        assert_eq!(report.account, account, "{kind:?}");
        assert_eq!(report.expired, expired, "{kind:?}");
        let found = findings.into_iter().map(|found| (found.key, found.flaw));
        let expected = flaw.map(|flaw| (key(kind, &base), flaw));
        assert!(found.eq(expected), "{kind:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn only_a_raw_object_is_swept_whatever_else_is_left_alone() {
    let (base, objects) = whole("a").await;
    for kind in KINDS {
        let world = World::new();
        put(&world, &objects, &key(kind, &base));
        sleep(Duration::from_hours(5)).await;
        let report = swept(&world).await;
        assert_eq!(report.sent, u64::from(kind.0 == "raw/"), "{kind:?}");
        assert_eq!(world.queue().depth(), usize::from(kind.0 == "raw/"));
    }
}

#[tokio::test(start_paused = true)]
async fn a_message_that_meets_one_object_alone_does_what_that_allows_and_no_more() {
    let (base, objects) = whole("a").await;
    for kind in KINDS {
        let world = World::new();
        world.own("a");
        put(&world, &objects, &key(kind, &base));
        let before = all_keys(&world);
        world.send_bare(&format!("raw/{base}.json"));
        let outcomes = world.work_until_idle().await;
        let (end, mails) = match kind {
            // A document is mailed without its raw object: it is all that a mail needs.
            ("raw/" | "enriched/", 0) => (MAILED, 1),
            ("mail/", 0) => (ended(Done::MailedBefore), 0),
            _ => (failed(Why::RawMissing), 0),
        };
        assert_eq!(outcomes.last(), Some(&end), "{kind:?}: {outcomes:?}");
        assert_eq!(world.mailer().sent().len(), mails, "{kind:?}");
        let mut made = all_keys(&world);
        made.retain(|key| !before.contains(key));
        let expected = match (kind, mails) {
            (("raw/", 0), _) => vec![key(("enriched/", 0), &base), key(("mail/", 0), &base)],
            (_, 1) => vec![key(("mail/", 0), &base)],
            (("mail/" | "failed/", 0), _) => vec![],
            _ => vec![key(("failed/", 0), &base)],
        };
        assert_eq!(made, expected, "{kind:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_can_be_replayed_of_one_object_alone_is_said_in_words() {
    let (base, objects) = whole("a").await;
    let name = EventName::parse_raw_key(&format!("raw/{base}.json")).unwrap();
    for kind in KINDS {
        let world = World::new();
        world.own("a");
        put(&world, &objects, &key(kind, &base));
        let refusal = refused(&world, &name).await;
        let expected = match kind.0 {
            "raw/" => Refusal::NotEnriched,
            _ => Refusal::RawMissing,
        };
        assert_eq!(refusal, expected, "{kind:?}");
        // Beside its raw object, an end or a document of any revision makes it one that can be replayed.
        put(&world, &objects, &key(("raw/", 0), &base));
        let is_ready = matches!(kind, ("enriched/", _) | ("mail/", 0));
        match preview(&*world.home, &name).await.unwrap() {
            Preview::Ready(ready) => {
                assert!(is_ready, "{kind:?}");
                let compared = (kind.0 == "enriched/").then_some(kind.1);
                assert_eq!(ready.compared_with, compared, "{kind:?}");
            }
            Preview::Refused(refusal) => assert!(!is_ready, "{kind:?}: {refusal}"),
        }
    }
}

#[tokio::test(start_paused = true)]
async fn the_number_of_a_replay_is_taken_by_whatever_is_left_of_one() {
    let (base, objects) = whole("a").await;
    let name = EventName::parse_raw_key(&format!("raw/{base}.json")).unwrap();
    for kind in KINDS {
        let world = World::new();
        world.own("a");
        for kept in [("raw/", 0), ("mail/", 0), kind] {
            put(&world, &objects, &key(kept, &base));
        }
        let ready = ready(&world, &name).await;
        let order = order(Notify::Never, "other", true);
        replay(&*world.home, &ready, &order).await.unwrap();
        let taken = world.keys("replay/");
        let next = key(("replay/", kind.1 + 1), &base);
        assert!(taken.contains(&next), "{kind:?}: {taken:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_parked_claim_that_is_left_alone_is_listed_and_resolved() {
    let (base, objects) = whole("a").await;
    let name = EventName::parse_raw_key(&format!("raw/{base}.json")).unwrap();
    for (kept, outcome) in [
        (None, failed(Why::RawMissing)),
        (Some("raw/"), MAILED),
        (Some("enriched/"), MAILED),
    ] {
        let world = World::new();
        world.own("a");
        world.put(&name.mail_key(), PARKED_CLAIM);
        if let Some(prefix) = kept {
            put(&world, &objects, &key((prefix, 0), &base));
        }
        assert_eq!(list_parked(&*world.home).await.unwrap().len(), 1);
        let resolved = resolve(&*world.home, &name, Resolution::Resend).await;
        assert_eq!(resolved.unwrap(), Resolved::Queued, "{kept:?}");
        let outcomes = world.work_until_idle().await;
        assert_eq!(outcomes.last(), Some(&outcome), "{kept:?}");
    }
    let world = World::new();
    world.put(&name.mail_key(), PARKED_CLAIM);
    let resolved = resolve(&*world.home, &name, Resolution::Sent).await;
    assert_eq!(resolved.unwrap(), Resolved::MarkedSent);
    for state in ["sent", "forgotten", "silent"] {
        world.put_marker(&name.mail_key(), state);
        for resolution in [Resolution::Sent, Resolution::Resend] {
            let resolved = resolve(&*world.home, &name, resolution).await.unwrap();
            let settled = Settled::from_name(state).unwrap();
            assert_eq!(resolved, Resolved::SettledBefore(settled), "{state}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_failure_that_is_left_from_before_keeps_nothing_from_being_mailed() {
    let world = World::parking();
    world.put_owner("test-1", OMAR);
    let raw = key_of(&world.post(ALICE).await);
    world.put(&raw.replace("raw/", "failed/"), "not even JSON");
    world.put(&raw.replace("raw/", "swept/"), "nor this");
    assert_eq!(world.work_until_idle().await, [MAILED]);
    assert_eq!(receives(&world), [600]);
    assert_eq!(only(&world, "mail/"), Value::Null);
}
