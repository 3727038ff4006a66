use super::prelude::*;

const CLOSE_KEY: &str = "b9260244ef33625f9b4b26a27db08758cdd39478b852c73f2d33ab042eb8abb4";

fn prod() -> World {
    let world = World::prod();
    world.secrets.set(&format!(r#"{{"close":{{"secrets":["{CLOSE_KEY}"]}},"standard":{{"secrets":["{WHSEC}"]}},"generic":{{"secrets":["{WHSEC}"]}}}}"#));
    world
}

/// How a signed request to the generic source is answered.
async fn generic(world: &World, secret: &str) -> u16 {
    let answer = post_signed(world, SourceKind::Generic, secret, ALICE).await;
    answer.status
}

#[track_caller]
fn assert_untouched(world: &World) {
    assert_eq!(world.home.calls(), []);
    assert_eq!(world.queue().depth(), 0);
}

#[tokio::test(start_paused = true)]
async fn each_source_is_taken_with_its_signature() {
    let world = prod();
    let close = close_event("lead_1", "ev_1", INSTANT);
    let standard =
        r#"{"type":"lead.created","timestamp":"2026-11-23T06:49:00Z","data":{"lead_id":"a"}}"#;
    for (source, secret, body, event_id) in [
        (SourceKind::Close, CLOSE_KEY, close.as_str(), "ev_1"),
        (SourceKind::Standard, WHSEC, standard, "msg_1"),
        (SourceKind::Generic, WHSEC, ALICE, "msg_1"),
    ] {
        let answer = post_signed(&world, source, secret, body).await;
        key_of(&answer);
        assert_eq!(event_of(&answer)["event_id"], event_id, "{source}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_unverified_request_has_no_effect() {
    let close = close_event("lead_1", "ev_1", INSTANT);
    let world = prod();
    let good = signed(&world, SourceKind::Close, CLOSE_KEY, &close);
    let other_key = signed(
        &world,
        SourceKind::Close,
        &CLOSE_KEY.replace('b', "c"),
        &close,
    );
    let none = no_headers();
    for (headers, body) in [
        (&none, close.as_str()),
        (&other_key, &close),
        (&good, &close.replace("Zoe", "Eve")),
    ] {
        let body = body.as_bytes();
        let answer = world.post_to("/ingest/close", headers, body).await;
        check_refused(&answer, 401, "unverified");
    }
    sleep(Duration::from_secs(301)).await;
    let body = close.as_bytes();
    let stale = world.post_to("/ingest/close", &good, body).await;
    assert_eq!(stale.status, 401);
    assert_untouched(&world);
}

#[tokio::test(start_paused = true)]
async fn a_source_without_secrets_is_refused_and_so_is_everything_unsigned_outside_dev() {
    let world = World::prod();
    assert_eq!(world.post(ALICE).await.status, 401);
    let dev = World::new();
    assert_eq!(dev.post(ALICE).await.status, 202);
    let closed = dev.post_to("/ingest/close", &no_headers(), b"{}").await;
    assert_eq!(closed.status, 401);
}

#[tokio::test(start_paused = true)]
async fn a_rotated_secret_works_at_once_and_a_flood_of_forgeries_fetches_once_a_minute() {
    let world = prod();
    assert_eq!(generic(&world, WHSEC).await, 202);
    let new = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    let document = format!(r#"{{"generic":{{"secrets":["{new}"]}}}}"#);
    world.secrets.set(&document);
    sleep(Duration::from_secs(61)).await;
    assert_eq!(generic(&world, new).await, 202);
    assert_eq!(world.secrets.fetches(), 2);
    for _ in 0..50 {
        assert_eq!(generic(&world, WHSEC).await, 401);
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
    assert_eq!(generic(&world, WHSEC).await, 202);
    world.secrets.set_down(true);
    sleep(Duration::from_mins(10)).await;
    assert_eq!(
        generic(&world, WHSEC).await,
        202,
        "the old secrets are kept"
    );
}

#[tokio::test(start_paused = true)]
async fn a_verified_request_that_does_not_parse_is_kept_and_an_unsigned_one_is_not() {
    let world = prod();
    let body = r#"{"event":{"new":"format"}}"#;
    let answer = post_signed(&world, SourceKind::Close, CLOSE_KEY, body).await;
    assert_eq!(answer.status, 400);
    let keys = world.keys("quarantine/");
    assert_eq!(world.peek(&keys[0]).unwrap().bytes, body.as_bytes());
    let dev = World::new();
    assert_eq!(dev.post("nonsense").await.status, 400);
    assert_untouched(&dev);
}

#[tokio::test(start_paused = true)]
async fn an_event_type_that_is_not_taken_is_acknowledged_and_not_stored() {
    let world = prod();
    let body = close_event("lead_1", "ev_1", INSTANT);
    let body = body.replace("created\",\"data", "deleted\",\"data");
    let answer = post_signed(&world, SourceKind::Close, CLOSE_KEY, &body).await;
    assert_eq!(answer.status, 200);
    assert_eq!(json(&answer)["status"], "ignored");
    let is_read = |call: &Call| matches!(call, Call::Get(..));
    assert!(world.home.calls().iter().all(is_read));
    assert_eq!(world.queue().depth(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_close_event_at_the_generic_address_is_sent_to_its_own() {
    let world = prod();
    let body = close_event("lead_1", "ev_1", INSTANT);
    for headers in [
        signed(&world, SourceKind::Close, CLOSE_KEY, &body),
        signed(&world, SourceKind::Generic, WHSEC, &body),
    ] {
        let answer = world.post_to("/ingest", &headers, body.as_bytes()).await;
        check_refused(&answer, 400, "wrong_source");
    }
    assert!(world.keys("raw/").is_empty());
}

#[tokio::test(start_paused = true)]
async fn what_is_refused_by_shape_alone_is_never_read() {
    let world = World::new();
    let gzip = header("content-encoding", "gzip");
    let none = no_headers();
    let large = vec![b' '; 1024 * 1024 + 1];
    for (path, headers, body, status) in [
        ("/ingest/No-Source", &none, ALICE.as_bytes(), 404),
        ("/elsewhere", &none, ALICE.as_bytes(), 404),
        ("/ingest", &gzip, ALICE.as_bytes(), 415),
        ("/ingest", &none, large.as_slice(), 413),
    ] {
        let answer = world.post_to(path, headers, body).await;
        assert_eq!(answer.status, status, "{path}");
    }
    assert_untouched(&world);
}

#[tokio::test(start_paused = true)]
async fn a_clock_that_is_set_back_does_not_freeze_the_secrets() {
    let world = prod();
    assert_eq!(generic(&world, WHSEC).await, 202);
    world.home.set_skew(SignedDuration::from_hours(-24));
    world.secrets.set("{}");
    assert_eq!(generic(&world, WHSEC).await, 401, "the revoked secret");
}

#[tokio::test(start_paused = true)]
async fn a_wrong_secret_is_counted_apart_from_a_source_that_has_none() {
    let world = prod();
    let none = no_headers();
    let unsigned = || world.post_to("/ingest/close", &none, b"{}");
    check_refused(&world.observed(unsigned()).await, 401, "unverified");
    check_told(&world, "LeadsRejected unverified 1");
    world.secrets.set("{}");
    sleep(Duration::from_mins(10)).await;
    // The sender learns nothing of it.
    check_refused(&world.observed(unsigned()).await, 401, "unverified");
    check_told(&world, "LeadsRejected not_configured 1");
}
