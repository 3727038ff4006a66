//! What the first edition left: claims of version 1, documents that name no effects, markers that do not say who was told.

use super::prelude::*;
use super::several::*;
use leadwire_pipeline::ledger::{ClaimState, DocumentState, EventEffects, Ledger};

const IDLE: &str = r#"{"state":"idle","attempt":1}"#;
const AGAIN: &str =
    r#"{"state":"sending","token":"dead","lease_until":"2026-11-23T06:50:00Z","attempt":2}"#;

fn key(world: &World, prefix: &str) -> String {
    world.keys("raw/").remove(0).replacen("raw/", prefix, 1)
}

/// Two receivers; a document is stored that names them, or as the first edition stored it, and such a claim.
async fn left(policy: AmbiguousPolicy, names: bool, claim: Option<&str>) -> World {
    let world = due_in(world_of(2, policy)).await;
    let body = world.queue().bodies().remove(0);
    world.spoil_once(Fault::DiesAfter, creates("enriched/"));
    assert_eq!(world.work_or_die().await, None);
    world.home.clear_script();
    world.remove(&key(&world, "mail/"));
    if !names {
        let mut document = only(&world, "enriched/");
        let ours = document["_leadwire"].as_object_mut().unwrap();
        ours.remove("notify").expect("it names its effects");
        world.put(&key(&world, "enriched/"), &document.to_string());
    }
    if let Some(claim) = claim {
        world.put(&key(&world, "mail/"), claim);
    }
    world.queue().purge();
    world.send(&body).await;
    world
}

fn copies_of_both(world: &World) -> [Vec<u32>; 2] {
    [0, 1].map(|number| copies(world, number))
}

#[tokio::test(start_paused = true)]
async fn a_claim_of_version_one_counts_for_each_effect() {
    let (resend, park) = (AmbiguousPolicy::Resend, AmbiguousPolicy::Park);
    let parked = ended(Done::Parked);
    for names in [true, false] {
        for (claim, policy, end, attempts) in [
            (None, resend, MAILED, vec![1]),
            (None, park, MAILED, vec![1]),
            (Some(IDLE), resend, MAILED, vec![2]),
            (Some(IDLE), park, MAILED, vec![2]),
            (Some(DEAD_CLAIM), resend, MAILED, vec![2]),
            (Some(DEAD_CLAIM), park, parked, vec![]),
            (Some(AGAIN), resend, parked, vec![]),
            (Some(AGAIN), park, parked, vec![]),
            (Some(PARKED_CLAIM), resend, parked, vec![]),
        ] {
            let world = left(policy, names, claim).await;
            let outcomes = world.work_until_idle().await;
            assert_eq!(outcomes, [end], "{claim:?} {policy:?}");
            assert_eq!(copies_of_both(&world), [attempts.clone(), attempts]);
            if end == MAILED {
                assert_eq!(told(&world), "ss", "{claim:?}");
            } else if names {
                assert_eq!(failure(&world), ("mail_ambiguous".to_owned(), vec![0, 1]));
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_live_claim_of_version_one_is_waited_for() {
    let live = claim_until("2026-11-23T07:01:00Z");
    let world = left(AmbiguousPolicy::Resend, true, Some(&live)).await;
    let outcomes = world.work_until_idle().await;
    assert!(waits_for_claim(outcomes[0]), "{outcomes:?}");
    assert_eq!(outcomes[1..], [MAILED]);
    assert_eq!(copies_of_both(&world), [[2], [2]]);
}

#[tokio::test(start_paused = true)]
async fn what_is_written_over_a_claim_of_version_one_is_version_two() {
    let world = left(AmbiguousPolicy::Resend, true, Some(DEAD_CLAIM)).await;
    world.spoil(Fault::ReplyLost, mails_to(0));
    world.work_until_idle().await;
    let claim = claim(&world);
    assert_eq!(claim["v"], 2);
    assert_eq!(claim["state"], Value::Null);
    assert_eq!(states(&world, 2), ["parked", "sent"]);
    assert_eq!(said(&world, 0)["doubts"], 2);
}

#[tokio::test(start_paused = true)]
async fn the_effects_of_a_document_that_names_none_are_written_down_before_any_is_sent() {
    for claim in [None, Some(IDLE), Some(DEAD_CLAIM)] {
        // With a message that knows no owner file is there, and with one that is about to write both at once.
        for has_owner in [true, false] {
            let world = left(AmbiguousPolicy::Resend, false, claim).await;
            if !has_owner {
                world.remove("test-1.json");
            }
            let (home, mail) = (Arc::clone(&world.home), key(&world, "mail/"));
            let named = Arc::new(std::sync::Mutex::new(Vec::new()));
            let seen = Arc::clone(&named);
            world.home.set_script(move |call| {
                if matches!(call, Call::Mail(..)) {
                    let claim = home.peek(Bucket::Enriched, &mail).unwrap().bytes;
                    let claim: Value = serde_json::from_slice(&claim).unwrap();
                    let effects = claim["effects"].as_object().map_or(0, serde_json::Map::len);
                    seen.lock().unwrap().push(effects);
                }
                None
            });
            assert_eq!(world.work_until_idle().await, [MAILED], "{claim:?}");
            world.home.clear_script();
            assert_eq!(*named.lock().unwrap(), [2, 2], "{claim:?} {has_owner}");
            assert_eq!(told(&world), "ss");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn what_the_claim_names_stands_for_a_document_that_names_none_whoever_is_configured_since() {
    let mut world = left(AmbiguousPolicy::Resend, false, None).await;
    world.spoil(Fault::Busy, mails_to(1));
    world.work().await;
    world.home.clear_script();
    configure(&mut world, team(3));
    assert_eq!(world.work_until_idle().await, [MAILED]);
    let tried = [0, 1, 2].map(|number| tries(&world, number));
    assert_eq!(tried, [1, 2, 0]);
    assert_eq!(told(&world), "ss");
}

#[tokio::test(start_paused = true)]
async fn naming_that_fails_sends_nothing_and_is_no_doubt() {
    for fault in [Fault::Fails, Fault::ReplyLost, Fault::Conflict] {
        let world = left(AmbiguousPolicy::Park, false, None).await;
        world.spoil_once(fault, replaces("mail/"));
        let outcomes = world.observed(world.work_until_idle()).await;
        assert_eq!(outcomes.last(), Some(&MAILED), "{fault:?}: {outcomes:?}");
        assert_eq!(copies_of_both(&world), [[1], [1]], "{fault:?}");
        assert_eq!(world.counted().get("EmailsAmbiguous"), None, "{fault:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_marker_that_does_not_say_who_was_told_means_everybody() {
    let world = due(2).await;
    let name = EventName::parse_raw_key(&key(&world, "raw/")).unwrap();
    world.work().await;
    world.put_marker(&name.mail_key(), "sent");
    let ledger = Ledger::new(world.store());
    let claim = ledger.claim(&name).await.unwrap();
    assert!(matches!(claim, ClaimState::Settled(..)));
    let DocumentState::Stored(document) = ledger.document(&name).await.unwrap() else {
        panic!("it was stored")
    };
    let effects = EventEffects::new(document.notify(), &claim);
    let said = effects.said.values().map(|effect| effect.state.as_str());
    assert_eq!(said.collect::<Vec<_>>(), ["sent", "sent"]);
    assert_eq!(effects.listed, [effect(0), effect(1)]);
}
