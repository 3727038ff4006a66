//! What everything else is told in: time, owner files, answers, documents, reasons and waits.

/// Time as the protocol sees it: the windows of one event, one after the other.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Phase {
    /// Before `not_before`.
    #[default]
    Early,
    /// From `not_before` to the end of the owner window.
    Due,
    /// The owner window is over, and a mail wait that began in it.
    Over,
    /// Old enough to be swept; every window is over.
    Old,
}

impl Phase {
    /// The phase that follows.
    pub fn next(self) -> Option<Self> {
        match self {
            Self::Early => Some(Self::Due),
            Self::Due => Some(Self::Over),
            Self::Over => Some(Self::Old),
            Self::Old => None,
        }
    }
}

/// The lookup file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Lookup {
    /// There is none.
    #[default]
    Absent,
    /// It names another lead.
    Foreign,
    /// Its first content.
    First,
    /// Its content after a change.
    Second,
}

/// How SES answers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Ses {
    /// It accepts.
    #[default]
    Up,
    /// It throttles: a definite refusal that passes.
    Throttling,
    /// It rejects this mail: a definite refusal that lasts.
    Refusing,
}

/// An enriched document: which lookup it was merged with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Doc {
    /// With none: the lead is unassigned.
    Unassigned,
    /// With the first content of the lookup.
    First,
    /// With the second.
    Second,
}

/// Why something failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Reason {
    /// A store, the queue or an ambiguous mail: redelivery may cure it.
    Transient,
    /// The owner window is over and there is no lookup file.
    OwnerMissing,
    /// The lookup file names another lead.
    LookupForeign,
    /// There are no such bytes.
    RawMissing,
    /// SES rejects this mail.
    MailRefused,
    /// SES still throttles at the end of the mail wait.
    MailWaitOver,
    /// The hops of this kind of wait are used up.
    HopsUsedUp,
    /// A mail may or may not have been sent.
    MailAmbiguous,
    /// The sweep found it for the third time.
    SweptOut,
    /// Waiting, taken for a failure: broken variants only.
    Waiting,
}

impl Reason {
    /// Whether `failed/X` is written at every receive and not only at the last.
    pub fn is_permanent(self) -> bool {
        matches!(
            self,
            Self::LookupForeign | Self::RawMissing | Self::MailRefused
        )
    }
}

/// Why a record is deferred.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Wait {
    /// Before `not_before`.
    Early,
    /// The owner is not there yet.
    Owner,
    /// SES throttles.
    Mail,
    /// Another worker's claim is live.
    LiveClaim,
    /// The invocation has no time left.
    NoTime,
}
