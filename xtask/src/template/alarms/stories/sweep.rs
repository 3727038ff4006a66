//! The sweep, every hour.

use super::Stories;
use leadwire_pipeline::observe::metric::Metric;
use leadwire_pipeline::observe::metric::Service::Sweep;

const FUNCTION: &str = "SweepFunction";

pub(super) fn tell(stories: &mut Stories) {
    stories
        .of("SweepErrorRateAlarm")
        // At the second run of three that fails.
        .fires((251, 340), |tape| {
            tape.runs(FUNCTION, [10, 70, 190], 1.0, 0.0);
            tape.runs(FUNCTION, [130, 250], 1.0, 1.0);
            tape.runs(FUNCTION, (310..600).step_by(60), 1.0, 0.0);
        })
        // About a single run that fails.
        .stays_ok(600, |tape| {
            tape.runs(FUNCTION, [10, 70], 1.0, 0.0);
            tape.runs(FUNCTION, [130], 1.0, 1.0);
            tape.runs(FUNCTION, (190..600).step_by(60), 1.0, 0.0);
        });
    stories
        .of("SweepSilentAlarm")
        // After three hours without a run that came to its end.
        .fires((251, 310), |tape| {
            tape.ours(Metric::SweepRuns, Sweep, [10, 70], 1.0);
            tape.ours(Metric::SweepRuns, Sweep, (308..900).step_by(60), 1.0);
        })
        // About two runs that failed, and about runs that are late.
        .stays_ok(900, |tape| {
            tape.ours(Metric::SweepRuns, Sweep, [10, 70, 250], 1.0);
            tape.ours(Metric::SweepRuns, Sweep, (312..900).step_by(60), 1.0);
        });
    stories
        .of("SweepDurationAlarm")
        // At the second slow run.
        .fires((191, 340), |tape| {
            tape.function("Duration", FUNCTION, [130, 190], 780_000.0);
            tape.function("Duration", FUNCTION, (250..600).step_by(60), 30_000.0);
        })
        // About one slow run.
        .stays_ok(600, |tape| {
            tape.function("Duration", FUNCTION, (10..600).step_by(60), 30_000.0);
            tape.function("Duration", FUNCTION, [131], 780_000.0);
        });
    stories
        .of("SweptEventsAlarm")
        // When something was found, once for several runs.
        .fires((101, 360), |tape| {
            tape.ours(Metric::SweptEvents, Sweep, [100, 160, 221], 2.0);
        })
        // While runs find nothing.
        .stays_ok(300, |tape| {
            tape.runs(FUNCTION, (10..300).step_by(60), 1.0, 0.0);
            tape.ours(Metric::SweepRuns, Sweep, (10..300).step_by(60), 1.0);
        });
    stories
        .of("SweepRefusedAlarm")
        // For as long as runs refuse.
        .fires((101, 420), |tape| {
            tape.ours(Metric::SweepRefused, Sweep, (100..300).step_by(60), 1.0);
        })
        // About a few events that were sent again.
        .stays_ok(200, |tape| {
            tape.ours(Metric::SweptEvents, Sweep, [100], 5.0);
        });
}
