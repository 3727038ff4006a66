//! Whole scenarios on fakes, in milliseconds, under a paused clock.

#![expect(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    clippy::wildcard_enum_match_arm,
    reason = "a test that meets the unexpected should stop"
)]

mod again;
mod alone;
mod audit;
mod audit_property;
mod batch;
mod canary;
mod counts;
mod duplicate;
mod enrich_fault;
mod forget;
mod good;
mod ingest_fault;
mod laws;
mod ledger;
mod lines;
mod mail;
mod neighbours;
mod owner;
mod parked;
mod prefix;
mod redrive;
mod replay;
mod sources;
mod sweep;
mod verify;
mod ways;
mod when;

use jiff::Timestamp;
use leadwire_pipeline::port::{Bucket, DelayQueue, Home, NewObject, OutgoingMessage};
use leadwire_pipeline::stage::ingest::Answer;
use leadwire_pipeline::testkit::World;
use leadwire_pipeline::trace::TraceContext;
use serde_json::Value;

/// The seed's lead.
const ALICE: &str =
    r#"{"lead_id":"test-1","display_name":"Alice","lead_email":"alice@example.com"}"#;
/// Her owner.
const OMAR: &str = r#"{"lead_id":"test-1","lead_owner":"Omar","funnel":"Direct VSL","lead_email":"alice@crm.example.com"}"#;

fn json(answer: &Answer) -> Value {
    serde_json::from_str(&answer.body).expect("every answer is JSON")
}

/// The only accepted event of an answer: its raw key.
#[track_caller]
fn key_of(answer: &Answer) -> String {
    assert_eq!(answer.status, 202, "{}", answer.body);
    json(answer)["events"][0]["s3_key"]
        .as_str()
        .expect("an accepted event has a key")
        .to_owned()
}

/// The only document under a prefix of the enriched bucket.
#[track_caller]
fn only(world: &World, prefix: &str) -> Value {
    let keys = world.store().keys(Bucket::Enriched, prefix);
    assert_eq!(keys.len(), 1, "{prefix}: {keys:?}");
    let object = world
        .store()
        .peek(Bucket::Enriched, &keys[0])
        .expect("it was listed");
    serde_json::from_slice(&object.bytes).unwrap_or(Value::Null)
}

/// A Close event of one lead at one instant.
fn close_event(lead_id: &str, event_id: &str, time: &str) -> String {
    format!(
        r#"{{"subscription_id":"whsub_1","event":{{"id":"{event_id}","date_created":"{time}","object_type":"lead","object_id":"{lead_id}","lead_id":"{lead_id}","action":"created","data":{{"id":"{lead_id}","display_name":"Zoe {event_id}"}}}}}}"#
    )
}

/// Leaves the claim of a worker that is gone beside the only raw object.
fn plant_claim(world: &World, claim: &str) {
    let raw = world.store().keys(Bucket::Raw, "raw/").remove(0);
    let object = NewObject::of(claim.as_bytes().to_vec());
    world
        .store()
        .plant(Bucket::Enriched, &raw.replace("raw/", "mail/"), object);
}

/// 2026-11-23T06:50:00Z, when every world begins.
const BEGIN: i64 = 1_795_416_600;

fn since_begin(time: Timestamp) -> i64 {
    time.as_second() - BEGIN
}

/// When each receive was, in whole seconds since the world began.
fn receives(world: &World) -> Vec<i64> {
    let times = world.queue().delivered_at();
    times.into_iter().map(since_begin).collect()
}

/// Puts an owner file that names its lead.
fn own(world: &World, lead_id: &str) {
    let file = format!(r#"{{"lead_id":"{lead_id}","lead_owner":"Omar"}}"#);
    world.put_owner(lead_id, &file);
}

/// Writes an object as somebody else would, in the bucket that its key belongs to.
fn plant(world: &World, key: &str, text: &str) {
    let bucket = if key.starts_with("raw/") {
        Bucket::Raw
    } else {
        Bucket::Enriched
    };
    let object = NewObject::of(text.as_bytes().to_vec());
    world.store().plant(bucket, key, object);
}

/// Leaves a settled marker.
fn plant_marker(world: &World, key: &str, state: &str) {
    let metadata = [
        ("state".to_owned(), state.to_owned()),
        ("settled-at".to_owned(), "2026-11-23T06:50:00Z".to_owned()),
    ];
    let marker = NewObject::with_metadata(Vec::new(), metadata.into());
    world.store().plant(Bucket::Enriched, key, marker);
}

/// Queues a message, visible at once.
async fn send(world: &World, body: &str) {
    let message = OutgoingMessage {
        body: body.to_owned(),
        delay_seconds: 0,
        trace: TraceContext::default(),
    };
    world.home.queue().send(message).await.unwrap();
}
