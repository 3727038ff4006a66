//! What operators do, and what befalls the stores.

use super::{CALM, DEFAULT, PARK, SILENT, Scenario, scenario, sound};
use crate::bounds::{Bounds, Policy};
use crate::property as p;
use crate::state::{Lookup, Ses};

const FOREIGN: Policy = Policy {
    lookup: Lookup::Foreign,
    ..DEFAULT
};
const REFUSING: Policy = Policy {
    ses: Ses::Refusing,
    ..DEFAULT
};

pub(super) const ALL: &[Scenario] = &[
    scenario(
        "another lead's lookup, put right, redrive",
        sound(
            Bounds {
                crashes: 1,
                redrives: 1,
                sweeps: 1,
                ..CALM
            },
            FOREIGN,
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
            REFUSING,
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
        "a silent replay, a crash, a lost reply",
        sound(
            Bounds {
                replays: 1,
                crashes: 1,
                lost: 1,
                ..CALM
            },
            SILENT,
            &[p::R_MAILED, p::R_SILENT],
        ),
    ),
    scenario(
        "forget and a silent replay",
        sound(
            Bounds {
                forgets: 1,
                replays: 1,
                crashes: 1,
                ..CALM
            },
            SILENT,
            &[p::R_FORGOTTEN, p::R_SILENT],
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
];
