//! What a setting may choose.

/// The default lease of a mail claim, in seconds.
pub const LEASE_SECONDS: u32 = 90;

/// What to do when delivery of a mail could not be confirmed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AmbiguousPolicy {
    /// Send it again: at least one mail.
    Resend,
    /// Park it for a person: at most one mail.
    Park,
}

/// What to do when no owner file came in time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OwnerMissingPolicy {
    /// It fails, and ends in the DLQ.
    Dlq,
    /// The lead is mailed as unassigned.
    Mail,
}
