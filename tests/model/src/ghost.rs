//! What a run has seen. The properties read it, the protocol never does.

use crate::fact::Doc;
use crate::pair::Pair;

/// Things that a run has seen: they are for the properties only.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mark {
    /// `raw/X` was once stored.
    Stored,
    /// 202 was answered.
    Accepted,
    /// An effect took place before `not_before`.
    EarlyEffect,
    /// A stored document was replaced.
    DocChanged,
    /// A mail was rendered from something else than the stored document.
    DocForeign,
    /// A mail went out after forget was complete.
    MailedForgotten,
    /// A record failed for a reason of its own, not by a fault.
    Struck,
    /// The whole `mail/` prefix was lost.
    PrefixLost,
    /// The queue was purged.
    Purged,
    /// A replay was asked for.
    Replayed,
    /// SES throttled at least one mail.
    Deferred,
    /// A message came to the dead letter queue.
    DeadLettered,
    /// The sweep sent a trigger.
    Swept,
}

impl Mark {
    fn bit(self) -> u16 {
        match self {
            Self::Stored => 1,
            Self::Accepted => 2,
            Self::EarlyEffect => 4,
            Self::DocChanged => 8,
            Self::DocForeign => 16,
            Self::MailedForgotten => 32,
            Self::Struck => 64,
            Self::PrefixLost => 128,
            Self::Replayed => 256,
            Self::Deferred => 512,
            Self::DeadLettered => 1024,
            Self::Swept => 2048,
            Self::Purged => 4096,
        }
    }
}

/// What the run has seen, for the properties; the protocol never reads it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Ghost {
    marks: u16,
    /// The document of each revision as first stored.
    pub first: Pair<Option<Doc>>,
    /// Mails that SES accepted.
    pub mails: Pair<u8>,
    /// Deaths and lost replies between SES accepting and the marker being stored.
    pub ambiguous: Pair<u8>,
    /// Triggers that the sweep has sent.
    pub swept: u8,
}

impl Ghost {
    /// Remembers it.
    pub fn mark(&mut self, mark: Mark) {
        self.marks |= mark.bit();
    }

    /// Whether it happened.
    pub fn has(&self, mark: Mark) -> bool {
        self.marks & mark.bit() != 0
    }
}
