//! Each promise, whatever way an event comes to the worker: by our own message, too early, twice, by an operator's bare one, out of the dead
//! letters, or by the sweep.

use super::prelude::*;
use strum::VariantArray;

#[derive(Clone, Copy, Debug, PartialEq, Eq, VariantArray)]
enum Way {
    Ours,
    Early,
    Copies,
    Bare,
    Redriven,
    Swept,
}

/// One event that has nothing in the queue, and its own message.
struct Event {
    world: World,
    key: String,
    body: String,
}

impl Event {
    async fn posted() -> Self {
        let world = World::new();
        world.put_owner("test-1", OMAR);
        let key = key_of(&world.post(ALICE).await);
        let body = world.queue().bodies().remove(0);
        world.queue().purge();
        Self { world, key, body }
    }

    fn mail_key(&self) -> String {
        self.key.replace("raw/", "mail/")
    }

    /// Stores the document that it would have, and gives its key.
    async fn store_document(&self) -> String {
        let (other, name) = mailed().await;
        let key = self.key.replace("raw/", "enriched/");
        assert_eq!(key, name.enriched_key(), "the same event of another world");
        self.world.put_back(&key, other.peek(&key).unwrap());
        key
    }

    /// Makes it come to the worker. False where this way finds nothing to do.
    async fn come(&self, way: Way) -> bool {
        let Self { world, key, body } = self;
        let due = || async {
            let left = 600 - since_begin(world.clock().now());
            sleep(Duration::from_secs(u64::try_from(left).unwrap_or(0))).await;
        };
        match way {
            Way::Ours => {
                due().await;
                world.send(body).await;
            }
            Way::Early => world.send(body).await,
            Way::Copies => {
                for _ in 0..3 {
                    world.send(body).await;
                }
            }
            Way::Bare => world.send_bare(key),
            Way::Redriven => {
                due().await;
                world.send(body).await;
                world.spoil(Fault::Fails, is_on_store);
                world.work_until_idle().await;
                world.home.clear_script();
                assert_eq!(world.queue().dead_letters().len(), 1);
                world.redrive().await.unwrap();
            }
            Way::Swept => {
                sleep(LONG).await;
                return swept(world).await.sent == 1;
            }
        }
        true
    }
}

#[tokio::test(start_paused = true)]
async fn an_event_is_mailed_once_to_the_configured_people_and_never_early_but_by_an_operator() {
    for way in Way::VARIANTS.iter().copied() {
        let event = Event::posted().await;
        let world = &event.world;
        assert!(event.come(way).await, "{way:?}");
        let begun = receives(world).len();
        let outcomes = world.work_until_idle().await;
        assert_eq!(count(&outcomes, MAILED), 1, "{way:?}: {outcomes:?}");
        let costs = world.queue().deliveries().split_off(begun);
        assert!(costs.iter().all(|(_, receives)| *receives == 1), "{way:?}");

        let sent = world.mailer().sent();
        assert_eq!(sent.len(), 1, "{way:?}");
        assert_eq!(sent[0].to.expose(), "sales@example.com", "{way:?}");
        let document = only(world, "enriched/");
        let at = document["_leadwire"]["enriched_at"].as_str().unwrap();
        let at = since_begin(at.parse().unwrap());
        let expected = match way {
            Way::Ours | Way::Early | Way::Copies => 600..=600,
            Way::Bare => 0..=0,
            Way::Redriven => 600 + 15 + 360..=600 + 23 + 361 + 361,
            Way::Swept => 3 * 3600..=3 * 3600,
        };
        assert!(expected.contains(&at), "{way:?}: {at}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_document_that_is_there_is_mailed_whatever_the_owner_file_says_since() {
    for way in Way::VARIANTS.iter().copied() {
        let event = Event::posted().await;
        let world = &event.world;
        world.spoil(Fault::Fails, creates("mail/"));
        world.send_bare(&event.key);
        world.work().await;
        world.home.clear_script();
        world.queue().purge();
        let stored = only(world, "enriched/");
        world.put_owner("test-1", &OMAR.replace("Omar", "Nadia"));
        if way == Way::Swept {
            // What the owner was is no matter any more.
            world.remove("test-1.json");
        }
        assert!(event.come(way).await, "{way:?}");
        world.work_until_idle().await;
        assert_eq!(subjects(world), ["New lead: Alice → Omar"], "{way:?}");
        assert_eq!(only(world, "enriched/"), stored, "{way:?}");
    }
}

/// What lies at `mail/X` before the event comes once more, whether the sweep lets it be, what becomes of it, and mails.
type State = (&'static str, bool, Done, &'static [u32]);

fn states() -> [State; 8] {
    let doubt = r#"{"state":"sending","token":"dead","lease_until":"2026-11-23T06:50:00Z","attempt":1,"doubted":true}"#;
    let idle = r#"{"state":"idle","attempt":9}"#;
    [
        ("sent", true, Done::MailedBefore, &[]),
        ("forgotten", true, Done::Forgotten, &[]),
        ("silent", true, Done::SilentBefore, &[]),
        ("a word of tomorrow", true, Done::MailedBefore, &[]),
        (PARKED_CLAIM, false, Done::Parked, &[]),
        (idle, false, Done::Mailed, &[10]),
        (doubt, false, Done::Mailed, &[2]),
        (DEAD_CLAIM, false, Done::Mailed, &[2]),
    ]
}

#[tokio::test(start_paused = true)]
async fn what_is_written_at_its_claim_counts_whatever_way_it_comes() {
    for way in Way::VARIANTS.iter().copied() {
        for (state, is_over, done, expected) in states() {
            let event = Event::posted().await;
            let world = &event.world;
            let document = event.store_document().await;
            if state.starts_with('{') {
                world.put(&event.mail_key(), state);
            } else {
                world.put_marker(&event.mail_key(), state);
            }
            let before = world.peek(&event.mail_key());
            let stored = world.peek(&document).map(|object| object.etag);
            let comes = event.come(way).await;
            assert_eq!(comes, way != Way::Swept || !is_over, "{way:?} {state}");
            let outcomes = world.work_until_idle().await;
            assert!(!has_failed(&outcomes), "{way:?} {state}");
            let ends = count(&outcomes, ended(done));
            assert!(ends > 0 || !comes, "{way:?} {state}: {outcomes:?}");
            assert_eq!(attempts(world), expected, "{way:?} {state}");
            if expected.is_empty() {
                let after = world.peek(&event.mail_key());
                assert_eq!(before.unwrap().etag, after.unwrap().etag, "{way:?} {state}");
                let after = world.peek(&document).map(|object| object.etag);
                assert_eq!(world.keys("enriched/"), [document], "{way:?} {state}");
                assert_eq!(after, stored, "{way:?} {state}");
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_living_worker_is_waited_for_whatever_way_the_event_comes() {
    for way in Way::VARIANTS.iter().copied() {
        let event = Event::posted().await;
        let world = &event.world;
        // The lease ends four hours after the beginning: beyond what the slowest way takes.
        world.put(&event.mail_key(), &claim_until("2026-11-23T10:50:00Z"));
        assert!(event.come(way).await, "{way:?}");
        let first = world.work_next().await;
        let waits = |outcome: &Outcome| {
            let reasons = [DeferReason::ClaimLive, DeferReason::TooEarly];
            matches!(outcome, Outcome::Deferred { reason, .. } if reasons.contains(reason))
        };
        assert!(first.iter().all(waits), "{way:?}: {first:?}");
        assert_eq!(world.mailer().tries(), 0, "{way:?}");
        // Its holder says that it is done.
        world.put_marker(&event.mail_key(), "sent");
        world.work_until_idle().await;
        assert_eq!(world.mailer().tries(), 0, "{way:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_owner_who_never_comes_is_waited_for_as_long_whatever_way_the_event_comes() {
    for way in Way::VARIANTS.iter().copied() {
        let event = Event::posted().await;
        let world = &event.world;
        world.remove("test-1.json");
        assert!(event.come(way).await, "{way:?}");
        let begun = receives(world).len();
        let outcomes = world.work_until_idle().await;
        let missing = failed(Why::OwnerMissing);
        let first = outcomes.iter().position(|outcome| *outcome == missing);
        let first = receives(world)[begun + first.unwrap()];
        let expected = if way == Way::Swept { 3 * 3600 } else { 2400 };
        assert_eq!(first, expected, "{way:?}: {outcomes:?}");
        assert_eq!(only(world, "failed/")["reason"], "owner_missing", "{way:?}");
        assert_eq!(world.mailer().tries(), 0, "{way:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_busy_mail_service_costs_no_receive_whatever_way_the_event_comes() {
    for way in Way::VARIANTS.iter().copied() {
        let event = Event::posted().await;
        let world = &event.world;
        assert!(event.come(way).await, "{way:?}");
        world.mailer().be_busy(4);
        let begun = receives(world).len();
        world.work_until_idle().await;
        assert_eq!(world.mailer().tries(), 5, "{way:?}");
        assert_eq!(world.mailer().sent()[0].attempt, 5, "{way:?}");
        let costs = world.queue().deliveries().split_off(begun);
        assert!(costs.iter().all(|(_, receives)| *receives == 1), "{way:?}");
        assert!(world.keys("failed/").is_empty() || way == Way::Redriven);
    }
}

#[tokio::test(start_paused = true)]
async fn a_lost_reply_doubles_a_mail_at_most_once_whatever_way_the_event_comes() {
    for way in Way::VARIANTS.iter().copied() {
        let event = Event::posted().await;
        let world = &event.world;
        assert!(event.come(way).await, "{way:?}");
        world.mailer().lose_replies(1);
        world.observed(world.work_until_idle()).await;
        assert_eq!(attempts(world), [1, 2], "{way:?}");
        assert_eq!(world.counted().get("EmailsAmbiguous"), Some(&1), "{way:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_failing_event_says_why_and_never_keeps_another_waiting_whatever_way_it_comes() {
    for way in Way::VARIANTS.iter().copied() {
        let event = Event::posted().await;
        let world = &event.world;
        world.put_owner("test-1", "poison");
        world.own("b");
        assert!(event.come(way).await, "{way:?}");
        let other = key_of(&world.post_lead("b").await);
        world.work_until_idle().await;
        let letters = if way == Way::Copies { 3 } else { 1 };
        assert_eq!(world.queue().dead_letters().len(), letters);
        let failure = only(world, "failed/");
        assert_eq!(failure["reason"], "lookup_invalid", "{way:?}");
        assert_eq!(failure["receives"], 3, "{way:?}");
        let mail_key = other.replace("raw/", "mail/");
        assert_eq!(world.state(&mail_key), "sent", "{way:?}");
    }
}
