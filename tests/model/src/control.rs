//! Negative controls: each broken protocol, and the promise that it must break. What is wrong with it, `variant.rs` says.

use crate::bounds::{
    Bounds, CHANGE, CRASH, DUPLICATE, EARLY, FAIL, FORGET, LOSE, May, Policy, Protocol, REPLAY,
    RETRY, SWEEP, THROTTLE, WIPE,
};
use crate::property as p;
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
            (&[DUPLICATE], DEFAULT, p::MAILS_BOUNDED)
        }
        V::MarkerBeforeSend => (&[CRASH], DEFAULT, p::SENT_IS_MAILED),
        V::NoTakeover => (&[CRASH], DEFAULT, p::FAULTS_ABSORBED),
        V::BlindConflict => (&[LOSE], DEFAULT, p::FAULTS_ABSORBED),
        V::SettleGivesUp => (&[FAIL], DEFAULT, p::MAILS_BOUNDED),
        V::MailOwnMerge => (&[CHANGE, DUPLICATE], DEFAULT, p::MAIL_FROM_DOCUMENT),
        V::OverwriteDocument => (&[CHANGE, DUPLICATE], DEFAULT, p::ONE_DOCUMENT),
        V::NoEarlyGuard => (&[EARLY], DEFAULT, p::NOT_EARLY),
        V::ReplaySharesClaim => (&[REPLAY], DEFAULT, p::REPLAY_ENDS),
        V::NotifyUnseen => (&[REPLAY], Policy::SILENT, p::SILENT_MAILS_NOBODY),
        V::NoSweep => (&[CRASH], DEFAULT, p::STORED_ENDS),
        V::SendBeforePut => (&[CRASH], DEFAULT, p::NO_TRIGGER_WITHOUT_BYTES),
        V::AcceptUnsent => (&[FAIL], DEFAULT, p::ACCEPTED_HAS_TRIGGER),
        V::AckThenSend => (&[CRASH], Policy::LATE, p::ACCEPTED_HAS_TRIGGER),
        V::FailedNever | V::FailedAfterReport => (&[], Policy::NEVER, p::DLQ_HAS_REASON),
        V::SweepUncounted => (&[SWEEP, SWEEP, SWEEP], DEFAULT, p::NOTHING_CIRCLES),
        V::SweepCountsAfter => (&[SWEEP, SWEEP, SWEEP, CRASH], DEFAULT, p::NOTHING_CIRCLES),
        V::SweepIncautious => (&[WIPE], DEFAULT, p::MAILS_BOUNDED),
        V::HopsUnbounded => (&[], Policy::NEVER, p::NOTHING_CIRCLES),
        V::OwnerWaitBurns => (&[], Policy::LATE, p::WAITING_IS_FREE),
        V::ThrottleBurns => (&[THROTTLE], DEFAULT, p::WAITING_IS_FREE),
        V::LiveClaimBurns => (&[CRASH], DEFAULT, p::WAITING_IS_FREE),
        V::EnrichSkipsMail | V::ForgetWithoutWait => (&[FORGET], DEFAULT, p::FORGOTTEN),
        V::ReplayBlindToForgotten => (&[FORGET, REPLAY], DEFAULT, p::FORGOTTEN),
        V::IngestBlindToForgotten => (&[FORGET, RETRY], DEFAULT, p::FORGOTTEN),
        V::ParkResends => (&[CRASH], PARK, p::PARK_MAILS_ONCE),
        V::ParkMarksFirst => (&[CRASH], PARK, p::PARKED_IS_DOUBTFUL),
        V::KeepClaimOnRefusal => (&[THROTTLE], PARK, p::PARKED_IS_DOUBTFUL),
    };
    Some(setting)
}
