//! Doubts: an effect is sent once more, and then it is a person's business. A doubt costs no receive.

use super::prelude::*;
use super::several::*;

/// The ways in which it stays unknown whether a mail was taken.
const DOUBTS: [Fault; 3] = [Fault::ReplyLost, Fault::Fails, Fault::Hangs];

/// Three receivers; whether the mail of the first is taken is not known so many times.
async fn doubted(ambiguous: AmbiguousPolicy, times: usize, fault: Fault) -> World {
    let world = due_in(world_of(3, ambiguous)).await;
    world.spoil_some(0..times, fault, mails_to(0));
    world
}

#[tokio::test(start_paused = true)]
async fn what_is_in_doubt_is_sent_once_more_at_no_cost_in_receives_and_the_others_are_not() {
    for fault in DOUBTS {
        let world = doubted(AmbiguousPolicy::Resend, 1, fault).await;
        let first = world.work().await.remove(0);
        assert!(waits(first, DeferReason::InDoubt), "{fault:?}");
        assert_eq!(states(&world, 3), ["doubt", "sent", "sent"], "{fault:?}");
        let doubted = said(&world, 0);
        let numbers = (&doubted["attempt"], &doubted["doubts"]);
        assert_eq!(numbers, (&1.into(), &1.into()), "{fault:?}");
        assert_eq!(world.work_next().await, [MAILED], "{fault:?}");
        assert!(costs_no_receive(&world));
        assert_eq!(*copies(&world, 0).last().unwrap(), 2, "{fault:?}");
        assert_eq!(
            copies(&world, 0).len(),
            1 + usize::from(fault == Fault::ReplyLost)
        );
        assert_eq!(tries(&world, 1) + tries(&world, 2), 2, "{fault:?}");
        assert_eq!(told(&world), "sss");
    }
}

#[tokio::test(start_paused = true)]
async fn the_second_doubt_is_parked_and_under_park_the_first() {
    for fault in DOUBTS {
        for (policy, doubts) in [(AmbiguousPolicy::Resend, 2), (AmbiguousPolicy::Park, 1)] {
            let world = doubted(policy, 9, fault).await;
            let outcomes = world.observed(world.work_until_idle()).await;
            let (last, before) = outcomes.split_last().unwrap();
            assert_eq!(*last, ended(Done::Parked), "{fault:?}");
            assert_eq!(before.len(), doubts - 1, "{outcomes:?}");
            assert!(costs_no_receive(&world));
            assert_eq!(tries(&world, 0), doubts, "{fault:?}");
            assert_eq!(states(&world, 3), ["parked", "sent", "sent"]);
            assert_eq!(said(&world, 0)["doubts"], doubts);
            assert_eq!(failure(&world), ("mail_ambiguous".to_owned(), vec![0]));
            let counted = world.counted();
            let count = |name: &str| counted.get(name).copied().unwrap_or(0);
            assert_eq!(count("EmailsParked"), 1, "{counted:?}");
            assert_eq!(count("EmailsAmbiguous"), u64::try_from(doubts).unwrap());
            assert_eq!(world.queue().dead_letters().len(), 0);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_parked_is_acknowledged_at_each_receive_with_its_reason_put_first() {
    let world = doubted(AmbiguousPolicy::Park, 1, Fault::ReplyLost).await;
    world.work_until_idle().await;
    let (raw, failed_key) = (
        world.keys("raw/").remove(0),
        world.keys("failed/").remove(0),
    );
    let before = world.peek(&world.keys("mail/")[0]).unwrap();
    for _ in 0..2 {
        world.remove(&failed_key);
        world.send_bare(&raw);
        let outcomes = world.work_until_idle().await;
        assert_eq!(outcomes, [ended(Done::Parked)]);
        assert_eq!(failure(&world), ("mail_ambiguous".to_owned(), vec![0]));
    }
    assert_eq!(world.mailer().tries(), 3);
    let after = world.peek(&world.keys("mail/")[0]).unwrap();
    assert_eq!(before.etag, after.etag, "nothing has changed");
}

#[tokio::test(start_paused = true)]
async fn what_is_parked_is_not_acknowledged_where_its_reason_cannot_be_put() {
    let world = doubted(AmbiguousPolicy::Park, 1, Fault::ReplyLost).await;
    let (loses, mut puts) = (mails_to(0), 0);
    world.home.set_script(move |call| match call {
        call if loses(call) => Some(Fault::ReplyLost),
        Call::Put(..) => {
            puts += 1;
            (puts <= 2).then_some(Fault::Fails)
        }
        _ => None,
    });
    let failed = failed(Why::StoreUnavailable);
    let outcomes = world.work_until_idle().await;
    assert_eq!(outcomes, [failed, failed, ended(Done::Parked)]);
    assert_eq!(failure(&world), ("mail_ambiguous".to_owned(), vec![0]));
    assert_eq!(world.mailer().tries(), 3);
}

#[tokio::test(start_paused = true)]
async fn beside_a_parked_receiver_a_refused_one_fails_and_a_redrive_sends_only_that_one() {
    let world = due_in(world_of(3, AmbiguousPolicy::Park)).await;
    let (lost, refused) = (mails_to(0), mails_to(2));
    world.home.set_script(move |call| match call {
        call if lost(call) => Some(Fault::Fails),
        call if refused(call) => Some(Fault::Refused),
        _ => None,
    });
    let outcomes = world.work_until_idle().await;
    assert_eq!(outcomes, [failed(Why::MailRefused); 3]);
    assert_eq!(states(&world, 3), ["parked", "sent", "refused"]);
    assert_eq!(failure(&world), ("mail_refused".to_owned(), vec![0, 2]));
    world.home.clear_script();
    assert_eq!(redriven(&world).await, [ended(Done::Parked)]);
    let tried = [0, 1, 2].map(|number| tries(&world, number));
    assert_eq!(tried, [1, 1, 4]);
    assert_eq!(states(&world, 3), ["parked", "sent", "sent"]);
    assert_eq!(failure(&world), ("mail_ambiguous".to_owned(), vec![0]));
}

#[tokio::test(start_paused = true)]
async fn a_refusal_keeps_the_doubts_that_were_before_it() {
    let world = due(2).await;
    let (first, mut tried) = (mails_to(0), 0);
    world.home.set_script(move |call| {
        tried += usize::from(first(call));
        let faults = [Fault::ReplyLost, Fault::Refused, Fault::Fails];
        first(call)
            .then(|| faults.get(tried - 1).copied())
            .flatten()
    });
    let outcomes = world.work_until_idle().await;
    assert!(waits(outcomes[0], DeferReason::InDoubt));
    let expected = [failed(Why::MailRefused), ended(Done::Parked)];
    assert_eq!(outcomes[1..], expected);
    assert_eq!(said(&world, 0)["doubts"], 2);
    assert_eq!(copies(&world, 0), [1]);
}

#[tokio::test(start_paused = true)]
async fn a_busy_answer_keeps_the_doubts_that_were_before_it() {
    let world = due(2).await;
    let (first, mut tried) = (mails_to(0), 0);
    world.home.set_script(move |call| {
        tried += usize::from(first(call));
        let faults = [Fault::ReplyLost, Fault::Busy, Fault::ReplyLost];
        first(call)
            .then(|| faults.get(tried - 1).copied())
            .flatten()
    });
    let outcomes = world.work_until_idle().await;
    assert_eq!(outcomes.last(), Some(&ended(Done::Parked)), "{outcomes:?}");
    assert_eq!(copies(&world, 0), [1, 3], "two copies, and no third");
}

#[tokio::test(start_paused = true)]
async fn one_doubt_and_one_busy_receiver_are_sent_together_by_the_next_receive() {
    let world = due(3).await;
    let (lost, busy) = (mails_to(0), mails_to(1));
    let mut calls = [0, 0];
    world.home.set_script(move |call| {
        calls[0] += usize::from(lost(call));
        calls[1] += usize::from(busy(call));
        match call {
            call if lost(call) && calls[0] == 1 => Some(Fault::ReplyLost),
            call if busy(call) && calls[1] == 1 => Some(Fault::Busy),
            _ => None,
        }
    });
    let outcomes = world.work_until_idle().await;
    assert!(waits(outcomes[0], DeferReason::InDoubt), "{outcomes:?}");
    assert_eq!(outcomes[1..], [MAILED]);
    let tried = [0, 1, 2].map(|number| tries(&world, number));
    assert_eq!(tried, [2, 2, 1]);
}
