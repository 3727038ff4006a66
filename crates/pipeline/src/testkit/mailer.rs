//! Mail in memory, refused on demand.

use super::lock;
use crate::port::{Mail, MailOutcome, Mailer, PortError};
use std::collections::VecDeque;
use std::fmt;
use std::sync::Mutex;

/// What happens to a mail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    Busy,
    Refused,
    AcceptedReplyLost,
    DroppedReplyLost,
}

#[derive(Default)]
struct State {
    fates: VecDeque<Fate>,
    sent: Vec<Mail>,
    calls: u32,
}

/// Mail in memory.
#[derive(Default)]
pub struct FakeMailer(Mutex<State>);

impl fmt::Debug for FakeMailer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FakeMailer")
            .field("sent", &lock(&self.0).sent.len())
            .finish()
    }
}

impl FakeMailer {
    /// The next `count` mails are refused for now.
    pub fn be_busy(&self, count: usize) {
        self.script(Fate::Busy, count);
    }

    /// The next `count` mails are refused for good.
    pub fn refuse(&self, count: usize) {
        self.script(Fate::Refused, count);
    }

    /// The next `count` mails are taken, and the reply is lost.
    pub fn lose_replies(&self, count: usize) {
        self.script(Fate::AcceptedReplyLost, count);
    }

    /// The next `count` mails are lost, and nobody says so.
    pub fn drop_silently(&self, count: usize) {
        self.script(Fate::DroppedReplyLost, count);
    }

    fn script(&self, fate: Fate, count: usize) {
        lock(&self.0).fates.extend(std::iter::repeat_n(fate, count));
    }

    /// The mails that went out.
    pub fn sent(&self) -> Vec<Mail> {
        lock(&self.0).sent.clone()
    }

    /// How often sending was tried.
    pub fn calls(&self) -> u32 {
        lock(&self.0).calls
    }
}

impl Mailer for FakeMailer {
    async fn send(&self, mail: &Mail) -> MailOutcome {
        tokio::task::yield_now().await;
        let mut state = lock(&self.0);
        state.calls += 1;
        let why = || PortError::transient("send mail", "a fault that a test asked for");
        match state.fates.pop_front() {
            Some(Fate::Busy) => MailOutcome::Busy(why()),
            Some(Fate::Refused) => MailOutcome::Refused(why()),
            Some(Fate::DroppedReplyLost) => MailOutcome::Ambiguous(why()),
            Some(Fate::AcceptedReplyLost) => {
                state.sent.push(mail.clone());
                MailOutcome::Ambiguous(why())
            }
            None => {
                state.sent.push(mail.clone());
                MailOutcome::Accepted(format!("mail-{}", state.calls))
            }
        }
    }
}
