//! A process of a function or of a command: its calls go as the world's chance has it, it may die at any of them, and every effect is
//! checked against the promises.

use crate::fault::Kind;
use crate::life::Life;
use crate::rule::{Delivery, Taking, event_of, name_of_tag};
use crate::state::{Shared, State};
use futures_util::future::{Either, select};
use jiff::SignedDuration;
use leadwire_domain::key::{ENRICHED, FAILED, MAIL, RAW, SWEPT};
use leadwire_domain::message::Trigger;
use leadwire_pipeline::port::Bucket;
use leadwire_pipeline::testkit::{Call, Course, Fault, Script};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

/// One invocation in a process of its own.
#[derive(Debug)]
pub(crate) struct Process {
    /// Who it is, until it dies.
    pub(crate) life: Arc<Life>,
    /// How far its clock is ahead of the true time.
    skew: SignedDuration,
    shared: Shared,
}

impl Process {
    /// A process that lives.
    pub(crate) fn new(shared: &Shared) -> Self {
        let ((id, skew), boot) = shared.with(|state| (state.new_process(), state.boot));
        Self {
            life: Arc::new(Life::new(id, boot)),
            skew,
            shared: shared.clone(),
        }
    }

    /// Runs work until it ends, or until the process dies, by itself or by the platform's timeout: then there is no answer.
    pub(crate) async fn run<T>(
        &self,
        timeout: Duration,
        work: impl Future<Output = T>,
    ) -> Option<T> {
        let work = pin!(work);
        let death = pin!(self.life.ended());
        match tokio::time::timeout(timeout, select(death, work)).await {
            Ok(Either::Right((answer, _))) => Some(answer),
            Ok(Either::Left(_)) | Err(_) => None,
        }
    }
}

impl Script for Process {
    fn course(&self, call: &Call) -> Course {
        self.shared.with(|state| state.course(Kind::of(call)))
    }

    fn arrived(&self, call: &Call, fault: Option<Fault>) {
        self.shared.with(|state| {
            state.step(self.life.id, call.words(), fault);
            let claim = call.key().and_then(|key| event_of(MAIL, key));
            if let (Some(_), Some(name)) = (fault, claim) {
                state.ledger.doubt_of(self.life.id, name);
            }
        });
    }

    fn happened(&self, call: &Call, fault: Option<Fault>) {
        self.shared.with(|state| match call {
            Call::Create(bucket, key) => check_write(state, *bucket, key, self),
            Call::Replace(bucket, key) | Call::Put(bucket, key) => {
                if key.starts_with(RAW) || key.starts_with(ENRICHED) {
                    state.breach(format!("P3: {key} is written over"));
                }
                check_write(state, *bucket, key, self);
            }
            Call::Send(body) => {
                if let Ok(trigger) = Trigger::parse(body) {
                    check_trigger(state, &trigger);
                }
            }
            Call::Mail(tag) => check_mail(state, &name_of_tag(tag), fault, self.life.id),
            Call::DeleteDead(_) => state.conserve_all(),
            Call::Get(..)
            | Call::List(..)
            | Call::Erase(..)
            | Call::SetVisibility(_)
            | Call::TakeDead => {}
        });
        self.shared.changed();
    }

    fn given_up(&self, call: &Call) {
        if let Call::Mail(tag) = call {
            let name = name_of_tag(tag);
            self.shared.with(|state| state.ledger.doubt(&name));
        }
    }

    fn die(&self) {
        self.shared.with(|state| state.die(&self.life));
        self.shared.changed();
    }

    fn delay_seconds(&self, asked: u32) -> u32 {
        self.shared.with(|state| state.delay_seconds(asked))
    }

    fn skew(&self) -> SignedDuration {
        self.skew
    }

    fn bits(&self) -> Option<u128> {
        let (high, low) = self
            .shared
            .with(|state| (state.chance.number(), state.chance.number()));
        Some((u128::from(high) << 64) | u128::from(low))
    }
}

/// Checks what a write means, by where it goes.
fn check_write(state: &mut State, bucket: Bucket, key: &str, process: &Process) {
    let Some(object) = state.memory.peek(bucket, key) else {
        return;
    };
    if let Some(name) = event_of(RAW, key) {
        state.ledger.stored(name, &object);
        state.check_forgotten(name, key);
    } else if let Some(name) = event_of(ENRICHED, key) {
        check_time(state, name);
        let raw = state.raw(name);
        let result = state.ledger.enriched(name, &object, raw.as_ref());
        state.check(result);
        state.check_forgotten(name, key);
    } else if let Some(name) = event_of(MAIL, key) {
        let documents = state.documents(name);
        let is_mark = object
            .metadata
            .get("state")
            .is_some_and(|is| is == "forgotten");
        if !is_mark {
            check_time(state, name);
        }
        let taken = state.ledger.taken(name, &object, &taking(state, process));
        state.check(taken);
        let result = state
            .ledger
            .claimed(name, &object, &documents, process.life.id);
        state.check(result);
    } else if let Some(name) = event_of(FAILED, key) {
        state.ledger.failed(name);
        state.check_forgotten(name, key);
    } else if let Some(name) = event_of(SWEPT, key) {
        state.check_forgotten(name, key);
    }
}

/// When a claim is written, and by which run of which machine.
fn taking(state: &State, process: &Process) -> Taking {
    let skew = i64::try_from(state.setting.skew_millis).unwrap_or(0);
    let skew = SignedDuration::from_millis(skew);
    let now = state.now();
    Taking {
        now: now.checked_add(skew).unwrap_or(now),
        boot: process.life.boot,
        lives: state.boot,
    }
}

fn check_trigger(state: &mut State, trigger: &Trigger) {
    let name = trigger.name.to_string();
    if let (1.., Some(facts)) = (trigger.name.revision(), &trigger.facts) {
        let result = state.ledger.ordered(&name, facts.notify);
        state.check(result);
    }
    state.conserve(&name);
}

fn check_mail(state: &mut State, name: &str, fault: Option<Fault>, process: u32) {
    check_time(state, name);
    let delivery = match fault {
        None => Delivery::Clean,
        Some(Fault::TooLate) => Delivery::Late,
        Some(_) => Delivery::ReplyLost,
    };
    let documents = state.documents(name);
    let mail = state.memory.last_mail().expect("it went out just now");
    let result = state.ledger.mailed(&mail, &documents, (delivery, process));
    state.check(result);
}

fn check_time(state: &mut State, name: &str) {
    let skew = i64::try_from(state.setting.skew_millis).unwrap_or(0);
    let skew = SignedDuration::from_millis(skew);
    let result = state.ledger.check_time(name, state.now(), skew);
    state.check(result);
}
