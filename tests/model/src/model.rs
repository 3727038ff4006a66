//! The protocol as a stateright model: what can happen next, and what comes of it.

use std::fmt::Debug;

use stateright::{Model, Property};

use crate::action::{Action, Delivery, Outside, Reply};
use crate::bounds::{Protocol, Start};
use crate::claim::{Claim, Mail, Old};
use crate::effect::EffectId;
use crate::fact::{Doc, Lookup, Phase, Raw, Service};
use crate::ghost::{Ghost, Told};
use crate::machine;
use crate::pair::{Pair, Rev, WorkerId};
use crate::property;
use crate::queue::{Delay, Message};
use crate::state::{Forget, Machine, State};
use crate::wake::owner_appears;
use crate::worker::Step;
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
        match state.workers[id].step {
            Step::Idle | Step::Glance | Step::Read | Step::Send => {}
            Step::Write => self.write_document(state, id, reply),
            Step::Name => self.name_effects(state, id, reply),
            Step::Settle => self.settle(state, id, reply),
            Step::Quiet => self.settle_quietly(state, id, reply),
            Step::GiveBack(end) => self.give_back(state, id, reply, end),
            Step::Copy(wait) | Step::CopyLate(wait) => self.send_copy(state, id, reply, wait),
            Step::Ack => self.ack(state, id),
            Step::WriteFailed(reason) | Step::WriteFailedLate(reason) => {
                self.write_failed(state, id, reply, reason);
            }
            Step::ParkReason => self.park_reason(state, id, reply),
        }
    }

    fn surroundings(&self) -> State {
        State {
            lookup: self.policy.lookup,
            config: self.policy.config[0],
            service: self.policy.service,
            left: self.bounds,
            alike: self.policy.effects_are_alike(),
            ..State::default()
        }
    }

    /// What the first edition left: every number of mails that its claim allows.
    fn upgrades(&self, claim: Claim) -> Vec<State> {
        let Claim::Old(old) = claim else {
            return vec![self.upgrade(claim, Told::default())];
        };
        let (sends, doubts) = match old {
            Old::Idle => (0, 0),
            Old::Sending(0) => (1, 1),
            Old::Sending(_) => (2, 2),
            Old::Parked => (1, 2),
        };
        let told = |sends| Told {
            sends,
            unrecorded: sends > 0,
            doubts,
        };
        (0..=sends)
            .map(|sends| self.upgrade(claim, told(sends)))
            .collect()
    }

    fn upgrade(&self, claim: Claim, told: Told) -> State {
        let mut state = self.surroundings();
        state.phase = Phase::Due;
        state.answered = true;
        state.left.posts = 0;
        state.raw = Raw::Stored;
        state.docs[Rev::Base] = Some(Doc::Unnamed);
        state.mail[Rev::Base] = Mail {
            claim,
            live: matches!(claim, Claim::Old(Old::Sending(_))),
            version: u8::from(claim != Claim::Absent),
        };
        state.ghost = Ghost {
            stored: true,
            accepted: true,
            first: Pair::new(Some(Doc::Unnamed), None),
            ..Ghost::default()
        };
        state.ghost.effects[Rev::Base] = Pair::new(told, told);
        let message = Message::trigger(Rev::Base, Delay::None);
        state.queue.send(message);
        state
    }
}

impl Model for Protocol {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        match self.policy.start {
            Start::Empty => vec![self.surroundings()],
            Start::Upgrade(claim) => self.upgrades(claim),
        }
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        if state.machine == Machine::Down {
            // Time that passes meanwhile passes as well before the first message is received.
            actions.push(Action::Outside(Outside::Boot));
            return self.forget_actions(state, actions);
        }
        self.ingest_actions(state, actions);
        Self::delivery_actions(state, actions);
        for id in WorkerId::ALL {
            self.worker_actions(state, id, actions);
        }
        self.sweep_actions(state, actions);
        self.forget_actions(state, actions);
        self.world_actions(state, actions);
        self.operator_actions(state, actions);
        self.wake_actions(state, actions);
        self.machine_actions(state, actions);
        self.crash_actions(state, actions);
    }

    fn next_state(&self, last: &State, action: Action) -> Option<State> {
        let mut next = last.clone();
        self.take_step(&mut next, action);
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

impl Protocol {
    fn take_step(&self, state: &mut State, action: Action) {
        match action {
            Action::Post => self.post(state),
            Action::Ingest(reply) => {
                Self::spend(state, reply);
                self.ingest_step(state, reply);
            }
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
                self.run_out_of_time(state, id);
            }
            Action::Glance(id) => self.glance(state, id),
            Action::Read(id, get) => self.read(state, id, get),
            Action::Denied(id) => {
                state.left.denials -= 1;
                self.denied(state, id);
            }
            Action::Do(id, reply) => {
                Self::spend(state, reply);
                self.do_step(state, id, reply);
            }
            Action::Claim(id, reply) => {
                Self::spend(state, reply);
                self.write_claim(state, id, reply);
            }
            Action::Log(id, effect) => machine::log(state, (id, effect)),
            Action::Send(id, effect, reply) => {
                Self::spend(state, reply);
                self.send(state, (id, effect), reply);
            }
            Action::NoTurn(id, effect) => self.get_no_turn(state, (id, effect)),
            Action::Record(id) => {
                state.left.slow -= 1;
                self.record(state, id);
            }
            Action::SweepStarts => self.sweep_starts(state),
            Action::SweepGoesOn => self.sweep_step(state),
            Action::WakeStarts => self.wake_starts(state),
            Action::WakeGoesOn(reply) => {
                Self::spend(state, reply);
                self.wake_step(state, reply);
            }
            Action::ForgetStarts => self.forget_starts(state),
            Action::ForgetGoesOn => self.forget_step(state),
            Action::Replay => self.replay(state),
            Action::Crash(process) => self.crash(state, process),
            Action::Outside(event) => self.befall(state, event),
        }
    }

    /// What the surroundings do.
    fn befall(&self, state: &mut State, event: Outside) {
        match event {
            Outside::Tick => state.phase = state.phase.next().unwrap_or(state.phase),
            Outside::LeaseEnds(rev) => state.mail[rev].live = false,
            Outside::LookupCured => owner_appears(state, Lookup::First),
            Outside::LookupChanges => {
                state.left.lookup_changes -= 1;
                owner_appears(state, Lookup::Second);
            }
            Outside::LookupVanishes => {
                state.left.lookup_losses -= 1;
                state.lookup = Lookup::Absent;
            }
            Outside::ConfigChanges => {
                state.left.configurations -= 1;
                state.config = self.policy.config[1];
            }
            Outside::Turns(effect) => {
                state.left.throttles -= 1;
                state.service[effect] = self.policy.service_turns;
            }
            Outside::Recovers(effect) => state.service[effect] = Service::Up,
            Outside::Resend(rev, effect) => Self::resend(state, rev, effect),
            Outside::Redrive => world::redrive(state),
            Outside::Stop => self.stop(state),
            Outside::End => self.go_down(state),
            Outside::Boot => self.boot(state),
            Outside::PrefixLost => world::lose_prefix(state),
            Outside::Purge => world::purge(state),
        }
    }
}

impl State {
    /// Nothing will happen any more unless somebody outside acts.
    pub(crate) fn is_quiet(&self, protocol: &Protocol) -> bool {
        let crm_rests = self.answered || self.left.posts == 0;
        let no_message = !self.queue.each().any(|(_, m)| m.is_alive());
        let forgetting = !matches!(self.forget, Forget::Never | Forget::Done);
        self.runs()
            && !self.is_at_work()
            && crm_rests
            && no_message
            && !forgetting
            && !protocol.sweep_finds(self)
    }

    /// The event was stored once.
    pub(crate) fn was_stored(&self) -> bool {
        self.ghost.stored
    }

    /// The effect is one of a document that is stored.
    pub(crate) fn has_effect(&self, protocol: &Protocol, rev: Rev, effect: EffectId) -> bool {
        let claim = self.mail[rev].claim;
        self.docs[rev].is_some_and(|doc| protocol.effects(self, doc, claim)[effect])
    }
}

/// One line of a trace: the action, and everything that it changed.
fn describe(before: &State, action: Action, after: &State) -> String {
    let name = if let Action::Outside(event) = action {
        format!("{event:?}")
    } else {
        format!("{action:?}")
    };
    let pairs = facts(before).into_iter().zip(facts(after));
    let changes = pairs.filter(|(was, is)| was != is);
    let changes = changes.map(|((fact, was), (_, is))| format!(", {fact} {was} → {is}"));
    format!("{name}{}", changes.collect::<String>())
}

/// What a trace shows of a state, by name.
fn facts(state: &State) -> Vec<(String, String)> {
    let mut facts: Vec<(String, &dyn Debug)> = vec![
        ("time".to_owned(), &state.phase),
        ("ingest".to_owned(), &state.ingest),
        ("sweep".to_owned(), &state.sweep),
        ("wake-up".to_owned(), &state.wake),
        ("machine".to_owned(), &state.machine),
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
        for effect in EffectId::ALL {
            let sends = &state.ghost.effects[rev][effect].sends;
            facts.push((format!("times {effect:?} has {name}"), sends));
            let row = &state.log[rev][effect];
            facts.push((format!("row of {effect:?} of {name}"), row));
        }
    }
    let shown = facts.into_iter();
    shown
        .map(|(name, fact)| (name, format!("{fact:?}")))
        .collect()
}
