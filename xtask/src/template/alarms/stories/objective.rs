//! The objective: 99 % of the leads in time.

use super::Stories;
use super::tape::{Minutes, Tape};
use leadwire_pipeline::observe::metric::Metric;
use leadwire_pipeline::observe::metric::Service::Enrich;

/// So many leads in each minute, in time or late.
fn mailed(tape: &mut Tape, minutes: impl Minutes, in_time: f64, late: f64) {
    if in_time > 0.0 {
        tape.ours(Metric::MailedInTime, Enrich, minutes.clone(), in_time);
    }
    if late > 0.0 {
        tape.ours(Metric::MailedLate, Enrich, minutes, late);
    }
}

pub(super) fn tell(stories: &mut Stories) {
    stories
        .of("ObjectiveFastBurnAlarm")
        // In an hour in which most leads are late, and ends minutes after it.
        // Nine of the last sixty are 15 %.
        .fires((209, 266), |tape| {
            mailed(tape, 60..200, 1.0, 0.0);
            mailed(tape, 200..260, 0.0, 1.0);
            mailed(tape, 260..600, 1.0, 0.0);
        })
        // When nothing is mailed any more and every lead is lost.
        .fires((220, 290), |tape| {
            tape.ours(Metric::NotMailed, Enrich, 200..260, 1.0);
        })
        // About one slow lead at night.
        .stays_ok(700, |tape| mailed(tape, [200], 0.0, 1.0))
        // About one late lead in fifty.
        .stays_ok(700, |tape| {
            mailed(tape, 60..700, 1.0, 0.0);
            mailed(tape, (100..700).step_by(50), 0.0, 1.0);
        });
    stories
        .of("ObjectiveFastBurnLongAlarm")
        // Is on for as long as the hour is bad.
        .fires((209, 275), |tape| {
            mailed(tape, 60..200, 1.0, 0.0);
            mailed(tape, 200..220, 0.0, 1.0);
            mailed(tape, 220..600, 1.0, 0.0);
        })
        // About nineteen late leads, because a few are no rate.
        .stays_ok(600, |tape| mailed(tape, 200..219, 0.0, 1.0));
    stories
        .of("ObjectiveFastBurnShortAlarm")
        // Is on after one late lead, which alone means nothing.
        .fires((201, 220), |tape| mailed(tape, [200], 0.0, 1.0))
        // While leads are in time.
        .stays_ok(400, |tape| mailed(tape, 60..400, 1.0, 0.0));
    stories
        .of("ObjectiveSlowBurnAlarm")
        // When one lead in ten is late for hours, and ends half an hour after.
        // As soon as there are twenty leads.
        .fires((80, 540), |tape| {
            mailed(tape, 60..500, 0.9, 0.1);
            mailed(tape, 500..600, 1.0, 0.0);
        })
        // While one lead in twenty is late, and about one slow lead at night.
        .stays_ok(1000, |tape| {
            mailed(tape, 60..400, 0.95, 0.05);
            mailed(tape, [900], 0.0, 1.0);
        });
    stories
        .of("ObjectiveSlowBurnLongAlarm")
        // Is on for hours after a bad hour.
        .fires((422, 820), |tape| {
            mailed(tape, 60..400, 1.0, 0.0);
            mailed(tape, 400..460, 0.0, 1.0);
            mailed(tape, 460..840, 1.0, 0.0);
        })
        // About nineteen late leads in six hours.
        .stays_ok(1000, |tape| mailed(tape, (200..580).step_by(20), 0.0, 1.0));
    stories
        .of("ObjectiveSlowBurnShortAlarm")
        // Is on while the last half hour is bad.
        .fires((202, 240), |tape| {
            mailed(tape, 60..200, 1.0, 0.0);
            mailed(tape, 200..203, 0.0, 1.0);
            mailed(tape, 203..400, 1.0, 0.0);
        })
        // While one lead in twenty is late.
        .stays_ok(400, |tape| mailed(tape, 60..400, 0.95, 0.05));
}
