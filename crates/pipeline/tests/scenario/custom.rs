//! Declared sources: how an event is read stays with it, a secret in a body is kept nowhere, and a challenge is answered.

use super::prelude::*;
use serde_json::{Value, json};

const TOKEN: &str = "a-token-that-nobody-else-has";

fn declaration(fields: &Value) -> Value {
    json!({"kind": "custom", "verify": {"scheme": "token", "field": "/key", "tokens": [TOKEN]},
        "each": "/all", "type": "/event", "events": ["made"], "fields": fields})
}

fn fields() -> Value {
    json!({"lead_id": "/data/id", "event_id": "/id", "display_name": ["/data/first", "/data/last"], "lead_email": "/data/mail"})
}

fn configure(world: &World, declaration: &Value) {
    world
        .secrets
        .set(&json!({"forms": declaration}).to_string());
}

fn world() -> World {
    let world = World::prod();
    configure(&world, &declaration(&fields()));
    world
}

const ALICE: &str = r#"{"event":"made","id":"e1","data":{"id":"alice","first":"Alice","last":"Example","mail":"alice@example.com"}}"#;

async fn post(world: &World, elements: &str) -> Answer {
    let body = format!(r#"{{"all":[{elements}],"key":"{TOKEN}"}}"#);
    let body = body.as_bytes();
    world.post_to("/ingest/forms", &no_headers(), body).await
}

#[tokio::test(start_paused = true)]
async fn an_event_is_read_as_it_was_declared_when_it_came_whatever_is_declared_since() {
    let world = world();
    world.own("alice");
    let answer = post(&world, ALICE).await;
    assert_eq!(answer.status, 202, "{}", answer.body);
    let raw = world.peek(&key_of(&answer)).unwrap();
    assert_eq!(raw.bytes, ALICE.as_bytes(), "as it came");
    assert_eq!(raw.metadata["kind"], "custom");
    assert_eq!(
        raw.metadata["mapping"],
        r#"{"fields":{"display_name":["/data/first","/data/last"],"event_id":"/id","lead_email":"/data/mail","lead_id":"/data/id"},"type":"/event"}"#
    );
    configure(&world, &declaration(&json!({"lead_id": "/other"})));
    world.work_until_idle().await;
    let document = world
        .peek(&key_of(&answer).replace("raw/", "enriched/"))
        .unwrap();
    let document: Value = serde_json::from_slice(&document.bytes).unwrap();
    assert_eq!(document["display_name"], "Alice Example");
    assert_eq!(document["lead_email"], "alice@example.com");
    assert_eq!(document["lead_owner"], "Omar");
    assert_eq!(document["data"]["first"], "Alice", "all else stays");
    assert_eq!(document["_leadwire"]["source"], "forms");
}

#[tokio::test(start_paused = true)]
async fn what_is_declared_differently_is_a_duplicate_still_and_one_without_an_id_is_an_event_each_time()
 {
    let world = world();
    post(&world, ALICE).await;
    let mut other = fields();
    other["phone"] = "/data/phone".into();
    configure(&world, &declaration(&other));
    let again = json(&post(&world, ALICE).await);
    assert_eq!(again["events"][0]["duplicate"], true);
    let bob = r#"{"event":"made","data":{"id":"bob"}}"#;
    for _ in 0..2 {
        let answer = json(&post(&world, bob).await);
        assert_eq!(answer["events"][0]["duplicate"], false);
    }
    assert_eq!(world.keys("raw/").len(), 3);
}

#[tokio::test(start_paused = true)]
async fn no_token_is_kept_and_one_bad_element_keeps_no_other_from_being_taken() {
    let world = world();
    let others =
        r#"{"event":"gone","data":{"id":"x"}},{"event":"made","data":{}},{"data":{"id":"y"}}"#;
    let answer = post(&world, &format!("{others},{ALICE}")).await;
    assert_eq!(answer.status, 202, "{}", answer.body);
    let answer = json(&answer);
    assert_eq!(answer["events"][0]["lead_id"], "alice");
    assert_eq!(answer["events"][0]["event_id"], "e1");
    assert_eq!(
        answer["refused"],
        json!([{"index": 1, "code": "invalid_lead_id"}])
    );
    let whole = format!(r#"{{"all":{{}},"key":"{TOKEN}"}}"#);
    let headers = no_headers();
    let refused = world.post_to("/ingest/forms", &headers, whole.as_bytes());
    check_refused(&refused.await, 400, "invalid_event");
    let kept = world.keys("quarantine/");
    assert_eq!(kept.len(), 2);
    for key in kept.into_iter().chain(world.keys("raw/")) {
        let object = world.peek(&key).unwrap();
        let bytes = String::from_utf8(object.bytes).unwrap();
        assert!(!bytes.contains(TOKEN) && !format!("{:?}", object.metadata).contains(TOKEN));
    }
}

#[tokio::test(start_paused = true)]
async fn a_sender_learns_where_the_lead_s_id_was_looked_for() {
    let world = world();
    for (data, found) in [("{}", "nothing"), (r#"{"id":{"of":1}}"#, "no lead id")] {
        let answer = post(&world, &format!(r#"{{"event":"made","data":{data}}}"#)).await;
        check_refused(&answer, 400, "invalid_lead_id");
        let hint = format!("at /data/id, as its declaration says, and {found} stands there.");
        assert!(answer.body.contains(&hint), "{}", answer.body);
    }
}

#[tokio::test(start_paused = true)]
async fn where_the_list_is_absent_or_empty_the_request_is_ignored() {
    let world = world();
    for body in [
        format!(r#"{{"key":"{TOKEN}"}}"#),
        format!(r#"{{"all":[],"key":"{TOKEN}"}}"#),
    ] {
        let answer = world
            .post_to("/ingest/forms", &no_headers(), body.as_bytes())
            .await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        assert_eq!(json(&answer)["status"], "ignored");
    }
    assert!(world.store().keys(Bucket::Raw, "").is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_challenge_is_answered_where_it_is_declared_and_nothing_comes_of_it() {
    let world = World::prod();
    let mut declared = declaration(&fields());
    declared["challenge"] =
        json!({"query": "hub.challenge", "token_query": "hub.verify_token", "tokens": ["v"]});
    let close = json!({"secrets": ["ab".repeat(32)]});
    let document = |forms: &Value| json!({"forms": forms, "close": close}).to_string();
    world.secrets.set(&document(&declaration(&fields())));
    let good = "hub.mode=subscribe&hub.verify_token=v&hub.challenge=1158201444";
    for path in ["/ingest/forms", "/ingest/close", "/ingest/nobody"] {
        check_refused(&world.get(path, good).await, 405, "method_not_allowed");
    }
    // What is declared since is found within a minute, as a secret is.
    world.secrets.set(&document(&declared));
    tokio::time::advance(Duration::from_secs(61)).await;
    let answer = world.get("/ingest/forms", good).await;
    assert_eq!((answer.status, &*answer.body), (200, "1158201444"));
    assert_eq!(answer.content_type, "text/plain");
    let wrong = world.get("/ingest/forms", &good.replace("=v", "=w")).await;
    check_refused(&wrong, 401, "unverified");
    check_refused(&world.get("/ingest/forms", "").await, 401, "unverified");
    assert!(world.store().calls().is_empty() && world.queue().depth() == 0);
}
