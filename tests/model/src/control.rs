//! Negative controls: each broken protocol, and the promise that it must break. What is wrong with it, `variant.rs` says.

use crate::bounds::{
    Bounds, CHANGE, CONFIGURE, CRASH, DUPLICATE, EARLY, FAIL, FORGET, LOSE, May, NO_TIME, NO_TURN,
    PURGE, Policy, Protocol, REDRIVE, REPLAY, RESEND, RETRY, SLOW, STOP, SWEEP, THROTTLE, VANISH,
    WAKE, WIPE,
};
use crate::claim::{Claim, Old};
use crate::fact::Service;
use crate::pair::Pair;
use crate::property as p;
use crate::scenario::{
    EITHER_PARK, GAINED, MACHINE, MACHINE_PARK, MACHINE_SLOW, MERGED, NO_EFFECT, TURNING, upgrade,
};
use crate::variant::Variant;

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
    let tables = [
        claims(),
        met(),
        effects(),
        ends(),
        woken(),
        booted(),
        others(),
    ];
    let control = |(variant, things, policy, property): Setting| Control {
        protocol: Protocol {
            bounds: Bounds::of(things),
            policy,
            variant,
            reaches: &[],
        },
        property,
    };
    tables.concat().into_iter().map(control).collect()
}

/// The control of a variant; none where the protocol is sound.
pub fn of(variant: Variant) -> Option<Control> {
    let mut controls = all().into_iter();
    controls.find(|control| control.protocol.variant == variant)
}

type Setting = (Variant, &'static [May], Policy, &'static str);

const DEFAULT: Policy = Policy::DEFAULT;
const PARK: Policy = Policy::PARK;
const MUTE: Policy = DEFAULT.with_owner(Service::Mute);
const MACHINE_MUTE: Policy = Policy {
    service: Pair::new(Service::Mute, Service::Up),
    ..MACHINE.alone()
};
const REFUSING: Policy = DEFAULT.with_owner(Service::Refusing);
const THROTTLING: Policy = DEFAULT.with_owner(Service::Throttling);

/// The two writes before the effects.
fn claims() -> Vec<Setting> {
    use Variant as V;
    vec![
        (V::NoMarker, &[DUPLICATE], DEFAULT, p::SENDS_BOUNDED),
        (V::MarkerAfterSend, &[DUPLICATE], DEFAULT, p::SENDS_BOUNDED),
        (V::ShortLease, &[DUPLICATE], DEFAULT, p::SENDS_BOUNDED),
        (V::MarkerBeforeSend, &[CRASH], DEFAULT, p::SENT_IS_SENT),
        (
            V::SendOwnMerge,
            &[CHANGE, DUPLICATE],
            DEFAULT,
            p::FROM_DOCUMENT,
        ),
        (
            V::OverwriteDocument,
            &[CHANGE, DUPLICATE],
            DEFAULT,
            p::ONE_DOCUMENT,
        ),
        (
            V::ClaimNamesOwnMerge,
            &[CHANGE, CRASH, DUPLICATE],
            EITHER_PARK,
            p::PARK_SENDS_ONCE,
        ),
        (V::EffectsOfTheDay, &[CONFIGURE], GAINED, p::FROM_DOCUMENT),
        (
            V::SendWithoutDocument,
            &[CHANGE, DUPLICATE],
            MERGED,
            p::FROM_DOCUMENT,
        ),
        (V::SendWithoutClaim, &[FAIL], DEFAULT, p::SENDS_BOUNDED),
    ]
}

/// Claims that are met.
fn met() -> Vec<Setting> {
    use Variant as V;
    vec![
        (V::NoTakeover, &[CRASH], DEFAULT, p::FAULTS_ABSORBED),
        (
            V::BlindConflict,
            &[LOSE, DUPLICATE],
            DEFAULT,
            p::FAULTS_ABSORBED,
        ),
        (V::UnsentIsDoubt, &[CRASH], PARK, p::PARKED_IS_DOUBTFUL),
        (
            V::ShortMargin,
            &[CRASH, CRASH, DUPLICATE],
            PARK,
            p::PARK_SENDS_ONCE,
        ),
        (
            V::TornRead,
            &[CRASH, LOSE, DUPLICATE],
            DEFAULT,
            p::SENDS_BOUNDED,
        ),
        (
            V::GiveUpSilently,
            &[FAIL, DUPLICATE],
            PARK,
            p::PARKED_IS_DOUBTFUL,
        ),
        (
            V::OptimistDecides,
            &[VANISH, RETRY],
            DEFAULT,
            p::SETTLED_RESTS,
        ),
        (
            V::DeniedIsAbsent,
            &[REDRIVE, CRASH, PURGE],
            REFUSING,
            p::STORED_ENDS,
        ),
        (
            V::UpgradeForgetsAttempts,
            &[CRASH],
            upgrade(Claim::Old(Old::Sending(1)), DEFAULT),
            p::SENDS_BOUNDED,
        ),
    ]
}

/// What is sent, and what is written of it.
fn effects() -> Vec<Setting> {
    use Variant as V;
    vec![
        (V::ThirdSend, &[], MUTE, p::SENDS_BOUNDED),
        (V::AskAgainInDoubt, &[LOSE], PARK, p::PARK_SENDS_ONCE),
        (
            V::SettleOverOthers,
            &[SLOW, CRASH],
            DEFAULT,
            p::SENDS_BOUNDED,
        ),
        (
            V::RefusalForgetsDoubts,
            &[THROTTLE, LOSE, LOSE],
            TURNING,
            p::SENDS_BOUNDED,
        ),
        (
            V::ResendOverLiveClaim,
            &[RESEND, LOSE, THROTTLE],
            PARK,
            p::PARKED_IS_DOUBTFUL,
        ),
        (V::SettleGivesUp, &[FAIL], DEFAULT, p::SENDS_BOUNDED),
        (V::RefusalEndsOthers, &[LOSE], REFUSING, p::FAULTS_ABSORBED),
        (V::BusyStopsOthers, &[], THROTTLING, p::CALM_SENDS_ONCE),
        (
            V::FailedHidesOpen,
            &[THROTTLE, PURGE],
            REFUSING,
            p::STORED_ENDS,
        ),
        (V::NobodyIsSettled, &[], NO_EFFECT, p::SENT_IS_SENT),
        (V::BusyKeepsClaim, &[THROTTLE], PARK, p::PARKED_IS_DOUBTFUL),
        (V::UnsentIsBusy, &[NO_TURN], DEFAULT, p::WAIT_HAS_CAUSE),
        (V::ParkResends, &[CRASH], PARK, p::PARK_SENDS_ONCE),
        (V::ParkedIsAcked, &[], MUTE, p::PARKED_HAS_REASON),
        (V::BusyBurns, &[THROTTLE], DEFAULT, p::WAITING_IS_FREE),
        (V::DoubtBurns, &[LOSE], DEFAULT, p::WAITING_IS_FREE),
    ]
}

/// Triggers, waits, failures and sweeps.
fn ends() -> Vec<Setting> {
    use Variant as V;
    vec![
        (V::NoSweep, &[CRASH], DEFAULT, p::STORED_ENDS),
        (
            V::SendBeforePut,
            &[CRASH],
            DEFAULT,
            p::NO_TRIGGER_WITHOUT_BYTES,
        ),
        (V::AcceptUnsent, &[FAIL], DEFAULT, p::ACCEPTED_HAS_TRIGGER),
        (V::NoEarlyGuard, &[EARLY], DEFAULT, p::NOT_EARLY),
        (
            V::AckThenSend,
            &[CRASH],
            Policy::LATE,
            p::ACCEPTED_HAS_TRIGGER,
        ),
        (V::HopsUnbounded, &[], Policy::NEVER, p::NOTHING_CIRCLES),
        (V::OwnerWaitBurns, &[], Policy::LATE, p::WAITING_IS_FREE),
        (V::LiveClaimBurns, &[CRASH], DEFAULT, p::WAITING_IS_FREE),
        (V::FailedNever, &[], Policy::NEVER, p::DLQ_HAS_REASON),
        (V::FailedAfterReport, &[], Policy::NEVER, p::DLQ_HAS_REASON),
        (
            V::SweepUncounted,
            &[SWEEP, SWEEP, SWEEP],
            DEFAULT,
            p::NOTHING_CIRCLES,
        ),
        (
            V::SweepCountsAfter,
            &[SWEEP, SWEEP, SWEEP, CRASH],
            DEFAULT,
            p::NOTHING_CIRCLES,
        ),
        (V::SweepIncautious, &[WIPE], DEFAULT, p::SENDS_BOUNDED),
    ]
}

/// Wake-ups.
fn woken() -> Vec<Setting> {
    use Variant as V;
    const LATE: Policy = Policy::LATE;
    vec![
        (V::WakeBeforeDue, &[WAKE], LATE, p::WOKEN_WHEN_DUE),
        (V::WakeIgnoresTime, &[WAKE], LATE, p::NOT_EARLY),
        (V::WakesOnlyOnce, &[WAKE, WAKE], LATE, p::HEARD_IS_MADE),
        (V::WakesDocument, &[WAKE], LATE, p::WOKEN_WHILE_WAITING),
        (
            V::WakesTombstone,
            &[WAKE, FORGET],
            LATE,
            p::WOKEN_WHILE_WAITING,
        ),
        (V::WakeReplaces, &[WAKE], LATE, p::ACCEPTED_HAS_TRIGGER),
        (V::OnceWaits, &[WAKE], LATE, p::WOKEN_PASSES),
        (V::OnceFails, &[WAKE], LATE, p::WOKEN_PASSES),
        (V::CopyForgetsOnce, &[WAKE, NO_TIME], LATE, p::WOKEN_PASSES),
    ]
}

/// One machine.
fn booted() -> Vec<Setting> {
    use Variant as V;
    vec![
        (V::ShortLease, &[RETRY], MACHINE_SLOW, p::SENDS_BOUNDED),
        (V::BootWaits, &[CRASH], MACHINE, p::ONE_BOOT),
        (V::StopLeavesSending, &[STOP], MACHINE, p::ONE_BOOT),
        (
            V::UnloggedIsDoubt,
            &[CRASH],
            MACHINE_PARK,
            p::PARKED_IS_DOUBTFUL,
        ),
        (V::LoggedIsIdle, &[CRASH], MACHINE_PARK, p::PARK_SENDS_ONCE),
        (V::RowAfterSend, &[CRASH], MACHINE_PARK, p::PARK_SENDS_ONCE),
        (
            V::RowOutlivesAttempt,
            &[CRASH, THROTTLE],
            MACHINE_PARK.alone(),
            p::PARKED_IS_DOUBTFUL,
        ),
        (
            V::UnloggedForgetsDoubts,
            &[CRASH],
            MACHINE_MUTE,
            p::SENDS_BOUNDED,
        ),
    ]
}

/// Forget and replay.
fn others() -> Vec<Setting> {
    use Variant as V;
    vec![
        (V::OverwriteRaw, &[FORGET, RETRY], DEFAULT, p::FORGOTTEN),
        (V::TombstoneGoesToo, &[FORGET, RETRY], DEFAULT, p::FORGOTTEN),
        (V::TombstoneIsMissing, &[FORGET], DEFAULT, p::SETTLED_RESTS),
        (V::MarkBeforeTombstone, &[FORGET], DEFAULT, p::FORGOTTEN),
        (V::DeleteBeforeLease, &[FORGET], DEFAULT, p::FORGOTTEN),
        (
            V::RevisionBlindToTombstone,
            &[FORGET, REPLAY, FAIL],
            DEFAULT,
            p::FORGOTTEN,
        ),
        (V::ReplaySharesClaim, &[REPLAY], DEFAULT, p::REPLAY_ENDS),
        (
            V::NotifyUnseen,
            &[REPLAY],
            Policy::SILENT,
            p::SILENT_MAILS_NOBODY,
        ),
    ]
}
