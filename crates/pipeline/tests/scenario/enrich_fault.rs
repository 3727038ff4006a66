use super::prelude::*;

/// A world with one lead and its owner, at the moment its trigger is due.
async fn due() -> World {
    let world = posted(World::new()).await;
    sleep(Duration::from_mins(10)).await;
    world
}

#[tokio::test(start_paused = true)]
async fn a_lost_reply_of_any_write_adds_no_mail_and_costs_no_receive() {
    for prefix in ["enriched/", "mail/"] {
        for replace in [false, true] {
            let world = due().await;
            world.spoil_once(Fault::ReplyLost, move |call| {
                if replace {
                    replaces(prefix)(call)
                } else {
                    creates(prefix)(call)
                }
            });
            let outcomes = world.work_until_idle().await;
            assert_eq!(outcomes, [MAILED], "{prefix} {replace}");
            assert_eq!(world.mailer().sent().len(), 1, "{prefix} {replace}");
            assert_eq!(only(&world, "mail/"), Value::Null, "settled");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_write_that_fails_before_the_mail_is_tried_again_soon_and_mails_once() {
    for prefix in ["enriched/", "mail/"] {
        let world = due().await;
        world.spoil_once(Fault::Fails, creates(prefix));
        let start = Instant::now();
        let outcomes = world.work_until_idle().await;
        assert_eq!(outcomes.last(), Some(&MAILED), "{prefix}: {outcomes:?}");
        assert_eq!(world.mailer().sent().len(), 1);
        let took = start.elapsed().as_secs();
        assert!(
            took <= 25,
            "one failure does not cost the queue's visibility"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_settling_write_that_fails_is_tried_again_until_it_is_down() {
    let world = due().await;
    world.spoil_some(0..3, Fault::Fails, replaces("mail/"));
    assert_eq!(world.work_until_idle().await, [MAILED]);
    assert_eq!(world.mailer().sent().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_marker_that_cannot_be_written_is_the_one_window_in_which_a_second_mail_is_possible() {
    let world = due().await;
    let start = Instant::now();
    world.spoil(Fault::Fails, move |call| {
        start.elapsed().as_secs() < 60 && replaces("mail/")(call)
    });
    let outcomes = world.work_until_idle().await;
    assert_eq!(outcomes.first(), Some(&failed(Why::MailAmbiguous)));
    assert_eq!(outcomes.last(), Some(&MAILED), "{outcomes:?}");
    assert_eq!(attempts(&world), [1, 2]);
}

#[tokio::test(start_paused = true)]
async fn a_document_is_merged_once_whatever_the_owner_file_does_between_attempts() {
    let world = due().await;
    world.spoil_once(Fault::Fails, creates("mail/"));
    assert_eq!(world.work().await, [failed(Why::StoreUnavailable)]);
    world.put_owner("test-1", &OMAR.replace("Omar", "Nadia"));
    world.work_until_idle().await;
    assert_eq!(subjects(&world), ["New lead: Alice → Omar"]);
    assert_eq!(only(&world, "enriched/")["lead_owner"], "Omar");
}

#[tokio::test(start_paused = true)]
async fn an_enrichment_is_counted_once_whatever_becomes_of_its_reply() {
    for fault in [Fault::ReplyLost, Fault::MeetsItself] {
        let world = due().await;
        world.spoil_once(fault, creates("enriched/"));
        world.observed(world.work_until_idle()).await;
        assert_eq!(world.counted().get("LeadsEnriched"), Some(&1), "{fault:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_storage_outage_ends_in_the_dlq_after_three_receives_and_a_redrive_mails() {
    let world = due().await;
    world.spoil(Fault::Fails, reads("raw/"));
    let outcomes = world.work_until_idle().await;
    assert_eq!(outcomes, [failed(Why::StoreUnavailable); 3]);
    assert_eq!(world.queue().dead_letters()[0].receives, 3);
    assert_eq!(only(&world, "failed/")["reason"], "store_unavailable");
    world.home.clear_script();
    world.redrive().await.unwrap();
    assert_eq!(world.work_until_idle().await, [MAILED]);
}

#[tokio::test(start_paused = true)]
async fn what_is_permanent_is_written_down_at_once_and_still_gets_its_three_receives() {
    let world = World::new();
    world.put_owner("test-1", &OMAR.replace("test-1", "test-2"));
    world.post(ALICE).await;
    sleep(Duration::from_mins(10)).await;
    assert_eq!(world.work().await, [failed(Why::LookupMismatch)]);
    assert_eq!(only(&world, "failed/")["reason"], "lookup_mismatch");
    assert_eq!(only(&world, "failed/")["receives"], 1);
    world.observed(world.work_until_idle()).await;
    assert_eq!(only(&world, "failed/")["receives"], 3);
    assert_eq!(world.queue().dead_letters().len(), 1);
    assert_eq!(world.mailer().tries(), 0);
    check_told(
        &world,
        "BatchItemFailures 2, FinalAttemptFailed 1, NotMailed 1",
    );
}

#[tokio::test(start_paused = true)]
async fn an_owner_file_that_is_corrected_between_receives_cures_the_failure() {
    let world = World::new();
    world.put_owner("test-1", "<html>not found</html>");
    world.post(ALICE).await;
    sleep(Duration::from_mins(10)).await;
    assert_eq!(world.work().await, [failed(Why::LookupInvalid)]);
    world.put_owner("test-1", OMAR);
    assert_eq!(world.work_until_idle().await, [MAILED]);
}

#[tokio::test(start_paused = true)]
async fn a_message_that_names_no_raw_object_fails_with_its_reason() {
    let world = World::new();
    let key = key_of(&world.post(ALICE).await);
    world.remove(&key);
    let outcomes = world.work_until_idle().await;
    assert_eq!(outcomes, [failed(Why::RawMissing); 3]);
}

#[tokio::test(start_paused = true)]
async fn a_hanging_call_ends_at_the_records_deadline() {
    let world = due().await;
    world.spoil_once(Fault::Hangs, reads_owner);
    let start = Instant::now();
    assert_eq!(world.work().await, [failed(Why::DeadlineExceeded)]);
    assert_eq!(start.elapsed().as_secs(), 20);
    assert_eq!(world.work_until_idle().await, [MAILED]);
}

#[tokio::test(start_paused = true)]
async fn a_lookup_outage_does_not_touch_what_needs_no_owner_file() {
    let world = due().await;
    let key = world.keys("raw/").remove(0);
    world.work().await;
    world.spoil(Fault::Fails, reads_owner);
    world.send_bare(&key);
    assert_eq!(world.work().await, [ended(Done::MailedBefore)]);
}

#[tokio::test(start_paused = true)]
async fn a_panic_while_the_mail_is_under_way_is_a_doubt_and_no_plain_panic() {
    let world = due().await;
    world.spoil_once(Fault::Panics, replaces("mail/"));
    let outcomes = world.observed(world.work()).await;
    assert_eq!(outcomes, [failed(Why::MailAmbiguous)]);
    assert_eq!(world.counted().get("EmailsAmbiguous"), Some(&1));
}

#[tokio::test(start_paused = true)]
async fn a_failure_is_told_in_metrics_even_while_storage_hangs() {
    let world = due().await;
    world.home.set_script(|call| match call {
        Call::Get(Bucket::Raw, _) => Some(Fault::Fails),
        Call::Put(..) => Some(Fault::Hangs),
        _ => None,
    });
    world.observed(world.work_until_idle()).await;
    check_told(
        &world,
        "BatchItemFailures 3, FinalAttemptFailed 1, NotMailed 1",
    );
}

#[tokio::test(start_paused = true)]
async fn a_claim_that_could_not_be_written_costs_a_receive_and_a_lost_race_none() {
    let failed = failed(Why::StoreUnavailable);
    for (fault, expected) in [
        (Fault::Conflict, vec![MAILED]),
        (Fault::Fails, vec![failed, MAILED]),
    ] {
        let world = due().await;
        world.spoil_once(fault, creates("mail/"));
        let outcomes = world.work_until_idle().await;
        assert_eq!(outcomes, expected, "{fault:?}");
        let calls = world.home.calls();
        let written = calls.iter().filter(|call| creates("mail/")(call)).count();
        assert_eq!(written, 2, "{fault:?}");
        assert_eq!(world.mailer().sent().len(), 1, "{fault:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_race_that_is_lost_twice_is_put_back_at_no_cost() {
    let world = due().await;
    world.spoil_some(0..2, Fault::Conflict, creates("mail/"));
    let (reason, seconds) = (DeferReason::ClaimLive, 1);
    let lost = Outcome::Deferred { reason, seconds };
    assert_eq!(world.work_until_idle().await, [lost, MAILED]);
    assert_eq!(world.mailer().sent().len(), 1);
}
