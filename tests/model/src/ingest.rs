//! Ingest: verify (no effect, not modelled) → `PUT raw/X` → `SendMessage` → 202.

use crate::action::{Action, Reply};
use crate::bounds::Protocol;
use crate::fact::{Phase, Raw};
use crate::pair::Rev;
use crate::queue::{Delay, Message};
use crate::state::{Ingest, State};
use crate::variant::Variant;

impl Protocol {
    pub(crate) fn ingest_actions(&self, state: &State, actions: &mut Vec<Action>) {
        if state.ingest == Ingest::Idle {
            if state.left.posts > 0 && state.runs() {
                actions.push(Action::Post);
            }
            return;
        }
        let calls = matches!(state.ingest, Ingest::PutRaw | Ingest::Send);
        let may_lose = calls && !self.policy.one_machine;
        actions.extend(state.replies(may_lose, calls).map(Action::Ingest));
    }

    pub(crate) fn post(&self, state: &mut State) {
        state.left.posts -= 1;
        state.ingest = if self.breaks(Variant::SendBeforePut) {
            Ingest::Send
        } else {
            Ingest::PutRaw
        };
    }

    pub(crate) fn ingest_step(&self, state: &mut State, reply: Reply) {
        state.ingest = match state.ingest {
            Ingest::PutRaw => self.put_raw(state, reply),
            Ingest::Send => self.send_trigger(state, reply),
            Ingest::Accept => {
                state.answered = true;
                state.ghost.accepted = true;
                Ingest::Idle
            }
            Ingest::Idle | Ingest::Refuse => Ingest::Idle,
        };
    }

    /// Creates `raw/X`, or finds it: its own bytes, or its tombstone (`naming` has other events in the same slot).
    fn put_raw(&self, state: &mut State, reply: Reply) -> Ingest {
        let replaces = self.breaks(Variant::OverwriteRaw);
        match (reply, state.raw) {
            // After a lost reply there is no time left to read back.
            (Reply::Error, _) | (Reply::Lost, Raw::Tombstone | Raw::Stored) => Ingest::Refuse,
            (Reply::Answer, Raw::Tombstone) if !replaces => Ingest::Accept,
            (Reply::Answer | Reply::Lost, _) => {
                state.raw = Raw::Stored;
                state.ghost.stored = true;
                match reply {
                    Reply::Lost | Reply::Error => Ingest::Refuse,
                    Reply::Answer if self.breaks(Variant::SendBeforePut) => Ingest::Accept,
                    Reply::Answer => Ingest::Send,
                }
            }
        }
    }

    fn send_trigger(&self, state: &mut State, reply: Reply) -> Ingest {
        if reply == Reply::Error {
            return if self.breaks(Variant::AcceptUnsent) {
                Ingest::Accept
            } else {
                Ingest::Refuse
            };
        }
        let trigger = Message::trigger(Rev::Base, delay_left(state));
        state.queue.send(trigger);
        match reply {
            // The SDK sends once more: two triggers.
            Reply::Lost | Reply::Error => Ingest::Send,
            Reply::Answer if self.breaks(Variant::SendBeforePut) => Ingest::PutRaw,
            Reply::Answer => Ingest::Accept,
        }
    }
}

/// What is left of the delay now.
pub(crate) fn delay_left(state: &State) -> Delay {
    if state.phase == Phase::Early {
        Delay::Due
    } else {
        Delay::None
    }
}
