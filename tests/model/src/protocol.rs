//! What is checked: a protocol, and what happens around it.

use crate::bounds::{Bounds, Policy};
use crate::state::State;
use crate::variant::Variant;

/// A protocol in its surroundings.
#[derive(Clone, Copy, Debug)]
pub struct Protocol {
    /// What may happen.
    pub bounds: Bounds,
    /// Configuration and surroundings.
    pub policy: Policy,
    /// The sound protocol or a broken one.
    pub variant: Variant,
    /// What the scenario must be able to reach, lest it proves nothing.
    pub reaches: &'static [&'static str],
}

impl Protocol {
    /// Whether the protocol is this broken one.
    pub(crate) fn breaks(&self, variant: Variant) -> bool {
        self.variant == variant
    }

    /// Faults (deaths, lost replies, errors, purges) that have happened.
    pub(crate) fn faults(&self, state: &State) -> u8 {
        self.bounds.faults() - state.left.faults()
    }
}
