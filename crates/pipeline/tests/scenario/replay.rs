use super::prelude::*;
use leadwire_pipeline::operate::replay::list_time;
use leadwire_pipeline::settings::OwnerMissingPolicy;

const DORA: &str = r#"{"lead_id":"test-1","lead_owner":"Dora","funnel":"Direct VSL","lead_email":"alice@crm.example.com"}"#;

fn document(world: &World, name: &EventName) -> Value {
    let object = world.peek(&name.enriched_key());
    serde_json::from_slice(&object.unwrap().bytes).unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_replay_never_makes_a_document_of_its_own_and_mails_nobody() {
    let (world, name) = mailed().await;
    let first = document(&world, &name);
    world.put_owner("test-1", DORA);
    let ready = ready(&world, &name).await;
    assert_eq!(ready.compared_with, Some(0));
    let fields: Vec<&str> = ready.changes.iter().map(|change| &*change.field).collect();
    assert_eq!(fields, ["lead_owner"]);
    let sent = replay(&*world.home, &ready, &order(Notify::Never, "run-1", false)).await;
    assert_eq!(sent.unwrap(), Replayed::Queued { revision: 1 });

    let outcomes = world.observed(world.work_until_idle()).await;
    assert_eq!(outcomes, [ended(Done::Silent)]);
    assert_eq!(world.mailer().tries(), 1, "the event's own mail");
    let revision = name.clone().with_revision(1);
    assert_eq!(document(&world, &revision)["lead_owner"], "Dora");
    assert_eq!(document(&world, &name), first);
    assert_eq!(world.state(&revision.mail_key()), "silent");
    check_told(&world, "LeadsEnriched 1");
}

#[tokio::test(start_paused = true)]
async fn a_forced_replay_is_mailed_through_the_queue_and_left_out_of_the_objective() {
    let (world, name) = mailed().await;
    world.put_owner("test-1", DORA);
    replayed(&world, &name, Notify::Force).await;
    assert_eq!(world.mailer().tries(), 1, "not from the operator's machine");
    let outcomes = world.observed(world.work_until_idle()).await;
    assert_eq!(outcomes, [MAILED]);
    let mails = world.mailer().sent();
    assert_eq!(mails[1].text.subject, "New lead: Alice → Dora");
    assert!(mails[1].event.ends_with("-r1"), "{}", mails[1].event);
    check_told(&world, "EffectsSent mail 1, EmailsSent 1, LeadsEnriched 1");
}

#[tokio::test(start_paused = true)]
async fn a_replay_that_mails_what_changed_compares_with_the_newest_document_of_its_event() {
    let (world, name) = mailed().await;
    for (owner, outcome) in [
        (OMAR, Done::Silent),
        (DORA, Done::Mailed),
        (DORA, Done::Silent),
        (OMAR, Done::Mailed),
    ] {
        world.put_owner("test-1", owner);
        replayed(&world, &name, Notify::IfChanged).await;
        assert_eq!(world.work_until_idle().await, [Outcome::Done(outcome)]);
    }
    assert_eq!(world.mailer().sent().len(), 3);
    assert_eq!(
        world.state(&name.clone().with_revision(3).mail_key()),
        "silent"
    );
    assert_eq!(world.state(&name.with_revision(4).mail_key()), "sent");
}

#[tokio::test(start_paused = true)]
async fn a_revision_that_came_to_nothing_is_passed_over_in_the_comparison() {
    let (world, name) = mailed().await;
    replayed(&world, &name, Notify::IfChanged).await;
    world.queue().purge();
    assert_eq!(replayed(&world, &name, Notify::IfChanged).await, queued(2));
    assert_eq!(world.work_until_idle().await, [ended(Done::Silent)]);
}

#[tokio::test(start_paused = true)]
async fn a_mail_that_was_begun_for_a_change_is_brought_to_its_end() {
    let (world, name) = mailed().await;
    world.put_owner("test-1", DORA);
    replayed(&world, &name, Notify::IfChanged).await;
    world.mailer().be_busy(1);
    let outcomes = world.work_next().await;
    assert!(matches!(outcomes[..], [Outcome::Deferred { .. }]));
    // The copy still says what it is.
    let copy = Trigger::parse(&world.queue().bodies()[0]).unwrap();
    assert_eq!(copy.notify(), Notify::IfChanged);
    assert_eq!(copy.name.revision(), 1);
    assert_eq!(world.work_until_idle().await, [MAILED]);
}

#[tokio::test(start_paused = true)]
async fn two_operators_at_once_share_no_number() {
    let (world, name) = mailed().await;
    let ready = ready(&world, &name).await;
    let order = order(Notify::Force, "run-1", false);
    let all = join_all((0..5).map(|_| replay(&*world.home, &ready, &order)));
    let mut numbers: Vec<Replayed> = all.await.into_iter().map(Result::unwrap).collect();
    numbers.sort_by_key(|replayed| format!("{replayed:?}"));
    assert_eq!(numbers, [1, 2, 3, 4, 5].map(queued));
    world.work_until_idle().await;
    assert_eq!(world.mailer().sent().len(), 6);
}

#[tokio::test(start_paused = true)]
async fn a_number_whose_reply_was_lost_is_still_ones_own() {
    let (world, name) = mailed().await;
    world.spoil_once(Fault::ReplyLost, creates("replay/"));
    assert_eq!(replayed(&world, &name, Notify::Never).await, queued(1));
}

#[tokio::test(start_paused = true)]
async fn a_run_that_was_interrupted_goes_on_and_mails_nothing_twice() {
    let (world, name) = mailed().await;
    let ready = ready(&world, &name).await;
    let mut order = order(Notify::Force, "run-1", false);
    world.queue().fail_sends(1);
    replay(&*world.home, &ready, &order).await.unwrap_err();
    order.is_resumed = true;
    // The number was taken, and its message never sent.
    for _ in 0..2 {
        let again = replay(&*world.home, &ready, &order).await.unwrap();
        assert_eq!(again, Replayed::Queued { revision: 1 });
    }
    world.work_until_idle().await;
    let again = replay(&*world.home, &ready, &order).await.unwrap();
    assert_eq!(again, Replayed::DoneBefore { revision: 1 });
    order.notify = Notify::Never;
    let other = replay(&*world.home, &ready, &order).await.unwrap();
    let notify = Notify::Force;
    assert_eq!(other, Replayed::OtherOrder { notify });
    assert_eq!(world.queue().depth(), 0);
    assert_eq!(world.mailer().sent().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_silent_end_that_could_not_be_written_is_written_by_the_next_receive() {
    for fault in [Fault::Fails, Fault::ReplyLost] {
        let (world, name) = mailed().await;
        replayed(&world, &name, Notify::Never).await;
        world.spoil_once(fault, creates("mail/"));
        let outcomes = world.work_until_idle().await;
        let end = ended(Done::Silent);
        assert_eq!(outcomes.last(), Some(&end), "{outcomes:?}");
        assert_eq!(world.mailer().tries(), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn a_replay_that_is_delivered_twice_comes_to_one_end() {
    let (world, name) = mailed().await;
    world.put_owner("test-1", DORA);
    replayed(&world, &name, Notify::Never).await;
    let body = world.queue().bodies().remove(0);
    world.send(&body).await;
    let outcomes = world.work_until_idle().await;
    let is_end = |outcome: &Outcome| {
        [Done::Silent, Done::SilentBefore]
            .map(ended)
            .contains(outcome)
    };
    assert!(outcomes.iter().all(is_end), "{outcomes:?}");
    assert_eq!(world.mailer().tries(), 1);
}

#[tokio::test(start_paused = true)]
async fn code_that_does_not_know_the_message_fails_and_does_not_mail() {
    let (world, name) = mailed().await;
    replayed(&world, &name, Notify::Never).await;
    // A version from the day after tomorrow stands for what today's message is to yesterday's code.
    let body = world.queue().bodies().remove(0);
    let body = body.replace(r#""v":2"#, r#""v":3"#);
    world.queue().purge();
    world.send(&body).await;
    assert_eq!(world.work_until_idle().await, [failed(Why::BadMessage); 3]);
    assert_eq!(world.mailer().tries(), 1);
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_replayed_is_refused_with_its_reason() {
    let (world, name) = mailed().await;
    world.remove("test-1.json");
    assert_eq!(refused(&world, &name).await, Refusal::OwnerMissing);
    world.put_owner("test-1", r#"{"lead_id":"other","lead_owner":"Omar"}"#);
    assert_eq!(refused(&world, &name).await, Refusal::OwnerOfOther);
    world.put_owner("test-1", "[]");
    assert_eq!(refused(&world, &name).await, Refusal::OwnerInvalid);
    world.put_owner("test-1", OMAR);
    world.remove(&name.raw_key());
    assert_eq!(refused(&world, &name).await, Refusal::RawMissing);

    let waiting = name_of(&world.post(ALICE).await);
    assert_eq!(refused(&world, &waiting).await, Refusal::NotEnriched);
}

#[tokio::test(start_paused = true)]
async fn a_forgotten_lead_is_never_replayed_even_when_its_message_is_under_way() {
    let (world, name) = mailed().await;
    replayed(&world, &name, Notify::Force).await;
    forgotten(&world, "test-1").await;
    assert_eq!(world.work_until_idle().await, [ended(Done::Forgotten)]);
    assert_eq!(refused(&world, &name).await, Refusal::Forgotten);
    assert_eq!(world.mailer().tries(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_lead_without_an_owner_is_replayed_without_one_where_it_was_mailed_so() {
    let world = World::with(|world| world.enrich.owner_missing = OwnerMissingPolicy::Mail);
    let name = name_of(&world.post(ALICE).await);
    world.work_until_idle().await;
    assert_eq!(replayed(&world, &name, Notify::IfChanged).await, queued(1));
    assert_eq!(world.work_until_idle().await, [ended(Done::Silent)]);
}

#[tokio::test(start_paused = true)]
async fn a_lead_and_a_span_of_time_name_their_events() {
    let (world, name) = mailed().await;
    let before = "2026-11-23T06:50:00Z".parse().unwrap();
    let after = "2026-11-23T06:50:01Z".parse().unwrap();
    let home = &*world.home;
    let own = std::slice::from_ref(&name);
    assert_eq!(list_time(home, before, after).await.unwrap(), own);
    assert_eq!(list_time(home, after, after).await.unwrap(), []);

    assert_eq!(list_lead(home, &lead_id("test-1")).await.unwrap(), own);
    assert_eq!(list_lead(home, &lead_id("test")).await.unwrap(), []);
    // Gone, and still named: its document is there.
    world.remove(&name.raw_key());
    assert_eq!(list_lead(home, &lead_id("test-1")).await.unwrap(), own);
}

#[tokio::test(start_paused = true)]
async fn a_dead_workers_claim_of_a_forced_replay_is_taken_over_like_any_other() {
    let (world, name) = mailed().await;
    replayed(&world, &name, Notify::Force).await;
    let revision = name.with_revision(1);
    // Its document is stored before a claim of the first edition is written.
    world.spoil_once(Fault::Fails, creates("mail/"));
    assert_eq!(world.work_next().await, [failed(Why::StoreUnavailable)]);
    world.put(&revision.mail_key(), DEAD_CLAIM);
    assert_eq!(world.work_until_idle().await, [MAILED]);
    assert_eq!(world.mailer().sent()[1].attempt, 2);
}
