//! The claim and the document are written at once: whose document counts, what a lost reply leaves, and what is no doubt.

use super::prelude::*;
use super::several::*;
use leadwire_domain::channel::OWNER;
use leadwire_domain::effect::EffectId;
use leadwire_domain::notice::EmailAddress;

const POLICIES: [AmbiguousPolicy; 2] = [AmbiguousPolicy::Resend, AmbiguousPolicy::Park];

fn key(world: &World, prefix: &str) -> String {
    world.keys("raw/").remove(0).replacen("raw/", prefix, 1)
}

fn owner_file(owner: &str) -> String {
    OMAR.replace('}', &format!(r#","owner_email":"{owner}@example.com"}}"#))
}

fn owner(name: &str) -> EffectId {
    let address = EmailAddress::parse(&format!("{name}@example.com")).unwrap();
    EffectId::of_mail(OWNER, &address)
}

/// Two workers at one event at the same time, the second a second after the first, between whom the owner changes. The first one's call
/// is late.
async fn race(late: fn(&Call) -> bool) -> (World, [Vec<Outcome>; 2]) {
    let world = World::with(|world| world.enrich.notify_owner = true);
    world.put_owner("test-1", &owner_file("omar"));
    world.post(ALICE).await;
    let body = world.queue().bodies().remove(0);
    sleep(Duration::from_mins(10)).await;
    world.spoil_once(Fault::Late, late);
    let other = async {
        sleep(Duration::from_secs(1)).await;
        world.put_owner("test-1", &owner_file("nadia"));
        world.send(&body).await;
        world.work().await
    };
    let (first, second) = tokio::join!(world.work(), other);
    (world, [first, second])
}

fn told_effects(world: &World) -> BTreeSet<EffectId> {
    let sent = world.mailer().sent();
    let told: BTreeSet<EffectId> = sent.iter().map(|mail| mail.effect.clone()).collect();
    assert_eq!(told.len(), sent.len(), "each once");
    told
}

#[track_caller]
fn check_told(world: &World, name: &str) {
    let sales = EmailAddress::parse("sales@example.com").unwrap();
    let sales = EffectId::of_mail("team", &sales);
    assert_eq!(told_effects(world), BTreeSet::from([sales, owner(name)]));
    let document = only(world, "enriched/");
    assert_eq!(document["owner_email"], format!("{name}@example.com"));
    assert_eq!(told(world), "ss");
}

#[tokio::test(start_paused = true)]
async fn who_holds_the_claim_beside_anothers_document_tells_that_documents_receivers() {
    let (world, [first, second]) = race(|call| creates("enriched/")(call)).await;
    assert_eq!(first, [MAILED]);
    assert!(waits_for_claim(second[0]), "{second:?}");
    check_told(&world, "nadia");
    assert_eq!(world.work_until_idle().await, [ended(Done::MailedBefore)]);
}

#[tokio::test(start_paused = true)]
async fn who_stored_the_document_and_has_no_claim_leaves_it_to_the_one_that_has() {
    let (world, [first, second]) = race(|call| creates("mail/")(call)).await;
    assert_eq!(first, [ended(Done::MailedBefore)]);
    assert_eq!(second, [MAILED]);
    check_told(&world, "omar");
}

/// What becomes of a write, or of the read that asks for it.
const FATES: [Option<Fault>; 6] = [
    None,
    Some(Fault::Fails),
    Some(Fault::ReplyLost),
    Some(Fault::MeetsItself),
    Some(Fault::Conflict),
    Some(Fault::Late),
];

/// The first write of the document, of the claim, and the reads after them meet such faults.
fn spoil_writes(world: &World, [document, claim, read_document, read_claim]: [Option<Fault>; 4]) {
    let mut met = [false; 4];
    world.home.set_script(move |call| {
        let [wrote_document, wrote_claim, ..] = met;
        let (number, fault) = match call {
            call if creates("enriched/")(call) => (0, document),
            call if creates("mail/")(call) => (1, claim),
            call if reads("enriched/")(call) && wrote_document => (2, read_document),
            call if reads("mail/")(call) && wrote_claim => (3, read_claim),
            _ => return None,
        };
        let is_first = !std::mem::replace(&mut met[number], true);
        fault.filter(|_| is_first)
    });
}

#[tokio::test(start_paused = true)]
async fn whatever_becomes_of_the_two_writes_and_of_their_read_backs_each_is_told_once() {
    let reads = [None, Some(Fault::Fails), Some(Fault::Late)];
    for policy in POLICIES {
        for (document, claim) in FATES.iter().flat_map(|a| FATES.map(|b| (*a, b))) {
            for (again, over) in reads.iter().flat_map(|a| reads.map(|b| (*a, b))) {
                let world = due_in(world_of(2, policy)).await;
                let faults = [document, claim, again, over];
                spoil_writes(&world, faults);
                let outcomes = world.observed(world.work_until_idle()).await;
                assert_eq!(outcomes.last(), Some(&MAILED), "{faults:?}: {outcomes:?}");
                let copies = [0, 1].map(|number| copies(&world, number));
                assert_eq!(copies, [vec![1], vec![1]], "{faults:?}");
                let counted = world.counted();
                assert_eq!(counted.get("EmailsAmbiguous"), None, "{faults:?}");
                // Whose document it is that lies there, the next attempt does not know.
                let is_unseen = matches!(document, Some(Fault::ReplyLost | Fault::MeetsItself))
                    && again == Some(Fault::Fails);
                let enriched = counted.get("LeadsEnriched").copied();
                assert_eq!(enriched, (!is_unseen).then_some(1), "{faults:?}");
                assert!(outcomes.len() <= 3, "{faults:?}: {outcomes:?}");
                assert_eq!(world.queue().dead_letters().len(), 0, "{faults:?}");
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn nothing_is_sent_unless_both_were_seen_stored() {
    for prefix in ["enriched/", "mail/"] {
        for fault in [Fault::Fails, Fault::ReplyLost] {
            let world = due(2).await;
            // Neither can it be read back.
            let mut is_written = false;
            world.home.set_script(move |call| match call {
                call if creates(prefix)(call) => {
                    is_written = true;
                    Some(fault)
                }
                call if is_written && reads(prefix)(call) => Some(Fault::Fails),
                _ => None,
            });
            world.work().await;
            assert_eq!(world.mailer().tries(), 0, "{prefix} {fault:?}");
            world.home.clear_script();
            assert_eq!(world.work_until_idle().await.last(), Some(&MAILED));
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_claim_that_is_given_up_before_the_first_send_is_idle_and_no_doubt() {
    for policy in POLICIES {
        let world = due_in(world_of(2, policy)).await;
        world.spoil_once(Fault::Fails, creates("enriched/"));
        assert_eq!(world.work().await, [failed(Why::StoreUnavailable)]);
        let idle = claim(&world);
        assert_eq!(idle["effects"], serde_json::json!({}));
        assert_eq!(idle["lease_until"], "2026-11-23T07:00:00Z");
        assert_eq!(world.observed(world.work_until_idle()).await, [MAILED]);
        assert_eq!(world.counted().get("EmailsAmbiguous"), None);
        let copies = [0, 1].map(|number| copies(&world, number));
        assert_eq!(copies, [vec![1], vec![1]]);
    }
}

#[tokio::test(start_paused = true)]
async fn a_claim_is_given_back_until_it_is_down() {
    let world = due(2).await;
    let mut failures = 0;
    world.home.set_script(move |call| match call {
        call if creates("enriched/")(call) => Some(Fault::Fails),
        call if replaces("mail/")(call) => {
            failures += 1;
            (failures <= 4).then_some(Fault::Fails)
        }
        _ => None,
    });
    assert_eq!(world.work().await, [failed(Why::StoreUnavailable)]);
    assert_eq!(claim(&world)["effects"], serde_json::json!({}));
}

#[tokio::test(start_paused = true)]
async fn a_claim_for_which_no_time_is_left_is_given_back_and_the_record_comes_again_at_once() {
    let world = due(2).await;
    world.spoil_once(Fault::Late, creates("mail/"));
    let time_passes = async {
        sleep(Duration::from_secs(1)).await;
        tokio::time::advance(Duration::from_secs(15)).await;
    };
    let (outcomes, ()) = tokio::join!(world.work(), time_passes);
    let (reason, seconds) = (DeferReason::NoTimeLeft, 1);
    assert_eq!(outcomes, [Outcome::Deferred { reason, seconds }]);
    assert_eq!(world.mailer().tries(), 0);
    assert_eq!(claim(&world)["effects"], serde_json::json!({}));
    assert_eq!(world.work_until_idle().await, [MAILED]);
    assert_eq!(copies(&world, 0), [1]);
}

#[tokio::test(start_paused = true)]
async fn a_stale_claim_without_a_document_was_never_sent_from() {
    for policy in POLICIES {
        for dies in [Fault::DiesBefore, Fault::DiesAfter] {
            let world = due_in(world_of(2, policy)).await;
            world.home.set_script(move |call| match call {
                call if creates("enriched/")(call) => Some(Fault::Late),
                call if creates("mail/")(call) => Some(dies),
                _ => None,
            });
            assert_eq!(world.work_or_die().await, None);
            world.home.clear_script();
            assert_eq!(world.keys("enriched/").len(), 0);
            let outcomes = world.observed(world.work_until_idle()).await;
            assert_eq!(outcomes, [MAILED], "{dies:?}");
            let copies = [0, 1].map(|number| copies(&world, number));
            assert_eq!(copies, [vec![1], vec![1]]);
            assert_eq!(world.counted().get("EmailsAmbiguous"), None);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_stale_first_claim_beside_a_document_is_a_doubt_of_each_effect() {
    for policy in POLICIES {
        let world = due_in(world_of(2, policy)).await;
        world.spoil_once(Fault::DiesBefore, mails_to(0));
        assert_eq!(world.work_or_die().await, None);
        world.home.clear_script();
        let before = world.mailer().sent().len();
        let outcomes = world.observed(world.work_until_idle()).await;
        let doubts = world.counted()["EmailsAmbiguous"];
        assert_eq!(doubts, 2);
        if policy == AmbiguousPolicy::Park {
            assert_eq!(outcomes, [ended(Done::Parked)]);
            assert_eq!(states(&world, 2), ["parked", "parked"]);
            assert_eq!(failure(&world), ("mail_ambiguous".to_owned(), vec![0, 1]));
            assert_eq!(world.mailer().sent().len(), before);
        } else {
            assert_eq!(outcomes, [MAILED]);
            assert_eq!(copies(&world, 0), [2]);
            assert_eq!(told(&world), "ss");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_dead_worker_leaves_a_doubt_only_of_what_it_had_not_recorded() {
    let world = due(3).await;
    world.spoil_once(Fault::Hangs, mails_to(1));
    let dies = async {
        sleep(Duration::from_secs(2)).await;
        world.home.set_script(|_| Some(Fault::DiesBefore));
    };
    let (outcomes, ()) = tokio::join!(world.work_or_die(), dies);
    assert_eq!(outcomes, None);
    assert_eq!(states(&world, 3), ["sent", "sending", "sent"]);
    world.home.clear_script();
    assert_eq!(world.work_until_idle().await, [MAILED]);
    let tried = [0, 1, 2].map(|number| tries(&world, number));
    assert_eq!(tried, [1, 2, 1]);
}

#[tokio::test(start_paused = true)]
async fn no_two_bodies_of_a_claim_are_equal_however_often_it_is_written() {
    let world = due(2).await;
    let (home, seen) = (
        Arc::clone(&world.home),
        Arc::new(std::sync::Mutex::new(Vec::new())),
    );
    let (mail, bodies) = (key(&world, "mail/"), Arc::clone(&seen));
    let busy = mails_to(0);
    world.home.set_script(move |call| {
        if replaces("mail/")(call) {
            let body = home.peek(Bucket::Enriched, &mail).unwrap().bytes;
            bodies.lock().unwrap().push(body);
        }
        busy(call).then_some(Fault::Busy)
    });
    for _ in 0..5 {
        world.work_next().await;
        // The clock may stand still between two attempts, and what they say of the effects be the same.
        world.queue().deliver_now();
        world.work().await;
    }
    world.home.clear_script();
    let bodies = seen.lock().unwrap().clone();
    let distinct: BTreeSet<_> = bodies.iter().collect();
    assert!(bodies.len() > 10, "{}", bodies.len());
    assert_eq!(distinct.len(), bodies.len());
}

#[tokio::test(start_paused = true)]
async fn what_was_all_told_and_never_settled_is_settled_by_the_next_receive() {
    let world = due(2).await;
    let sent = |number| {
        let said = r#"{"state":"sent","attempt":1,"doubts":0,"message_id":"m"}"#;
        format!(r#""{}":{said}"#, effect(number).as_str())
    };
    let claim = format!(
        r#"{{"v":2,"token":"dead","lease_until":"2026-11-23T06:50:00Z","effects":{{{},{}}}}}"#,
        sent(0),
        sent(1)
    );
    plant_claim(&world, &claim);
    assert_eq!(world.work_until_idle().await, [MAILED]);
    assert_eq!(world.mailer().tries(), 0);
    assert_eq!(world.state(&world.keys("mail/")[0]), "sent");
    let marker = world.peek(&world.keys("mail/")[0]).unwrap();
    assert_eq!(marker.metadata["told"], "ss");
}
