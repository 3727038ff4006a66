use super::duplicate::{Map, header};
use super::{ALICE, close_event, json, key_of};
use leadwire_domain::lead::id::EventId;
use leadwire_domain::source::Source;
use leadwire_pipeline::port::{Bucket, Clock};
use leadwire_pipeline::testkit::{Call, World, WorldBuilder};
use std::collections::BTreeMap;
use std::time::Duration;

const CLOSE_KEY: &str = "b9260244ef33625f9b4b26a27db08758cdd39478b852c73f2d33ab042eb8abb4";
const WHSEC: &str = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";

fn prod() -> World {
    let world = WorldBuilder {
        environment: "prod",
        ..WorldBuilder::default()
    }
    .build();
    world.secrets.set(&format!(r#"{{"close":{{"secrets":["{CLOSE_KEY}"]}},"standard":{{"secrets":["{WHSEC}"]}},"generic":{{"secrets":["{WHSEC}"]}}}}"#));
    world
}

fn signed(world: &World, source: Source, secret: &str, body: &str) -> Map {
    let id = EventId::parse("msg_1").unwrap();
    let key = source.parse_key(secret).unwrap();
    let headers = key.sign(&id, body.as_bytes(), world.clock().now());
    Map(headers.unwrap().into_iter().collect())
}

#[track_caller]
fn assert_untouched(world: &World) {
    assert!(
        world.store().calls().is_empty(),
        "{:?}",
        world.store().calls()
    );
    assert_eq!(world.queue().depth(), 0);
}

#[tokio::test(start_paused = true)]
async fn each_source_is_taken_with_its_signature() {
    let world = prod();
    let close = close_event("lead_1", "ev_1", "2026-11-23T06:49:59.123456");
    let standard =
        r#"{"type":"lead.created","timestamp":"2026-11-23T06:49:00Z","data":{"lead_id":"a"}}"#;
    for (path, source, secret, body, event_id) in [
        (
            "/ingest/close",
            Source::Close,
            CLOSE_KEY,
            close.as_str(),
            "ev_1",
        ),
        (
            "/ingest/standard",
            Source::Standard,
            WHSEC,
            standard,
            "msg_1",
        ),
        ("/ingest", Source::Generic, WHSEC, ALICE, "msg_1"),
    ] {
        let headers = signed(&world, source, secret, body);
        let answer = world.post_to(path, &headers, body.as_bytes()).await;
        key_of(&answer);
        assert_eq!(json(&answer)["events"][0]["event_id"], event_id, "{path}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_unverified_request_has_no_effect() {
    let close = close_event("lead_1", "ev_1", "2026-11-23T06:49:59.123456");
    let world = prod();
    let good = signed(&world, Source::Close, CLOSE_KEY, &close);
    let other_key = signed(&world, Source::Close, &CLOSE_KEY.replace('b', "c"), &close);
    let none = Map(BTreeMap::default());
    for (headers, body) in [
        (&none, close.as_str()),
        (&other_key, &close),
        (&good, &close.replace("Zoe", "Eve")),
    ] {
        let answer = world
            .post_to("/ingest/close", headers, body.as_bytes())
            .await;
        assert_eq!(
            (answer.status, json(&answer)["code"].as_str()),
            (401, Some("unverified"))
        );
    }
    tokio::time::sleep(Duration::from_secs(301)).await;
    assert_eq!(
        world
            .post_to("/ingest/close", &good, close.as_bytes())
            .await
            .status,
        401,
        "stale"
    );
    assert_untouched(&world);
}

#[tokio::test(start_paused = true)]
async fn a_source_without_secrets_is_refused_and_so_is_everything_unsigned_outside_dev() {
    let world = WorldBuilder {
        environment: "prod",
        ..WorldBuilder::default()
    }
    .build();
    assert_eq!(world.post(ALICE).await.status, 401);
    let dev = World::new();
    assert_eq!(dev.post(ALICE).await.status, 202);
    assert_eq!(
        dev.post_to("/ingest/close", &Map(BTreeMap::default()), b"{}")
            .await
            .status,
        401
    );
}

#[tokio::test(start_paused = true)]
async fn a_rotated_secret_works_at_once_and_a_flood_of_forgeries_fetches_once_a_minute() {
    let world = prod();
    let headers = signed(&world, Source::Generic, WHSEC, ALICE);
    assert_eq!(
        world
            .post_to("/ingest", &headers, ALICE.as_bytes())
            .await
            .status,
        202
    );
    let new = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    world
        .secrets
        .set(&format!(r#"{{"generic":{{"secrets":["{new}"]}}}}"#));
    tokio::time::sleep(Duration::from_secs(61)).await;
    let headers = signed(&world, Source::Generic, new, ALICE);
    assert_eq!(
        world
            .post_to("/ingest", &headers, ALICE.as_bytes())
            .await
            .status,
        202
    );
    assert_eq!(world.secrets.fetches(), 2);
    for _ in 0..50 {
        let forged = signed(&world, Source::Generic, WHSEC, ALICE);
        assert_eq!(
            world
                .post_to("/ingest", &forged, ALICE.as_bytes())
                .await
                .status,
            401
        );
    }
    assert_eq!(world.secrets.fetches(), 2, "within the minute");
}

#[tokio::test(start_paused = true)]
async fn an_unreachable_secret_store_never_opens_the_door() {
    let world = prod();
    world.secrets.set_down(true);
    assert_eq!(world.post(ALICE).await.status, 503);
    assert_untouched(&world);
    world.secrets.set_down(false);
    let headers = signed(&world, Source::Generic, WHSEC, ALICE);
    assert_eq!(
        world
            .post_to("/ingest", &headers, ALICE.as_bytes())
            .await
            .status,
        202
    );
    world.secrets.set_down(true);
    tokio::time::sleep(Duration::from_mins(10)).await;
    let headers = signed(&world, Source::Generic, WHSEC, ALICE);
    assert_eq!(
        world
            .post_to("/ingest", &headers, ALICE.as_bytes())
            .await
            .status,
        202,
        "the old secrets are kept"
    );
}

#[tokio::test(start_paused = true)]
async fn a_verified_request_that_does_not_parse_is_kept_and_an_unsigned_one_is_not() {
    let world = prod();
    let body = r#"{"event":{"new":"format"}}"#;
    let headers = signed(&world, Source::Close, CLOSE_KEY, body);
    assert_eq!(
        world
            .post_to("/ingest/close", &headers, body.as_bytes())
            .await
            .status,
        400
    );
    let keys = world.store().keys(Bucket::Enriched, "quarantine/");
    assert_eq!(
        world
            .store()
            .peek(Bucket::Enriched, &keys[0])
            .unwrap()
            .bytes,
        body.as_bytes()
    );
    let dev = World::new();
    assert_eq!(dev.post("nonsense").await.status, 400);
    assert_untouched(&dev);
}

#[tokio::test(start_paused = true)]
async fn an_event_type_that_is_not_taken_is_acknowledged_and_not_stored() {
    let world = prod();
    let body = close_event("lead_1", "ev_1", "2026-11-23T06:49:59.123456")
        .replace("created\",\"data", "deleted\",\"data");
    let headers = signed(&world, Source::Close, CLOSE_KEY, &body);
    let answer = world
        .post_to("/ingest/close", &headers, body.as_bytes())
        .await;
    assert_eq!(
        (answer.status, json(&answer)["status"].as_str()),
        (200, Some("ignored"))
    );
    assert!(
        world
            .store()
            .calls()
            .iter()
            .all(|call| matches!(call, Call::Get(..)))
    );
    assert_eq!(world.queue().depth(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_close_event_at_the_generic_address_is_sent_to_its_own() {
    let world = prod();
    let body = close_event("lead_1", "ev_1", "2026-11-23T06:49:59.123456");
    for headers in [
        signed(&world, Source::Close, CLOSE_KEY, &body),
        signed(&world, Source::Generic, WHSEC, &body),
    ] {
        let answer = world.post_to("/ingest", &headers, body.as_bytes()).await;
        assert_eq!(
            (answer.status, json(&answer)["code"].as_str()),
            (400, Some("wrong_source"))
        );
    }
    assert!(world.store().keys(Bucket::Raw, "").is_empty());
}

#[tokio::test(start_paused = true)]
async fn what_is_refused_by_shape_alone_is_never_read() {
    let world = World::new();
    let gzip = header("content-encoding", "gzip");
    let none = Map(BTreeMap::default());
    let large = vec![b' '; 1024 * 1024 + 1];
    for (path, headers, body, status) in [
        ("/ingest/hubspot", &none, ALICE.as_bytes(), 404),
        ("/elsewhere", &none, ALICE.as_bytes(), 404),
        ("/ingest", &gzip, ALICE.as_bytes(), 415),
        ("/ingest", &none, large.as_slice(), 413),
    ] {
        assert_eq!(
            world.post_to(path, headers, body).await.status,
            status,
            "{path}"
        );
    }
    assert_untouched(&world);
}

#[tokio::test(start_paused = true)]
async fn a_clock_that_is_set_back_does_not_freeze_the_secrets() {
    let world = prod();
    let headers = signed(&world, Source::Generic, WHSEC, ALICE);
    let posted = world.post_to("/ingest", &headers, ALICE.as_bytes()).await;
    assert_eq!(posted.status, 202);
    world
        .clock()
        .set_skew(jiff::SignedDuration::from_hours(-24));
    world.secrets.set("{}");
    let headers = signed(&world, Source::Generic, WHSEC, ALICE);
    let posted = world.post_to("/ingest", &headers, ALICE.as_bytes()).await;
    assert_eq!(posted.status, 401, "the revoked secret");
}

#[tokio::test(start_paused = true)]
async fn a_wrong_secret_is_counted_apart_from_a_source_that_has_none() {
    let world = prod();
    let none = Map(BTreeMap::default());
    let unsigned = || world.post_to("/ingest/close", &none, b"{}");
    let answer = world.observed(unsigned()).await;
    assert_eq!(json(&answer)["code"], "unverified");
    let told = world.told_by_value();
    assert_eq!(told.get("LeadsRejected unverified"), Some(&1));
    world.secrets.set("{}");
    tokio::time::sleep(Duration::from_mins(10)).await;
    let answer = world.observed(unsigned()).await;
    assert_eq!(
        json(&answer)["code"],
        "unverified",
        "the sender learns nothing"
    );
    let told = world.told_by_value();
    assert_eq!(told.get("LeadsRejected not_configured"), Some(&1));
    assert_eq!(told.len(), 1);
}
