use super::{ALICE, OMAR, only, plant_claim};
use leadwire_domain::failure::FailureReason;
use leadwire_domain::wait::DeferReason;
use leadwire_pipeline::settings::AmbiguousPolicy;
use leadwire_pipeline::stage::enrich::{Done, Outcome};
use leadwire_pipeline::testkit::{Call, Fault, World, WorldBuilder};
use std::time::Duration;

fn park() -> World {
    let mut builder = WorldBuilder::default();
    builder.enrich.ambiguous = AmbiguousPolicy::Park;
    builder.build()
}

async fn posted(world: World) -> World {
    world.put_owner("test-1", OMAR);
    world.post(ALICE).await;
    world
}

#[tokio::test(start_paused = true)]
async fn a_throttled_mail_service_costs_no_receive_and_every_mail_goes_out_once() {
    let world = World::new();
    for i in 0..20 {
        world.put_owner(
            &format!("l{i}"),
            &format!(r#"{{"lead_id":"l{i}","lead_owner":"O"}}"#),
        );
        world
            .post(&format!(r#"{{"lead_id":"l{i}","display_name":"N{i}"}}"#))
            .await;
    }
    world.mailer().be_busy(47);
    let outcomes = world.observed(world.work_until_idle()).await;
    assert!(outcomes.iter().all(|outcome| !outcome.is_failed()));
    assert_eq!(world.mailer().sent().len(), 20);
    assert!(
        world
            .queue()
            .deliveries()
            .iter()
            .all(|(_, receives)| *receives == 1)
    );
    assert_eq!(world.told().get("MailDeferred"), Some(&47));
}

#[tokio::test(start_paused = true)]
async fn a_mail_service_that_stays_busy_ends_in_the_dlq_after_its_window() {
    let world = posted(World::new()).await;
    world.mailer().be_busy(1000);
    let start = tokio::time::Instant::now();
    let outcomes = world.work_until_idle().await;
    assert_eq!(
        outcomes[outcomes.len() - 3..],
        [Outcome::Failed(FailureReason::MailUnavailable); 3]
    );
    assert!(start.elapsed().as_secs() >= 600 + 3600);
    assert!(outcomes.len() <= 12 + 3, "twelve hops at the most");
    assert_eq!(only(&world, "failed/")["reason"], "mail_unavailable");
}

#[tokio::test(start_paused = true)]
async fn a_refused_mail_fails_for_good_and_a_redrive_can_send_it() {
    let world = posted(World::new()).await;
    world.mailer().refuse(3);
    assert_eq!(
        world.work_until_idle().await,
        [Outcome::Failed(FailureReason::MailRefused); 3]
    );
    world.redrive().await.unwrap();
    assert_eq!(world.work_until_idle().await, [Outcome::Done(Done::Mailed)]);
    assert_eq!(world.mailer().sent()[0].attempt, 4);
}

#[tokio::test(start_paused = true)]
async fn a_lost_reply_may_mail_twice_and_never_three_times() {
    let world = posted(World::new()).await;
    world.mailer().lose_replies(1);
    let outcomes = world.observed(world.work_until_idle()).await;
    assert_eq!(
        outcomes.first(),
        Some(&Outcome::Failed(FailureReason::MailAmbiguous))
    );
    assert!(
        matches!(
            outcomes[1],
            Outcome::Deferred {
                reason: DeferReason::ClaimLive,
                ..
            }
        ),
        "{outcomes:?}"
    );
    assert_eq!(outcomes.last(), Some(&Outcome::Done(Done::Mailed)));
    let mails = world.mailer().sent();
    assert_eq!(
        mails.iter().map(|mail| mail.attempt).collect::<Vec<_>>(),
        [1, 2]
    );
    assert_eq!(mails[0].text.subject, mails[1].text.subject);
    assert_eq!(world.told().get("EmailsAmbiguous"), Some(&1));
}

#[tokio::test(start_paused = true)]
async fn park_mails_at_most_once_and_lists_the_doubtful_case() {
    for accepted in [true, false] {
        let world = posted(park()).await;
        if accepted {
            world.mailer().lose_replies(1);
        } else {
            world.mailer().drop_silently(1);
        }
        let outcomes = world.observed(world.work_until_idle()).await;
        assert_eq!(
            outcomes.last(),
            Some(&Outcome::Done(Done::Parked)),
            "{outcomes:?}"
        );
        assert_eq!(world.mailer().tries(), 1);
        assert_eq!(only(&world, "failed/")["reason"], "mail_ambiguous");
        assert_eq!(only(&world, "mail/")["state"], "parked");
        let told = world.told();
        assert_eq!(
            (
                told.get("EmailsParked"),
                told.get("NotMailed"),
                told.get("EmailsAmbiguous")
            ),
            (Some(&1), Some(&1), Some(&1))
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_parked_mail_stays_parked_for_every_later_message() {
    let world = posted(park()).await;
    let body = world.queue().bodies().remove(0);
    world.mailer().lose_replies(1);
    world.work_until_idle().await;
    let key = serde_json::from_str::<serde_json::Value>(&body).unwrap()["s3_key"]
        .as_str()
        .unwrap()
        .to_owned();
    world.send_bare(&key);
    assert_eq!(
        world.work_until_idle().await,
        [Outcome::Done(Done::ParkedBefore)]
    );
    assert_eq!(world.mailer().tries(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_dead_workers_claim_is_taken_over_when_its_lease_is_over_and_not_before() {
    let world = posted(World::new()).await;
    let claim =
        r#"{"state":"sending","token":"dead","lease_until":"2026-11-23T07:01:30Z","attempt":1}"#;
    plant_claim(&world, claim);
    let outcomes = world.work_until_idle().await;
    assert!(
        matches!(
            outcomes[..],
            [
                Outcome::Deferred {
                    reason: DeferReason::ClaimLive,
                    seconds: 91
                },
                Outcome::Done(Done::Mailed)
            ]
        ),
        "{outcomes:?}"
    );
    assert_eq!(world.mailer().sent()[0].attempt, 2);
}

#[tokio::test(start_paused = true)]
async fn another_boots_claim_is_taken_over_at_once_on_one_machine() {
    let mut builder = WorldBuilder::default();
    builder.enrich.boot = Some("boot-2".to_owned());
    let world = posted(builder.build()).await;
    let claim = r#"{"state":"sending","token":"dead","lease_until":"2027-01-01T00:00:00Z","attempt":1,"boot":"boot-1"}"#;
    plant_claim(&world, claim);
    assert_eq!(world.work_until_idle().await, [Outcome::Done(Done::Mailed)]);
}

#[tokio::test(start_paused = true)]
async fn parking_whose_reply_was_lost_is_still_told_and_costs_no_receive() {
    let world = posted(park()).await;
    world.mailer().lose_replies(1);
    world.work_next().await;
    world.work_next().await;
    let mut lost = false;
    world.store().set_script(move |call| {
        let parks = call.is_on("mail/") && matches!(call, Call::Replace(..));
        (parks && !std::mem::replace(&mut lost, true)).then_some(Fault::ReplyLost)
    });
    let outcomes = world.observed(world.work_until_idle()).await;
    assert_eq!(outcomes, [Outcome::Done(Done::Parked)]);
    assert_eq!(world.told().get("EmailsParked"), Some(&1));
}

#[tokio::test(start_paused = true)]
async fn a_marker_is_not_written_over_the_claim_of_whoever_took_over_meanwhile() {
    let world = posted(World::new()).await;
    world
        .store()
        .set_script(|call| replaces_claim(call).then_some(Fault::Late));
    tokio::time::sleep(Duration::from_mins(10)).await;
    let take_over = async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        assert_eq!(world.mailer().tries(), 1, "the mail is out by now");
        let claim = r#"{"state":"sending","token":"other","lease_until":"2027-01-01T00:00:00Z","attempt":2}"#;
        plant_claim(&world, claim);
    };
    let (outcomes, ()) = tokio::join!(world.work(), take_over);
    assert_eq!(outcomes, [Outcome::Done(Done::Mailed)]);
    assert_eq!(only(&world, "mail/")["token"], "other");
}

/// Which calls are meant.
type Which = fn(&Call) -> bool;

/// A doubtful mail that is about to be parked, where the one call of its kind meets a fault: what the record ends with.
async fn parking(fault: Fault, fails: Which) -> (World, Outcome) {
    let world = posted(park()).await;
    world.mailer().lose_replies(1);
    world.work_next().await;
    world.work_next().await;
    let mut done = false;
    world.store().set_script(move |call| {
        let meets = fails(call) && !std::mem::replace(&mut done, true);
        meets.then_some(fault)
    });
    let outcome = world.observed(world.work_next()).await.remove(0);
    (world, outcome)
}

fn lists(call: &Call) -> bool {
    call.is_on("failed/") && matches!(call, Call::Put(..))
}

fn replaces_claim(call: &Call) -> bool {
    call.is_on("mail/") && matches!(call, Call::Replace(..))
}

#[tokio::test(start_paused = true)]
async fn parking_that_does_not_take_effect_fails_and_is_done_at_the_next_receive() {
    let failed = Outcome::Failed(FailureReason::StoreUnavailable);
    let cases: [(Fault, Which); 3] = [
        (Fault::Fails, lists),
        (Fault::Fails, replaces_claim),
        (Fault::Conflict, replaces_claim),
    ];
    for (fault, fails) in cases {
        let (world, outcome) = parking(fault, fails).await;
        assert_eq!(outcome, failed, "{fault:?}");
        assert_eq!(only(&world, "mail/")["state"], "sending", "{fault:?}");
        assert_eq!(world.told().get("EmailsParked"), None, "{fault:?}");
        let outcomes = world.work_until_idle().await;
        assert_eq!(outcomes, [Outcome::Done(Done::Parked)], "{fault:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn parking_that_meets_itself_is_parked() {
    let (world, outcome) = parking(Fault::MeetsItself, replaces_claim).await;
    assert_eq!(outcome, Outcome::Done(Done::Parked));
    assert_eq!(world.told().get("EmailsParked"), Some(&1));
}

#[tokio::test(start_paused = true)]
async fn a_doubt_is_told_when_it_arises_and_not_first_when_a_lease_is_over() {
    let world = posted(World::new()).await;
    world.mailer().lose_replies(1);
    world.observed(world.work_next()).await;
    assert_eq!(world.told().get("EmailsAmbiguous"), Some(&1));
}

#[tokio::test(start_paused = true)]
async fn a_worker_that_died_while_sending_is_counted_as_a_doubt_once() {
    let world = posted(World::new()).await;
    let claim =
        r#"{"state":"sending","token":"dead","lease_until":"2026-11-23T06:50:00Z","attempt":1}"#;
    plant_claim(&world, claim);
    let outcomes = world.observed(world.work_until_idle()).await;
    assert_eq!(outcomes, [Outcome::Done(Done::Mailed)]);
    assert_eq!(world.told().get("EmailsAmbiguous"), Some(&1));
}

#[tokio::test(start_paused = true)]
async fn a_takeover_whose_reply_was_lost_still_tells_the_doubt_once() {
    let world = posted(World::new()).await;
    let claim =
        r#"{"state":"sending","token":"dead","lease_until":"2026-11-23T06:50:00Z","attempt":1}"#;
    plant_claim(&world, claim);
    let mut lost = false;
    world.store().set_script(move |call| {
        let takes = call.is_on("mail/") && matches!(call, Call::Replace(..));
        (takes && !std::mem::replace(&mut lost, true)).then_some(Fault::ReplyLost)
    });
    let outcomes = world.observed(world.work_until_idle()).await;
    assert_eq!(outcomes, [Outcome::Done(Done::Mailed)]);
    assert_eq!(world.told().get("EmailsAmbiguous"), Some(&1));
}
