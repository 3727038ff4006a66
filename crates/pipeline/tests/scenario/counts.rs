//! What each course of events counts, exactly: nothing else, nothing twice, nothing for another's work. What every other scenario counts in
//! all stands in `counts.txt` and is checked when its world ends.

use super::prelude::*;

/// The same with more, in the order of their names.
fn whole_and(more: &str) -> String {
    let mut all: Vec<&str> = WHOLE.split(", ").chain(more.split(", ")).collect();
    all.sort_unstable();
    all.join(", ")
}

async fn live(world: &World) {
    world.put_owner("test-1", OMAR);
    world.post(ALICE).await;
    world.work_until_idle().await;
}

#[tokio::test(start_paused = true)]
async fn a_call_that_fails_once_adds_its_failed_receive_and_nothing_twice() {
    for nth in 0..2 {
        for fault in [Fault::ReplyLost, Fault::Late, Fault::MeetsItself] {
            for prefix in ["enriched/", "mail/"] {
                let world = World::new();
                world.spoil_some(nth..nth + 1, fault, move |call| {
                    creates(prefix)(call) || replaces(prefix)(call)
                });
                world.observed(live(&world)).await;
                check_told(&world, WHOLE);
            }
        }
    }
    // A read that fails costs a receive; where it is the first look, the delay is measured at the second, which does not count it.
    for (prefix, expected) in [
        ("raw/", "BatchItemFailures 1, EffectsSent mail 1, EmailsSent 1, EndToEndLatency generic 1, EventsPerRequest 1, IngestLatency generic 1, LeadsAccepted generic 1, LeadsEnriched 1, MailedInTime 1".to_owned()),
        ("test-1.json", whole_and("BatchItemFailures 1")),
    ] {
        let world = World::new();
        world.spoil_once(Fault::Fails, reads(prefix));
        world.observed(live(&world)).await;
        check_told(&world, &expected);
    }
}

#[tokio::test(start_paused = true)]
async fn the_delay_is_counted_once_whatever_an_event_waits_for_and_however_often_it_fails() {
    let world = World::new();
    let course = async {
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
        world.spoil_some(0..2, Fault::Panics, replaces("mail/"));
        world.work_until_idle().await;
    };
    world.observed(course).await;
    check_told(
        &world,
        "BatchItemFailures 2, EffectsSent mail 1, EmailsSent 1, EndToEndLatency generic 1, EnrichmentDelay generic 1, EnrichmentLag 1, EventsPerRequest 1, IngestLatency generic 1, LeadsAccepted generic 1, LeadsEnriched 1, MailDeferred 2, MailedLate 1, OwnerPending 3, OwnerToMail 1",
    );
}

#[tokio::test(start_paused = true)]
async fn a_document_that_another_worker_stored_is_counted_by_that_one_alone() {
    let world = World::new();
    world.put_owner("test-1", OMAR);
    let course = async {
        world.post(ALICE).await;
        let body = world.queue().bodies().remove(0);
        sleep(Duration::from_mins(10)).await;
        world.spoil_once(Fault::Late, creates("enriched/"));
        let faster = async {
            sleep(Duration::from_secs(1)).await;
            world.put_owner("test-1", &OMAR.replace("Omar", "Nadia"));
            world.send(&body).await;
            world.work().await
        };
        let (slow, fast) = tokio::join!(world.work(), faster);
        // Its document is the stored one, and its claim came too late.
        assert!(waits_for_claim(fast[0]), "{fast:?}");
        assert_eq!(slow, [MAILED]);
        world.work_until_idle().await;
    };
    world.observed(course).await;
    assert_eq!(only(&world, "enriched/")["lead_owner"], "Nadia");
    let told = world.counted();
    for metric in ["LeadsEnriched", "EmailsSent", "MailedInTime"] {
        assert_eq!(told[metric], 1, "{told:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_operators_bare_message_is_counted_as_a_mail_and_not_for_the_objective() {
    let world = World::new();
    world.put_owner("test-1", OMAR);
    let key = key_of(&world.post(ALICE).await);
    world.queue().purge();
    let course = async {
        world.send_bare(&key);
        world.work_until_idle().await;
        world.send_bare(&key);
        world.work_until_idle().await;
    };
    world.observed(course).await;
    check_told(
        &world,
        "EffectsSent mail 1, EmailsSent 1, EndToEndLatency generic 1, LeadsEnriched 1",
    );
}

#[tokio::test(start_paused = true)]
async fn what_fails_for_good_is_counted_once_and_by_an_operators_message_not_for_the_objective() {
    for (bare, expected) in [
        (
            false,
            "BatchItemFailures 3, EnrichmentDelay generic 1, EnrichmentLag 1, EventsPerRequest 1, FinalAttemptFailed 1, IngestLatency generic 1, LeadsAccepted generic 1, NotMailed 1",
        ),
        (
            true,
            "BatchItemFailures 3, EventsPerRequest 1, FinalAttemptFailed 1, IngestLatency generic 1, LeadsAccepted generic 1",
        ),
    ] {
        let world = World::new();
        world.put_owner("test-1", "poison");
        let course = async {
            let key = key_of(&world.post(ALICE).await);
            if bare {
                world.queue().purge();
                world.send_bare(&key);
            }
            world.work_until_idle().await;
        };
        world.observed(course).await;
        check_told(&world, expected);
    }
}

#[tokio::test(start_paused = true)]
async fn a_doubt_is_counted_once_whether_it_is_resent_parked_or_died_of() {
    use AmbiguousPolicy::{Park, Resend};
    let resent = whole_and("EmailsAmbiguous 1");
    let parked = "EmailsAmbiguous 1, EmailsParked 1, EnrichmentDelay generic 1, EnrichmentLag 1, EventsPerRequest 1, IngestLatency generic 1, LeadsAccepted generic 1, LeadsEnriched 1, NotMailed 1";
    let cases = [
        // A reply that is lost.
        (Resend, None, &*resent),
        (Park, None, parked),
        // A worker that died.
        (Resend, Some(DEAD_CLAIM), &*resent),
        (Park, Some(DEAD_CLAIM), parked),
    ];
    for (policy, claim, expected) in cases {
        let world = World::with(|world| world.enrich.ambiguous = policy);
        world.put_owner("test-1", OMAR);
        world.mailer().drop_silently(usize::from(claim.is_none()));
        let course = async {
            world.post(ALICE).await;
            if let Some(claim) = claim {
                plant_claim(&world, claim);
            }
            world.work_until_idle().await;
        };
        world.observed(course).await;
        check_told(&world, expected);
    }
}

#[tokio::test(start_paused = true)]
async fn a_replay_counts_its_document_and_its_mail_and_nothing_of_the_objective() {
    let dora = OMAR.replace("Omar", "Dora");
    let (silent, sent) = (
        "LeadsEnriched 1",
        "EffectsSent mail 1, EmailsSent 1, LeadsEnriched 1",
    );
    let failed = "BatchItemFailures 3, FinalAttemptFailed 1";
    for (notify, owner, expected) in [
        (Notify::Force, OMAR, sent),
        (Notify::Never, OMAR, silent),
        (Notify::IfChanged, OMAR, silent),
        (Notify::IfChanged, &dora, sent),
        (Notify::Force, "poison", failed),
    ] {
        let (world, name) = mailed().await;
        let ready = ready(&world, &name).await;
        world.put_owner("test-1", owner);
        let order = order(notify, "run", false);
        let course = async {
            replay(&*world.home, &ready, &order).await.unwrap();
            world.work_until_idle().await;
        };
        world.observed(course).await;
        check_told(&world, expected);
    }
}

#[tokio::test(start_paused = true)]
async fn every_answer_of_a_webhook_is_counted_once_by_its_source_or_its_reason() {
    let body = close_event("a", "ev_1", "2026-11-23T06:49:59.1");
    let other = body.replace("Zoe", "Eve");
    let world = World::new();
    let course = async {
        for body in [&body, &body, &other, &other] {
            assert_eq!(world.post(body).await.status, 202);
        }
        for body in ["", "[]", "nonsense", "{}", r#"{"lead_id":"a x"}"#] {
            assert_eq!(world.post(body).await.status, 400);
        }
        let none = no_headers();
        for path in ["/ingest/close", "/nowhere", "/ingest/canary"] {
            let answer = world.post_to(path, &none, body.as_bytes()).await;
            let status = if path == "/nowhere" { 404 } else { 401 };
            assert_eq!(answer.status, status);
        }
        world.queue().fail_sends(1);
        assert_eq!(world.post(&body).await.status, 503);
    };
    world.observed(course).await;
    let told = world.counted_by_value();
    let counts = |name: &str| told.get(name).copied().unwrap_or(0);
    assert_eq!(counts("LeadsAccepted generic"), 1);
    assert_eq!(counts("LeadsDuplicate generic"), 3);
    assert_eq!(counts("LeadsConflicting generic"), 2);
    assert_eq!(counts("IngestLatency generic"), 4);
    for reason in ["unavailable", "not_configured", "not_found"] {
        assert_eq!(counts(&format!("LeadsRejected {reason}")), 1);
    }
    let mut rejected = told.clone();
    rejected.retain(|name, _| name.starts_with("LeadsRejected"));
    assert_eq!(rejected.values().sum::<u64>(), 5 + 3, "{told:?}");
}

#[tokio::test(start_paused = true)]
async fn a_sweep_counts_each_event_that_it_sent_or_gave_up_and_none_that_it_left() {
    let world = World::new();
    for lead in ["a", "b", "c"] {
        world.own(lead);
        world.post_lead(lead).await;
    }
    world.work_until_idle().await;
    for lead in ["d", "e"] {
        world.post_lead(lead).await;
    }
    for (sent, given_up) in [(2, 0), (2, 0), (0, 2), (0, 0)] {
        world.queue().purge();
        sleep(LONG).await;
        let swept = swept(&world).await;
        assert_eq!((swept.sent, swept.given_up), (sent, given_up));
        let told = world.counted_by_value();
        let counted = told.get("SweptEvents").copied().unwrap_or(0);
        assert_eq!(counted, sent + given_up);
        assert_eq!(told["SweepRuns"], 1);
        assert_eq!(told.len(), 1 + usize::from(counted > 0), "{told:?}");
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
