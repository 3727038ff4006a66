//! Which moments are the same: those that differ only by names.
//!
//! Workers and message slots have no meaning by their number, and of the versions of `mail/X` only equality counts.

use stateright::Representative;

use crate::pair::Rev;
use crate::queue::{Kind, Place};
use crate::state::{Seen, State};

impl Representative for State {
    fn representative(&self) -> Self {
        let mut state = self.clone();
        forget_dead_bodies(&mut state);
        let (queue, moved) = state.queue.sorted();
        state.queue = queue;
        for worker in state.workers.each_mut() {
            if worker.is_busy() {
                worker.slot = moved(worker.slot);
            }
        }
        for rev in Rev::ALL {
            renumber(&mut state, rev);
        }
        state.workers.sort();
        state
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
            message.hop_stolen = false;
        }
    }
}

/// Numbers the versions of `mail/` that anybody knows from 1 on, in their order. 0 stays: absent, or no token.
fn renumber(state: &mut State, rev: Rev) {
    let mut known: Vec<u8> = versions(state, rev).into_iter().map(|v| *v).collect();
    known.push(0);
    known.sort_unstable();
    known.dedup();
    for version in versions(state, rev) {
        let smaller = known.iter().filter(|known| *known < version).count();
        *version = u8::try_from(smaller).unwrap_or(u8::MAX);
    }
}

fn versions(state: &mut State, rev: Rev) -> Vec<&mut u8> {
    let mut versions = vec![&mut state.mail[rev].version];
    for worker in state.workers.each_mut() {
        if worker.is_busy() && worker.rev == rev {
            versions.push(&mut worker.token);
            if let Seen::Free(version) | Seen::Stale(version) = &mut worker.seen {
                versions.push(version);
            }
        }
    }
    versions
}
