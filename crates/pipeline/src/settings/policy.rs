//! What a setting may choose.

/// The default lease of a mail claim, in seconds.
pub const LEASE_SECONDS: u32 = 90;

/// What to do when it is not known whether an effect was taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AmbiguousPolicy {
    /// Send it once more, and then park it: it happens at least once.
    Resend,
    /// Park it for a person: it happens at most once.
    Park,
}

impl AmbiguousPolicy {
    /// At how many doubts an effect is parked.
    pub fn doubts_max(self) -> u32 {
        match self {
            Self::Resend => 2,
            Self::Park => 1,
        }
    }
}

/// What to do when no owner file came in time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OwnerMissingPolicy {
    /// It fails, and ends in the DLQ.
    Dlq,
    /// The lead is mailed as unassigned.
    Mail,
}

/// Where a reply to a mail goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReplyTo {
    /// To the sender.
    None,
    /// To the lead's address, where it is strictly one.
    Lead,
}
