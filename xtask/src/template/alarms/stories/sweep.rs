//! The sweep, every 15 minutes.

use super::Stories;
use leadwire_pipeline::observe::metric::Metric;
use leadwire_pipeline::observe::metric::Service::Sweep;

const FUNCTION: &str = "SweepFunction";

pub(super) fn tell(stories: &mut Stories) {
    stories
        .of("SweepErrorRateAlarm")
        // At the second run of three that fails.
        .fires((131, 180), |tape| {
            tape.runs(FUNCTION, (10..100).step_by(15), 1.0, 0.0);
            tape.runs(FUNCTION, [100, 130], 1.0, 1.0);
            tape.runs(FUNCTION, [115], 1.0, 0.0);
            tape.runs(FUNCTION, (145..300).step_by(15), 1.0, 0.0);
        })
        // About a single run that fails.
        .stays_ok(300, |tape| {
            tape.runs(FUNCTION, (10..100).step_by(15), 1.0, 0.0);
            tape.runs(FUNCTION, [100], 1.0, 1.0);
            tape.runs(FUNCTION, (115..300).step_by(15), 1.0, 0.0);
        });
    stories
        .of("SweepDurationAlarm")
        // At the second slow run.
        .fires((116, 170), |tape| {
            tape.function("Duration", FUNCTION, [100, 115], 250_000.0);
            tape.function("Duration", FUNCTION, (130..300).step_by(15), 9_000.0);
        })
        // About one slow run.
        .stays_ok(300, |tape| {
            tape.function("Duration", FUNCTION, (10..300).step_by(15), 9_000.0);
            tape.function("Duration", FUNCTION, [101], 290_000.0);
        });
    stories
        .of("SweptEventsAlarm")
        // When something was found, once for several runs.
        .fires((101, 180), |tape| {
            tape.ours(Metric::SweptEvents, Sweep, [100, 115, 131], 2.0);
        })
        // While runs find nothing.
        .stays_ok(300, |tape| {
            tape.runs(FUNCTION, (10..300).step_by(15), 1.0, 0.0);
            tape.ours(Metric::ColdStart, Sweep, (10..300).step_by(15), 1.0);
        });
    stories
        .of("SweepRefusedAlarm")
        // For as long as runs refuse.
        .fires((101, 240), |tape| {
            tape.ours(Metric::SweepRefused, Sweep, (100..200).step_by(15), 1.0);
        })
        // About a few events that were sent again.
        .stays_ok(200, |tape| {
            tape.ours(Metric::SweptEvents, Sweep, [100], 5.0);
        });
}
