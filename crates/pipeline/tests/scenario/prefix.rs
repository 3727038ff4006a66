//! Names that begin alike, and numbers beyond nine: `a` and `a_1`, `X.r1` and `X.r10`.

use super::duplicate::{Map, header};
use super::{ALICE, OMAR, close_event, json, key_of, own, plant, plant_marker};
use leadwire_domain::key::EventName;
use leadwire_domain::lead::id::{EventId, LeadId};
use leadwire_domain::message::{Notify, Trigger};
use leadwire_domain::source::Source;
use leadwire_pipeline::operate::forget::{Forget, ForgetConfig};
use leadwire_pipeline::operate::replay::{
    Order, Preview, Ready, Replayed, list_lead, preview, replay,
};
use leadwire_pipeline::port::{Bucket, Clock};
use leadwire_pipeline::stage::enrich::{Done, Outcome};
use leadwire_pipeline::stage::sweep::SweepMode;
use leadwire_pipeline::testkit::World;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

/// Leads whose names begin like others', in every way that a key can be misread.
const ALIKE: [&str; 9] = [
    "a",
    "a_1",
    "a-1",
    "a1",
    "aa",
    "A",
    "a_20261123T065000000000Z",
    "a_20261123T065000000000Z_b",
    "crm_event_a",
];

async fn mailed(lead: &str) -> (World, EventName) {
    let world = World::new();
    own(&world, lead);
    let key = key_of(&world.post(&format!(r#"{{"lead_id":"{lead}"}}"#)).await);
    world.work_until_idle().await;
    (world, EventName::parse_raw_key(&key).unwrap())
}

async fn ready(world: &World, name: &EventName) -> Ready {
    match preview(&*world.home, name).await.unwrap() {
        Preview::Ready(ready) => *ready,
        Preview::Refused(refusal) => panic!("{refusal}"),
    }
}

fn order(notify: Notify, run: &str, is_resumed: bool) -> Order {
    Order {
        notify,
        run: run.to_owned(),
        is_resumed,
    }
}

#[tokio::test(start_paused = true)]
async fn each_of_the_leads_that_begin_alike_has_its_own_owner_document_and_mail() {
    let world = World::new();
    for lead in ALIKE {
        let file = format!(r#"{{"lead_id":"{lead}","lead_owner":"of {lead}"}}"#);
        world.put_owner(lead, &file);
        let body = format!(r#"{{"lead_id":"{lead}","display_name":"{lead}"}}"#);
        world.post(&body).await;
    }
    world.work_until_idle().await;
    let subjects: BTreeSet<String> = world
        .mailer()
        .sent()
        .into_iter()
        .map(|mail| mail.text.subject)
        .collect();
    let expected = ALIKE.map(|lead| format!("New lead: {lead} → of {lead}"));
    assert_eq!(subjects, BTreeSet::from(expected));
}

#[tokio::test(start_paused = true)]
async fn whichever_of_them_is_forgotten_every_object_of_the_others_stays() {
    for gone in ALIKE {
        let world = World::new();
        for lead in ALIKE {
            own(&world, lead);
            world.post(&format!(r#"{{"lead_id":"{lead}"}}"#)).await;
        }
        world.work_until_idle().await;
        let objects = || {
            let store = world.store();
            let all = [Bucket::Raw, Bucket::Lookup, Bucket::Enriched];
            let all = all.into_iter().flat_map(|bucket| {
                let keys = store.keys(bucket, "").into_iter();
                keys.map(move |key| (key.clone(), store.peek(bucket, &key).unwrap().etag))
            });
            all.collect::<BTreeSet<_>>()
        };
        let before = objects();
        let config = ForgetConfig {
            lease: jiff::SignedDuration::ZERO,
            owner_file: true,
        };
        let forget = Forget::new(Arc::clone(&world.home), config);
        let found = forget.find(&LeadId::parse(gone).unwrap()).await.unwrap();
        let done = forget.run(&found, || true, &mut |_step| ()).await.unwrap();
        assert_eq!((done.events, done.owner_file), (1, 1), "{gone}");
        let after = objects();
        // Its raw object, its document, its owner file; and its claim is another.
        assert_eq!(before.difference(&after).count(), 4, "{gone}");
        assert_eq!(after.difference(&before).count(), 1, "{gone}");
        let named: Vec<_> = list_lead(&*world.home, &LeadId::parse(gone).unwrap())
            .await
            .unwrap();
        assert!(named.is_empty(), "{gone}: {named:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn one_id_at_three_sources_is_three_events_and_at_one_source_one() {
    const KEY: &str = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";
    let close = "b9260244ef33625f9b4b26a27db08758cdd39478b852c73f2d33ab042eb8abb4";
    let world = World::new();
    world.secrets.set(&format!(
        r#"{{"close":{{"secrets":["{close}"]}},"standard":{{"secrets":["{KEY}"]}},"generic":{{"secrets":["{KEY}"]}}}}"#
    ));
    let id = EventId::parse("ev_1").unwrap();
    let flat = r#"{"lead_id":"a"}"#.to_owned();
    let standard = format!(r#"{{"type":"lead.created","data":{flat}}}"#);
    let of_close = close_event("a", "ev_1", "2026-11-23T06:50:00");
    let mut keys = BTreeSet::new();
    for again in [false, true] {
        for (path, source, secret, body) in [
            ("/ingest", Source::Generic, KEY, &flat),
            ("/ingest/standard", Source::Standard, KEY, &standard),
            ("/ingest/close", Source::Close, close, &of_close),
        ] {
            let now = world.clock().now();
            let key = source.parse_key(secret).unwrap();
            let headers = key.sign(&id, body.as_bytes(), now).unwrap();
            let headers = Map(headers.into_iter().collect());
            let answer = world.post_to(path, &headers, body.as_bytes()).await;
            assert_eq!(json(&answer)["events"][0]["duplicate"], again, "{path}");
            keys.insert(key_of(&answer));
        }
        tokio::time::sleep(Duration::from_secs(30)).await;
    }
    assert_eq!(keys.len(), 3, "{keys:?}");
}

#[tokio::test(start_paused = true)]
async fn ids_that_begin_alike_are_events_of_their_own() {
    let world = World::new();
    let ids = ["1", "10", "1.r1", "1_1", "1\u{7e}", "01", "1-1"];
    let mut keys = BTreeSet::new();
    for id in ids.into_iter().chain(ids) {
        let headers = header("idempotency-key", id);
        keys.insert(key_of(
            &world.post_to("/ingest", &headers, ALICE.as_bytes()).await,
        ));
    }
    assert_eq!(keys.len(), ids.len());
}

#[tokio::test(start_paused = true)]
async fn thirty_events_of_one_lead_and_instant_are_known_again_each_by_its_id() {
    let world = World::new();
    let body = |number: usize| {
        close_event(
            "lead_1",
            &format!("ev_{number}"),
            "2026-11-23T06:49:59.123456",
        )
    };
    let mut keys = Vec::new();
    for number in 0..30 {
        keys.push(key_of(&world.post(&body(number)).await));
    }
    assert_eq!(keys.iter().collect::<BTreeSet<_>>().len(), 30);
    for number in (0..30).rev() {
        let again = world.post(&body(number)).await;
        assert_eq!(key_of(&again), keys[number]);
        assert_eq!(json(&again)["events"][0]["duplicate"], true, "{number}");
    }
}

#[tokio::test(start_paused = true)]
async fn twelve_replays_have_twelve_numbers_and_each_is_compared_with_the_one_before() {
    let (world, name) = mailed("test-1").await;
    for revision in 1..=12 {
        // Every second one changes something.
        let owner = OMAR.replace("Omar", &format!("Owner {}", revision / 2));
        world.put_owner("test-1", &owner);
        let ready = ready(&world, &name).await;
        assert_eq!(ready.compared_with, Some(revision - 1));
        let sent = replay(&*world.home, &ready, &order(Notify::IfChanged, "r", false)).await;
        assert_eq!(sent.unwrap(), Replayed::Queued { revision });
        let trigger = Trigger::parse(&world.queue().bodies()[0]).unwrap();
        assert_eq!(trigger.name, name.clone().with_revision(revision));
        let done = if revision == 1 || revision % 2 == 0 {
            Done::Mailed
        } else {
            Done::Silent
        };
        assert_eq!(
            world.work_until_idle().await,
            [Outcome::Done(done)],
            "{revision}"
        );
    }
    let mails = world.mailer().sent();
    assert!(mails.last().unwrap().event.ends_with("-r12"));
}

#[tokio::test(start_paused = true)]
async fn the_number_after_the_eleventh_is_the_twelfth_whatever_is_left_of_those_before() {
    for prefix in ["enriched/", "mail/", "failed/", "replay/"] {
        let (world, name) = mailed("test-1").await;
        let ready = ready(&world, &name).await;
        for number in [1, 2, 9, 10, 11] {
            plant(&world, &format!("{prefix}{name}.r{number}.json"), "{}");
        }
        let run = order(Notify::Never, "run", false);
        let sent = replay(&*world.home, &ready, &run).await.unwrap();
        assert_eq!(sent, Replayed::Queued { revision: 12 }, "{prefix}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_has_arrived_of_the_tenth_replay_says_nothing_of_the_first() {
    for prefix in ["enriched/", "mail/", "failed/"] {
        let (world, name) = mailed("test-1").await;
        for number in 1..=11 {
            let ready = ready(&world, &name).await;
            let run = order(Notify::Force, &format!("run-{number}"), false);
            replay(&*world.home, &ready, &run).await.unwrap();
            world.queue().purge();
        }
        for number in [10, 11] {
            let key = format!("{prefix}{name}.r{number}.json");
            plant(&world, &key, "{}");
        }
        for (number, has_arrived) in [(1, false), (2, false), (10, true), (11, true)] {
            let ready = Ready::clone(&{
                // Looked at before anything odd was planted.
                world
                    .store()
                    .remove(Bucket::Enriched, &format!("enriched/{name}.r10.json"));
                world
                    .store()
                    .remove(Bucket::Enriched, &format!("enriched/{name}.r11.json"));
                ready(&world, &name).await
            });
            for number in [10, 11] {
                plant(&world, &format!("{prefix}{name}.r{number}.json"), "{}");
            }
            let run = order(Notify::Force, &format!("run-{number}"), true);
            let again = replay(&*world.home, &ready, &run).await.unwrap();
            let expected = if has_arrived {
                Replayed::DoneBefore { revision: number }
            } else {
                Replayed::Queued { revision: number }
            };
            assert_eq!(again, expected, "{prefix} {number}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn an_end_of_the_tenth_revision_is_no_end_of_the_first_nor_of_the_event() {
    let (world, name) = mailed("test-1").await;
    for _ in 0..10 {
        let ready = ready(&world, &name).await;
        let run = order(Notify::Force, "run", false);
        replay(&*world.home, &ready, &run).await.unwrap();
    }
    let bodies = world.queue().bodies();
    world.queue().purge();
    plant_marker(&world, &format!("mail/{name}.r10.json"), "sent");
    for (number, body) in bodies.iter().enumerate() {
        super::send(&world, body).await;
        let done = if number == 9 {
            Done::MailedBefore
        } else {
            Done::Mailed
        };
        assert_eq!(
            world.work_until_idle().await,
            [Outcome::Done(done)],
            "{number}"
        );
    }
    let tags: BTreeSet<String> = world.mailer().sent().into_iter().map(|m| m.event).collect();
    assert_eq!(tags.len(), 10, "the event and nine replays: {tags:?}");
}

#[tokio::test(start_paused = true)]
async fn every_claim_of_twelve_revisions_is_marked_when_their_lead_is_forgotten() {
    let (world, name) = mailed("test-1").await;
    world.store().set_page(1);
    for number in 1..=12 {
        plant(&world, &format!("enriched/{name}.r{number}.json"), "{}");
        plant(&world, &format!("failed/{name}.r{number}.json"), "{}");
        let claim = format!(r#"{{"state":"idle","attempt":{number}}}"#);
        plant(&world, &format!("mail/{name}.r{number}.json"), &claim);
    }
    let config = ForgetConfig {
        lease: jiff::SignedDuration::ZERO,
        owner_file: false,
    };
    let forget = Forget::new(Arc::clone(&world.home), config);
    let found = forget
        .find(&LeadId::parse("test-1").unwrap())
        .await
        .unwrap();
    assert_eq!(found.events[0].keys.len(), 2 + 24);
    forget.run(&found, || true, &mut |_step| ()).await.unwrap();
    let left = world.store().keys(Bucket::Enriched, "");
    assert_eq!(left.len(), 13, "{left:?}");
    for mark in left {
        let marker = world.store().peek(Bucket::Enriched, &mark).unwrap();
        assert_eq!(marker.metadata["state"], "forgotten", "{mark}");
    }
}

#[tokio::test(start_paused = true)]
async fn more_than_nine_of_everything_the_sweep_and_a_batch_count_is_counted() {
    let world = World::new();
    for number in 0..25 {
        let lead = format!("l{number}");
        own(&world, &lead);
        world.post(&format!(r#"{{"lead_id":"{lead}"}}"#)).await;
    }
    let bodies = world.queue().bodies();
    world.queue().purge();
    tokio::time::sleep(Duration::from_hours(3)).await;
    let report = world.sweep.run(SweepMode::Send).await.unwrap();
    assert_eq!((report.found, report.sent, report.keys.len()), (25, 25, 25));
    world.queue().purge();
    for body in &bodies {
        super::send(&world, body).await;
    }
    let records = world.queue().receive(25);
    let results = world
        .enrich
        .handle_batch(records, Duration::from_mins(1))
        .await;
    assert_eq!(results.len(), 25);
    let ids: BTreeSet<&String> = results.iter().map(|(id, _)| id).collect();
    assert_eq!(ids.len(), 25);
    assert_eq!(world.mailer().sent().len(), 25);
}
