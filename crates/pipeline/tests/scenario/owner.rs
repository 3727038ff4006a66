use super::prelude::*;
use leadwire_domain::notice::EmailAddress;
use leadwire_pipeline::settings::OwnerMissingPolicy;

fn looks(outcomes: &[Outcome]) -> usize {
    let absent = DeferReason::OwnerAbsent;
    let is_look = |outcome: &&Outcome| matches!(outcome, Outcome::Deferred { reason, .. } if *reason == absent);
    outcomes.iter().filter(is_look).count()
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
    assert_eq!(outcomes.last(), Some(&MAILED));
    assert!(costs_no_receive(&world));
    let late = world.counted()["MailedLate"];
    assert_eq!(late, 1, "later than 60 s after the owner file came");
}

#[tokio::test(start_paused = true)]
async fn a_mail_soon_after_the_owner_came_is_in_time() {
    let world = World::new();
    world.post(ALICE).await;
    sleep(Duration::from_mins(10)).await;
    world.work().await;
    world.put_owner("test-1", OMAR);
    world.observed(world.work_until_idle()).await;
    assert_eq!(world.counted().get("MailedInTime"), Some(&1));
}

#[tokio::test(start_paused = true)]
async fn an_owner_who_never_comes_ends_in_the_dlq_after_the_window() {
    let world = World::new();
    world.post(ALICE).await;
    let start = Instant::now();
    let outcomes = world.work_until_idle().await;
    // After 30, 90, 210, 450, 750, 1050, 1350, 1650 and 1800 s.
    assert_eq!(looks(&outcomes), 9);
    assert_eq!(outcomes[9..], [failed(Why::OwnerMissing); 3]);
    assert!(start.elapsed().as_secs() >= 600 + 1800);
    assert_eq!(world.queue().dead_letters().len(), 1);
    assert_eq!(only(&world, "failed/")["reason"], "owner_missing");
    assert_eq!(only(&world, "failed/")["lead_id"], "test-1");
}

#[tokio::test(start_paused = true)]
async fn an_owner_who_never_comes_can_be_mailed_as_unassigned() {
    let world = World::with(|world| world.enrich.owner_missing = OwnerMissingPolicy::Mail);
    world.post(ALICE).await;
    let outcomes = world.work_until_idle().await;
    assert_eq!(outcomes.last(), Some(&MAILED));
    assert_eq!(subjects(&world), ["New lead: Alice → unassigned"]);
    let document = only(&world, "enriched/");
    assert_eq!(document["_leadwire"]["lookup_etag"], Value::Null);
}

#[tokio::test(start_paused = true)]
async fn the_longest_window_is_waited_out_within_the_hops() {
    let world = World::with(|world| world.enrich.owner_wait_seconds = 9000);
    world.post(ALICE).await;
    let start = Instant::now();
    let outcomes = world.work_until_idle().await;
    assert!(outcomes.ends_with(&[failed(Why::OwnerMissing); 3]));
    assert!(start.elapsed().as_secs() >= 600 + 9000);
}

#[tokio::test(start_paused = true)]
async fn a_bucket_that_answers_403_is_waited_for_like_a_missing_file_and_counted() {
    let world = posted(World::new()).await;
    sleep(Duration::from_mins(10)).await;
    world.spoil(Fault::Denied, reads_owner);
    let outcomes = world.observed(world.work()).await;
    assert_eq!(looks(&outcomes), 1);
    let told = world.counted();
    assert_eq!((told["LookupDenied"], told["OwnerPending"]), (1, 1));
    world.home.clear_script();
    assert_eq!(world.work_until_idle().await, [MAILED]);
}

#[tokio::test(start_paused = true)]
async fn the_owner_is_mailed_only_where_configured_and_only_by_the_owner_file() {
    for (notify, event_says, expected) in [(false, false, 1), (true, false, 2), (true, true, 1)] {
        let world = World::with(|world| world.enrich.notify_owner = notify);
        let with_owner =
            |json: &str, owner| json.replace('}', &format!(r#","owner_email":"{owner}"}}"#));
        if event_says {
            world.put_owner("test-1", OMAR);
            world.post(&with_owner(ALICE, "mallory@example.net")).await;
        } else {
            world.put_owner("test-1", &with_owner(OMAR, "omar@example.com"));
            world.post(ALICE).await;
        }
        world.work_until_idle().await;
        let sent = world.mailer().sent();
        assert_eq!(sent.len(), expected, "{sent:?}");
        assert!(
            sent.iter()
                .all(|mail| mail.to.expose() != "mallory@example.net")
        );
    }
}

#[tokio::test(start_paused = true)]
async fn the_owner_is_mailed_however_people_write_the_address_and_counted_where_it_cannot_be_read()
{
    for (written, expected) in [
        (r#""omar@example.com ""#, 2),
        (r#""Omar <omar@example.com>""#, 2),
        (r#"["omar@example.com"]"#, 1),
        (r#""omar@""#, 1),
    ] {
        let world = World::with(|world| world.enrich.notify_owner = true);
        let file = OMAR.replace('}', &format!(r#","owner_email":{written}}}"#));
        world.put_owner("test-1", &file);
        world.post(ALICE).await;
        world.observed(world.work_until_idle()).await;
        let sent = world.mailer().sent();
        assert_eq!(sent.len(), expected, "{written}");
        let to_owner = sent
            .iter()
            .filter(|mail| mail.to.expose() == "omar@example.com");
        assert_eq!(to_owner.count(), expected - 1, "{written}");
        let counted = world.counted().get("OwnerEmailInvalid").copied();
        assert_eq!(counted, (expected == 1).then_some(1), "{written}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_owner_is_one_more_recipient_once_and_where_there_is_room() {
    let address = |number| EmailAddress::parse(&format!("team{number}@example.com")).unwrap();
    for (others, owner, expected) in [
        (1, "team0@example.com", 1),
        (49, "omar@example.com", 50),
        (50, "omar@example.com", 50),
    ] {
        let world = World::with(|world| {
            world.enrich.notify_owner = true;
            world.enrich.to = (0..others).map(address).collect();
        });
        let file = OMAR.replace('}', &format!(r#","owner_email":"{owner}"}}"#));
        world.put_owner("test-1", &file);
        world.post(ALICE).await;
        world.work_until_idle().await;
        assert_eq!(world.mailer().sent().len(), expected, "{others}");
    }
}
