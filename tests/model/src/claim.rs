//! Enrich, the two conditional writes: `PUT enriched/X` and `PUT mail/X {SENDING}`.
//!
//! By [`ClaimOrder`] one follows the other, or both are open at once. A 412 and a lost reply both lead to a read back.

use crate::action::{Action, Reply};
use crate::bounds::{ClaimOrder, Protocol};
use crate::pair::WorkerId;
use crate::state::{Claim, Doc, Phase, Reason, Seen, State, Step, Wait, Worker, Write};
use crate::variant::Variant;

impl Protocol {
    pub(crate) fn write_actions(&self, state: &State, id: WorkerId, actions: &mut Vec<Action>) {
        let worker = &state.workers[id];
        let mut offer = |write: Write, action: fn(WorkerId, Reply) -> Action| {
            if matches!(write, Write::Todo | Write::Check) {
                let puts = write == Write::Todo;
                let replies = state.replies(puts, puts);
                actions.extend(replies.map(|reply| action(id, reply)));
            }
        };
        offer(worker.doc_write, Action::Do);
        if worker.doc_write == Write::Done || self.policy.claim == ClaimOrder::BesideDocument {
            offer(worker.claim_write, Action::Claim);
        }
    }

    pub(crate) fn write_document(&self, state: &mut State, id: WorkerId, reply: Reply) {
        let rev = state.workers[id].rev;
        let stored = state.docs[rev];
        let overwrites = self.variant == Variant::OverwriteDocument;
        let own = overwrites || self.variant == Variant::MailOwnMerge;
        let (write, doc) = (state.workers[id].doc_write, state.workers[id].doc);
        state.workers[id].doc_write = match (write, stored) {
            (Write::Check, Some(stored)) => {
                state.workers[id].doc = Some(stored);
                Write::Done
            }
            (Write::Check, None) => Write::Lost,
            (Write::Todo, _) if reply == Reply::Error => Write::Lost,
            (Write::Todo, Some(_)) if !overwrites => {
                if own {
                    Write::Done
                } else {
                    Write::Check
                }
            }
            (Write::Todo, _) => {
                store_document(state, id, doc);
                if own || reply == Reply::Answer {
                    Write::Done
                } else {
                    Write::Check
                }
            }
            (Write::Done | Write::Lost, _) => write,
        };
        self.after_write(state, id);
    }

    pub(crate) fn write_claim(&self, state: &mut State, id: WorkerId, reply: Reply) {
        if state.workers[id].claim_write == Write::Check {
            self.read_claim_back(state, id);
        } else {
            self.put_claim(state, id, reply);
        }
        self.after_write(state, id);
    }

    fn put_claim(&self, state: &mut State, id: WorkerId, reply: Reply) {
        let rev = state.workers[id].rev;
        if reply == Reply::Error {
            state.workers[id].claim_write = Write::Lost;
            state.workers[id].seen = Seen::Unread;
            return;
        }
        let expected = match state.workers[id].seen {
            Seen::Free(version) | Seen::Stale(version) => Some(version),
            Seen::Unread | Seen::Live | Seen::Closed => None,
        };
        let applied = expected == Some(state.mail[rev].version);
        if applied {
            let before_send = self.variant == Variant::MarkerBeforeSend;
            state.mail[rev].put(if before_send {
                Claim::Sent
            } else {
                Claim::Live
            });
            note_effect(state);
            state.workers[id].token = state.mail[rev].version;
        }
        let worker = &mut state.workers[id];
        if applied && reply == Reply::Answer {
            worker.claim_write = Write::Done;
        } else if self.variant == Variant::BlindConflict {
            worker.claim_write = Write::Lost;
            worker.seen = Seen::Closed;
        } else {
            worker.claim_write = Write::Check;
        }
    }

    fn read_claim_back(&self, state: &mut State, id: WorkerId) {
        let mail = state.mail[state.workers[id].rev];
        let seen = self.look_at_mail(state, id);
        let parks = self.parks();
        let worker = &mut state.workers[id];
        let mine = worker.token != 0 && worker.token == mail.version;
        worker.seen = seen;
        worker.claim_write = match seen {
            _ if mine => Write::Done,
            Seen::Stale(_) if parks => Write::Lost,
            Seen::Stale(_) if self.leaves_stale() => {
                worker.seen = Seen::Closed;
                Write::Lost
            }
            Seen::Free(_) | Seen::Stale(_) => Write::Todo,
            Seen::Unread | Seen::Live | Seen::Closed => Write::Lost,
        };
    }

    /// Goes on once both writes have ended, or the second one need not begin.
    pub(crate) fn after_write(&self, state: &mut State, id: WorkerId) {
        let worker = state.workers[id];
        if worker.doc_write == Write::Done && self.keeps_quiet(worker.rev) {
            state.workers[id] = worker.turned_to(Step::Quiet);
            return;
        }
        let sequential = self.policy.claim == ClaimOrder::AfterDocument;
        match (worker.doc_write, worker.claim_write) {
            (Write::Lost, Write::Todo) if sequential => self.fail(state, id, Reason::Transient),
            (Write::Todo | Write::Check, _) | (_, Write::Todo | Write::Check) => {}
            (Write::Done, Write::Done) => {
                let sender = worker.turned_to(Step::Send);
                state.workers[id] = Worker {
                    doc: worker.doc,
                    token: worker.token,
                    ..sender
                };
            }
            // The claim is ours, the document is not to be had: give the claim back.
            (Write::Lost, Write::Done) => {
                state.workers[id].step = Step::Release(Some(Reason::Transient));
            }
            (_, Write::Lost) => match worker.seen {
                Seen::Closed => self.ack(state, id),
                Seen::Live => self.meet_live_claim(state, id),
                Seen::Stale(_) => self.park(state, id),
                Seen::Unread | Seen::Free(_) => self.fail(state, id, Reason::Transient),
            },
        }
    }

    pub(crate) fn release(
        &self,
        state: &mut State,
        id: WorkerId,
        reply: Reply,
        end: Option<Reason>,
    ) {
        let rev = state.workers[id].rev;
        let held = state.workers[id].token == state.mail[rev].version;
        if reply == Reply::Answer && held {
            state.mail[rev].put(Claim::Idle);
        }
        self.end_refused(state, id, end);
    }

    /// After a definite refusal: deferred (`None`) or failed.
    pub(crate) fn end_refused(&self, state: &mut State, id: WorkerId, end: Option<Reason>) {
        match end {
            Some(reason) => self.fail(state, id, reason),
            None if self.variant == Variant::ThrottleBurns => self.fail(state, id, Reason::Waiting),
            None => self.defer(state, id, Wait::Mail),
        }
    }
}

/// Anything that must not happen before `not_before`.
pub(crate) fn note_effect(state: &mut State) {
    if state.phase == Phase::Early {
        state.ghost.early_effect = true;
    }
}

fn store_document(state: &mut State, id: WorkerId, doc: Option<Doc>) {
    let rev = state.workers[id].rev;
    state.docs[rev] = doc;
    note_effect(state);
    if state.ghost.first[rev].is_none() {
        state.ghost.first[rev] = doc;
    } else if state.ghost.first[rev] != doc {
        state.ghost.doc_changed = true;
    }
}
