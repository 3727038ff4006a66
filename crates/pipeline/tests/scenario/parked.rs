use super::prelude::*;
use super::receivers::{both, history, with_both, worked};
use leadwire_domain::effect::EffectState;
use leadwire_pipeline::ledger::history::LeadState;

/// A world with one parked mail, and its event.
async fn parked() -> (World, EventName) {
    let world = World::parking();
    world.put_owner("test-1", OMAR);
    let name = name_of(&world.post(ALICE).await);
    world.mailer().lose_replies(1);
    let outcomes = world.work_until_idle().await;
    assert_eq!(outcomes.last(), Some(&ended(Done::Parked)));
    world.counted();
    (world, name)
}

async fn states(world: &World, name: &EventName) -> Vec<EffectState> {
    let effects = history(world, name).await.effects();
    effects.each().map(|(_, effect)| effect.state).collect()
}

async fn say(world: &World, name: &EventName, resolution: Resolution) -> Resolved {
    let said = resolve(&*world.home, name, resolution).await;
    said.unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_parked_mail_is_listed_until_it_is_resolved() {
    let (world, name) = parked().await;
    post_leads(&world, 1).await;
    world.work_until_idle().await;
    let listed = list_parked(&*world.home).await.unwrap();
    assert_eq!(listed.len(), 1);
    assert_eq!((&listed[0].name, listed[0].attempt), (&name, 1));
    say(&world, &name, Resolution::Sent).await;
    assert_eq!(list_parked(&*world.home).await.unwrap(), []);
}

#[tokio::test(start_paused = true)]
async fn what_a_person_found_sent_is_settled_and_never_mailed_again() {
    let (world, name) = parked().await;
    let said = say(&world, &name, Resolution::Sent).await;
    assert_eq!(said, Resolved::MarkedSent);
    assert_eq!(world.state(&name.mail_key()), "sent");
    world.send_bare(&name.raw_key());
    assert_eq!(world.work_until_idle().await, [ended(Done::MailedBefore)]);
    assert_eq!(world.mailer().tries(), 1);
    for resolution in [Resolution::Sent, Resolution::Resend] {
        let again = say(&world, &name, resolution).await;
        assert_eq!(again, Resolved::SettledBefore(Settled::Sent));
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_to_be_sent_again_is_mailed_by_the_pipeline_at_once() {
    let (world, name) = parked().await;
    let said = say(&world, &name, Resolution::Resend).await;
    assert_eq!(said, Resolved::Queued);
    assert_eq!(states(&world, &name).await, [EffectState::Idle]);
    assert_eq!(world.mailer().tries(), 1, "not by the operator");
    let outcomes = world.observed(world.work()).await;
    assert_eq!(outcomes, [MAILED]);
    assert_eq!(world.mailer().sent()[1].attempt, 2);
    // Parking counted it for the objective.
    check_told(
        &world,
        "EffectsSent mail 1, EmailsSent 1, EndToEndLatency generic 1",
    );
}

#[tokio::test(start_paused = true)]
async fn a_death_between_giving_the_claim_back_and_the_message_is_mended_by_saying_it_again() {
    let (world, name) = parked().await;
    world.queue().fail_sends(1);
    let said = resolve(&*world.home, &name, Resolution::Resend).await;
    said.unwrap_err();
    assert_eq!(states(&world, &name).await, [EffectState::Idle]);
    assert_eq!(world.queue().depth(), 0);
    for _ in 0..2 {
        let said = say(&world, &name, Resolution::Resend).await;
        assert_eq!(said, Resolved::Queued);
    }
    let outcomes = world.work_until_idle().await;
    assert_eq!(count(&outcomes, MAILED), 1);
    assert_eq!(world.mailer().sent().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_resolution_whose_reply_was_lost_is_done_all_the_same() {
    for (resolution, expected) in [
        (Resolution::Sent, Resolved::MarkedSent),
        (Resolution::Resend, Resolved::Queued),
    ] {
        let (world, name) = parked().await;
        world.spoil(Fault::ReplyLost, |call| matches!(call, Call::Replace(..)));
        assert_eq!(say(&world, &name, resolution).await, expected);
    }
}

#[tokio::test(start_paused = true)]
async fn two_people_who_say_different_things_at_once_are_told_who_was_first() {
    let (world, name) = parked().await;
    let both = [Resolution::Sent, Resolution::Resend].map(|said| say(&world, &name, said));
    let both = join_all(both).await;
    let is_done = |one: &&Resolved| matches!(one, Resolved::MarkedSent | Resolved::Queued);
    assert_eq!(both.iter().filter(is_done).count(), 1, "{both:?}");
}

#[tokio::test(start_paused = true)]
async fn what_is_not_parked_is_left_alone() {
    let world = World::new();
    world.put_owner("test-1", OMAR);
    let name = name_of(&world.post(ALICE).await);
    for resolution in [Resolution::Sent, Resolution::Resend] {
        let done = say(&world, &name, resolution).await;
        assert_eq!(done, Resolved::NotParked);
    }
    assert_eq!(world.keys("mail/"), [""; 0]);
    assert_eq!(world.queue().depth(), 1);
}

#[tokio::test(start_paused = true)]
async fn the_sweep_leaves_a_parked_and_a_resolved_mail_alone() {
    for resolution in [None, Some(Resolution::Sent), Some(Resolution::Resend)] {
        let (world, name) = parked().await;
        if let Some(resolution) = resolution {
            say(&world, &name, resolution).await;
            world.work_until_idle().await;
        }
        sleep(Duration::from_hours(5)).await;
        assert_eq!(swept(&world).await.found, 0, "{resolution:?}");
    }
}

/// The first receiver's mail meets this fault, and the second's is lost without a reply.
async fn second_parked(first: Option<Fault>) -> (World, EventName) {
    let faults = move |number| {
        if number == 1 {
            Some(Fault::Fails)
        } else {
            first
        }
    };
    worked(AmbiguousPolicy::Park, faults).await
}

#[tokio::test(start_paused = true)]
async fn what_is_said_of_a_parked_mail_touches_no_other_receivers() {
    let (world, name) = second_parked(None).await;
    let said = say(&world, &name, Resolution::Sent).await;
    assert_eq!(said, Resolved::MarkedSent);
    let marker = world.peek(&name.mail_key()).unwrap();
    assert_eq!(marker.metadata["told"], "ss");

    let (world, name) = second_parked(None).await;
    let said = say(&world, &name, Resolution::Resend).await;
    assert_eq!(said, Resolved::Queued);
    assert_eq!(world.work_until_idle().await, [MAILED]);
    let sent = world.mailer().sent().into_iter().map(|mail| mail.effect);
    assert!(sent.eq(both()), "each once");
}

#[tokio::test(start_paused = true)]
async fn a_parked_mail_is_resolved_where_another_receiver_was_refused() {
    let (world, name) = second_parked(Some(Fault::Refused)).await;
    let said = say(&world, &name, Resolution::Sent).await;
    assert_eq!(said, Resolved::MarkedSentOthersLeft);
    assert_eq!(
        states(&world, &name).await,
        [EffectState::Refused, EffectState::Sent]
    );
    assert_eq!(list_parked(&*world.home).await.unwrap(), []);
    let event = history(&world, &name).await;
    let status = event.status(world.clock().now());
    let [a, _] = both();
    let why = format!("mail_refused for {a}");
    assert_eq!((status.state, status.why), (LeadState::Dead, why));

    let (world, name) = second_parked(Some(Fault::Refused)).await;
    say(&world, &name, Resolution::Resend).await;
    let outcomes = world.work_until_idle().await;
    // What is open first; what was refused by the receive after it.
    assert_eq!(outcomes, [failed(Why::MailRefused), MAILED]);
}

#[tokio::test(start_paused = true)]
async fn nothing_is_resolved_while_a_worker_is_at_it() {
    let world = with_both(AmbiguousPolicy::Park);
    world.put_owner("test-1", OMAR);
    let name = name_of(&world.post(ALICE).await);
    let [a, b] = both();
    let lease = "2026-11-23T06:51:30Z";
    let claim = format!(
        r#"{{"v":2,"token":"t","lease_until":"{lease}","effects":{{"{a}":{{"state":"sending","attempt":1}},"{b}":{{"state":"parked","attempt":1,"doubts":1}}}}}}"#
    );
    plant_claim(&world, &claim);
    for resolution in [Resolution::Sent, Resolution::Resend] {
        assert_eq!(say(&world, &name, resolution).await, Resolved::BeingSent);
    }
    let listed = list_parked(&*world.home).await.unwrap();
    assert_eq!(listed[0].effects, [b]);
    sleep(Duration::from_secs(91)).await;
    let said = say(&world, &name, Resolution::Sent).await;
    assert_eq!(said, Resolved::MarkedSentOthersLeft);
}

#[tokio::test(start_paused = true)]
async fn a_parked_claim_of_the_first_edition_is_resolved_for_every_receiver() {
    for resolution in [Resolution::Sent, Resolution::Resend] {
        let (world, name) = worked(AmbiguousPolicy::Park, |_| None).await;
        let mut document = only(&world, "enriched/");
        document["_leadwire"]
            .as_object_mut()
            .unwrap()
            .remove("notify");
        world.put(&name.enriched_key(), &document.to_string());
        world.put(&name.mail_key(), PARKED_CLAIM);
        let before = world.mailer().sent().len();
        let said = say(&world, &name, resolution).await;
        let outcomes = world.work_until_idle().await;
        let mails = world.mailer().sent().len() - before;
        let marker = world.peek(&name.mail_key()).unwrap();
        let told = marker.metadata.get("told").map(String::as_str);
        match resolution {
            Resolution::Sent => {
                assert_eq!((said, mails, told), (Resolved::MarkedSent, 0, None));
            }
            Resolution::Resend => {
                assert_eq!((said, mails, told), (Resolved::Queued, 2, Some("ss")));
                assert_eq!(outcomes, [MAILED]);
            }
        }
    }
}
