//! What the protocol does not decide: time, owner files, services, configuration, operators, deaths.

use crate::action::{Action, Outside, Process};
use crate::bounds::Protocol;
use crate::claim::Claim;
use crate::effect::{BOTH, Effect, EffectId};
use crate::enrich::write_mail;
use crate::fact::{Lookup, Raw, Service};
use crate::ghost::Told;
use crate::ingest::delay_left;
use crate::pair::{Pair, Rev, WorkerId};
use crate::queue::{Delay, Message, Place, Queue};
use crate::state::{Forget, Ingest, State, Sweep, Wake};
use crate::variant::Variant;
use crate::wake::wake_dies;
use crate::worker::{Step, Worker};

impl Protocol {
    pub(crate) fn world_actions(&self, state: &State, actions: &mut Vec<Action>) {
        let sends_alone = self.policy.replies_are_late && only_sends(state);
        let clock_runs = self.policy.clock_is_free || !state.is_at_work() || sends_alone;
        // The windows are counted from the storing of the event.
        if clock_runs && state.was_stored() && state.phase.next().is_some() {
            actions.push(Action::Outside(Outside::Tick));
        }
        // What a worker reads at once takes less time than the margin between its lease and the life of its holder.
        let reading = |rev| {
            let mut workers = state.workers.each().into_iter();
            workers.any(|w| w.rev == rev && w.is_amid_reads())
        };
        for rev in Rev::ALL {
            // The fence: a lease is longer than the life of the worker that took it.
            let fenced = state.holder_works(rev) && !self.breaks(Variant::ShortLease);
            let ends = !reading(rev) || self.breaks(Variant::ShortMargin);
            if state.mail[rev].live && !fenced && ends {
                actions.push(Action::Outside(Outside::LeaseEnds(rev)));
            }
        }
        self.service_actions(state, actions);
        self.lookup_actions(state, actions);
        if state.left.configurations > 0 {
            actions.push(Action::Outside(Outside::ConfigChanges));
        }
    }

    fn service_actions(&self, state: &State, actions: &mut Vec<Action>) {
        for e in EffectId::ALL {
            if !self.policy.notify.into_iter().any(|set| set[e]) {
                continue;
            }
            let passes = matches!(state.service[e], Service::Throttling | Service::Refusing);
            if state.service[e] == Service::Up && state.left.throttles > 0 {
                actions.push(Action::Outside(Outside::Turns(e)));
            }
            if passes && self.policy.service_recovers {
                actions.push(Action::Outside(Outside::Recovers(e)));
            }
        }
    }

    fn lookup_actions(&self, state: &State, actions: &mut Vec<Action>) {
        let broken = matches!(state.lookup, Lookup::Absent | Lookup::Foreign);
        if broken && self.policy.lookup_is_cured {
            actions.push(Action::Outside(Outside::LookupCured));
        }
        if state.lookup == Lookup::First && state.left.lookup_changes > 0 {
            actions.push(Action::Outside(Outside::LookupChanges));
        }
        if !broken && state.left.lookup_losses > 0 {
            actions.push(Action::Outside(Outside::LookupVanishes));
        }
    }

    pub(crate) fn operator_actions(&self, state: &State, actions: &mut Vec<Action>) {
        let dead = state.queue.each().any(|(_, m)| m.place == Place::Dlq);
        if dead && state.left.redrives > 0 {
            actions.push(Action::Outside(Outside::Redrive));
        }
        let over_live = self.breaks(Variant::ResendOverLiveClaim);
        for (rev, e) in parked(state, over_live) {
            actions.push(Action::Outside(Outside::Resend(rev, e)));
        }
        if state.raw == Raw::Stored && state.left.replays > 0 {
            actions.push(Action::Replay);
        }
        // A message that is still there would mail again whatever the sweep does: no protocol helps against that.
        let over = state.mail[Rev::Base].is_settled() && state.queue.each().next().is_none();
        if over && state.left.prefix_losses > 0 && !state.is_at_work() {
            actions.push(Action::Outside(Outside::PrefixLost));
        }
        if state.left.purges > 0 && !state.is_at_work() && state.queue.each().next().is_some() {
            actions.push(Action::Outside(Outside::Purge));
        }
    }

    pub(crate) fn crash_actions(&self, state: &State, actions: &mut Vec<Action>) {
        if state.left.crashes == 0 {
            return;
        }
        if matches!(state.forget, Forget::Mark | Forget::Wait | Forget::Delete) {
            actions.push(Action::Crash(Process::Forget));
        }
        if self.policy.one_machine {
            return;
        }
        if state.ingest != Ingest::Idle {
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
        if state.wake != Wake::Idle {
            actions.push(Action::Crash(Process::Wake));
        }
    }

    pub(crate) fn crash(&self, state: &mut State, process: Process) {
        state.left.crashes -= 1;
        match process {
            Process::Ingest => state.ingest = Ingest::Idle,
            Process::Enrich(id) => self.die(state, id),
            Process::Sweep => state.sweep = Sweep::Idle,
            Process::Wake => wake_dies(state),
            Process::Machine => self.go_down(state),
            Process::Forget => state.forget = self.first_mark(),
        }
    }

    pub(crate) fn replay(&self, state: &mut State) {
        state.left.replays -= 1;
        state.ghost.replayed = true;
        let shares = self.breaks(Variant::ReplaySharesClaim);
        let rev = if shares { Rev::Base } else { Rev::Replay };
        state.queue.send(Message::trigger(rev, delay_left(state)));
    }
}

impl Protocol {
    /// `parked resolve --resend`: the effect is idle, its doubts are 0, and the bare message is sent.
    pub(crate) fn resend(state: &mut State, rev: Rev, e: EffectId) {
        state.left.resends -= 1;
        let mut effects = state.mail[rev].claim.of(BOTH);
        effects[e] = Effect::Idle(0);
        write_mail(state, rev, Claim::Named(effects));
        state.ghost.effects[rev][e] = Told::default();
        state.queue.send(Message::trigger(rev, Delay::None));
    }
}

/// Nothing is under way but effects that are being sent.
fn only_sends(state: &State) -> bool {
    let sends = |w: &&Worker| !w.is_busy() || w.step == Step::Send;
    let others = state.sweep != Sweep::Idle || state.wake != Wake::Idle;
    state.workers.each().iter().all(sends) && state.ingest == Ingest::Idle && !others
}

/// The parked effects that an operator may touch: of claims whose lease is over.
fn parked(state: &State, even_live: bool) -> impl Iterator<Item = (Rev, EffectId)> {
    let open = state.left.resends > 0;
    let every = |rev: Rev| EffectId::ALL.into_iter().map(move |e| (rev, e));
    let all = Rev::ALL.into_iter().flat_map(every);
    all.filter(move |&(rev, e)| {
        let mail = state.mail[rev];
        open && (even_live || !mail.live) && mail.claim.of(BOTH)[e] == Effect::Parked
    })
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
