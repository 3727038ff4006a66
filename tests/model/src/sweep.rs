//! The sweep: finds a stored event without a trigger, counts it in `swept/X`, then sends; the third time it gives up.

use crate::action::Action;
use crate::bounds::Protocol;
use crate::ingest::delay_left;
use crate::pair::Rev;
use crate::queue::Message;
use crate::state::{IngestStep, Phase, Reason, State, Sweep};
use crate::variant::Variant;

/// Triggers that the sweep sends for one event.
pub(crate) const SWEPT_MAX: u8 = 2;

impl Protocol {
    pub(crate) fn sweep_actions(&self, state: &State, actions: &mut Vec<Action>) {
        if state.sweep != Sweep::Idle {
            actions.push(Action::SweepGoesOn);
        } else if state.phase == Phase::Old && self.sweep_finds(state) {
            let needless = has_trigger(state);
            if !needless || state.left.sweeps > 0 {
                actions.push(Action::SweepStarts);
            }
        }
    }

    /// What the listings merged on X show: stored, not settled, not failed. More than `SWEEP_MAX` of them: none.
    pub(crate) fn sweep_finds(&self, state: &State) -> bool {
        let cautious = self.variant != Variant::SweepIncautious;
        let too_many = state.ghost.prefix_lost && cautious;
        self.variant != Variant::NoSweep
            && !too_many
            && state.raw
            && !state.mail[Rev::Base].is_settled()
            && state.failed[Rev::Base].is_none()
    }

    pub(crate) fn sweep_starts(&self, state: &mut State) {
        if has_trigger(state) {
            state.left.sweeps -= 1;
        }
        let counts_first = !matches!(
            self.variant,
            Variant::SweepUncounted | Variant::SweepCountsAfter
        );
        let exhausted = state.swept >= SWEPT_MAX && self.variant != Variant::SweepUncounted;
        state.sweep = if counts_first || exhausted {
            Sweep::Count
        } else {
            Sweep::Send
        };
    }

    pub(crate) fn sweep_step(&self, state: &mut State) {
        state.sweep = match state.sweep {
            Sweep::Count if state.swept >= SWEPT_MAX => Sweep::GiveUp,
            Sweep::Count => {
                state.swept += 1;
                Sweep::Send
            }
            Sweep::Send => {
                state
                    .queue
                    .send(Message::trigger(Rev::Base, delay_left(state)));
                state.ghost.swept = (state.ghost.swept + 1).min(SWEPT_MAX + 1);
                if self.variant == Variant::SweepCountsAfter {
                    Sweep::CountLate
                } else {
                    Sweep::Idle
                }
            }
            Sweep::GiveUp => {
                state.failed[Rev::Base] = Some(Reason::SweptOut);
                Sweep::Idle
            }
            Sweep::CountLate => {
                state.swept += 1;
                Sweep::Idle
            }
            Sweep::Idle => Sweep::Idle,
        };
    }
}

fn has_trigger(state: &State) -> bool {
    let mut messages = state.queue.each();
    state.ingest.step != IngestStep::Idle
        || messages.any(|(_, m)| m.is_alive() && m.rev == Rev::Base)
}
