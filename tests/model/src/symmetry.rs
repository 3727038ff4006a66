//! Which moments are the same: those that differ only by names.
//!
//! Workers and message slots have no meaning by their number, effects that are alike none by their name, and of the
//! versions of `mail/X` only equality counts.

use stateright::Representative;

use crate::claim::Claim;
use crate::pair::Rev;
use crate::queue::{Kind, Place, Slot};
use crate::state::State;
use crate::worker::Worker;

impl Representative for State {
    fn representative(&self) -> Self {
        let mut state = self.clone();
        forget_dead_bodies(&mut state);
        for rev in Rev::ALL {
            renumber(&mut state, rev);
        }
        if state.alike {
            let mut other = state.clone();
            swap_effects(&mut other);
            state.sort();
            other.sort();
            return state.min(other);
        }
        state.sort();
        state
    }
}

impl State {
    /// Puts messages and workers in a fixed order.
    fn sort(&mut self) {
        let workers = self.workers;
        let holder = |slot| {
            let every = workers.each().into_iter();
            let held = every.filter(|w| w.is_busy() && w.slot == slot);
            let nameless = |w: &Worker| Worker {
                slot: Slot::NONE,
                ..*w
            };
            held.map(nameless).min()
        };
        let unsorted = self.queue;
        let (queue, moved) = unsorted.sorted(holder);
        self.queue = queue;
        for worker in self.workers.each_mut() {
            if worker.is_busy() {
                worker.slot = moved(worker.slot);
            }
        }
        self.workers.sort();
    }
}

/// What a dead message says matters only to a redrive, and that of a deleted one to nobody.
fn forget_dead_bodies(state: &mut State) {
    let redrives = state.left.redrives > 0;
    for message in state.queue.each_mut() {
        if message.place == Place::Deleted || (message.place == Place::Dlq && !redrives) {
            message.kind = Kind::Early;
            message.hops = 0;
            message.mail_wait_since = None;
            message.once = false;
            message.woken = false;
            message.hop_stolen = false;
        }
    }
}

/// The same moment, the two effects having changed places.
fn swap_effects(state: &mut State) {
    state.config.swap();
    state.service.swap();
    state.ghost.bad.swap();
    for rev in Rev::ALL {
        swap_in(&mut state.mail[rev].claim);
        state.ghost.effects[rev].swap();
        state.log[rev].swap();
        if let Some(failed) = &mut state.failed[rev] {
            failed.effects.swap();
        }
    }
    for worker in state.workers.each_mut() {
        worker.plan.swap();
        swap_in(&mut worker.next);
        if let Some(seen) = &mut worker.seen {
            swap_in(&mut seen.claim);
        }
    }
}

fn swap_in(claim: &mut Claim) {
    match claim {
        Claim::Named(effects) | Claim::Sent(effects) => effects.swap(),
        Claim::Absent | Claim::First | Claim::Old(_) | Claim::Forgotten | Claim::Silent => {}
    }
}

/// Numbers the versions of `mail/` that anybody knows from 1 on, in their order. 0 stays: absent, or no token.
fn renumber(state: &mut State, rev: Rev) {
    let mut known = vec![0, state.mail[rev].version];
    for worker in state.workers.each() {
        if worker.is_busy() && worker.rev == rev {
            known.push(worker.token);
            known.extend(worker.seen.map(|seen| seen.version));
        }
    }
    known.sort_unstable();
    known.dedup();
    let rank = |version: u8| {
        let smaller = known.iter().filter(|known| **known < version).count();
        u8::try_from(smaller).unwrap_or(u8::MAX)
    };
    state.mail[rev].version = rank(state.mail[rev].version);
    for worker in state.workers.each_mut() {
        if worker.is_busy() && worker.rev == rev {
            worker.token = rank(worker.token);
            if let Some(seen) = &mut worker.seen {
                seen.version = rank(seen.version);
            }
        }
    }
}
