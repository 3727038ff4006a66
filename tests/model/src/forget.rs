//! Forget: mark `mail/X`, let one lease go by, delete. A run that died is begun again from the mark.

use crate::action::Action;
use crate::bounds::Protocol;
use crate::pair::{Pair, Rev};
use crate::state::{Claim, Forget, IngestStep, State};
use crate::variant::Variant;

impl Protocol {
    pub(crate) fn forget_actions(&self, state: &State, actions: &mut Vec<Action>) {
        let enabled = match state.forget {
            Forget::Never => {
                if state.left.forgets > 0 && state.raw {
                    actions.push(Action::ForgetStarts);
                }
                false
            }
            // A live claim is waited for.
            Forget::Mark => {
                let live = state.mail[Rev::Base].claim == Claim::Live;
                !live || self.variant == Variant::ForgetOverLiveClaim
            }
            // One lease: whoever was at work at the mark is dead or done by then.
            Forget::Wait => !state.ingest.old && !state.workers.each().iter().any(|w| w.old),
            Forget::DeleteRaw | Forget::DeleteDocs => true,
            Forget::Done => false,
        };
        if enabled {
            actions.push(Action::ForgetGoesOn);
        }
    }

    pub(crate) fn forget_step(&self, state: &mut State) {
        state.forget = match state.forget {
            Forget::Never | Forget::Done => state.forget,
            Forget::Mark => {
                if state.mail[Rev::Base].claim != Claim::Forgotten {
                    state.mail[Rev::Base].put(Claim::Forgotten);
                }
                if self.variant == Variant::ForgetWithoutWait {
                    Forget::DeleteRaw
                } else {
                    note_who_is_at_work(state);
                    Forget::Wait
                }
            }
            Forget::Wait => Forget::DeleteRaw,
            Forget::DeleteRaw => {
                state.raw = false;
                Forget::DeleteDocs
            }
            Forget::DeleteDocs => {
                state.docs = Pair::default();
                Forget::Done
            }
        };
    }
}

fn note_who_is_at_work(state: &mut State) {
    state.ingest.old = state.ingest.step != IngestStep::Idle;
    for worker in state.workers.each_mut() {
        worker.old = worker.is_busy();
    }
}
