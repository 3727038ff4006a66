use super::{ALICE, OMAR, key_of, only};
use leadwire_domain::claim::Settled;
use leadwire_domain::key::EventName;
use leadwire_pipeline::operate::resolve::{Resolution, Resolved, list_parked, resolve};
use leadwire_pipeline::port::{Bucket, PortError};
use leadwire_pipeline::settings::AmbiguousPolicy;
use leadwire_pipeline::stage::enrich::{Done, Outcome};
use leadwire_pipeline::stage::sweep::SweepMode;
use leadwire_pipeline::testkit::{Call, Fault, World, WorldBuilder};
use std::time::Duration;

/// A world with one parked mail, and its event.
async fn parked() -> (World, EventName) {
    let mut builder = WorldBuilder::default();
    builder.enrich.ambiguous = AmbiguousPolicy::Park;
    let world = builder.build();
    world.put_owner("test-1", OMAR);
    let name = EventName::parse_raw_key(&key_of(&world.post(ALICE).await)).unwrap();
    world.mailer().lose_replies(1);
    let outcomes = world.work_until_idle().await;
    assert_eq!(outcomes.last(), Some(&Outcome::Done(Done::Parked)));
    world.told();
    (world, name)
}

async fn say(
    world: &World,
    name: &EventName,
    resolution: Resolution,
) -> Result<Resolved, PortError> {
    resolve(&*world.home, name, resolution).await
}

#[tokio::test(start_paused = true)]
async fn a_parked_mail_is_listed_until_it_is_resolved() {
    let (world, name) = parked().await;
    world.put_owner("other", r#"{"lead_id":"other","lead_owner":"O"}"#);
    world
        .post(r#"{"lead_id":"other","display_name":"B"}"#)
        .await;
    world.work_until_idle().await;
    let listed = list_parked(&*world.home).await.unwrap();
    assert_eq!(listed.len(), 1);
    assert_eq!((&listed[0].name, listed[0].attempt), (&name, 1));
    say(&world, &name, Resolution::Sent).await.unwrap();
    assert_eq!(list_parked(&*world.home).await.unwrap(), []);
}

#[tokio::test(start_paused = true)]
async fn what_a_person_found_sent_is_settled_and_never_mailed_again() {
    let (world, name) = parked().await;
    let done = say(&world, &name, Resolution::Sent).await.unwrap();
    assert_eq!(done, Resolved::MarkedSent);
    let marker = world.store().peek(Bucket::Enriched, &name.mail_key());
    assert_eq!(marker.unwrap().metadata["state"], "sent");
    world.send_bare(&name.raw_key());
    assert_eq!(
        world.work_until_idle().await,
        [Outcome::Done(Done::MailedBefore)]
    );
    assert_eq!(world.mailer().tries(), 1);
    for resolution in [Resolution::Sent, Resolution::Resend] {
        let again = say(&world, &name, resolution).await.unwrap();
        assert_eq!(again, Resolved::SettledBefore(Settled::Sent));
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_to_be_sent_again_is_mailed_by_the_pipeline_at_once() {
    let (world, name) = parked().await;
    let done = say(&world, &name, Resolution::Resend).await.unwrap();
    assert_eq!(done, Resolved::Queued);
    assert_eq!(only(&world, "mail/")["state"], "idle");
    assert_eq!(world.mailer().tries(), 1, "not by the operator");
    let outcomes = world.observed(world.work()).await;
    assert_eq!(outcomes, [Outcome::Done(Done::Mailed)]);
    assert_eq!(world.mailer().sent()[1].attempt, 2);
    // Parking counted it for the objective.
    let told = world.told();
    assert_eq!(told.get("EmailsSent"), Some(&1));
    assert_eq!(
        (told.get("MailedLate"), told.get("MailedInTime")),
        (None, None)
    );
}

#[tokio::test(start_paused = true)]
async fn a_death_between_giving_the_claim_back_and_the_message_is_mended_by_saying_it_again() {
    let (world, name) = parked().await;
    world.queue().fail_sends(1);
    say(&world, &name, Resolution::Resend).await.unwrap_err();
    assert_eq!(only(&world, "mail/")["state"], "idle");
    assert_eq!(world.queue().depth(), 0);
    for _ in 0..2 {
        let again = say(&world, &name, Resolution::Resend).await.unwrap();
        assert_eq!(again, Resolved::Queued);
    }
    let outcomes = world.work_until_idle().await;
    let mailed = Outcome::Done(Done::Mailed);
    assert_eq!(outcomes.iter().filter(|one| **one == mailed).count(), 1);
    assert_eq!(world.mailer().sent().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_resolution_whose_reply_was_lost_is_done_all_the_same() {
    for (resolution, expected) in [
        (Resolution::Sent, Resolved::MarkedSent),
        (Resolution::Resend, Resolved::Queued),
    ] {
        let (world, name) = parked().await;
        world
            .store()
            .set_script(|call| matches!(call, Call::Replace(..)).then_some(Fault::ReplyLost));
        assert_eq!(say(&world, &name, resolution).await.unwrap(), expected);
    }
}

#[tokio::test(start_paused = true)]
async fn two_people_who_say_different_things_at_once_are_told_who_was_first() {
    let (world, name) = parked().await;
    let (sent, again) = tokio::join!(
        say(&world, &name, Resolution::Sent),
        say(&world, &name, Resolution::Resend)
    );
    let (sent, again) = (sent.unwrap(), again.unwrap());
    let is_done = |resolved| matches!(resolved, Resolved::MarkedSent | Resolved::Queued);
    assert_eq!(
        [sent, again]
            .into_iter()
            .filter(|one| is_done(*one))
            .count(),
        1,
        "{sent:?} {again:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn what_is_not_parked_is_left_alone() {
    let world = World::new();
    world.put_owner("test-1", OMAR);
    let name = EventName::parse_raw_key(&key_of(&world.post(ALICE).await)).unwrap();
    for resolution in [Resolution::Sent, Resolution::Resend] {
        let done = say(&world, &name, resolution).await.unwrap();
        assert_eq!(done, Resolved::NotParked);
    }
    assert_eq!(world.store().keys(Bucket::Enriched, "mail/"), [""; 0]);
    assert_eq!(world.queue().depth(), 1);
}

#[tokio::test(start_paused = true)]
async fn the_sweep_leaves_a_parked_and_a_resolved_mail_alone() {
    for resolution in [None, Some(Resolution::Sent), Some(Resolution::Resend)] {
        let (world, name) = parked().await;
        if let Some(resolution) = resolution {
            say(&world, &name, resolution).await.unwrap();
            world.work_until_idle().await;
        }
        tokio::time::sleep(Duration::from_hours(5)).await;
        let report = world.sweep.run(SweepMode::Send).await.unwrap();
        assert_eq!(report.found, 0, "{resolution:?}");
    }
}
