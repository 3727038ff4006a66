//! The delay queue and the dead letter queue: messages in numbered slots.

use crate::fact::Phase;
use crate::pair::Rev;

/// The most messages that are alive at once in any scenario; a scenario that needs more stops the check.
const SLOTS: usize = 7;

/// The number of a message's slot.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Slot(pub u8);

impl Slot {
    /// The slot of a worker that has let its message go.
    pub const NONE: Self = Self(u8::MAX);
}

/// The kinds of waiting. A message passes from one to a later one, never back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// For `not_before`.
    #[default]
    Early,
    /// For the owner.
    Owner,
    /// For a service, or to resolve a doubt.
    Mail,
}

/// Until when the queue hides a message by its delay.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Delay {
    /// Not at all (or so short that nothing is told apart by it).
    #[default]
    None,
    /// Until `not_before`.
    Due,
    /// Until the owner window is over: the last look.
    OwnerEnd,
    /// Until the mail wait is over: the last try.
    MailEnd,
    /// Until the claim that was seen is not live any more.
    LeaseEnd,
}

/// Where a message is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Place {
    /// In the queue.
    #[default]
    Queue,
    /// Received by one or two workers.
    Flight,
    /// In the dead letter queue.
    Dlq,
    /// Deleted, while a second receiver still holds it.
    Deleted,
}

/// A message: body, delay, and what SQS counts.
#[expect(
    clippy::struct_excessive_bools,
    reason = "most are ghosts, each by itself"
)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Message {
    /// The revision that it names.
    pub rev: Rev,
    /// The kind of wait that it is in.
    pub kind: Kind,
    /// Hops within this kind.
    pub hops: u8,
    /// When the wait for a service began.
    pub mail_wait_since: Option<Phase>,
    /// Its delay.
    pub delay: Delay,
    /// Where it is.
    pub place: Place,
    /// How often it was received since it came, or was redriven.
    pub receives: u8,
    /// A wake-up: where the owner is still absent, the event's own message waits.
    pub once: bool,
    /// Ghost: a wake-up, or a copy of one.
    pub woken: bool,
    /// Ghost: receives that ended in a failure which the contract lets cost one.
    pub strikes: u8,
    /// Ghost: hops went on something else than the schedule of its kind.
    pub hop_stolen: bool,
    /// Ghost: its last receive could not tell its reason (death, or the store refused).
    pub mute: bool,
}

impl Message {
    /// A fresh trigger.
    pub fn trigger(rev: Rev, delay: Delay) -> Self {
        Self {
            rev,
            delay,
            ..Self::default()
        }
    }

    /// Whether anything is still to come of it by itself.
    pub fn is_alive(&self) -> bool {
        matches!(self.place, Place::Queue | Place::Flight)
    }

    /// Whether the mail wait that it carries is over.
    pub fn mail_wait_over(&self, now: Phase) -> bool {
        let over = |since: Phase| now > since || now == Phase::Old;
        self.mail_wait_since.is_some_and(over)
    }
}

/// All messages.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Queue {
    slots: [Option<Message>; SLOTS],
}

impl Queue {
    /// Puts a message into the first free slot.
    pub fn send(&mut self, message: Message) {
        let free = self.slots.iter_mut().find(|slot| slot.is_none());
        *free.expect("the bounds of every scenario leave a free slot") = Some(message);
    }

    /// The message of a slot.
    pub fn get(&self, slot: Slot) -> Message {
        let found = self.slots.get(usize::from(slot.0)).copied().flatten();
        found.expect("a worker holds its slot until it ends")
    }

    /// The message of a slot, to be changed.
    pub fn get_mut(&mut self, slot: Slot) -> &mut Message {
        let found = self
            .slots
            .get_mut(usize::from(slot.0))
            .and_then(Option::as_mut);
        found.expect("a worker holds its slot until it ends")
    }

    /// Frees a slot.
    pub fn clear(&mut self, slot: Slot) {
        if let Some(place) = self.slots.get_mut(usize::from(slot.0)) {
            *place = None;
        }
    }

    /// Drops the messages for which it holds.
    pub fn drop_where(&mut self, holds: impl Fn(&Message) -> bool) {
        for slot in &mut self.slots {
            if slot.as_ref().is_some_and(&holds) {
                *slot = None;
            }
        }
    }

    /// Every message with its slot.
    pub fn each(&self) -> impl Iterator<Item = (Slot, &Message)> {
        let numbered = (0..).map(Slot).zip(self.slots.iter());
        numbered.filter_map(|(slot, message)| message.as_ref().map(|m| (slot, m)))
    }

    /// Every message, to be changed.
    pub fn each_mut(&mut self) -> impl Iterator<Item = &mut Message> {
        self.slots.iter_mut().flatten()
    }

    /// The same messages in a fixed order, and where each slot went. What is equal is ordered by who holds it.
    pub fn sorted<H: Ord>(&self, holder: impl Fn(Slot) -> H) -> (Self, impl Fn(Slot) -> Slot) {
        let numbered = self.each().map(|(slot, m)| (*m, holder(slot), slot));
        let mut order: Vec<(Message, H, Slot)> = numbered.collect();
        order.sort_unstable();
        let mut sorted = Self::default();
        for (message, ..) in &order {
            sorted.send(*message);
        }
        let moved = move |slot: Slot| {
            let mut places = (0..).map(Slot).zip(&order);
            places
                .find(|(_, (_, _, old))| *old == slot)
                .map_or(slot, |(new, _)| new)
        };
        (sorted, moved)
    }
}
