//! What was not sent, for want of a turn or of time, was no attempt, and no service was busy.

use super::prelude::*;
use super::several::*;
use leadwire_domain::wait::NO_TIME_SECONDS;

const MOMENT: Outcome = Outcome::Deferred {
    reason: DeferReason::NoTimeLeft,
    seconds: NO_TIME_SECONDS,
};

/// State, attempts and doubts of a receiver's mail, as the only claim says them.
fn place(world: &World, number: usize) -> (String, u64, u64) {
    let said = said(world, number);
    let state = said["state"].as_str().unwrap_or("not named").to_owned();
    let count = |member: &str| said[member].as_u64().unwrap_or_default();
    (state, count("attempt"), count("doubts"))
}

/// In which wait the only message is.
fn waiting(world: &World) -> Value {
    let body = world.queue().bodies().remove(0);
    let body: Value = serde_json::from_str(&body).unwrap();
    body["waiting"].clone()
}

#[tokio::test(start_paused = true)]
async fn a_mail_that_was_not_begun_was_no_attempt_and_its_record_comes_back_after_a_moment() {
    let world = due(2).await;
    world.spoil_some(0..1, Fault::Unsent, mails_to(1));
    let outcomes = world.observed(world.work()).await;
    assert_eq!(outcomes, [MOMENT]);
    assert_eq!(place(&world, 0).0, "sent");
    assert_eq!(place(&world, 1), ("idle".to_owned(), 0, 0));
    let outcomes = world.observed(world.work_until_idle()).await;
    assert_eq!(outcomes, [MAILED]);
    assert_eq!(copies(&world, 1), [1], "the first attempt");
    assert!(costs_no_receive(&world) && has_no_failure(&world));
    let counted = world.counted();
    assert_eq!(counted.get("MailDeferred"), None);
    assert_eq!(counted.get("EmailsAmbiguous"), None);
    assert_eq!(counted.get("EnrichmentDelay"), Some(&1), "it began once");
}

#[tokio::test(start_paused = true)]
async fn what_gets_no_turn_for_hours_does_not_fail_for_a_busy_service() {
    let world = due(1).await;
    world.spoil_some(0..30, Fault::Unsent, mails_to(0));
    let outcomes = world.work_until_idle().await;
    let (waited, ended) = outcomes.split_at(30);
    assert_eq!(ended, [MAILED]);
    assert_eq!(waited[0], MOMENT);
    let is_wait = |outcome: &Outcome| waits(*outcome, DeferReason::NoTimeLeft);
    assert!(waited.iter().all(is_wait), "{outcomes:?}");
    let received = receives(&world);
    assert!(received[30] > 600 + 2 * 3600, "{received:?}");
    assert!(costs_no_receive(&world));
    assert_eq!(copies(&world, 0), [1]);
}

#[tokio::test(start_paused = true)]
async fn a_service_that_is_busy_afterwards_is_waited_for_as_long_as_any() {
    let world = due(1).await;
    world.spoil_some(0..6, Fault::Unsent, mails_to(0));
    for _ in 0..6 {
        world.work_next().await;
    }
    let waiting = waiting(&world);
    assert_eq!(waiting["mail_since"], Value::Null, "{waiting}");
    assert_eq!(waiting["reason"], "no_time_left");
    world.spoil(Fault::Busy, mails_to(0));
    let outcomes = world.work_until_idle().await;
    assert!(outcomes.ends_with(&[failed(Why::MailUnavailable); 3]));
    let received = receives(&world);
    let window = received[received.len() - 3] - received[6];
    assert_eq!(window, 3600, "{received:?}");
    assert_eq!(place(&world, 0).0, "idle");
}

#[tokio::test(start_paused = true)]
async fn what_is_not_sent_after_the_window_of_a_busy_service_fails_no_record() {
    let world = due(1).await;
    world.spoil_some(0..16, Fault::Busy, mails_to(0));
    let mut outcomes = Vec::new();
    while receives(&world)
        .last()
        .is_none_or(|last| *last < 600 + 3300)
    {
        outcomes.extend(world.work_next().await);
    }
    let is_wait = |outcome: &Outcome| waits(*outcome, DeferReason::MailUnavailable);
    assert!(outcomes.iter().all(is_wait), "{outcomes:?}");
    // The last attempt that the window allows, and one after it, are not made.
    world.spoil_some(0..2, Fault::Unsent, mails_to(0));
    assert_eq!(world.work_next().await, [MOMENT]);
    assert!(waits(world.work_next().await[0], DeferReason::NoTimeLeft));
    assert_eq!(world.work_until_idle().await, [MAILED]);
    assert!(costs_no_receive(&world) && has_no_failure(&world));
}

#[tokio::test(start_paused = true)]
async fn a_doubt_that_gets_no_turn_stays_the_doubt_that_it_was() {
    let world = due(1).await;
    world.spoil_once(Fault::ReplyLost, mails_to(0));
    assert!(is_doubt(world.work().await[0]));
    let doubt = place(&world, 0);
    assert_eq!(doubt, ("doubt".to_owned(), 1, 1));
    world.spoil_some(0..3, Fault::Unsent, mails_to(0));
    assert_eq!(world.work_next().await, [MOMENT]);
    assert_eq!(place(&world, 0), doubt);
    for _ in 0..2 {
        let outcome = world.work_next().await.remove(0);
        assert!(waits(outcome, DeferReason::NoTimeLeft), "{outcome:?}");
        assert_eq!(place(&world, 0), doubt);
    }
    assert_eq!(world.work_until_idle().await, [MAILED]);
    assert_eq!(copies(&world, 0), [1, 2]);
    assert!(costs_no_receive(&world));
}

#[tokio::test(start_paused = true)]
async fn what_others_of_the_record_meet_decides_where_one_was_asked_and_is_open() {
    for (fault, reason, state) in [
        (Fault::Busy, DeferReason::MailUnavailable, "idle"),
        (Fault::ReplyLost, DeferReason::InDoubt, "doubt"),
        (Fault::Refused, DeferReason::NoTimeLeft, "refused"),
    ] {
        let world = due(2).await;
        let (first, second) = (mails_to(0), mails_to(1));
        world.home.set_script(move |call| {
            let unsent = second(call).then_some(Fault::Unsent);
            first(call).then_some(fault).or(unsent)
        });
        let outcome = world.work().await.remove(0);
        assert!(waits(outcome, reason), "{fault:?} {outcome:?}");
        assert_eq!(states(&world, 2), [state, "idle"]);
        assert_eq!(place(&world, 1), ("idle".to_owned(), 0, 0));
    }
}

#[tokio::test(start_paused = true)]
async fn what_was_refused_and_gets_no_turn_after_a_redrive_is_sent_by_the_next_attempt() {
    let world = due(1).await;
    world.mailer().refuse(3);
    assert_eq!(world.work_until_idle().await, [failed(Why::MailRefused); 3]);
    world.redrive().await.unwrap();
    world.spoil_some(0..1, Fault::Unsent, mails_to(0));
    assert_eq!(world.work_until_idle().await, [MOMENT, MAILED]);
    assert_eq!(copies(&world, 0), [4]);
}

/// Two leads of ten receivers each: as many mails as may be under way at once are of the first one, and hang.
#[tokio::test(start_paused = true)]
async fn a_lead_that_gets_no_turn_beside_another_of_its_batch_comes_back_as_if_it_had_not_been_begun()
 {
    let world = world_of(10, AmbiguousPolicy::Resend);
    post_leads(&world, 2).await;
    sleep(Duration::from_mins(10)).await;
    let mut first = None;
    world.home.set_script(move |call| {
        let Call::Mail(event, _) = call else {
            return None;
        };
        let first = first.get_or_insert_with(|| event.clone());
        (first == event).then_some(Fault::Hangs)
    });
    let outcomes = world.work().await;
    let of = |reason| count_waits(&outcomes, reason);
    assert_eq!(of(DeferReason::InDoubt), 1, "{outcomes:?}");
    assert_eq!(count(&outcomes, MOMENT), 1, "{outcomes:?}");
    let tried = world.mailer().tries();
    assert_eq!(tried, 10, "nothing was asked for the other");
    let claims = world.keys("mail/").into_iter().map(|key| {
        let claim = world.peek(&key).unwrap();
        serde_json::from_slice::<Value>(&claim.bytes).unwrap()
    });
    let attempts = claims.map(|claim| {
        let effects = claim["effects"].as_object().unwrap();
        let attempts = effects
            .values()
            .filter_map(|effect| effect["attempt"].as_u64());
        attempts.sum::<u64>()
    });
    let mut attempts: Vec<u64> = attempts.collect();
    attempts.sort_unstable();
    assert_eq!(attempts, [0, 10]);
    world.home.clear_script();
    let outcomes = world.work_until_idle().await;
    assert_eq!(outcomes, [MAILED; 2]);
    assert!(costs_no_receive(&world));
}

fn count_waits(outcomes: &[Outcome], reason: DeferReason) -> usize {
    let waiting = outcomes.iter().filter(|outcome| waits(**outcome, reason));
    waiting.count()
}

/// The service said before that too many came: it was asked, and what it said counts.
#[tokio::test(start_paused = true)]
async fn a_mail_that_was_throttled_and_gets_no_further_turn_is_busy() {
    let world = due(11).await;
    let throttled = mails_to(0);
    world.home.set_script(move |call| match call {
        call if throttled(call) => Some(Fault::Throttled),
        Call::Mail(..) => Some(Fault::Hangs),
        _ => None,
    });
    world.work().await;
    assert_eq!(tries(&world, 0), 1, "the other turns are taken");
    assert_eq!(place(&world, 0), ("idle".to_owned(), 1, 0));
    assert_eq!(place(&world, 1).0, "doubt");
}
