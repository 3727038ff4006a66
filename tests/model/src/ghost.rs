//! What a run has seen. The properties read it, the protocol never does.

use crate::fact::Doc;
use crate::pair::Pair;

/// What the run has seen, for the properties; the protocol never reads it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a thing that happened by itself"
)]
pub struct Ghost {
    /// `raw/X` was once stored.
    pub stored: bool,
    /// 202 was answered.
    pub accepted: bool,
    /// An effect took place before `not_before`.
    pub early_effect: bool,
    /// A stored document was replaced.
    pub doc_changed: bool,
    /// A mail was rendered from something else than the stored document.
    pub doc_foreign: bool,
    /// A mail went out after forget was complete.
    pub mailed_forgotten: bool,
    /// A record failed for a reason of its own, not by a fault.
    pub struck: bool,
    /// The whole `mail/` prefix was lost.
    pub prefix_lost: bool,
    /// The queue was purged.
    pub purged: bool,
    /// A replay was asked for.
    pub replayed: bool,
    /// SES throttled at least one mail.
    pub deferred: bool,
    /// A message came to the dead letter queue.
    pub dead_lettered: bool,
    /// The document of each revision as first stored.
    pub first: Pair<Option<Doc>>,
    /// Mails that SES accepted.
    pub mails: Pair<u8>,
    /// Deaths and lost replies between SES accepting and the marker being stored.
    pub ambiguous: Pair<u8>,
    /// Triggers that the sweep has sent.
    pub swept: u8,
}
