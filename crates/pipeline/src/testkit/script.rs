//! What goes wrong with the calls on the ports, and who decides it.

use super::mail_log::{Logged, Row};
use crate::port::Bucket;
use jiff::SignedDuration;
use leadwire_domain::effect::EffectId;
use std::fmt::Debug;
use std::future::{Future, pending};
use std::time::Duration;

/// A call on a port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Call {
    /// A read.
    Get(Bucket, String),
    /// A conditional create.
    Create(Bucket, String),
    /// A conditional replace.
    Replace(Bucket, String),
    /// An unconditional write.
    Put(Bucket, String),
    /// New objects and their message in one transaction, by the raw object's key and the message's body.
    Accept(String, String),
    /// A page of a listing.
    List(Bucket, String),
    /// A deletion of all versions.
    Erase(Bucket, String),
    /// A message, by its body.
    Send(String),
    /// A message's next receive, by its handle.
    SetVisibility(String),
    /// A look at the dead letters that hides them.
    TakeDead,
    /// The deletion of a dead letter, by its id.
    DeleteDead(String),
    /// A mail, by its event and its effect; where there is a mail log, from its final dot on.
    Mail(String, EffectId),
    /// A row of the mail log is written: of which attempt, and what it says.
    LogMail(Row, Logged),
}

impl Call {
    /// Whether it touches a key that begins with `prefix`.
    pub fn is_on(&self, prefix: &str) -> bool {
        self.key().is_some_and(|key| key.starts_with(prefix))
    }

    /// The key of a call on the store.
    pub fn key(&self) -> Option<&str> {
        match self {
            Self::Get(_, key)
            | Self::Create(_, key)
            | Self::Replace(_, key)
            | Self::Put(_, key)
            | Self::Accept(key, _)
            | Self::List(_, key)
            | Self::Erase(_, key) => Some(key),
            Self::Send(_)
            | Self::SetVisibility(_)
            | Self::TakeDead
            | Self::DeleteDead(_)
            | Self::Mail(..)
            | Self::LogMail(..) => None,
        }
    }

    /// Amazon's name of it, and what it is about.
    pub fn words(&self) -> (&'static str, &str) {
        match self {
            Self::Get(_, key) => ("GetObject", key),
            Self::Create(_, key) => ("PutObject if none", key),
            Self::Replace(_, key) => ("PutObject if match", key),
            Self::Put(_, key) => ("PutObject", key),
            Self::Accept(key, _) => ("accept", key),
            Self::List(_, prefix) => ("ListObjectsV2", prefix),
            Self::Erase(_, key) => ("DeleteObject", key),
            Self::Send(body) => ("SendMessage", body),
            Self::SetVisibility(handle) => ("ChangeMessageVisibility", handle),
            Self::TakeDead => ("ReceiveMessage", "dead letters"),
            Self::DeleteDead(id) => ("DeleteMessage", id),
            Self::Mail(event, _) => ("SendEmail", event),
            Self::LogMail(row, Logged::Sending) => ("LogMail begun", &row.event),
            Self::LogMail(row, _) => ("LogMail ended", &row.event),
        }
    }
}

/// What goes wrong with a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fault {
    /// It fails and has no effect.
    Fails,
    /// It takes effect and its reply is lost.
    ReplyLost,
    /// It takes effect, its reply is lost, and the client's second try meets the first.
    MeetsItself,
    /// A store answers 403.
    Denied,
    /// A store answers 409: another write is under way. It has no effect.
    Conflict,
    /// The mail service takes too many at this moment: a definite refusal, and it may be asked again at once.
    Throttled,
    /// The mail service is busy: a definite refusal that may pass.
    Busy,
    /// The mail service refuses for good.
    Refused,
    /// It takes three seconds, and then effect: less than a webhook may.
    Late,
    /// It takes effect long after its caller has given up.
    TooLate,
    /// It takes effect at once, and its reply comes long after.
    LateReply,
    /// It never answers.
    Hangs,
    /// Its process dies before it takes effect.
    DiesBefore,
    /// Its process dies after it took effect.
    DiesAfter,
    /// The code that called it panics.
    Panics,
    /// Of a mail nothing is handed to its service: there is no turn for it, or its process stops.
    Unsent,
}

/// What becomes of one call.
#[derive(Clone, Copy, Debug, Default)]
pub struct Course {
    /// What goes wrong, if anything does.
    pub fault: Option<Fault>,
    /// The way there.
    pub there: Duration,
    /// The way back; for an effect or a reply that is too late, how late it is.
    pub back: Duration,
}

/// Decides what becomes of the calls of one caller, and sees their effects.
pub trait Script: Debug + Send + Sync + 'static {
    /// What becomes of a call. It is asked before the call is under way.
    fn course(&self, call: &Call) -> Course;
    /// The call has come to its service, which does now what the fault leaves it to do.
    fn arrived(&self, _call: &Call, _fault: Option<Fault>) {}
    /// The call changed something at this instant.
    fn happened(&self, _call: &Call, _fault: Option<Fault>) {}
    /// The caller waits in vain from now on; the call will take effect.
    fn given_up(&self, _call: &Call) {}
    /// The caller dies.
    fn die(&self) {}
    /// A mail is asked for of which the mail log says that it was accepted.
    fn known_as_sent(&self, _event: &str, _effect: &EffectId) {}
    /// Whether the caller's machine is about to stop, so that a mail is broken off before anything of it can be taken.
    fn breaks_off(&self, _event: &str, _effect: &EffectId) -> bool {
        false
    }
    /// Waits until the caller's machine waits for no reply any more.
    fn patience_is_over(&self) -> impl Future<Output = ()> + Send {
        pending()
    }
    /// After how many seconds a message can be received that was to wait for so many.
    fn delay_seconds(&self, asked: u32) -> u32 {
        asked
    }
    /// How far the caller's clock is ahead of the true time.
    fn skew(&self) -> SignedDuration {
        SignedDuration::ZERO
    }
    /// Randomness, where it is the script's; else it never repeats and is the same in every run.
    fn bits(&self) -> Option<u128> {
        None
    }
}
