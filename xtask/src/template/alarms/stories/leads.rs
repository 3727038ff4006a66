//! Leads on their way: lost, late, refused.

use super::Must::{Fires, StaysOk};
use super::Story;
use super::tape::Tape;
use leadwire_pipeline::observe::metric::Metric;
use leadwire_pipeline::observe::metric::Service::Enrich;

const DEPTH: &str = "ApproximateNumberOfMessagesVisible";
const AGE: &str = "ApproximateAgeOfOldestMessage";

fn accepted(tape: &mut Tape, source: &str, minutes: impl IntoIterator<Item = i64>) {
    tape.counted(Metric::LeadsAccepted, ("source", source), minutes);
}

fn refused(tape: &mut Tape, reason: &str, minutes: impl IntoIterator<Item = i64>) {
    tape.counted(Metric::LeadsRejected, ("reason", reason), minutes);
}

/// An age that grows from 0 by a minute a minute.
fn aging(tape: &mut Tape, from: i64, to: i64) {
    let mut age = 0.0;
    for minute in from..to {
        tape.queue(AGE, "DelayQueue", [minute], age);
        age += 60.0;
    }
}

pub(super) const STORIES: &[Story] = &[
    Story {
        alarm: "DeadLetterQueueDepthAlarm",
        title: "fires while a dead letter lies there",
        happened: |tape| {
            tape.queue(DEPTH, "DeadLetterQueue", 60..100, 0.0);
            tape.queue(DEPTH, "DeadLetterQueue", 100..130, 1.0);
            tape.queue(DEPTH, "DeadLetterQueue", 130..140, 0.0);
        },
        must: Fires(101, 131),
    },
    Story {
        alarm: "DeadLetterQueueDepthAlarm",
        title: "stays OK while the queue is empty or idle, and about the delay queue",
        happened: |tape| {
            tape.queue(DEPTH, "DeadLetterQueue", 60..100, 0.0);
            tape.queue(DEPTH, "DelayQueue", 60..300, 50.0);
        },
        must: StaysOk(300),
    },
    Story {
        alarm: "FinalAttemptFailedAlarm",
        title: "fires once for failures that trickle in, in the minute of the first",
        happened: |tape| tape.ours(Metric::FinalAttemptFailed, Enrich, [100, 108, 121], 1.0),
        must: Fires(101, 140),
    },
    Story {
        alarm: "FinalAttemptFailedAlarm",
        title: "stays OK while failures are not the last ones",
        happened: |tape| tape.ours(Metric::BatchItemFailures, Enrich, 60..200, 3.0),
        must: StaysOk(200),
    },
    Story {
        alarm: "OldestMessageAgeAlarm",
        title: "fires when the queue is not worked on",
        happened: |tape| {
            aging(tape, 100, 160);
            tape.queue(AGE, "DelayQueue", 160..180, 600.0);
        },
        // 28 minutes are the first that are more than 1,620 s; three of them.
        must: Fires(131, 165),
    },
    Story {
        alarm: "OldestMessageAgeAlarm",
        title: "stays OK about the longest delay and one attempt that died",
        happened: |tape| {
            for begin in [60, 90, 120] {
                aging(tape, begin, begin + 22);
            }
        },
        must: StaysOk(180),
    },
    Story {
        alarm: "OldestMessageAgeAlarm",
        title: "stays OK about a peak of two minutes",
        happened: |tape| {
            tape.queue(AGE, "DelayQueue", 60..200, 600.0);
            tape.queue(AGE, "DelayQueue", 100..102, 1700.0);
        },
        must: StaysOk(200),
    },
    Story {
        alarm: "NothingVerifiedAlarm",
        title: "fires at the fifth refusal when a secret is wrong and nothing else comes",
        happened: |tape| refused(tape, "unverified", [100, 102, 104, 106, 108, 110]),
        must: Fires(109, 120),
    },
    Story {
        alarm: "NothingVerifiedAlarm",
        title: "fires when a secret is changed, a quarter of an hour after the last good lead",
        happened: |tape| {
            accepted(tape, "close", 60..100);
            refused(tape, "unverified", 100..140);
        },
        must: Fires(115, 155),
    },
    Story {
        alarm: "NothingVerifiedAlarm",
        title: "stays OK about a stranger beside real leads of any source",
        happened: |tape| {
            refused(tape, "unverified", 100..400);
            accepted(tape, "generic", (100..200).step_by(10));
            accepted(tape, "close", (200..300).step_by(10));
            accepted(tape, "standard", (300..400).step_by(10));
        },
        must: StaysOk(400),
    },
    Story {
        alarm: "NothingVerifiedAlarm",
        title: "stays OK while a known lead comes again",
        happened: |tape| {
            refused(tape, "unverified", 100..200);
            let minutes = (100..200).step_by(12);
            tape.counted(Metric::LeadsDuplicate, ("source", "standard"), minutes);
        },
        must: StaysOk(200),
    },
    Story {
        alarm: "NothingVerifiedAlarm",
        title: "stays OK about four refusals, and about sources without secrets or other reasons",
        happened: |tape| {
            refused(tape, "unverified", [100, 101, 102, 103]);
            refused(tape, "not_configured", 60..300);
            refused(tape, "invalid_json", 60..300);
        },
        must: StaysOk(300),
    },
];
