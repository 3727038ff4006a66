//! The sweep: finds a stored event without a trigger, counts it in `swept/X`, then sends; the third time it gives up.

use crate::action::Action;
use crate::bounds::Protocol;
use crate::effect::Set;
use crate::fact::{Phase, Raw, Reason};
use crate::ingest::delay_left;
use crate::pair::Rev;
use crate::queue::Message;
use crate::state::{Ingest, State, Sweep};
use crate::variant::Variant;

/// Triggers that the sweep sends for one event.
pub(crate) const SWEPT_MAX: u8 = 2;

impl Protocol {
    pub(crate) fn sweep_actions(&self, state: &State, actions: &mut Vec<Action>) {
        if state.sweep != Sweep::Idle {
            actions.push(Action::SweepGoesOn);
        } else if state.phase == Phase::Old && state.runs() && self.sweep_finds(state) {
            let needless = has_trigger(state);
            if !needless || state.left.sweeps > 0 {
                actions.push(Action::SweepStarts);
            }
        }
    }

    /// What the listings merged on X show: stored, and neither settled nor failed. Where `failed/X` stands beside a
    /// claim that is not empty, the claim is read: an open effect is not failed. More than `SWEEP_MAX` of them: none.
    pub(crate) fn sweep_finds(&self, state: &State) -> bool {
        let cautious = !self.breaks(Variant::SweepIncautious);
        let too_many = state.ghost.prefix_lost && cautious;
        !self.breaks(Variant::NoSweep)
            && !too_many
            && state.raw == Raw::Stored
            && !state.mail[Rev::Base].is_settled()
            && !self.has_failed(state)
    }

    fn has_failed(&self, state: &State) -> bool {
        let trusts = matches!(
            self.variant,
            Variant::FailedHidesOpen | Variant::DeniedIsAbsent
        );
        state.failed[Rev::Base].is_some_and(|failed| {
            failed.reason == Reason::SweptOut || trusts || self.open(state, Rev::Base).is_empty()
        })
    }

    /// The effects of which a claim says that something is still to come.
    pub(crate) fn open(&self, state: &State, rev: Rev) -> Set {
        let claim = state.mail[rev].claim;
        let Some(doc) = state.docs[rev] else {
            return Set::default();
        };
        let said = claim.of(self.effects(state, doc, claim));
        Set::of(|e| said[e].is_open())
    }

    pub(crate) fn sweep_starts(&self, state: &mut State) {
        if has_trigger(state) {
            state.left.sweeps -= 1;
        }
        let counts_first = !matches!(
            self.variant,
            Variant::SweepUncounted | Variant::SweepCountsAfter
        );
        let exhausted = state.swept >= SWEPT_MAX && !self.breaks(Variant::SweepUncounted);
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
                if self.breaks(Variant::SweepCountsAfter) {
                    Sweep::CountLate
                } else {
                    Sweep::Idle
                }
            }
            Sweep::GiveUp => {
                self.put_failed(state, Rev::Base, Reason::SweptOut);
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
    state.ingest != Ingest::Idle || state.has_message(Rev::Base)
}
