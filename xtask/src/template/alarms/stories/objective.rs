//! The objective: 99 % of the leads in time.

use super::Must::{Fires, StaysOk};
use super::Story;
use super::tape::Tape;
use leadwire_pipeline::observe::metric::Metric;
use leadwire_pipeline::observe::metric::Service::Enrich;

/// So many leads in each minute, in time or late.
fn mailed(
    tape: &mut Tape,
    minutes: impl IntoIterator<Item = i64> + Clone,
    in_time: f64,
    late: f64,
) {
    if in_time > 0.0 {
        tape.ours(Metric::MailedInTime, Enrich, minutes.clone(), in_time);
    }
    if late > 0.0 {
        tape.ours(Metric::MailedLate, Enrich, minutes, late);
    }
}

pub(super) const STORIES: &[Story] = &[
    Story {
        alarm: "ObjectiveFastBurnAlarm",
        title: "fires in an hour in which most leads are late, and ends minutes after it",
        happened: |tape| {
            mailed(tape, 60..200, 1.0, 0.0);
            mailed(tape, 200..260, 0.0, 1.0);
            mailed(tape, 260..600, 1.0, 0.0);
        },
        // Nine of the last sixty are 15 %.
        must: Fires(209, 266),
    },
    Story {
        alarm: "ObjectiveFastBurnAlarm",
        title: "fires when nothing is mailed any more and every lead is lost",
        happened: |tape| tape.ours(Metric::NotMailed, Enrich, 200..260, 1.0),
        must: Fires(220, 290),
    },
    Story {
        alarm: "ObjectiveFastBurnAlarm",
        title: "stays OK about one slow lead at night",
        happened: |tape| mailed(tape, [200], 0.0, 1.0),
        must: StaysOk(700),
    },
    Story {
        alarm: "ObjectiveFastBurnAlarm",
        title: "stays OK about one late lead in fifty",
        happened: |tape| {
            mailed(tape, 60..700, 1.0, 0.0);
            mailed(tape, (100..700).step_by(50), 0.0, 1.0);
        },
        must: StaysOk(700),
    },
    Story {
        alarm: "ObjectiveFastBurnLongAlarm",
        title: "is on for as long as the hour is bad",
        happened: |tape| {
            mailed(tape, 60..200, 1.0, 0.0);
            mailed(tape, 200..220, 0.0, 1.0);
            mailed(tape, 220..600, 1.0, 0.0);
        },
        must: Fires(209, 275),
    },
    Story {
        alarm: "ObjectiveFastBurnLongAlarm",
        title: "stays OK about nineteen late leads, because a few are no rate",
        happened: |tape| mailed(tape, 200..219, 0.0, 1.0),
        must: StaysOk(600),
    },
    Story {
        alarm: "ObjectiveFastBurnShortAlarm",
        title: "is on after one late lead, which alone means nothing",
        happened: |tape| mailed(tape, [200], 0.0, 1.0),
        must: Fires(201, 220),
    },
    Story {
        alarm: "ObjectiveFastBurnShortAlarm",
        title: "stays OK while leads are in time",
        happened: |tape| mailed(tape, 60..400, 1.0, 0.0),
        must: StaysOk(400),
    },
    Story {
        alarm: "ObjectiveSlowBurnAlarm",
        title: "fires when one lead in ten is late for hours, and ends half an hour after",
        happened: |tape| {
            mailed(tape, 60..500, 0.9, 0.1);
            mailed(tape, 500..600, 1.0, 0.0);
        },
        // As soon as there are twenty leads.
        must: Fires(80, 540),
    },
    Story {
        alarm: "ObjectiveSlowBurnAlarm",
        title: "stays OK while one lead in twenty is late, and about one slow lead at night",
        happened: |tape| {
            mailed(tape, 60..400, 0.95, 0.05);
            mailed(tape, [900], 0.0, 1.0);
        },
        must: StaysOk(1000),
    },
    Story {
        alarm: "ObjectiveSlowBurnLongAlarm",
        title: "is on for hours after a bad hour",
        happened: |tape| {
            mailed(tape, 60..400, 1.0, 0.0);
            mailed(tape, 400..460, 0.0, 1.0);
            mailed(tape, 460..840, 1.0, 0.0);
        },
        must: Fires(422, 820),
    },
    Story {
        alarm: "ObjectiveSlowBurnLongAlarm",
        title: "stays OK about nineteen late leads in six hours",
        happened: |tape| mailed(tape, (200..580).step_by(20), 0.0, 1.0),
        must: StaysOk(1000),
    },
    Story {
        alarm: "ObjectiveSlowBurnShortAlarm",
        title: "is on while the last half hour is bad",
        happened: |tape| {
            mailed(tape, 60..200, 1.0, 0.0);
            mailed(tape, 200..203, 0.0, 1.0);
            mailed(tape, 203..400, 1.0, 0.0);
        },
        must: Fires(202, 240),
    },
    Story {
        alarm: "ObjectiveSlowBurnShortAlarm",
        title: "stays OK while one lead in twenty is late",
        happened: |tape| mailed(tape, 60..400, 0.95, 0.05),
        must: StaysOk(400),
    },
];
