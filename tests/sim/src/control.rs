//! Negative controls: mistakes in the protocol, and worlds without what protects them. Each must break a promise, or the simulator is blind.

use crate::mistake::Mistake;
use crate::rule::Breach;
use crate::setting::Setting;
use crate::world::run_seed_with;
use leadwire_pipeline::settings::AmbiguousPolicy;

/// A mistake that must be noticed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Control {
    /// A mistake in the protocol.
    Code(Mistake),
    /// A mistake in the protocol, where doubtful mails are parked: there a second mail is never right.
    CodeWherePark(Mistake),
    /// A claim lives for a shorter time than its worker.
    ShortLease,
    /// Nobody sweeps, and a CRM does not come back.
    NoSweeper,
}

/// Every control.
pub static CONTROLS: [Control; 19] = [
    Control::Code(Mistake::AnswerBeforeQueue),
    Control::Code(Mistake::OverwriteRaw),
    Control::Code(Mistake::ShareSlot),
    Control::Code(Mistake::Hurry),
    Control::Code(Mistake::MailOwnMerge),
    Control::Code(Mistake::NoClaim),
    Control::Code(Mistake::MarkerAfterSend),
    Control::Code(Mistake::IgnoreLease),
    Control::Code(Mistake::NoTakeover),
    Control::Code(Mistake::BlindConflict),
    Control::CodeWherePark(Mistake::RetryMail),
    Control::CodeWherePark(Mistake::ReleaseDoubt),
    Control::Code(Mistake::LoseCopy),
    Control::Code(Mistake::SilentFailure),
    Control::CodeWherePark(Mistake::ParkInSilence),
    Control::Code(Mistake::SweepInVain),
    Control::Code(Mistake::MailAnyway),
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

fn prepare(control: Control, setting: &mut Setting) {
    match control {
        Control::Code(mistake) => setting.mistake = Some(mistake),
        Control::CodeWherePark(mistake) => {
            setting.ambiguous = AmbiguousPolicy::Park;
            setting.mistake = Some(mistake);
        }
        Control::ShortLease => setting.lease_seconds = 1,
        Control::NoSweeper => {
            setting.has_sweeper = false;
            setting.crm_retries = false;
        }
    }
}
