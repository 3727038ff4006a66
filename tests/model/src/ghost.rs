//! What a run has seen. The properties read it, the protocol never does.

use crate::effect::Set;
use crate::fact::Doc;
use crate::pair::Pair;

/// What the run has seen, for the properties; the protocol never reads it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
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
    /// The last owner file that was written while the event was due has not had its notification.
    pub unheard: bool,
    /// A wake-up waited or failed for an owner that is absent.
    pub woken_waits: bool,
    /// A stored document was replaced.
    pub doc_changed: bool,
    /// An effect was made of something else than the stored document, or is none of its own.
    pub doc_foreign: bool,
    /// An effect took place after forget was complete.
    pub mailed_forgotten: bool,
    /// A record failed or waited although the event was settled when it was received.
    pub bothered: bool,
    /// A record failed for a reason of the event's own, not by a fault.
    pub struck: bool,
    /// The whole `mail/` prefix was lost.
    pub prefix_lost: bool,
    /// The queue was purged.
    pub purged: bool,
    /// A replay was asked for.
    pub replayed: bool,
    /// A message came to the dead letter queue.
    pub dead_lettered: bool,
    /// Receivers whose service was not up, or that were not configured, when their turn came.
    pub bad: Set,
    /// The document of each revision as first stored.
    pub first: Pair<Option<Doc>>,
    /// What happened to the effects of each revision.
    pub effects: Pair<Pair<Told>>,
    /// The first claim of each revision, whose holder died before there was a document, still stands.
    pub orphan: Pair<bool>,
    /// Triggers that the sweep has sent.
    pub swept: u8,
    /// How the event was woken, at the worst.
    pub woken: Woken,
}

/// In what state an event was woken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Woken {
    /// It was not.
    #[default]
    Never,
    /// While it waited for its owner.
    Waiting,
    /// Before it was due.
    Early,
    /// Its document or its tombstone was there.
    Ended,
}

/// What happened to one effect.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Told {
    /// How often it was taken: at most three are counted.
    pub sends: u8,
    /// It was taken, and then a process died, or the reply was lost, before the claim said so.
    pub unrecorded: bool,
    /// How often nobody could tell whether it was taken: at most two are counted.
    pub doubts: u8,
}

impl Told {
    /// It was taken.
    pub fn send(&mut self) {
        self.sends = (self.sends + 1).min(3);
    }

    /// Nobody can tell whether it was taken.
    pub fn doubt(&mut self) {
        self.doubts = (self.doubts + 1).min(2);
    }
}
