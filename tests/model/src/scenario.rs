//! The scenarios in which the sound protocol must keep every promise.

mod core;
mod deep;
mod operated;
mod waiting;

use crate::bounds::{Ambiguous, Bounds, Notify, Policy};
use crate::protocol::Protocol;
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

const SILENT: Policy = Policy {
    notify: Notify::Never,
    ..DEFAULT
};

/// The scenarios of the ordinary test run.
pub fn ordinary() -> Vec<Scenario> {
    [core::ALL, waiting::ALL, operated::ALL].concat()
}

/// Larger ones, for the long check.
pub fn deep() -> Vec<Scenario> {
    deep::ALL.to_vec()
}
