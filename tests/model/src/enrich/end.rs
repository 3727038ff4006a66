//! Enrich, the three ends of a record: acked, deferred by copy, reported as failed.

use super::write::doubt_what_is_sending;
use crate::action::Reply;
use crate::bounds::Protocol;
use crate::effect::{Answer, EffectId};
use crate::fact::{Reason, Wait};
use crate::pair::WorkerId;
use crate::queue::{Delay, Kind, Message, Place, Slot};
use crate::state::State;
use crate::variant::Variant;
use crate::worker::{Plan, Step, Worker};

impl Protocol {
    /// Deletes the message; the worker is free.
    #[expect(clippy::unused_self, reason = "the ends of a record read alike")]
    pub(crate) fn ack(&self, state: &mut State, id: WorkerId) {
        let slot = state.workers[id].slot;
        state.queue.get_mut(slot).place = Place::Deleted;
        let_go(state, id);
        state.workers[id] = Worker::default();
    }

    /// Has a copy sent with the wait as its delay, if a hop is left.
    pub(crate) fn defer(&self, state: &mut State, id: WorkerId, wait: Wait) {
        let worker = state.workers[id];
        let free = matches!(wait, Wait::Early | Wait::NoTime | Wait::Unsent);
        state.ghost.bothered |= worker.late && !free;
        let woken = state.queue.get(worker.slot).woken;
        state.ghost.woken_waits |= woken && wait == Wait::Owner;
        let copy = self.copy_of(state, state.queue.get(worker.slot), wait);
        if copy.hops > self.policy.hops && !self.breaks(Variant::HopsUnbounded) {
            let message = state.queue.get_mut(worker.slot);
            message.hop_stolen |= steals_hop(wait);
            return self.fail(state, id, Reason::HopsUsedUp);
        }
        let step = if self.breaks(Variant::AckThenSend) {
            state.queue.get_mut(worker.slot).place = Place::Deleted;
            Step::CopyLate(wait)
        } else {
            Step::Copy(wait)
        };
        state.workers[id] = worker.turned_to(step);
    }

    pub(crate) fn send_copy(&self, state: &mut State, id: WorkerId, reply: Reply, wait: Wait) {
        let slot = state.workers[id].slot;
        if reply == Reply::Error {
            return self.fail(state, id, Reason::Transient);
        }
        let copy = self.copy_of(state, state.queue.get(slot), wait);
        state.queue.send(copy);
        if matches!(state.workers[id].step, Step::CopyLate(_)) {
            let_go(state, id);
            state.workers[id] = Worker::default();
        } else if reply == Reply::Answer {
            state.workers[id].step = Step::Ack;
        }
        // A lost reply: the SDK sends once more, two copies.
    }

    /// The copy: a kind of wait only gives way to a later one, and each counts its own hops.
    fn copy_of(&self, state: &State, message: Message, wait: Wait) -> Message {
        let mails = matches!(wait, Wait::Busy | Wait::Doubt);
        let asked = match wait {
            Wait::Early => Kind::Early,
            Wait::Owner => Kind::Owner,
            Wait::Busy | Wait::Doubt | Wait::Unsent => Kind::Mail,
            Wait::LiveClaim | Wait::NoTime => message.kind,
        };
        let kind = asked.max(message.kind);
        let same = kind == message.kind;
        let uncounted = self.breaks(Variant::HopsUnbounded);
        let hops = match message.hops {
            _ if !same => 1,
            hops if uncounted => hops.min(self.policy.hops) + 1,
            hops => hops + 1,
        };
        let last = hops >= self.policy.hops && !uncounted;
        let since = message.mail_wait_since;
        Message {
            kind,
            hops,
            once: message.once && !self.breaks(Variant::CopyForgetsOnce),
            woken: message.woken,
            mail_wait_since: since.or(mails.then_some(state.phase)),
            delay: match wait {
                Wait::Early => Delay::Due,
                Wait::Owner if last => Delay::OwnerEnd,
                Wait::Busy if last => Delay::MailEnd,
                Wait::LiveClaim => Delay::LeaseEnd,
                Wait::Owner | Wait::Busy | Wait::Doubt | Wait::NoTime | Wait::Unsent => Delay::None,
            },
            hop_stolen: (same && message.hop_stolen) || steals_hop(wait),
            ..Message::trigger(message.rev, Delay::None)
        }
    }

    /// Reports the record as failed, after `failed/X` where it is due.
    pub(crate) fn fail(&self, state: &mut State, id: WorkerId, reason: Reason) {
        let worker = state.workers[id];
        state.ghost.struck |= reason.is_the_events();
        let woken = state.queue.get(worker.slot).woken;
        state.ghost.woken_waits |= woken && reason == Reason::OwnerMissing;
        let excused = matches!(reason, Reason::Transient | Reason::HopsUsedUp);
        state.ghost.bothered |= worker.late && !excused;
        let message = state.queue.get(worker.slot);
        let due = reason.is_permanent() || message.receives >= self.policy.receives;
        if !due || self.breaks(Variant::FailedNever) {
            self.report(state, id, reason);
        } else if self.breaks(Variant::FailedAfterReport) {
            self.report(state, id, reason);
            state.workers[id] = Worker {
                step: Step::WriteFailedLate(reason),
                slot: Slot::NONE,
                rev: message.rev,
                ..Worker::default()
            };
        } else {
            state.workers[id] = worker.turned_to(Step::WriteFailed(reason));
        }
    }

    pub(crate) fn write_failed(
        &self,
        state: &mut State,
        id: WorkerId,
        reply: Reply,
        reason: Reason,
    ) {
        let worker = state.workers[id];
        if reply == Reply::Answer {
            self.put_failed(state, worker.rev, reason);
        } else {
            state.queue.get_mut(worker.slot).mute = true;
        }
        if matches!(worker.step, Step::WriteFailedLate(_)) {
            state.workers[id] = Worker::default();
        } else {
            self.report(state, id, reason);
        }
    }

    fn report(&self, state: &mut State, id: WorkerId, reason: Reason) {
        let message = state.queue.get_mut(state.workers[id].slot);
        let stolen = reason != Reason::HopsUsedUp || message.hop_stolen;
        let may_cost = reason != Reason::Waiting && stolen;
        message.strikes += u8::from(may_cost);
        self.hand_back(state, id);
    }

    /// The process dies. Its message comes again, or goes to the dead letter queue, without a word.
    pub(crate) fn die(&self, state: &mut State, id: WorkerId) {
        let worker = state.workers[id];
        for e in EffectId::ALL {
            if worker.plan[e] == Plan::Got(Answer::Taken) {
                state.ghost.effects[worker.rev][e].unrecorded = true;
            }
        }
        if state.holds(id) && state.mail[worker.rev].live {
            doubt_what_is_sending(self, state, &worker);
        }
        if worker.slot == Slot::NONE {
            state.workers[id] = Worker::default();
            return;
        }
        let message = state.queue.get_mut(worker.slot);
        message.strikes += 1;
        message.mute = true;
        self.hand_back(state, id);
    }

    fn hand_back(&self, state: &mut State, id: WorkerId) {
        let slot = state.workers[id].slot;
        let_go(state, id);
        state.workers[id] = Worker::default();
        let flies = |(s, m): (Slot, &Message)| s == slot && m.place == Place::Flight;
        if state.holders(slot) == 0 && state.queue.each().any(flies) {
            let message = state.queue.get_mut(slot);
            message.place = Place::Queue;
            if message.receives >= self.policy.receives {
                message.place = Place::Dlq;
                state.ghost.dead_lettered = true;
            }
        }
    }
}

/// Frees the slot of a deleted message that nobody else holds.
fn let_go(state: &mut State, id: WorkerId) {
    let slot = state.workers[id].slot;
    if state.queue.get(slot).place == Place::Deleted && state.holders(slot) == 1 {
        state.queue.clear(slot);
    }
}

/// Waits that use a hop of whatever kind the message is in, or that no schedule foresees.
fn steals_hop(wait: Wait) -> bool {
    matches!(
        wait,
        Wait::LiveClaim | Wait::NoTime | Wait::Unsent | Wait::Doubt
    )
}
