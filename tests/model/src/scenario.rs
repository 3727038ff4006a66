//! The scenarios in which the sound protocol must keep every promise.

use crate::bounds::{
    Bounds, CHANGE, CRASH, DUPLICATE, EARLY, FAIL, FORGET, LOSE, May, NO_TIME, PURGE, Policy,
    Protocol, REDRIVE, REPLAY, RETRY, SWEEP, THROTTLE, WIPE,
};
use crate::property as p;
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

/// The sound protocol where nothing goes wrong yet.
fn scenario(name: &'static str) -> Scenario {
    let protocol = Protocol {
        bounds: Bounds::of(&[]),
        policy: Policy::DEFAULT,
        variant: Variant::Sound,
        reaches: &[],
    };
    Scenario {
        name,
        protocol,
        small: false,
    }
}

fn small(name: &'static str) -> Scenario {
    Scenario {
        small: true,
        ..scenario(name)
    }
}

impl Scenario {
    fn under(mut self, policy: Policy) -> Self {
        self.protocol.policy = policy;
        self
    }

    fn may(mut self, things: &[May]) -> Self {
        self.protocol.bounds = Bounds::of(things);
        self
    }

    fn reaches(mut self, names: &'static [&'static str]) -> Self {
        self.protocol.reaches = names;
        self
    }
}

const THROTTLED: Policy = Policy {
    ses_recovers: false,
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
    clock_is_free: true,
    ..Policy::DEFAULT
};

/// The scenarios of the ordinary test run.
pub fn ordinary() -> Vec<Scenario> {
    [faulty(), waiting(), operated()].concat()
}

/// The mail path under faults.
fn faulty() -> Vec<Scenario> {
    vec![
        scenario("a CRM that does not retry, faults, a duplicate delivery")
            .may(&[CRASH, LOSE, FAIL, DUPLICATE])
            .reaches(&[p::R_MAILED, p::R_TWO_MAILS, p::R_SWEPT]),
        scenario("a CRM that retries, a crash, a lost reply, a changing lookup")
            .may(&[RETRY, CRASH, LOSE, CHANGE])
            .reaches(&[p::R_MAILED, p::R_TWO_MAILS, p::R_SWEPT]),
        scenario("park, faults, a duplicate delivery")
            .under(Policy::PARK)
            .may(&[CRASH, LOSE, FAIL, DUPLICATE])
            .reaches(&[p::R_MAILED, p::R_PARKED]),
        small("the claim beside the document")
            .under(Policy::BESIDE)
            .may(&[CRASH, LOSE, DUPLICATE])
            .reaches(&[p::R_MAILED, p::R_TWO_MAILS]),
        small("the claim beside the document, park")
            .under(Policy::BESIDE_PARK)
            .may(&[CRASH, LOSE, DUPLICATE])
            .reaches(&[p::R_MAILED, p::R_PARKED]),
        small("three faults use up the receives")
            .may(&[CRASH, CRASH, FAIL, FAIL])
            .reaches(&[p::R_MAILED, p::R_DLQ, p::R_SWEPT]),
    ]
}

/// Everything that is waited for.
fn waiting() -> Vec<Scenario> {
    vec![
        small("the queue delivers early, no time is left")
            .may(&[EARLY, EARLY, EARLY, NO_TIME, DUPLICATE])
            .reaches(&[p::R_MAILED, p::R_DLQ]),
        scenario("the owner comes late, or too late and then a redrive")
            .under(Policy::LATE)
            .may(&[CRASH, REDRIVE])
            .reaches(&[p::R_MAILED, p::R_DLQ, p::R_CURED]),
        small("the owner never comes: dlq")
            .under(Policy::NEVER)
            .may(&[CRASH, REDRIVE])
            .reaches(&[p::R_DLQ]),
        small("the owner never comes: mailed as unassigned")
            .under(Policy::NEVER_MAIL)
            .may(&[CRASH, LOSE])
            .reaches(&[p::R_UNASSIGNED]),
        small("the owner comes while the unassigned mail is made")
            .under(Policy::LATE_MAIL)
            .may(&[CRASH, DUPLICATE])
            .reaches(&[p::R_UNASSIGNED, p::R_MAILED]),
        scenario("SES throttles for a while, twice, a duplicate delivery")
            .may(&[THROTTLE, THROTTLE, DUPLICATE])
            .reaches(&[p::R_MAILED, p::R_THROTTLED]),
        small("SES throttles for a while, a crash")
            .may(&[THROTTLE, CRASH])
            .reaches(&[p::R_MAILED, p::R_THROTTLED]),
        small("SES throttles for ever")
            .under(THROTTLED)
            .may(&[THROTTLE, FAIL, REDRIVE])
            .reaches(&[p::R_MAILED, p::R_DLQ]),
        small("SES throttles, park")
            .under(Policy::PARK)
            .may(&[THROTTLE, CRASH])
            .reaches(&[p::R_THROTTLED, p::R_PARKED]),
    ]
}

/// What operators do, and what befalls the stores.
fn operated() -> Vec<Scenario> {
    vec![
        small("another lead's lookup, put right, redrive")
            .under(FOREIGN)
            .may(&[CRASH, REDRIVE, SWEEP])
            .reaches(&[p::R_DLQ, p::R_CURED]),
        small("a refused mail, put right, redrive")
            .under(REFUSING)
            .may(&[CRASH, FAIL, REDRIVE])
            .reaches(&[p::R_DLQ, p::R_CURED]),
        small("sweeps beside living triggers, crashes of the sweep")
            .may(&[CRASH, CRASH, SWEEP, SWEEP])
            .reaches(&[p::R_SWEPT, p::R_SWEPT_OUT]),
        small("the queue is purged")
            .may(&[PURGE, CRASH, FAIL, DUPLICATE])
            .reaches(&[p::R_MAILED, p::R_SWEPT]),
        small("all of mail/ is lost: the sweep sends none")
            .may(&[WIPE, CRASH, LOSE, SWEEP])
            .reaches(&[p::R_MAILED]),
        small("a replay with a changed lookup")
            .may(&[REPLAY, CHANGE, CRASH])
            .reaches(&[p::R_MAILED, p::R_REPLAYED]),
        scenario("a silent replay, a crash, a lost reply")
            .under(Policy::SILENT)
            .may(&[REPLAY, CRASH, LOSE])
            .reaches(&[p::R_MAILED, p::R_SILENT]),
        small("forget and a silent replay")
            .under(Policy::SILENT)
            .may(&[FORGET, REPLAY, CRASH])
            .reaches(&[p::R_FORGOTTEN, p::R_SILENT]),
        scenario("forget, with a CRM that retries")
            .may(&[RETRY, FORGET, CRASH, DUPLICATE])
            .reaches(&[p::R_FORGOTTEN]),
        small("forget and replay")
            .may(&[FORGET, REPLAY, CRASH])
            .reaches(&[p::R_FORGOTTEN, p::R_REPLAYED]),
        small("forget and park")
            .under(Policy::PARK)
            .may(&[FORGET, CRASH, LOSE, SWEEP])
            .reaches(&[p::R_FORGOTTEN, p::R_PARKED]),
    ]
}

/// Larger ones, for the long check.
pub fn deep() -> Vec<Scenario> {
    vec![
        scenario("deep: retries, a crash, a lost reply, a duplicate, a changing lookup")
            .may(&[RETRY, CRASH, LOSE, DUPLICATE, CHANGE])
            .reaches(&[p::R_MAILED, p::R_TWO_MAILS]),
        scenario("deep: the same, park")
            .under(Policy::PARK)
            .may(&[RETRY, CRASH, LOSE, DUPLICATE, CHANGE])
            .reaches(&[p::R_MAILED, p::R_PARKED]),
        scenario("deep: the same, the claim beside the document")
            .under(Policy::BESIDE)
            .may(&[RETRY, CRASH, LOSE, DUPLICATE, CHANGE])
            .reaches(&[p::R_MAILED]),
        scenario("deep: the same, beside the document, park")
            .under(Policy::BESIDE_PARK)
            .may(&[RETRY, CRASH, LOSE, DUPLICATE, CHANGE])
            .reaches(&[p::R_MAILED]),
        scenario("deep: two crashes, two lost replies, a duplicate, a redrive")
            .may(&[CRASH, CRASH, LOSE, LOSE, DUPLICATE, REDRIVE])
            .reaches(&[p::R_MAILED, p::R_TWO_MAILS, p::R_DLQ, p::R_CURED]),
        scenario("deep: the clock moves at any time")
            .under(ANYTIME)
            .may(&[RETRY, CRASH, LOSE, EARLY])
            .reaches(&[p::R_MAILED]),
        scenario("deep: the owner comes at any time or is given up, faults")
            .under(Policy::LATE_MAIL)
            .may(&[CRASH, LOSE, FAIL])
            .reaches(&[p::R_UNASSIGNED]),
        scenario("deep: SES throttles, a crash, a duplicate")
            .may(&[THROTTLE, CRASH, DUPLICATE])
            .reaches(&[p::R_THROTTLED]),
        scenario("deep: forget, replay, a CRM that retries, a crash, a lost reply")
            .may(&[RETRY, FORGET, REPLAY, CRASH, LOSE])
            .reaches(&[p::R_FORGOTTEN, p::R_REPLAYED]),
        scenario("deep: a silent replay, faults, a duplicate delivery")
            .under(Policy::SILENT)
            .may(&[REPLAY, CRASH, LOSE, FAIL, DUPLICATE])
            .reaches(&[p::R_MAILED, p::R_SILENT]),
    ]
}
