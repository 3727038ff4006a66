//! Enrich, the effects of an attempt: each once.

use super::write::note_effect;
use crate::action::{Action, Reply};
use crate::bounds::Protocol;
use crate::claim::Claim;
use crate::effect::{Answer, Effect, EffectId, Set};
use crate::fact::{Doc, Service, Wait};
use crate::machine::break_off;
use crate::pair::WorkerId;
use crate::state::{Forget, State};
use crate::variant::Variant;
use crate::worker::{GivenUp, Plan, Step};

impl Protocol {
    /// Both writes were seen stored.
    pub(crate) fn begin(&self, state: &mut State, id: WorkerId) {
        let worker = state.workers[id];
        let doc = worker.doc.unwrap_or(Doc::Unnamed);
        let created = worker.seen.is_some_and(|seen| seen.claim == Claim::Absent);
        let names_own = self.breaks(Variant::ClaimNamesOwnMerge) && created;
        if worker.next == Claim::First && doc == Doc::Unnamed {
            state.workers[id].step = Step::Name;
            return;
        }
        let todo = if let Claim::Named(effects) = worker.next
            && !names_own
        {
            Set::of(|e| matches!(effects[e], Effect::Sending(_)))
        } else {
            self.effects(state, doc, worker.next)
        };
        let mut holder = worker.holding(Step::Send);
        for e in todo.members() {
            holder.plan[e] = if state.config[e] {
                Plan::Todo
            } else {
                state.ghost.bad[e] = true;
                Plan::Got(Answer::Dropped)
            };
        }
        state.workers[id] = holder;
        if !state.runs() {
            break_off(state, id);
        }
        if let Claim::Named(effects) = worker.next
            && todo.is_empty()
        {
            // The claim says already how it ends: everything that was open is parked.
            self.end_attempt(state, id, effects);
        } else {
            self.after_send(state, id);
        }
    }

    pub(crate) fn send_actions(&self, state: &State, id: WorkerId, actions: &mut Vec<Action>) {
        let plan = state.workers[id].plan;
        for e in EffectId::ALL {
            if self.needs_row(plan[e]) {
                actions.push(Action::Log(id, e));
            } else if matches!(plan[e], Plan::Todo | Plan::Logged) {
                let replies = state.replies(state.service[e] == Service::Up, true);
                actions.extend(replies.map(|reply| Action::Send(id, e, reply)));
            }
            if plan[e] == Plan::Todo && state.left.no_turn > 0 {
                actions.push(Action::NoTurn(id, e));
            }
        }
        let answered = EffectId::ALL
            .iter()
            .any(|&e| matches!(plan[e], Plan::Got(_)));
        if answered && state.left.slow > 0 {
            actions.push(Action::Record(id));
        }
        let logged = EffectId::ALL.iter().any(|&e| plan[e] == Plan::Logged);
        if !answered && !logged && state.left.no_time > 0 && !self.breaks(Variant::NoMarker) {
            actions.push(Action::NoTime(id));
        }
    }

    pub(crate) fn send(&self, state: &mut State, (id, e): (WorkerId, EffectId), reply: Reply) {
        let service = state.service[e];
        state.ghost.bad[e] |= service != Service::Up;
        let rev = state.workers[id].rev;
        let answer = match (reply, service) {
            (Reply::Error, _) => Answer::Lost,
            (Reply::Answer | Reply::Lost, Service::Throttling) => Answer::Busy,
            (Reply::Answer | Reply::Lost, Service::Refusing) => Answer::Refused,
            (Reply::Answer, Service::Up) => {
                self.take(state, id, e);
                Answer::Taken
            }
            (Reply::Lost, Service::Up) | (Reply::Answer | Reply::Lost, Service::Mute) => {
                self.take(state, id, e);
                state.ghost.effects[rev][e].unrecorded = true;
                Answer::Lost
            }
        };
        if answer == Answer::Lost {
            state.ghost.effects[rev][e].doubt();
        }
        let asks_again = self.breaks(Variant::AskAgainInDoubt) && answer == Answer::Lost;
        let worker = &mut state.workers[id];
        if !asks_again {
            worker.plan[e] = Plan::Got(answer);
        }
        if self.breaks(Variant::BusyStopsOthers) && answer == Answer::Busy {
            for plan in worker.plan.each_mut() {
                if *plan == Plan::Todo {
                    *plan = Plan::Got(Answer::Busy);
                }
            }
        }
        self.after_send(state, id);
    }

    /// The service takes the effect.
    fn take(&self, state: &mut State, id: WorkerId, e: EffectId) {
        let worker = state.workers[id];
        note_effect(state);
        state.ghost.effects[worker.rev][e].send();
        let stored = state.docs[worker.rev];
        let named = stored.is_some_and(|doc| {
            let claim = state.mail[worker.rev].claim;
            doc == Doc::Unnamed && claim.named()[e] || self.notify(doc)[e]
        });
        if worker.doc != stored || !named {
            state.ghost.doc_foreign = true;
        }
        if state.forget == Forget::Done {
            state.ghost.mailed_forgotten = true;
        }
    }

    pub(crate) fn after_send(&self, state: &mut State, id: WorkerId) {
        let worker = &mut state.workers[id];
        let open = |p: &Plan| matches!(p, Plan::Todo | Plan::Logged);
        let under_way = worker.plan.each().into_iter().any(open);
        if under_way {
            return;
        }
        let marked = matches!(self.variant, Variant::NoMarker | Variant::MarkerBeforeSend);
        worker.step = if marked { Step::Ack } else { Step::Settle };
    }

    /// Nothing is handed over: the effect is given back.
    pub(crate) fn get_no_turn(&self, state: &mut State, (id, e): (WorkerId, EffectId)) {
        state.left.no_turn -= 1;
        state.workers[id].plan[e] = Plan::Got(Answer::Unsent);
        self.after_send(state, id);
    }

    /// No time is left: nothing was read yet, or nothing was sent yet.
    pub(crate) fn run_out_of_time(&self, state: &mut State, id: WorkerId) {
        if state.workers[id].step == Step::Send {
            self.give_back_claim(state, id, GivenUp::Unsent);
        } else {
            self.defer(state, id, Wait::NoTime);
        }
    }
}
