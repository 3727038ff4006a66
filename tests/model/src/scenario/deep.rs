//! Larger scenarios, for the long check.

use super::{CALM, DEFAULT, PARK, SILENT, Scenario, scenario, sound};
use crate::bounds::{Bounds, ClaimOrder, Clock, OwnerMissing, Policy};
use crate::property as p;
use crate::state::Lookup;

const ANYTIME: Policy = Policy {
    clock: Clock::Anytime,
    ..DEFAULT
};
const BESIDE: Policy = Policy {
    claim: ClaimOrder::BesideDocument,
    ..DEFAULT
};
const BESIDE_PARK: Policy = Policy {
    claim: ClaimOrder::BesideDocument,
    ..PARK
};
const LATE_MAIL: Policy = Policy {
    lookup: Lookup::Absent,
    owner_missing: OwnerMissing::Mail,
    ..DEFAULT
};
const FAULTS: Bounds = Bounds {
    posts: 2,
    crashes: 1,
    lost: 1,
    duplicates: 1,
    lookup_changes: 1,
    ..CALM
};

pub(super) const ALL: &[Scenario] = &[
    scenario(
        "deep: retries, a crash, a lost reply, a duplicate, a changing lookup",
        sound(FAULTS, DEFAULT, &[p::R_MAILED, p::R_TWO_MAILS]),
    ),
    scenario(
        "deep: the same, park",
        sound(FAULTS, PARK, &[p::R_MAILED, p::R_PARKED]),
    ),
    scenario(
        "deep: the same, the claim beside the document",
        sound(FAULTS, BESIDE, &[p::R_MAILED]),
    ),
    scenario(
        "deep: the same, beside the document, park",
        sound(FAULTS, BESIDE_PARK, &[p::R_MAILED]),
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
            ANYTIME,
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
            LATE_MAIL,
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
    scenario(
        "deep: a silent replay, faults, a duplicate delivery",
        sound(
            Bounds {
                replays: 1,
                crashes: 1,
                lost: 1,
                errors: 1,
                duplicates: 1,
                ..CALM
            },
            SILENT,
            &[p::R_MAILED, p::R_SILENT],
        ),
    ),
];
