//! Mistakes in the protocol, committed by ports that lie: the real code does as it always does, and its effects are those of code that is
//! wrong. The simulator must notice each of them.

use clap::ValueEnum;

/// A mistake in the protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Mistake {
    /// `ingest` answers 202 though the trigger could not be queued: the queue says that it took it.
    AnswerBeforeQueue,
    /// `ingest` writes the raw object over whatever is there: a create is an unconditional write.
    OverwriteRaw,
    /// `ingest` takes another event's raw object for its own: whatever is there is labelled as what it wanted to write.
    ShareSlot,
    /// `ingest` names an event by the time of each delivery: the store says that it took an entry of its identity.
    IdentitySkipped,
    /// `ingest` gives each event of a request the request's own id: the store knows no other.
    RequestIdForAll,
    /// `ingest` answers 202 once the first event of a request is queued: the queue says that it took the others.
    AnswerAtFirst,
    /// `enrich` pays no heed to `not_before`: its clock is a delay ahead.
    Hurry,
    /// `enrich` mails its own merge, though another is stored: the store says that it took this one.
    MailOwnMerge,
    /// `enrich` mails without a claim: the store says that it took one.
    NoClaim,
    /// `enrich` writes its marker only after the mail, without a claim before.
    MarkerAfterSend,
    /// `enrich` takes over a claim that lives: every lease that it reads is over.
    IgnoreLease,
    /// `enrich` never takes over a dead worker's claim: it reads that it is parked.
    NoTakeover,
    /// `enrich` takes every claim that it meets for a mail that went out: it reads a marker.
    BlindConflict,
    /// `enrich` sends a mail again at once, when it does not know whether the first went out, as an SDK's retry does.
    RetryMail,
    /// `enrich` takes a mail that got no turn for a busy service's: the mailer says so.
    UnsentIsBusy,
    /// `enrich` gives a claim back although the mail may have gone out: where it records its doubt, the store holds an idle claim.
    ReleaseDoubt,
    /// `enrich` lets go of a message although the copy that waits could not be sent: the queue says that it took it.
    LoseCopy,
    /// `enrich` reports a final failure without writing it down: the store says that it took it.
    SilentFailure,
    /// `enrich` parks a mail without regard to whether its reason was stored: the store says that it took it.
    ParkInSilence,
    /// `sweep` counts what it sends, and does not send it: the queue says that it took it.
    SweepInVain,
    /// `enrich` says in a settling write that what was sent before is still to be sent: the store forgets it.
    SettleOverOthers,
    /// `enrich` sends a third time: the claims that it reads count no doubts.
    ThirdSend,
    /// `enrich` takes one receiver's refusal for that of all: the store holds each open effect as refused.
    RefusalEndsOthers,
    /// `enrich` settles an event whose effects were all dropped: the store holds a marker.
    NobodyIsSettled,
    /// `enrich` takes the effects from the configuration of the attempt: the documents that it reads name none.
    EffectsOfTheDay,
    /// `enrich` gives a claim up and does not write it back: the store says that it took it.
    GiveUpSilently,
    /// `enrich` decides without having read the claim: every marker that it reads is missing.
    OptimistDecides,
    /// `enrich` mails for a replay that was to mail nobody: its message says so.
    MailAnyway,
    /// A wake-up pays no heed to `not_before`: its clock is a delay ahead.
    WakeEarly,
    /// `enrich` lets a wake-up's message wait for the owner: the copy is put back.
    OnceWaits,
    /// `enrich` takes over what a dead run of one machine had begun to send without a doubt: no row of the mail log may be out.
    LoggedIsIdle,
    /// `enrich` doubts what a dead run had not begun to send: every mail may be out.
    UnloggedIsDoubt,
    /// `enrich` takes the row of an earlier attempt at an effect for that of the last one.
    RowOutlivesAttempt,
    /// One machine writes the row of a mail once it is handed over.
    RowAfterSend,
    /// `forget` writes its mark first and its tombstone second, and waits for a lease from the mark on.
    MarkBeforeTombstone,
    /// `forget` deletes the tombstone with what it hides: the store deletes both.
    TombstoneGoesToo,
}

/// Whose ports lie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    Ingest,
    Enrich,
    Wake,
    Sweep,
    Forget,
}

impl Mistake {
    /// The stage that commits it.
    pub(crate) fn stage(self) -> Stage {
        match self {
            Self::AnswerBeforeQueue
            | Self::OverwriteRaw
            | Self::ShareSlot
            | Self::IdentitySkipped
            | Self::RequestIdForAll
            | Self::AnswerAtFirst => Stage::Ingest,
            Self::Hurry
            | Self::MailOwnMerge
            | Self::NoClaim
            | Self::MarkerAfterSend
            | Self::IgnoreLease
            | Self::NoTakeover
            | Self::BlindConflict
            | Self::RetryMail
            | Self::UnsentIsBusy
            | Self::ReleaseDoubt
            | Self::LoseCopy
            | Self::SilentFailure
            | Self::ParkInSilence
            | Self::SettleOverOthers
            | Self::ThirdSend
            | Self::RefusalEndsOthers
            | Self::NobodyIsSettled
            | Self::EffectsOfTheDay
            | Self::GiveUpSilently
            | Self::OptimistDecides
            | Self::OnceWaits
            | Self::MailAnyway
            | Self::LoggedIsIdle
            | Self::UnloggedIsDoubt
            | Self::RowOutlivesAttempt
            | Self::RowAfterSend => Stage::Enrich,
            Self::WakeEarly => Stage::Wake,
            Self::SweepInVain => Stage::Sweep,
            Self::MarkBeforeTombstone | Self::TombstoneGoesToo => Stage::Forget,
        }
    }

    /// Whether it is one machine's.
    pub(crate) fn is_of_one_machine(self) -> bool {
        matches!(
            self,
            Self::LoggedIsIdle
                | Self::UnloggedIsDoubt
                | Self::RowOutlivesAttempt
                | Self::RowAfterSend
        )
    }

    /// Whether it shows where doubtful mails are parked: there a second mail is never right.
    pub(crate) fn shows_where_parked(self) -> bool {
        matches!(
            self,
            Self::RetryMail | Self::ReleaseDoubt | Self::ParkInSilence | Self::GiveUpSilently
        )
    }
}
