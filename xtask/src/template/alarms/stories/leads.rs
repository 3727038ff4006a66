//! Leads on their way: lost, late, refused.

use super::Stories;
use super::tape::{Minutes, Tape};
use leadwire_pipeline::observe::metric::Metric;
use leadwire_pipeline::observe::metric::Service::{Enrich, Ingest};

const DEPTH: &str = "ApproximateNumberOfMessagesVisible";
const AGE: &str = "ApproximateAgeOfOldestMessage";

fn accepted(tape: &mut Tape, minutes: impl Minutes) {
    tape.ours(Metric::EventsPerRequest, Ingest, minutes, 1.0);
}

fn quarantined(tape: &mut Tape, minutes: impl Minutes) {
    tape.ours(Metric::Quarantined, Ingest, minutes, 1.0);
}

fn refused(tape: &mut Tape, reason: &str, minutes: impl Minutes) {
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

pub(super) fn tell(stories: &mut Stories) {
    stories
        .of("DeadLetterQueueDepthAlarm")
        // While a dead letter lies there.
        .fires((101, 131), |tape| {
            tape.queue(DEPTH, "DeadLetterQueue", 60..100, 0.0);
            tape.queue(DEPTH, "DeadLetterQueue", 100..130, 1.0);
            tape.queue(DEPTH, "DeadLetterQueue", 130..140, 0.0);
        })
        // While the queue is empty or idle, and about the delay queue.
        .stays_ok(300, |tape| {
            tape.queue(DEPTH, "DeadLetterQueue", 60..100, 0.0);
            tape.queue(DEPTH, "DelayQueue", 60..300, 50.0);
        });
    stories
        .of("FinalAttemptFailedAlarm")
        // Once for failures that trickle in, in the minute of the first.
        .fires((101, 140), |tape| {
            tape.ours(Metric::FinalAttemptFailed, Enrich, [100, 108, 121], 1.0);
        })
        // While failures are not the last ones.
        .stays_ok(200, |tape| {
            tape.ours(Metric::BatchItemFailures, Enrich, 60..200, 3.0);
        });
    stories
        .of("OldestMessageAgeAlarm")
        // When the queue is not worked on.
        // 28 minutes are the first that are more than 1,620 s; three of them.
        .fires((131, 165), |tape| {
            aging(tape, 100, 160);
            tape.queue(AGE, "DelayQueue", 160..180, 600.0);
        })
        // About the longest delay and one attempt that died.
        .stays_ok(180, |tape| {
            for begin in [60, 90, 120] {
                aging(tape, begin, begin + 22);
            }
        })
        // About a peak of two minutes.
        .stays_ok(200, |tape| {
            tape.queue(AGE, "DelayQueue", 60..200, 600.0);
            tape.queue(AGE, "DelayQueue", 100..102, 1700.0);
        });
    stories
        .of("QuarantinedAlarm")
        // At the first, of any source, for as long as there are others within a quarter of an hour.
        .fires((101, 140), |tape| {
            quarantined(tape, [100]);
            quarantined(tape, [110]);
        })
        // About what was refused and not signed, and about leads.
        .stays_ok(200, |tape| {
            refused(tape, "invalid_json", 60..200);
            accepted(tape, 60..200);
        });
    stories
        .of("NothingVerifiedAlarm")
        // At the fifth refusal when a secret is wrong and nothing else comes.
        .fires((109, 120), |tape| {
            refused(tape, "unverified", [100, 102, 104, 106, 108, 110]);
        })
        // When a secret is changed, a quarter of an hour after the last good lead.
        .fires((115, 155), |tape| {
            accepted(tape, 60..100);
            refused(tape, "unverified", 100..140);
        })
        // About a stranger beside real leads, new or known, of whatever source.
        .stays_ok(400, |tape| {
            refused(tape, "unverified", 100..400);
            accepted(tape, (100..400).step_by(12));
        })
        // About four refusals, and about sources without secrets or other reasons.
        .stays_ok(300, |tape| {
            refused(tape, "unverified", [100, 101, 102, 103]);
            refused(tape, "not_configured", 60..300);
            refused(tape, "invalid_json", 60..300);
        });
}
