//! The scenarios in which the sound protocol must keep every promise.

use crate::bounds::May::{
    self, Change, Crash, Duplicate, Early, Fail, Forget, Lose, NoTime, Purge, Redrive, Replay,
    Retry, Sweep, Throttle, Wipe,
};
use crate::bounds::{Bounds, Clock, Cure, Policy};
use crate::property as p;
use crate::protocol::Protocol;
use crate::state::{Lookup, Ses};
use crate::variant::Variant;

/// A named protocol in its surroundings.
#[derive(Clone, Copy, Debug)]
pub struct Scenario {
    /// What it is about.
    pub name: &'static str,
    /// The protocol and its bounds.
    pub protocol: Protocol,
    /// Small enough to be looked through for runs that go on for ever.
    pub small: bool,
}

fn scenario(
    name: &'static str,
    things: &[May],
    policy: Policy,
    reaches: &'static [&'static str],
) -> Scenario {
    Scenario {
        name,
        protocol: Protocol {
            bounds: Bounds::of(things),
            policy,
            variant: Variant::Sound,
            reaches,
        },
        small: false,
    }
}

fn small(
    name: &'static str,
    things: &[May],
    policy: Policy,
    reaches: &'static [&'static str],
) -> Scenario {
    Scenario {
        small: true,
        ..scenario(name, things, policy, reaches)
    }
}

const THROTTLED: Policy = Policy {
    ses_cure: Cure::Never,
    ..Policy::DEFAULT
};
const FOREIGN: Policy = Policy {
    lookup: Lookup::Foreign,
    ..Policy::DEFAULT
};
const REFUSING: Policy = Policy {
    ses: Ses::Refusing,
    ..Policy::DEFAULT
};
const ANYTIME: Policy = Policy {
    clock: Clock::Anytime,
    ..Policy::DEFAULT
};

/// The scenarios of the ordinary test run.
pub fn ordinary() -> Vec<Scenario> {
    [faulty(), waiting(), operated()].concat()
}

/// The mail path under faults.
fn faulty() -> Vec<Scenario> {
    vec![
        scenario(
            "a CRM that does not retry, faults, a duplicate delivery",
            &[Crash, Lose, Fail, Duplicate],
            Policy::DEFAULT,
            &[p::R_MAILED, p::R_TWO_MAILS, p::R_SWEPT],
        ),
        scenario(
            "a CRM that retries, a crash, a lost reply, a changing lookup",
            &[Retry, Crash, Lose, Change],
            Policy::DEFAULT,
            &[p::R_MAILED, p::R_TWO_MAILS, p::R_SWEPT],
        ),
        scenario(
            "park, faults, a duplicate delivery",
            &[Crash, Lose, Fail, Duplicate],
            Policy::PARK,
            &[p::R_MAILED, p::R_PARKED],
        ),
        small(
            "the claim beside the document",
            &[Crash, Lose, Duplicate],
            Policy::BESIDE,
            &[p::R_MAILED, p::R_TWO_MAILS],
        ),
        small(
            "the claim beside the document, park",
            &[Crash, Lose, Duplicate],
            Policy::BESIDE_PARK,
            &[p::R_MAILED, p::R_PARKED],
        ),
        small(
            "three faults use up the receives",
            &[Crash, Crash, Fail, Fail],
            Policy::DEFAULT,
            &[p::R_MAILED, p::R_DLQ, p::R_SWEPT],
        ),
    ]
}

/// Everything that is waited for.
fn waiting() -> Vec<Scenario> {
    vec![
        small(
            "the queue delivers early, no time is left",
            &[Early, Early, Early, NoTime, Duplicate],
            Policy::DEFAULT,
            &[p::R_MAILED, p::R_DLQ],
        ),
        scenario(
            "the owner comes late, or too late and then a redrive",
            &[Crash, Redrive],
            Policy::LATE,
            &[p::R_MAILED, p::R_DLQ, p::R_CURED],
        ),
        small(
            "the owner never comes: dlq",
            &[Crash, Redrive],
            Policy::NEVER,
            &[p::R_DLQ],
        ),
        small(
            "the owner never comes: mailed as unassigned",
            &[Crash, Lose],
            Policy::NEVER_MAIL,
            &[p::R_UNASSIGNED],
        ),
        small(
            "the owner comes while the unassigned mail is made",
            &[Crash, Duplicate],
            Policy::LATE_MAIL,
            &[p::R_UNASSIGNED, p::R_MAILED],
        ),
        scenario(
            "SES throttles for a while, twice, a duplicate delivery",
            &[Throttle, Throttle, Duplicate],
            Policy::DEFAULT,
            &[p::R_MAILED, p::R_THROTTLED],
        ),
        small(
            "SES throttles for a while, a crash",
            &[Throttle, Crash],
            Policy::DEFAULT,
            &[p::R_MAILED, p::R_THROTTLED],
        ),
        small(
            "SES throttles for ever",
            &[Throttle, Fail, Redrive],
            THROTTLED,
            &[p::R_MAILED, p::R_DLQ],
        ),
        small(
            "SES throttles, park",
            &[Throttle, Crash],
            Policy::PARK,
            &[p::R_THROTTLED, p::R_PARKED],
        ),
    ]
}

/// What operators do, and what befalls the stores.
fn operated() -> Vec<Scenario> {
    vec![
        small(
            "another lead's lookup, put right, redrive",
            &[Crash, Redrive, Sweep],
            FOREIGN,
            &[p::R_DLQ, p::R_CURED],
        ),
        small(
            "a refused mail, put right, redrive",
            &[Crash, Fail, Redrive],
            REFUSING,
            &[p::R_DLQ, p::R_CURED],
        ),
        small(
            "sweeps beside living triggers, crashes of the sweep",
            &[Crash, Crash, Sweep, Sweep],
            Policy::DEFAULT,
            &[p::R_SWEPT, p::R_SWEPT_OUT],
        ),
        small(
            "the queue is purged",
            &[Purge, Crash, Fail, Duplicate],
            Policy::DEFAULT,
            &[p::R_MAILED, p::R_SWEPT],
        ),
        small(
            "all of mail/ is lost: the sweep sends none",
            &[Wipe, Crash, Lose, Sweep],
            Policy::DEFAULT,
            &[p::R_MAILED],
        ),
        small(
            "a replay with a changed lookup",
            &[Replay, Change, Crash],
            Policy::DEFAULT,
            &[p::R_MAILED, p::R_REPLAYED],
        ),
        scenario(
            "a silent replay, a crash, a lost reply",
            &[Replay, Crash, Lose],
            Policy::SILENT,
            &[p::R_MAILED, p::R_SILENT],
        ),
        small(
            "forget and a silent replay",
            &[Forget, Replay, Crash],
            Policy::SILENT,
            &[p::R_FORGOTTEN, p::R_SILENT],
        ),
        scenario(
            "forget, with a CRM that retries",
            &[Retry, Forget, Crash, Duplicate],
            Policy::DEFAULT,
            &[p::R_FORGOTTEN],
        ),
        small(
            "forget and replay",
            &[Forget, Replay, Crash],
            Policy::DEFAULT,
            &[p::R_FORGOTTEN, p::R_REPLAYED],
        ),
        small(
            "forget and park",
            &[Forget, Crash, Lose, Sweep],
            Policy::PARK,
            &[p::R_FORGOTTEN, p::R_PARKED],
        ),
    ]
}

/// Larger ones, for the long check.
pub fn deep() -> Vec<Scenario> {
    vec![
        scenario(
            "deep: retries, a crash, a lost reply, a duplicate, a changing lookup",
            &[Retry, Crash, Lose, Duplicate, Change],
            Policy::DEFAULT,
            &[p::R_MAILED, p::R_TWO_MAILS],
        ),
        scenario(
            "deep: the same, park",
            &[Retry, Crash, Lose, Duplicate, Change],
            Policy::PARK,
            &[p::R_MAILED, p::R_PARKED],
        ),
        scenario(
            "deep: the same, the claim beside the document",
            &[Retry, Crash, Lose, Duplicate, Change],
            Policy::BESIDE,
            &[p::R_MAILED],
        ),
        scenario(
            "deep: the same, beside the document, park",
            &[Retry, Crash, Lose, Duplicate, Change],
            Policy::BESIDE_PARK,
            &[p::R_MAILED],
        ),
        scenario(
            "deep: two crashes, two lost replies, a duplicate, a redrive",
            &[Crash, Crash, Lose, Lose, Duplicate, Redrive],
            Policy::DEFAULT,
            &[p::R_MAILED, p::R_TWO_MAILS, p::R_DLQ, p::R_CURED],
        ),
        scenario(
            "deep: the clock moves at any time",
            &[Retry, Crash, Lose, Early],
            ANYTIME,
            &[p::R_MAILED],
        ),
        scenario(
            "deep: the owner comes at any time or is given up, faults",
            &[Crash, Lose, Fail],
            Policy::LATE_MAIL,
            &[p::R_UNASSIGNED],
        ),
        scenario(
            "deep: SES throttles, a crash, a duplicate",
            &[Throttle, Crash, Duplicate],
            Policy::DEFAULT,
            &[p::R_THROTTLED],
        ),
        scenario(
            "deep: forget, replay, a CRM that retries, a crash, a lost reply",
            &[Retry, Forget, Replay, Crash, Lose],
            Policy::DEFAULT,
            &[p::R_FORGOTTEN, p::R_REPLAYED],
        ),
        scenario(
            "deep: a silent replay, faults, a duplicate delivery",
            &[Replay, Crash, Lose, Fail, Duplicate],
            Policy::SILENT,
            &[p::R_MAILED, p::R_SILENT],
        ),
    ]
}
