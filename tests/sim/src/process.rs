//! A process of a function or of a command: its calls go as the world's chance has it, it may die at any of them, and every effect is
//! checked against the promises.

use crate::fault::Kind;
use crate::machine;
use crate::rule::{Delivery, Writing, is_tombstone, name_in, name_of_tag};
use crate::setting::Operation;
use crate::state::{Life, Shared, State};
use futures_util::future::{Either, select};
use jiff::SignedDuration;
use leadwire_domain::effect::EffectId;
use leadwire_domain::key::{ENRICHED, MAIL, RAW};
use leadwire_domain::message::Trigger;
use leadwire_domain::wait::WaitKind;
use leadwire_pipeline::port::Bucket;
use leadwire_pipeline::testkit::{Call, Course, Fault, Logged, Script};
use std::future::pending;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Notify;
use tokio::time::sleep;

/// One invocation in a process of its own.
#[derive(Debug)]
pub(crate) struct Process {
    /// Who it is, until it dies.
    pub(crate) life: Arc<Life>,
    /// The operator's command that it runs, where it is one's.
    operation: Option<Operation>,
    /// How far its clock is ahead of the true time.
    skew: SignedDuration,
    shared: Shared,
}

impl Process {
    /// A process that lives, of a stage or of an operator's command.
    pub(crate) fn new(shared: &Shared, operation: Option<Operation>) -> Self {
        let ((id, skew), boot) = shared.with(|state| (state.new_process(), state.boot));
        Self {
            life: Arc::new(Life {
                id,
                boot,
                death: Notify::new(),
            }),
            operation,
            skew,
            shared: shared.clone(),
        }
    }

    fn writing(&self, state: &State) -> Writing {
        Writing {
            now: state.now(),
            skew: state.skew(),
            process: self.life.id,
            operation: self.operation,
            boot: self.life.boot,
            lives: state.boot,
        }
    }

    /// Runs work until it ends, or until the process dies, by itself or by the platform's timeout: then there is no answer.
    pub(crate) async fn run<T>(
        &self,
        timeout: Duration,
        work: impl Future<Output = T>,
    ) -> Option<T> {
        let work = pin!(work);
        let death = pin!(self.life.death.notified());
        match tokio::time::timeout(timeout, select(death, work)).await {
            Ok(Either::Right((answer, _))) => Some(answer),
            Ok(Either::Left(_)) | Err(_) => None,
        }
    }
}

impl Script for Process {
    fn course(&self, call: &Call) -> Course {
        let effect = if let Call::Mail(_, effect) = call {
            Some(effect)
        } else {
            None
        };
        let course = self.shared.with(|state| {
            let kind = if effect.is_some() && state.setting.one_machine {
                Kind::LoggedMail
            } else {
                Kind::of(call)
            };
            state.course(kind, effect)
        });
        if course.fault == Some(Fault::LateReply) {
            machine::interrupt(&self.shared, &self.life, course.back);
        }
        course
    }

    fn arrived(&self, call: &Call, fault: Option<Fault>) {
        self.shared.with(|state| {
            state.step(self.life.id, call.words(), fault);
            self.note_look(state, call, fault.is_some());
            if let (Some(_), false) = (fault, matches!(call, Call::Mail(..) | Call::LogMail(..))) {
                self.note_fault(state, call);
            }
            if let (Call::LogMail(row, Logged::Sending), Some(_)) = (call, fault) {
                // Without a row nothing goes out.
                let name = name_of_tag(&row.event);
                state.ledger.asked(&name, &row.effect, Some(Fault::Busy));
            }
            if let Call::LogMail(row, Logged::Unknown) = call {
                state.ledger.reply_lost(&name_of_tag(&row.event));
            }
            // What is late was lost when its sender gave it up.
            if let (Call::Mail(tag, effect), true) = (call, fault != Some(Fault::TooLate)) {
                state.ledger.asked(&name_of_tag(tag), effect, fault);
            }
        });
    }

    fn happened(&self, call: &Call, fault: Option<Fault>) {
        self.shared.with(|state| match call {
            Call::Create(bucket, key) => check_write(state, *bucket, key, self),
            Call::Replace(bucket, key) | Call::Put(bucket, key) => {
                self.check_overwrite(state, *bucket, key);
                check_write(state, *bucket, key, self);
            }
            Call::Send(body) => {
                if let Ok(trigger) = Trigger::parse(body) {
                    check_trigger(state, &trigger, self);
                }
            }
            Call::Accept(key, body) => {
                check_write(state, Bucket::Raw, key, self);
                if let Ok(trigger) = Trigger::parse(body) {
                    check_trigger(state, &trigger, self);
                }
            }
            Call::Mail(tag, effect) => {
                check_mail(state, (&name_of_tag(tag), effect), fault, self);
            }
            Call::LogMail(row, logged) => state.ledger.logged(row, logged),
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
        self.shared.with(|state| {
            self.note_fault(state, call);
            self.note_look(state, call, true);
            state.hindered.insert(self.life.id);
            if let Call::Mail(tag, effect) = call {
                let name = name_of_tag(tag);
                state.ledger.asked(&name, effect, Some(Fault::TooLate));
                state.ledger.doubt(&name, effect);
            }
        });
    }

    fn die(&self) {
        self.shared.with(|state| state.die(&self.life));
        self.shared.changed();
    }

    fn known_as_sent(&self, event: &str, effect: &EffectId) {
        self.shared.with(|state| {
            let name = name_of_tag(event);
            state.tell(format!("      {name} is known as sent to {effect}"));
            state.ledger.asked(&name, effect, None);
        });
    }

    fn breaks_off(&self, event: &str, effect: &EffectId) -> bool {
        self.shared.with(|state| {
            let stops = state.stops.is_some() && state.boot == self.life.boot;
            if stops {
                let unsent = Some(Fault::Unsent);
                state.ledger.asked(&name_of_tag(event), effect, unsent);
            }
            stops
        })
    }

    async fn patience_is_over(&self) {
        let boot = self.life.boot;
        let stops = |state: &mut State| state.stops.filter(|_| state.boot == boot);
        if let Some(until) = self.shared.until(stops).await {
            let left = |state: &mut State| until.saturating_sub(state.memory.age());
            sleep(self.shared.with(left)).await;
        } else {
            pending::<()>().await;
        }
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

impl Process {
    fn note_fault(&self, state: &mut State, call: &Call) {
        state.troubled.insert(self.life.id);
        if call.is_on(MAIL) {
            state.hindered.insert(self.life.id);
        }
    }

    /// Whether an event's tombstone could be looked for.
    fn note_look(&self, state: &mut State, call: &Call, failed: bool) {
        if let Call::Get(Bucket::Raw, key) = call {
            let look = (self.life.id, key.clone());
            if failed {
                state.blind.insert(look);
            } else {
                state.blind.remove(&look);
            }
        }
    }

    /// What is stored once is never written over, but by the tombstone of a forgotten event.
    fn check_overwrite(&self, state: &mut State, bucket: Bucket, key: &str) {
        let written = state.memory.peek(bucket, key);
        let is_forgotten = self.operation == Some(Operation::Forget)
            && key.starts_with(RAW)
            && written.is_some_and(|raw| is_tombstone(&raw));
        if !is_forgotten && (key.starts_with(RAW) || key.starts_with(ENRICHED)) {
            state.breach(format!("P3: {key} is written over"));
        }
    }
}

/// Checks what a write means, by where it goes.
fn check_write(state: &mut State, bucket: Bucket, key: &str, process: &Process) {
    let Some((object, name)) = state.memory.peek(bucket, key).zip(name_in(key)) else {
        return;
    };
    let (raw, documents) = (state.raw(name), state.documents(name));
    let writing = process.writing(state);
    let object = (key, &object);
    let result = state
        .ledger
        .written(object, raw.as_ref(), &documents, &writing);
    state.check(result);
    // What keeps a forgotten event from coming back may be written again.
    if !key.starts_with(MAIL) && process.operation != Some(Operation::Forget) {
        state.check_forgotten(process.life.id, name, key);
    }
}

fn check_trigger(state: &mut State, trigger: &Trigger, process: &Process) {
    let name = trigger.name.to_string();
    if trigger.once {
        let is_due = state.ledger.check_time(&name, &process.writing(state));
        if is_due.is_err() {
            state.breach(format!("P9: {name} is woken before its time"));
        }
        if trigger.waiting.kind == WaitKind::Owner {
            state.breach(format!("P9: a wake-up of {name} waits for the owner"));
        }
    }
    let result = state.ledger.check_mail_wait(&name, &trigger.waiting);
    state.check(result);
    if let (1.., Some(facts)) = (trigger.name.revision(), &trigger.facts) {
        let result = state.ledger.ordered(&name, facts.notify);
        state.check(result);
    }
    state.conserve(&name);
}

fn check_mail(
    state: &mut State,
    (name, effect): (&str, &EffectId),
    fault: Option<Fault>,
    process: &Process,
) {
    let on_time = state.ledger.check_time(name, &process.writing(state));
    state.check(on_time);
    let delivery = match fault {
        None | Some(Fault::LateReply) => Delivery::Clean,
        Some(Fault::TooLate) => Delivery::Late,
        Some(_) => Delivery::ReplyLost,
    };
    let documents = state.documents(name);
    let mail = state.memory.last_mail().expect("it went out just now");
    if mail.effect != *effect {
        state.breach(format!("P5: {effect} of {name} is sent as {}", mail.effect));
    }
    let delivery = (delivery, process.life.id);
    let result = state.ledger.mailed(&mail, &documents, delivery);
    state.check(result);
}
