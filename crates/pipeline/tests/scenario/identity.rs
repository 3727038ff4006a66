//! One event is one event by its id, whatever else its sender changes in a retry.

use super::prelude::*;

/// An envelope of the seed's lead with a time as JSON.
fn envelope(time: &str) -> String {
    format!(r#"{{"type":"lead.created","timestamp":{time},"data":{ALICE}}}"#)
}

async fn post_envelope(world: &World, time: &str) -> Answer {
    post_signed(world, SourceKind::Standard, WHSEC, &envelope(time)).await
}

/// The time in the key of the only raw object.
#[track_caller]
fn time_in_key(world: &World) -> String {
    let keys = world.keys("raw/");
    let [key] = &keys[..] else { panic!("{keys:?}") };
    let name = key.trim_end_matches(".json");
    name.rsplit_once('_').unwrap().1.to_owned()
}

#[tokio::test(start_paused = true)]
async fn a_sender_that_renews_its_time_in_a_retry_brings_one_event_and_one_mail() {
    let world = standard_world();
    world.put_owner("test-1", OMAR);
    let times = ["06:50:00Z", "06:50:20Z", "06:51:20Z"];
    let mut duplicates = Vec::new();
    for time in times {
        let time = format!(r#""2026-11-23T{time}""#);
        duplicates.push(is_duplicate(&post_envelope(&world, &time).await));
    }
    assert_eq!(duplicates, [false, true, true]);
    assert_eq!(time_in_key(&world), "20261123T065000000000Z");
    world.work_until_idle().await;
    assert_eq!(world.mailer().tries(), 1);
}

#[tokio::test(start_paused = true)]
async fn the_time_of_the_first_delivery_names_the_key_its_own_or_that_of_receipt() {
    let own = r#""2026-11-22T01:02:03.5Z""#;
    for (time, expected) in [
        (own, "20261122T010203500000Z"),
        ("null", "20261123T065000000000Z"),
        (r#""""#, "20261123T065000000000Z"),
        ("1764399598", "20261123T065000000000Z"),
        (r#""yesterday""#, "20261123T065000000000Z"),
        ("{}", "20261123T065000000000Z"),
    ] {
        let world = standard_world();
        let first = key_of(&post_envelope(&world, time).await);
        assert_eq!(time_in_key(&world), expected, "{time}");
        sleep(Duration::from_mins(1)).await;
        let again = post_envelope(&world, own).await;
        assert_eq!((key_of(&again), is_duplicate(&again)), (first, true));
        assert_eq!(world.keys("dedupe/").len(), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn a_close_event_whose_time_cannot_be_read_is_kept_apart_by_its_id() {
    let world = World::new();
    let body = close_event("lead_1", "ev_1", "yesterday");
    let first = key_of(&world.post(&body).await);
    sleep(Duration::from_mins(1)).await;
    let again = world.post(&body).await;
    assert_eq!((key_of(&again), is_duplicate(&again)), (first, true));
    assert_eq!(time_in_key(&world), "20261123T065000000000Z");
}

#[tokio::test(start_paused = true)]
async fn only_an_event_whose_form_does_not_fix_its_time_needs_an_entry() {
    let world = World::new();
    world.post(&close_event("lead_1", "ev_1", INSTANT)).await;
    world.post(ALICE).await;
    assert_eq!(world.keys("dedupe/"), [""; 0]);
    post_with_id(&world, "order-7").await;
    assert_eq!(world.keys("dedupe/").len(), 1);
}

#[tokio::test(start_paused = true)]
async fn an_event_without_an_id_is_named_by_its_own_time_and_each_delivery_is_an_event() {
    let world = World::new();
    let body = close_event("lead_1", "ev_1", INSTANT).replace(r#""id":"ev_1","#, "");
    let first = key_of(&world.post(&body).await);
    assert_eq!(time_in_key(&world), "20261123T064959123456Z");
    let second = world.post(&body).await;
    assert!(!is_duplicate(&second));
    assert_ne!(key_of(&second), first);
    assert_eq!(world.queue().depth(), 2);
}

#[tokio::test(start_paused = true)]
async fn an_idempotency_key_that_is_no_id_is_ignored_and_said_in_the_answer() {
    let long = "e".repeat(257);
    for key in ["", "order 7", "a\tb", &long] {
        let world = World::new();
        let first = post_with_id(&world, key).await;
        let warnings = event_of(&first)["warnings"].take();
        assert_eq!(warnings, serde_json::json!(["idempotency_key_ignored"]));
        let second = post_with_id(&world, key).await;
        assert!(!is_duplicate(&second), "{key:?}");
        assert_eq!(world.keys("raw/").len(), 2, "{key:?}");
        assert_eq!(world.keys("dedupe/"), [""; 0], "{key:?}");
    }
    let world = World::new();
    for answer in [
        post_with_id(&world, "order-7").await,
        world.post(ALICE).await,
    ] {
        assert_eq!(event_of(&answer).get("warnings"), None);
    }
}

/// A header that stands there and cannot be read: it is not ASCII, or stands there twice.
struct Odd;

impl Headers for Odd {
    fn get(&self, _name: &str) -> Option<&str> {
        None
    }

    fn contains(&self, name: &str) -> bool {
        name == "idempotency-key"
    }
}

#[tokio::test(start_paused = true)]
async fn an_idempotency_key_that_cannot_be_read_is_not_ignored_without_a_word() {
    let world = World::new();
    let answer = world.post_to("/ingest", &Odd, ALICE.as_bytes()).await;
    let warnings = event_of(&answer)["warnings"].take();
    assert_eq!(warnings, serde_json::json!(["idempotency_key_ignored"]));
}

/// Posts an event of a lead under an id.
async fn post_lead_with_id(world: &World, lead: &str, id: &str) -> Answer {
    let headers = header("idempotency-key", id);
    let body = format!(r#"{{"lead_id":"{lead}","display_name":"{lead}"}}"#);
    let posting = world.post_to("/ingest", &headers, body.as_bytes());
    world.observed(posting).await
}

#[tokio::test(start_paused = true)]
async fn the_same_id_with_another_lead_is_a_duplicate_and_the_first_lead_stays() {
    let world = World::new();
    world.own("a");
    world.own("b");
    let first = post_lead_with_id(&world, "a", "order-7").await;
    world.counted();
    sleep(Duration::from_mins(1)).await;
    let again = post_lead_with_id(&world, "b", "order-7").await;
    check_told(
        &world,
        "EventsPerRequest 1, IngestLatency generic 1, LeadsConflicting generic 1, LeadsDuplicate generic 1",
    );
    // The answer says which event it is: the first lead's.
    assert_eq!(
        (key_of(&again), is_duplicate(&again)),
        (key_of(&first), true)
    );
    assert_eq!(event_of(&again)["lead_id"], "a");
    assert_eq!(world.keys("raw/").len(), 1);
    let outcomes = world.work_until_idle().await;
    assert_eq!(count(&outcomes, MAILED), 1, "{outcomes:?}");
    assert!(!has_failed(&outcomes), "{outcomes:?}");
    let document = only(&world, "enriched/");
    let [lead, name] = ["lead_id", "display_name"].map(|member| document[member].clone());
    assert_eq!((lead, name), ("a".into(), "a".into()));
    // The lead that came under an id of its own is an event of its own.
    let own = post_lead_with_id(&world, "b", "order-8").await;
    assert!(!is_duplicate(&own));
}

#[tokio::test(start_paused = true)]
async fn an_id_whose_first_lead_was_never_stored_is_the_next_leads() {
    let world = World::new();
    let is_raw = |call: &Call| matches!(call, Call::Create(Bucket::Raw, _));
    world.spoil_once(Fault::Fails, is_raw);
    let refused = post_lead_with_id(&world, "a", "order-7").await;
    assert_eq!(refused.status, 503);
    for expected in [false, true] {
        let answer = post_lead_with_id(&world, "b", "order-7").await;
        assert_eq!(is_duplicate(&answer), expected);
        assert_eq!(event_of(&answer)["lead_id"], "b");
    }
    assert_eq!(world.keys("raw/").len(), 1);
}

#[tokio::test(start_paused = true)]
async fn the_same_id_with_another_lead_does_not_bring_back_one_that_was_forgotten() {
    let world = World::new();
    let first = post_lead_with_id(&world, "a", "order-7").await;
    forgotten(&world, "a").await;
    let again = post_lead_with_id(&world, "b", "order-7").await;
    assert_eq!(
        (key_of(&again), is_duplicate(&again)),
        (key_of(&first), true)
    );
    assert_eq!(world.keys("raw/").len(), 1);
    assert!(world.peek(&key_of(&first)).unwrap().bytes.is_empty());
}

#[tokio::test(start_paused = true)]
async fn the_first_lead_is_found_in_whichever_slot_its_event_took() {
    let world = World::new();
    // Four ids at one instant: each event of the lead takes the next free slot.
    for id in ["1", "2", "3", "4"] {
        post_lead_with_id(&world, "a", id).await;
    }
    assert_eq!(world.keys("raw/").len(), 4);
    for id in ["4", "2", "1", "3"] {
        let again = post_lead_with_id(&world, "b", id).await;
        assert!(is_duplicate(&again), "{id}");
        assert_eq!(event_of(&again)["event_id"], id);
    }
    assert_eq!(world.keys("raw/").len(), 4);
}

#[tokio::test(start_paused = true)]
async fn two_leads_of_one_close_id_and_time_are_two_events_since_its_form_fixes_both() {
    let world = World::new();
    for lead in ["lead_1", "lead_2"] {
        let answer = world.post(&close_event(lead, "ev_1", INSTANT)).await;
        assert!(!is_duplicate(&answer), "{lead}");
        assert_eq!(event_of(&answer)["lead_id"], lead);
    }
    assert_eq!(world.keys("raw/").len(), 2);
}
