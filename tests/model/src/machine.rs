//! One machine: all stages in one process, which is stopped or dies as a whole, and comes back as another boot; the mail log.
//!
//! A row of the log says that an attempt at an effect sends: it is written before the first byte that the service may take. It
//! belongs to its attempt. A claim of another boot is over at once, and what was being sent under it without a row was not.

use crate::action::{Action, Outside, Process};
use crate::bounds::Protocol;
use crate::effect::{Answer, Effect, EffectId};
use crate::pair::{Pair, Rev, WorkerId};
use crate::state::{Ingest, Machine, State, Sweep, Wake};
use crate::variant::Variant;
use crate::wake::wake_dies;
use crate::worker::{Plan, Step};

impl Protocol {
    pub(crate) fn machine_actions(&self, state: &State, actions: &mut Vec<Action>) {
        if !self.policy.one_machine {
            return;
        }
        let up = state.machine == Machine::Up && state.is_at_work();
        if up && state.left.stops > 0 {
            actions.push(Action::Outside(Outside::Stop));
        }
        if state.machine == Machine::Stopping && self.may_end(state) {
            actions.push(Action::Outside(Outside::End));
        }
        // The end of a process that does nothing changes nothing.
        if state.left.crashes > 0 && state.is_at_work() {
            actions.push(Action::Crash(Process::Machine));
        }
    }

    /// The process ends when every record has: what still sends at the end of the wait is written as a doubt before.
    fn may_end(&self, state: &State) -> bool {
        !state.is_at_work() || self.breaks(Variant::StopLeavesSending)
    }

    /// SIGTERM: nothing new; what has not begun to send is broken off.
    pub(crate) fn stop(&self, state: &mut State) {
        state.left.stops -= 1;
        state.machine = Machine::Stopping;
        for id in WorkerId::ALL {
            if state.workers[id].step == Step::Send {
                break_off(state, id);
                self.after_send(state, id);
            }
        }
    }

    /// The process is gone, and everything that it was at.
    pub(crate) fn go_down(&self, state: &mut State) {
        state.machine = Machine::Down;
        state.ingest = Ingest::Idle;
        state.sweep = Sweep::Idle;
        if state.wake != Wake::Idle {
            wake_dies(state);
        }
        for id in WorkerId::ALL {
            if state.workers[id].is_busy() {
                self.die(state, id);
            }
        }
    }

    /// Another boot: nobody waits for the claims of the last one.
    pub(crate) fn boot(&self, state: &mut State) {
        state.machine = Machine::Up;
        let waits = matches!(
            self.variant,
            Variant::BootWaits | Variant::StopLeavesSending
        );
        for mail in state.mail.each_mut() {
            mail.live &= waits;
        }
    }

    /// A claim was written: the attempts under it have no rows yet.
    pub(crate) fn begin_log(&self, state: &mut State, rev: Rev) {
        if !self.breaks(Variant::RowOutlivesAttempt) {
            state.log[rev] = Pair::default();
        }
    }

    /// The attempts whose answers are recorded have come to their end, and their rows with them.
    pub(crate) fn end_log(&self, state: &mut State, id: WorkerId) {
        let worker = state.workers[id];
        for e in EffectId::ALL {
            let answered = matches!(worker.plan[e], Plan::Got(_));
            if answered && !self.breaks(Variant::RowOutlivesAttempt) {
                state.log[worker.rev][e] = false;
            }
        }
    }

    /// What an effect is that was being sent under a claim which is over.
    pub(crate) fn taken_over(
        &self,
        state: &State,
        rev: Rev,
        e: EffectId,
        effect: Effect,
    ) -> Effect {
        let logged = self.breaks(Variant::UnloggedIsDoubt)
            || (state.log[rev][e] && !self.breaks(Variant::LoggedIsIdle));
        if logged || !self.policy.one_machine {
            effect.abandoned(self.doubts())
        } else if self.breaks(Variant::UnloggedForgetsDoubts)
            && matches!(effect, Effect::Sending(_))
        {
            Effect::Idle(0)
        } else {
            effect.given_back()
        }
    }

    /// Whether an effect that is to be sent needs its row first.
    pub(crate) fn needs_row(&self, plan: Plan) -> bool {
        let before = self.policy.one_machine && !self.breaks(Variant::RowAfterSend);
        before && plan == Plan::Todo
    }
}

/// The row of an attempt, written before its first byte.
pub(crate) fn log(state: &mut State, (id, e): (WorkerId, EffectId)) {
    let rev = state.workers[id].rev;
    state.log[rev][e] = true;
    state.workers[id].plan[e] = Plan::Logged;
}

/// What has not begun to send is given back: a stop is a lack of time.
pub(crate) fn break_off(state: &mut State, id: WorkerId) {
    for plan in state.workers[id].plan.each_mut() {
        if *plan == Plan::Todo {
            *plan = Plan::Got(Answer::Unsent);
        }
    }
}
