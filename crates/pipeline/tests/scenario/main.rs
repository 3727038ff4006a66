//! Whole scenarios on fakes, in milliseconds, under a paused clock.

#![expect(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    clippy::wildcard_enum_match_arm,
    reason = "a test that meets the unexpected should stop"
)]

mod audit;
mod audit_property;
mod batch;
mod canary;
mod duplicate;
mod enrich_fault;
mod forget;
mod good;
mod ingest_fault;
mod ledger;
mod lines;
mod mail;
mod owner;
mod parked;
mod redrive;
mod replay;
mod sweep;
mod verify;

use leadwire_pipeline::port::{Bucket, NewObject};
use leadwire_pipeline::stage::ingest::Answer;
use leadwire_pipeline::testkit::World;
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
