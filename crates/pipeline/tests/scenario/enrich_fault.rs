use super::{ALICE, OMAR, key_of, only};
use leadwire_domain::failure::FailureReason;
use leadwire_domain::wait::DeferReason;
use leadwire_pipeline::port::Bucket;
use leadwire_pipeline::stage::enrich::{Done, Outcome};
use leadwire_pipeline::testkit::{Call, Fault, World};

/// A world with one lead and its owner, at the moment its trigger is due.
async fn due() -> World {
    let world = World::new();
    world.put_owner("test-1", OMAR);
    world.post(ALICE).await;
    tokio::time::sleep(std::time::Duration::from_mins(10)).await;
    world
}

/// A script that spoils the first call that matches.
fn once(
    fault: Fault,
    matches: impl Fn(&Call) -> bool + Send + 'static,
) -> impl FnMut(&Call) -> Option<Fault> + Send {
    let mut done = false;
    move |call| {
        (!done && matches(call)).then(|| {
            done = true;
            fault
        })
    }
}

#[tokio::test(start_paused = true)]
async fn a_lost_reply_of_any_write_adds_no_mail_and_costs_no_receive() {
    for prefix in ["enriched/", "mail/"] {
        for replace in [false, true] {
            let world = due().await;
            world
                .store()
                .set_script(once(Fault::ReplyLost, move |call| {
                    call.is_on(prefix)
                        && if replace {
                            matches!(call, Call::Replace(..))
                        } else {
                            matches!(call, Call::Create(..))
                        }
                }));
            assert_eq!(
                world.work_until_idle().await,
                [Outcome::Done(Done::Mailed)],
                "{prefix} {replace}"
            );
            assert_eq!(world.mailer().sent().len(), 1, "{prefix} {replace}");
            assert_eq!(only(&world, "mail/"), serde_json::Value::Null, "settled");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_write_that_fails_before_the_mail_is_tried_again_soon_and_mails_once() {
    for prefix in ["enriched/", "mail/"] {
        let world = due().await;
        world.store().set_script(once(Fault::Fails, move |call| {
            call.is_on(prefix) && matches!(call, Call::Create(..))
        }));
        let start = tokio::time::Instant::now();
        let outcomes = world.work_until_idle().await;
        assert_eq!(
            outcomes.last(),
            Some(&Outcome::Done(Done::Mailed)),
            "{prefix}: {outcomes:?}"
        );
        assert_eq!(world.mailer().sent().len(), 1);
        assert!(
            start.elapsed().as_secs() <= 25,
            "one failure does not cost the queue's visibility"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_settling_write_that_fails_is_tried_again_until_it_is_down() {
    let world = due().await;
    let mut failures = 3;
    world.store().set_script(move |call| {
        let settles = call.is_on("mail/") && matches!(call, Call::Replace(..));
        (settles && failures > 0).then(|| {
            failures -= 1;
            Fault::Fails
        })
    });
    assert_eq!(world.work_until_idle().await, [Outcome::Done(Done::Mailed)]);
    assert_eq!(world.mailer().sent().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_marker_that_cannot_be_written_is_the_one_window_in_which_a_second_mail_is_possible() {
    let world = due().await;
    let mut failing = true;
    let start = tokio::time::Instant::now();
    world.store().set_script(move |call| {
        failing = failing && start.elapsed().as_secs() < 60;
        (failing && call.is_on("mail/") && matches!(call, Call::Replace(..)))
            .then_some(Fault::Fails)
    });
    let outcomes = world.work_until_idle().await;
    assert_eq!(
        outcomes.first(),
        Some(&Outcome::Failed(FailureReason::MailAmbiguous))
    );
    assert_eq!(
        outcomes.last(),
        Some(&Outcome::Done(Done::Mailed)),
        "{outcomes:?}"
    );
    let attempts: Vec<u32> = world
        .mailer()
        .sent()
        .iter()
        .map(|mail| mail.attempt)
        .collect();
    assert_eq!(attempts, [1, 2]);
}

#[tokio::test(start_paused = true)]
async fn a_document_is_merged_once_whatever_the_owner_file_does_between_attempts() {
    let world = due().await;
    world.store().set_script(once(Fault::Panics, |call| {
        call.is_on("mail/") && matches!(call, Call::Create(..))
    }));
    assert_eq!(
        world.work().await,
        [Outcome::Failed(FailureReason::Panicked)]
    );
    world.put_owner("test-1", &OMAR.replace("Omar", "Nadia"));
    world.work_until_idle().await;
    assert_eq!(
        world.mailer().sent()[0].text.subject,
        "New lead: Alice → Omar"
    );
    assert_eq!(only(&world, "enriched/")["lead_owner"], "Omar");
}

#[tokio::test(start_paused = true)]
async fn an_enrichment_is_counted_once_whatever_becomes_of_its_reply() {
    for fault in [Fault::ReplyLost, Fault::MeetsItself] {
        let world = due().await;
        world.store().set_script(once(fault, |call| {
            call.is_on("enriched/") && matches!(call, Call::Create(..))
        }));
        world.observed(world.work_until_idle()).await;
        assert_eq!(world.told().get("LeadsEnriched"), Some(&1), "{fault:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_storage_outage_ends_in_the_dlq_after_three_receives_and_a_redrive_mails() {
    let world = due().await;
    world
        .store()
        .set_script(|call| matches!(call, Call::Get(Bucket::Raw, _)).then_some(Fault::Fails));
    let outcomes = world.work_until_idle().await;
    assert_eq!(
        outcomes,
        [Outcome::Failed(FailureReason::StoreUnavailable); 3]
    );
    assert_eq!(world.queue().dead_letters()[0].receives, 3);
    assert_eq!(only(&world, "failed/")["reason"], "store_unavailable");
    world.store().clear_script();
    world.redrive().await.unwrap();
    assert_eq!(world.work_until_idle().await, [Outcome::Done(Done::Mailed)]);
}

#[tokio::test(start_paused = true)]
async fn what_is_permanent_is_written_down_at_once_and_still_gets_its_three_receives() {
    let world = World::new();
    world.put_owner("test-1", &OMAR.replace("test-1", "test-2"));
    world.post(ALICE).await;
    tokio::time::sleep(std::time::Duration::from_mins(10)).await;
    assert_eq!(
        world.work().await,
        [Outcome::Failed(FailureReason::LookupMismatch)]
    );
    assert_eq!(only(&world, "failed/")["reason"], "lookup_mismatch");
    assert_eq!(only(&world, "failed/")["receives"], 1);
    world.observed(world.work_until_idle()).await;
    assert_eq!(only(&world, "failed/")["receives"], 3);
    assert_eq!(world.queue().dead_letters().len(), 1);
    assert_eq!(world.mailer().tries(), 0);
    let told = world.told();
    assert_eq!(
        (told.get("FinalAttemptFailed"), told.get("NotMailed")),
        (Some(&1), Some(&1)),
        "{told:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn an_owner_file_that_is_corrected_between_receives_cures_the_failure() {
    let world = World::new();
    world.put_owner("test-1", "<html>not found</html>");
    world.post(ALICE).await;
    tokio::time::sleep(std::time::Duration::from_mins(10)).await;
    assert_eq!(
        world.work().await,
        [Outcome::Failed(FailureReason::LookupInvalid)]
    );
    world.put_owner("test-1", OMAR);
    assert_eq!(world.work_until_idle().await, [Outcome::Done(Done::Mailed)]);
}

#[tokio::test(start_paused = true)]
async fn a_message_that_names_no_raw_object_fails_with_its_reason() {
    let world = World::new();
    let key = key_of(&world.post(ALICE).await);
    world.store().remove(Bucket::Raw, &key);
    let outcomes = world.work_until_idle().await;
    assert_eq!(outcomes, [Outcome::Failed(FailureReason::RawMissing); 3]);
}

#[tokio::test(start_paused = true)]
async fn a_hanging_call_ends_at_the_records_deadline() {
    let world = due().await;
    world.store().set_script(once(Fault::Hangs, |call| {
        matches!(call, Call::Get(Bucket::Lookup, _))
    }));
    let start = tokio::time::Instant::now();
    assert_eq!(
        world.work().await,
        [Outcome::Failed(FailureReason::DeadlineExceeded)]
    );
    assert_eq!(start.elapsed().as_secs(), 20);
    assert_eq!(world.work_until_idle().await, [Outcome::Done(Done::Mailed)]);
}

#[tokio::test(start_paused = true)]
async fn a_lookup_outage_does_not_touch_what_needs_no_owner_file() {
    let world = due().await;
    let key = world.store().keys(Bucket::Raw, "raw/").remove(0);
    world.work().await;
    world
        .store()
        .set_script(|call| matches!(call, Call::Get(Bucket::Lookup, _)).then_some(Fault::Fails));
    world.send_bare(&key);
    assert_eq!(world.work().await, [Outcome::Done(Done::MailedBefore)]);
}

#[tokio::test(start_paused = true)]
async fn a_panic_while_the_mail_is_under_way_is_a_doubt_and_no_plain_panic() {
    let world = due().await;
    world.store().set_script(once(Fault::Panics, |call| {
        call.is_on("mail/") && matches!(call, Call::Replace(..))
    }));
    let outcomes = world.observed(world.work()).await;
    assert_eq!(outcomes, [Outcome::Failed(FailureReason::MailAmbiguous)]);
    assert_eq!(world.told().get("EmailsAmbiguous"), Some(&1));
}

#[tokio::test(start_paused = true)]
async fn a_failure_is_told_in_metrics_even_while_storage_hangs() {
    let world = due().await;
    world.store().set_script(|call| match call {
        Call::Get(Bucket::Raw, _) => Some(Fault::Fails),
        Call::Put(..) => Some(Fault::Hangs),
        _ => None,
    });
    world.observed(world.work_until_idle()).await;
    let told = world.told();
    for (metric, count) in [
        ("BatchItemFailures", 3),
        ("FinalAttemptFailed", 1),
        ("NotMailed", 1),
    ] {
        assert_eq!(told.get(metric), Some(&count), "{metric} in {told:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_claim_is_written_once_in_an_attempt_and_a_lost_race_costs_no_receive() {
    let creates = |call: &Call| call.is_on("mail/") && matches!(call, Call::Create(..));
    let lost_race = Outcome::Deferred {
        reason: DeferReason::ClaimLive,
        seconds: 1,
    };
    let failed = Outcome::Failed(FailureReason::StoreUnavailable);
    for (fault, first) in [(Fault::Conflict, lost_race), (Fault::Fails, failed)] {
        let world = due().await;
        world.store().set_script(once(fault, creates));
        let outcomes = world.work_until_idle().await;
        assert_eq!(outcomes, [first, Outcome::Done(Done::Mailed)], "{fault:?}");
        let calls = world.store().calls();
        let written = calls.iter().filter(|call| creates(call)).count();
        assert_eq!(written, 2, "{fault:?}");
        assert_eq!(world.mailer().sent().len(), 1, "{fault:?}");
    }
}
