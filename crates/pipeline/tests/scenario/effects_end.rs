//! Ends: dropped receivers, nobody to tell, and the end of the wait for a service.

use super::prelude::*;
use super::several::*;
use leadwire_domain::limits::MAIL_HOPS_MAX;
use leadwire_pipeline::operate::audit::Account;

/// Two receivers, of whom some are busy at the first attempt.
async fn busy_at_first(count: usize) -> World {
    let world = due(2).await;
    world.mailer().be_busy(count);
    let outcome = world.work().await.remove(0);
    assert!(waits(outcome, DeferReason::MailUnavailable));
    world
}

#[tokio::test(start_paused = true)]
async fn a_receiver_that_is_no_longer_configured_is_dropped_and_keeps_nothing_open() {
    let mut world = busy_at_first(1).await;
    configure(&mut world, vec![address(1)]);
    let outcomes = world.observed(world.work_until_idle()).await;
    assert_eq!(outcomes, [MAILED]);
    assert_eq!(told(&world), "ds");
    let tried = [0, 1].map(|number| tries(&world, number));
    assert_eq!(tried, [1, 1]);
    let counted = world.counted();
    assert_eq!(counted.get("EffectsDropped"), Some(&1), "{counted:?}");
    assert_eq!(counted.get("EffectsSent"), None, "{counted:?}");
    assert!(has_no_failure(&world));
}

#[tokio::test(start_paused = true)]
async fn a_receiver_that_was_added_later_is_not_told_of_earlier_events() {
    let mut world = busy_at_first(1).await;
    configure(&mut world, team(3));
    assert_eq!(world.work_until_idle().await, [MAILED]);
    assert_eq!(tries(&world, 2), 0);
    assert_eq!(told(&world), "ss");
}

#[tokio::test(start_paused = true)]
async fn an_event_whose_receivers_were_all_dropped_fails_and_is_never_settled() {
    let mut world = busy_at_first(2).await;
    configure(&mut world, vec![address(2)]);
    let no_receiver = failed(Why::NoReceiver);
    assert_eq!(world.work_until_idle().await, [no_receiver; 3]);
    assert_eq!(failure(&world), ("no_receiver".to_owned(), vec![]));
    assert_eq!(states(&world, 2), ["dropped", "dropped"]);
    assert_eq!(world.queue().dead_letters().len(), 1);
    assert_eq!(redriven(&world).await, [no_receiver; 3]);
    assert_eq!(states(&world, 2), ["dropped", "dropped"]);
    assert_eq!(world.mailer().tries(), 2);
    let (report, _) = audited(&world).await;
    let account = Account {
        received: 1,
        dead_lettered: 1,
        ..Account::default()
    };
    assert_eq!(report.account, account);
}

#[tokio::test(start_paused = true)]
async fn an_event_whose_document_names_nobody_fails_at_each_receive_and_is_never_settled() {
    let world = due(0).await;
    let outcomes = world.work_until_idle().await;
    assert_eq!(outcomes, [failed(Why::NoReceiver); 3]);
    assert_eq!(failure(&world), ("no_receiver".to_owned(), vec![]));
    let receives: Vec<u32> = world.queue().deliveries().iter().map(|(_, n)| *n).collect();
    assert_eq!(receives, [1, 2, 3], "nobody's claim is waited for");
    assert_eq!(claim(&world)["effects"], serde_json::json!({}));
    assert_eq!(world.mailer().tries(), 0);
}

#[tokio::test(start_paused = true)]
async fn on_the_last_receive_a_failure_names_what_is_open_too_and_before_it_nothing_is_said() {
    let world = due(3).await;
    world.spoil(Fault::Busy, mails_to(1));
    world.queue().fail_sends(3);
    let failed = failed(Why::QueueUnavailable);
    for _ in 0..2 {
        assert_eq!(world.work_next().await, [failed]);
        assert!(has_no_failure(&world));
    }
    assert_eq!(world.work_next().await, [failed]);
    assert_eq!(failure(&world), ("queue_unavailable".to_owned(), vec![1]));
    world.home.clear_script();
    assert_eq!(world.work_until_idle().await, []);
    assert_eq!(redriven(&world).await, [MAILED]);
    let tried = [0, 1, 2].map(|number| tries(&world, number));
    assert_eq!(tried, [1, 4, 1]);
}

#[tokio::test(start_paused = true)]
async fn a_receiver_that_stays_busy_fails_when_its_window_ends_and_the_others_were_told_once() {
    let world = due(3).await;
    world.spoil(Fault::Busy, mails_to(2));
    let outcomes = world.work_until_idle().await;
    let (waited, ended) = outcomes.split_at(outcomes.len() - 3);
    assert_eq!(ended, [failed(Why::MailUnavailable); 3]);
    let is_wait = |outcome: &Outcome| waits(*outcome, DeferReason::MailUnavailable);
    assert!(waited.iter().all(is_wait), "{outcomes:?}");
    assert_eq!(receives(&world)[waited.len()], 600 + 3600);
    assert_eq!(failure(&world), ("mail_unavailable".to_owned(), vec![2]));
    assert_eq!(states(&world, 3), ["sent", "sent", "idle"]);
    world.home.clear_script();
    assert_eq!(redriven(&world).await, [MAILED]);
    let tried = [0, 1].map(|number| tries(&world, number));
    assert_eq!(tried, [1, 1]);
    assert_eq!(told(&world), "sss");
}

#[tokio::test(start_paused = true)]
async fn a_service_is_waited_for_a_whole_day_where_that_is_configured() {
    let world = World::with(|world| {
        world.enrich.to = team(2);
        world.enrich.mail_wait_seconds = 86_400;
    });
    let world = due_in(world).await;
    world.spoil(Fault::Busy, mails_to(0));
    let outcomes = world.work_until_idle().await;
    let waited = outcomes.len() - 3;
    assert_eq!(outcomes[waited..], [failed(Why::MailUnavailable); 3]);
    assert!(
        (97..=usize::from(MAIL_HOPS_MAX)).contains(&waited),
        "{waited}"
    );
    let times = receives(&world);
    assert_eq!(times[waited], 600 + 86_400);
    let gaps = times[..=waited].windows(2).map(|pair| pair[1] - pair[0]);
    assert!(gaps.max() <= Some(900));
    assert_eq!(copies(&world, 1), [1]);
}

#[tokio::test(start_paused = true)]
async fn a_doubt_is_sent_once_more_also_when_the_window_of_a_busy_service_is_over() {
    let world = due(2).await;
    let begun = Instant::now();
    let first = mails_to(0);
    let mut doubted = 0;
    world.home.set_script(move |call| {
        let is_over = begun.elapsed().as_secs() >= 3600;
        match call {
            call if first(call) && is_over => {
                doubted += 1;
                (doubted == 1).then_some(Fault::ReplyLost)
            }
            call if first(call) => Some(Fault::Busy),
            _ => None,
        }
    });
    let outcomes = world.work_until_idle().await;
    let [.., doubt, end] = outcomes.as_slice() else {
        panic!("{outcomes:?}")
    };
    assert!(waits(*doubt, DeferReason::InDoubt), "{outcomes:?}");
    assert_eq!(*end, MAILED);
    assert!(costs_no_receive(&world));
    assert_eq!(copies(&world, 0).len(), 2);
}
