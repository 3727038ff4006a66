use super::{ALICE, OMAR, only};
use leadwire_domain::failure::FailureReason;
use leadwire_domain::notice::EmailAddress;
use leadwire_domain::wait::DeferReason;
use leadwire_pipeline::port::Bucket;
use leadwire_pipeline::settings::OwnerMissingPolicy;
use leadwire_pipeline::stage::enrich::{Done, Outcome};
use leadwire_pipeline::testkit::{Call, Fault, World, WorldBuilder};
use std::time::Duration;

fn looks(outcomes: &[Outcome]) -> usize {
    outcomes
        .iter()
        .filter(|outcome| {
            matches!(
                outcome,
                Outcome::Deferred {
                    reason: DeferReason::OwnerAbsent,
                    ..
                }
            )
        })
        .count()
}

#[tokio::test(start_paused = true)]
async fn an_owner_who_comes_late_is_waited_for_without_costing_a_receive() {
    let world = World::new();
    world.post(ALICE).await;
    for _ in 0..5 {
        world.work_next().await;
    }
    world.put_owner("test-1", OMAR);
    let outcomes = world.observed(world.work_until_idle()).await;
    assert_eq!(outcomes.last(), Some(&Outcome::Done(Done::Mailed)));
    assert!(
        world
            .queue()
            .deliveries()
            .iter()
            .all(|(_, receives)| *receives == 1)
    );
    assert_eq!(
        world.told().get("MailedLate"),
        Some(&1),
        "later than 60 s after the owner file came"
    );
}

#[tokio::test(start_paused = true)]
async fn a_mail_soon_after_the_owner_came_is_in_time() {
    let world = World::new();
    world.post(ALICE).await;
    tokio::time::sleep(Duration::from_mins(10)).await;
    world.work().await;
    world.put_owner("test-1", OMAR);
    world.observed(world.work_until_idle()).await;
    assert_eq!(world.told().get("MailedInTime"), Some(&1));
}

#[tokio::test(start_paused = true)]
async fn an_owner_who_never_comes_ends_in_the_dlq_after_the_window() {
    let world = World::new();
    world.post(ALICE).await;
    let start = tokio::time::Instant::now();
    let outcomes = world.work_until_idle().await;
    assert_eq!(
        looks(&outcomes),
        9,
        "30, 90, 210, 450, 750, 1050, 1350, 1650, 1800 s"
    );
    assert_eq!(
        outcomes[9..],
        [Outcome::Failed(FailureReason::OwnerMissing); 3]
    );
    assert!(start.elapsed().as_secs() >= 600 + 1800);
    assert_eq!(world.queue().dead_letters().len(), 1);
    assert_eq!(only(&world, "failed/")["reason"], "owner_missing");
    assert_eq!(only(&world, "failed/")["lead_id"], "test-1");
}

#[tokio::test(start_paused = true)]
async fn an_owner_who_never_comes_can_be_mailed_as_unassigned() {
    let mut builder = WorldBuilder::default();
    builder.enrich.owner_missing = OwnerMissingPolicy::Mail;
    let world = builder.build();
    world.post(ALICE).await;
    let outcomes = world.work_until_idle().await;
    assert_eq!(outcomes.last(), Some(&Outcome::Done(Done::Mailed)));
    assert_eq!(
        world.mailer().sent()[0].text.subject,
        "New lead: Alice → unassigned"
    );
    assert_eq!(
        only(&world, "enriched/")["_leadwire"]["lookup_etag"],
        serde_json::Value::Null
    );
}

#[tokio::test(start_paused = true)]
async fn the_longest_window_is_waited_out_within_the_hops() {
    let mut builder = WorldBuilder::default();
    builder.enrich.owner_wait_seconds = 9000;
    let world = builder.build();
    world.post(ALICE).await;
    let start = tokio::time::Instant::now();
    let outcomes = world.work_until_idle().await;
    assert_eq!(
        outcomes[outcomes.len() - 3..],
        [Outcome::Failed(FailureReason::OwnerMissing); 3]
    );
    assert!(start.elapsed().as_secs() >= 600 + 9000);
}

#[tokio::test(start_paused = true)]
async fn a_bucket_that_answers_403_is_waited_for_like_a_missing_file_and_counted() {
    let world = World::new();
    world.put_owner("test-1", OMAR);
    world.post(ALICE).await;
    tokio::time::sleep(Duration::from_mins(10)).await;
    world
        .store()
        .set_script(|call| matches!(call, Call::Get(Bucket::Lookup, _)).then_some(Fault::Denied));
    let outcomes = world.observed(world.work()).await;
    assert_eq!(looks(&outcomes), 1);
    let told = world.told();
    assert_eq!(
        (told.get("LookupDenied"), told.get("OwnerPending")),
        (Some(&1), Some(&1))
    );
    world.store().clear_script();
    assert_eq!(world.work_until_idle().await, [Outcome::Done(Done::Mailed)]);
}

#[tokio::test(start_paused = true)]
async fn the_owner_is_mailed_only_where_configured_and_only_by_the_owner_file() {
    for (notify, event_says, expected) in [(false, false, 1), (true, false, 2), (true, true, 1)] {
        let mut builder = WorldBuilder::default();
        builder.enrich.notify_owner = notify;
        let world = builder.build();
        let (event, owner) = if event_says {
            (
                r#"{"lead_id":"test-1","owner_email":"mallory@example.net"}"#,
                OMAR.to_owned(),
            )
        } else {
            (
                ALICE,
                OMAR.replace('}', r#","owner_email":"omar@example.com"}"#),
            )
        };
        world.put_owner("test-1", &owner);
        world.post(event).await;
        world.work_until_idle().await;
        let to: Vec<String> = world.mailer().sent()[0]
            .to
            .iter()
            .map(|to| to.expose().to_owned())
            .collect();
        assert_eq!(to.len(), expected, "{to:?}");
        assert!(!to.contains(&"mallory@example.net".to_owned()));
    }
}

#[tokio::test(start_paused = true)]
async fn the_owner_is_one_more_recipient_once_and_where_there_is_room() {
    let address =
        |number: usize| EmailAddress::parse(&format!("team{number}@example.com")).unwrap();
    for (others, owner, expected) in [
        (1, "team0@example.com", 1),
        (49, "omar@example.com", 50),
        (50, "omar@example.com", 50),
    ] {
        let mut builder = WorldBuilder::default();
        builder.enrich.notify_owner = true;
        builder.enrich.to = (0..others).map(address).collect();
        let world = builder.build();
        let file = OMAR.replace('}', &format!(r#","owner_email":"{owner}"}}"#));
        world.put_owner("test-1", &file);
        world.post(ALICE).await;
        world.work_until_idle().await;
        assert_eq!(world.mailer().sent()[0].to.len(), expected, "{others}");
    }
}
