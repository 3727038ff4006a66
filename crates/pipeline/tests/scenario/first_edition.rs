//! What the first edition left behind.

use super::forget::{mailed, raw, tombstone};
use super::prelude::*;
use leadwire_domain::key::Identity;
use leadwire_pipeline::ledger::RawState;
use leadwire_pipeline::operate::forget::{TombstoneMode, TombstoneReport, make_tombstones};

/// What the first edition left of an event that it forgot.
fn forgotten_by_the_first_edition(world: &World, key: &str) -> String {
    let raw = world.peek(key).unwrap();
    let source = Source::of_labels(&raw.metadata["source"], None).unwrap();
    let event_id = &EventId::parse(&raw.metadata["event-id"]).unwrap();
    let identity = Identity { source, event_id }.dedupe_key();
    let marker = NewObject::with_metadata(
        Vec::new(),
        [
            ("state".to_owned(), "forgotten".to_owned()),
            ("settled-at".to_owned(), "2026-11-23T06:50:00Z".to_owned()),
            ("identity".to_owned(), identity.clone()),
        ]
        .into(),
    );
    world.remove(key);
    world.remove(&key.replace("raw/", "enriched/"));
    let mail_key = key.replace("raw/", "mail/");
    world.home.plant(Bucket::Enriched, &mail_key, marker);
    identity
}

async fn report(world: &World, mode: TombstoneMode) -> TombstoneReport {
    make_tombstones(&*world.home, mode, &mut |_step| ())
        .await
        .unwrap()
}

#[tokio::test(start_paused = true)]
async fn whom_the_first_edition_forgot_stays_forgotten_after_the_upgrade() {
    let world = World::new();
    world.home.set_page(2);
    let kept = mailed(&world, "a").await;
    let of_close = mailed(&world, "gone").await;
    let of_id = key_of(&post_with_id(&world, "order-7").await);
    world.queue().purge();
    let half = mailed(&world, "half").await;
    world.put_marker(&half.replace("raw/", "mail/"), "forgotten");
    world.put_marker(
        &kept.replace("raw/", "mail/").replace(".json", ".r1.json"),
        "forgotten",
    );
    let gone = [of_close, of_id].map(|key| {
        let identity = forgotten_by_the_first_edition(&world, &key);
        (key, identity)
    });
    assert_eq!(
        world.keys("dedupe/"),
        [&*gone[1].1],
        "it keeps its dedupe entry"
    );

    let before = all_keys(&world);
    let expected = TombstoneReport {
        examined: 4,
        had: 0,
        made: 2,
        unfinished: vec![half.clone()],
    };
    assert_eq!(report(&world, TombstoneMode::DryRun).await, expected);
    assert_eq!(all_keys(&world), before);
    assert_eq!(report(&world, TombstoneMode::Make).await, expected);
    for (key, identity) in &gone {
        let stone = tombstone(&world, key).await;
        assert_eq!(stone.identity.as_ref(), Some(identity));
        assert_eq!(stone.at.to_string(), "2026-11-23T06:50:00Z");
    }
    let stored = [&kept, &half];
    for key in stored {
        assert!(
            matches!(raw(&world, key).await, RawState::Stored(_)),
            "{key}"
        );
    }

    // The CRMs send both once more.
    let after = all_keys(&world);
    sleep(Duration::from_mins(5)).await;
    let body = close_event("gone", "ev_gone", INSTANT);
    for answer in [
        world.post(&body).await,
        post_with_id(&world, "order-7").await,
    ] {
        assert!(is_duplicate(&answer), "{answer:?}");
    }
    assert_eq!(all_keys(&world), after);
    assert_eq!(world.queue().depth(), 0);

    // A second run finds them made, and `forget` finishes what was interrupted.
    forgotten(&world, "half").await;
    let again = TombstoneReport {
        examined: 4,
        had: 3,
        made: 0,
        unfinished: Vec::new(),
    };
    assert_eq!(report(&world, TombstoneMode::Make).await, again);
}

#[tokio::test(start_paused = true)]
async fn making_tombstones_may_be_broken_off_and_begun_again() {
    for fault in [Fault::Fails, Fault::ReplyLost, Fault::MeetsItself] {
        for broken in 0..2 {
            let world = World::new();
            let mut keys = Vec::new();
            for lead in ["a", "b"] {
                let key = mailed(&world, lead).await;
                forgotten_by_the_first_edition(&world, &key);
                keys.push(key);
            }
            world.spoil_some(broken..broken + 1, fault, creates("raw/"));
            let home = &*world.home;
            let first = make_tombstones(home, TombstoneMode::Make, &mut |_step| ()).await;
            assert_eq!(first.is_ok(), fault == Fault::MeetsItself, "{first:?}");
            world.home.clear_script();
            let second = report(&world, TombstoneMode::Make).await;
            assert_eq!(second.made + second.had, 2, "{fault:?}: {second:?}");
            for key in &keys {
                tombstone(&world, key).await;
            }
        }
    }
}
