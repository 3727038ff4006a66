//! Wake-ups: a notification of an owner file → list the lead's events → send a `once` trigger. A hint, and no more.
//!
//! A notification comes at any moment, whatever was written or is there by now: so it is early, late, doubled, or one of a
//! file that is cut off. One that never comes is lost; one that finds no event to wake changes nothing, and is left out.

use crate::action::{Action, Reply};
use crate::bounds::Protocol;
use crate::fact::{Lookup, Phase, Raw};
use crate::ghost::Woken;
use crate::pair::Rev;
use crate::queue::{Delay, Message, Place};
use crate::state::{State, Wake};
use crate::variant::Variant;

impl Protocol {
    pub(crate) fn wake_actions(&self, state: &State, actions: &mut Vec<Action>) {
        match state.wake {
            Wake::Idle if state.left.wakes > 0 && state.runs() && self.finds(state) => {
                actions.push(Action::WakeStarts);
            }
            Wake::Idle => {}
            Wake::Send => {
                let replies = state.replies(!self.policy.one_machine, true);
                actions.extend(replies.map(Action::WakeGoesOn));
            }
        }
    }

    /// What the listing shows: an event that waits for its owner. The day after its window is over when it can be swept.
    fn finds(&self, state: &State) -> bool {
        let stored = match state.raw {
            Raw::Stored => true,
            Raw::Tombstone => self.breaks(Variant::WakesTombstone),
            Raw::Absent => false,
        };
        let due = match state.phase {
            Phase::Early => matches!(
                self.variant,
                Variant::WakeIgnoresTime | Variant::WakeBeforeDue
            ),
            Phase::Due | Phase::Over => true,
            Phase::Old => false,
        };
        let waits = state.docs[Rev::Base].is_none() || self.breaks(Variant::WakesDocument);
        stored && due && waits
    }

    /// A notification is received, and the lead's events are listed.
    pub(crate) fn wake_starts(&self, state: &mut State) {
        state.left.wakes -= 1;
        state.ghost.unheard = false;
        if self.breaks(Variant::WakesOnlyOnce) && state.ghost.woken != Woken::Never {
            return;
        }
        state.ghost.woken = state.ghost.woken.max(how(state));
        state.wake = Wake::Send;
    }

    /// `SendMessage`. Where it fails, the notification comes again.
    pub(crate) fn wake_step(&self, state: &mut State, reply: Reply) {
        if reply == Reply::Error {
            return wake_dies(state);
        }
        if self.breaks(Variant::WakeReplaces) {
            let own = |m: &Message| m.place == Place::Queue && !m.woken;
            state.queue.drop_where(own);
        }
        state.queue.send(Message {
            once: true,
            woken: true,
            ..Message::trigger(Rev::Base, Delay::None)
        });
        // A lost reply: the SDK sends once more, two triggers.
        if reply == Reply::Answer {
            state.wake = Wake::Idle;
        }
    }
}

/// Its notification was not deleted, and comes again.
pub(crate) fn wake_dies(state: &mut State) {
    state.wake = Wake::Idle;
    state.left.wakes += 1;
}

/// The owner file was written. Where the event is due, its notification is still to come; before, none is needed.
pub(crate) fn owner_appears(state: &mut State, lookup: Lookup) {
    state.lookup = lookup;
    state.ghost.unheard = state.phase >= Phase::Due;
}

fn how(state: &State) -> Woken {
    if state.raw == Raw::Tombstone || state.docs[Rev::Base].is_some() {
        Woken::Ended
    } else if state.phase == Phase::Early {
        Woken::Early
    } else {
        Woken::Waiting
    }
}
