//! A call on a port that failed.

use std::error::Error;

/// What the caller does about a failed call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PortErrorKind {
    /// The same call may succeed later. It may also have taken effect, with its reply lost.
    Transient,
    /// The same call fails until someone changes something.
    Permanent,
}

/// A call on a port that failed. Code branches on `kind`, people read the chain.
#[derive(Debug, thiserror::Error)]
#[error("could not {action}")]
pub struct PortError {
    /// What was attempted: `put object`, `send message`, ….
    pub action: &'static str,
    /// What to do about it.
    pub kind: PortErrorKind,
    /// Why.
    #[source]
    pub source: Box<dyn Error + Send + Sync>,
}

impl PortError {
    /// A failure that may pass.
    pub fn transient(
        action: &'static str,
        source: impl Into<Box<dyn Error + Send + Sync>>,
    ) -> Self {
        Self {
            action,
            kind: PortErrorKind::Transient,
            source: source.into(),
        }
    }

    /// A failure that stays.
    pub fn permanent(
        action: &'static str,
        source: impl Into<Box<dyn Error + Send + Sync>>,
    ) -> Self {
        Self {
            action,
            kind: PortErrorKind::Permanent,
            source: source.into(),
        }
    }
}
