//! What each course of events counts, exactly: nothing else, nothing twice, nothing for another's work. What every other scenario counts in
//! all stands in `counts.txt` and is checked when its world ends.

use super::{ALICE, OMAR, close_event, key_of, only, own, plant_claim, send};
use leadwire_domain::key::EventName;
use leadwire_domain::message::Notify;
use leadwire_pipeline::operate::replay::{Order, Preview, preview, replay};
use leadwire_pipeline::port::Bucket;
use leadwire_pipeline::settings::AmbiguousPolicy;
use leadwire_pipeline::stage::enrich::{Done, Outcome};
use leadwire_pipeline::stage::sweep::SweepMode;
use leadwire_pipeline::testkit::{Call, Fault, World, WorldBuilder};
use std::collections::BTreeSet;
use std::time::Duration;

/// What one event counts that is accepted, enriched and mailed in time.
const WHOLE: &str = "EmailsSent 1, EndToEndLatency generic 1, EnrichmentDelay generic 1, EnrichmentLag 1, IngestLatency generic 1, LeadsAccepted generic 1, LeadsEnriched 1, MailedInTime 1";

/// The same with more, in the order of their names.
fn whole_and(more: &str) -> String {
    let mut all: Vec<&str> = WHOLE.split(", ").chain(more.split(", ")).collect();
    all.sort_unstable();
    all.join(", ")
}

#[track_caller]
fn check(world: &World, expected: &str) {
    let told = world.told_by_value();
    let told: Vec<String> = told.iter().map(|(name, n)| format!("{name} {n}")).collect();
    assert_eq!(told.join(", "), expected);
}

async fn live(world: &World) {
    world.put_owner("test-1", OMAR);
    world.post(ALICE).await;
    world.work_until_idle().await;
}

#[tokio::test(start_paused = true)]
async fn a_call_that_fails_once_adds_its_failed_receive_and_nothing_twice() {
    let writes = |call: &Call, prefix: &str| {
        call.is_on(prefix) && matches!(call, Call::Create(..) | Call::Replace(..))
    };
    let reads = |call: &Call, bucket: Bucket| matches!(call, Call::Get(b, _) if *b == bucket);
    for nth in 0..2 {
        for (fault, of_enriched, of_mail) in [
            (Fault::ReplyLost, WHOLE.to_owned(), WHOLE.to_owned()),
            (Fault::Late, WHOLE.to_owned(), WHOLE.to_owned()),
            (Fault::MeetsItself, WHOLE.to_owned(), WHOLE.to_owned()),
        ] {
            for (prefix, expected) in [("enriched/", &of_enriched), ("mail/", &of_mail)] {
                let world = World::new();
                let mut seen = 0;
                world.store().set_script(move |call| {
                    seen += usize::from(writes(call, prefix));
                    (writes(call, prefix) && seen == nth + 1).then_some(fault)
                });
                world.observed(live(&world)).await;
                check(&world, expected);
            }
        }
    }
    // A read that fails costs a receive; where it is the first look, the delay is measured at the second, which does not count it.
    for (bucket, expected) in [
        (Bucket::Raw, "BatchItemFailures 1, EmailsSent 1, EndToEndLatency generic 1, IngestLatency generic 1, LeadsAccepted generic 1, LeadsEnriched 1, MailedInTime 1".to_owned()),
        (Bucket::Lookup, whole_and("BatchItemFailures 1")),
    ] {
        let world = World::new();
        let mut done = false;
        world.store().set_script(move |call| {
            let is_it = reads(call, bucket) && !std::mem::replace(&mut done, true);
            is_it.then_some(Fault::Fails)
        });
        world.observed(live(&world)).await;
        check(&world, &expected);
    }
}

#[tokio::test(start_paused = true)]
async fn the_delay_is_counted_once_whatever_an_event_waits_for_and_however_often_it_fails() {
    let world = World::new();
    world
        .observed(async {
            world.post(ALICE).await;
            world.queue().deliver_now();
            for _ in 0..4 {
                world.work_next().await;
            }
            world.put_owner("test-1", OMAR);
            world.mailer().be_busy(2);
            for _ in 0..2 {
                world.work_next().await;
            }
            let mut failures = 2;
            world.store().set_script(move |call| {
                let claims = call.is_on("mail/") && matches!(call, Call::Replace(..));
                (claims && failures > 0).then(|| {
                    failures -= 1;
                    Fault::Panics
                })
            });
            world.work_until_idle().await;
        })
        .await;
    check(
        &world,
        "BatchItemFailures 2, EmailsSent 1, EndToEndLatency generic 1, EnrichmentDelay generic 1, EnrichmentLag 1, IngestLatency generic 1, LeadsAccepted generic 1, LeadsEnriched 1, MailDeferred 2, MailedLate 1, OwnerPending 3",
    );
}

#[tokio::test(start_paused = true)]
async fn a_document_that_another_worker_stored_is_counted_by_that_one_alone() {
    let world = World::new();
    world.put_owner("test-1", OMAR);
    world
        .observed(async {
            world.post(ALICE).await;
            let body = world.queue().bodies().remove(0);
            tokio::time::sleep(Duration::from_mins(10)).await;
            let mut is_first = true;
            world.store().set_script(move |call| {
                let stores = call.is_on("enriched/") && matches!(call, Call::Create(..));
                (stores && std::mem::take(&mut is_first)).then_some(Fault::Late)
            });
            let faster = async {
                tokio::time::sleep(Duration::from_secs(1)).await;
                world.put_owner("test-1", &OMAR.replace("Omar", "Nadia"));
                send(&world, &body).await;
                world.work().await
            };
            let (slow, fast) = tokio::join!(world.work(), faster);
            assert_eq!(fast, [Outcome::Done(Done::Mailed)]);
            assert_eq!(slow, [Outcome::Done(Done::MailedBefore)]);
        })
        .await;
    assert_eq!(only(&world, "enriched/")["lead_owner"], "Nadia");
    let told = world.told();
    assert_eq!(told["LeadsEnriched"], 1, "{told:?}");
    assert_eq!(
        (told["EmailsSent"], told["MailedInTime"]),
        (1, 1),
        "{told:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn an_operators_bare_message_is_counted_as_a_mail_and_not_for_the_objective() {
    let world = World::new();
    world.put_owner("test-1", OMAR);
    let key = key_of(&world.post(ALICE).await);
    world.queue().purge();
    world
        .observed(async {
            world.send_bare(&key);
            world.work_until_idle().await;
            world.send_bare(&key);
            world.work_until_idle().await;
        })
        .await;
    check(
        &world,
        "EmailsSent 1, EndToEndLatency generic 1, LeadsEnriched 1",
    );
}

#[tokio::test(start_paused = true)]
async fn what_fails_for_good_is_counted_once_and_by_an_operators_message_not_for_the_objective() {
    for (bare, expected) in [
        (
            false,
            "BatchItemFailures 3, EnrichmentDelay generic 1, EnrichmentLag 1, FinalAttemptFailed 1, IngestLatency generic 1, LeadsAccepted generic 1, NotMailed 1",
        ),
        (
            true,
            "BatchItemFailures 3, FinalAttemptFailed 1, IngestLatency generic 1, LeadsAccepted generic 1",
        ),
    ] {
        let world = World::new();
        world.put_owner("test-1", "poison");
        world
            .observed(async {
                let key = key_of(&world.post(ALICE).await);
                if bare {
                    world.queue().purge();
                    world.send_bare(&key);
                }
                world.work_until_idle().await;
            })
            .await;
        check(&world, expected);
    }
}

#[tokio::test(start_paused = true)]
async fn a_doubt_is_counted_once_whether_it_is_resent_parked_or_died_of() {
    use AmbiguousPolicy::{Park, Resend};
    let claim =
        r#"{"state":"sending","token":"dead","lease_until":"2026-11-23T06:50:00Z","attempt":1}"#;
    let told_claim = claim.replace('}', r#","doubted":true}"#);
    let late = WHOLE.replace("MailedInTime", "MailedLate");
    let sort = |text: String| {
        let mut all: Vec<&str> = text.split(", ").collect();
        all.sort_unstable();
        all.join(", ")
    };
    let mailed = |more: &str| whole_and(more);
    let parked = "EmailsAmbiguous 1, EmailsParked 1, EnrichmentDelay generic 1, EnrichmentLag 1, IngestLatency generic 1, LeadsAccepted generic 1, LeadsEnriched 1, NotMailed 1";
    let cases = [
        // A reply that is lost: the second mail comes a lease later.
        (
            Resend,
            None,
            true,
            sort(format!("BatchItemFailures 1, EmailsAmbiguous 1, {late}")),
        ),
        (Park, None, true, format!("BatchItemFailures 1, {parked}")),
        // A worker that died, without and with a word of its doubt.
        (Resend, Some(claim), false, mailed("EmailsAmbiguous 1")),
        (Resend, Some(&*told_claim), false, WHOLE.to_owned()),
        (Park, Some(claim), false, parked.to_owned()),
        (
            Park,
            Some(&*told_claim),
            false,
            parked.replace("EmailsAmbiguous 1, ", ""),
        ),
    ];
    for (policy, claim, is_lost, expected) in cases {
        let mut builder = WorldBuilder::default();
        builder.enrich.ambiguous = policy;
        let world = builder.build();
        world.put_owner("test-1", OMAR);
        world.mailer().drop_silently(usize::from(is_lost));
        world
            .observed(async {
                world.post(ALICE).await;
                if let Some(claim) = claim {
                    plant_claim(&world, claim);
                }
                world.work_until_idle().await;
            })
            .await;
        check(&world, &expected);
    }
}

#[tokio::test(start_paused = true)]
async fn a_replay_counts_its_document_and_its_mail_and_nothing_of_the_objective() {
    for (notify, owner, expected) in [
        (Notify::Force, OMAR, "EmailsSent 1, LeadsEnriched 1"),
        (Notify::Never, OMAR, "LeadsEnriched 1"),
        (Notify::IfChanged, OMAR, "LeadsEnriched 1"),
        (
            Notify::IfChanged,
            r#"{"lead_id":"test-1","lead_owner":"Dora"}"#,
            "EmailsSent 1, LeadsEnriched 1",
        ),
        (
            Notify::Force,
            "poison",
            "BatchItemFailures 3, FinalAttemptFailed 1",
        ),
    ] {
        let world = World::new();
        live(&world).await;
        let name = EventName::parse_raw_key(&world.store().keys(Bucket::Raw, "")[0]).unwrap();
        let Preview::Ready(ready) = preview(&*world.home, &name).await.unwrap() else {
            panic!("it was mailed");
        };
        world.put_owner("test-1", owner);
        let order = Order {
            notify,
            run: "run".to_owned(),
            is_resumed: false,
        };
        world
            .observed(async {
                replay(&*world.home, &ready, &order).await.unwrap();
                world.work_until_idle().await;
            })
            .await;
        check(&world, expected);
    }
}

#[tokio::test(start_paused = true)]
async fn every_answer_of_a_webhook_is_counted_once_by_its_source_or_its_reason() {
    let body = close_event("a", "ev_1", "2026-11-23T06:49:59.1");
    let other = body.replace("Zoe", "Eve");
    let world = World::new();
    world
        .observed(async {
            for body in [&body, &body, &other, &other] {
                assert_eq!(world.post(body).await.status, 202);
            }
            for body in ["", "[]", "nonsense", "{}", r#"{"lead_id":"../x"}"#] {
                assert_eq!(world.post(body).await.status, 400);
            }
            let none = super::duplicate::header("x", "y");
            for (path, status) in [
                ("/ingest/close", 401),
                ("/nowhere", 404),
                ("/ingest/canary", 401),
            ] {
                let answer = world.post_to(path, &none, body.as_bytes()).await;
                assert_eq!(answer.status, status);
            }
            world.queue().fail_sends(1);
            assert_eq!(world.post(&body).await.status, 503);
        })
        .await;
    let told = world.told_by_value();
    let counts = |name: &str| told.get(name).copied().unwrap_or(0);
    assert_eq!(counts("LeadsAccepted generic"), 1);
    assert_eq!(counts("LeadsDuplicate generic"), 3);
    assert_eq!(counts("LeadsConflicting generic"), 2);
    assert_eq!(counts("IngestLatency generic"), 4);
    assert_eq!(counts("LeadsRejected unavailable"), 1);
    assert_eq!(counts("LeadsRejected not_configured"), 1);
    assert_eq!(counts("LeadsRejected not_found"), 1);
    let rejected = told
        .iter()
        .filter(|(name, _)| name.starts_with("LeadsRejected"));
    assert_eq!(
        rejected.map(|(_, count)| count).sum::<u64>(),
        5 + 3,
        "{told:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_sweep_counts_each_event_that_it_sent_or_gave_up_and_none_that_it_left() {
    let world = World::new();
    for lead in ["a", "b", "c"] {
        own(&world, lead);
        world.post(&format!(r#"{{"lead_id":"{lead}"}}"#)).await;
    }
    world.work_until_idle().await;
    for lead in ["d", "e"] {
        world.post(&format!(r#"{{"lead_id":"{lead}"}}"#)).await;
    }
    for (sent, given_up) in [(2, 0), (2, 0), (0, 2), (0, 0)] {
        world.queue().purge();
        tokio::time::sleep(Duration::from_hours(3)).await;
        let swept = world
            .observed(world.sweep.run(SweepMode::Send))
            .await
            .unwrap();
        assert_eq!((swept.sent, swept.given_up), (sent, given_up));
        let told = world.told_by_value();
        let counted = told.get("SweptEvents").copied().unwrap_or(0);
        assert_eq!(counted, sent + given_up);
        assert!(told.len() <= 1, "{told:?}");
    }
}

/// The scenarios that there are, as the test binary lists them.
fn scenarios() -> BTreeSet<String> {
    let binary = std::env::current_exe().unwrap();
    let listed = std::process::Command::new(binary).arg("--list").output();
    let listed = String::from_utf8(listed.unwrap().stdout).unwrap();
    let names = listed
        .lines()
        .filter_map(|line| line.strip_suffix(": test"));
    names.map(str::to_owned).collect()
}

#[test]
fn the_file_of_counts_names_no_scenario_that_is_gone() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/scenario/counts.txt");
    let file = std::fs::read_to_string(path).unwrap();
    let named = file.lines().filter(|line| !line.starts_with(' '));
    let named: BTreeSet<String> = named.map(str::to_owned).collect();
    let gone: Vec<_> = named.difference(&scenarios()).cloned().collect();
    assert_eq!(gone, [""; 0]);
    assert!(named.len() > 100, "{}", named.len());
}
