//! The ports over what is in memory. Each caller has a home of its own, with a script that says what goes wrong with its calls.

use super::memory::{Memory, State};
use super::queue::later;
use super::script::{Call, Course, Fault, Script};
use super::store::at;
use crate::port::{
    Acceptance, Accepted, Bucket, Clock, Created, DeadLetterQueue, DelayQueue, ETag, Entropy,
    Eraser, Fetched, ListPage, NewObject, ObjectStore, ObjectVersions, OutgoingMessage, PortError,
    QueuedMessage, Replaced,
};
use jiff::Timestamp;
use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

/// How long a late call takes: less than a webhook may.
const LATE: Duration = Duration::from_secs(3);
/// The ports of one caller.
#[derive(Debug)]
pub struct MemoryHome<S> {
    memory: Arc<Memory>,
    pub(super) script: Arc<S>,
}

impl<S> Clone for MemoryHome<S> {
    fn clone(&self) -> Self {
        Self {
            memory: Arc::clone(&self.memory),
            script: Arc::clone(&self.script),
        }
    }
}

impl<S> Deref for MemoryHome<S> {
    type Target = Memory;
    fn deref(&self) -> &Memory {
        &self.memory
    }
}

impl<S: Script> MemoryHome<S> {
    /// The ports of a caller whose calls go as `script` says.
    pub fn new(memory: Arc<Memory>, script: Arc<S>) -> Self {
        Self { memory, script }
    }

    /// The ports of another caller over the same memory.
    pub(super) fn with_script(&self, script: Arc<S>) -> Self {
        Self::new(Arc::clone(&self.memory), script)
    }

    /// Makes a call: `effect` is what it does at one instant, and `changes` whether that changed anything.
    pub(super) async fn call<T: Send + 'static>(
        &self,
        call: Call,
        effect: impl FnOnce(&mut State, Timestamp) -> T + Send + 'static,
        changes: fn(&T) -> bool,
    ) -> Result<T, Fault> {
        let Course { fault, there, back } = self.script.course(&call);
        assert!(
            fault != Some(Fault::Panics),
            "a panic that a test asked for: {call:?}"
        );
        pause(there).await;
        let Some(fault) = fault else {
            let value = self.take(&call, None, effect, changes);
            pause(back).await;
            return Ok(value);
        };
        match fault {
            Fault::Late => {
                tokio::time::sleep(LATE).await;
                return Ok(self.take(&call, None, effect, changes));
            }
            Fault::LateReply => {
                let value = self.take(&call, Some(fault), effect, changes);
                tokio::time::sleep(back).await;
                return Ok(value);
            }
            Fault::ReplyLost | Fault::MeetsItself => {
                drop(self.take(&call, Some(fault), effect, changes));
            }
            Fault::TooLate => {
                self.script.given_up(&call);
                let home = self.clone();
                tokio::spawn(async move {
                    tokio::time::sleep(back).await;
                    home.take(&call, Some(fault), effect, changes);
                });
                return std::future::pending().await;
            }
            Fault::Hangs | Fault::Panics => return std::future::pending().await,
            Fault::DiesBefore => {
                self.script.arrived(&call, Some(fault));
                self.script.die();
                return std::future::pending().await;
            }
            Fault::DiesAfter => {
                drop(self.take(&call, Some(fault), effect, changes));
                self.script.die();
                return std::future::pending().await;
            }
            Fault::Fails
            | Fault::Denied
            | Fault::Conflict
            | Fault::Throttled
            | Fault::Busy
            | Fault::Refused
            | Fault::Unsent => {
                self.script.arrived(&call, Some(fault));
            }
        }
        pause(back).await;
        Err(fault)
    }

    fn take<T>(
        &self,
        call: &Call,
        fault: Option<Fault>,
        effect: impl FnOnce(&mut State, Timestamp) -> T,
        changes: fn(&T) -> bool,
    ) -> T {
        self.script.arrived(call, fault);
        let now = self.memory.time();
        let value = self.memory.with(|state| effect(state, now));
        if changes(&value) {
            self.script.happened(call, fault);
        }
        value
    }
}

/// Others have a turn in any case.
async fn pause(time: Duration) {
    if time.is_zero() {
        tokio::task::yield_now().await;
    } else {
        tokio::time::sleep(time).await;
    }
}

pub(super) fn failure(action: &'static str) -> impl Fn(Fault) -> PortError {
    move |_fault| PortError::transient(action, "a fault that was asked for")
}

fn or_denied(got: Result<Fetched, Fault>, action: &'static str) -> Result<Fetched, PortError> {
    match got {
        Err(Fault::Denied) => Ok(Fetched::Denied),
        got => got.map_err(failure(action)),
    }
}

fn never<T>(_value: &T) -> bool {
    false
}

pub(super) fn always<T>(_value: &T) -> bool {
    true
}

impl<S: Script> ObjectStore for MemoryHome<S> {
    async fn get(&self, bucket: Bucket, key: &str, bytes_max: usize) -> Result<Fetched, PortError> {
        let (call, at) = (Call::Get(bucket, key.to_owned()), at(bucket, key));
        let got = move |state: &mut State, _| state.objects.get(&at, bytes_max);
        or_denied(self.call(call, got, never).await, "get object")
    }

    async fn create(
        &self,
        bucket: Bucket,
        key: &str,
        object: NewObject,
    ) -> Result<Created, PortError> {
        let (call, at) = (Call::Create(bucket, key.to_owned()), at(bucket, key));
        let create = move |state: &mut State, now| state.objects.create(&at, object, now);
        let is_new = |created: &Created| matches!(created, Created::New(_));
        match self.call(call, create, is_new).await {
            Err(Fault::Conflict | Fault::MeetsItself) => Ok(Created::Exists),
            created => created.map_err(failure("create object")),
        }
    }

    async fn replace(
        &self,
        bucket: Bucket,
        key: &str,
        etag: &ETag,
        object: NewObject,
    ) -> Result<Replaced, PortError> {
        let (call, at) = (Call::Replace(bucket, key.to_owned()), at(bucket, key));
        let etag = etag.clone();
        let replace = move |state: &mut State, now| state.objects.replace(&at, &etag, object, now);
        let is_new = |replaced: &Replaced| matches!(replaced, Replaced::New(_));
        match self.call(call, replace, is_new).await {
            Err(Fault::Conflict | Fault::MeetsItself) => Ok(Replaced::Changed),
            replaced => replaced.map_err(failure("replace object")),
        }
    }

    async fn put(&self, bucket: Bucket, key: &str, object: NewObject) -> Result<(), PortError> {
        let (call, at) = (Call::Put(bucket, key.to_owned()), at(bucket, key));
        let put = move |state: &mut State, now| drop(state.objects.put(&at, object, now));
        let put = self.call(call, put, always).await;
        put.map_err(failure("put object"))
    }

    async fn list(
        &self,
        bucket: Bucket,
        prefix: &str,
        after: Option<&str>,
    ) -> Result<ListPage, PortError> {
        let call = Call::List(bucket, prefix.to_owned());
        let (prefix, after) = (prefix.to_owned(), after.map(str::to_owned));
        let list =
            move |state: &mut State, _| state.objects.list(bucket, &prefix, after.as_deref());
        let page = self.call(call, list, never).await;
        page.map_err(failure("list objects"))
    }

    fn accepts(&self) -> bool {
        self.memory.with(|state| state.accepts)
    }

    async fn accept(&self, acceptance: Acceptance) -> Result<Accepted, PortError> {
        let delay_seconds = self.script.delay_seconds(acceptance.message.delay_seconds);
        let call = Call::Accept(key_of(&acceptance), acceptance.message.body.clone());
        let accept = move |state: &mut State, now| state.accept(acceptance, now, delay_seconds);
        let is_new = |accepted: &Accepted| *accepted == Accepted::New;
        let accepted = self.call(call, accept, is_new).await;
        accepted.map_err(failure("accept"))
    }
}

/// The last of its keys, which is the raw object's.
fn key_of(acceptance: &Acceptance) -> String {
    let last = acceptance.objects.last();
    last.map(|(_, key, _)| key.clone()).unwrap_or_default()
}

impl<S: Script> Eraser for MemoryHome<S> {
    async fn list_versions(
        &self,
        bucket: Bucket,
        prefix: &str,
    ) -> Result<Vec<ObjectVersions>, PortError> {
        let (call, prefix) = (Call::List(bucket, prefix.to_owned()), prefix.to_owned());
        let versions = move |state: &mut State, _| state.objects.list_versions(bucket, &prefix);
        let keys = self.call(call, versions, never).await;
        keys.map_err(failure("list versions"))
    }

    async fn get_any_version(
        &self,
        bucket: Bucket,
        key: &str,
        bytes_max: usize,
    ) -> Result<Fetched, PortError> {
        let (call, at) = (Call::Get(bucket, key.to_owned()), at(bucket, key));
        let got = move |state: &mut State, _| state.objects.get_any_version(&at, bytes_max);
        or_denied(self.call(call, got, never).await, "get version")
    }

    async fn erase(&self, bucket: Bucket, key: &str) -> Result<u64, PortError> {
        let (call, at) = (Call::Erase(bucket, key.to_owned()), at(bucket, key));
        let erase = move |state: &mut State, _| state.objects.erase(&at);
        let erased = self.call(call, erase, |versions| *versions > 0).await;
        erased.map_err(failure("delete versions"))
    }

    async fn erase_hidden(&self, bucket: Bucket, key: &str) -> Result<u64, PortError> {
        let (call, at) = (Call::Erase(bucket, key.to_owned()), at(bucket, key));
        let erase = move |state: &mut State, _| state.objects.erase_hidden(&at);
        let erased = self.call(call, erase, |versions| *versions > 0).await;
        erased.map_err(failure("delete older versions"))
    }
}

impl<S: Script> DelayQueue for MemoryHome<S> {
    async fn send(&self, message: OutgoingMessage) -> Result<(), PortError> {
        let delay_seconds = self.script.delay_seconds(message.delay_seconds);
        let sent = self.call(
            Call::Send(message.body.clone()),
            move |state, now| state.messages.push(message, now, delay_seconds),
            always,
        );
        sent.await.map_err(failure("send message"))
    }

    async fn set_visibility(&self, receipt_handle: &str, seconds: u32) -> Result<(), PortError> {
        let handle = receipt_handle.to_owned();
        let set = self.call(
            Call::SetVisibility(handle.clone()),
            move |state, now| state.messages.set_visibility(&handle, later(now, seconds)),
            always,
        );
        set.await.map_err(failure("change visibility"))
    }
}

impl<S: Script> DeadLetterQueue for MemoryHome<S> {
    async fn take_dead(&self) -> Result<Vec<QueuedMessage>, PortError> {
        let take = |state: &mut State, now| state.messages.take_dead(now);
        let taken = self.call(Call::TakeDead, take, always);
        taken.await.map_err(failure("receive dead letters"))
    }

    async fn send_copy(
        &self,
        message: OutgoingMessage,
        _letter: &QueuedMessage,
    ) -> Result<(), PortError> {
        DelayQueue::send(self, message).await
    }

    async fn delete_dead(&self, letter: &QueuedMessage) -> Result<(), PortError> {
        let id = letter.handle.clone();
        let deleted = self.call(
            Call::DeleteDead(id.clone()),
            move |state, _| state.messages.delete_dead(&id),
            always,
        );
        deleted.await.map_err(failure("delete dead letter"))
    }

    async fn return_dead(&self, letters: &[QueuedMessage]) -> Result<(), PortError> {
        let ids: Vec<String> = letters.iter().map(|letter| letter.handle.clone()).collect();
        let returned = self.call(
            Call::SetVisibility(ids.join(" ")),
            move |state, now| state.messages.return_dead(&ids, now),
            always,
        );
        returned.await.map_err(failure("give dead letter back"))
    }
}

impl<S: Script> Clock for MemoryHome<S> {
    fn now(&self) -> Timestamp {
        let time = self.memory.time();
        time.checked_add(self.script.skew()).unwrap_or(time)
    }
}

impl<S: Script> Entropy for MemoryHome<S> {
    fn bits(&self) -> [u8; 16] {
        let bits = self.script.bits().unwrap_or_else(|| {
            self.memory.with(|state| {
                state.drawn += 1;
                let odd = 0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835;
                state.drawn.wrapping_mul(odd)
            })
        });
        bits.to_be_bytes()
    }
}
