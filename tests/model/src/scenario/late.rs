//! What comes late: owner files that wake an event; on one machine replies, stops and deaths.

use super::{FOREIGN, Scenario, scenario, small};
use crate::bounds::{
    Ambiguous, CRASH, DUPLICATE, FAIL, FORGET, LOSE, NO_TIME, NO_TURN, PURGE, Policy, REDRIVE,
    RETRY, SLOW, STOP, THROTTLE, VANISH, WAKE,
};
use crate::fact::Service;
use crate::property as p;

const LATE_PARK: Policy = Policy {
    ambiguous: Ambiguous::Park,
    ..Policy::LATE
};
/// All is one process on one machine.
pub(crate) const MACHINE: Policy = Policy {
    one_machine: true,
    ..Policy::DEFAULT
};
pub(crate) const MACHINE_PARK: Policy = Policy {
    one_machine: true,
    ..Policy::PARK
};
const MACHINE_LATE: Policy = Policy {
    one_machine: true,
    ..Policy::LATE
};
/// A mail server that may take longer than a phase to reply.
pub(crate) const MACHINE_SLOW: Policy = Policy {
    replies_are_late: true,
    ..MACHINE
};
/// Wake-ups: notifications that are early, late, doubled or lost.
pub(super) fn woken() -> Vec<Scenario> {
    vec![
        small("the owner comes late and wakes the event, twice")
            .may(&[WAKE, WAKE, VANISH])
            .under(Policy::LATE)
            .reaches(&[p::R_SENT, p::R_DLQ, p::R_WOKEN, p::R_CURED]),
        small("a wake-up, a crash")
            .may(&[WAKE, CRASH])
            .under(Policy::LATE.alone().hasty())
            .reaches(&[p::R_SENT, p::R_WOKEN, p::R_TWICE]),
        small("a wake-up, a lost reply")
            .may(&[WAKE, LOSE])
            .under(Policy::LATE.alone().hasty())
            .reaches(&[p::R_SENT, p::R_WOKEN, p::R_TWICE]),
        scenario("a wake-up, a failed call, a duplicate, park")
            .may(&[WAKE, FAIL, DUPLICATE])
            .under(LATE_PARK.alone().hasty())
            .reaches(&[p::R_SENT, p::R_WOKEN, p::R_PARKED]),
        small("a wake-up beside a busy service")
            .may(&[WAKE, THROTTLE])
            .under(Policy::LATE.alone().hasty())
            .reaches(&[p::R_SENT, p::R_WOKEN, p::R_WOKEN_BUSY]),
        small("a wake-up beside a refused receiver")
            .may(&[WAKE])
            .under(Policy::LATE.with_owner(Service::Refusing))
            .reaches(&[p::R_REFUSED_BESIDE, p::R_WOKEN_DEAD]),
        small("a wake-up beside a service that never replies")
            .may(&[WAKE, WAKE])
            .under(Policy::LATE.with_owner(Service::Mute))
            .reaches(&[p::R_PARKED_BESIDE, p::R_WOKEN_BUSY]),
        small("a wake-up while the unassigned document is made")
            .may(&[WAKE, CRASH])
            .under(Policy::LATE_MAIL)
            .reaches(&[p::R_UNASSIGNED, p::R_WOKEN]),
        small("wake-ups by a file that is another lead's, then put right")
            .may(&[WAKE, WAKE, REDRIVE])
            .under(FOREIGN)
            .reaches(&[p::R_SENT, p::R_WOKEN_DEAD, p::R_CURED]),
        small("a wake-up, the queue purged, a CRM that retries")
            .may(&[WAKE, PURGE, RETRY])
            .under(Policy::LATE.alone())
            .reaches(&[p::R_SENT, p::R_WOKEN, p::R_SWEPT]),
        small("a wake-up and forget")
            .may(&[WAKE, FORGET])
            .under(Policy::LATE.alone().hasty())
            .reaches(&[p::R_FORGOTTEN, p::R_WOKEN]),
    ]
}

/// One machine: a process that is stopped or dies as a whole, replies that take their time.
pub(super) fn on_one_machine() -> Vec<Scenario> {
    vec![
        small("one machine: two deaths, a lost reply")
            .may(&[CRASH, CRASH, LOSE])
            .under(MACHINE)
            .reaches(&[p::R_SENT, p::R_TWICE, p::R_PARKED_BESIDE]),
        small("one machine: a death, a busy service, park")
            .may(&[CRASH, THROTTLE])
            .under(MACHINE_PARK.alone().hasty())
            .reaches(&[p::R_SENT, p::R_PARKED, p::R_THROTTLED]),
        small("one machine: stopped twice, a reply that is not waited for")
            .may(&[STOP, STOP, LOSE, LOSE])
            .under(MACHINE)
            .reaches(&[p::R_SENT, p::R_TWICE, p::R_STOPPED]),
        small("one machine: stopped, then it dies, a failed call, park")
            .may(&[STOP, CRASH, FAIL])
            .under(MACHINE_PARK)
            .reaches(&[p::R_SENT, p::R_PARKED]),
        small("one machine: replies outlast every window, a CRM that retries")
            .may(&[RETRY, SLOW])
            .under(MACHINE_SLOW)
            .reaches(&[p::R_SENT]),
        small("one machine: a reply that is late, a busy service, a stop")
            .may(&[SLOW, THROTTLE, STOP])
            .under(MACHINE_SLOW)
            .reaches(&[p::R_SENT, p::R_THROTTLED, p::R_DLQ]),
        small("one machine: no turn, stopped, a death, a lost reply")
            .may(&[NO_TURN, STOP, CRASH, LOSE])
            .under(MACHINE)
            .reaches(&[p::R_SENT, p::R_TWICE, p::R_PARKED_BESIDE]),
        small("one machine: a refused receiver, a death, a redrive")
            .may(&[CRASH, REDRIVE])
            .under(MACHINE.with_owner(Service::Refusing))
            .reaches(&[p::R_REFUSED_BESIDE, p::R_DLQ]),
        small("one machine: a wake-up, a death")
            .may(&[WAKE, CRASH])
            .under(MACHINE_LATE.alone().hasty())
            .reaches(&[p::R_SENT, p::R_WOKEN, p::R_TWICE]),
        small("one machine: a wake-up, a stop")
            .may(&[WAKE, STOP])
            .under(MACHINE_LATE.alone().hasty())
            .reaches(&[p::R_SENT, p::R_WOKEN]),
        small("one machine: forget, a stop, a death")
            .may(&[FORGET, STOP, CRASH])
            .under(MACHINE)
            .reaches(&[p::R_FORGOTTEN]),
    ]
}

/// Larger ones, for the long check.
pub(super) fn deep() -> Vec<Scenario> {
    vec![
        scenario("deep: a wake-up, a crash, a lost reply, no time")
            .may(&[WAKE, CRASH, LOSE, NO_TIME])
            .under(Policy::LATE.alone().hasty())
            .reaches(&[p::R_SENT, p::R_WOKEN, p::R_TWICE]),
        scenario("deep: a wake-up beside a refused receiver, a crash")
            .may(&[WAKE, CRASH])
            .under(Policy::LATE.with_owner(Service::Refusing).hasty())
            .reaches(&[p::R_REFUSED_BESIDE, p::R_WOKEN_DEAD]),
        scenario("deep: a wake-up, forget, a crash")
            .may(&[WAKE, FORGET, CRASH])
            .under(Policy::LATE.alone().hasty())
            .reaches(&[p::R_FORGOTTEN, p::R_WOKEN]),
        scenario("deep: one machine: a wake-up, a stop, a death")
            .may(&[WAKE, STOP, CRASH])
            .under(MACHINE_LATE.alone().hasty())
            .reaches(&[p::R_SENT, p::R_WOKEN, p::R_TWICE]),
        scenario("deep: one machine: a death, a busy service, park")
            .may(&[CRASH, THROTTLE])
            .under(MACHINE_PARK)
            .reaches(&[p::R_SENT, p::R_PARKED, p::R_THROTTLED]),
    ]
}
