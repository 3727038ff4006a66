//! Effects: the two messages that an event makes, and what its claim says of each.

use crate::pair::{Pair, Side};

/// One of the two effects: a mail to one receiver each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum EffectId {
    /// To the team.
    Team,
    /// To the owner.
    Owner,
}

impl EffectId {
    /// Both effects.
    pub const ALL: [Self; 2] = [Self::Team, Self::Owner];
}

impl Side for EffectId {
    fn is_second(self) -> bool {
        self == Self::Owner
    }
}

/// Some of the effects: those of a document, of a configuration, of a failure.
pub type Set = Pair<bool>;

/// Both effects.
pub(crate) const BOTH: Set = Set::new(true, true);
/// The team's alone.
pub(crate) const TEAM: Set = Set::new(true, false);
/// The owner's alone.
pub(crate) const OWNER: Set = Set::new(false, true);
/// None.
pub(crate) const NONE: Set = Set::new(false, false);

impl Set {
    /// The effects for which it holds.
    pub fn of(mut holds: impl FnMut(EffectId) -> bool) -> Self {
        Self::new(holds(EffectId::Team), holds(EffectId::Owner))
    }

    /// Those that are in it.
    pub fn members(self) -> impl Iterator<Item = EffectId> {
        EffectId::ALL.into_iter().filter(move |&e| self[e])
    }

    /// Whether none is in it.
    pub fn is_empty(self) -> bool {
        self == NONE
    }

    /// Whether all of it are in the other.
    pub fn is_within(self, other: Self) -> bool {
        self.members().all(|e| other[e])
    }
}

/// What a claim says of an effect. The number counts the doubts so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Effect {
    /// Not named.
    #[default]
    Missing,
    /// To be sent: never tried, or definitely not taken.
    Idle(u8),
    /// Being sent; under a lease that is over, a doubt.
    Sending(u8),
    /// Sent or not: the reply was lost. To be sent once more.
    Doubt(u8),
    /// Taken.
    Sent,
    /// Refused for good; tried again once nothing is open.
    Refused(u8),
    /// Its receiver is no longer configured.
    Dropped,
    /// A person must decide.
    Parked,
}

/// What a claim says of both.
pub type Effects = Pair<Effect>;

/// These effects, being sent for the first time.
pub(crate) fn sending(effects: Set) -> Effects {
    let each = |e: EffectId| {
        if effects[e] {
            Effect::Sending(0)
        } else {
            Effect::Missing
        }
    };
    Effects::new(each(EffectId::Team), each(EffectId::Owner))
}

impl Effect {
    /// Whether something is still to come of it without anybody's doing.
    pub fn is_open(self) -> bool {
        matches!(self, Self::Idle(_) | Self::Sending(_) | Self::Doubt(_))
    }

    /// Counts a doubt: sent once more, or parked at the limit.
    #[must_use]
    pub fn doubted(doubts: u8, limit: u8) -> Self {
        if doubts + 1 >= limit {
            Self::Parked
        } else {
            Self::Doubt(doubts + 1)
        }
    }

    /// What it is once the lease of its sender is over.
    #[must_use]
    pub fn abandoned(self, limit: u8) -> Self {
        if let Self::Sending(doubts) = self {
            Self::doubted(doubts, limit)
        } else {
            self
        }
    }

    /// What it is when its sender gives it back unsent.
    #[must_use]
    pub fn given_back(self) -> Self {
        if self == Self::Sending(0) {
            Self::Idle(0)
        } else if let Self::Sending(doubts) = self {
            Self::Doubt(doubts)
        } else {
            self
        }
    }

    /// The doubts that it counts.
    pub fn doubts(self) -> u8 {
        match self {
            Self::Idle(doubts)
            | Self::Sending(doubts)
            | Self::Doubt(doubts)
            | Self::Refused(doubts) => doubts,
            Self::Missing | Self::Sent | Self::Dropped | Self::Parked => 0,
        }
    }
}

/// How an attempt at an effect ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Answer {
    /// Taken.
    Taken,
    /// Throttled: a definite no that passes.
    Busy,
    /// There was no turn or no time left for it: nothing was handed over.
    Unsent,
    /// A definite no that lasts.
    Refused,
    /// No reply, or one that tells nothing.
    Lost,
    /// Not asked for: its receiver is no longer configured.
    Dropped,
}

impl Answer {
    /// What the claim says after it.
    pub fn settles(self, effect: Effect, limit: u8) -> Effect {
        let doubts = effect.doubts();
        match self {
            Self::Taken => Effect::Sent,
            Self::Busy => Effect::Idle(doubts),
            Self::Unsent => effect.given_back(),
            Self::Refused => Effect::Refused(doubts),
            Self::Lost => Effect::doubted(doubts, limit),
            Self::Dropped => Effect::Dropped,
        }
    }
}
