//! The sound protocol, and the broken ones that must be refuted.

use clap::ValueEnum;

/// The protocol that is checked. Each variant but [`Variant::Sound`] breaks one rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Variant {
    /// The protocol as it is designed.
    Sound,
    /// Effects are sent without any claim or marker.
    NoMarker,
    /// The marker is written after the effects, without a claim before them.
    MarkerAfterSend,
    /// The event is marked as sent before it is.
    MarkerBeforeSend,
    /// Where the document exists, a worker sends its own merge.
    SendOwnMerge,
    /// The document is written without `If-None-Match`.
    OverwriteDocument,
    /// The first claim names the effects of the worker's own merge.
    ClaimNamesOwnMerge,
    /// The effects are those that are configured when they are sent.
    EffectsOfTheDay,
    /// Effects are sent before the document was seen stored.
    SendWithoutDocument,
    /// Effects are sent although the claim was not seen stored.
    SendWithoutClaim,
    /// The lease ends while its worker may still be alive.
    ShortLease,
    /// A lease ends so soon after the life of its worker that a reader may see both.
    ShortMargin,
    /// A claim whose lease is over is left to its sender.
    NoTakeover,
    /// "Exists" on the claim is taken as another worker's who will finish.
    BlindConflict,
    /// A stale claim of an event without a document counts as a doubt.
    UnsentIsDoubt,
    /// Where no document was found, a claim that names effects is taken over as one that was never sent from.
    TornRead,
    /// A claim that is given up is not written back.
    GiveUpSilently,
    /// The first receive waits or fails for an owner file without having read the claim.
    OptimistDecides,
    /// A claim that may not be read counts as absent.
    DeniedIsAbsent,
    /// An effect is sent a third time after two doubts.
    ThirdSend,
    /// An effect is asked for again within an attempt although it is in doubt.
    AskAgainInDoubt,
    /// A settling write says nothing of the effects that were recorded before.
    SettleOverOthers,
    /// A refused settling PUT fails the record at once.
    SettleGivesUp,
    /// A refused effect counts no doubt of its earlier attempts.
    RefusalForgetsDoubts,
    /// An operator touches a claim whose lease is not over.
    ResendOverLiveClaim,
    /// Once a receiver is refused, nothing more is sent to the others.
    RefusalEndsOthers,
    /// Once a service is busy, the others are not asked.
    BusyStopsOthers,
    /// `failed/X` is written while another effect is open, and the sweep takes it for the end.
    FailedHidesOpen,
    /// An event whose effects were all dropped, or that has none, is settled.
    NobodyIsSettled,
    /// A busy effect keeps its claim, unsettled.
    BusyKeepsClaim,
    /// An effect that was not sent, for want of a turn or of time, counts as a busy service's.
    UnsentIsBusy,
    /// `park` takes a stale claim over like `resend`.
    ParkResends,
    /// A claim in which all is over and something is parked is acknowledged without its `failed/X`.
    ParkedIsAcked,
    /// There is no sweep.
    NoSweep,
    /// Ingest queues the trigger before it stores the bytes.
    SendBeforePut,
    /// Ingest answers 202 although the trigger could not be queued.
    AcceptUnsent,
    /// Ingest stores without `If-None-Match`, and so over a tombstone.
    OverwriteRaw,
    /// Enrich trusts the queue's delay.
    NoEarlyGuard,
    /// A wake-up is sent before the event is due.
    WakeBeforeDue,
    /// A wake-up is sent, and heeded, before the event is due.
    WakeIgnoresTime,
    /// A lead is woken once and never again.
    WakesOnlyOnce,
    /// An event is woken although it has its document.
    WakesDocument,
    /// An event is woken although it has its tombstone.
    WakesTombstone,
    /// A wake-up takes the place of the event's own message.
    WakeReplaces,
    /// A wake-up waits for an absent owner like the event's own message.
    OnceWaits,
    /// A wake-up fails for an absent owner.
    OnceFails,
    /// The copy of a wake-up is an ordinary message.
    CopyForgetsOnce,
    /// One machine: a claim of another boot is waited for until its lease is over.
    BootWaits,
    /// One machine: a stop leaves what is being sent under its claim, and the next boot waits for that.
    StopLeavesSending,
    /// One machine: an effect without a row in the mail log counts as a doubt.
    UnloggedIsDoubt,
    /// One machine: an effect with a row in the mail log counts as not sent.
    LoggedIsIdle,
    /// One machine: the row is written after the effect was sent.
    RowAfterSend,
    /// One machine: the row of an earlier attempt counts for the present one.
    RowOutlivesAttempt,
    /// One machine: an effect without a row counts no doubt of its earlier attempts.
    UnloggedForgetsDoubts,
    /// A deferred record is acked before its copy is sent.
    AckThenSend,
    /// Deferral copies keep no count of hops.
    HopsUnbounded,
    /// Waiting for the owner is reported as a failure.
    OwnerWaitBurns,
    /// A busy service is reported as a failure.
    BusyBurns,
    /// A doubt is reported as a failure.
    DoubtBurns,
    /// A live claim is reported as a failure.
    LiveClaimBurns,
    /// `failed/` is never written.
    FailedNever,
    /// `failed/` is written after the record was reported.
    FailedAfterReport,
    /// The sweep sends without counting.
    SweepUncounted,
    /// The sweep counts after it has sent.
    SweepCountsAfter,
    /// The sweep sends however many it finds.
    SweepIncautious,
    /// A replay does not look for its event's tombstone.
    RevisionBlindToTombstone,
    /// A tombstone is taken for bytes that are missing.
    TombstoneIsMissing,
    /// Forget marks the claims first, then writes the tombstone, and counts the lease from the marks.
    MarkBeforeTombstone,
    /// Forget counts the lease from the tombstone: this one is harmless.
    LeaseFromTombstone,
    /// Forget deletes older versions before the lease has passed.
    DeleteBeforeLease,
    /// Forget deletes the tombstone with the versions.
    TombstoneGoesToo,
    /// A replay shares the claim of the event.
    ReplaySharesClaim,
    /// A replay that mails nobody is taken by code that does not know of it.
    NotifyUnseen,
    /// A claim of version 1 counts no doubt of its earlier attempts.
    UpgradeForgetsAttempts,
}
