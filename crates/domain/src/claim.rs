//! The claim `mail/X`: who may send, and what became of each effect.

use crate::effect::{Effect, EffectId, EffectState, Effects};
use jiff::Timestamp;
use serde::ser::Error as _;
use serde::{Deserialize, Serialize, Serializer};
use strum::{EnumString, IntoStaticStr};

/// How a settled claim ended: an empty object whose metadata say it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumString, IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
pub enum Settled {
    /// Each effect was sent or dropped, and one was sent.
    Sent,
    /// The lead was forgotten on request.
    Forgotten,
    /// A silent replay: it was to send nothing, or it had nothing new to say. A reader that does not know it takes it for sent,
    /// and so sends nothing either.
    Silent,
}

impl Settled {
    /// The word for it in a marker's metadata.
    pub fn as_str(self) -> &'static str {
        self.into()
    }

    /// The state of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        name.parse().ok()
    }
}

/// The body of `mail/X` while it is not settled. It is written as version 2; what version 1 said has no other form, and is not written.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "Wire")]
pub struct Claim {
    /// Whose it is: 128 random bits in hex. Empty in a claim of version 1 that no worker holds.
    pub token: String,
    /// Until when no other worker may send.
    pub lease_until: Timestamp,
    /// The run of the one-machine home that made it; absent on AWS, where the platform kills workers.
    pub boot: Option<String>,
    /// What it says of the effects.
    pub says: Says,
}

/// What a claim says of the effects of the stored document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Says {
    /// Every one is being sent, for the first time.
    First,
    /// This of each; one that is not named is idle.
    Named(Effects),
    /// Version 1: the same of every one.
    Old(Effect),
}

/// What an attempt that takes a claim over does with the effects.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Takeover {
    /// The effects of the document, in its order.
    pub listed: Vec<EffectId>,
    /// What the claim says from now on: what is to be sent is being sent.
    pub effects: Effects,
    /// What is to be sent: all that is open, else what was refused.
    pub todo: Vec<EffectId>,
    /// What its dead holder was sending: a doubt of each.
    pub doubted: Vec<EffectId>,
    /// What is parked from now on.
    pub parked: Vec<EffectId>,
}

impl Takeover {
    /// Over a claim that no worker holds any more. At `doubts_max` doubts an effect is parked.
    pub fn new(said: &Effects, listed: Vec<EffectId>, doubts_max: u32, now: Timestamp) -> Self {
        let mut effects = said.clone();
        for effect in effects.values_mut() {
            *effect = effect.clone().abandoned(doubts_max, now);
        }
        let in_state = |effects: &Effects, is_wanted: fn(EffectState) -> bool| {
            let is_in = |id: &&EffectId| {
                effects
                    .get(*id)
                    .is_some_and(|effect| is_wanted(effect.state))
            };
            listed.iter().filter(is_in).cloned().collect::<Vec<_>>()
        };
        let is_parked = |state| state == EffectState::Parked;
        let parked_before = in_state(said, is_parked);
        let mut parked = in_state(&effects, is_parked);
        parked.retain(|id| !parked_before.contains(id));
        let doubted = in_state(said, |state| state == EffectState::Sending);
        let mut todo = in_state(&effects, EffectState::is_open);
        if todo.is_empty() {
            todo = in_state(&effects, |state| state == EffectState::Refused);
        }
        for id in &todo {
            if let Some(effect) = effects.get_mut(id) {
                *effect = effect.clone().begun();
            }
        }
        Self {
            listed,
            effects,
            todo,
            doubted,
            parked,
        }
    }

    /// Whether the claim must be written: something is to be sent, or what it says has changed.
    pub fn is_written(&self) -> bool {
        !self.todo.is_empty() || !self.doubted.is_empty() || !self.parked.is_empty()
    }
}

impl Claim {
    /// Whether a worker may be sending. A lease protects a living sender and nothing else. `boot` is this run of the one-machine home:
    /// another run's claim is over at once, since its process is gone.
    pub fn is_live(&self, now: Timestamp, boot: Option<&str>) -> bool {
        let is_other_boot = boot.is_some() && self.boot.as_deref() != boot;
        self.is_sending() && !is_other_boot && now < self.lease_until
    }

    /// The run of the one-machine home that made it, where that is another than this one: its process is gone.
    pub fn dead_boot(&self, boot: Option<&str>) -> Option<&str> {
        let made_by = self.boot.as_deref()?;
        (boot? != made_by).then_some(made_by)
    }

    /// Whether its holder was sending when it wrote this.
    pub fn is_sending(&self) -> bool {
        let sends = |effect: &Effect| effect.state == EffectState::Sending;
        match &self.says {
            Says::First => true,
            Says::Named(effects) => effects.values().any(sends),
            Says::Old(effect) => sends(effect),
        }
    }

    /// The effects that it names. They stand for those of a document that names none (first edition).
    pub fn named(&self) -> Vec<EffectId> {
        match &self.says {
            Says::Named(effects) => effects.keys().cloned().collect(),
            Says::First | Says::Old(_) => Vec::new(),
        }
    }

    /// Whether its writer had seen the document stored: a claim that names an effect, or one of version 1.
    pub fn proves_document(&self) -> bool {
        match &self.says {
            Says::First => false,
            Says::Named(effects) => !effects.is_empty(),
            Says::Old(_) => true,
        }
    }

    /// What it says of the effects of a document.
    pub fn effects_of(&self, document: &[EffectId]) -> Effects {
        let each = |id: &EffectId| match &self.says {
            Says::First => Effect::first(),
            Says::Named(effects) => effects.get(id).cloned().unwrap_or_default(),
            Says::Old(effect) => effect.clone(),
        };
        let document = document.iter();
        document.map(|id| (id.clone(), each(id))).collect()
    }

    /// What its holder writes who gives it up before anything was sent. What is not named then is idle.
    #[must_use]
    pub fn given_back(self, now: Timestamp) -> Self {
        let effects = match self.says {
            Says::Named(effects) => effects,
            Says::First | Says::Old(_) => Effects::default(),
        };
        let effects = effects
            .into_iter()
            .map(|(id, effect)| (id, effect.given_back()))
            .collect();
        Self {
            lease_until: now,
            says: Says::Named(effects),
            ..self
        }
    }
}

/// As it is read.
#[derive(Deserialize)]
#[serde(untagged)]
enum Wire {
    Second(Second),
    First(First),
}

/// Version 2.
#[derive(Serialize, Deserialize)]
struct Second {
    v: u32,
    token: String,
    lease_until: Timestamp,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    boot: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    effects: Option<Effects>,
}

/// Version 1: one mail to everybody. It is read, and never written.
#[derive(Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
enum First {
    Sending {
        token: String,
        lease_until: Timestamp,
        attempt: u32,
        #[serde(default)]
        boot: Option<String>,
    },
    Idle {
        attempt: u32,
    },
    Parked {
        parked_at: Timestamp,
        attempt: u32,
    },
}

/// The version that is written.
const VERSION: u32 = 2;
const OLD_IS_READ: &str = "a claim of version 1 is read, and never written";

/// A claim of a version that this code does not know.
#[derive(Debug, thiserror::Error)]
#[error("claim version {0} is not known; this code reads versions 1 and 2")]
struct VersionError(u32);

impl TryFrom<Wire> for Claim {
    type Error = VersionError;

    fn try_from(wire: Wire) -> Result<Self, VersionError> {
        match wire {
            Wire::Second(claim) if claim.v == VERSION => Ok(Self {
                token: claim.token,
                lease_until: claim.lease_until,
                boot: claim.boot,
                says: claim.effects.map_or(Says::First, Says::Named),
            }),
            Wire::Second(claim) => Err(VersionError(claim.v)),
            Wire::First(claim) => Ok(claim.into()),
        }
    }
}

impl From<First> for Claim {
    fn from(claim: First) -> Self {
        let held_by_nobody = |state, attempt, at| Self {
            token: String::new(),
            lease_until: Timestamp::UNIX_EPOCH,
            boot: None,
            says: Says::Old(Effect {
                state,
                attempt,
                at,
                ..Effect::default()
            }),
        };
        match claim {
            First::Idle { attempt } => held_by_nobody(EffectState::Idle, attempt, None),
            First::Parked { parked_at, attempt } => {
                held_by_nobody(EffectState::Parked, attempt, Some(parked_at))
            }
            First::Sending {
                token,
                lease_until,
                attempt,
                boot,
            } => Self {
                token,
                lease_until,
                boot,
                says: Says::Old(Effect {
                    state: EffectState::Sending,
                    attempt,
                    // An attempt after the first was made in doubt, or after a refusal: the careful reading is the doubt.
                    doubts: u32::from(attempt > 1),
                    ..Effect::default()
                }),
            },
        }
    }
}

impl Serialize for Claim {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let effects = match &self.says {
            Says::First => None,
            Says::Named(effects) => Some(effects.clone()),
            Says::Old(_) => return Err(S::Error::custom(OLD_IS_READ)),
        };
        let second = Second {
            v: VERSION,
            token: self.token.clone(),
            lease_until: self.lease_until,
            boot: self.boot.clone(),
            effects,
        };
        second.serialize(serializer)
    }
}

#[cfg(test)]
mod tests;
