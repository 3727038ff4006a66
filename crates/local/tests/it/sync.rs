//! An answer follows the fsync: seen from outside, in the system calls of a process, since a killed process loses nothing that the kernel
//! has taken, synced or not.

mod tracer;

use crate::child::{accept_three, be_careless, folder, start};
use tracer::{Call, trace};

/// What happened to the write-ahead log and to the answers, in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    Write,
    Sync,
    Answer,
}

/// What the test `name` does as a child.
fn steps(name: &str) -> Vec<Step> {
    let folder = tempfile::tempdir().unwrap();
    let child = start(name, folder.path());
    let real = folder.path().canonicalize().unwrap();
    let (wal, acks) = (real.join("data/leadwire.db-wal"), real.join("acks"));
    let steps = trace(child, &acks)
        .into_iter()
        .filter_map(|call| match call {
            Call::Write(path) if path == wal => Some(Step::Write),
            Call::Synced(path) if path == wal => Some(Step::Sync),
            Call::Write(path) if path == acks => Some(Step::Answer),
            Call::Write(_) | Call::Synced(_) => None,
        });
    steps.collect()
}

/// For each answer: whether something was written before it, and all of that was synced.
fn answers_kept(steps: &[Step]) -> Vec<bool> {
    let (mut wrote, mut unsynced, mut answers) = (false, false, Vec::new());
    for step in steps {
        match step {
            Step::Write => (wrote, unsynced) = (true, true),
            Step::Sync => unsynced = false,
            Step::Answer => {
                answers.push(wrote && !unsynced);
                wrote = false;
            }
        }
    }
    answers
}

#[tokio::test]
async fn an_answer_follows_the_sync_of_what_it_promises() {
    if let Some(folder) = folder() {
        return accept_three(&folder).await;
    }
    let steps = steps("sync::an_answer_follows_the_sync_of_what_it_promises");
    assert_eq!(answers_kept(&steps), [true, true, true], "{steps:?}");
    let syncs = steps.iter().filter(|step| **step == Step::Sync).count();
    assert!(
        syncs >= 6,
        "three events and three triggers, each synced by itself: {steps:?}"
    );
}

#[test]
fn a_program_that_answers_before_it_syncs_is_found_out() {
    if let Some(folder) = folder() {
        return be_careless(&folder);
    }
    let steps = steps("sync::a_program_that_answers_before_it_syncs_is_found_out");
    assert_eq!(answers_kept(&steps), [false, false, false], "{steps:?}");
}
