//! The script of a scenario: what a test asked for goes wrong, and nothing else.

use super::home::MemoryHome;
use super::lock;
use super::script::{Call, Course, Fault, Script};
use jiff::SignedDuration;
use std::collections::VecDeque;
use std::fmt;
use std::iter::repeat_n;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;
use tokio::sync::Notify;

type Closure = Box<dyn FnMut(&Call) -> Option<Fault> + Send>;

#[derive(Default)]
struct Wishes {
    script: Option<Closure>,
    /// What meets each of the next messages, and the next mails.
    sends: VecDeque<Option<Fault>>,
    mails: VecDeque<Fault>,
    calls: Vec<Call>,
    skew: SignedDuration,
    latency: Duration,
    is_dead: bool,
}

/// What a test asked for goes wrong, and nothing else.
#[derive(Default)]
pub struct Asked(Mutex<Wishes>, Notify);

impl fmt::Debug for Asked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Asked")
            .field("calls", &lock(&self.0).calls.len())
            .finish_non_exhaustive()
    }
}

impl Script for Asked {
    fn course(&self, call: &Call) -> Course {
        let mut wishes = lock(&self.0);
        if wishes.is_dead {
            let fault = Some(Fault::Hangs);
            return Course {
                fault,
                ..Course::default()
            };
        }
        wishes.calls.push(call.clone());
        let planned = if matches!(call, Call::Send(_)) {
            wishes.sends.pop_front().flatten()
        } else if matches!(call, Call::Mail(..)) {
            wishes.mails.pop_front()
        } else {
            None
        };
        let fault = planned.or_else(|| wishes.script.as_mut().and_then(|script| script(call)));
        Course {
            fault,
            there: wishes.latency,
            ..Course::default()
        }
    }

    fn die(&self) {
        lock(&self.0).is_dead = true;
        self.1.notify_one();
    }

    fn skew(&self) -> SignedDuration {
        lock(&self.0).skew
    }
}

/// The home of a scenario.
pub type FakeHome = MemoryHome<Asked>;

/// What tests ask for.
impl FakeHome {
    fn wishes(&self) -> MutexGuard<'_, Wishes> {
        lock(&self.script.0)
    }

    /// Asks `script` before every call what goes wrong with it.
    pub fn set_script(&self, script: impl FnMut(&Call) -> Option<Fault> + Send + 'static) {
        self.wishes().script = Some(Box::new(script));
    }

    /// Nothing goes wrong any more but what is still planned.
    pub fn clear_script(&self) {
        self.wishes().script = None;
    }

    /// Waits until a call was its process's last. The dead make no further call.
    pub async fn died(&self) {
        self.script.1.notified().await;
    }

    /// The next process begins where the dead one was.
    pub fn revive(&self) {
        self.wishes().is_dead = false;
    }

    /// The home of another process over the same memory, with a script of its own.
    #[must_use]
    pub fn of_other_process(&self) -> Self {
        self.with_script(Arc::default())
    }

    /// Puts the clock ahead or back, as another machine's may be.
    pub fn set_skew(&self, skew: SignedDuration) {
        self.wishes().skew = skew;
    }

    /// From now on every call takes so long.
    pub fn set_latency(&self, latency: Duration) {
        self.wishes().latency = latency;
    }

    /// The next `count` messages cannot be sent.
    pub fn fail_sends(&self, count: usize) {
        self.wishes().sends = repeat_n(Some(Fault::Fails), count).collect();
    }

    /// Of the next messages, the one at `place` cannot be sent: so several are sent in part, as an entry of a batch may fail by itself.
    pub fn fail_send_at(&self, place: usize) {
        let sends = &mut self.wishes().sends;
        sends.extend(repeat_n(None, place));
        sends.push_back(Some(Fault::Fails));
    }

    /// The next `count` messages are sent, and the reply is lost.
    pub fn lose_send_replies(&self, count: usize) {
        self.wishes().sends = repeat_n(Some(Fault::ReplyLost), count).collect();
    }

    /// The next `count` mails are refused for now.
    pub fn be_busy(&self, count: usize) {
        self.wishes().mails.extend(repeat_n(Fault::Busy, count));
    }

    /// The next `count` mails are refused for good.
    pub fn refuse(&self, count: usize) {
        self.wishes().mails.extend(repeat_n(Fault::Refused, count));
    }

    /// The next `count` mails are taken, and the reply is lost.
    pub fn lose_replies(&self, count: usize) {
        self.wishes()
            .mails
            .extend(repeat_n(Fault::ReplyLost, count));
    }

    /// The next `count` mails are lost without a reply.
    pub fn drop_silently(&self, count: usize) {
        self.wishes().mails.extend(repeat_n(Fault::Fails, count));
    }

    /// Every call on the store so far.
    pub fn calls(&self) -> Vec<Call> {
        let wishes = self.wishes();
        let calls = wishes.calls.iter().filter(|call| call.key().is_some());
        calls.cloned().collect()
    }

    /// Every call on every port so far.
    pub fn all_calls(&self) -> Vec<Call> {
        self.wishes().calls.clone()
    }

    /// How many mails were tried.
    pub fn tries(&self) -> usize {
        let wishes = self.wishes();
        let is_mail = |call: &&Call| matches!(call, Call::Mail(..));
        wishes.calls.iter().filter(is_mail).count()
    }
}
