//! Enrich, first part: receive a record, read, decide.

use crate::action::{Action, Delivery, Get};
use crate::bounds::{Notify, OwnerMissing, Protocol};
use crate::claim::{Claim, Mail, Old};
use crate::effect::{Effect, EffectId, Effects, Set, sending};
use crate::fact::{Doc, Lookup, Phase, Raw, Reason, Wait};
use crate::pair::{Rev, WorkerId};
use crate::queue::{Delay, Message, Place, Slot};
use crate::state::State;
use crate::variant::Variant;
use crate::worker::{Found, Step, Worker, Write};

impl Protocol {
    pub(crate) fn delivery_actions(state: &State, actions: &mut Vec<Action>) {
        let Some(worker) = state.idle_worker().filter(|_| state.runs()) else {
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
            let replies = state.replies(may_lose && !self.policy.one_machine, may_fail);
            actions.extend(replies.map(|reply| Action::Do(id, reply)));
        };
        match worker.step {
            Step::Idle => {}
            Step::Glance | Step::Read => read_actions(state, id, actions),
            Step::Write => self.write_actions(state, id, actions),
            Step::Send => self.send_actions(state, id, actions),
            Step::Settle | Step::Quiet | Step::Copy(_) => called(true, true),
            Step::Name | Step::GiveBack(_) | Step::WriteFailed(_) | Step::ParkReason => {
                called(false, true);
            }
            Step::CopyLate(_) | Step::Ack | Step::WriteFailedLate(_) => called(false, false),
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
        let message = *message;
        let first = message.receives <= 1 && message.hops == 0 && message.rev == Rev::Base;
        let unclaimed = matches!(self.variant, Variant::NoMarker | Variant::MarkerAfterSend);
        state.workers[id] = Worker {
            step: if first { Step::Glance } else { Step::Read },
            slot,
            rev: message.rev,
            late: is_over(state, message.rev),
            claim_write: if unclaimed { Write::Done } else { Write::Todo },
            ..Worker::default()
        };
        if state.phase == Phase::Early && self.waits_for_its_time(message) {
            self.defer(state, id, Wait::Early);
        }
    }

    fn waits_for_its_time(&self, message: Message) -> bool {
        let ignores = self.breaks(Variant::WakeIgnoresTime) && message.once;
        !ignores && !self.breaks(Variant::NoEarlyGuard)
    }

    /// The first receive: where bytes and owner are there, the claim is not read before it is written.
    pub(crate) fn glance(&self, state: &mut State, id: WorkerId) {
        let tombstone = state.raw == Raw::Tombstone && !self.breaks(Variant::TombstoneIsMissing);
        let decides = self.breaks(Variant::OptimistDecides);
        match (state.raw, state.lookup) {
            _ if tombstone => self.ack(state, id),
            (Raw::Stored, Lookup::First) => self.merge(state, id, Mail::default(), Doc::First),
            (Raw::Stored, Lookup::Second) => self.merge(state, id, Mail::default(), Doc::Second),
            (Raw::Stored, Lookup::Absent) if decides => {
                self.miss_owner(state, id, Mail::default());
            }
            (Raw::Stored | Raw::Absent | Raw::Tombstone, _) => {
                state.workers[id].step = Step::Read;
            }
        }
    }

    pub(crate) fn read(&self, state: &mut State, id: WorkerId, get: Get) {
        let rev = state.workers[id].rev;
        match get {
            Get::Mail => state.workers[id].seen = Some(state.mail[rev]),
            Get::Docs => state.workers[id].found = Some(self.look_around(state, rev)),
        }
        self.decide(state, id);
    }

    /// Access to `mail/X` is denied: that is no "not there".
    pub(crate) fn denied(&self, state: &mut State, id: WorkerId) {
        if self.breaks(Variant::DeniedIsAbsent) {
            state.workers[id].seen = Some(Mail::default());
            return self.decide(state, id);
        }
        self.fail(state, id, Reason::Transient);
    }

    fn look_around(&self, state: &State, rev: Rev) -> Found {
        let of_revision = self.breaks(Variant::RevisionBlindToTombstone) && rev == Rev::Replay;
        let blind = of_revision || self.breaks(Variant::TombstoneIsMissing);
        match (state.raw, state.docs[rev]) {
            (Raw::Tombstone, _) if !blind => Found::Tombstone,
            (_, Some(doc)) => Found::Stored(doc),
            (Raw::Stored, None) => Found::Raw(state.lookup),
            (Raw::Absent | Raw::Tombstone, None) => Found::Nothing,
        }
    }

    /// Decides once everything is read.
    fn decide(&self, state: &mut State, id: WorkerId) {
        let worker = state.workers[id];
        let (Some(seen), Some(found)) = (worker.seen, worker.found) else {
            return;
        };
        if self.breaks(Variant::TombstoneIsMissing) && found == Found::Nothing {
            return self.fail(state, id, Reason::RawMissing);
        }
        if found == Found::Tombstone || seen.is_settled() {
            return self.ack(state, id);
        }
        if seen.live {
            return self.meet_live_claim(state, id);
        }
        if self.breaks(Variant::NoTakeover) && is_abandoned(seen.claim) {
            return self.ack(state, id);
        }
        // A claim that names an effect had a document: that was read before it was stored. Both are read again.
        let torn = matches!(found, Found::Raw(_)) && names_effects(seen.claim);
        if torn && !self.breaks(Variant::TornRead) {
            state.workers[id] = worker.turned_to(Step::Read);
            return;
        }
        match found {
            Found::Tombstone | Found::Nothing => self.fail(state, id, Reason::RawMissing),
            Found::Stored(doc) => self.resume(state, id, seen, doc),
            Found::Raw(Lookup::Foreign) => self.fail(state, id, Reason::LookupForeign),
            Found::Raw(Lookup::Absent) => self.miss_owner(state, id, seen),
            Found::Raw(Lookup::First) => self.merge(state, id, seen, Doc::First),
            Found::Raw(Lookup::Second) => self.merge(state, id, seen, Doc::Second),
        }
    }

    fn miss_owner(&self, state: &mut State, id: WorkerId, seen: Mail) {
        let once = state.queue.get(state.workers[id].slot).once;
        if once && self.breaks(Variant::OnceFails) {
            return self.fail(state, id, Reason::OwnerMissing);
        }
        if once && !self.breaks(Variant::OnceWaits) {
            return self.ack(state, id);
        }
        if state.phase < Phase::Over {
            if self.breaks(Variant::OwnerWaitBurns) {
                return self.fail(state, id, Reason::Waiting);
            }
            return self.defer(state, id, Wait::Owner);
        }
        match self.policy.owner_missing {
            OwnerMissing::Dlq => self.fail(state, id, Reason::OwnerMissing),
            OwnerMissing::Mail => self.merge(state, id, seen, Doc::Unassigned),
        }
    }

    /// No document is stored yet. A claim that is there was never sent from.
    fn merge(&self, state: &mut State, id: WorkerId, seen: Mail, doc: Doc) {
        let doubts = self.breaks(Variant::UnsentIsDoubt) && is_abandoned(seen.claim);
        if doubts {
            return self.resume(state, id, seen, doc);
        }
        let next = if self.breaks(Variant::ClaimNamesOwnMerge) {
            Claim::Named(sending(self.notify(doc)))
        } else {
            Claim::First
        };
        state.workers[id].doc = Some(doc);
        self.begin_writes(state, id, seen, next);
    }

    fn begin_writes(&self, state: &mut State, id: WorkerId, seen: Mail, next: Claim) {
        let worker = &mut state.workers[id];
        worker.seen = Some(seen);
        worker.next = next;
        worker.step = Step::Write;
        if self.keeps_quiet(worker.rev) {
            worker.claim_write = Write::Done;
        }
        self.after_write(state, id);
    }

    /// The document is stored, and nobody works on the event.
    fn resume(&self, state: &mut State, id: WorkerId, seen: Mail, doc: Doc) {
        let effects = self.effects(state, doc, seen.claim);
        let claim = self.as_read(seen.claim);
        let unnamed = doc == Doc::Unnamed && matches!(claim, Claim::Absent | Claim::First);
        let said = if unnamed {
            Claim::Named(Effects::default()).of(effects)
        } else {
            claim.of(effects)
        };
        let mut now = said;
        let rev = state.workers[id].rev;
        for e in EffectId::ALL {
            now[e] = self.taken_over(state, rev, e, now[e]);
        }
        let worker = &mut state.workers[id];
        worker.doc = Some(doc);
        worker.doc_write = Write::Done;
        let quiet = self.keeps_quiet(worker.rev);
        let todo = to_send(now);
        if quiet || (claim == Claim::Absent && !unnamed) {
            return self.begin_writes(state, id, seen, Claim::First);
        }
        if todo.is_empty() && now == said {
            return self.end_attempt(state, id, now);
        }
        for e in todo.members() {
            now[e] = Effect::Sending(now[e].doubts());
        }
        self.begin_writes(state, id, seen, Claim::Named(now));
    }

    fn as_read(&self, claim: Claim) -> Claim {
        if self.breaks(Variant::UpgradeForgetsAttempts) && claim == Claim::Old(Old::Sending(1)) {
            Claim::Old(Old::Sending(0))
        } else {
            claim
        }
    }

    pub(crate) fn meet_live_claim(&self, state: &mut State, id: WorkerId) {
        if self.breaks(Variant::LiveClaimBurns) {
            return self.fail(state, id, Reason::Waiting);
        }
        self.defer(state, id, Wait::LiveClaim);
    }

    /// The effects that a document names when it is made.
    pub(crate) fn notify(&self, doc: Doc) -> Set {
        let [first, second] = self.policy.notify;
        match doc {
            Doc::Unassigned | Doc::First => first,
            Doc::Second => second,
            Doc::Unnamed => Set::default(),
        }
    }

    /// The effects of a stored document. Where it names none, the claim's list stands for it, else today's receivers.
    pub(crate) fn effects(&self, state: &State, doc: Doc, claim: Claim) -> Set {
        match doc {
            _ if self.breaks(Variant::EffectsOfTheDay) => state.config,
            Doc::Unnamed if claim.named().is_empty() => state.config,
            Doc::Unnamed => claim.named(),
            Doc::Unassigned | Doc::First | Doc::Second => self.notify(doc),
        }
    }

    /// Doubts after which an effect is parked.
    pub(crate) fn doubts(&self) -> u8 {
        if self.breaks(Variant::ParkResends) {
            2
        } else if self.breaks(Variant::ThirdSend) {
            3
        } else {
            self.policy.doubts()
        }
    }

    /// Whether this revision is a replay that mails nobody. Code that does not look for that mails it.
    pub(crate) fn keeps_quiet(&self, rev: Rev) -> bool {
        rev == Rev::Replay
            && self.policy.replay == Notify::Never
            && !self.breaks(Variant::NotifyUnseen)
    }
}

fn read_actions(state: &State, id: WorkerId, actions: &mut Vec<Action>) {
    let worker = &state.workers[id];
    if worker.step == Step::Glance {
        actions.push(Action::Glance(id));
    } else {
        if worker.seen.is_none() {
            actions.push(Action::Read(id, Get::Mail));
            if state.left.denials > 0 {
                actions.push(Action::Denied(id));
            }
        }
        if worker.found.is_none() {
            actions.push(Action::Read(id, Get::Docs));
        }
    }
    if state.left.no_time > 0 && worker.seen.is_none() && worker.found.is_none() {
        actions.push(Action::NoTime(id));
    }
}

/// What is to be sent now: what is open; else what was refused.
fn to_send(effects: Effects) -> Set {
    let open = Set::of(|e| effects[e].is_open());
    if open.is_empty() {
        Set::of(|e| matches!(effects[e], Effect::Refused(_)))
    } else {
        open
    }
}

fn names_effects(claim: Claim) -> bool {
    !claim.named().is_empty() || matches!(claim, Claim::Old(_))
}

/// A claim under which somebody was sending, or meant to.
fn is_abandoned(claim: Claim) -> bool {
    let mut mail = Mail::default();
    mail.put(claim);
    mail.live
}

/// Settled or forgotten.
fn is_over(state: &State, rev: Rev) -> bool {
    state.mail[rev].is_settled() || state.raw == Raw::Tombstone
}

pub(crate) fn is_visible(state: &State, slot: Slot) -> bool {
    let message = state.queue.get(slot);
    match message.delay {
        Delay::None => true,
        Delay::Due => state.phase >= Phase::Due,
        Delay::OwnerEnd => state.phase >= Phase::Over,
        Delay::MailEnd => message.mail_wait_over(state.phase),
        Delay::LeaseEnd => !state.mail[message.rev].live,
    }
}
