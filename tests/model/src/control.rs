//! Negative controls: each broken protocol, and the promise that it must break. What is wrong with it, `variant.rs` says.

use crate::bounds::May::{
    self, Change, Crash, Duplicate, Early, Fail, Forget, Lose, Replay, Retry, Sweep, Throttle, Wipe,
};
use crate::bounds::{Bounds, Policy};
use crate::property as p;
use crate::protocol::Protocol;
use crate::variant::Variant;
use clap::ValueEnum as _;

/// A broken protocol, in a scenario in which the sound one keeps the promise.
#[derive(Clone, Copy, Debug)]
pub struct Control {
    /// The broken protocol.
    pub protocol: Protocol,
    /// The property that must refute it.
    pub property: &'static str,
}

/// Every negative control.
pub fn all() -> Vec<Control> {
    let variants = Variant::value_variants().iter();
    variants.filter_map(|variant| of(*variant)).collect()
}

/// The control of a variant; none where the protocol is sound, or where the variant breaks nothing.
pub fn of(variant: Variant) -> Option<Control> {
    let (things, policy, property) = setting(variant)?;
    let protocol = Protocol {
        bounds: Bounds::of(things),
        policy,
        variant,
        reaches: &[],
    };
    Some(Control { protocol, property })
}

fn setting(variant: Variant) -> Option<(&'static [May], Policy, &'static str)> {
    use Variant as V;
    const DEFAULT: Policy = Policy::DEFAULT;
    const PARK: Policy = Policy::PARK;
    let setting: (&[May], Policy, &str) = match variant {
        V::Sound | V::ForgetOverLiveClaim => return None,
        V::NoMarker | V::MarkerAfterSend | V::ShortLease => {
            (&[Duplicate], DEFAULT, p::MAILS_BOUNDED)
        }
        V::MarkerBeforeSend => (&[Crash], DEFAULT, p::SENT_IS_MAILED),
        V::NoTakeover => (&[Crash], DEFAULT, p::FAULTS_ABSORBED),
        V::BlindConflict => (&[Lose], DEFAULT, p::FAULTS_ABSORBED),
        V::SettleGivesUp => (&[Fail], DEFAULT, p::MAILS_BOUNDED),
        V::MailOwnMerge => (&[Change, Duplicate], DEFAULT, p::MAIL_FROM_DOCUMENT),
        V::OverwriteDocument => (&[Change, Duplicate], DEFAULT, p::ONE_DOCUMENT),
        V::NoEarlyGuard => (&[Early], DEFAULT, p::NOT_EARLY),
        V::ReplaySharesClaim => (&[Replay], DEFAULT, p::REPLAY_ENDS),
        V::NotifyUnseen => (&[Replay], Policy::SILENT, p::SILENT_MAILS_NOBODY),
        V::NoSweep => (&[Crash], DEFAULT, p::STORED_ENDS),
        V::SendBeforePut => (&[Crash], DEFAULT, p::NO_TRIGGER_WITHOUT_BYTES),
        V::AcceptUnsent => (&[Fail], DEFAULT, p::ACCEPTED_HAS_TRIGGER),
        V::AckThenSend => (&[Crash], Policy::LATE, p::ACCEPTED_HAS_TRIGGER),
        V::FailedNever | V::FailedAfterReport => (&[], Policy::NEVER, p::DLQ_HAS_REASON),
        V::SweepUncounted => (&[Sweep, Sweep, Sweep], DEFAULT, p::NOTHING_CIRCLES),
        V::SweepCountsAfter => (&[Sweep, Sweep, Sweep, Crash], DEFAULT, p::NOTHING_CIRCLES),
        V::SweepIncautious => (&[Wipe], DEFAULT, p::MAILS_BOUNDED),
        V::HopsUnbounded => (&[], Policy::NEVER, p::NOTHING_CIRCLES),
        V::OwnerWaitBurns => (&[], Policy::LATE, p::WAITING_IS_FREE),
        V::ThrottleBurns => (&[Throttle], DEFAULT, p::WAITING_IS_FREE),
        V::LiveClaimBurns => (&[Crash], DEFAULT, p::WAITING_IS_FREE),
        V::EnrichSkipsMail | V::ForgetWithoutWait => (&[Forget], DEFAULT, p::FORGOTTEN),
        V::ReplayBlindToForgotten => (&[Forget, Replay], DEFAULT, p::FORGOTTEN),
        V::IngestBlindToForgotten => (&[Forget, Retry], DEFAULT, p::FORGOTTEN),
        V::ParkResends => (&[Crash], PARK, p::PARK_MAILS_ONCE),
        V::ParkMarksFirst => (&[Crash], PARK, p::PARKED_IS_DOUBTFUL),
        V::KeepClaimOnRefusal => (&[Throttle], PARK, p::PARKED_IS_DOUBTFUL),
    };
    Some(setting)
}
