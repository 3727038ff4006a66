//! Each promise, whatever way an event comes to the worker: by our own message, too early, twice, by an operator's bare one, out of the dead
//! letters, or by the sweep.

use super::{ALICE, OMAR, key_of, only, plant, plant_marker, receives, send, since_begin};
use leadwire_domain::failure::FailureReason;
use leadwire_domain::wait::DeferReason;
use leadwire_pipeline::port::Bucket;
use leadwire_pipeline::stage::enrich::{Done, Outcome};
use leadwire_pipeline::stage::sweep::SweepMode;
use leadwire_pipeline::testkit::{Call, Fault, World};
use std::time::Duration;

/// Older than everything that an event may wait for.
const LOST: Duration = Duration::from_hours(3);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    Ours,
    Early,
    Copies,
    Bare,
    Redriven,
    Swept,
}

const WAYS: [Way; 6] = [
    Way::Ours,
    Way::Early,
    Way::Copies,
    Way::Bare,
    Way::Redriven,
    Way::Swept,
];

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

    /// Makes it come to the worker. False where this way finds nothing to do.
    async fn come(&self, way: Way) -> bool {
        let Self { world, key, body } = self;
        let due = || async {
            let left = 600 - since_begin(leadwire_pipeline::port::Clock::now(world.clock()));
            tokio::time::sleep(Duration::from_secs(u64::try_from(left).unwrap_or(0))).await;
        };
        match way {
            Way::Ours => {
                due().await;
                send(world, body).await;
            }
            Way::Early => send(world, body).await,
            Way::Copies => {
                for _ in 0..3 {
                    send(world, body).await;
                }
            }
            Way::Bare => world.send_bare(key),
            Way::Redriven => {
                due().await;
                send(world, body).await;
                world
                    .store()
                    .set_script(|call| call.key().map(|_key| Fault::Fails));
                world.work_until_idle().await;
                world.store().clear_script();
                assert_eq!(world.queue().dead_letters().len(), 1);
                world.redrive().await.unwrap();
            }
            Way::Swept => {
                tokio::time::sleep(LOST).await;
                return world.sweep.run(SweepMode::Send).await.unwrap().sent == 1;
            }
        }
        true
    }
}

#[tokio::test(start_paused = true)]
async fn an_event_is_mailed_once_to_the_configured_people_and_never_early_but_by_an_operator() {
    for way in WAYS {
        let event = Event::posted().await;
        let world = &event.world;
        assert!(event.come(way).await, "{way:?}");
        let begun = receives(world).len();
        let outcomes = world.work_until_idle().await;
        let mailed = Outcome::Done(Done::Mailed);
        let mails = outcomes.iter().filter(|outcome| **outcome == mailed);
        assert_eq!(mails.count(), 1, "{way:?}: {outcomes:?}");
        let costs: Vec<u32> = world.queue().deliveries()[begun..]
            .iter()
            .map(|d| d.1)
            .collect();
        assert!(
            costs.iter().all(|receives| *receives == 1),
            "{way:?}: {costs:?}"
        );

        let sent = world.mailer().sent();
        assert_eq!(sent.len(), 1, "{way:?}");
        assert_eq!(sent[0].to.len(), 1, "{way:?}");
        assert_eq!(sent[0].to[0].expose(), "sales@example.com", "{way:?}");
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
    for way in WAYS {
        let event = Event::posted().await;
        let world = &event.world;
        world.store().set_script(|call| {
            let claims = call.is_on("mail/") && matches!(call, Call::Create(..));
            claims.then_some(Fault::Panics)
        });
        world.send_bare(&event.key);
        world.work().await;
        world.store().clear_script();
        world.queue().purge();
        let stored = only(world, "enriched/");
        world.put_owner("test-1", &OMAR.replace("Omar", "Nadia"));
        if way == Way::Swept {
            // What the owner was is no matter any more.
            world.store().remove(Bucket::Lookup, "test-1.json");
        }
        assert!(event.come(way).await, "{way:?}");
        world.work_until_idle().await;
        let sent = world.mailer().sent();
        assert_eq!(sent.len(), 1, "{way:?}");
        assert_eq!(sent[0].text.subject, "New lead: Alice → Omar", "{way:?}");
        assert_eq!(only(world, "enriched/"), stored, "{way:?}");
    }
}

/// What lies at `mail/X` before the event comes once more, whether the sweep lets it be, what becomes of it, and mails.
type State = (&'static str, bool, Done, &'static [u32]);

fn states() -> [State; 8] {
    let doubt = r#"{"state":"sending","token":"dead","lease_until":"2026-11-23T06:50:00Z","attempt":4,"doubted":true}"#;
    let dead =
        r#"{"state":"sending","token":"dead","lease_until":"2026-11-23T06:50:00Z","attempt":9}"#;
    let parked = r#"{"state":"parked","parked_at":"2026-11-23T06:50:00Z","attempt":1}"#;
    [
        ("sent", true, Done::MailedBefore, &[]),
        ("forgotten", true, Done::Forgotten, &[]),
        ("silent", true, Done::SilentBefore, &[]),
        ("a word of tomorrow", true, Done::MailedBefore, &[]),
        (parked, false, Done::ParkedBefore, &[]),
        (
            r#"{"state":"idle","attempt":9}"#,
            false,
            Done::Mailed,
            &[10],
        ),
        (doubt, false, Done::Mailed, &[5]),
        (dead, false, Done::Mailed, &[10]),
    ]
}

#[tokio::test(start_paused = true)]
async fn what_is_written_at_its_claim_counts_whatever_way_it_comes() {
    for way in WAYS {
        for (state, is_over, done, attempts) in states() {
            let event = Event::posted().await;
            let world = &event.world;
            let is_claim = state.starts_with('{');
            if is_claim {
                plant(world, &event.mail_key(), state);
            } else {
                plant_marker(world, &event.mail_key(), state);
            }
            let before = world.store().peek(Bucket::Enriched, &event.mail_key());
            let comes = event.come(way).await;
            assert_eq!(comes, way != Way::Swept || !is_over, "{way:?} {state}");
            let outcomes = world.work_until_idle().await;
            assert!(outcomes.iter().all(|o| !o.is_failed()), "{way:?} {state}");
            let is_expected = |outcome: &&Outcome| **outcome == Outcome::Done(done);
            let ends = outcomes.iter().filter(is_expected).count();
            assert!(ends > 0 || !comes, "{way:?} {state}: {outcomes:?}");
            let sent = world.mailer().sent();
            let sent: Vec<u32> = sent.iter().map(|mail| mail.attempt).collect();
            assert_eq!(sent, attempts, "{way:?} {state}");
            if attempts.is_empty() {
                let after = world.store().peek(Bucket::Enriched, &event.mail_key());
                assert_eq!(before.unwrap().etag, after.unwrap().etag, "{way:?} {state}");
                let made = world.store().keys(Bucket::Enriched, "enriched/");
                assert_eq!(made, [""; 0], "{way:?} {state}");
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_living_worker_is_waited_for_whatever_way_the_event_comes() {
    for way in WAYS {
        let event = Event::posted().await;
        let world = &event.world;
        // The lease ends four hours after the beginning: beyond what the slowest way takes.
        let claim = r#"{"state":"sending","token":"other","lease_until":"2026-11-23T10:50:00Z","attempt":1}"#;
        plant(world, &event.mail_key(), claim);
        assert!(event.come(way).await, "{way:?}");
        let first = world.work_next().await;
        let waits = |outcome: &Outcome| {
            let Outcome::Deferred { reason, .. } = outcome else {
                return false;
            };
            matches!(reason, DeferReason::ClaimLive | DeferReason::TooEarly)
        };
        assert!(first.iter().all(waits), "{way:?}: {first:?}");
        assert_eq!(world.mailer().tries(), 0, "{way:?}");
        // Its holder says that it is done.
        plant_marker(world, &event.mail_key(), "sent");
        world.work_until_idle().await;
        assert_eq!(world.mailer().tries(), 0, "{way:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_owner_who_never_comes_is_waited_for_as_long_whatever_way_the_event_comes() {
    for way in WAYS {
        let event = Event::posted().await;
        let world = &event.world;
        world.store().remove(Bucket::Lookup, "test-1.json");
        assert!(event.come(way).await, "{way:?}");
        let begun = receives(world).len();
        let outcomes = world.work_until_idle().await;
        let missing = Outcome::Failed(FailureReason::OwnerMissing);
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
    for way in WAYS {
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
        assert!(world.store().keys(Bucket::Enriched, "failed/").is_empty() || way == Way::Redriven);
    }
}

#[tokio::test(start_paused = true)]
async fn a_lost_reply_doubles_a_mail_at_most_once_whatever_way_the_event_comes() {
    for way in WAYS {
        let event = Event::posted().await;
        let world = &event.world;
        assert!(event.come(way).await, "{way:?}");
        world.mailer().lose_replies(1);
        world.observed(world.work_until_idle()).await;
        let sent = world.mailer().sent();
        let attempts: Vec<u32> = sent.iter().map(|mail| mail.attempt).collect();
        assert_eq!(attempts, [1, 2], "{way:?}");
        assert_eq!(world.told().get("EmailsAmbiguous"), Some(&1), "{way:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_failing_event_says_why_and_never_keeps_another_waiting_whatever_way_it_comes() {
    for way in WAYS {
        let event = Event::posted().await;
        let world = &event.world;
        world.put_owner("test-1", "poison");
        world.put_owner("b", r#"{"lead_id":"b","lead_owner":"Omar"}"#);
        assert!(event.come(way).await, "{way:?}");
        let other = key_of(&world.post(r#"{"lead_id":"b"}"#).await);
        world.work_until_idle().await;
        assert_eq!(
            world.queue().dead_letters().len(),
            if way == Way::Copies { 3 } else { 1 }
        );
        assert_eq!(
            only(world, "failed/")["reason"],
            "lookup_invalid",
            "{way:?}"
        );
        assert_eq!(only(world, "failed/")["receives"], 3, "{way:?}");
        let settled = world
            .store()
            .peek(Bucket::Enriched, &other.replace("raw/", "mail/"));
        assert_eq!(settled.unwrap().metadata["state"], "sent", "{way:?}");
    }
}
