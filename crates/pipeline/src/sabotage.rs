//! Mistakes that the stages could make, each behind a switch that only a test can turn: the simulator proves that it would notice.
//!
//! Without the feature `sabotage` nothing can be committed, and every question compiles to `false`.

/// A mistake in the protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sabotage {
    /// `ingest` answers 202 though the trigger could not be queued.
    AnswerBeforeQueue,
    /// `ingest` writes the raw object over whatever is there.
    OverwriteRaw,
    /// `ingest` takes another event's raw object for its own.
    ShareSlot,
    /// `enrich` pays no heed to `not_before`.
    Hurry,
    /// `enrich` mails its own merge, though another is stored.
    MailOwnMerge,
    /// `enrich` mails without a claim.
    NoClaim,
    /// `enrich` writes its marker only after the mail, without a claim before.
    MarkerAfterSend,
    /// `enrich` takes over a claim that lives.
    IgnoreLease,
    /// `enrich` never takes over a dead worker's claim.
    NoTakeover,
    /// `enrich` takes every claim that it meets for a mail that went out.
    BlindConflict,
    /// `enrich` sends a mail again at once, when it does not know whether the first went out, as an SDK's retry does.
    RetryMail,
    /// `enrich` gives a claim back although the mail may have gone out.
    ReleaseDoubt,
    /// `enrich` lets go of a message although the copy that waits could not be sent.
    LoseCopy,
    /// `enrich` reports a final failure without writing it down.
    SilentFailure,
    /// `enrich` parks a mail before it says why.
    ParkInSilence,
    /// `sweep` counts what it sends, and does not send it.
    SweepInVain,
}

#[cfg(feature = "sabotage")]
mod committed {
    use super::Sabotage;
    use std::cell::Cell;

    thread_local! {
        static COMMITTED: Cell<Option<Sabotage>> = const { Cell::new(None) };
    }

    /// Ends the sabotage when it is dropped.
    #[derive(Debug)]
    pub struct Committed(());

    impl Drop for Committed {
        fn drop(&mut self) {
            COMMITTED.set(None);
        }
    }

    impl Sabotage {
        /// Makes every stage on this thread make this mistake.
        #[must_use]
        pub fn commit(self) -> Committed {
            COMMITTED.set(Some(self));
            Committed(())
        }
    }

    pub(crate) fn is(mistake: Sabotage) -> bool {
        COMMITTED.get() == Some(mistake)
    }
}

#[cfg(feature = "sabotage")]
pub use committed::Committed;
#[cfg(feature = "sabotage")]
pub(crate) use committed::is;

/// Nobody makes mistakes on purpose here.
#[cfg(not(feature = "sabotage"))]
pub(crate) const fn is(_mistake: Sabotage) -> bool {
    false
}
