//! The ports of a process: every call may go wrong, and every effect is checked.

use crate::fault::{Fault, Kind};
use crate::process::Process;
use crate::rule::{Delivery, Taking};
use crate::state::{Call, Shared, State};
use jiff::Timestamp;
use leadwire_domain::key::{ENRICHED, FAILED, MAIL, RAW};
use leadwire_pipeline::port::{
    Bucket, Clock, Created, DelayQueue, ETag, Entropy, Fetched, Home, ListPage, Listed, Mail,
    MailOutcome, Mailer, NewObject, ObjectStore, OutgoingMessage, PortError, Replaced,
};
use std::sync::Arc;
use tokio::time::sleep;

/// Entries of a listing's page: few, so that pages matter.
const PAGE: usize = 3;

/// The home of one process.
#[derive(Clone, Debug)]
pub(crate) struct SimHome {
    shared: Shared,
    process: Arc<Process>,
}

impl SimHome {
    /// The home of a process in a world.
    pub(crate) fn new(shared: Shared, process: Arc<Process>) -> Self {
        Self { shared, process }
    }

    /// Makes a call: `apply` is its effect, at one instant. `None` is a failure of which nobody knows whether it took effect.
    async fn call<T: Send + 'static>(
        &self,
        call: Call,
        apply: impl FnOnce(&mut State, Caller) -> T + Send + 'static,
    ) -> Result<T, Fault> {
        let course = self.shared.with(|state| state.course(call.kind));
        let effect = Effect {
            shared: self.shared.clone(),
            call,
            caller: Caller {
                process: self.process.id,
                boot: self.process.boot,
                fault: course.fault,
            },
        };
        wait(course.there).await;
        match course.fault {
            None => {
                let value = effect.take(apply);
                wait(course.back).await;
                Ok(value)
            }
            Some(fault @ (Fault::Fails | Fault::Busy | Fault::Conflict)) => {
                effect.take(|_, _| ());
                wait(course.back).await;
                Err(fault)
            }
            Some(Fault::ReplyLost) => {
                effect.take(apply);
                wait(course.back).await;
                Err(Fault::ReplyLost)
            }
            Some(Fault::Late) => {
                if effect.call.kind == Kind::Mail {
                    let name = effect.call.to.clone();
                    self.shared.with(|state| state.ledger.doubt(&name));
                }
                tokio::spawn(async move {
                    sleep(course.back).await;
                    effect.take(apply);
                });
                std::future::pending().await
            }
            Some(Fault::DiesBefore) => {
                effect.take(|_, _| ());
                self.die().await
            }
            Some(Fault::DiesAfter) => {
                effect.take(apply);
                self.die().await
            }
        }
    }

    async fn die<T>(&self) -> T {
        self.shared.with(|state| state.die(&self.process));
        self.shared.changed();
        std::future::pending().await
    }
}

async fn wait(time: std::time::Duration) {
    if time.is_zero() {
        // Others have a turn all the same.
        tokio::task::yield_now().await;
    } else {
        sleep(time).await;
    }
}

/// Who made a call, and what goes wrong with it.
#[derive(Clone, Copy)]
struct Caller {
    process: u32,
    boot: u32,
    fault: Option<Fault>,
}

/// What a call does when it takes effect.
struct Effect {
    shared: Shared,
    call: Call,
    caller: Caller,
}

impl Effect {
    fn take<T>(self, apply: impl FnOnce(&mut State, Caller) -> T) -> T {
        let Caller { process, fault, .. } = self.caller;
        let value = self.shared.with(|state| {
            state.step(process, &self.call, fault);
            if fault.is_some()
                && let Some(name) = event_of(MAIL, &self.call.to)
            {
                state.ledger.doubt_of(process, name);
            }
            apply(state, self.caller)
        });
        self.shared.changed();
        value
    }
}

/// The event that an object under a prefix belongs to.
pub(crate) fn event_of<'a>(prefix: &str, key: &'a str) -> Option<&'a str> {
    key.strip_prefix(prefix)?.strip_suffix(".json")
}

fn failure(action: &'static str) -> PortError {
    PortError::transient(action, "a fault of this world")
}

fn on(kind: Kind, what: &'static str, key: &str) -> Call {
    Call {
        kind,
        what,
        to: key.to_owned(),
    }
}

/// Checks what a write means, by where it goes.
fn check_write(state: &mut State, bucket: Bucket, key: &str, caller: Caller) {
    let Some(object) = state.object(bucket, key).cloned() else {
        return;
    };
    let raw = |state: &State, name: &str| {
        state
            .object(Bucket::Raw, &format!("{RAW}{name}.json"))
            .cloned()
    };
    if let Some(name) = event_of(RAW, key) {
        state.ledger.stored(name, &object);
    } else if let Some(name) = event_of(ENRICHED, key) {
        check_time(state, name);
        let raw = raw(state, name);
        let result = state.ledger.enriched(name, &object, raw.as_ref());
        state.check(result);
    } else if let Some(name) = event_of(MAIL, key) {
        check_time(state, name);
        let taken = state.ledger.taken(name, &object, &taking(state, caller));
        state.check(taken);
        let result = state.ledger.claimed(name, &object, caller.process);
        state.check(result);
    } else if let Some(name) = event_of(FAILED, key) {
        state.ledger.failed(name);
    }
}

/// When a claim is written, and by which run of which machine.
fn taking(state: &State, caller: Caller) -> Taking {
    let skew = i64::try_from(state.setting.skew_millis).unwrap_or(0);
    let skew = jiff::SignedDuration::from_millis(skew);
    let now = state.now();
    Taking {
        now: now.checked_add(skew).unwrap_or(now),
        boot: caller.boot,
        lives: state.boot,
    }
}

fn check_time(state: &mut State, name: &str) {
    let skew = i64::try_from(state.setting.skew_millis).unwrap_or(0);
    let skew = jiff::SignedDuration::from_millis(skew);
    let result = state.ledger.check_time(name, state.now(), skew);
    state.check(result);
}

/// Whether a key holds what must never change.
fn is_immutable(key: &str) -> bool {
    key.starts_with(RAW) || key.starts_with(ENRICHED)
}

impl ObjectStore for SimHome {
    async fn get(&self, bucket: Bucket, key: &str, bytes_max: usize) -> Result<Fetched, PortError> {
        let call = on(Kind::Read, "GetObject", key);
        let key = key.to_owned();
        let fetched = self.call(call, move |state, _| match state.object(bucket, &key) {
            Some(object) if object.bytes.len() > bytes_max => Fetched::TooLarge,
            Some(object) => Fetched::Found(object.clone()),
            None => Fetched::Missing,
        });
        fetched.await.map_err(|_fault| failure("get object"))
    }

    async fn create(
        &self,
        bucket: Bucket,
        key: &str,
        object: NewObject,
    ) -> Result<Created, PortError> {
        let call = on(Kind::Conditional, "PutObject if none", key);
        let key = key.to_owned();
        let created = self.call(call, move |state, caller| {
            if state.object(bucket, &key).is_some() {
                return Created::Exists;
            }
            let etag = state.write(bucket, &key, object);
            check_write(state, bucket, &key, caller);
            Created::New(etag)
        });
        match created.await {
            Err(Fault::Conflict) => Ok(Created::Exists),
            other => other.map_err(|_fault| failure("create object")),
        }
    }

    async fn replace(
        &self,
        bucket: Bucket,
        key: &str,
        etag: &ETag,
        object: NewObject,
    ) -> Result<Replaced, PortError> {
        let call = on(Kind::Conditional, "PutObject if match", key);
        let (key, etag) = (key.to_owned(), etag.clone());
        let replaced = self.call(call, move |state, caller| {
            let current = state.object(bucket, &key).map(|object| &object.etag);
            if current != Some(&etag) {
                return Replaced::Changed;
            }
            if is_immutable(&key) {
                state.breach(format!("P3: {key} is written twice"));
            }
            let etag = state.write(bucket, &key, object);
            check_write(state, bucket, &key, caller);
            Replaced::New(etag)
        });
        match replaced.await {
            Err(Fault::Conflict) => Ok(Replaced::Changed),
            other => other.map_err(|_fault| failure("replace object")),
        }
    }

    async fn put(&self, bucket: Bucket, key: &str, object: NewObject) -> Result<(), PortError> {
        let call = on(Kind::Write, "PutObject", key);
        let key = key.to_owned();
        let put = self.call(call, move |state, caller| {
            if is_immutable(&key) {
                state.breach(format!("P3: {key} is written whatever is there"));
            }
            state.write(bucket, &key, object);
            check_write(state, bucket, &key, caller);
        });
        put.await.map_err(|_fault| failure("put object"))
    }

    async fn list(
        &self,
        bucket: Bucket,
        prefix: &str,
        after: Option<&str>,
    ) -> Result<ListPage, PortError> {
        let call = on(Kind::Read, "ListObjectsV2", prefix);
        let (prefix, after) = (prefix.to_owned(), after.map(str::to_owned));
        let page = self.call(call, move |state, _| {
            let objects = state.objects(bucket, &prefix);
            let mut entries: Vec<Listed> = objects
                .filter(|(key, _)| after.as_deref().is_none_or(|after| *key > after))
                .map(|(key, object)| Listed {
                    key: key.to_owned(),
                    size: u64::try_from(object.bytes.len()).unwrap_or(u64::MAX),
                    last_modified: object.last_modified,
                })
                .take(PAGE + 1)
                .collect();
            let more = entries.len() > PAGE;
            entries.truncate(PAGE);
            ListPage { entries, more }
        });
        page.await.map_err(|_fault| failure("list objects"))
    }
}

impl DelayQueue for SimHome {
    async fn send(&self, message: OutgoingMessage) -> Result<(), PortError> {
        let call = on(Kind::Write, "SendMessage", &message.body);
        let sent = self.call(call, move |state, _| {
            if let Some(event) = state.enqueue(message) {
                state.conserve(&event);
            }
        });
        sent.await.map_err(|_fault| failure("send message"))
    }

    async fn set_visibility(&self, receipt_handle: &str, seconds: u32) -> Result<(), PortError> {
        let call = on(Kind::Write, "ChangeMessageVisibility", receipt_handle);
        let handle = receipt_handle.to_owned();
        let set = self.call(call, move |state, _| {
            let now = state.now();
            state.queue.set_visibility(&handle, seconds, now);
        });
        set.await.map_err(|_fault| failure("change visibility"))
    }
}

impl Mailer for SimHome {
    async fn send(&self, mail: &Mail) -> MailOutcome {
        let call = on(Kind::Mail, "SendEmail", &mail.event);
        let mail = mail.clone();
        let course = self.call(call, move |state, caller| {
            check_time(state, &mail.event);
            let key = format!("{ENRICHED}{}.json", mail.event);
            let document = state.object(Bucket::Enriched, &key).cloned();
            let delivery = match caller.fault {
                None => Delivery::Clean,
                Some(Fault::Late) => Delivery::Late,
                Some(_) => Delivery::ReplyLost,
            };
            let process = caller.process;
            let result = state
                .ledger
                .mailed(&mail, document.as_ref(), delivery, process);
            state.check(result);
        });
        match course.await {
            Ok(()) => MailOutcome::Accepted("mail-1".to_owned()),
            Err(Fault::Busy) => MailOutcome::Busy(failure("send mail")),
            Err(_unknown) => MailOutcome::Ambiguous(failure("send mail")),
        }
    }
}

impl Clock for SimHome {
    fn now(&self) -> Timestamp {
        let now = self.shared.with(|state| state.now());
        now.checked_add(self.process.skew).unwrap_or(now)
    }
}

impl Entropy for SimHome {
    fn bits(&self) -> [u8; 16] {
        let (high, low) = self
            .shared
            .with(|state| (state.chance.number(), state.chance.number()));
        ((u128::from(high) << 64) | u128::from(low)).to_be_bytes()
    }
}

impl Home for SimHome {
    type Store = Self;
    type Queue = Self;
    type Mailer = Self;
    type Clock = Self;
    type Entropy = Self;
    fn store(&self) -> &Self {
        self
    }
    fn queue(&self) -> &Self {
        self
    }
    fn mailer(&self) -> &Self {
        self
    }
    fn clock(&self) -> &Self {
        self
    }
    fn entropy(&self) -> &Self {
        self
    }
}
