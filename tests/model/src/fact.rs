//! What everything else is told in: time, owner files, answers, documents, reasons and waits.

use crate::effect::Set;

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

/// `raw/X`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Raw {
    /// Nothing was ever stored, or nothing is left.
    #[default]
    Absent,
    /// The event's bytes.
    Stored,
    /// The event was forgotten.
    Tombstone,
}

/// The owner file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Lookup {
    /// There is none, or one that is empty or cut off.
    #[default]
    Absent,
    /// It names another lead.
    Foreign,
    /// Its first content.
    First,
    /// Its content after a change.
    Second,
}

/// How the mail service answers for one receiver.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Service {
    /// It accepts.
    #[default]
    Up,
    /// It throttles: a definite no that passes.
    Throttling,
    /// It rejects: a definite no that lasts.
    Refusing,
    /// It accepts, and its reply is always lost.
    Mute,
}

/// An enriched document: what it was merged with. Which effects it names, the policy says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Doc {
    /// No owner file: the lead is unassigned.
    Unassigned,
    /// The first content of the owner file.
    First,
    /// The second.
    Second,
    /// Made by the first edition: it names no effects.
    Unnamed,
}

/// Why something failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Reason {
    /// A store or the queue: redelivery may cure it.
    Transient,
    /// The owner window is over and there is no owner file.
    OwnerMissing,
    /// The owner file names another lead.
    LookupForeign,
    /// There are no such bytes.
    RawMissing,
    /// A receiver was refused for good.
    Refused,
    /// There is no effect, or all were dropped.
    NoReceiver,
    /// The service still throttles at the end of the mail wait.
    MailWaitOver,
    /// The hops of this kind of wait are used up.
    HopsUsedUp,
    /// An effect may or may not have been sent.
    Ambiguous,
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
            Self::LookupForeign | Self::RawMissing | Self::Refused | Self::NoReceiver
        )
    }

    /// Whether it concerns the whole event, and is none of the doing of a fault.
    pub fn is_the_events(self) -> bool {
        matches!(
            self,
            Self::OwnerMissing | Self::LookupForeign | Self::RawMissing | Self::HopsUsedUp
        )
    }
}

/// `failed/X`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Failed {
    /// Why.
    pub reason: Reason,
    /// The effects that did not happen.
    pub effects: Set,
}

/// Why a record is deferred.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Wait {
    /// Before `not_before`.
    Early,
    /// The owner is not there yet.
    Owner,
    /// A receiver's service throttles.
    Busy,
    /// An effect is in doubt, and none is busy.
    Doubt,
    /// Another worker's claim is live.
    LiveClaim,
    /// The invocation has no time left.
    NoTime,
    /// Nothing that is open was sent, for want of a turn or of time.
    Unsent,
}
