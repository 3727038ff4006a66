//! Negative controls: each broken protocol, and the promise that it must break.

use crate::bounds::{Ambiguous, Bounds, Cure, Notify, Policy};
use crate::property as p;
use crate::protocol::Protocol;
use crate::scenario::sound;
use crate::state::Lookup;
use crate::variant::Variant;

/// A broken protocol, in a scenario in which the sound one keeps the promise.
#[derive(Clone, Copy, Debug)]
pub struct Control {
    /// What is wrong with it.
    pub fault: &'static str,
    /// The broken protocol.
    pub protocol: Protocol,
    /// The property that must refute it.
    pub property: &'static str,
}

const CALM: Bounds = Bounds::CALM;
const CRASH: Bounds = Bounds { crashes: 1, ..CALM };
const LOST: Bounds = Bounds { lost: 1, ..CALM };
const ERROR: Bounds = Bounds { errors: 1, ..CALM };
const TWICE: Bounds = Bounds {
    duplicates: 1,
    ..CALM
};
const DEFAULT: Policy = Policy::DEFAULT;
const PARK: Policy = Policy {
    ambiguous: Ambiguous::Park,
    ..DEFAULT
};
const SILENT: Policy = Policy {
    notify: Notify::Never,
    ..DEFAULT
};
const LATE: Policy = Policy {
    lookup: Lookup::Absent,
    ..DEFAULT
};
const NEVER: Policy = Policy {
    lookup_cure: Cure::Never,
    ..LATE
};

fn control(
    variant: Variant,
    setting: (Bounds, Policy),
    property: &'static str,
    fault: &'static str,
) -> Control {
    let protocol = Protocol {
        variant,
        ..sound(setting.0, setting.1, &[])
    };
    Control {
        fault,
        protocol,
        property,
    }
}

/// Every negative control.
pub fn all() -> Vec<Control> {
    let mut all = claims();
    all.extend(documents());
    all.extend(triggers());
    all.extend(waits());
    all.extend(forgetting());
    all.extend(parking());
    all
}

fn claims() -> Vec<Control> {
    use Variant as V;
    vec![
        control(V::NoMarker, (TWICE, DEFAULT), p::MAILS_BOUNDED, "no marker"),
        control(
            V::MarkerAfterSend,
            (TWICE, DEFAULT),
            p::MAILS_BOUNDED,
            "the marker is written after the send",
        ),
        control(
            V::MarkerBeforeSend,
            (CRASH, DEFAULT),
            p::SENT_IS_MAILED,
            "the marker is written before the send",
        ),
        control(
            V::ShortLease,
            (TWICE, DEFAULT),
            p::MAILS_BOUNDED,
            "a lease shorter than the worker's life",
        ),
        control(
            V::NoTakeover,
            (CRASH, DEFAULT),
            p::FAULTS_ABSORBED,
            "no takeover",
        ),
        control(
            V::BlindConflict,
            (LOST, DEFAULT),
            p::FAULTS_ABSORBED,
            "412 taken blindly, without takeover",
        ),
        control(
            V::SettleGivesUp,
            (ERROR, DEFAULT),
            p::MAILS_BOUNDED,
            "a refused settling PUT fails the record at once",
        ),
    ]
}

fn documents() -> Vec<Control> {
    use Variant as V;
    let changing = Bounds {
        lookup_changes: 1,
        duplicates: 1,
        ..CALM
    };
    vec![
        control(
            V::MailOwnMerge,
            (changing, DEFAULT),
            p::MAIL_FROM_DOCUMENT,
            "mailing one's own merge",
        ),
        control(
            V::OverwriteDocument,
            (changing, DEFAULT),
            p::ONE_DOCUMENT,
            "the document is written without If-None-Match",
        ),
        control(
            V::NoEarlyGuard,
            (Bounds { early: 1, ..CALM }, DEFAULT),
            p::NOT_EARLY,
            "enrich trusts the queue's delay",
        ),
        control(
            V::ReplaySharesClaim,
            (Bounds { replays: 1, ..CALM }, DEFAULT),
            p::REPLAY_ENDS,
            "a replay reuses X's claim",
        ),
        control(
            V::NotifyUnseen,
            (Bounds { replays: 1, ..CALM }, SILENT),
            p::SILENT_MAILS_NOBODY,
            "a silent replay's message is one that older code takes",
        ),
    ]
}

fn triggers() -> Vec<Control> {
    use Variant as V;
    let lost_prefix = Bounds {
        prefix_losses: 1,
        ..CALM
    };
    let swept = Bounds { sweeps: 3, ..CALM };
    let swept_crash = Bounds {
        sweeps: 3,
        crashes: 1,
        ..CALM
    };
    vec![
        control(
            V::NoSweep,
            (CRASH, DEFAULT),
            p::STORED_ENDS,
            "no sweep, and a CRM that does not retry",
        ),
        control(
            V::SendBeforePut,
            (CRASH, DEFAULT),
            p::NO_TRIGGER_WITHOUT_BYTES,
            "ingest sends, then stores",
        ),
        control(
            V::AcceptUnsent,
            (ERROR, DEFAULT),
            p::ACCEPTED_HAS_TRIGGER,
            "202 although the trigger was not queued",
        ),
        control(
            V::FailedNever,
            (CALM, NEVER),
            p::DLQ_HAS_REASON,
            "failed/ is never written",
        ),
        control(
            V::FailedAfterReport,
            (CALM, NEVER),
            p::DLQ_HAS_REASON,
            "failed/ is written after the report",
        ),
        control(
            V::SweepUncounted,
            (swept, DEFAULT),
            p::NOTHING_CIRCLES,
            "the sweep sends without counting",
        ),
        control(
            V::SweepCountsAfter,
            (swept_crash, DEFAULT),
            p::NOTHING_CIRCLES,
            "the sweep sends, then counts",
        ),
        control(
            V::SweepIncautious,
            (lost_prefix, DEFAULT),
            p::MAILS_BOUNDED,
            "the sweep sends however many it finds",
        ),
        control(
            V::AckThenSend,
            (CRASH, LATE),
            p::ACCEPTED_HAS_TRIGGER,
            "deferral acks, then sends the copy",
        ),
    ]
}

fn waits() -> Vec<Control> {
    use Variant as V;
    let throttled = Bounds {
        throttles: 1,
        ..CALM
    };
    vec![
        control(
            V::HopsUnbounded,
            (CALM, NEVER),
            p::NOTHING_CIRCLES,
            "hops are not bounded",
        ),
        control(
            V::OwnerWaitBurns,
            (CALM, LATE),
            p::WAITING_IS_FREE,
            "waiting for the owner is reported as a failure",
        ),
        control(
            V::ThrottleBurns,
            (throttled, DEFAULT),
            p::WAITING_IS_FREE,
            "a throttled mail is reported as a failure",
        ),
        control(
            V::LiveClaimBurns,
            (CRASH, DEFAULT),
            p::WAITING_IS_FREE,
            "a live claim is reported as a failure",
        ),
    ]
}

fn forgetting() -> Vec<Control> {
    use Variant as V;
    let forget = Bounds { forgets: 1, ..CALM };
    let retried = Bounds {
        forgets: 1,
        posts: 2,
        ..CALM
    };
    let replayed = Bounds {
        forgets: 1,
        replays: 1,
        ..CALM
    };
    vec![
        control(
            V::EnrichSkipsMail,
            (forget, DEFAULT),
            p::FORGOTTEN,
            "enrich does not read mail/X first",
        ),
        control(
            V::ReplayBlindToForgotten,
            (replayed, DEFAULT),
            p::FORGOTTEN,
            "a replay's enrichment reads only its own claim",
        ),
        control(
            V::ForgetWithoutWait,
            (forget, DEFAULT),
            p::FORGOTTEN,
            "forget deletes without waiting one lease",
        ),
        control(
            V::IngestBlindToForgotten,
            (retried, DEFAULT),
            p::FORGOTTEN,
            "ingest does not look for a forgotten event",
        ),
    ]
}

fn parking() -> Vec<Control> {
    use Variant as V;
    let throttled = Bounds {
        throttles: 1,
        ..CALM
    };
    vec![
        control(
            V::ParkResends,
            (CRASH, PARK),
            p::PARK_MAILS_ONCE,
            "park takes a stale claim over",
        ),
        control(
            V::ParkMarksFirst,
            (CRASH, PARK),
            p::PARKED_IS_DOUBTFUL,
            "park marks before it writes the reason",
        ),
        control(
            V::KeepClaimOnRefusal,
            (throttled, PARK),
            p::PARKED_IS_DOUBTFUL,
            "a refused mail keeps its claim",
        ),
    ]
}
