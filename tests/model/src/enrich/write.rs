//! Enrich, the two conditional writes, both open at once: `PUT enriched/X` and `PUT mail/X`.

use crate::action::{Action, Reply};
use crate::bounds::Protocol;
use crate::claim::Claim;
use crate::effect::{Effect, EffectId, Set, sending};
use crate::fact::{Doc, Phase, Reason, Wait};
use crate::pair::{Rev, WorkerId};
use crate::state::State;
use crate::variant::Variant;
use crate::worker::{GivenUp, Plan, Step, Worker, Write};

impl Protocol {
    pub(crate) fn write_actions(&self, state: &State, id: WorkerId, actions: &mut Vec<Action>) {
        let worker = &state.workers[id];
        let may_lose = !self.policy.one_machine;
        let mut offer = |write: Write, action: fn(WorkerId, Reply) -> Action| {
            if write == Write::Todo {
                actions.extend(state.replies(may_lose, true).map(|reply| action(id, reply)));
            }
        };
        offer(worker.doc_write, Action::Do);
        offer(worker.claim_write, Action::Claim);
    }

    pub(crate) fn write_document(&self, state: &mut State, id: WorkerId, reply: Reply) {
        let rev = state.workers[id].rev;
        let stored = state.docs[rev];
        let overwrites = self.breaks(Variant::OverwriteDocument);
        let own = overwrites || self.breaks(Variant::SendOwnMerge);
        let write = match stored {
            _ if reply == Reply::Error => Write::Unknown,
            Some(_) if !overwrites => {
                if !own {
                    state.workers[id].doc = stored;
                }
                Write::Done
            }
            Some(_) | None => {
                self.store_document(state, id);
                Write::Done
            }
        };
        let lost = reply == Reply::Lost;
        state.workers[id].doc_write = if lost { Write::Unknown } else { write };
        self.after_write(state, id);
    }

    fn store_document(&self, state: &mut State, id: WorkerId) {
        let (rev, doc) = (state.workers[id].rev, state.workers[id].doc);
        state.docs[rev] = doc;
        note_effect(state);
        if state.ghost.first[rev].is_none() {
            state.ghost.first[rev] = doc;
        } else if state.ghost.first[rev] != doc {
            state.ghost.doc_changed = true;
        }
        // From now on nobody can tell that the dead holder of the claim has sent nothing.
        if let Some(doc) = doc.filter(|_| state.ghost.orphan[rev]) {
            let effects = self.effects(state, doc, state.mail[rev].claim);
            for e in effects.members() {
                state.ghost.effects[rev][e].doubt();
            }
        }
    }

    pub(crate) fn write_claim(&self, state: &mut State, id: WorkerId, reply: Reply) {
        let worker = state.workers[id];
        let expected = worker.seen.map(|seen| seen.version);
        let meets = expected == Some(state.mail[worker.rev].version);
        let mut token = worker.token;
        if meets && reply != Reply::Error {
            let before_send = self.breaks(Variant::MarkerBeforeSend);
            let effects = self.notify_of(state, id);
            let next = if before_send {
                Claim::Sent(sending(effects))
            } else {
                worker.next
            };
            write_mail(state, worker.rev, next);
            self.begin_log(state, worker.rev);
            note_effect(state);
            token = state.mail[worker.rev].version;
        }
        let mail = state.mail[worker.rev];
        let worker = &mut state.workers[id];
        worker.token = token;
        worker.claim_write = match reply {
            Reply::Answer if meets => Write::Done,
            Reply::Answer => {
                worker.seen = Some(mail);
                Write::Theirs
            }
            Reply::Lost | Reply::Error => Write::Unknown,
        };
        self.after_write(state, id);
    }

    fn notify_of(&self, state: &State, id: WorkerId) -> Set {
        let worker = &state.workers[id];
        let doc = worker.doc.unwrap_or(Doc::Unnamed);
        self.effects(state, doc, worker.next)
    }

    /// Goes on once both writes have ended: nothing is sent unless both were seen stored.
    pub(crate) fn after_write(&self, state: &mut State, id: WorkerId) {
        let worker = state.workers[id];
        let unseen = |broken, write, other| {
            self.breaks(broken) && write != Write::Done && other == Write::Done
        };
        let (mut doc, mut claim) = (worker.doc_write, worker.claim_write);
        if unseen(Variant::SendWithoutDocument, doc, claim) {
            doc = Write::Done;
        }
        if unseen(Variant::SendWithoutClaim, claim, doc) && claim == Write::Unknown {
            claim = Write::Done;
        }
        match (doc, claim) {
            (Write::Todo, _) | (_, Write::Todo) => {}
            (Write::Done, Write::Done) if self.keeps_quiet(worker.rev) => {
                state.workers[id] = worker.turned_to(Step::Quiet);
            }
            (Write::Done, Write::Done) => self.begin(state, id),
            (_, Write::Theirs) if self.breaks(Variant::BlindConflict) => self.ack(state, id),
            (_, Write::Theirs) => {
                let theirs = worker.seen.unwrap_or_default();
                if theirs.is_settled() {
                    self.ack(state, id);
                } else if theirs.live {
                    self.meet_live_claim(state, id);
                } else if doc == Write::Done {
                    // Taken over like any that is read: all is read again.
                    state.workers[id] = worker.turned_to(Step::Read);
                } else {
                    self.fail(state, id, Reason::Transient);
                }
            }
            (Write::Unknown | Write::Theirs, _) | (_, Write::Unknown) => {
                self.give_back_claim(state, id, GivenUp::Failed);
            }
        }
    }

    /// The stored document names no effects: they are written into the claim before any is sent.
    pub(crate) fn name_effects(&self, state: &mut State, id: WorkerId, reply: Reply) {
        if reply == Reply::Error {
            return self.give_back_claim(state, id, GivenUp::Failed);
        }
        if !state.holds(id) {
            return self.ack(state, id);
        }
        let rev = state.workers[id].rev;
        let named = Claim::Named(sending(state.config));
        write_mail(state, rev, named);
        let version = state.mail[rev].version;
        let worker = &mut state.workers[id];
        worker.token = version;
        worker.next = named;
        self.begin(state, id);
    }

    /// Gives the claim up before the first send.
    pub(crate) fn give_back_claim(&self, state: &mut State, id: WorkerId, end: GivenUp) {
        let worker = state.workers[id];
        if state.holds(id) && !self.breaks(Variant::GiveUpSilently) {
            state.workers[id] = worker.holding(Step::GiveBack(end));
        } else {
            self.end_given_up(state, id, end);
        }
    }

    /// Tried again until the record's deadline, like a settling write.
    pub(crate) fn give_back(&self, state: &mut State, id: WorkerId, reply: Reply, end: GivenUp) {
        if reply == Reply::Error {
            return;
        }
        if state.holds(id) {
            let rev = state.workers[id].rev;
            let claim = state.mail[rev].claim.given_back();
            write_mail(state, rev, claim);
        }
        self.end_given_up(state, id, end);
    }

    fn end_given_up(&self, state: &mut State, id: WorkerId, end: GivenUp) {
        match end {
            GivenUp::Failed => self.fail(state, id, Reason::Transient),
            GivenUp::Unsent => self.defer(state, id, Wait::Unsent),
        }
    }

    pub(crate) fn settle_quietly(&self, state: &mut State, id: WorkerId, reply: Reply) {
        let rev = state.workers[id].rev;
        if reply != Reply::Error && state.mail[rev].claim == Claim::Absent {
            write_mail(state, rev, Claim::Silent);
        }
        if reply == Reply::Answer && state.mail[rev].is_settled() {
            state.workers[id].step = Step::Ack;
        } else {
            self.fail(state, id, Reason::Transient);
        }
    }
}

/// Writes `mail/X`.
pub(crate) fn write_mail(state: &mut State, rev: Rev, claim: Claim) {
    state.mail[rev].put(claim);
    state.ghost.orphan[rev] = false;
}

/// Anything that must not happen before `not_before`.
pub(crate) fn note_effect(state: &mut State) {
    if state.phase == Phase::Early {
        state.ghost.early_effect = true;
    }
}

/// Counts a doubt for every effect that the claim of a dead worker is sending.
pub(crate) fn doubt_what_is_sending(protocol: &Protocol, state: &mut State, worker: &Worker) {
    let rev = worker.rev;
    let mail = state.mail[rev];
    let Some(doc) = state.docs[rev] else {
        state.ghost.orphan[rev] = mail.claim == Claim::First && !protocol.policy.one_machine;
        return;
    };
    if doc == Doc::Unnamed && mail.claim == Claim::First {
        return;
    }
    let said = mail.claim.of(protocol.effects(state, doc, mail.claim));
    for e in EffectId::ALL {
        let begun = state.log[rev][e] && worker.plan[e] != Plan::Todo;
        let sends = !protocol.policy.one_machine || begun;
        if sends && matches!(said[e], Effect::Sending(_)) {
            state.ghost.effects[rev][e].doubt();
        }
    }
}
