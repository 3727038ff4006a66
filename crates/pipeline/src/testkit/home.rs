//! The ports over what is in memory. Each caller has a home of its own, with a script that says what goes wrong with its calls.

use super::queue::{Messages, Received, later};
use super::script::{Call, Course, Fault, Script};
use super::store::Objects;
use super::{Asked, lock};
use crate::operate::queue::QueueSnapshot;
use crate::port::{
    Bucket, Clock, Created, DeadLetterQueue, DelayQueue, ETag, Entropy, Eraser, Fetched, Home,
    ListPage, Mail, MailOutcome, Mailer, NewObject, ObjectStore, OutgoingMessage, PortError,
    QueuedMessage, Replaced, StoredObject,
};
use crate::stage::enrich::Record;
use jiff::{SignedDuration, Timestamp};
use std::ops::Deref;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::time::Instant;

/// How long a late call takes: less than a webhook may.
const LATE: Duration = Duration::from_secs(3);
/// 2026-11-23T06:50:00Z.
const EPOCH_SECONDS: i64 = 1_795_416_600;

#[derive(Debug, Default)]
struct State {
    objects: Objects,
    messages: Messages,
    mails: Vec<Mail>,
    drawn: u128,
}

/// Objects, messages and mails in memory. Its time is tokio's: under `start_paused` it moves only when everything waits. What is read or
/// changed here is neither a call on a port nor seen by a script.
#[derive(Debug)]
pub struct Memory {
    start: Instant,
    state: Mutex<State>,
}

impl Default for Memory {
    fn default() -> Self {
        Self {
            start: Instant::now(),
            state: Mutex::default(),
        }
    }
}

impl Memory {
    fn with<T>(&self, work: impl FnOnce(&mut State) -> T) -> T {
        work(&mut lock(&self.state))
    }

    /// The true time. It begins at 2026-11-23T06:50:00Z.
    pub fn time(&self) -> Timestamp {
        let epoch = Timestamp::from_second(EPOCH_SECONDS).expect("within range");
        let elapsed = SignedDuration::try_from(self.start.elapsed()).unwrap_or(SignedDuration::MAX);
        epoch.checked_add(elapsed).unwrap_or(epoch)
    }

    /// How long it has been there.
    pub fn age(&self) -> Duration {
        self.start.elapsed()
    }

    /// An object as it lies there.
    pub fn peek(&self, bucket: Bucket, key: &str) -> Option<StoredObject> {
        self.with(|state| state.objects.peek(bucket, key).cloned())
    }

    /// The keys under a prefix.
    pub fn keys(&self, bucket: Bucket, prefix: &str) -> Vec<String> {
        self.with(|state| {
            let objects = state.objects.under(bucket, prefix);
            objects.map(|(key, _)| key.clone()).collect()
        })
    }

    /// Writes an object as another party would.
    pub fn plant(&self, bucket: Bucket, key: &str, object: NewObject) {
        let now = self.time();
        self.with(|state| state.objects.put(bucket, key, object, now));
    }

    /// Removes an object as an operator would.
    pub fn remove(&self, bucket: Bucket, key: &str) {
        self.with(|state| state.objects.remove(bucket, key));
    }

    /// Keeps what is overwritten or removed from now on, as a bucket with versions does.
    pub fn keep_versions(&self) {
        self.with(|state| state.objects.keeps_versions = true);
    }

    /// How many versions of an object there are.
    pub fn versions(&self, bucket: Bucket, key: &str) -> usize {
        self.with(|state| state.objects.versions(bucket, key))
    }

    /// Lists in pages of this many entries.
    pub fn set_page(&self, entries: usize) {
        self.with(|state| state.objects.page = entries);
    }

    /// Sends a message as an operator would. It can be received at once.
    pub fn push(&self, message: OutgoingMessage) {
        let now = self.time();
        self.with(|state| state.messages.push(message, now, 0));
    }

    /// Receives up to `max` messages, and moves those away that were received too often.
    pub fn receive(&self, max: usize) -> Vec<Record> {
        let now = self.time();
        self.with(|state| state.messages.receive(max, now))
    }

    /// Receives the message at a place, which can be received again after so many seconds.
    pub fn receive_at(&self, place: usize, hidden_seconds: u32) -> Received {
        let now = self.time();
        self.with(|state| state.messages.receive_at(place, now, hidden_seconds))
    }

    /// Deletes a message by its id, or by the handle of its last receive. Returns its event.
    pub fn delete(&self, id_or_handle: &str) -> Option<String> {
        self.with(|state| state.messages.delete(id_or_handle))
    }

    /// Makes every waiting message visible now, as a queue does that delivers twice or too early.
    pub fn deliver_now(&self) {
        let now = self.time();
        self.with(|state| state.messages.deliver_now(now));
    }

    /// When the next message becomes visible.
    pub fn next_visible_at(&self) -> Option<Timestamp> {
        self.with(|state| state.messages.next_visible_at())
    }

    /// How many messages wait or are being worked on.
    pub fn depth(&self) -> usize {
        self.with(|state| state.messages.depth())
    }

    /// The bodies of the messages that wait or are being worked on.
    pub fn bodies(&self) -> Vec<String> {
        let waiting = self.with(|state| state.messages.waiting());
        waiting.into_iter().map(|message| message.body).collect()
    }

    /// Every delivery so far: body and receive count.
    pub fn deliveries(&self) -> Vec<(String, u32)> {
        self.with(|state| state.messages.deliveries.clone())
    }

    /// Throws away every waiting message, as a purge does.
    pub fn purge(&self) {
        self.with(|state| state.messages.purge());
    }

    /// What the redrive policy moved away.
    pub fn dead_letters(&self) -> Vec<QueuedMessage> {
        self.with(|state| state.messages.dead())
    }

    /// Whether a message of an event waits or is being worked on.
    pub fn is_live(&self, event: &str) -> bool {
        self.with(|state| state.messages.is_live(event))
    }

    /// Whether a message of an event is among the dead letters.
    pub fn is_dead(&self, event: &str) -> bool {
        self.with(|state| state.messages.is_dead(event))
    }

    /// What is in the queue, and its dead letters.
    pub fn snapshot(&self) -> QueueSnapshot {
        self.with(|state| QueueSnapshot::new(Some(state.messages.waiting()), state.messages.dead()))
    }

    /// The mails that went out.
    pub fn sent(&self) -> Vec<Mail> {
        self.with(|state| state.mails.clone())
    }

    /// The last mail that went out.
    pub fn last_mail(&self) -> Option<Mail> {
        self.with(|state| state.mails.last().cloned())
    }
}

/// The ports of one caller.
#[derive(Debug)]
pub struct MemoryHome<S> {
    memory: Arc<Memory>,
    script: Arc<S>,
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

    /// Makes a call: `effect` is what it does at one instant, and `changes` whether that changed anything.
    async fn call<T: Send + 'static>(
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
            Fault::Fails | Fault::Denied | Fault::Conflict | Fault::Busy | Fault::Refused => {
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

fn failure(action: &'static str) -> impl Fn(Fault) -> PortError {
    move |_fault| PortError::transient(action, "a fault that was asked for")
}

fn never<T>(_value: &T) -> bool {
    false
}

fn always<T>(_value: &T) -> bool {
    true
}

impl<S: Script> ObjectStore for MemoryHome<S> {
    async fn get(&self, bucket: Bucket, key: &str, bytes_max: usize) -> Result<Fetched, PortError> {
        let (call, key) = (Call::Get(bucket, key.to_owned()), key.to_owned());
        let got = self.call(
            call,
            move |state, _| state.objects.get(bucket, &key, bytes_max),
            never,
        );
        match got.await {
            Err(Fault::Denied) => Ok(Fetched::Denied),
            got => got.map_err(failure("get object")),
        }
    }

    async fn create(
        &self,
        bucket: Bucket,
        key: &str,
        object: NewObject,
    ) -> Result<Created, PortError> {
        let (call, key) = (Call::Create(bucket, key.to_owned()), key.to_owned());
        let created = self.call(
            call,
            move |state, now| state.objects.create(bucket, &key, object, now),
            |created| matches!(created, Created::New(_)),
        );
        match created.await {
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
        let (call, key) = (Call::Replace(bucket, key.to_owned()), key.to_owned());
        let etag = etag.clone();
        let replaced = self.call(
            call,
            move |state, now| state.objects.replace(bucket, &key, (&etag, object), now),
            |replaced| matches!(replaced, Replaced::New(_)),
        );
        match replaced.await {
            Err(Fault::Conflict | Fault::MeetsItself) => Ok(Replaced::Changed),
            replaced => replaced.map_err(failure("replace object")),
        }
    }

    async fn put(&self, bucket: Bucket, key: &str, object: NewObject) -> Result<(), PortError> {
        let (call, key) = (Call::Put(bucket, key.to_owned()), key.to_owned());
        let put = self.call(
            call,
            move |state, now| drop(state.objects.put(bucket, &key, object, now)),
            always,
        );
        put.await.map_err(failure("put object"))
    }

    async fn list(
        &self,
        bucket: Bucket,
        prefix: &str,
        after: Option<&str>,
    ) -> Result<ListPage, PortError> {
        let call = Call::List(bucket, prefix.to_owned());
        let (prefix, after) = (prefix.to_owned(), after.map(str::to_owned));
        let page = self.call(
            call,
            move |state, _| state.objects.list(bucket, &prefix, after.as_deref()),
            never,
        );
        page.await.map_err(failure("list objects"))
    }
}

impl<S: Script> Eraser for MemoryHome<S> {
    async fn remains(&self, bucket: Bucket, prefix: &str) -> Result<Vec<String>, PortError> {
        let (call, prefix) = (Call::List(bucket, prefix.to_owned()), prefix.to_owned());
        let keys = self.call(
            call,
            move |state, _| state.objects.remains(bucket, &prefix),
            never,
        );
        keys.await.map_err(failure("list versions"))
    }

    async fn get_remains(
        &self,
        bucket: Bucket,
        key: &str,
        bytes_max: usize,
    ) -> Result<Fetched, PortError> {
        let (call, key) = (Call::Get(bucket, key.to_owned()), key.to_owned());
        let got = self.call(
            call,
            move |state, _| state.objects.get_remains(bucket, &key, bytes_max),
            never,
        );
        match got.await {
            Err(Fault::Denied) => Ok(Fetched::Denied),
            got => got.map_err(failure("get version")),
        }
    }

    async fn erase(&self, bucket: Bucket, key: &str) -> Result<u64, PortError> {
        let (call, key) = (Call::Erase(bucket, key.to_owned()), key.to_owned());
        let erased = self.call(
            call,
            move |state, _| state.objects.erase(bucket, &key),
            |versions| *versions > 0,
        );
        erased.await.map_err(failure("delete versions"))
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

impl<S: Script> Mailer for MemoryHome<S> {
    async fn send(&self, mail: &Mail) -> MailOutcome {
        let mail = mail.clone();
        let sent = self.call(
            Call::Mail(mail.event.clone()),
            move |state, _| {
                state.mails.push(mail);
                state.mails.len()
            },
            always,
        );
        let failure = failure("send mail");
        match sent.await {
            Ok(number) => MailOutcome::Accepted(format!("mail-{number}")),
            Err(fault @ Fault::Busy) => MailOutcome::Busy(failure(fault)),
            Err(fault @ Fault::Refused) => MailOutcome::Refused(failure(fault)),
            Err(unknown) => MailOutcome::Ambiguous(failure(unknown)),
        }
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

impl<S: Script> Home for MemoryHome<S> {
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

/// What tests ask for.
impl MemoryHome<Asked> {
    /// Asks `script` before every call what goes wrong with it.
    pub fn set_script(&self, script: impl FnMut(&Call) -> Option<Fault> + Send + 'static) {
        self.script.set_script(script);
    }

    /// Nothing goes wrong any more but what is still planned.
    pub fn clear_script(&self) {
        self.script.clear_script();
    }

    /// Puts the clock ahead or back, as another machine's may be.
    pub fn set_skew(&self, skew: SignedDuration) {
        self.script.set_skew(skew);
    }

    /// The next `count` messages cannot be sent.
    pub fn fail_sends(&self, count: usize) {
        self.script.plan_sends(Fault::Fails, count);
    }

    /// The next `count` messages are sent, and the reply is lost.
    pub fn lose_send_replies(&self, count: usize) {
        self.script.plan_sends(Fault::ReplyLost, count);
    }

    /// The next `count` mails are refused for now.
    pub fn be_busy(&self, count: usize) {
        self.script.plan_mails(Fault::Busy, count);
    }

    /// The next `count` mails are refused for good.
    pub fn refuse(&self, count: usize) {
        self.script.plan_mails(Fault::Refused, count);
    }

    /// The next `count` mails are taken, and the reply is lost.
    pub fn lose_replies(&self, count: usize) {
        self.script.plan_mails(Fault::ReplyLost, count);
    }

    /// The next `count` mails are lost without a reply.
    pub fn drop_silently(&self, count: usize) {
        self.script.plan_mails(Fault::Fails, count);
    }

    /// Every call on the store so far.
    pub fn calls(&self) -> Vec<Call> {
        let mut calls = self.script.calls();
        calls.retain(|call| call.key().is_some());
        calls
    }

    /// How many mails were tried.
    pub fn tries(&self) -> usize {
        let calls = self.script.calls().into_iter();
        calls.filter(|call| matches!(call, Call::Mail(_))).count()
    }
}
