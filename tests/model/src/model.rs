//! The protocol as a stateright model: what can happen next, and what comes of it.

use std::fmt::Debug;

use stateright::{Model, Property};

use crate::action::{Action, Delivery, Reply};
use crate::bounds::Protocol;
use crate::pair::{Rev, WorkerId};
use crate::property;
use crate::state::{Claim, Forget, Lookup, Ses, State, Step, Wait};
use crate::world;

impl Protocol {
    fn spend(state: &mut State, reply: Reply) {
        match reply {
            Reply::Answer => {}
            Reply::Lost => state.left.lost -= 1,
            Reply::Error => state.left.errors -= 1,
        }
    }

    fn do_step(&self, state: &mut State, id: WorkerId, reply: Reply) {
        Self::spend(state, reply);
        match state.workers[id].step {
            Step::Idle | Step::Read => {}
            Step::Write => self.write_document(state, id, reply),
            Step::Send => self.send_mail(state, id, reply),
            Step::Settle => self.settle(state, id, reply),
            Step::CheckSettled => self.check_settled(state, id),
            Step::Quiet => self.settle_quietly(state, id, reply),
            Step::CheckQuiet => self.check_quiet(state, id),
            Step::Release(end) => self.release(state, id, reply, end),
            Step::Copy(wait) | Step::CopyLate(wait) => self.send_copy(state, id, reply, wait),
            Step::Ack => self.ack(state, id),
            Step::WriteFailed(reason) | Step::WriteFailedLate(reason) => {
                self.write_failed(state, id, reply, reason);
            }
            Step::ParkReason => self.park_reason(state, id, reply),
            Step::ParkClaim => self.park_claim(state, id, reply),
        }
    }
}

impl Model for Protocol {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        vec![State {
            lookup: self.policy.lookup,
            ses: self.policy.ses,
            left: self.bounds,
            ..State::default()
        }]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        Self::ingest_actions(state, actions);
        Self::delivery_actions(state, actions);
        for id in WorkerId::ALL {
            self.worker_actions(state, id, actions);
        }
        self.sweep_actions(state, actions);
        self.forget_actions(state, actions);
        self.world_actions(state, actions);
        Self::operator_actions(state, actions);
        Self::crash_actions(state, actions);
    }

    fn next_state(&self, last: &State, action: Action) -> Option<State> {
        let mut next = last.clone();
        let state = &mut next;
        match action {
            Action::Tick => state.phase = state.phase.next()?,
            Action::LeaseEnds(rev) => state.mail[rev].claim = Claim::Stale,
            Action::Post => self.post(state),
            Action::Ingest(reply) => {
                Self::spend(state, reply);
                self.ingest_step(state, reply);
            }
            Action::LookupCured => state.lookup = Lookup::First,
            Action::LookupChanges => {
                state.left.lookup_changes -= 1;
                state.lookup = Lookup::Second;
            }
            Action::SesThrottles => {
                state.left.throttles -= 1;
                state.ses = Ses::Throttling;
            }
            Action::SesRecovers => state.ses = Ses::Up,
            Action::Deliver(slot, id, delivery) => {
                match delivery {
                    Delivery::Regular => {}
                    Delivery::Early => state.left.early -= 1,
                    Delivery::Again => state.left.duplicates -= 1,
                }
                self.deliver(state, slot, id, delivery);
            }
            Action::NoTime(id) => {
                state.left.no_time -= 1;
                self.defer(state, id, Wait::NoTime);
            }
            Action::Read(id, get) => self.read(state, id, get),
            Action::Do(id, reply) => self.do_step(state, id, reply),
            Action::Claim(id, reply) => {
                Self::spend(state, reply);
                self.write_claim(state, id, reply);
            }
            Action::SweepStarts => self.sweep_starts(state),
            Action::SweepGoesOn => self.sweep_step(state),
            Action::ForgetStarts => {
                state.left.forgets -= 1;
                state.forget = Forget::Mark;
            }
            Action::ForgetGoesOn => self.forget_step(state),
            Action::Redrive => world::redrive(state),
            Action::Replay => self.replay(state),
            Action::PrefixLost => world::lose_prefix(state),
            Action::Purge => world::purge(state),
            Action::Crash(process) => self.crash(state, process),
        }
        Some(next)
    }

    fn format_step(&self, last: &State, action: Action) -> Option<String> {
        let next = self.next_state(last, action)?;
        Some(describe(last, action, &next))
    }

    fn properties(&self) -> Vec<Property<Self>> {
        property::of(self)
    }
}

impl State {
    /// Nothing will happen any more unless somebody outside acts.
    pub(crate) fn is_quiet(&self, protocol: &Protocol) -> bool {
        let crm_rests = self.answered || self.left.posts == 0;
        let no_message = !self.queue.each().any(|(_, m)| m.is_alive());
        let forgetting = !matches!(self.forget, Forget::Never | Forget::Done);
        !self.is_at_work() && crm_rests && no_message && !forgetting && !protocol.sweep_finds(self)
    }
}

/// One line of a trace: the action, and everything that it changed.
fn describe(before: &State, action: Action, after: &State) -> String {
    let pairs = facts(before).into_iter().zip(facts(after));
    let changes = pairs.filter(|(was, is)| was != is);
    let changes = changes.map(|((name, was), (_, is))| format!(", {name} {was} → {is}"));
    format!("{action:?}{}", changes.collect::<String>())
}

/// What a trace shows of a state, by name.
fn facts(state: &State) -> Vec<(String, String)> {
    let mut facts: Vec<(String, &dyn Debug)> = vec![
        ("time".to_owned(), &state.phase),
        ("ingest".to_owned(), &state.ingest.step),
        ("sweep".to_owned(), &state.sweep),
        ("forget".to_owned(), &state.forget),
        ("raw/X".to_owned(), &state.raw),
    ];
    for id in WorkerId::ALL {
        facts.push((format!("worker {id:?}"), &state.workers[id].step));
    }
    for (rev, name) in [(Rev::Base, "X"), (Rev::Replay, "X.r1")] {
        facts.push((format!("enriched/{name}"), &state.docs[rev]));
        facts.push((format!("mail/{name}"), &state.mail[rev].claim));
        facts.push((format!("failed/{name}"), &state.failed[rev]));
        facts.push((format!("mails of {name}"), &state.ghost.mails[rev]));
    }
    let shown = facts.into_iter();
    shown
        .map(|(name, fact)| (name, format!("{fact:?}")))
        .collect()
}
