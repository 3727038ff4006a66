//! The mail path under faults.

use super::{CALM, DEFAULT, PARK, Scenario, scenario, sound};
use crate::bounds::{Bounds, ClaimOrder, Policy};
use crate::property as p;

const FAULTS: Bounds = Bounds {
    crashes: 1,
    lost: 1,
    errors: 1,
    duplicates: 1,
    ..CALM
};
const RETRIED: Bounds = Bounds {
    posts: 2,
    crashes: 1,
    lost: 1,
    lookup_changes: 1,
    ..CALM
};
const FEW: Bounds = Bounds {
    crashes: 1,
    lost: 1,
    duplicates: 1,
    ..CALM
};
const BESIDE: Policy = Policy {
    claim: ClaimOrder::BesideDocument,
    ..DEFAULT
};
const BESIDE_PARK: Policy = Policy {
    claim: ClaimOrder::BesideDocument,
    ..PARK
};

pub(super) const ALL: &[Scenario] = &[
    scenario(
        "a CRM that does not retry, faults, a duplicate delivery",
        sound(FAULTS, DEFAULT, &[p::R_MAILED, p::R_TWO_MAILS, p::R_SWEPT]),
    ),
    scenario(
        "a CRM that retries, a crash, a lost reply, a changing lookup",
        sound(RETRIED, DEFAULT, &[p::R_MAILED, p::R_TWO_MAILS, p::R_SWEPT]),
    ),
    scenario(
        "park, faults, a duplicate delivery",
        sound(FAULTS, PARK, &[p::R_MAILED, p::R_PARKED]),
    ),
    scenario(
        "the claim beside the document",
        sound(FEW, BESIDE, &[p::R_MAILED, p::R_TWO_MAILS]),
    )
    .small(),
    scenario(
        "the claim beside the document, park",
        sound(FEW, BESIDE_PARK, &[p::R_MAILED, p::R_PARKED]),
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
];
