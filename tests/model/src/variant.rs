//! The sound protocol, and the broken ones that must be refuted.

use clap::ValueEnum;

/// The protocol that is checked. Each variant but [`Variant::Sound`] breaks one rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Variant {
    /// The protocol as it is built.
    Sound,
    /// Mail is sent without any claim or marker.
    NoMarker,
    /// The marker is written after the mail, without a claim before it.
    MarkerAfterSend,
    /// The mail is marked as sent before it is sent.
    MarkerBeforeSend,
    /// On 412 a worker mails its own merge, not the stored document.
    MailOwnMerge,
    /// The document is written without `If-None-Match`.
    OverwriteDocument,
    /// The lease ends while its worker may still be alive.
    ShortLease,
    /// A stale claim is taken as somebody's who will finish.
    NoTakeover,
    /// 412 on the claim is taken as another worker's, unread, and there is no takeover.
    BlindConflict,
    /// There is no sweep.
    NoSweep,
    /// Ingest queues the trigger before it stores the bytes.
    SendBeforePut,
    /// Ingest answers 202 although the trigger could not be queued.
    AcceptUnsent,
    /// Ingest does not look for a forgotten event.
    IngestBlindToForgotten,
    /// Enrich trusts the queue's delay.
    NoEarlyGuard,
    /// A deferred record is acked before its copy is sent.
    AckThenSend,
    /// Deferral copies keep no count of hops.
    HopsUnbounded,
    /// Waiting for the owner is reported as a failure.
    OwnerWaitBurns,
    /// A throttled mail is reported as a failure.
    ThrottleBurns,
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
    /// Enrich reads `mail/X` only when its claim is refused.
    EnrichSkipsMail,
    /// The enrichment of a replay looks at its own claim only.
    ReplayBlindToForgotten,
    /// Forget deletes at once.
    ForgetWithoutWait,
    /// Forget replaces a live claim.
    ForgetOverLiveClaim,
    /// A replay shares the claim of the event.
    ReplaySharesClaim,
    /// A replay that mails nobody is taken by code that does not know of it.
    NotifyUnseen,
    /// `park` takes a stale claim over like `resend`.
    ParkResends,
    /// `park` marks the claim before it writes the reason.
    ParkMarksFirst,
    /// A refused mail leaves its claim.
    KeepClaimOnRefusal,
    /// A refused settling PUT fails the record at once.
    SettleGivesUp,
}
