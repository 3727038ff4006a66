//! Forget: the tombstone, then the claims, then one lease, then all else. A run that died is begun again.

use crate::action::Action;
use crate::bounds::Protocol;
use crate::claim::Claim;
use crate::enrich::write_mail;
use crate::fact::Raw;
use crate::pair::{Pair, Rev};
use crate::state::{Forget, State};
use crate::variant::Variant;

impl Protocol {
    #[expect(clippy::unused_self, reason = "every process has its actions so")]
    pub(crate) fn forget_actions(&self, state: &State, actions: &mut Vec<Action>) {
        let enabled = match state.forget {
            Forget::Never => {
                if state.left.forgets > 0 && state.raw == Raw::Stored {
                    actions.push(Action::ForgetStarts);
                }
                false
            }
            // One lease: every worker that was at work at the later mark is dead or done by then.
            Forget::Wait => !state.workers.each().iter().any(|w| w.old),
            Forget::Tombstone | Forget::Mark | Forget::Delete => true,
            Forget::Done => false,
        };
        if enabled {
            actions.push(Action::ForgetGoesOn);
        }
    }

    pub(crate) fn forget_starts(&self, state: &mut State) {
        state.left.forgets -= 1;
        state.forget = self.first_mark();
    }

    /// Where a run begins.
    pub(crate) fn first_mark(&self) -> Forget {
        if self.breaks(Variant::MarkBeforeTombstone) {
            Forget::Mark
        } else {
            Forget::Tombstone
        }
    }

    pub(crate) fn forget_step(&self, state: &mut State) {
        let marks_first = self.breaks(Variant::MarkBeforeTombstone);
        state.forget = match state.forget {
            Forget::Never | Forget::Done => state.forget,
            Forget::Tombstone => {
                if state.raw != Raw::Tombstone {
                    state.raw = Raw::Tombstone;
                    note_who_is_at_work(state, marks_first);
                }
                if marks_first {
                    Forget::Wait
                } else {
                    Forget::Mark
                }
            }
            Forget::Mark => {
                if mark(state) && !self.breaks(Variant::LeaseFromTombstone) {
                    note_who_is_at_work(state, false);
                }
                if marks_first {
                    Forget::Tombstone
                } else if self.breaks(Variant::DeleteBeforeLease) {
                    Forget::Delete
                } else {
                    Forget::Wait
                }
            }
            Forget::Wait => Forget::Delete,
            Forget::Delete => {
                state.docs = Pair::default();
                state.failed = Pair::default();
                state.swept = 0;
                if self.breaks(Variant::TombstoneGoesToo) {
                    state.raw = Raw::Absent;
                }
                Forget::Done
            }
        };
    }
}

/// Settles `mail/X`, and the claim of the revision that has one, as forgotten. Whether anything was written.
fn mark(state: &mut State) -> bool {
    let mut wrote = false;
    for rev in Rev::ALL {
        let claim = state.mail[rev].claim;
        let due = rev == Rev::Base || claim != Claim::Absent;
        if due && claim != Claim::Forgotten {
            write_mail(state, rev, Claim::Forgotten);
            wrote = true;
        }
    }
    wrote
}

/// The lease counts from the later of the two marks: broken variants keep to the first.
fn note_who_is_at_work(state: &mut State, keeps_to_first: bool) {
    if keeps_to_first {
        return;
    }
    for worker in state.workers.each_mut() {
        worker.old = worker.is_busy();
    }
}
