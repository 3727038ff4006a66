//! An owner file that is not good yet is waited for like one that is not there; one that no more bytes could cure fails at once.

use super::prelude::*;
use super::several::waits;
use leadwire_pipeline::ledger::history::LeadState;
use leadwire_pipeline::ledger::{Ledger, OwnerState};
use leadwire_pipeline::settings::OwnerMissingPolicy;

const UNFINISHED: DeferReason = DeferReason::OwnerUnfinished;
const CUT_OFF: &str = "{\"lead_id\":\"test-1\",\"lead_owner\":\"Om";

/// What each reader makes of a file: the worker, who reads it for a person, and a replay.
struct Reading {
    file: &'static str,
    outcome: Result<Why, ()>,
    error: &'static str,
    refusal: Refusal,
}

const fn fails(why: Why, file: &'static str, error: &'static str) -> Reading {
    let refusal = match why {
        Why::LookupMismatch => Refusal::OwnerOfOther,
        _ => Refusal::OwnerInvalid,
    };
    let outcome = Ok(why);
    Reading {
        file,
        outcome,
        error,
        refusal,
    }
}

const fn is_waited_for(file: &'static str) -> Reading {
    let (error, refusal) = ("empty or cut off", Refusal::OwnerInvalid);
    let outcome = Err(());
    Reading {
        file,
        outcome,
        error,
        refusal,
    }
}

const READINGS: [Reading; 13] = [
    is_waited_for(""),
    is_waited_for(" \r\n"),
    is_waited_for("\u{feff}"),
    is_waited_for("{"),
    is_waited_for(CUT_OFF),
    is_waited_for("{\"lead_id\":\"test-2\""),
    fails(Why::LookupInvalid, "poison", "not valid JSON"),
    fails(
        Why::LookupInvalid,
        "{\"lead_id\":\"test-1\",,",
        "not valid JSON",
    ),
    fails(Why::LookupInvalid, "[", "not valid JSON"),
    fails(Why::LookupInvalid, "null", "not a JSON object"),
    fails(
        Why::LookupInvalid,
        "{\"lead_id\":\"test-1\",\"lead_owner\":\"a\",\"lead_owner\":\"b\"}",
        "an object has the same key twice",
    ),
    fails(
        Why::LookupInvalid,
        "{\"lead_owner\":\"Omar\"}",
        "has no valid lead_id",
    ),
    fails(
        Why::LookupMismatch,
        "{\"lead_id\":\"test-2\"}",
        "names another lead",
    ),
];

#[tokio::test(start_paused = true)]
async fn an_owner_file_is_the_same_to_everyone_who_reads_it() {
    for Reading {
        file,
        outcome,
        error,
        refusal,
    } in READINGS
    {
        let world = posted(World::new()).await;
        world.put_owner("test-1", file);
        let first = world.work_next().await.remove(0);
        match outcome {
            Ok(why) => assert_eq!(first, failed(why), "{file:?}"),
            Err(()) => assert!(waits(first, UNFINISHED), "{file:?}: {first:?}"),
        }
        let owner = Ledger::new(world.store()).owner(&lead_id("test-1")).await;
        let OwnerState::Stored(owner) = owner.unwrap() else {
            panic!("{file:?} is stored");
        };
        assert_eq!(owner.fields().unwrap_err().to_string(), error, "{file:?}");

        let (world, name) = mailed().await;
        world.put_owner("test-1", file);
        assert_eq!(refused(&world, &name).await, refusal, "{file:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn wherever_its_writer_was_interrupted_the_file_is_waited_for_and_the_whole_one_is_mailed() {
    let whole = format!("\u{feff}{OMAR}");
    for end in 0..whole.len() {
        let world = World::new();
        world.post(ALICE).await;
        world.put_bytes("test-1.json", &whole.as_bytes()[..end]);
        let first = world.work_next().await.remove(0);
        assert!(waits(first, UNFINISHED), "{end}: {first:?}");
        world.put_owner("test-1", &whole);
        assert_eq!(world.work_next().await, [MAILED], "{end}");
        assert!(costs_no_receive(&world), "{end}");
        assert_eq!(receives(&world), [600, 630], "{end}");
        assert_eq!(subjects(&world), ["New lead: Alice → Omar"], "{end}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_file_that_becomes_unfinished_or_good_while_it_is_waited_for_is_taken_when_it_is_good() {
    let world = World::new();
    let name = name_of(&world.post(ALICE).await);
    let now = || world.clock().now();
    let mut reasons = Vec::new();
    for file in [None, Some(""), Some(CUT_OFF), None, Some(OMAR)] {
        world.remove("test-1.json");
        if let Some(file) = file {
            world.put_owner("test-1", file);
        }
        let outcome = world.observed(world.work_next()).await.remove(0);
        let Outcome::Deferred { reason, .. } = outcome else {
            assert_eq!(outcome, MAILED);
            continue;
        };
        reasons.push(reason.code());
        let queue = world.queue().snapshot();
        let event = Ledger::new(world.store()).history(&queue, name.clone());
        let status = event.await.unwrap().status(now());
        assert_eq!(status.state, LeadState::Waiting);
        let expected = match reason {
            UNFINISHED => "for its owner file, which is empty or cut off",
            _ => "for its owner file",
        };
        assert_eq!(status.why, expected);
    }
    let (absent, unfinished) = ("owner_absent", "owner_unfinished");
    assert_eq!(reasons, [absent, unfinished, unfinished, absent]);
    assert_eq!(receives(&world), [600, 630, 690, 810, 1050]);
    assert!(costs_no_receive(&world));
    assert_eq!(world.counted()["OwnerPending"], 4);
}

#[tokio::test(start_paused = true)]
async fn a_file_that_stays_unfinished_is_invalid_when_the_window_ends_whoever_may_be_missing() {
    for policy in [OwnerMissingPolicy::Dlq, OwnerMissingPolicy::Mail] {
        let world = posted(World::with(|world| world.enrich.owner_missing = policy)).await;
        world.put_owner("test-1", CUT_OFF);
        let outcomes = world.work_until_idle().await;
        let (waited, ended) = outcomes.split_at(9);
        assert!(waited.iter().all(|outcome| waits(*outcome, UNFINISHED)));
        assert_eq!(ended, [failed(Why::LookupInvalid); 3], "{policy:?}");
        assert_eq!(receives(&world)[9], 600 + 1800);
        assert_eq!(only(&world, "failed/")["reason"], "lookup_invalid");
        assert_eq!(world.mailer().tries(), 0);

        world.put_owner("test-1", OMAR);
        world.redrive().await.unwrap();
        assert_eq!(world.work_until_idle().await, [MAILED]);
    }
}
