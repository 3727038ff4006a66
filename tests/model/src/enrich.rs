//! Enrich, first half: receive a record, read, decide.

use crate::action::{Action, Delivery, Get};
use crate::bounds::{Ambiguous, OwnerMissing, Protocol};
use crate::pair::{Rev, WorkerId};
use crate::queue::{Delay, Place, Slot};
use crate::state::{
    Claim, Doc, Found, Lookup, Phase, Reason, Seen, Ses, State, Step, Wait, Worker, Write,
};
use crate::variant::Variant;

impl Protocol {
    pub(crate) fn delivery_actions(state: &State, actions: &mut Vec<Action>) {
        let Some(worker) = state.idle_worker() else {
            return;
        };
        for (slot, message) in state.queue.each() {
            match message.place {
                Place::Queue if is_visible(state, slot) => {
                    actions.push(Action::Deliver(slot, worker, Delivery::Regular));
                }
                Place::Queue if state.left.early > 0 => {
                    actions.push(Action::Deliver(slot, worker, Delivery::Early));
                }
                Place::Flight if state.left.duplicates > 0 && state.holders(slot) == 1 => {
                    actions.push(Action::Deliver(slot, worker, Delivery::Again));
                }
                Place::Queue | Place::Flight | Place::Dlq | Place::Deleted => {}
            }
        }
    }

    pub(crate) fn worker_actions(&self, state: &State, id: WorkerId, actions: &mut Vec<Action>) {
        let worker = &state.workers[id];
        // A lost reply counts where it leads elsewhere than a death after the effect, or than the answer.
        let mut called = |may_lose, may_fail| {
            let replies = state.replies(may_lose, may_fail);
            actions.extend(replies.map(|reply| Action::Do(id, reply)));
        };
        match worker.step {
            Step::Idle => {}
            Step::Read => {
                if worker.seen == Seen::Unread {
                    actions.push(Action::Read(id, Get::Mail));
                }
                if worker.found == Found::Unread {
                    actions.push(Action::Read(id, Get::Docs));
                }
                if state.left.no_time > 0
                    && worker.seen == Seen::Unread
                    && worker.found == Found::Unread
                {
                    actions.push(Action::NoTime(id));
                }
            }
            Step::Write => self.write_actions(state, id, actions),
            Step::Send => called(state.ses == Ses::Up, true),
            Step::Settle | Step::Quiet | Step::Copy(_) => called(true, true),
            Step::Release(_) | Step::WriteFailed(_) | Step::ParkReason | Step::ParkClaim => {
                called(false, true);
            }
            Step::CheckSettled
            | Step::CheckQuiet
            | Step::CopyLate(_)
            | Step::Ack
            | Step::WriteFailedLate(_) => called(false, false),
        }
    }

    pub(crate) fn deliver(&self, state: &mut State, slot: Slot, id: WorkerId, delivery: Delivery) {
        let message = state.queue.get_mut(slot);
        message.place = Place::Flight;
        message.delay = Delay::None;
        message.mute = false;
        match delivery {
            Delivery::Regular => message.receives += 1,
            Delivery::Early => {
                message.receives += 1;
                message.hop_stolen = true;
            }
            Delivery::Again => {}
        }
        let mut worker = Worker {
            step: Step::Read,
            slot,
            rev: message.rev,
            ..Worker::default()
        };
        if matches!(self.variant, Variant::EnrichSkipsMail | Variant::NoMarker) {
            worker.seen = Seen::Free(0);
        }
        if matches!(self.variant, Variant::NoMarker | Variant::MarkerAfterSend) {
            worker.claim_write = Write::Done;
        }
        state.workers[id] = worker;
        if state.phase == Phase::Early && self.variant != Variant::NoEarlyGuard {
            self.defer(state, id, Wait::Early);
        }
    }

    pub(crate) fn read(&self, state: &mut State, id: WorkerId, get: Get) {
        match get {
            Get::Mail => state.workers[id].seen = self.look_at_mail(state, id),
            Get::Docs => state.workers[id].found = look_at_docs(state, id),
        }
        let worker = &state.workers[id];
        if worker.seen != Seen::Unread && worker.found != Found::Unread {
            self.decide(state, id);
        }
    }

    /// `GET mail/X`, and of a replay the base's too: that is where a forgotten event is marked.
    pub(crate) fn look_at_mail(&self, state: &State, id: WorkerId) -> Seen {
        let rev = state.workers[id].rev;
        let looks_at_base = self.variant != Variant::ReplayBlindToForgotten;
        if looks_at_base && state.mail[Rev::Base].claim == Claim::Forgotten {
            return Seen::Closed;
        }
        let mail = state.mail[rev];
        match mail.claim {
            Claim::Absent | Claim::Idle => Seen::Free(mail.version),
            Claim::Stale => Seen::Stale(mail.version),
            Claim::Live => Seen::Live,
            Claim::Sent | Claim::Forgotten | Claim::Parked | Claim::Silent => Seen::Closed,
        }
    }

    fn decide(&self, state: &mut State, id: WorkerId) {
        match state.workers[id].seen {
            Seen::Closed => return self.ack(state, id),
            Seen::Live => return self.meet_live_claim(state, id),
            Seen::Stale(_) if self.leaves_stale() => return self.ack(state, id),
            Seen::Stale(_) if self.parks() => return self.park(state, id),
            Seen::Unread | Seen::Free(_) | Seen::Stale(_) => {}
        }
        match state.workers[id].found {
            Found::Unread | Found::Nothing => self.fail(state, id, Reason::RawMissing),
            Found::Stored(doc) => {
                let worker = &mut state.workers[id];
                worker.doc = Some(doc);
                worker.doc_write = Write::Done;
                worker.step = Step::Write;
                self.after_write(state, id);
            }
            Found::Raw(Lookup::Foreign) => self.fail(state, id, Reason::LookupForeign),
            Found::Raw(Lookup::Absent) => self.miss_owner(state, id),
            Found::Raw(Lookup::First) => self.merge(state, id, Doc::First),
            Found::Raw(Lookup::Second) => self.merge(state, id, Doc::Second),
        }
    }

    fn miss_owner(&self, state: &mut State, id: WorkerId) {
        if state.phase < Phase::Over {
            if self.variant == Variant::OwnerWaitBurns {
                return self.fail(state, id, Reason::Waiting);
            }
            return self.defer(state, id, Wait::Owner);
        }
        match self.policy.owner_missing {
            OwnerMissing::Dlq => self.fail(state, id, Reason::OwnerMissing),
            OwnerMissing::Mail => self.merge(state, id, Doc::Unassigned),
        }
    }

    fn merge(&self, state: &mut State, id: WorkerId, doc: Doc) {
        let worker = &mut state.workers[id];
        worker.doc = Some(doc);
        worker.step = Step::Write;
        self.after_write(state, id);
    }

    pub(crate) fn meet_live_claim(&self, state: &mut State, id: WorkerId) {
        if self.variant == Variant::LiveClaimBurns {
            return self.fail(state, id, Reason::Waiting);
        }
        self.defer(state, id, Wait::LiveClaim);
    }

    pub(crate) fn parks(&self) -> bool {
        self.policy.ambiguous == Ambiguous::Park && self.variant != Variant::ParkResends
    }

    pub(crate) fn leaves_stale(&self) -> bool {
        matches!(self.variant, Variant::NoTakeover | Variant::BlindConflict)
    }

    pub(crate) fn park(&self, state: &mut State, id: WorkerId) {
        let marks_first = self.variant == Variant::ParkMarksFirst;
        state.workers[id].step = if marks_first {
            Step::ParkClaim
        } else {
            Step::ParkReason
        };
    }
}

fn look_at_docs(state: &State, id: WorkerId) -> Found {
    match state.docs[state.workers[id].rev] {
        Some(doc) => Found::Stored(doc),
        None if state.raw => Found::Raw(state.lookup),
        None => Found::Nothing,
    }
}

fn is_visible(state: &State, slot: Slot) -> bool {
    let message = state.queue.get(slot);
    match message.delay {
        Delay::None => true,
        Delay::Due => state.phase >= Phase::Due,
        Delay::OwnerEnd => state.phase >= Phase::Over,
        Delay::MailEnd => message.mail_wait_over(state.phase),
        Delay::LeaseEnd => state.mail[message.rev].claim != Claim::Live,
    }
}
