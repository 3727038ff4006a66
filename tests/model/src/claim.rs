//! The object `mail/X`: the claim on an event, and the state of each effect.

use crate::effect::{Effect, EffectId, Effects, Set};

/// What `mail/X` says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Claim {
    /// There is no such object.
    #[default]
    Absent,
    /// No effect is named: each one of the stored document is being sent for the first time.
    First,
    /// The effects by name. One of the document that is not named is idle.
    Named(Effects),
    /// Version 1: one state for every effect.
    Old(Old),
    /// Settled: `told` says what became of each effect.
    Sent(Effects),
    /// Settled: forgotten on request.
    Forgotten,
    /// Settled: a replay that mails nobody.
    Silent,
}

/// A claim of version 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Old {
    /// Definitely not taken.
    Idle,
    /// A person must decide.
    Parked,
    /// Being sent, at this attempt: the first (0) or a later one (1).
    Sending(u8),
}

/// The object. Each write gives a new version, which stands for its `ETag` and its token.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Mail {
    /// What it says.
    pub claim: Claim,
    /// Its lease is not over.
    pub live: bool,
    /// How often it was written.
    pub version: u8,
}

impl Mail {
    /// Writes it.
    pub fn put(&mut self, claim: Claim) {
        self.claim = claim;
        let sends = |e: &Effect| matches!(e, Effect::Sending(_));
        self.live = if let Claim::Named(effects) = claim {
            effects.each().into_iter().any(sends)
        } else {
            claim == Claim::First
        };
        self.version += 1;
    }

    /// An empty object: nothing is left to do.
    pub fn is_settled(self) -> bool {
        matches!(
            self.claim,
            Claim::Sent(_) | Claim::Forgotten | Claim::Silent
        )
    }
}

impl Claim {
    /// What it says of the effects of a document.
    pub fn of(self, document: Set) -> Effects {
        let each = |e: EffectId| match self {
            Self::Absent | Self::Forgotten | Self::Silent => Effect::Missing,
            _ if !document[e] => Effect::Missing,
            Self::First => Effect::Sending(0),
            Self::Named(effects) if effects[e] == Effect::Missing => Effect::Idle(0),
            Self::Named(effects) | Self::Sent(effects) => effects[e],
            Self::Old(Old::Idle) => Effect::Idle(0),
            Self::Old(Old::Parked) => Effect::Parked,
            Self::Old(Old::Sending(again)) => Effect::Sending(again),
        };
        Effects::new(each(EffectId::Team), each(EffectId::Owner))
    }

    /// The effects that it names.
    pub fn named(self) -> Set {
        if let Self::Named(effects) | Self::Sent(effects) = self {
            Set::of(|e| effects[e] != Effect::Missing)
        } else {
            Set::default()
        }
    }

    /// What its holder writes who gives it up before anything was sent.
    #[must_use]
    pub fn given_back(self) -> Self {
        let mut effects = Effects::default();
        if let Self::Named(named) = self {
            effects = named;
        }
        for effect in effects.each_mut() {
            *effect = effect.given_back();
        }
        Self::Named(effects)
    }
}
