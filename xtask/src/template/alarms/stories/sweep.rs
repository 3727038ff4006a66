//! The sweep, every 15 minutes.

use super::Must::{Fires, StaysOk};
use super::Story;
use leadwire_pipeline::observe::metric::Metric;
use leadwire_pipeline::observe::metric::Service::Sweep;

const FUNCTION: &str = "SweepFunction";

pub(super) const STORIES: &[Story] = &[
    Story {
        alarm: "SweepErrorRateAlarm",
        title: "fires at the second run of three that fails",
        happened: |tape| {
            tape.runs(FUNCTION, (10..100).step_by(15), 1.0, 0.0);
            tape.runs(FUNCTION, [100, 130], 1.0, 1.0);
            tape.runs(FUNCTION, [115], 1.0, 0.0);
            tape.runs(FUNCTION, (145..300).step_by(15), 1.0, 0.0);
        },
        must: Fires(131, 180),
    },
    Story {
        alarm: "SweepErrorRateAlarm",
        title: "stays OK about a single run that fails",
        happened: |tape| {
            tape.runs(FUNCTION, (10..100).step_by(15), 1.0, 0.0);
            tape.runs(FUNCTION, [100], 1.0, 1.0);
            tape.runs(FUNCTION, (115..300).step_by(15), 1.0, 0.0);
        },
        must: StaysOk(300),
    },
    Story {
        alarm: "SweepDurationAlarm",
        title: "fires at the second slow run",
        happened: |tape| {
            tape.function("Duration", FUNCTION, [100, 115], 250_000.0);
            tape.function("Duration", FUNCTION, (130..300).step_by(15), 9_000.0);
        },
        must: Fires(116, 170),
    },
    Story {
        alarm: "SweepDurationAlarm",
        title: "stays OK about one slow run",
        happened: |tape| {
            tape.function("Duration", FUNCTION, (10..300).step_by(15), 9_000.0);
            tape.function("Duration", FUNCTION, [101], 290_000.0);
        },
        must: StaysOk(300),
    },
    Story {
        alarm: "SweptEventsAlarm",
        title: "fires when something was found, once for several runs",
        happened: |tape| tape.ours(Metric::SweptEvents, Sweep, [100, 115, 131], 2.0),
        must: Fires(101, 180),
    },
    Story {
        alarm: "SweptEventsAlarm",
        title: "stays OK while runs find nothing",
        happened: |tape| {
            tape.runs(FUNCTION, (10..300).step_by(15), 1.0, 0.0);
            tape.ours(Metric::ColdStart, Sweep, (10..300).step_by(15), 1.0);
        },
        must: StaysOk(300),
    },
    Story {
        alarm: "SweepRefusedAlarm",
        title: "fires for as long as runs refuse",
        happened: |tape| tape.ours(Metric::SweepRefused, Sweep, (100..200).step_by(15), 1.0),
        must: Fires(101, 240),
    },
    Story {
        alarm: "SweepRefusedAlarm",
        title: "stays OK about a few events that were sent again",
        happened: |tape| tape.ours(Metric::SweptEvents, Sweep, [100], 5.0),
        must: StaysOk(200),
    },
];
