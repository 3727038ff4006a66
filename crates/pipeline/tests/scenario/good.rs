use super::prelude::*;

#[tokio::test(start_paused = true)]
async fn a_lead_is_stored_verbatim_waits_ten_minutes_and_is_mailed_once() {
    let world = World::new();
    world.put_owner("test-1", OMAR);
    let accepted_at = world.clock().now();
    let answer = world.post(ALICE).await;
    let key = key_of(&answer);
    assert_eq!(key, "raw/crm_event_test-1_20261123T065000000000Z.json");
    assert_eq!(world.peek(&key).unwrap().bytes, ALICE.as_bytes());
    let due = &event_of(&answer)["enrich_not_before"];
    assert_eq!(due, "2026-11-23T07:00:00Z");

    assert_eq!(world.work_until_idle().await, [MAILED]);
    assert!(world.clock().now().duration_since(accepted_at) >= SignedDuration::from_secs(600));

    let document = only(&world, "enriched/");
    assert_eq!(document["display_name"], "Alice");
    assert_eq!(document["lead_owner"], "Omar");
    assert_eq!(document["lead_email"], "alice@crm.example.com");
    assert_eq!(document["_leadwire"]["raw_key"], key.as_str());
    let mails = world.mailer().sent();
    assert_eq!(mails.len(), 1);
    assert_eq!(mails[0].text.subject, "New lead: Alice → Omar");
    assert_eq!(mails[0].event, "crm_event_test-1_20261123T065000000000Z");
    assert_eq!(mails[0].attempt, 1);
    assert_eq!(world.state(&world.keys("mail/")[0]), "sent");
}

#[tokio::test(start_paused = true)]
async fn an_event_is_enriched_by_two_reads_at_once_two_writes_at_once_a_mail_and_one_write() {
    let world = World::new();
    world.put_owner("test-1", OMAR);
    let raw = key_of(&world.post(ALICE).await);
    let before = world.home.calls().len();
    sleep(Duration::from_mins(10)).await;
    world.spoil(Fault::Late, |call| {
        matches!(call, Call::Get(..) | Call::Create(..))
    });
    let began = Instant::now();
    assert_eq!(world.work().await, [MAILED]);
    let took = began.elapsed().as_secs();
    assert!(took < 7, "one late call after another");

    let mut reads = world.home.calls().split_off(before);
    let writes = reads.split_off(2);
    let of = |prefix: &str| raw.replacen("raw/", prefix, 1);
    let (enriched, mail) = (of("enriched/"), of("mail/"));
    for read in [
        Call::Get(Bucket::Raw, raw.clone()),
        Call::Get(Bucket::Lookup, "test-1.json".to_owned()),
    ] {
        assert!(reads.contains(&read), "{read:?} is not in {reads:?}");
    }
    let expected = [
        Call::Create(Bucket::Enriched, enriched),
        Call::Create(Bucket::Enriched, mail.clone()),
        Call::Replace(Bucket::Enriched, mail),
    ];
    assert_eq!(writes, expected);
}

#[tokio::test(start_paused = true)]
async fn nothing_is_written_or_mailed_before_its_time_whatever_the_queue_does() {
    let world = posted(World::new()).await;
    for minute in 1..=9 {
        sleep(Duration::from_mins(1)).await;
        world.queue().deliver_now();
        let outcomes = world.work().await;
        let is_deferred = matches!(outcomes[..], [Outcome::Deferred { .. }]);
        assert!(is_deferred, "minute {minute}: {outcomes:?}");
    }
    let writes = |call: &Call| matches!(call, Call::Create(Bucket::Enriched, _) | Call::Put(..));
    assert!(!world.home.calls().iter().any(writes));
    assert_eq!(world.mailer().tries(), 0);
    assert_eq!(world.work_until_idle().await, [MAILED]);
    assert!(costs_no_receive(&world), "waiting costs no receives");
}

#[tokio::test(start_paused = true)]
async fn an_operators_bare_message_is_worked_on_at_once() {
    let world = World::new();
    world.put_owner("test-1", OMAR);
    let key = key_of(&world.post(ALICE).await);
    world.send_bare(&key);
    let before = world.clock().now();
    assert_eq!(world.work().await, [MAILED]);
    assert_eq!(world.clock().now(), before);
    assert_eq!(world.work_until_idle().await, [ended(Done::MailedBefore)]);
    assert_eq!(world.mailer().sent().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_raw_object_that_was_put_by_hand_is_read_from_its_body() {
    let world = World::new();
    world.own("lead_9");
    let body = close_event("lead_9", "ev_9", "2026-11-20T07:27:17.674000");
    world.put("raw/by-hand.json", &body);
    world.send_bare("raw/by-hand.json");
    assert_eq!(world.work().await, [MAILED]);
    let document = only(&world, "enriched/");
    assert_eq!(document["_leadwire"]["event_id"], "ev_9");
    assert_eq!(document["_leadwire"]["source"], "close");
}

#[tokio::test(start_paused = true)]
async fn what_happened_is_told_once_in_metrics() {
    let world = World::new();
    world.put_owner("test-1", OMAR);
    let course = async {
        world.post(ALICE).await;
        world.work_until_idle().await;
    };
    world.observed(course).await;
    check_told(&world, WHOLE);
}

#[tokio::test(start_paused = true)]
async fn two_hundred_events_of_one_lead_in_one_microsecond_are_two_hundred_mails() {
    let world = World::new();
    world.own("lead_1");
    let bodies: Vec<String> = (0..200)
        .map(|i| close_event("lead_1", &format!("ev_{i}"), INSTANT))
        .collect();
    let answers = join_all(bodies.iter().map(|body| world.post(body))).await;
    let keys: BTreeSet<String> = answers.iter().map(key_of).collect();
    assert_eq!(keys.len(), 200);
    world.work_until_idle().await;
    let mut subjects = subjects(&world);
    assert_eq!(subjects.len(), 200);
    subjects.sort();
    subjects.dedup();
    assert_eq!(subjects.len(), 200, "each was merged from its own event");
}

#[tokio::test(start_paused = true)]
async fn parallel_leads_are_merged_each_with_its_own_owner() {
    let world = World::new();
    for i in 0..500 {
        let file = format!(r#"{{"lead_id":"lead-{i}","lead_owner":"Owner {i}"}}"#);
        world.put_owner(&format!("lead-{i}"), &file);
    }
    let bodies: Vec<String> = (0..500)
        .map(|i| format!(r#"{{"lead_id":"lead-{i}","display_name":"Lead {i}"}}"#))
        .collect();
    join_all(bodies.iter().map(|body| world.post(body))).await;
    world.work_until_idle().await;
    let subjects = subjects(&world);
    assert_eq!(subjects.len(), 500);
    let expected = (0..500).map(|i| format!("New lead: Lead {i} → Owner {i}"));
    assert_eq!(BTreeSet::from_iter(subjects), expected.collect());
}

#[tokio::test(start_paused = true)]
async fn the_delay_is_measured_once_an_event_also_when_the_queue_was_early_or_doubled_the_message()
{
    let world = posted(World::new()).await;
    let body = world.queue().bodies().remove(0);
    let course = async {
        world.queue().deliver_now();
        world.work_until_idle().await;
        world.send(&body).await;
        world.work_until_idle().await;
    };
    world.observed(course).await;
    assert_eq!(world.counted().get("EnrichmentDelay"), Some(&1));
}
