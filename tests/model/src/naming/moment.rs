//! Everything that a moment of naming consists of.

use crate::action::Reply;
use crate::pair::{Pair, Side, WorkerId};

/// Names that an event may get.
pub const SLOTS: usize = 4;

/// The protocol of naming, and the broken ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Naming {
    /// As it is designed.
    Sound,
    /// There is no identity entry: the time of each delivery counts.
    IdentitySkipped,
    /// The id of the request is that of every event in it.
    RequestIdForAll,
    /// 2xx is answered once the first event of the request is queued.
    AnswerAtFirst,
    /// "Exists" after a lost reply is taken for another event.
    BlindToOwnWrite,
    /// "Exists" is taken for the same event.
    NoComparison,
    /// `raw/` is written without `If-None-Match`.
    Overwrite,
    /// Forget deletes the identity entry.
    IdentityForgotten,
    /// The tombstone does not say whose it is.
    NamelessTombstone,
    /// Forget deletes the tombstone with the older versions.
    TombstoneGoesToo,
}

/// One of two events of one lead.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Event {
    /// The one.
    #[default]
    One,
    /// The other.
    Other,
}

impl Event {
    pub(crate) const ALL: [Self; 2] = [Self::One, Self::Other];
}

impl Side for Event {
    fn is_second(self) -> bool {
        self == Self::Other
    }
}

/// Where an event of a request is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum At {
    /// Not in the request.
    #[default]
    Nowhere,
    /// `PUT dedupe/<sha256(E)>` if absent, with the time of this delivery; else its content is the time.
    Identity,
    /// `PUT raw/X` if absent. What exists is read back.
    Put,
    /// `SendMessage`, or its entry of a `SendMessageBatch`.
    Queue,
    /// Stored and queued, or forgotten.
    Done,
    /// Not assured.
    Failed,
}

/// An event of a request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Part {
    /// Where it is.
    pub at: At,
    /// The first name of its event.
    pub base: u8,
    /// The probe: 0 is the first name.
    pub probe: u8,
}

impl Part {
    /// The slot that it tries: the first name, then slots that the events share (the worst case of the hash).
    pub fn slot(self) -> usize {
        if self.probe == 0 {
            usize::from(self.base)
        } else {
            usize::from(self.probe) + 1
        }
    }
}

/// A request: what it does with each event.
pub type Request = Pair<Part>;

/// What one name holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Held {
    /// Whose it is.
    pub event: Event,
    /// It was forgotten: a tombstone.
    pub tombstone: bool,
}

/// What is known of one event.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Known {
    /// Its identity entry: its first name.
    pub identity: Option<u8>,
    /// A trigger was queued.
    pub queued: bool,
    /// Ghost: it was answered with 2xx, as stored or as forgotten in this slot.
    pub accepted: Option<usize>,
    /// Ghost: the slots that it was ever stored in, one bit each.
    pub names: u8,
    /// Ghost: it has been forgotten.
    pub forgotten: bool,
}

/// How far forget is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Forgetting {
    /// Not asked for.
    #[default]
    No,
    /// Every raw object is under its tombstone.
    Marked,
    /// Complete.
    Done,
}

/// One moment.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Moment {
    /// The names.
    pub slots: [Option<Held>; SLOTS],
    /// The events.
    pub known: Pair<Known>,
    /// The requests.
    pub requests: Pair<Request>,
    /// Forget.
    pub forgetting: Forgetting,
    /// Webhook calls left, of each event or of both.
    pub posts: Pair<u8>,
    /// Deaths left.
    pub crashes: u8,
    /// Lost replies left.
    pub lost: u8,
    /// Calls that fail, left.
    pub errors: u8,
    /// Forgets left.
    pub forgets: u8,
    /// Ghost: stored bytes were replaced.
    pub replaced: bool,
    /// Ghost: a request was refused, as not everything in it was assured.
    pub refused: bool,
}

/// A step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Move {
    /// The CRM posts an event; its time, or that of this delivery, gives this first name.
    Post(Event, u8),
    /// The CRM posts both events in one request.
    PostBoth(u8),
    /// A request does its next call for an event.
    Go(WorkerId, Event, Reply),
    /// A request is answered.
    Answer(WorkerId),
    /// A request dies.
    Die(WorkerId),
    /// Forget puts a tombstone over every event that is stored.
    Mark,
    /// Forget deletes every older version.
    Delete,
}

/// The model.
#[derive(Clone, Copy, Debug)]
pub struct NamingModel {
    /// The protocol.
    pub naming: Naming,
    /// The form of the events fixes their time, the same for both. Else each delivery may have a time of its own.
    pub fixed: bool,
    /// Both events come in one request.
    pub array: bool,
    /// Webhook calls of each event.
    pub posts: u8,
    /// Deaths.
    pub crashes: u8,
    /// Lost replies.
    pub lost: u8,
    /// Calls that fail.
    pub errors: u8,
    /// Forgets.
    pub forgets: u8,
}
