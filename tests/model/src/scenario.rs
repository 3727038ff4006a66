//! The scenarios in which the sound protocol must keep every promise.

mod late;

pub(crate) use late::{MACHINE, MACHINE_PARK, MACHINE_SLOW};

use crate::bounds::{
    Bounds, CHANGE, CONFIGURE, CRASH, DENY, DUPLICATE, EARLY, FAIL, FORGET, LOSE, May, NO_TIME,
    NO_TURN, PURGE, Policy, Protocol, REDRIVE, REPLAY, RESEND, RETRY, SLOW, SWEEP, Start, THROTTLE,
    VANISH, WAKE, WIPE,
};
use crate::claim::{Claim, Old};
use crate::effect::{BOTH, NONE, OWNER, TEAM};
use crate::fact::{Lookup, Service};
use crate::property as p;
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

/// The merge decides which effects there are: the owner's comes with the second owner file.
pub(crate) const MERGED: Policy = Policy {
    notify: [TEAM, BOTH],
    ..Policy::DEFAULT
};
/// Either owner file names another receiver.
pub(crate) const EITHER_PARK: Policy = Policy {
    notify: [TEAM, OWNER],
    ..Policy::PARK
};
/// The owner's receiver goes from the configuration.
pub(crate) const DROPPED: Policy = Policy {
    config: [BOTH, TEAM],
    ..Policy::DEFAULT
};
/// A receiver comes to the configuration that the document does not name.
pub(crate) const GAINED: Policy = Policy {
    notify: [TEAM, TEAM],
    config: [TEAM, BOTH],
    ..Policy::DEFAULT
};
/// Every receiver goes from the configuration.
pub(crate) const NOBODY: Policy = Policy {
    config: [BOTH, NONE],
    ..Policy::DEFAULT
};
/// The document names no effect.
pub(crate) const NO_EFFECT: Policy = Policy {
    notify: [NONE, NONE],
    ..Policy::DEFAULT
};
/// A service that is up begins to refuse, for a while.
pub(crate) const TURNING: Policy = Policy {
    service_turns: Service::Refusing,
    ..Policy::DEFAULT
};
const FOREIGN: Policy = Policy {
    lookup: Lookup::Foreign,
    ..Policy::DEFAULT
};
const THROTTLED: Policy = Policy {
    service_recovers: false,
    ..Policy::DEFAULT
};
const PATIENT: Policy = Policy {
    hops: 4,
    ..Policy::DEFAULT
};
const ANYTIME: Policy = Policy {
    clock_is_free: true,
    ..Policy::DEFAULT
};
/// The first edition left a document, and this claim or none.
pub(crate) const fn upgrade(claim: Claim, policy: Policy) -> Policy {
    Policy {
        start: Start::Upgrade(claim),
        ..policy
    }
}

/// The scenarios of the ordinary test run.
pub fn ordinary() -> Vec<Scenario> {
    [
        faulty(),
        several(),
        waiting(),
        late::woken(),
        late::on_one_machine(),
        operated(),
        forgotten(),
        upgraded(),
    ]
    .concat()
}

/// Two effects under faults.
fn faulty() -> Vec<Scenario> {
    vec![
        small("a crash, a lost reply, a duplicate")
            .may(&[CRASH, LOSE, DUPLICATE])
            .reaches(&[p::R_SENT, p::R_TWICE, p::R_SWEPT]),
        small("a failed call, a lost reply, a duplicate, an answer that is late")
            .may(&[FAIL, LOSE, DUPLICATE, SLOW])
            .reaches(&[p::R_SENT, p::R_TWICE]),
        small("two lost replies").may(&[LOSE, LOSE]).reaches(&[
            p::R_SENT,
            p::R_TWICE,
            p::R_PARKED_BESIDE,
        ]),
        scenario("park, every fault, a duplicate, an answer that is late")
            .may(&[CRASH, LOSE, FAIL, DUPLICATE, SLOW])
            .under(Policy::PARK)
            .reaches(&[p::R_SENT, p::R_PARKED_BESIDE]),
        scenario("a CRM that retries, a crash, a lost reply")
            .may(&[RETRY, CRASH, LOSE])
            .reaches(&[p::R_SENT, p::R_TWICE, p::R_SWEPT]),
        small("three faults use up the receives")
            .may(&[CRASH, CRASH, FAIL, FAIL])
            .reaches(&[p::R_SENT, p::R_DLQ, p::R_SWEPT]),
    ]
}

/// What only several effects can do to each other.
fn several() -> Vec<Scenario> {
    vec![
        scenario("the merge decides which effects there are")
            .may(&[CHANGE, CRASH, DUPLICATE])
            .under(MERGED)
            .reaches(&[p::R_SENT, p::R_TWICE, p::R_SECOND]),
        scenario("either owner file names another receiver, park")
            .may(&[CHANGE, CRASH, LOSE, DUPLICATE])
            .under(EITHER_PARK)
            .reaches(&[p::R_SENT, p::R_PARKED, p::R_SECOND]),
        small("a receiver whose service never replies")
            .may(&[CRASH])
            .under(Policy::DEFAULT.with_owner(Service::Mute))
            .reaches(&[p::R_PARKED_BESIDE, p::R_TWICE]),
        small("a receiver that is refused, a redrive")
            .may(&[CRASH, REDRIVE])
            .under(Policy::DEFAULT.with_owner(Service::Refusing))
            .reaches(&[p::R_REFUSED_BESIDE, p::R_DLQ]),
        scenario("a receiver that is refused for a while, two lost replies")
            .may(&[THROTTLE, LOSE, LOSE])
            .under(TURNING)
            .reaches(&[
                p::R_SENT,
                p::R_TWICE,
                p::R_PARKED_BESIDE,
                p::R_REFUSED_BESIDE,
            ]),
        small("a receiver that is throttled for ever")
            .may(&[CRASH])
            .under(Policy::DEFAULT.with_owner(Service::Throttling))
            .reaches(&[p::R_DLQ]),
        small("a receiver goes from the configuration")
            .may(&[CONFIGURE, CRASH, LOSE])
            .under(DROPPED)
            .reaches(&[p::R_SENT, p::R_DROPPED, p::R_TWICE]),
        small("every receiver goes from the configuration")
            .may(&[CONFIGURE, CRASH, REDRIVE])
            .under(NOBODY)
            .reaches(&[p::R_SENT, p::R_NO_RECEIVER, p::R_DLQ]),
        small("a document without effects")
            .may(&[CRASH, LOSE])
            .under(NO_EFFECT)
            .reaches(&[p::R_NO_RECEIVER, p::R_DLQ]),
    ]
}

/// Everything that is waited for.
fn waiting() -> Vec<Scenario> {
    vec![
        small("the queue delivers early, no time is left")
            .may(&[EARLY, EARLY, NO_TIME, NO_TIME, DUPLICATE])
            .reaches(&[p::R_SENT, p::R_DLQ]),
        small("no time is left, a failed call, park")
            .may(&[NO_TIME, FAIL, CRASH])
            .under(Policy::PARK)
            .reaches(&[p::R_SENT]),
        small("the owner comes late, or too late and then a redrive")
            .may(&[CRASH, REDRIVE])
            .under(Policy::LATE)
            .reaches(&[p::R_SENT, p::R_DLQ, p::R_CURED]),
        small("the owner never comes: dlq")
            .may(&[CRASH, REDRIVE])
            .under(Policy::NEVER)
            .reaches(&[p::R_DLQ]),
        small("the owner never comes: sent as unassigned")
            .may(&[CRASH, LOSE])
            .under(Policy::NEVER_MAIL)
            .reaches(&[p::R_UNASSIGNED]),
        small("the owner comes while the unassigned document is made")
            .may(&[CRASH, DUPLICATE])
            .under(Policy::LATE_MAIL)
            .reaches(&[p::R_UNASSIGNED, p::R_SENT]),
        small("the owner file goes away again, a CRM that retries")
            .may(&[VANISH, RETRY])
            .reaches(&[p::R_SENT, p::R_DLQ]),
        small("two services throttle for a while, an answer that is late")
            .may(&[THROTTLE, THROTTLE, SLOW])
            .reaches(&[p::R_SENT, p::R_THROTTLED]),
        small("a service throttles for a while, a crash")
            .may(&[THROTTLE, CRASH])
            .reaches(&[p::R_SENT, p::R_THROTTLED]),
        small("a service throttles for ever, a lost reply")
            .may(&[THROTTLE, LOSE])
            .under(THROTTLED)
            .reaches(&[p::R_SENT, p::R_DLQ]),
        small("no turn, a busy service")
            .may(&[NO_TURN, NO_TURN, THROTTLE])
            .reaches(&[p::R_SENT, p::R_THROTTLED]),
        small("no turn, no time, two lost replies")
            .may(&[NO_TURN, NO_TIME, LOSE, LOSE])
            .reaches(&[p::R_SENT, p::R_TWICE, p::R_PARKED_BESIDE]),
        small("no turn, a crash, an answer that is late, park")
            .may(&[NO_TURN, NO_TURN, CRASH, SLOW])
            .under(Policy::PARK)
            .reaches(&[p::R_SENT, p::R_PARKED_BESIDE]),
        small("no turn for what was refused, a redrive")
            .may(&[NO_TURN, NO_TURN, REDRIVE])
            .under(Policy::DEFAULT.with_owner(Service::Refusing))
            .reaches(&[p::R_REFUSED_BESIDE, p::R_DLQ]),
        small("a service throttles, park")
            .may(&[THROTTLE, CRASH])
            .under(Policy::PARK)
            .reaches(&[p::R_THROTTLED, p::R_PARKED]),
    ]
}

/// What operators do, and what befalls the stores.
fn operated() -> Vec<Scenario> {
    vec![
        small("parked effects that a person has sent once more")
            .may(&[RESEND, RESEND, LOSE, LOSE])
            .under(Policy::PARK)
            .reaches(&[p::R_SENT, p::R_PARKED_BESIDE]),
        small("another lead's owner file, put right, redrive")
            .may(&[CRASH, REDRIVE, SWEEP])
            .under(FOREIGN)
            .reaches(&[p::R_DLQ, p::R_CURED]),
        small("sweeps beside living triggers, crashes of the sweep")
            .may(&[CRASH, CRASH, SWEEP, SWEEP])
            .reaches(&[p::R_SWEPT, p::R_SWEPT_OUT]),
        small("the queue is purged")
            .may(&[PURGE, CRASH, FAIL, DUPLICATE])
            .reaches(&[p::R_SENT, p::R_SWEPT]),
        small("an effect refused, the other busy, the queue purged")
            .may(&[PURGE, THROTTLE])
            .under(Policy::DEFAULT.with_owner(Service::Refusing))
            .reaches(&[p::R_REFUSED_BESIDE, p::R_SWEPT_OUT]),
        small("access to the claim is denied")
            .may(&[DENY, CRASH, VANISH])
            .reaches(&[p::R_SENT]),
        small("all of mail/ is lost: the sweep sends none")
            .may(&[WIPE, CRASH, LOSE, SWEEP])
            .reaches(&[p::R_SENT]),
        small("a replay with a changed owner file")
            .may(&[REPLAY, CHANGE, CRASH])
            .reaches(&[p::R_SENT, p::R_REPLAYED]),
        small("a silent replay, a crash, a lost reply")
            .may(&[REPLAY, CRASH, LOSE])
            .under(Policy::SILENT)
            .reaches(&[p::R_SENT, p::R_SILENT]),
    ]
}

/// Forget.
fn forgotten() -> Vec<Scenario> {
    vec![
        small("forget, with a CRM that retries")
            .may(&[RETRY, FORGET, CRASH])
            .reaches(&[p::R_FORGOTTEN]),
        small("forget, a crash, a duplicate, an answer that is late")
            .may(&[FORGET, CRASH, DUPLICATE, SLOW])
            .reaches(&[p::R_FORGOTTEN]),
        small("forget and replay")
            .may(&[FORGET, REPLAY, CRASH])
            .reaches(&[p::R_FORGOTTEN, p::R_REPLAYED]),
        small("forget and a silent replay")
            .may(&[FORGET, REPLAY, CRASH])
            .under(Policy::SILENT)
            .reaches(&[p::R_FORGOTTEN, p::R_SILENT]),
        small("forget and park")
            .may(&[FORGET, CRASH, LOSE, SWEEP])
            .under(Policy::PARK)
            .reaches(&[p::R_FORGOTTEN, p::R_PARKED]),
    ]
}

/// What the first edition left behind.
fn upgraded() -> Vec<Scenario> {
    vec![
        small("upgrade: a document without a claim, other receivers since")
            .may(&[CRASH, LOSE, CONFIGURE])
            .under(upgrade(Claim::Absent, DROPPED))
            .reaches(&[p::R_SENT, p::R_TWICE, p::R_DROPPED]),
        small("upgrade: a mail that was not taken")
            .may(&[CRASH, LOSE])
            .under(upgrade(Claim::Old(Old::Idle), Policy::DEFAULT))
            .reaches(&[p::R_SENT, p::R_TWICE]),
        small("upgrade: a parked mail")
            .may(&[CRASH])
            .under(upgrade(Claim::Old(Old::Parked), Policy::DEFAULT))
            .reaches(&[p::R_PARKED]),
        small("upgrade: a mail in doubt, other receivers since")
            .may(&[CRASH, CONFIGURE])
            .under(upgrade(Claim::Old(Old::Sending(0)), DROPPED))
            .reaches(&[p::R_SENT, p::R_TWICE, p::R_PARKED]),
        small("upgrade: a mail twice in doubt")
            .may(&[CRASH])
            .under(upgrade(Claim::Old(Old::Sending(1)), Policy::DEFAULT))
            .reaches(&[p::R_PARKED]),
        small("upgrade: a mail in doubt, park")
            .may(&[CRASH])
            .under(upgrade(Claim::Old(Old::Sending(0)), Policy::PARK))
            .reaches(&[p::R_PARKED]),
    ]
}

/// Larger ones, for the long check.
pub fn deep() -> Vec<Scenario> {
    [large(), late::deep()].concat()
}

fn large() -> Vec<Scenario> {
    vec![
        scenario("deep: every fault, a duplicate, an answer that is late")
            .may(&[CRASH, LOSE, FAIL, DUPLICATE, SLOW])
            .reaches(&[p::R_SENT, p::R_TWICE]),
        scenario("deep: two crashes, two lost replies, a redrive")
            .may(&[CRASH, CRASH, LOSE, LOSE, REDRIVE])
            .reaches(&[p::R_SENT, p::R_TWICE, p::R_PARKED_BESIDE, p::R_CURED]),
        scenario("deep: two crashes, two lost replies, a duplicate, more hops")
            .may(&[CRASH, CRASH, LOSE, LOSE, DUPLICATE])
            .under(PATIENT)
            .reaches(&[p::R_SENT, p::R_TWICE, p::R_PARKED_BESIDE]),
        scenario("deep: the merge decides, retries, faults, a duplicate")
            .may(&[RETRY, CHANGE, CRASH, LOSE, DUPLICATE])
            .under(MERGED)
            .reaches(&[p::R_SENT, p::R_TWICE, p::R_SECOND]),
        scenario("deep: either owner file names another receiver, park, two crashes")
            .may(&[CHANGE, CRASH, CRASH, LOSE, FAIL, DUPLICATE])
            .under(EITHER_PARK)
            .reaches(&[p::R_SENT, p::R_PARKED, p::R_SECOND]),
        scenario("deep: the clock moves at any time")
            .may(&[RETRY, CRASH, LOSE, EARLY])
            .under(ANYTIME)
            .reaches(&[p::R_SENT]),
        scenario("deep: the owner comes at any time or is given up, faults, a wake-up")
            .may(&[CRASH, LOSE, WAKE])
            .under(Policy::LATE_MAIL)
            .reaches(&[p::R_UNASSIGNED]),
        scenario("deep: services throttle, a crash, a duplicate")
            .may(&[THROTTLE, CRASH, DUPLICATE])
            .reaches(&[p::R_THROTTLED]),
        scenario("deep: forget, replay, a CRM that retries, a crash, a lost reply")
            .may(&[RETRY, FORGET, REPLAY, CRASH, LOSE])
            .reaches(&[p::R_FORGOTTEN, p::R_REPLAYED]),
        scenario("deep: a silent replay, faults, a duplicate")
            .may(&[REPLAY, CRASH, LOSE, FAIL, DUPLICATE])
            .under(Policy::SILENT)
            .reaches(&[p::R_SENT, p::R_SILENT]),
    ]
}
