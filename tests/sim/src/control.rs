//! Negative controls: mistakes in the real code, and worlds without what protects them. Each must break a promise, or the simulator is blind.

use crate::rule::Breach;
use crate::setting::Setting;
use crate::world::run_seed_with;
use leadwire_pipeline::config::AmbiguousPolicy;
use leadwire_pipeline::sabotage::Sabotage;

/// A mistake that must be noticed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Control {
    /// A mistake in the code.
    Code(Sabotage),
    /// A mistake in the code, where doubtful mails are parked: there a second mail is never right.
    CodeWherePark(Sabotage),
    /// A claim lives for a shorter time than its worker.
    ShortLease,
    /// Nobody sweeps, and a CRM does not come back.
    NoSweeper,
}

/// Every control.
pub static CONTROLS: [Control; 18] = [
    Control::Code(Sabotage::AnswerBeforeQueue),
    Control::Code(Sabotage::OverwriteRaw),
    Control::Code(Sabotage::ShareSlot),
    Control::Code(Sabotage::Hurry),
    Control::Code(Sabotage::MailOwnMerge),
    Control::Code(Sabotage::NoClaim),
    Control::Code(Sabotage::MarkerAfterSend),
    Control::Code(Sabotage::IgnoreLease),
    Control::Code(Sabotage::NoTakeover),
    Control::Code(Sabotage::BlindConflict),
    Control::CodeWherePark(Sabotage::RetryMail),
    Control::CodeWherePark(Sabotage::ReleaseDoubt),
    Control::Code(Sabotage::LoseCopy),
    Control::Code(Sabotage::SilentFailure),
    Control::CodeWherePark(Sabotage::ParkInSilence),
    Control::Code(Sabotage::SweepInVain),
    Control::ShortLease,
    Control::NoSweeper,
];

/// The first seed below `seeds` that notices a control, and how.
pub fn notice(control: Control, seeds: u64) -> Option<(u64, Breach)> {
    (0..seeds).find_map(|seed| {
        let report = run_seed_with(seed, false, |setting| prepare(control, setting));
        report.breach.map(|breach| (seed, breach))
    })
}

fn prepare(control: Control, setting: &mut Setting) -> Option<Sabotage> {
    match control {
        Control::Code(sabotage) => Some(sabotage),
        Control::CodeWherePark(sabotage) => {
            setting.ambiguous = AmbiguousPolicy::Park;
            Some(sabotage)
        }
        Control::ShortLease => {
            setting.lease_seconds = 1;
            None
        }
        Control::NoSweeper => {
            setting.has_sweeper = false;
            setting.crm_retries = false;
            None
        }
    }
}
