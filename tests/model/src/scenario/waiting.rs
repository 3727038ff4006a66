//! Everything that is waited for.

use super::{CALM, DEFAULT, PARK, Scenario, scenario, sound};
use crate::bounds::{Bounds, Cure, OwnerMissing, Policy};
use crate::property as p;
use crate::state::Lookup;

const LATE: Policy = Policy {
    lookup: Lookup::Absent,
    ..DEFAULT
};
const NEVER: Policy = Policy {
    lookup_cure: Cure::Never,
    ..LATE
};
const NEVER_MAIL: Policy = Policy {
    owner_missing: OwnerMissing::Mail,
    ..NEVER
};
const THROTTLED: Policy = Policy {
    ses_cure: Cure::Never,
    ..DEFAULT
};

pub(super) const ALL: &[Scenario] = &[
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
                ..CALM
            },
            LATE,
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
            NEVER,
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
            NEVER_MAIL,
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
                ..LATE
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
            THROTTLED,
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
];
