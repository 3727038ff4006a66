//! The sweep, every 15 minutes.

use super::Must::{BeSilent, Cry};
use super::Story;
use leadwire_pipeline::observe::metric::Metric;
use leadwire_pipeline::observe::metric::Stage::Sweep;

const FUNCTION: &str = "SweepFunction";

pub(super) const STORIES: &[Story] = &[
    Story {
        alarm: "SweepErrorRateAlarm",
        told: "cries at the second run of three that fails",
        happened: |tape| {
            tape.runs(FUNCTION, (10..100).step_by(15), 1.0, 0.0);
            tape.runs(FUNCTION, [100, 130], 1.0, 1.0);
            tape.runs(FUNCTION, [115], 1.0, 0.0);
            tape.runs(FUNCTION, (145..300).step_by(15), 1.0, 0.0);
        },
        must: Cry(131, 180),
    },
    Story {
        alarm: "SweepErrorRateAlarm",
        told: "is silent about a single run that fails",
        happened: |tape| {
            tape.runs(FUNCTION, (10..100).step_by(15), 1.0, 0.0);
            tape.runs(FUNCTION, [100], 1.0, 1.0);
            tape.runs(FUNCTION, (115..300).step_by(15), 1.0, 0.0);
        },
        must: BeSilent(300),
    },
    Story {
        alarm: "SweepDurationAlarm",
        told: "cries at the second slow run",
        happened: |tape| {
            tape.function("Duration", FUNCTION, [100, 115], 250_000.0);
            tape.function("Duration", FUNCTION, (130..300).step_by(15), 9_000.0);
        },
        must: Cry(116, 170),
    },
    Story {
        alarm: "SweepDurationAlarm",
        told: "is silent about one slow run",
        happened: |tape| {
            tape.function("Duration", FUNCTION, (10..300).step_by(15), 9_000.0);
            tape.function("Duration", FUNCTION, [101], 290_000.0);
        },
        must: BeSilent(300),
    },
    Story {
        alarm: "SweptEventsAlarm",
        told: "cries when something was found, once for several runs",
        happened: |tape| tape.ours(Metric::SweptEvents, Sweep, [100, 115, 131], 2.0),
        must: Cry(101, 180),
    },
    Story {
        alarm: "SweptEventsAlarm",
        told: "is silent while runs find nothing",
        happened: |tape| {
            tape.runs(FUNCTION, (10..300).step_by(15), 1.0, 0.0);
            tape.ours(Metric::ColdStart, Sweep, (10..300).step_by(15), 1.0);
        },
        must: BeSilent(300),
    },
    Story {
        alarm: "SweepRefusedAlarm",
        told: "cries for as long as runs refuse",
        happened: |tape| tape.ours(Metric::SweepRefused, Sweep, (100..200).step_by(15), 1.0),
        must: Cry(101, 240),
    },
    Story {
        alarm: "SweepRefusedAlarm",
        told: "is silent about a few events that were sent again",
        happened: |tape| tape.ours(Metric::SweptEvents, Sweep, [100], 5.0),
        must: BeSilent(200),
    },
];
