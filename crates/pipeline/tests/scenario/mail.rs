use super::prelude::*;

#[tokio::test(start_paused = true)]
async fn a_throttled_mail_service_costs_no_receive_and_every_mail_goes_out_once() {
    let world = World::new();
    post_leads(&world, 20).await;
    world.mailer().be_busy(47);
    let outcomes = world.observed(world.work_until_idle()).await;
    assert!(!has_failed(&outcomes));
    assert_eq!(world.mailer().sent().len(), 20);
    assert!(costs_no_receive(&world));
    assert_eq!(world.counted().get("MailDeferred"), Some(&47));
}

#[tokio::test(start_paused = true)]
async fn a_mail_service_that_stays_busy_ends_in_the_dlq_after_its_window() {
    let world = posted(World::new()).await;
    world.mailer().be_busy(1000);
    let start = Instant::now();
    let outcomes = world.work_until_idle().await;
    assert!(outcomes.ends_with(&[failed(Why::MailUnavailable); 3]));
    assert!(start.elapsed().as_secs() >= 600 + 3600);
    let hops = outcomes.len() - 3;
    assert!((12..=18).contains(&hops), "every five minutes: {hops}");
    assert_eq!(only(&world, "failed/")["reason"], "mail_unavailable");
}

#[tokio::test(start_paused = true)]
async fn a_refused_mail_fails_for_good_and_a_redrive_can_send_it() {
    let world = posted(World::new()).await;
    world.mailer().refuse(3);
    assert_eq!(world.work_until_idle().await, [failed(Why::MailRefused); 3]);
    world.redrive().await.unwrap();
    assert_eq!(world.work_until_idle().await, [MAILED]);
    assert_eq!(world.mailer().sent()[0].attempt, 4);
}

#[tokio::test(start_paused = true)]
async fn a_lost_reply_may_mail_twice_and_never_three_times() {
    let world = posted(World::new()).await;
    world.mailer().lose_replies(1);
    let outcomes = world.observed(world.work_until_idle()).await;
    assert!(is_doubt(outcomes[0]), "{outcomes:?}");
    assert_eq!(outcomes[1..], [MAILED]);
    assert!(costs_no_receive(&world));
    assert_eq!(attempts(&world), [1, 2]);
    let subjects = subjects(&world);
    assert_eq!(subjects[0], subjects[1]);
    assert_eq!(world.counted().get("EmailsAmbiguous"), Some(&1));
}

#[tokio::test(start_paused = true)]
async fn a_service_whose_reply_is_always_lost_gets_a_lead_twice_and_then_a_person_does() {
    let world = posted(World::new()).await;
    world.mailer().lose_replies(100);
    let outcomes = world.observed(world.work_until_idle()).await;
    assert!(is_doubt(outcomes[0]), "{outcomes:?}");
    assert_eq!(outcomes[1..], [ended(Done::Parked)]);
    assert_eq!(world.mailer().tries(), 2);
    assert!(costs_no_receive(&world));
    let told = world.counted();
    assert_eq!(
        (
            told["EmailsAmbiguous"],
            told["EmailsParked"],
            told["NotMailed"]
        ),
        (2, 1, 1)
    );
    assert_eq!(only(&world, "failed/")["reason"], "mail_ambiguous");
    let effect = effect_of(&world, 0);
    assert_eq!(
        (&effect["state"], &effect["doubts"]),
        (&"parked".into(), &2.into())
    );
}

#[tokio::test(start_paused = true)]
async fn park_mails_at_most_once_and_lists_the_doubtful_case() {
    for accepted in [true, false] {
        let world = posted(World::parking()).await;
        if accepted {
            world.mailer().lose_replies(1);
        } else {
            world.mailer().drop_silently(1);
        }
        let outcomes = world.observed(world.work_until_idle()).await;
        assert_eq!(outcomes, [ended(Done::Parked)]);
        assert_eq!(world.mailer().tries(), 1);
        assert_eq!(only(&world, "failed/")["reason"], "mail_ambiguous");
        assert_eq!(effect_of(&world, 0)["state"], "parked");
        let told = world.counted();
        for metric in ["EmailsParked", "NotMailed", "EmailsAmbiguous"] {
            assert_eq!(told[metric], 1, "{told:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_parked_mail_stays_parked_for_every_later_message() {
    let world = posted(World::parking()).await;
    world.mailer().lose_replies(1);
    world.work_until_idle().await;
    world.send_bare(&world.keys("raw/")[0]);
    let outcomes = world.work_until_idle().await;
    assert_eq!(outcomes, [ended(Done::Parked)]);
    assert_eq!(world.mailer().tries(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_dead_workers_claim_is_taken_over_when_its_lease_is_over_and_not_before() {
    let world = posted(World::new()).await;
    plant_claim(&world, &claim_until("2026-11-23T07:01:30Z"));
    let (reason, seconds) = (DeferReason::ClaimLive, 91);
    let waits = Outcome::Deferred { reason, seconds };
    assert_eq!(world.work_until_idle().await, [waits, MAILED]);
    assert_eq!(world.mailer().sent()[0].attempt, 2);
}

#[tokio::test(start_paused = true)]
async fn another_boots_claim_is_taken_over_at_once_on_one_machine() {
    let world = World::with(|world| world.enrich.boot = Some("boot-2".to_owned()));
    let world = posted(world).await;
    plant_claim(&world, &claim_of_boot_1());
    assert_eq!(world.work_until_idle().await, [MAILED]);
    assert_eq!(world.mailer().sent()[0].attempt, 2, "in doubt");
}

fn claim_of_boot_1() -> String {
    claim_until("2027-01-01T00:00:00Z").replace('}', r#","boot":"boot-1"}"#)
}

#[tokio::test(start_paused = true)]
async fn a_death_before_anything_could_be_taken_is_no_doubt_where_the_home_knows_that() {
    for boot in ["boot-2", "boot-1"] {
        let world = World::with(|world| world.enrich.boot = Some(boot.to_owned()));
        let world = posted(world).await;
        world.home.log_mails("boot-1");
        plant_claim(&world, &claim_of_boot_1());
        if boot == "boot-1" {
            // This run's own: nobody asks the log while a worker may live.
            sleep(Duration::from_hours(24 * 60)).await;
        }
        let outcomes = world.work_until_idle().await;
        assert_eq!(outcomes, [MAILED], "{boot}");
        let attempt = if boot == "boot-1" { 2 } else { 1 };
        assert_eq!(world.mailer().sent()[0].attempt, attempt, "{boot}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_marker_is_not_written_over_the_claim_of_whoever_took_over_meanwhile() {
    let world = posted(World::new()).await;
    world.spoil(Fault::Late, replaces("mail/"));
    sleep(Duration::from_mins(10)).await;
    let take_over = async {
        sleep(Duration::from_secs(1)).await;
        assert_eq!(world.mailer().tries(), 1, "the mail is out by now");
        let claim = r#"{"state":"sending","token":"other","lease_until":"2027-01-01T00:00:00Z","attempt":2}"#;
        plant_claim(&world, claim);
    };
    let (outcomes, ()) = tokio::join!(world.work(), take_over);
    assert_eq!(outcomes, [failed(Why::StoreUnavailable)]);
    assert_eq!(only(&world, "mail/")["token"], "other");
}

/// Which calls are meant.
type Which = fn(&Call) -> bool;

/// A mail whose doubt is parked while a call meets a fault: what the record ends with.
async fn parking(fault: Fault, fails: Which) -> (World, Outcome) {
    let world = posted(World::parking()).await;
    world.mailer().lose_replies(1);
    world.spoil_once(fault, fails);
    let outcome = world.observed(world.work_next()).await.remove(0);
    (world, outcome)
}

fn lists(call: &Call) -> bool {
    call.is_on("failed/") && matches!(call, Call::Put(..))
}

fn replaces_claim(call: &Call) -> bool {
    replaces("mail/")(call)
}

#[tokio::test(start_paused = true)]
async fn what_is_parked_is_acknowledged_only_once_its_reason_is_stored() {
    let (world, outcome) = parking(Fault::Fails, lists).await;
    assert_eq!(outcome, failed(Why::StoreUnavailable));
    assert_eq!(effect_of(&world, 0)["state"], "parked");
    let outcomes = world.work_until_idle().await;
    assert_eq!(outcomes, [ended(Done::Parked)]);
    assert_eq!(only(&world, "failed/")["reason"], "mail_ambiguous");
    assert_eq!(world.mailer().tries(), 1);
}

#[tokio::test(start_paused = true)]
async fn parking_is_written_until_it_is_down_and_told_once_whatever_becomes_of_its_reply() {
    for fault in [
        Fault::Fails,
        Fault::Conflict,
        Fault::ReplyLost,
        Fault::MeetsItself,
    ] {
        let (world, outcome) = parking(fault, replaces_claim).await;
        assert_eq!(outcome, ended(Done::Parked), "{fault:?}");
        assert_eq!(world.counted().get("EmailsParked"), Some(&1), "{fault:?}");
        assert_eq!(effect_of(&world, 0)["state"], "parked", "{fault:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_doubt_is_told_when_it_arises_and_not_first_when_a_lease_is_over() {
    let world = posted(World::new()).await;
    world.mailer().lose_replies(1);
    world.observed(world.work_next()).await;
    assert_eq!(world.counted().get("EmailsAmbiguous"), Some(&1));
}

#[tokio::test(start_paused = true)]
async fn a_worker_that_died_while_sending_is_counted_as_a_doubt_once() {
    let world = posted(World::new()).await;
    plant_claim(&world, DEAD_CLAIM);
    let outcomes = world.observed(world.work_until_idle()).await;
    assert_eq!(outcomes, [MAILED]);
    assert_eq!(world.counted().get("EmailsAmbiguous"), Some(&1));
}

#[tokio::test(start_paused = true)]
async fn a_takeover_whose_reply_was_lost_still_tells_the_doubt_once() {
    let world = posted(World::new()).await;
    plant_claim(&world, DEAD_CLAIM);
    world.spoil_once(Fault::ReplyLost, replaces("mail/"));
    let outcomes = world.observed(world.work_until_idle()).await;
    assert_eq!(outcomes, [MAILED]);
    assert_eq!(world.counted().get("EmailsAmbiguous"), Some(&1));
}
