//! Names that begin alike, and numbers beyond nine: `a` and `a_1`, `X.r1` and `X.r10`.

use super::prelude::*;

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
    let subjects = BTreeSet::from_iter(subjects(&world));
    let expected = ALIKE.map(|lead| format!("New lead: {lead} → of {lead}"));
    assert_eq!(subjects, BTreeSet::from(expected));
}

#[tokio::test(start_paused = true)]
async fn whichever_of_them_is_forgotten_every_object_of_the_others_stays() {
    for gone in ALIKE {
        let world = World::new();
        for lead in ALIKE {
            world.own(lead);
            world.post_lead(lead).await;
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
        let done = forgotten(&world, gone).await;
        assert_eq!((done.events, done.owner_file), (1, 1), "{gone}");
        let after = objects();
        // Its document and its owner file; and its raw object and its claim are others.
        assert_eq!(before.difference(&after).count(), 4, "{gone}");
        assert_eq!(after.difference(&before).count(), 2, "{gone}");
        let named = list_lead(&*world.home, &lead_id(gone)).await.unwrap();
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

    let flat = r#"{"lead_id":"a"}"#.to_owned();
    let standard = format!(r#"{{"type":"lead.created","data":{flat}}}"#);
    let of_close = close_event("a", "msg_1", "2026-11-23T06:50:00");
    let mut keys = BTreeSet::new();
    for again in [false, true] {
        for (source, secret, body) in [
            (SourceKind::Generic, KEY, &flat),
            (SourceKind::Standard, KEY, &standard),
            (SourceKind::Close, close, &of_close),
        ] {
            let answer = post_signed(&world, source, secret, body).await;
            assert_eq!(event_of(&answer)["duplicate"], again, "{source}");
            keys.insert(key_of(&answer));
        }
        sleep(Duration::from_secs(30)).await;
    }
    assert_eq!(keys.len(), 3, "{keys:?}");
}

#[tokio::test(start_paused = true)]
async fn ids_that_begin_alike_are_events_of_their_own() {
    let world = World::new();
    let ids = ["1", "10", "1.r1", "1_1", "1\u{7e}", "01", "1-1"];
    let mut keys = BTreeSet::new();
    for id in ids.into_iter().chain(ids) {
        keys.insert(key_of(&post_with_id(&world, id).await));
    }
    assert_eq!(keys.len(), ids.len());
}

#[tokio::test(start_paused = true)]
async fn thirty_events_of_one_lead_and_instant_are_known_again_each_by_its_id() {
    let world = World::new();
    let body = |number: usize| close_event("lead_1", &format!("ev_{number}"), INSTANT);
    let mut keys = Vec::new();
    for number in 0..30 {
        keys.push(key_of(&world.post(&body(number)).await));
    }
    assert_eq!(keys.iter().collect::<BTreeSet<_>>().len(), 30);
    for number in (0..30).rev() {
        let again = world.post(&body(number)).await;
        assert_eq!(key_of(&again), keys[number]);
        assert!(is_duplicate(&again), "{number}");
    }
}

#[tokio::test(start_paused = true)]
async fn twelve_replays_have_twelve_numbers_and_each_is_compared_with_the_one_before() {
    let (world, name) = mailed().await;
    for revision in 1..=12 {
        // Every second one changes something.
        let owner = OMAR.replace("Omar", &format!("Owner {}", revision / 2));
        world.put_owner("test-1", &owner);
        let ready = ready(&world, &name).await;
        assert_eq!(ready.compared_with, Some(revision - 1));
        let sent = replayed(&world, &name, Notify::IfChanged).await;
        assert_eq!(sent, queued(revision));
        let trigger = Trigger::parse(&world.queue().bodies()[0]).unwrap();
        assert_eq!(trigger.name, name.clone().with_revision(revision));
        let has_changed = revision == 1 || revision % 2 == 0;
        let end = if has_changed {
            Done::Mailed
        } else {
            Done::Silent
        };
        assert_eq!(world.work_until_idle().await, [ended(end)], "{revision}");
    }
    let mails = world.mailer().sent();
    assert!(mails.last().unwrap().event.ends_with("-r12"));
}

#[tokio::test(start_paused = true)]
async fn the_number_after_the_eleventh_is_the_twelfth_whatever_is_left_of_those_before() {
    for prefix in ["enriched/", "mail/", "failed/", "replay/"] {
        let (world, name) = mailed().await;
        let ready = ready(&world, &name).await;
        for number in [1, 2, 9, 10, 11] {
            world.put(&format!("{prefix}{name}.r{number}.json"), "{}");
        }
        let run = order(Notify::Never, "run", false);
        let sent = replay(&*world.home, &ready, &run).await.unwrap();
        assert_eq!(sent, queued(12), "{prefix}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_has_arrived_of_the_tenth_replay_says_nothing_of_the_first() {
    for prefix in ["enriched/", "mail/", "failed/"] {
        let (world, name) = mailed().await;
        for number in 1..=11 {
            let ready = ready(&world, &name).await;
            let run = order(Notify::Force, &format!("run-{number}"), false);
            replay(&*world.home, &ready, &run).await.unwrap();
            world.queue().purge();
        }
        for (number, has_arrived) in [(1, false), (2, false), (10, true), (11, true)] {
            // Looked at before anything odd was planted.
            let odd = [10, 11].map(|number| format!("{prefix}{name}.r{number}.json"));
            for key in &odd {
                world.remove(key);
            }
            let ready = ready(&world, &name).await;
            for key in &odd {
                world.put(key, "{}");
            }
            let run = order(Notify::Force, &format!("run-{number}"), true);
            let again = replay(&*world.home, &ready, &run).await.unwrap();
            let expected = if has_arrived {
                Replayed::DoneBefore { revision: number }
            } else {
                queued(number)
            };
            assert_eq!(again, expected, "{prefix} {number}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn an_end_of_the_tenth_revision_is_no_end_of_the_first_nor_of_the_event() {
    let (world, name) = mailed().await;
    for _ in 0..10 {
        replayed(&world, &name, Notify::Force).await;
    }
    let bodies = world.queue().bodies();
    world.queue().purge();
    world.put_marker(&format!("mail/{name}.r10.json"), "sent");
    for (number, body) in bodies.iter().enumerate() {
        world.send(body).await;
        let is_tenth = number == 9;
        let end = if is_tenth {
            Done::MailedBefore
        } else {
            Done::Mailed
        };
        assert_eq!(world.work_until_idle().await, [ended(end)], "{number}");
    }
    let tags: BTreeSet<String> = world.mailer().sent().into_iter().map(|m| m.event).collect();
    assert_eq!(tags.len(), 10, "the event and nine replays: {tags:?}");
}

#[tokio::test(start_paused = true)]
async fn every_claim_of_twelve_revisions_is_marked_when_their_lead_is_forgotten() {
    let (world, name) = mailed().await;
    world.home.set_page(1);
    for number in 1..=12 {
        world.put(&format!("enriched/{name}.r{number}.json"), "{}");
        world.put(&format!("failed/{name}.r{number}.json"), "{}");
        let claim = format!(r#"{{"state":"idle","attempt":{number}}}"#);
        world.put(&format!("mail/{name}.r{number}.json"), &claim);
    }
    let forget = forget(&world);
    let found = forget.find(&lead_id("test-1")).await.unwrap();
    assert_eq!(found.events[0].keys.len(), 2 + 24);
    forget.run(&found, async {}, &mut |_step| ()).await.unwrap();
    let left = world.home.keys(Bucket::Enriched, "");
    assert_eq!(left.len(), 13, "{left:?}");
    for mark in left {
        assert_eq!(world.state(&mark), "forgotten", "{mark}");
    }
}

#[tokio::test(start_paused = true)]
async fn more_than_nine_of_everything_the_sweep_and_a_batch_count_is_counted() {
    let world = World::new();
    post_leads(&world, 25).await;
    let bodies = world.queue().bodies();
    world.queue().purge();
    sleep(LONG).await;
    let report = swept(&world).await;
    assert_eq!((report.found, report.sent, report.keys.len()), (25, 25, 25));
    world.queue().purge();
    for body in &bodies {
        world.send(body).await;
    }
    let records = world.queue().receive(25);
    let minute = Duration::from_mins(1);
    let results = world.enrich.handle_batch(records, minute).await;
    assert_eq!(results.len(), 25);
    let ids: BTreeSet<&String> = results.iter().map(|(id, _)| id).collect();
    assert_eq!(ids.len(), 25);
    assert_eq!(world.mailer().sent().len(), 25);
}
