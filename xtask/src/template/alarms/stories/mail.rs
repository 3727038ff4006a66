//! Mails, owners, the canary.

use super::Must::{Fires, StaysOk};
use super::Story;
use super::tape::Tape;
use leadwire_pipeline::observe::metric::Metric;
use leadwire_pipeline::observe::metric::Service::Enrich;

/// What SES tells, by the configuration set.
fn ses(tape: &mut Tape, metric: &str, minutes: impl IntoIterator<Item = i64>) {
    let set = [("ses:configuration-set", "ConfigurationSet")];
    tape.put(("AWS/SES", metric), set, minutes, 1.0);
}

pub(super) const STORIES: &[Story] = &[
    Story {
        alarm: "MailBouncedAlarm",
        title: "fires at the first bounce, once for several",
        happened: |tape| ses(tape, "Bounce", [100, 130, 131]),
        must: Fires(101, 200),
    },
    Story {
        alarm: "MailBouncedAlarm",
        title: "stays OK while mails go out, and about bounces of other senders",
        happened: |tape| {
            ses(tape, "Send", 60..300);
            let other = [("ses:configuration-set", "other")];
            tape.put(("AWS/SES", "Bounce"), other, 60..300, 1.0);
        },
        must: StaysOk(300),
    },
    Story {
        alarm: "MailRejectedAlarm",
        title: "fires at the first reject",
        happened: |tape| ses(tape, "Reject", [100]),
        must: Fires(101, 170),
    },
    Story {
        alarm: "MailRejectedAlarm",
        title: "stays OK about bounces",
        happened: |tape| ses(tape, "Bounce", [100]),
        must: StaysOk(200),
    },
    Story {
        alarm: "MailComplaintAlarm",
        title: "fires at the first complaint",
        happened: |tape| ses(tape, "Complaint", [100]),
        must: Fires(101, 120),
    },
    Story {
        alarm: "MailComplaintAlarm",
        title: "stays OK while mails go out",
        happened: |tape| ses(tape, "Send", 60..300),
        must: StaysOk(300),
    },
    Story {
        alarm: "EmailAmbiguousAlarm",
        title: "fires at the first doubtful mail",
        happened: |tape| tape.ours(Metric::EmailsAmbiguous, Enrich, [100], 1.0),
        must: Fires(101, 120),
    },
    Story {
        alarm: "EmailAmbiguousAlarm",
        title: "stays OK while mails are sent and put off",
        happened: |tape| {
            tape.ours(Metric::EmailsSent, Enrich, 60..200, 5.0);
            tape.ours(Metric::MailDeferred, Enrich, 60..200, 5.0);
        },
        must: StaysOk(200),
    },
    Story {
        alarm: "EmailParkedAlarm",
        title: "fires for an hour, so that whoever is woken still finds it",
        happened: |tape| tape.ours(Metric::EmailsParked, Enrich, [100], 1.0),
        must: Fires(101, 165),
    },
    Story {
        alarm: "EmailParkedAlarm",
        title: "stays OK about a mail that is only doubtful",
        happened: |tape| tape.ours(Metric::EmailsAmbiguous, Enrich, [100], 1.0),
        must: StaysOk(200),
    },
    Story {
        alarm: "LookupDeniedAlarm",
        title: "fires at the third denied minute in a quarter of an hour",
        happened: |tape| tape.ours(Metric::LookupDenied, Enrich, [100, 105, 110, 114], 2.0),
        must: Fires(111, 135),
    },
    Story {
        alarm: "LookupDeniedAlarm",
        title: "stays OK about single denied looks and about owners who are late",
        happened: |tape| {
            tape.ours(Metric::LookupDenied, Enrich, [100, 130, 160], 1.0);
            tape.ours(Metric::OwnerPending, Enrich, 60..200, 4.0);
        },
        must: StaysOk(200),
    },
    Story {
        alarm: "CanaryAlarm",
        title: "fires after three quarters of an hour of silence",
        happened: |tape| {
            tape.ours(Metric::CanaryMailed, Enrich, (10..110).step_by(15), 1.0);
            tape.ours(Metric::CanaryMailed, Enrich, (200..400).step_by(15), 1.0);
        },
        // The last one before it was mailed in minute 100.
        must: Fires(146, 201),
    },
    Story {
        alarm: "CanaryAlarm",
        title: "stays OK about one canary that is missing and others that are late",
        happened: |tape| {
            let mailed = [10, 25, 43, 55, 70, 102, 115, 131, 145, 160, 176, 190];
            tape.ours(Metric::CanaryMailed, Enrich, mailed, 1.0);
        },
        must: StaysOk(200),
    },
];
