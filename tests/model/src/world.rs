//! What the protocol does not decide: time, the lookup file, SES, operators, deaths.

use crate::action::{Action, Process};
use crate::bounds::Protocol;
use crate::ingest::delay_left;
use crate::pair::{Pair, Rev, WorkerId};
use crate::queue::{Delay, Message, Place, Queue};
use crate::state::{Claim, Forget, Ingest, IngestStep, Lookup, Ses, State, Sweep};
use crate::variant::Variant;

impl Protocol {
    pub(crate) fn world_actions(&self, state: &State, actions: &mut Vec<Action>) {
        let clock_runs = self.policy.clock_is_free || !state.is_at_work();
        // The windows are counted from the storing of the event.
        if clock_runs && state.ghost.stored && state.phase.next().is_some() {
            actions.push(Action::Tick);
        }
        for rev in Rev::ALL {
            // The fence: a lease is longer than the life of the worker that took it.
            let fenced = state.holder_works(rev) && self.variant != Variant::ShortLease;
            if state.mail[rev].claim == Claim::Live && !fenced {
                actions.push(Action::LeaseEnds(rev));
            }
        }
        let broken = matches!(state.lookup, Lookup::Absent | Lookup::Foreign);
        if broken && self.policy.lookup_is_cured {
            actions.push(Action::LookupCured);
        }
        if state.lookup == Lookup::First && state.left.lookup_changes > 0 {
            actions.push(Action::LookupChanges);
        }
        if state.ses == Ses::Up && state.left.throttles > 0 {
            actions.push(Action::SesThrottles);
        }
        if state.ses != Ses::Up && self.policy.ses_recovers {
            actions.push(Action::SesRecovers);
        }
    }

    pub(crate) fn operator_actions(state: &State, actions: &mut Vec<Action>) {
        let dead = state.queue.each().any(|(_, m)| m.place == Place::Dlq);
        if dead && state.left.redrives > 0 {
            actions.push(Action::Redrive);
        }
        if state.raw && state.left.replays > 0 {
            actions.push(Action::Replay);
        }
        // A message that is still there would mail again whatever the sweep does: no protocol helps against that.
        let over = state.mail[Rev::Base].is_settled() && state.queue.each().next().is_none();
        if over && state.left.prefix_losses > 0 && !state.is_at_work() {
            actions.push(Action::PrefixLost);
        }
        if state.left.purges > 0 && !state.is_at_work() && state.queue.each().next().is_some() {
            actions.push(Action::Purge);
        }
    }

    pub(crate) fn crash_actions(state: &State, actions: &mut Vec<Action>) {
        if state.left.crashes == 0 {
            return;
        }
        if state.ingest.step != IngestStep::Idle {
            actions.push(Action::Crash(Process::Ingest));
        }
        for id in WorkerId::ALL {
            if state.workers[id].is_busy() {
                actions.push(Action::Crash(Process::Enrich(id)));
            }
        }
        if state.sweep != Sweep::Idle {
            actions.push(Action::Crash(Process::Sweep));
        }
        if matches!(
            state.forget,
            Forget::Wait | Forget::DeleteRaw | Forget::DeleteDocs
        ) {
            actions.push(Action::Crash(Process::Forget));
        }
    }

    pub(crate) fn crash(&self, state: &mut State, process: Process) {
        state.left.crashes -= 1;
        match process {
            Process::Ingest => state.ingest = Ingest::default(),
            Process::Enrich(id) => self.die(state, id),
            Process::Sweep => state.sweep = Sweep::Idle,
            Process::Forget => state.forget = Forget::Mark,
        }
    }

    pub(crate) fn replay(&self, state: &mut State) {
        state.left.replays -= 1;
        state.ghost.replayed = true;
        let shares = self.variant == Variant::ReplaySharesClaim;
        let rev = if shares { Rev::Base } else { Rev::Replay };
        state.queue.send(Message::trigger(rev, delay_left(state)));
    }
}

/// Every message of the dead letter queue goes back: there is no filter.
pub(crate) fn redrive(state: &mut State) {
    state.left.redrives -= 1;
    for message in state.queue.each_mut() {
        if message.place == Place::Dlq {
            message.place = Place::Queue;
            message.delay = Delay::None;
            message.receives = 0;
            message.strikes = 0;
            message.mute = false;
        }
    }
}

pub(crate) fn purge(state: &mut State) {
    state.left.purges -= 1;
    state.ghost.purged = true;
    state.queue = Queue::default();
}

pub(crate) fn lose_prefix(state: &mut State) {
    state.left.prefix_losses -= 1;
    state.ghost.prefix_lost = true;
    state.mail = Pair::default();
}
