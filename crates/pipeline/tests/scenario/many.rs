//! Many events in one request: each is stored, queued and answered by itself, and none keeps another from its 202.

use super::prelude::*;
use serde_json::json;

fn envelope(lead_id: &str) -> String {
    format!(r#"{{"type":"lead.created", "data":{{"lead_id":"{lead_id}"}}}}"#)
}

fn array(elements: &[String]) -> String {
    format!("[{}]", elements.join(",\n "))
}

/// Envelopes of the leads l0, l1, and so on, which have owners.
fn leads(world: &World, count: usize) -> Vec<String> {
    let ids = (0..count).map(|number| format!("l{number}"));
    ids.map(|id| {
        world.own(&id);
        envelope(&id)
    })
    .collect()
}

async fn post(world: &World, body: &str) -> Answer {
    world
        .observed(post_signed(world, SourceKind::Standard, WHSEC, body))
        .await
}

/// A member of every accepted event.
#[track_caller]
fn all(answer: &Answer, member: &str) -> Vec<Value> {
    assert_eq!(answer.status, 202, "{}", answer.body);
    let events = json(answer)["events"].take();
    let events = events.as_array().unwrap().iter();
    events.map(|event| event[member].clone()).collect()
}

#[tokio::test(start_paused = true)]
async fn every_event_of_an_array_is_stored_as_it_came_queued_and_mailed() {
    let world = standard_world();
    let elements = leads(&world, 3);
    let answer = post(&world, &array(&elements)).await;
    assert_eq!(all(&answer, "lead_id"), ["l0", "l1", "l2"]);
    assert_eq!(all(&answer, "event_id"), ["msg_1.0", "msg_1.1", "msg_1.2"]);
    assert_eq!(all(&answer, "duplicate"), [false; 3]);
    assert_eq!(json(&answer).get("refused"), None);
    check_told(
        &world,
        "EventsPerRequest 3, IngestLatency standard 3, LeadsAccepted standard 3",
    );
    for (key, element) in all(&answer, "s3_key").iter().zip(&elements) {
        let stored = world.peek(key.as_str().unwrap()).unwrap();
        assert_eq!(stored.bytes, element.as_bytes());
        assert_eq!(stored.metadata["source"], "standard");
        assert_eq!(stored.metadata["kind"], "standard");
    }
    assert_eq!(world.work_until_idle().await, [MAILED; 3]);
    assert_eq!(world.mailer().tries(), 3);
}

#[tokio::test(start_paused = true)]
async fn an_array_of_one_keeps_the_id_of_its_request() {
    let world = standard_world();
    let answer = post(&world, &array(&leads(&world, 1))).await;
    assert_eq!(event_of(&answer)["event_id"], "msg_1");
}

#[tokio::test(start_paused = true)]
async fn an_element_that_is_no_event_is_kept_by_itself_and_the_others_are_taken() {
    let world = standard_world();
    let bad = r#"{"type":"lead.created", "data":{}}"#.to_owned();
    let elements = [envelope("l0"), bad.clone(), envelope("l1"), "7".to_owned()];
    let answer = post(&world, &array(&elements)).await;
    // The place counts, whatever stands before it.
    assert_eq!(all(&answer, "event_id"), ["msg_1.0", "msg_1.2"]);
    let refused = json!([
        {"index": 1, "code": "invalid_lead_id"}, {"index": 3, "code": "invalid_event"},
    ]);
    assert_eq!(json(&answer)["refused"], refused);
    let kept = world.keys("quarantine/");
    let kept: BTreeSet<_> = kept
        .iter()
        .map(|key| world.peek(key).unwrap().bytes)
        .collect();
    assert_eq!(kept, BTreeSet::from([bad.into_bytes(), b"7".to_vec()]));
    check_told(
        &world,
        "EventsPerRequest 2, IngestLatency standard 2, LeadsAccepted standard 2, LeadsRejected invalid_event 1, LeadsRejected invalid_lead_id 1, Quarantined 2",
    );
}

#[tokio::test(start_paused = true)]
async fn a_request_of_which_nothing_is_taken_names_the_types_and_what_is_no_event() {
    let world = standard_world();
    let typed = |event_type: &str| format!(r#"{{"type":"{event_type}","data":null}}"#);
    let mut elements = vec![typed("lead.deleted"), typed("ping"), typed("lead.deleted")];
    let answer = post(&world, &array(&elements)).await;
    assert_eq!(answer.status, 200);
    let expected = json!({
        "status": "ignored", "reason": "event_type_not_taken", "types": ["lead.deleted", "ping"],
    });
    assert_eq!(json(&answer), expected);
    elements.push("{}".to_owned());
    let answer = post(&world, &array(&elements)).await;
    assert_eq!(answer.status, 200);
    let refused = json!([{"index": 3, "code": "invalid_lead_id"}]);
    assert_eq!(json(&answer)["refused"], refused);
    assert_eq!(world.keys("raw/"), [""; 0]);
    assert_eq!(world.queue().depth(), 0);
    elements.push(envelope("l0"));
    let answer = post(&world, &array(&elements)).await;
    assert_eq!(all(&answer, "event_id"), ["msg_1.4"]);
    assert_eq!(json(&answer)["refused"], refused);
}

#[tokio::test(start_paused = true)]
async fn a_request_of_which_every_element_is_refused_is_refused_for_the_first() {
    let world = standard_world();
    let answer = post(&world, r#"[{"lead_id":" "},7]"#).await;
    check_refused(&answer, 400, "invalid_lead_id");
    assert_eq!(world.keys("quarantine/").len(), 2);
    check_told(
        &world,
        "LeadsRejected invalid_event 1, LeadsRejected invalid_lead_id 1, Quarantined 2",
    );
}

#[tokio::test(start_paused = true)]
async fn a_request_without_an_element_or_with_too_many_is_kept_whole() {
    for (body, status, code) in [
        ("[]".to_owned(), 400, "invalid_event"),
        ("[{}".to_owned(), 400, "invalid_json"),
        (array(&vec![envelope("l"); 101]), 413, "too_many_events"),
    ] {
        let world = standard_world();
        check_refused(&post(&world, &body).await, status, code);
        let kept = world.keys("quarantine/");
        assert_eq!(world.peek(&kept[0]).unwrap().bytes, body.as_bytes());
        assert_eq!(world.keys("raw/"), [""; 0]);
    }
    let world = standard_world();
    let most = array(&vec![envelope("l"); 100]);
    assert_eq!(all(&post(&world, &most).await, "lead_id").len(), 100);
}

#[tokio::test(start_paused = true)]
async fn events_of_one_lead_at_one_instant_find_slots_of_their_own_in_one_request() {
    let world = standard_world();
    let same =
        r#"{"type":"lead.created","timestamp":"2026-11-23T06:49:59Z","data":{"lead_id":"a"}}"#;
    let body = array(&vec![same.to_owned(); 20]);
    let answer = post(&world, &body).await;
    let keys: BTreeSet<_> = all(&answer, "s3_key")
        .iter()
        .map(Value::to_string)
        .collect();
    assert_eq!(keys.len(), 20);
    assert_eq!(world.queue().depth(), 20);
    let again = post(&world, &body).await;
    assert_eq!(all(&again, "s3_key"), all(&answer, "s3_key"));
    assert_eq!(all(&again, "duplicate"), [true; 20]);
}

#[tokio::test(start_paused = true)]
async fn at_most_sixteen_events_of_a_request_are_stored_at_once() {
    let world = standard_world();
    let body = array(&leads(&world, 40));
    world.spoil(Fault::Late, creates("raw/"));
    let start = Instant::now();
    // Three rounds of three seconds are more than a webhook has.
    assert_eq!(post(&world, &body).await.status, 503);
    assert_eq!(start.elapsed().as_secs(), 4);
    assert_eq!(world.keys("raw/").len(), 16);
    world.home.clear_script();
    let answer = post(&world, &body).await;
    let duplicates = all(&answer, "duplicate");
    let duplicates = duplicates.iter().filter(|is| **is == true);
    assert_eq!(duplicates.count(), 16);
}

#[tokio::test(start_paused = true)]
async fn one_event_that_cannot_be_stored_makes_the_request_come_again_and_the_others_are_found() {
    let world = standard_world();
    let body = array(&leads(&world, 5));
    world.spoil(Fault::Fails, |call| {
        call.is_on("raw/crm_event_l3") && matches!(call, Call::Create(..))
    });
    let answer = Box::pin(world.observed(post(&world, &body))).await;
    let said = (answer.status, answer.retry_after_seconds);
    assert_eq!(said, (503, Some(5)));
    assert_eq!((world.keys("raw/").len(), world.queue().depth()), (4, 4));
    let counted = |world: &World| {
        let counted = world.counted();
        ["LeadsAccepted", "LeadsDuplicate"].map(|name| counted.get(name).copied().unwrap_or(0))
    };
    assert_eq!(
        counted(&world),
        [4, 0],
        "each event once, when it is stored first"
    );
    world.home.clear_script();
    let answer = Box::pin(world.observed(post(&world, &body))).await;
    assert_eq!(counted(&world), [1, 4]);
    assert_eq!(all(&answer, "duplicate"), [true, true, true, false, true]);
    world.work_until_idle().await;
    assert_eq!(world.mailer().tries(), 5);
}

#[tokio::test(start_paused = true)]
async fn one_trigger_of_a_batch_that_is_not_taken_makes_the_request_come_again() {
    for place in 0..3 {
        let world = standard_world();
        let body = array(&leads(&world, 3));
        world.home.fail_send_at(place);
        assert_eq!(post(&world, &body).await.status, 503);
        assert_eq!((world.keys("raw/").len(), world.queue().depth()), (3, 2));
        let answer = post(&world, &body).await;
        assert_eq!(all(&answer, "duplicate"), [true; 3]);
        assert_eq!(world.queue().depth(), 5);
        world.work_until_idle().await;
        assert_eq!(world.mailer().tries(), 3);
    }
}

#[tokio::test(start_paused = true)]
async fn an_element_that_cannot_be_kept_makes_the_request_come_again() {
    let world = standard_world();
    let body = format!("[{},7]", envelope("l0"));
    world.spoil(Fault::Fails, |call| call.is_on("quarantine/"));
    assert_eq!(post(&world, &body).await.status, 503);
    assert_eq!(world.queue().depth(), 1);
    world.home.clear_script();
    assert_eq!(all(&post(&world, &body).await, "duplicate"), [true]);
}
