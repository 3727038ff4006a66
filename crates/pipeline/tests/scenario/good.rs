use super::{ALICE, OMAR, close_event, json, key_of, only};
use jiff::SignedDuration;
use leadwire_pipeline::port::{Bucket, Clock, DelayQueue, Home, OutgoingMessage};
use leadwire_pipeline::stage::enrich::{Done, Outcome};
use leadwire_pipeline::testkit::{Call, Fault, World};
use leadwire_pipeline::trace::TraceContext;
use std::time::Duration;
use tokio::time::Instant;

#[tokio::test(start_paused = true)]
async fn a_lead_is_stored_verbatim_waits_ten_minutes_and_is_mailed_once() {
    let world = World::new();
    world.put_owner("test-1", OMAR);
    let accepted_at = world.clock().now();
    let answer = world.post(ALICE).await;
    let key = key_of(&answer);
    assert_eq!(key, "raw/crm_event_test-1_20261123T065000000000Z.json");
    assert_eq!(
        world.store().peek(Bucket::Raw, &key).unwrap().bytes,
        ALICE.as_bytes()
    );
    assert_eq!(
        json(&answer)["events"][0]["enrich_not_before"],
        "2026-11-23T07:00:00Z"
    );

    assert_eq!(world.work_until_idle().await, [Outcome::Done(Done::Mailed)]);
    assert!(world.clock().now().duration_since(accepted_at) >= SignedDuration::from_secs(600));

    let document = only(&world, "enriched/");
    assert_eq!(document["display_name"], "Alice");
    assert_eq!(document["lead_owner"], "Omar");
    assert_eq!(document["lead_email"], "alice@crm.example.com");
    assert_eq!(document["_leadwire"]["raw_key"], key.as_str());
    let mails = world.mailer().sent();
    assert_eq!(mails.len(), 1);
    assert_eq!(mails[0].text.subject, "New lead: Alice → Omar");
    assert_eq!(
        (mails[0].event.as_str(), mails[0].attempt),
        ("crm_event_test-1_20261123T065000000000Z", 1)
    );
    let marker = world.store().keys(Bucket::Enriched, "mail/");
    let marker = world.store().peek(Bucket::Enriched, &marker[0]).unwrap();
    assert!(marker.bytes.is_empty());
    assert_eq!(marker.metadata["state"], "sent");
}

#[tokio::test(start_paused = true)]
async fn an_event_is_enriched_by_four_reads_at_once_and_three_writes() {
    let world = World::new();
    world.put_owner("test-1", OMAR);
    let raw = key_of(&world.post(ALICE).await);
    let before = world.store().calls().len();
    tokio::time::sleep(Duration::from_mins(10)).await;
    let is_read = |call: &Call| matches!(call, Call::Get(..));
    world
        .store()
        .set_script(move |call| is_read(call).then_some(Fault::Late));
    let began = Instant::now();
    assert_eq!(world.work().await, [Outcome::Done(Done::Mailed)]);
    assert!(
        began.elapsed() < Duration::from_secs(4),
        "one late read after another"
    );

    let mut reads = world.store().calls().split_off(before);
    let writes = reads.split_off(4);
    let of = |prefix: &str| raw.replacen("raw/", prefix, 1);
    let (enriched, mail) = (of("enriched/"), of("mail/"));
    for read in [
        Call::Get(Bucket::Enriched, enriched.clone()),
        Call::Get(Bucket::Raw, raw.clone()),
        Call::Get(Bucket::Lookup, "test-1.json".to_owned()),
        Call::Get(Bucket::Enriched, mail.clone()),
    ] {
        assert!(reads.contains(&read), "{read:?} is not in {reads:?}");
    }
    assert_eq!(
        writes,
        [
            Call::Create(Bucket::Enriched, enriched),
            Call::Create(Bucket::Enriched, mail.clone()),
            Call::Replace(Bucket::Enriched, mail),
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn nothing_is_written_or_mailed_before_its_time_whatever_the_queue_does() {
    let world = World::new();
    world.put_owner("test-1", OMAR);
    world.post(ALICE).await;
    for minute in 1..=9 {
        tokio::time::sleep(std::time::Duration::from_mins(1)).await;
        world.queue().deliver_now();
        let outcomes = world.work().await;
        assert!(
            matches!(outcomes[..], [Outcome::Deferred { .. }]),
            "minute {minute}: {outcomes:?}"
        );
    }
    assert!(
        world
            .store()
            .calls()
            .iter()
            .all(|call| !matches!(call, Call::Create(Bucket::Enriched, _) | Call::Put(..)))
    );
    assert_eq!(world.mailer().tries(), 0);
    assert_eq!(world.work_until_idle().await, [Outcome::Done(Done::Mailed)]);
    assert!(
        world
            .queue()
            .deliveries()
            .iter()
            .all(|(_, receives)| *receives == 1),
        "waiting costs no receives"
    );
}

#[tokio::test(start_paused = true)]
async fn an_operators_bare_message_is_worked_on_at_once() {
    let world = World::new();
    world.put_owner("test-1", OMAR);
    let key = key_of(&world.post(ALICE).await);
    world.send_bare(&key);
    let before = world.clock().now();
    assert_eq!(world.work().await, [Outcome::Done(Done::Mailed)]);
    assert_eq!(world.clock().now(), before);
    assert_eq!(
        world.work_until_idle().await,
        [Outcome::Done(Done::MailedBefore)]
    );
    assert_eq!(world.mailer().sent().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_raw_object_that_was_put_by_hand_is_read_from_its_body() {
    use leadwire_pipeline::port::NewObject;
    let world = World::new();
    world.put_owner("lead_9", r#"{"lead_id":"lead_9","lead_owner":"Omar"}"#);
    let body = close_event("lead_9", "ev_9", "2026-11-20T07:27:17.674000");
    world.store().plant(
        Bucket::Raw,
        "raw/by-hand.json",
        NewObject::of(body.into_bytes()),
    );
    world.send_bare("raw/by-hand.json");
    assert_eq!(world.work().await, [Outcome::Done(Done::Mailed)]);
    let document = only(&world, "enriched/");
    assert_eq!(document["_leadwire"]["event_id"], "ev_9");
    assert_eq!(document["_leadwire"]["source"], "close");
}

#[tokio::test(start_paused = true)]
async fn what_happened_is_told_once_in_metrics() {
    let world = World::new();
    world.put_owner("test-1", OMAR);
    world
        .observed(async {
            world.post(ALICE).await;
            world.work_until_idle().await;
        })
        .await;
    let told = world.told();
    for metric in [
        "LeadsAccepted",
        "IngestLatency",
        "EnrichmentDelay",
        "EnrichmentLag",
        "LeadsEnriched",
        "EmailsSent",
        "EndToEndLatency",
        "MailedInTime",
    ] {
        assert_eq!(told.get(metric), Some(&1), "{metric} in {told:?}");
    }
    assert_eq!(told.len(), 8, "{told:?}");
}

#[tokio::test(start_paused = true)]
async fn two_hundred_events_of_one_lead_in_one_microsecond_are_two_hundred_mails() {
    let world = World::new();
    world.put_owner("lead_1", r#"{"lead_id":"lead_1","lead_owner":"Omar"}"#);
    let bodies: Vec<String> = (0..200)
        .map(|i| close_event("lead_1", &format!("ev_{i}"), "2026-11-23T06:49:59.123456"))
        .collect();
    let answers = futures_util::future::join_all(bodies.iter().map(|body| world.post(body))).await;
    let keys: std::collections::BTreeSet<String> = answers.iter().map(key_of).collect();
    assert_eq!(keys.len(), 200);
    world.work_until_idle().await;
    assert_eq!(world.mailer().sent().len(), 200);
    let subjects: std::collections::BTreeSet<String> = world
        .mailer()
        .sent()
        .into_iter()
        .map(|mail| mail.text.subject)
        .collect();
    assert_eq!(subjects.len(), 200, "each was merged from its own event");
}

#[tokio::test(start_paused = true)]
async fn parallel_leads_are_merged_each_with_its_own_owner() {
    let world = World::new();
    for i in 0..500 {
        world.put_owner(
            &format!("lead-{i}"),
            &format!(r#"{{"lead_id":"lead-{i}","lead_owner":"Owner {i}"}}"#),
        );
    }
    let bodies: Vec<String> = (0..500)
        .map(|i| format!(r#"{{"lead_id":"lead-{i}","display_name":"Lead {i}"}}"#))
        .collect();
    futures_util::future::join_all(bodies.iter().map(|body| world.post(body))).await;
    world.work_until_idle().await;
    let mut subjects: Vec<String> = world
        .mailer()
        .sent()
        .into_iter()
        .map(|mail| mail.text.subject)
        .collect();
    let mut expected: Vec<String> = (0..500)
        .map(|i| format!("New lead: Lead {i} → Owner {i}"))
        .collect();
    subjects.sort();
    expected.sort();
    assert_eq!(subjects, expected);
}

#[tokio::test(start_paused = true)]
async fn the_delay_is_measured_once_an_event_also_when_the_queue_was_early_or_doubled_the_message()
{
    let world = World::new();
    world.put_owner("test-1", OMAR);
    world.post(ALICE).await;
    let body = world.queue().bodies().remove(0);
    world
        .observed(async {
            world.queue().deliver_now();
            world.work_until_idle().await;
            let copy = OutgoingMessage {
                body,
                delay_seconds: 0,
                trace: TraceContext::default(),
            };
            world.home.queue().send(copy).await.unwrap();
            world.work_until_idle().await;
        })
        .await;
    assert_eq!(world.told().get("EnrichmentDelay"), Some(&1));
}
