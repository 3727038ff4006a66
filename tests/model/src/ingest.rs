//! Ingest: 0 verify (no effect, not modelled) → look for a forgotten event → 1 `PUT raw/X` → 2 `SendMessage` → 202.

use crate::action::{Action, Reply};
use crate::bounds::Protocol;
use crate::pair::Rev;
use crate::queue::{Delay, Message};
use crate::state::{Claim, Ingest, IngestStep, Phase, State};
use crate::variant::Variant;

impl Protocol {
    pub(crate) fn ingest_actions(state: &State, actions: &mut Vec<Action>) {
        let step = state.ingest.step;
        if step == IngestStep::Idle {
            if state.left.posts > 0 {
                actions.push(Action::Post);
            }
            return;
        }
        let calls = matches!(step, IngestStep::PutRaw | IngestStep::Send);
        actions.extend(state.replies(calls, calls).map(Action::Ingest));
    }

    pub(crate) fn post(&self, state: &mut State) {
        state.left.posts -= 1;
        let step = if self.variant == Variant::IngestBlindToForgotten {
            IngestStep::PutRaw
        } else if self.variant == Variant::SendBeforePut {
            IngestStep::Send
        } else {
            IngestStep::CheckForgotten
        };
        state.ingest = Ingest { step, old: false };
    }

    pub(crate) fn ingest_step(&self, state: &mut State, reply: Reply) {
        let send_first = self.variant == Variant::SendBeforePut;
        state.ingest.step = match state.ingest.step {
            IngestStep::CheckForgotten if state.mail[Rev::Base].claim == Claim::Forgotten => {
                IngestStep::Accept
            }
            IngestStep::Idle | IngestStep::CheckForgotten => IngestStep::PutRaw,
            IngestStep::PutRaw => match reply {
                Reply::Error => IngestStep::Refuse,
                Reply::Answer => {
                    store_raw(state);
                    if send_first {
                        IngestStep::Accept
                    } else {
                        IngestStep::Send
                    }
                }
                // The read back shows the event's own bytes; or there is no time left for it.
                Reply::Lost => {
                    store_raw(state);
                    IngestStep::Refuse
                }
            },
            IngestStep::Send => match reply {
                Reply::Error if self.variant == Variant::AcceptUnsent => IngestStep::Accept,
                Reply::Error => IngestStep::Refuse,
                Reply::Answer => {
                    state.queue.send(first_trigger(state));
                    if send_first {
                        IngestStep::PutRaw
                    } else {
                        IngestStep::Accept
                    }
                }
                // The SDK sends once more: two triggers.
                Reply::Lost => {
                    state.queue.send(first_trigger(state));
                    IngestStep::Send
                }
            },
            IngestStep::Accept => {
                state.answered = true;
                state.ghost.accepted = true;
                IngestStep::Idle
            }
            IngestStep::Refuse => IngestStep::Idle,
        };
        if state.ingest.step == IngestStep::Idle {
            state.ingest = Ingest::default();
        }
    }
}

/// Creates `raw/X`, or finds it: the bytes are the same (`naming` has other events in the same slot).
fn store_raw(state: &mut State) {
    state.raw = true;
    state.ghost.stored = true;
}

/// The trigger, with what is left of the delay.
fn first_trigger(state: &State) -> Message {
    Message::trigger(Rev::Base, delay_left(state))
}

/// What is left of the delay now.
pub(crate) fn delay_left(state: &State) -> Delay {
    if state.phase == Phase::Early {
        Delay::Due
    } else {
        Delay::None
    }
}
