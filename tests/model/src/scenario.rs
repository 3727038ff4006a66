//! The scenarios in which the sound protocol must keep every promise.

use crate::bounds::{Ambiguous, Bounds, ClaimOrder, Clock, Cure, OwnerMissing, Policy};
use crate::model::Protocol;
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

impl Scenario {
    const fn small(self) -> Self {
        Self {
            small: true,
            ..self
        }
    }
}

/// A sound protocol.
pub(crate) const fn sound(
    bounds: Bounds,
    policy: Policy,
    reaches: &'static [&'static str],
) -> Protocol {
    Protocol {
        bounds,
        policy,
        variant: Variant::Sound,
        reaches,
        only: None,
    }
}

const fn scenario(name: &'static str, protocol: Protocol) -> Scenario {
    Scenario {
        name,
        protocol,
        small: false,
    }
}

const CALM: Bounds = Bounds::CALM;
const DEFAULT: Policy = Policy::DEFAULT;
const PARK: Policy = Policy {
    ambiguous: Ambiguous::Park,
    ..DEFAULT
};

/// The scenarios of the ordinary test run.
pub fn ordinary() -> Vec<Scenario> {
    let mut all = core();
    all.extend(waiting());
    all.extend(operated());
    all
}

fn core() -> Vec<Scenario> {
    let faults = Bounds {
        crashes: 1,
        lost: 1,
        errors: 1,
        duplicates: 1,
        ..CALM
    };
    let retried = Bounds {
        posts: 2,
        crashes: 1,
        lost: 1,
        lookup_changes: 1,
        ..CALM
    };
    let few = Bounds {
        crashes: 1,
        lost: 1,
        duplicates: 1,
        ..CALM
    };
    let beside = Policy {
        claim: ClaimOrder::BesideDocument,
        ..DEFAULT
    };
    let beside_park = Policy {
        claim: ClaimOrder::BesideDocument,
        ..PARK
    };
    vec![
        scenario(
            "a CRM that does not retry, faults, a duplicate delivery",
            sound(faults, DEFAULT, &[p::R_MAILED, p::R_TWO_MAILS, p::R_SWEPT]),
        ),
        scenario(
            "a CRM that retries, a crash, a lost reply, a changing lookup",
            sound(retried, DEFAULT, &[p::R_MAILED, p::R_TWO_MAILS, p::R_SWEPT]),
        ),
        scenario(
            "park, faults, a duplicate delivery",
            sound(faults, PARK, &[p::R_MAILED, p::R_PARKED]),
        ),
        scenario(
            "the claim beside the document",
            sound(few, beside, &[p::R_MAILED, p::R_TWO_MAILS]),
        )
        .small(),
        scenario(
            "the claim beside the document, park",
            sound(few, beside_park, &[p::R_MAILED, p::R_PARKED]),
        )
        .small(),
        scenario(
            "three faults use up the receives",
            sound(
                Bounds {
                    crashes: 2,
                    errors: 2,
                    ..CALM
                },
                DEFAULT,
                &[p::R_MAILED, p::R_DLQ, p::R_SWEPT],
            ),
        )
        .small(),
    ]
}

fn waiting() -> Vec<Scenario> {
    let late = Policy {
        lookup: Lookup::Absent,
        ..DEFAULT
    };
    let never = Policy {
        lookup_cure: Cure::Never,
        ..late
    };
    let never_mail = Policy {
        owner_missing: OwnerMissing::Mail,
        ..never
    };
    let throttled = Policy {
        ses_cure: Cure::Never,
        ..DEFAULT
    };
    vec![
        scenario(
            "the queue delivers early, no time is left",
            sound(
                Bounds {
                    early: 3,
                    no_time: 1,
                    duplicates: 1,
                    ..CALM
                },
                DEFAULT,
                &[p::R_MAILED, p::R_DLQ],
            ),
        )
        .small(),
        scenario(
            "the owner comes late, or too late and then a redrive",
            sound(
                Bounds {
                    crashes: 1,
                    redrives: 1,
                    duplicates: 1,
                    ..CALM
                },
                late,
                &[p::R_MAILED, p::R_DLQ, p::R_CURED],
            ),
        ),
        scenario(
            "the owner never comes: dlq",
            sound(
                Bounds {
                    crashes: 1,
                    redrives: 1,
                    ..CALM
                },
                never,
                &[p::R_DLQ],
            ),
        )
        .small(),
        scenario(
            "the owner never comes: mailed as unassigned",
            sound(
                Bounds {
                    crashes: 1,
                    lost: 1,
                    ..CALM
                },
                never_mail,
                &[p::R_UNASSIGNED],
            ),
        )
        .small(),
        scenario(
            "the owner comes while the unassigned mail is made",
            sound(
                Bounds {
                    crashes: 1,
                    duplicates: 1,
                    ..CALM
                },
                Policy {
                    owner_missing: OwnerMissing::Mail,
                    ..late
                },
                &[p::R_UNASSIGNED, p::R_MAILED],
            ),
        )
        .small(),
        scenario(
            "SES throttles for a while, twice, a duplicate delivery",
            sound(
                Bounds {
                    throttles: 2,
                    duplicates: 1,
                    ..CALM
                },
                DEFAULT,
                &[p::R_MAILED, p::R_THROTTLED],
            ),
        ),
        scenario(
            "SES throttles for a while, a crash",
            sound(
                Bounds {
                    throttles: 1,
                    crashes: 1,
                    ..CALM
                },
                DEFAULT,
                &[p::R_MAILED, p::R_THROTTLED],
            ),
        )
        .small(),
        scenario(
            "SES throttles for ever",
            sound(
                Bounds {
                    throttles: 1,
                    errors: 1,
                    redrives: 1,
                    ..CALM
                },
                throttled,
                &[p::R_MAILED, p::R_DLQ],
            ),
        )
        .small(),
        scenario(
            "SES throttles, park",
            sound(
                Bounds {
                    throttles: 1,
                    crashes: 1,
                    ..CALM
                },
                PARK,
                &[p::R_THROTTLED, p::R_PARKED],
            ),
        )
        .small(),
    ]
}

fn operated() -> Vec<Scenario> {
    let foreign = Policy {
        lookup: Lookup::Foreign,
        ..DEFAULT
    };
    let refusing = Policy {
        ses: Ses::Refusing,
        ..DEFAULT
    };
    vec![
        scenario(
            "another lead's lookup, put right, redrive",
            sound(
                Bounds {
                    crashes: 1,
                    redrives: 1,
                    sweeps: 1,
                    ..CALM
                },
                foreign,
                &[p::R_DLQ, p::R_CURED],
            ),
        )
        .small(),
        scenario(
            "a refused mail, put right, redrive",
            sound(
                Bounds {
                    crashes: 1,
                    errors: 1,
                    redrives: 1,
                    ..CALM
                },
                refusing,
                &[p::R_DLQ, p::R_CURED],
            ),
        )
        .small(),
        scenario(
            "sweeps beside living triggers, crashes of the sweep",
            sound(
                Bounds {
                    crashes: 2,
                    sweeps: 2,
                    ..CALM
                },
                DEFAULT,
                &[p::R_SWEPT, p::R_SWEPT_OUT],
            ),
        )
        .small(),
        scenario(
            "the queue is purged",
            sound(
                Bounds {
                    purges: 1,
                    crashes: 1,
                    errors: 1,
                    duplicates: 1,
                    ..CALM
                },
                DEFAULT,
                &[p::R_MAILED, p::R_SWEPT],
            ),
        )
        .small(),
        scenario(
            "all of mail/ is lost: the sweep sends none",
            sound(
                Bounds {
                    prefix_losses: 1,
                    crashes: 1,
                    lost: 1,
                    sweeps: 1,
                    ..CALM
                },
                DEFAULT,
                &[p::R_MAILED],
            ),
        )
        .small(),
        scenario(
            "a replay with a changed lookup",
            sound(
                Bounds {
                    replays: 1,
                    lookup_changes: 1,
                    crashes: 1,
                    ..CALM
                },
                DEFAULT,
                &[p::R_MAILED, p::R_REPLAYED],
            ),
        )
        .small(),
        scenario(
            "forget, with a CRM that retries",
            sound(
                Bounds {
                    posts: 2,
                    forgets: 1,
                    crashes: 1,
                    duplicates: 1,
                    ..CALM
                },
                DEFAULT,
                &[p::R_FORGOTTEN],
            ),
        ),
        scenario(
            "forget and replay",
            sound(
                Bounds {
                    forgets: 1,
                    replays: 1,
                    crashes: 1,
                    ..CALM
                },
                DEFAULT,
                &[p::R_FORGOTTEN, p::R_REPLAYED],
            ),
        )
        .small(),
        scenario(
            "forget and park",
            sound(
                Bounds {
                    forgets: 1,
                    crashes: 1,
                    lost: 1,
                    sweeps: 1,
                    ..CALM
                },
                PARK,
                &[p::R_FORGOTTEN, p::R_PARKED],
            ),
        )
        .small(),
    ]
}

/// Larger ones, for the long check.
pub fn deep() -> Vec<Scenario> {
    let anytime = Policy {
        clock: Clock::Anytime,
        ..DEFAULT
    };
    let beside = Policy {
        claim: ClaimOrder::BesideDocument,
        ..DEFAULT
    };
    let beside_park = Policy {
        claim: ClaimOrder::BesideDocument,
        ..PARK
    };
    let late_mail = Policy {
        lookup: Lookup::Absent,
        owner_missing: OwnerMissing::Mail,
        ..DEFAULT
    };
    let faults = Bounds {
        posts: 2,
        crashes: 1,
        lost: 1,
        errors: 1,
        duplicates: 1,
        lookup_changes: 1,
        ..CALM
    };
    vec![
        scenario(
            "deep: retries, faults of each kind, a duplicate, a changing lookup",
            sound(faults, DEFAULT, &[p::R_MAILED, p::R_TWO_MAILS]),
        ),
        scenario(
            "deep: the same, park",
            sound(faults, PARK, &[p::R_MAILED, p::R_PARKED]),
        ),
        scenario(
            "deep: the same, the claim beside the document",
            sound(faults, beside, &[p::R_MAILED]),
        ),
        scenario(
            "deep: the same, beside the document, park",
            sound(faults, beside_park, &[p::R_MAILED]),
        ),
        scenario(
            "deep: two crashes, two lost replies, a duplicate, a redrive",
            sound(
                Bounds {
                    crashes: 2,
                    lost: 2,
                    duplicates: 1,
                    redrives: 1,
                    ..CALM
                },
                DEFAULT,
                &[p::R_MAILED, p::R_TWO_MAILS, p::R_DLQ, p::R_CURED],
            ),
        ),
        scenario(
            "deep: the clock moves at any time",
            sound(
                Bounds {
                    posts: 2,
                    crashes: 1,
                    lost: 1,
                    early: 1,
                    ..CALM
                },
                anytime,
                &[p::R_MAILED],
            ),
        ),
        scenario(
            "deep: the owner comes at any time or is given up, faults",
            sound(
                Bounds {
                    crashes: 1,
                    lost: 1,
                    errors: 1,
                    ..CALM
                },
                late_mail,
                &[p::R_UNASSIGNED],
            ),
        ),
        scenario(
            "deep: SES throttles, a crash, a duplicate",
            sound(
                Bounds {
                    throttles: 1,
                    crashes: 1,
                    duplicates: 1,
                    ..CALM
                },
                DEFAULT,
                &[p::R_THROTTLED],
            ),
        ),
        scenario(
            "deep: forget, replay, a CRM that retries, a crash, a lost reply",
            sound(
                Bounds {
                    posts: 2,
                    forgets: 1,
                    replays: 1,
                    crashes: 1,
                    lost: 1,
                    ..CALM
                },
                DEFAULT,
                &[p::R_FORGOTTEN, p::R_REPLAYED],
            ),
        ),
    ]
}
