//! Named sources: several of a kind, each with secrets, types and an identity of its own.

use super::prelude::*;

const EU: &str = "b9260244ef33625f9b4b26a27db08758cdd39478b852c73f2d33ab042eb8abb4";
const US: &str = "00000000ef33625f9b4b26a27db08758cdd39478b852c73f2d33ab042eb8abb4";

/// Two of one kind, with other secrets.
fn two() -> World {
    let world = World::prod();
    world.secrets.set(&format!(
        r#"{{"close-eu":{{"kind":"close","secrets":["{EU}"]}},"close-us":{{"kind":"close","secrets":["{US}"],"status":200}}}}"#
    ));
    world
}

async fn post_to(world: &World, name: &str, secret: &str, event_id: &str) -> Answer {
    let body = close_event("lead_1", event_id, INSTANT);
    post_signed_to(world, name, SourceKind::Close, secret, &body).await
}

#[tokio::test(start_paused = true)]
async fn two_sources_of_one_kind_take_their_own_secrets_alone() {
    let world = two();
    assert_eq!(post_to(&world, "close-eu", EU, "ev_1").await.status, 202);
    assert_eq!(post_to(&world, "close-us", US, "ev_2").await.status, 200);
    for (name, secret) in [("close-eu", US), ("close-us", EU), ("close", EU)] {
        let answer = post_to(&world, name, secret, "ev_3").await;
        check_refused(&answer, 401, "unverified");
    }
}

#[tokio::test(start_paused = true)]
async fn a_name_that_is_not_in_the_document_answers_like_a_wrong_secret() {
    let world = two();
    let unknown = post_to(&world, "close-ap", EU, "ev_1").await;
    let wrong = post_to(&world, "close-eu", US, "ev_1").await;
    assert_eq!((unknown.status, &unknown.body), (401, &wrong.body));
    assert_eq!((unknown.source, world.home.calls().len()), (None, 0));
}

#[tokio::test(start_paused = true)]
async fn a_source_with_status_200_says_the_same_with_it() {
    let world = two();
    let answer = post_to(&world, "close-us", US, "ev_1").await;
    assert_eq!(answer.status, 200);
    assert_eq!(json(&answer)["status"], "accepted");
    let again = post_to(&world, "close-us", US, "ev_1").await;
    assert_eq!(
        (again.status, &event_of_any(&again)["duplicate"]),
        (200, &true.into())
    );
}

/// The one event of an answer with status 200.
fn event_of_any(answer: &Answer) -> serde_json::Value {
    json(answer)["events"][0].clone()
}

#[tokio::test(start_paused = true)]
async fn the_name_is_stored_and_shown_and_the_kind_is_counted() {
    let world = two();
    let posting = post_to(&world, "close-eu", EU, "ev_1");
    let key = key_of(&world.observed(posting).await);
    let raw = world.peek(&key).unwrap();
    assert_eq!(raw.metadata["source"], "close-eu");
    assert_eq!(raw.metadata["kind"], "close");
    check_told(
        &world,
        "EventsPerRequest 1, IngestLatency close 1, LeadsAccepted close 1",
    );
    world.own("lead_1");
    world.work_until_idle().await;
    let document = world.peek(&key.replace("raw/", "enriched/")).unwrap();
    let document: serde_json::Value = serde_json::from_slice(&document.bytes).unwrap();
    let ours = &document["_leadwire"];
    assert_eq!(
        (&ours["source"], &ours["kind"]),
        (&"close-eu".into(), &"close".into())
    );
    // Read again by its kind, and known again under its name.
    let answer = post_to(&world, "close-eu", EU, "ev_1").await;
    assert_eq!(event_of(&answer)["duplicate"], true);
}

#[tokio::test(start_paused = true)]
async fn a_source_that_is_renamed_makes_events_of_its_own() {
    let world = two();
    let before = key_of(&post_to(&world, "close-eu", EU, "ev_1").await);
    world.secrets.set(&format!(
        r#"{{"close-2":{{"kind":"close","secrets":["{EU}"]}}}}"#
    ));
    sleep(Duration::from_mins(5)).await;
    let answer = post_to(&world, "close-2", EU, "ev_1").await;
    assert_eq!(event_of(&answer)["duplicate"], false);
    assert_ne!(key_of(&answer), before);
    assert_eq!(post_to(&world, "close-eu", EU, "ev_1").await.status, 401);
}

#[tokio::test(start_paused = true)]
async fn of_two_secrets_either_is_taken_while_one_replaces_the_other() {
    let world = World::prod();
    let document = |secrets: &[&str]| {
        world.secrets.set(&format!(
            r#"{{"crm":{{"kind":"close","secrets":{secrets:?}}}}}"#
        ));
    };
    document(&[EU]);
    assert_eq!(post_to(&world, "crm", EU, "ev_1").await.status, 202);
    document(&[US, EU]);
    sleep(Duration::from_mins(1)).await;
    assert_eq!(post_to(&world, "crm", US, "ev_2").await.status, 202);
    assert_eq!(post_to(&world, "crm", EU, "ev_3").await.status, 202);
    document(&[US]);
    sleep(Duration::from_mins(5)).await;
    assert_eq!(post_to(&world, "crm", EU, "ev_4").await.status, 401);
    assert_eq!(post_to(&world, "crm", US, "ev_4").await.status, 202);
}
