//! Enrich, the mail: send, settle; or keep quiet; or park.

use crate::action::Reply;
use crate::bounds::{Notify, Protocol};
use crate::claim::note_effect;
use crate::pair::{Rev, WorkerId};
use crate::state::{Claim, Forget, Reason, Seen, Ses, State, Step};
use crate::variant::Variant;

impl Protocol {
    pub(crate) fn send_mail(&self, state: &mut State, id: WorkerId, reply: Reply) {
        match (reply, state.ses) {
            // 5xx, timeout, reset: it tells nothing. The claim stays; the lease will end.
            (Reply::Error, _) => self.fail(state, id, Reason::Transient),
            (Reply::Answer | Reply::Lost, Ses::Throttling) => {
                state.ghost.deferred = true;
                let message = state.queue.get(state.workers[id].slot);
                let over = message.mail_wait_over(state.phase);
                self.refuse(state, id, over.then_some(Reason::MailWaitOver));
            }
            (Reply::Answer | Reply::Lost, Ses::Refusing) => {
                self.refuse(state, id, Some(Reason::MailRefused));
            }
            (Reply::Answer, Ses::Up) => {
                accept_mail(state, id);
                let marked = matches!(self.variant, Variant::NoMarker | Variant::MarkerBeforeSend);
                state.workers[id].step = if marked { Step::Ack } else { Step::Settle };
            }
            (Reply::Lost, Ses::Up) => {
                accept_mail(state, id);
                state.ghost.ambiguous[state.workers[id].rev] += 1;
                self.fail(state, id, Reason::Transient);
            }
        }
    }

    fn refuse(&self, state: &mut State, id: WorkerId, end: Option<Reason>) {
        if self.variant == Variant::KeepClaimOnRefusal || state.workers[id].token == 0 {
            return self.end_refused(state, id, end);
        }
        state.workers[id].step = Step::Release(end);
    }

    pub(crate) fn settle(&self, state: &mut State, id: WorkerId, reply: Reply) {
        let rev = state.workers[id].rev;
        if reply == Reply::Error {
            // Nothing else is worth doing now: the same PUT again, until the record's deadline.
            if self.variant == Variant::SettleGivesUp {
                self.fail(state, id, Reason::Transient);
            }
            return;
        }
        let token = state.workers[id].token;
        let held = token == state.mail[rev].version || self.variant == Variant::MarkerAfterSend;
        if held {
            state.mail[rev].put(Claim::Sent);
        }
        let known = held && reply == Reply::Answer;
        if known {
            state.workers[id] = state.workers[id].turned_to(Step::Ack);
        } else {
            state.workers[id].step = Step::CheckSettled;
        }
    }

    pub(crate) fn check_settled(&self, state: &mut State, id: WorkerId) {
        let mail = state.mail[state.workers[id].rev];
        if mail.is_settled() {
            state.workers[id] = state.workers[id].turned_to(Step::Ack);
        } else if mail.version == state.workers[id].token {
            state.workers[id].step = Step::Settle;
        } else {
            // Only where the fence is broken: the claim is another worker's by now.
            self.fail(state, id, Reason::Transient);
        }
    }

    /// Whether this revision is a replay that mails nobody. Code that does not look for that mails it.
    pub(crate) fn keeps_quiet(&self, rev: Rev) -> bool {
        rev == Rev::Replay
            && self.policy.notify == Notify::Never
            && self.variant != Variant::NotifyUnseen
    }

    pub(crate) fn settle_quietly(&self, state: &mut State, id: WorkerId, reply: Reply) {
        if reply == Reply::Error {
            return self.fail(state, id, Reason::Transient);
        }
        let rev = state.workers[id].rev;
        let applied = state.mail[rev].claim == Claim::Absent;
        if applied {
            state.mail[rev].put(Claim::Silent);
        }
        let known = applied && reply == Reply::Answer;
        state.workers[id].step = if known { Step::Ack } else { Step::CheckQuiet };
    }

    pub(crate) fn check_quiet(&self, state: &mut State, id: WorkerId) {
        if state.mail[state.workers[id].rev].is_settled() {
            state.workers[id].step = Step::Ack;
        } else {
            self.fail(state, id, Reason::Transient);
        }
    }

    pub(crate) fn park_reason(&self, state: &mut State, id: WorkerId, reply: Reply) {
        if reply == Reply::Error {
            return self.fail(state, id, Reason::Transient);
        }
        state.failed[state.workers[id].rev] = Some(Reason::MailAmbiguous);
        let marked = self.variant == Variant::ParkMarksFirst;
        state.workers[id].step = if marked { Step::Ack } else { Step::ParkClaim };
    }

    pub(crate) fn park_claim(&self, state: &mut State, id: WorkerId, reply: Reply) {
        if reply == Reply::Error {
            return self.fail(state, id, Reason::Transient);
        }
        let rev = state.workers[id].rev;
        if state.workers[id].seen != Seen::Stale(state.mail[rev].version) {
            // 412: somebody else parked or forgot it meanwhile. Look again.
            state.workers[id] = state.workers[id].turned_to(Step::Read);
            return;
        }
        state.mail[rev].put(Claim::Parked);
        let reason_left = self.variant == Variant::ParkMarksFirst;
        state.workers[id].step = if reason_left {
            Step::ParkReason
        } else {
            Step::Ack
        };
    }
}

fn accept_mail(state: &mut State, id: WorkerId) {
    let rev = state.workers[id].rev;
    note_effect(state);
    state.ghost.mails[rev] += 1;
    if state.workers[id].doc.is_none() || state.workers[id].doc != state.docs[rev] {
        state.ghost.doc_foreign = true;
    }
    if state.forget == Forget::Done {
        state.ghost.mailed_forgotten = true;
    }
}
