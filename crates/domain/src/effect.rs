//! Effects: the messages that an event makes, one to each receiver, and what its claim says of each.

use crate::address::EmailAddress;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::fmt;
use strum::IntoStaticStr;

/// Longest name of a channel, in characters.
const CHANNEL_CHARS_MAX: usize = 32;
/// How much of an address's digest names its effect, in hex digits.
const DIGEST_CHARS: usize = 16;

/// The name of an effect: `<channel>`, or of a mail `<channel>:` and the first 16 hex digits of the SHA-256 of the lower-case address. It
/// shows no address.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct EffectId(String);

/// A text that names no effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not the name of an effect, <channel> or <channel>:<16 hex digits>")]
pub struct EffectIdError;

impl EffectId {
    /// The mail of a channel to one address.
    pub fn of_mail(channel: &str, address: &EmailAddress) -> Self {
        let address = address.expose().to_ascii_lowercase();
        let digest = hex::encode(Sha256::digest(address));
        let (digest, _) = digest.split_at(DIGEST_CHARS);
        Self(format!("{channel}:{digest}"))
    }

    /// The one effect of a channel.
    pub(crate) fn of_channel(channel: &'static str) -> Self {
        Self(channel.to_owned())
    }

    /// Takes a name.
    pub fn parse(text: &str) -> Result<Self, EffectIdError> {
        let (channel, digest) = match text.split_once(':') {
            None => (text, None),
            Some((channel, digest)) => (channel, Some(digest)),
        };
        let is_digest = |text: &str| {
            let is_hex = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
            text.len() == DIGEST_CHARS && text.bytes().all(is_hex)
        };
        if is_channel(channel) && digest.is_none_or(is_digest) {
            Ok(Self(text.to_owned()))
        } else {
            Err(EffectIdError)
        }
    }

    /// The name of its channel.
    pub fn channel(&self) -> &str {
        self.0
            .split_once(':')
            .map_or(&self.0, |(channel, _)| channel)
    }

    /// What names its receiver within the channel, where it has several: the first digits of a digest.
    pub fn digest(&self) -> Option<&str> {
        self.0.split_once(':').map(|(_, digest)| digest)
    }

    /// As it stands in documents, claims and tables.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// `^[a-z][a-z0-9-]{0,31}$`.
fn is_channel(name: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    name.len() <= CHANNEL_CHARS_MAX
        && name.starts_with(|first: char| first.is_ascii_lowercase())
        && name.bytes().all(is_plain)
}

impl TryFrom<String> for EffectId {
    type Error = EffectIdError;

    fn try_from(text: String) -> Result<Self, EffectIdError> {
        Self::parse(&text)
    }
}

impl From<EffectId> for String {
    fn from(id: EffectId) -> Self {
        id.0
    }
}

impl fmt::Display for EffectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// How far an effect has come.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, IntoStaticStr,
)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum EffectState {
    /// To be sent: never tried, or definitely not taken.
    #[default]
    Idle,
    /// Being sent; under a lease that is over, a doubt.
    Sending,
    /// Sent or not: a reply was lost. It is sent once more.
    Doubt,
    /// Taken.
    Sent,
    /// Refused for good. It is tried again by a receive that finds nothing open.
    Refused,
    /// Its receiver is no longer configured.
    Dropped,
    /// Doubtful, and a person must decide.
    Parked,
}

impl EffectState {
    /// As it stands in claims, in `--json` and in tables.
    pub fn as_str(self) -> &'static str {
        self.into()
    }

    /// Whether something is still to come of it without anybody's doing.
    pub fn is_open(self) -> bool {
        match self {
            Self::Idle | Self::Sending | Self::Doubt => true,
            Self::Sent | Self::Refused | Self::Dropped | Self::Parked => false,
        }
    }
}

/// What a claim says of one effect.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Effect {
    /// How far it has come.
    pub state: EffectState,
    /// Attempts so far, the one that is going on included.
    #[serde(default)]
    pub attempt: u32,
    /// After how many of them it was not known whether it was taken.
    #[serde(default)]
    pub doubts: u32,
    /// The service's id of it, where it was taken.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message_id: Option<String>,
    /// When this became of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<Timestamp>,
    /// What the service said, in words without personal data: a code, the name of an error.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
}

/// What a claim says of the effects of a document.
pub type Effects = BTreeMap<EffectId, Effect>;

/// How an attempt at an effect ended, with the service's code where it gave one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// Taken, under this id.
    Taken(String),
    /// Definitely not taken, and it may be later.
    Busy(Option<String>),
    /// Nothing was handed to the service, for want of a turn or of time: it is given back.
    Unsent,
    /// Definitely not taken, and it never will be.
    Refused(Option<String>),
    /// It is not known whether it was taken.
    Lost(Option<String>),
    /// Not asked for: its receiver is no longer configured.
    Dropped,
}

impl Effect {
    /// One that is being sent for the first time.
    pub fn first() -> Self {
        Self {
            state: EffectState::Sending,
            attempt: 1,
            ..Self::default()
        }
    }

    /// Being sent once more.
    #[must_use]
    pub fn begun(self) -> Self {
        Self {
            state: EffectState::Sending,
            attempt: self.attempt.saturating_add(1),
            detail: None,
            ..self
        }
    }

    /// What the claim says after an answer. At `doubts_max` doubts it is parked.
    #[must_use]
    pub fn answered(self, answer: &Answer, doubts_max: u32, now: Timestamp) -> Self {
        let (state, detail) = match answer {
            Answer::Lost(detail) => return self.doubted(doubts_max, now, detail.clone()),
            Answer::Unsent => return self.given_back(),
            Answer::Taken(_) => (EffectState::Sent, None),
            Answer::Busy(detail) => (EffectState::Idle, detail.clone()),
            Answer::Refused(detail) => (EffectState::Refused, detail.clone()),
            Answer::Dropped => (EffectState::Dropped, None),
        };
        let message_id = match answer {
            Answer::Taken(id) => Some(id.clone()),
            Answer::Busy(_)
            | Answer::Unsent
            | Answer::Refused(_)
            | Answer::Lost(_)
            | Answer::Dropped => None,
        };
        Self {
            state,
            message_id,
            at: Some(now),
            detail,
            ..self
        }
    }

    /// What it is once the lease of its sender is over: it is not known whether it was taken. A doubt of before is parked where no more are
    /// allowed by now.
    #[must_use]
    pub fn abandoned(self, doubts_max: u32, now: Timestamp) -> Self {
        match self.state {
            EffectState::Sending => self.doubted(doubts_max, now, None),
            EffectState::Doubt if self.doubts >= doubts_max => Self {
                state: EffectState::Parked,
                at: Some(now),
                ..self
            },
            EffectState::Idle
            | EffectState::Doubt
            | EffectState::Sent
            | EffectState::Refused
            | EffectState::Dropped
            | EffectState::Parked => self,
        }
    }

    /// What it is when its sender gives it back unsent.
    #[must_use]
    pub fn given_back(self) -> Self {
        let state = match (self.state, self.doubts) {
            (EffectState::Sending, 0) => EffectState::Idle,
            (EffectState::Sending, _) => EffectState::Doubt,
            (state, _) => state,
        };
        let attempt = if self.state == EffectState::Sending {
            self.attempt.saturating_sub(1)
        } else {
            self.attempt
        };
        Self {
            state,
            attempt,
            ..self
        }
    }

    fn doubted(self, doubts_max: u32, now: Timestamp, detail: Option<String>) -> Self {
        let doubts = self.doubts.saturating_add(1);
        let state = if doubts >= doubts_max {
            EffectState::Parked
        } else {
            EffectState::Doubt
        };
        Self {
            state,
            doubts,
            at: Some(now),
            detail: detail.or(self.detail),
            ..self
        }
    }
}

/// Where an event stands, by its effects.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Something is still to come of one: it is deferred. `doubt` says whether one is in doubt.
    Open {
        /// Whether one of them is in doubt.
        doubt: bool,
    },
    /// Nothing is open, and one was refused.
    Refused,
    /// Nothing is open, none was refused, and a person must decide on one.
    Parked,
    /// All are sent or dropped, at least one is sent: a letter for each, in the document's order.
    Settled {
        /// `s` sent, `d` dropped.
        letters: String,
    },
    /// There is no effect, or all were dropped.
    NoReceiver,
}

/// Where an event stands. `document` is the list of the stored document's effects; what is not said of one is idle.
pub fn standing(document: &[EffectId], effects: &Effects) -> Standing {
    let state = |id: &EffectId| {
        effects
            .get(id)
            .map_or(EffectState::Idle, |effect| effect.state)
    };
    let any = |wanted: EffectState| document.iter().any(|id| state(id) == wanted);
    if document.iter().any(|id| state(id).is_open()) {
        let doubt = any(EffectState::Doubt);
        Standing::Open { doubt }
    } else if any(EffectState::Refused) {
        Standing::Refused
    } else if any(EffectState::Parked) {
        Standing::Parked
    } else if any(EffectState::Sent) {
        let letter = |id| {
            if state(id) == EffectState::Sent {
                LETTER_SENT
            } else {
                LETTER_DROPPED
            }
        };
        let letters = document.iter().map(letter).collect();
        Standing::Settled { letters }
    } else {
        Standing::NoReceiver
    }
}

/// In a marker, an effect that was sent.
const LETTER_SENT: char = 's';
/// In a marker, one that was dropped.
const LETTER_DROPPED: char = 'd';

/// Whether a marker can say this of so many effects, where it is known how many there are: a letter for each, and one of them sent.
pub fn fits_marker(letters: &str, effects: Option<usize>) -> bool {
    let is_letter = |letter| matches!(letter, LETTER_SENT | LETTER_DROPPED);
    letters.chars().all(is_letter)
        && letters.contains(LETTER_SENT)
        && effects.is_none_or(|effects| letters.len() == effects)
}

/// What a settled marker says of the document's effects. A marker without `told` is older than that: every effect was sent.
pub fn settled_effects(
    document: &[EffectId],
    letters: Option<&str>,
) -> Vec<(EffectId, EffectState)> {
    let letters = letters.unwrap_or_default().chars().map(Some);
    let letters = letters.chain(std::iter::repeat(None));
    let state = |letter| {
        if letter == Some(LETTER_DROPPED) {
            EffectState::Dropped
        } else {
            EffectState::Sent
        }
    };
    document
        .iter()
        .zip(letters)
        .map(|(id, letter)| (id.clone(), state(letter)))
        .collect()
}

/// The effects that did not happen: neither sent nor dropped.
pub fn not_happened(document: &[EffectId], effects: &Effects) -> Vec<EffectId> {
    let happened = |id: &&EffectId| {
        let state = effects.get(*id).map(|effect| effect.state);
        matches!(state, Some(EffectState::Sent | EffectState::Dropped))
    };
    let document = document.iter();
    document.filter(|id| !happened(id)).cloned().collect()
}

#[cfg(test)]
mod tests;
