//! One claim, many effects: one receiver fares badly, and the others are told all the same.

use super::prelude::*;
use super::several::*;

/// One receiver's mail is answered so, each time, and the others' are taken.
fn spoil_mail(world: &World, number: usize, fault: Fault) {
    world.spoil(fault, mails_to(number));
}

#[tokio::test(start_paused = true)]
async fn each_receiver_is_told_once_and_the_claim_is_written_twice_however_many_there_are() {
    for count in [1, 2, 3, 11, 50] {
        let world = due(count).await;
        assert_eq!(world.work().await, [MAILED], "{count}");
        for number in 0..count {
            assert_eq!(copies(&world, number), [1], "{number} of {count}");
        }
        assert_eq!(world.mailer().tries(), count);
        assert_eq!(told(&world), "s".repeat(count));
        assert_eq!(claim_writes(&world), ["create", "replace"], "{count}");
        assert!(has_no_failure(&world));
        let marker = world.peek(&world.keys("mail/")[0]).unwrap();
        let has_id = marker.metadata.contains_key("message-id");
        assert_eq!(has_id, count == 1, "an id is the only effect's");
    }
}

#[tokio::test(start_paused = true)]
async fn a_mail_goes_to_its_receiver_alone() {
    let world = due(3).await;
    world.work().await;
    for mail in world.mailer().sent() {
        let to = team(3).into_iter().find(|to| to.is_same(&mail.to));
        let number = team(3).iter().position(|one| Some(one) == to.as_ref());
        assert_eq!(mail.effect, effect(number.unwrap()));
    }
}

#[tokio::test(start_paused = true)]
async fn the_others_are_told_at_once_and_recorded_within_two_seconds_whatever_one_receiver_does() {
    for (fault, state, writes) in [
        (Fault::Busy, "idle", 2),
        (Fault::Refused, "refused", 2),
        (Fault::ReplyLost, "doubt", 2),
        (Fault::Fails, "doubt", 2),
        (Fault::Throttled, "sending", 3),
        (Fault::Hangs, "sending", 3),
    ] {
        for slow in 0..3 {
            let world = due(3).await;
            spoil_mail(&world, slow, fault);
            let soon = async {
                sleep(Duration::from_millis(1)).await;
                for number in (0..3).filter(|number| *number != slow) {
                    assert_eq!(copies(&world, number), [1], "{fault:?}");
                }
                sleep(Duration::from_secs(2)).await;
                let mut expected = ["sent"; 3];
                expected[slow] = state;
                assert_eq!(states(&world, 3), expected, "{fault:?}");
            };
            tokio::join!(world.work(), soon);
            assert_eq!(claim_writes(&world).len(), writes, "{fault:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn answers_are_recorded_a_second_after_the_first_that_is_not() {
    let world = due(4).await;
    let (late, hangs) = (mails_to(1), mails_to(2));
    world.home.set_script(move |call| match call {
        call if late(call) => Some(Fault::Late),
        call if hangs(call) => Some(Fault::Hangs),
        _ => None,
    });
    let looks = async {
        let mut seen = Vec::new();
        for millis in [900, 200, 2800, 200] {
            sleep(Duration::from_millis(millis)).await;
            let claim = claim(&world);
            let named = claim["effects"].as_object().map(|_| states(&world, 4));
            seen.push(named);
        }
        seen
    };
    let (outcomes, seen) = tokio::join!(world.work(), looks);
    let first = ["sent", "sending", "sending", "sent"].map(str::to_owned);
    let second = ["sent", "sent", "sending", "sent"].map(str::to_owned);
    let (first, second) = (Some(first.to_vec()), Some(second.to_vec()));
    assert_eq!(seen, [None, first.clone(), first, second]);
    assert_eq!(states(&world, 4), ["sent", "sent", "doubt", "sent"]);
    assert!(waits(outcomes[0], DeferReason::InDoubt), "{outcomes:?}");
    assert_eq!(claim_writes(&world).len(), 4);
}

#[tokio::test(start_paused = true)]
async fn answers_that_could_not_be_recorded_are_recorded_a_second_later_while_another_is_slow() {
    for fault in [Fault::Fails, Fault::ReplyLost, Fault::Conflict] {
        let world = due(3).await;
        let hangs = mails_to(1);
        let mut writes = 0;
        world.home.set_script(move |call| match call {
            call if hangs(call) => Some(Fault::Hangs),
            call if replaces("mail/")(call) => {
                writes += 1;
                (writes == 1).then_some(fault)
            }
            _ => None,
        });
        let look = async {
            sleep(Duration::from_millis(2100)).await;
            states(&world, 3)
        };
        let (_, seen) = tokio::join!(world.work(), look);
        assert_eq!(seen, ["sent", "sending", "sent"], "{fault:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_doubt_that_is_known_is_parked_where_one_copy_is_the_most_by_now() {
    let mut world = due(2).await;
    world.spoil_once(Fault::ReplyLost, mails_to(0));
    world.work().await;
    assert_eq!(states(&world, 2), ["doubt", "sent"]);
    configure_as(&mut world, team(2), AmbiguousPolicy::Park);
    let outcomes = world.observed(world.work_until_idle()).await;
    assert_eq!(outcomes, [ended(Done::Parked)]);
    assert_eq!(states(&world, 2), ["parked", "sent"]);
    assert_eq!(copies(&world, 0), [1]);
    assert_eq!(world.counted().get("EmailsParked"), Some(&1));
}

#[tokio::test(start_paused = true)]
async fn a_busy_receiver_is_waited_for_and_the_others_are_not_told_again() {
    let world = due(3).await;
    world.spoil_some(0..2, Fault::Busy, mails_to(1));
    let outcomes = world.work_until_idle().await;
    assert_eq!(outcomes.len(), 3, "{outcomes:?}");
    for outcome in &outcomes[..2] {
        assert!(
            waits(*outcome, DeferReason::MailUnavailable),
            "{outcomes:?}"
        );
    }
    assert_eq!(outcomes[2], MAILED);
    assert!(costs_no_receive(&world));
    let tried = [0, 1, 2].map(|number| tries(&world, number));
    assert_eq!(tried, [1, 3, 1]);
    assert_eq!(copies(&world, 1), [3]);
    assert_eq!(told(&world), "sss");
}

#[tokio::test(start_paused = true)]
async fn a_receiver_whose_service_throttles_is_asked_again_in_the_same_attempt() {
    let world = due(2).await;
    world.spoil_some(0..5, Fault::Throttled, mails_to(0));
    let begun = Instant::now();
    assert_eq!(world.work().await, [MAILED]);
    let took = begun.elapsed();
    let expected = Duration::from_secs(1)..=Duration::from_secs(5);
    assert!(expected.contains(&took), "{took:?}");
    assert_eq!(tries(&world, 0), 6);
    assert_eq!(copies(&world, 0), [1], "it is one attempt");
}

#[tokio::test(start_paused = true)]
async fn one_that_throttles_for_longer_is_busy_when_half_of_the_records_time_is_over() {
    let world = due(2).await;
    spoil_mail(&world, 0, Fault::Throttled);
    let begun = Instant::now();
    let outcome = world.work().await.remove(0);
    assert!(waits(outcome, DeferReason::MailUnavailable));
    assert_eq!(begun.elapsed().as_secs(), 10);
    assert_eq!(states(&world, 2), ["idle", "sent"]);
}

#[tokio::test(start_paused = true)]
async fn only_a_definite_no_is_asked_again_within_an_attempt() {
    for fault in [Fault::Busy, Fault::Refused, Fault::ReplyLost, Fault::Fails] {
        let world = due(2).await;
        spoil_mail(&world, 0, fault);
        world.work().await;
        assert_eq!(tries(&world, 0), 1, "{fault:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_refused_receiver_is_tried_by_each_receive_and_by_a_redrive_and_the_others_are_not() {
    let world = due(3).await;
    spoil_mail(&world, 2, Fault::Refused);
    let outcomes = world.work_until_idle().await;
    assert_eq!(outcomes, [failed(Why::MailRefused); 3]);
    assert_eq!(failure(&world), ("mail_refused".to_owned(), vec![2]));
    assert_eq!(states(&world, 3), ["sent", "sent", "refused"]);
    assert_eq!(redriven(&world).await, [failed(Why::MailRefused); 3]);
    world.home.clear_script();
    assert_eq!(redriven(&world).await, [MAILED]);
    let copies = [0, 1, 2].map(|number| copies(&world, number));
    assert_eq!(copies, [vec![1], vec![1], vec![7]]);
    assert_eq!(told(&world), "sss");
}

#[tokio::test(start_paused = true)]
async fn a_refused_receiver_is_not_tried_again_while_another_is_open_and_nothing_says_failed() {
    for fault in [Fault::Busy, Fault::ReplyLost] {
        let world = due(2).await;
        let (refused, mut open) = (mails_to(0), 0);
        world.home.set_script(move |call| match call {
            call if refused(call) => Some(Fault::Refused),
            Call::Mail(..) => {
                open += 1;
                (open == 1).then_some(fault)
            }
            _ => None,
        });
        let first = world.work().await.remove(0);
        assert!(matches!(first, Outcome::Deferred { .. }), "{first:?}");
        assert!(has_no_failure(&world), "{fault:?}");
        let second = world.work_next().await;
        assert_eq!(second, [failed(Why::MailRefused)], "{fault:?}");
        let tried = [0, 1].map(|number| tries(&world, number));
        assert_eq!(tried, [1, 2], "{fault:?}");
        assert_eq!(failure(&world), ("mail_refused".to_owned(), vec![0]));
        world.work_next().await;
        let tried = [0, 1].map(|number| tries(&world, number));
        assert_eq!(tried, [2, 2], "nothing is open any more");
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_known_of_an_effect_that_was_not_taken_is_said_without_anybodys_address() {
    let world = due(2).await;
    spoil_mail(&world, 0, Fault::Refused);
    world.work().await;
    let refused = said(&world, 0);
    assert_eq!(refused["detail"], "a fault that was asked for");
    assert_eq!(refused["at"], "2026-11-23T07:00:00Z");
    assert_eq!(
        (&refused["attempt"], &refused["doubts"]),
        (&1.into(), &0.into())
    );
    let sent = said(&world, 1);
    assert_eq!(sent["message_id"], "mail-1");
    let text = claim(&world).to_string() + &only(&world, "failed/").to_string();
    assert!(!text.contains('@'), "{text}");
}
