//! Enrich, what became of the effects: written, and how the record ends after it.

use super::write::write_mail;
use crate::action::Reply;
use crate::bounds::Protocol;
use crate::claim::Claim;
use crate::effect::{Answer, Effect, EffectId, Effects, Set};
use crate::fact::{Doc, Failed, Reason, Wait};
use crate::pair::{Rev, WorkerId};
use crate::state::State;
use crate::variant::Variant;
use crate::worker::{Plan, Step};

impl Protocol {
    /// Every answer is there. A write whose reply was lost is done again: what is read back then is its own.
    pub(crate) fn settle(&self, state: &mut State, id: WorkerId, reply: Reply) {
        if reply == Reply::Error {
            // Nothing else is worth doing now: the same PUT again, until the record's deadline.
            if self.breaks(Variant::SettleGivesUp) {
                self.fail(state, id, Reason::Transient);
            }
            return;
        }
        if !state.holds(id) && !self.breaks(Variant::MarkerAfterSend) {
            return self.meet_other_writer(state, id);
        }
        let effects = self.answered(state, id);
        self.put_answers(state, id, self.concluded(effects));
        if reply == Reply::Answer {
            self.end_attempt(state, id, effects);
        }
    }

    /// Some answers are there, and another effect is still under way.
    pub(crate) fn record(&self, state: &mut State, id: WorkerId) {
        if state.holds(id) {
            let effects = self.answered(state, id);
            self.put_answers(state, id, Claim::Named(effects));
        } else {
            self.meet_other_writer(state, id);
        }
    }

    /// The claim is another's by now: forget's, or where the fence is broken another worker's.
    fn meet_other_writer(&self, state: &mut State, id: WorkerId) {
        let worker = state.workers[id];
        if state.mail[worker.rev].is_settled() {
            state.workers[id] = worker.turned_to(Step::Ack);
        } else {
            self.fail(state, id, Reason::Transient);
        }
    }

    /// The answers over what is read back: only the worker's own effects change.
    fn answered(&self, state: &State, id: WorkerId) -> Effects {
        let worker = &state.workers[id];
        let claim = state.mail[worker.rev].claim;
        let doc = worker.doc.unwrap_or(Doc::Unnamed);
        let mut effects = claim.of(self.effects(state, doc, claim));
        for e in EffectId::ALL {
            match worker.plan[e] {
                Plan::Got(Answer::Busy) if self.breaks(Variant::BusyKeepsClaim) => {}
                Plan::Got(Answer::Unsent) if self.breaks(Variant::UnsentIsBusy) => {
                    effects[e] = Answer::Busy.settles(effects[e], self.doubts());
                }
                Plan::Got(answer) => effects[e] = answer.settles(effects[e], self.doubts()),
                Plan::Nothing if self.breaks(Variant::SettleOverOthers) => {
                    effects[e] = Effect::Idle(0);
                }
                Plan::Nothing | Plan::Todo | Plan::Logged | Plan::GivenBack => {}
            }
        }
        if self.breaks(Variant::RefusalForgetsDoubts) {
            let refused = |e: &&mut Effect| matches!(e, Effect::Refused(_));
            for effect in effects.each_mut().into_iter().filter(refused) {
                *effect = Effect::Refused(0);
            }
        }
        let refused = !Set::of(|e| matches!(effects[e], Effect::Refused(_))).is_empty();
        if self.breaks(Variant::RefusalEndsOthers) && refused {
            for effect in effects.each_mut().into_iter().filter(|e| e.is_open()) {
                *effect = Effect::Dropped;
            }
        }
        effects
    }

    /// The empty marker, where all are sent or dropped and at least one is sent; else the claim keeps its body.
    fn concluded(&self, effects: Effects) -> Claim {
        let told = |e: &Effect| matches!(e, Effect::Sent | Effect::Dropped | Effect::Missing);
        let any = effects.each().contains(&&Effect::Sent);
        if effects.each().into_iter().all(told) && (any || self.breaks(Variant::NobodyIsSettled)) {
            Claim::Sent(effects)
        } else {
            Claim::Named(effects)
        }
    }

    fn put_answers(&self, state: &mut State, id: WorkerId, claim: Claim) {
        let rev = state.workers[id].rev;
        write_mail(state, rev, claim);
        self.end_log(state, id);
        let version = state.mail[rev].version;
        let worker = &mut state.workers[id];
        worker.token = version;
        for plan in worker.plan.each_mut() {
            if plan.is_given_back() {
                *plan = Plan::GivenBack;
            } else if matches!(plan, Plan::Got(_)) {
                *plan = Plan::Nothing;
            }
        }
        let hides = self.breaks(Variant::FailedHidesOpen);
        let refused = |e: &Effect| matches!(e, Effect::Refused(_));
        if hides && claim.of(claim.named()).each().into_iter().any(refused) {
            self.put_failed(state, rev, Reason::Refused);
        }
    }

    /// How the record ends, by what its claim says of the effects.
    pub(crate) fn end_attempt(&self, state: &mut State, id: WorkerId, effects: Effects) {
        let worker = state.workers[id];
        let any = |what: fn(&Effect) -> bool| effects.each().into_iter().any(what);
        if state.mail[worker.rev].is_settled() {
            state.workers[id] = worker.turned_to(Step::Ack);
        } else if any(|e| e.is_open()) {
            self.end_open(state, id, effects);
        } else if any(|e| matches!(e, Effect::Refused(_))) {
            self.fail(state, id, Reason::Refused);
        } else if any(|e| *e == Effect::Parked) {
            let unread = self.breaks(Variant::ParkedIsAcked);
            let step = if unread { Step::Ack } else { Step::ParkReason };
            state.workers[id] = worker.turned_to(step);
        } else {
            self.fail(state, id, Reason::NoReceiver);
        }
    }

    /// Something is open: the record is deferred, or fails at the end of the wait for a busy service. Where nothing of it was sent, no
    /// service was busy.
    fn end_open(&self, state: &mut State, id: WorkerId, effects: Effects) {
        let plan = state.workers[id].plan;
        let is_unsent = |e: EffectId| !effects[e].is_open() || plan[e].is_given_back();
        if EffectId::ALL.into_iter().all(is_unsent) && !self.breaks(Variant::UnsentIsBusy) {
            return self.defer(state, id, Wait::Unsent);
        }
        let doubt = effects.each().iter().any(|e| matches!(e, Effect::Doubt(_)));
        let message = state.queue.get(state.workers[id].slot);
        let variant = if doubt {
            Variant::DoubtBurns
        } else {
            Variant::BusyBurns
        };
        if self.breaks(variant) {
            self.fail(state, id, Reason::Waiting);
        } else if doubt {
            self.defer(state, id, Wait::Doubt);
        } else if message.mail_wait_over(state.phase) {
            self.fail(state, id, Reason::MailWaitOver);
        } else {
            self.defer(state, id, Wait::Busy);
        }
    }

    pub(crate) fn park_reason(&self, state: &mut State, id: WorkerId, reply: Reply) {
        if reply == Reply::Error {
            return self.fail(state, id, Reason::Transient);
        }
        self.put_failed(state, state.workers[id].rev, Reason::Ambiguous);
        state.workers[id].step = Step::Ack;
    }

    /// `PUT failed/X`: the reason, and the effects that did not happen.
    pub(crate) fn put_failed(&self, state: &mut State, rev: Rev, reason: Reason) {
        let claim = state.mail[rev].claim;
        let effects = match state.docs[rev] {
            Some(doc) => {
                let all = self.effects(state, doc, claim);
                let said = claim.of(all);
                Set::of(|e| all[e] && !matches!(said[e], Effect::Sent | Effect::Dropped))
            }
            None => Set::default(),
        };
        state.failed[rev] = Some(Failed { reason, effects });
    }
}
