//! Enrich, the three ends of a record: acked, deferred by copy, reported as failed.

use crate::action::Reply;
use crate::bounds::Protocol;
use crate::pair::WorkerId;
use crate::queue::{Delay, Kind, Message, Place, Slot};
use crate::state::{Reason, State, Step, Wait, Worker};
use crate::variant::Variant;

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
        let slot = state.workers[id].slot;
        let copy = self.copy_of(state, state.queue.get(slot), wait);
        if copy.hops > self.policy.hops && self.variant != Variant::HopsUnbounded {
            let message = state.queue.get_mut(slot);
            message.hop_stolen |= steals_hop(wait);
            return self.fail(state, id, Reason::HopsUsedUp);
        }
        let step = if self.variant == Variant::AckThenSend {
            state.queue.get_mut(slot).place = Place::Deleted;
            Step::CopyLate(wait)
        } else {
            Step::Copy(wait)
        };
        state.workers[id] = state.workers[id].turned_to(step);
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
        let asked = match wait {
            Wait::Early => Kind::Early,
            Wait::Owner => Kind::Owner,
            Wait::Mail => Kind::Mail,
            Wait::LiveClaim | Wait::NoTime => message.kind,
        };
        let kind = asked.max(message.kind);
        let same = kind == message.kind;
        let uncounted = self.variant == Variant::HopsUnbounded;
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
            mail_wait_since: if wait == Wait::Mail {
                since.or(Some(state.phase))
            } else {
                since
            },
            delay: match wait {
                Wait::Early => Delay::Due,
                Wait::Owner if last => Delay::OwnerEnd,
                Wait::Mail if last => Delay::MailEnd,
                Wait::LiveClaim => Delay::LeaseEnd,
                Wait::Owner | Wait::Mail | Wait::NoTime => Delay::None,
            },
            hop_stolen: (same && message.hop_stolen) || steals_hop(wait),
            ..Message::trigger(message.rev, Delay::None)
        }
    }

    /// Reports the record as failed, after `failed/X` where it is due.
    pub(crate) fn fail(&self, state: &mut State, id: WorkerId, reason: Reason) {
        if !matches!(reason, Reason::Transient | Reason::Waiting) {
            state.ghost.struck = true;
        }
        let message = state.queue.get(state.workers[id].slot);
        let due = reason.is_permanent() || message.receives >= self.policy.receives;
        if !due || self.variant == Variant::FailedNever {
            self.report(state, id, reason);
        } else if self.variant == Variant::FailedAfterReport {
            self.report(state, id, reason);
            state.workers[id] = Worker {
                step: Step::WriteFailedLate(reason),
                slot: Slot::NONE,
                rev: message.rev,
                ..Worker::default()
            };
        } else {
            state.workers[id] = state.workers[id].turned_to(Step::WriteFailed(reason));
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
            state.failed[worker.rev] = Some(reason);
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
        let has_waited = reason == Reason::HopsUsedUp && !message.hop_stolen;
        let may_cost = reason != Reason::Waiting && !has_waited;
        message.strikes += u8::from(may_cost);
        self.give_back(state, id);
    }

    /// The process dies. Its message comes again, or goes to the dead letter queue, without a word.
    pub(crate) fn die(&self, state: &mut State, id: WorkerId) {
        let worker = state.workers[id];
        if worker.step == Step::Settle {
            state.ghost.ambiguous[worker.rev] += 1;
        }
        if worker.slot == Slot::NONE {
            state.workers[id] = Worker::default();
            return;
        }
        let message = state.queue.get_mut(worker.slot);
        message.strikes += 1;
        message.mute = true;
        self.give_back(state, id);
    }

    fn give_back(&self, state: &mut State, id: WorkerId) {
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

/// Waits that use a hop of whatever kind the message is in.
fn steals_hop(wait: Wait) -> bool {
    matches!(wait, Wait::LiveClaim | Wait::NoTime)
}
