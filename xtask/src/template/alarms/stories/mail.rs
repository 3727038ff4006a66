//! Mails, owners, the canary.

use super::Stories;
use super::tape::{Minutes, Tape};
use leadwire_pipeline::observe::metric::Metric;
use leadwire_pipeline::observe::metric::Service::Enrich;

/// What SES tells, by the configuration set.
fn ses(tape: &mut Tape, metric: &str, minutes: impl Minutes) {
    let set = [("ses:configuration-set", "ConfigurationSet")];
    tape.put(("AWS/SES", metric), set, minutes, 1.0);
}

/// What `EventBridge` counts of a rule.
fn bounced(tape: &mut Tape, rule: &'static str, minutes: impl Minutes) {
    let rule = [("RuleName", rule)];
    tape.put(("AWS/Events", "TriggeredRules"), rule, minutes, 1.0);
}

pub(super) fn tell(stories: &mut Stories) {
    stories
        .of("MailBouncedAlarm")
        // At the first bounce for good, once for several.
        .fires((101, 200), |tape| {
            bounced(tape, "PermanentBounces", [100, 130, 131]);
        })
        // While mails go out, and about out-of-office replies and bounces of other senders.
        .stays_ok(300, |tape| {
            ses(tape, "Send", 60..300);
            ses(tape, "Bounce", 60..300);
            bounced(tape, "other", 60..300);
        });
    stories
        .of("MailRejectedAlarm")
        // At the first reject.
        .fires((101, 170), |tape| ses(tape, "Reject", [100]))
        // About bounces.
        .stays_ok(200, |tape| ses(tape, "Bounce", [100]));
    stories
        .of("MailComplaintAlarm")
        // At the first complaint.
        .fires((101, 120), |tape| ses(tape, "Complaint", [100]))
        // While mails go out.
        .stays_ok(300, |tape| ses(tape, "Send", 60..300));
    stories
        .of("EmailAmbiguousAlarm")
        // At the first doubtful mail.
        .fires((101, 120), |tape| {
            tape.ours(Metric::EmailsAmbiguous, Enrich, [100], 1.0);
        })
        // While mails are sent and put off.
        .stays_ok(200, |tape| {
            tape.ours(Metric::EmailsSent, Enrich, 60..200, 5.0);
            tape.ours(Metric::MailDeferred, Enrich, 60..200, 5.0);
        });
    stories
        .of("EmailParkedAlarm")
        // For an hour, so that whoever is woken still finds it.
        .fires((101, 165), |tape| {
            tape.ours(Metric::EmailsParked, Enrich, [100], 1.0);
        })
        // About a mail that is only doubtful.
        .stays_ok(200, |tape| {
            tape.ours(Metric::EmailsAmbiguous, Enrich, [100], 1.0);
        });
    stories
        .of("LookupDeniedAlarm")
        // At the third denied minute in a quarter of an hour.
        .fires((111, 135), |tape| {
            tape.ours(Metric::LookupDenied, Enrich, [100, 105, 110, 114], 2.0);
        })
        // About single denied looks and about owners who are late.
        .stays_ok(200, |tape| {
            tape.ours(Metric::LookupDenied, Enrich, [100, 130, 160], 1.0);
            tape.ours(Metric::OwnerPending, Enrich, 60..200, 4.0);
        });
    stories
        .of("CanaryAlarm")
        // After three quarters of an hour of silence.
        // The last one before it was mailed in minute 100.
        .fires((146, 201), |tape| {
            tape.ours(Metric::CanaryMailed, Enrich, (10..110).step_by(15), 1.0);
            tape.ours(Metric::CanaryMailed, Enrich, (200..400).step_by(15), 1.0);
        })
        // About one canary that is missing and others that are late.
        .stays_ok(200, |tape| {
            let mailed = [10, 25, 43, 55, 70, 102, 115, 131, 145, 160, 176, 190];
            tape.ours(Metric::CanaryMailed, Enrich, mailed, 1.0);
        });
}
