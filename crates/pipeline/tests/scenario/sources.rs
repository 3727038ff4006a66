//! The sources document while the pipeline runs: a source is added, changed, removed, broken, mended, each at a time of its own.

use super::prelude::*;

const CLOSE: &str = "b9260244ef33625f9b4b26a27db08758cdd39478b852c73f2d33ab042eb8abb4";
const OLD: &str = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";
const NEW: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

fn of(member: &str, secrets: &[&str]) -> String {
    format!(r#"{{"{member}":{{"secrets":{secrets:?}}}}}"#)
}

/// A request with a fresh signature: how it is answered.
async fn answered(world: &World, kind: SourceKind, secret: &str) -> u16 {
    let body = if kind == SourceKind::Close {
        close_event("lead_1", "ev_1", "2026-11-23T06:49:59.1")
    } else if kind == SourceKind::Standard {
        format!(r#"{{"type":"lead.created","data":{ALICE}}}"#)
    } else {
        ALICE.to_owned()
    };
    post_signed(world, kind, secret, &body).await.status
}

/// A request to the generic source.
async fn asked(world: &World, secret: &str) -> u16 {
    answered(world, SourceKind::Generic, secret).await
}

async fn pass(seconds: u64) {
    sleep(Duration::from_secs(seconds)).await;
}

#[tokio::test(start_paused = true)]
async fn a_source_that_is_added_is_taken_within_a_minute_whichever_it_is() {
    for (source, name, secret) in [
        (SourceKind::Close, "close", CLOSE),
        (SourceKind::Standard, "standard", OLD),
        (SourceKind::Generic, "generic", OLD),
    ] {
        let world = World::prod();
        let other = match source {
            SourceKind::Standard => of("close", &[CLOSE]),
            _ => of("standard", &[OLD]),
        };
        world.secrets.set(&other);
        assert_eq!(answered(&world, source, secret).await, 401, "{name}");
        pass(1).await;
        let added = of(name, &[secret]).replacen('{', ",", 1);
        let before = other.strip_suffix('}').unwrap();
        world.secrets.set(&format!("{before}{added}"));
        assert_eq!(answered(&world, source, secret).await, 401, "too soon");
        pass(59).await;
        assert_eq!(answered(&world, source, secret).await, 202, "{name}");
        assert_eq!(world.secrets.fetches(), 2, "{name}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_secret_that_is_added_beside_the_old_one_is_taken_within_a_minute_and_the_old_one_too() {
    let world = World::prod();
    world.secrets.set(&of("generic", &[OLD]));
    assert_eq!(asked(&world, OLD).await, 202);
    world.secrets.set(&of("generic", &[OLD, NEW]));
    pass(60).await;
    assert_eq!(asked(&world, NEW).await, 202);
    assert_eq!(asked(&world, OLD).await, 202);
    assert_eq!(world.secrets.fetches(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_source_or_a_secret_that_is_removed_is_refused_within_five_minutes() {
    let empty = "{}".to_owned();
    for left in [of("close", &[CLOSE]), of("generic", &[NEW]), empty] {
        let world = World::prod();
        world.secrets.set(&of("generic", &[OLD]));
        assert_eq!(asked(&world, OLD).await, 202);
        world.secrets.set(&left);
        pass(299).await;
        assert_eq!(asked(&world, OLD).await, 202, "{left}");
        pass(1).await;
        assert_eq!(asked(&world, OLD).await, 401, "{left}");
    }
    // Whoever comes with another secret meanwhile makes it be noticed sooner.
    let world = World::prod();
    world.secrets.set(&of("generic", &[OLD]));
    assert_eq!(asked(&world, OLD).await, 202);
    world.secrets.set(&of("generic", &[NEW]));
    pass(60).await;
    assert_eq!(asked(&world, NEW).await, 202);
    assert_eq!(asked(&world, OLD).await, 401);
}

#[tokio::test(start_paused = true)]
async fn a_document_that_is_broken_keeps_what_was_read_and_is_taken_once_it_is_mended() {
    let good = of("generic", &[OLD]);
    for broken in [
        "",
        "{",
        r#"{"generic":1}"#,
        r#"{"generic":{"secrets":[]}}"#,
        r#"{"generic":{"secrets":["whsec_short"]}}"#,
    ] {
        let world = World::prod();
        world.secrets.set(&good);
        assert_eq!(asked(&world, OLD).await, 202);
        world.secrets.set(broken);
        for _ in 0..20 {
            pass(60).await;
            assert_eq!(asked(&world, OLD).await, 202, "{broken}");
            assert_eq!(asked(&world, NEW).await, 401, "{broken}");
        }
        assert!(world.secrets.fetches() <= 21, "{}", world.secrets.fetches());
        world.secrets.set(&of("generic", &[NEW]));
        pass(60).await;
        assert_eq!(asked(&world, NEW).await, 202, "{broken}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_document_that_is_broken_from_the_beginning_opens_nothing_and_is_taken_when_it_is_mended()
{
    for environment in ["dev", "prod"] {
        let world = World::with(|world| world.environment = environment);
        world.secrets.set("broken");
        for _ in 0..3 {
            assert_eq!(asked(&world, OLD).await, 503);
            assert_eq!(world.post(ALICE).await.status, 503);
        }
        assert!(world.home.calls().is_empty());
        world.secrets.set(&of("generic", &[OLD]));
        assert_eq!(asked(&world, OLD).await, 202);
        assert_eq!(world.post(ALICE).await.status, 401);
    }
}

#[tokio::test(start_paused = true)]
async fn the_open_door_of_dev_is_shut_within_five_minutes_once_there_is_a_document() {
    let world = World::new();
    assert_eq!(world.post(ALICE).await.status, 202);
    world.secrets.set(&of("close", &[CLOSE]));
    pass(300).await;
    assert_eq!(world.post(ALICE).await.status, 401);
    assert_eq!(answered(&world, SourceKind::Close, CLOSE).await, 202);
}

#[tokio::test(start_paused = true)]
async fn a_flood_of_forgeries_of_every_source_fetches_once_a_minute() {
    let world = World::prod();
    world.secrets.set(&of("generic", &[OLD]));
    for minute in 1..=12 {
        for _ in 0..10 {
            assert_eq!(asked(&world, NEW).await, 401);
            assert_eq!(answered(&world, SourceKind::Close, CLOSE).await, 401);
            assert_eq!(answered(&world, SourceKind::Standard, NEW).await, 401);
        }
        assert_eq!(world.secrets.fetches(), minute);
        pass(60).await;
    }
}

#[tokio::test(start_paused = true)]
async fn what_a_source_takes_and_tolerates_is_read_anew_with_its_secrets() {
    let world = World::prod();
    let document = |more: &str| format!(r#"{{"close":{{"secrets":["{CLOSE}"]{more}}}}}"#);
    let events = |kind| document(&format!(r#","events":["lead.{kind}"]"#));
    world.secrets.set(&events("deleted"));
    assert_eq!(answered(&world, SourceKind::Close, CLOSE).await, 200);
    world.secrets.set(&events("created"));
    pass(300).await;
    assert_eq!(answered(&world, SourceKind::Close, CLOSE).await, 202);
}
