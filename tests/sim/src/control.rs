//! Negative controls: mistakes in the protocol, and worlds without what protects them. Each must break a promise, or the simulator is blind.

use crate::mistake::{Mistake, Stage};
use crate::rule::Breach;
use crate::setting::Setting;
use crate::world::run_seed_with;
use clap::ValueEnum as _;
use leadwire_pipeline::settings::AmbiguousPolicy;

/// Something that must be noticed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Control {
    /// A mistake in the protocol.
    Code(Mistake),
    /// A claim lives for a shorter time than its worker.
    ShortLease,
    /// Nobody sweeps, and a CRM does not come back.
    NoSweeper,
}

/// Every control.
pub fn all() -> Vec<Control> {
    let mistakes = Mistake::value_variants().iter().copied();
    let others = [Control::ShortLease, Control::NoSweeper];
    mistakes.map(Control::Code).chain(others).collect()
}

/// The first seed below `seeds` that notices a control, and how.
pub fn notice(control: Control, seeds: u64) -> Option<(u64, Breach)> {
    (0..seeds).find_map(|seed| {
        let report = run_seed_with(seed, false, |setting| prepare(control, setting));
        report.breach.map(|breach| (seed, breach))
    })
}

fn prepare(control: Control, setting: &mut Setting) {
    match control {
        Control::Code(mistake) => {
            setting.mistake = Some(mistake);
            if mistake.shows_where_parked() {
                setting.ambiguous = AmbiguousPolicy::Park;
            }
            if mistake.is_of_one_machine() {
                *setting = setting.clone().on_one_machine();
            }
            if mistake.stage() == Stage::Forget {
                *setting = setting.clone().forgetting();
            }
        }
        Control::ShortLease => setting.lease_seconds = 1,
        Control::NoSweeper => {
            setting.has_sweeper = false;
            setting.crm_retries = false;
        }
    }
}
