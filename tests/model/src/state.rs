//! Everything that a moment of the model consists of.

use crate::action::Reply;
use crate::bounds::Bounds;
use crate::claim::Mail;
use crate::effect::Set;
use crate::fact::{Doc, Failed, Lookup, Phase, Raw, Service};
use crate::ghost::Ghost;
use crate::pair::{Pair, Rev, WorkerId};
use crate::queue::{Queue, Slot};
use crate::worker::Worker;

/// Where an ingest request is. One at a time; `naming` has several, and what a request of many events is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Ingest {
    /// No request.
    #[default]
    Idle,
    /// `PUT raw/X` if absent.
    PutRaw,
    /// `SendMessage` with what is left of the delay.
    Send,
    /// 202.
    Accept,
    /// 503.
    Refuse,
}

/// Where the sweep is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Sweep {
    /// Not running.
    #[default]
    Idle,
    /// X was found; `swept/X` is to be counted.
    Count,
    /// `SendMessage`.
    Send,
    /// The third time: `PUT failed/X` with `swept_out`.
    GiveUp,
    /// Broken variants: counts after it has sent.
    CountLate,
}

/// Where a wake-up is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Wake {
    /// No notification is in hand.
    #[default]
    Idle,
    /// The event was found; `SendMessage`.
    Send,
}

/// The one process of one machine. On AWS it counts as up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Machine {
    /// It runs.
    #[default]
    Up,
    /// It was told to stop: nothing new begins.
    Stopping,
    /// It ended, or died.
    Down,
}

/// Where forget is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Forget {
    /// Not asked for.
    #[default]
    Never,
    /// `PUT raw/X`, the tombstone, `If-Match`.
    Tombstone,
    /// `PUT mail/X` and the claims of the revisions: settled, forgotten.
    Mark,
    /// One lease goes by.
    Wait,
    /// Delete every older version and every other object.
    Delete,
    /// Complete.
    Done,
}

/// One moment.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct State {
    /// The time.
    pub phase: Phase,
    /// The CRM has had its 202.
    pub answered: bool,
    /// The ingest process.
    pub ingest: Ingest,
    /// `raw/X`.
    pub raw: Raw,
    /// The owner file.
    pub lookup: Lookup,
    /// The receivers that are configured.
    pub config: Set,
    /// The service of each receiver.
    pub service: Pair<Service>,
    /// `enriched/X`, `enriched/X.r1`.
    pub docs: Pair<Option<Doc>>,
    /// `mail/X`, `mail/X.r1`.
    pub mail: Pair<Mail>,
    /// `failed/X`, `failed/X.r1`.
    pub failed: Pair<Option<Failed>>,
    /// The count in `swept/X`.
    pub swept: u8,
    /// The messages.
    pub queue: Queue,
    /// The enrich workers.
    pub workers: Pair<Worker>,
    /// The sweep.
    pub sweep: Sweep,
    /// The wake-up.
    pub wake: Wake,
    /// One machine: its process.
    pub machine: Machine,
    /// One machine: the row of the mail log for the present attempt at each effect.
    pub log: Pair<Pair<bool>>,
    /// The forget command.
    pub forget: Forget,
    /// What may still happen.
    pub left: Bounds,
    /// What has happened.
    pub ghost: Ghost,
    /// The two effects can change places: nothing but this state tells them apart.
    pub alike: bool,
}

impl State {
    /// Whether a busy worker holds the claim that `mail/` of this revision shows.
    pub fn holder_works(&self, rev: Rev) -> bool {
        let version = self.mail[rev].version;
        let mut workers = self.workers.each().into_iter();
        workers.any(|w| w.is_busy() && w.rev == rev && w.token == version)
    }

    /// Whether the worker still holds its claim.
    pub fn holds(&self, id: WorkerId) -> bool {
        let worker = &self.workers[id];
        worker.token != 0 && worker.token == self.mail[worker.rev].version
    }

    /// How many workers hold the message.
    pub fn holders(&self, slot: Slot) -> usize {
        let workers = self.workers.each().into_iter();
        workers.filter(|w| w.is_busy() && w.slot == slot).count()
    }

    /// A worker that has nothing to do.
    pub fn idle_worker(&self) -> Option<WorkerId> {
        let mut ids = WorkerId::ALL.into_iter();
        ids.find(|&id| !self.workers[id].is_busy())
    }

    /// How a call may end here: answered; where it may, with its reply lost, or failed.
    pub(crate) fn replies(
        &self,
        may_lose: bool,
        may_fail: bool,
    ) -> impl Iterator<Item = Reply> + use<> {
        let lost = (may_lose && self.left.lost > 0).then_some(Reply::Lost);
        let error = (may_fail && self.left.errors > 0).then_some(Reply::Error);
        [Some(Reply::Answer), lost, error].into_iter().flatten()
    }

    /// Whether anything new may begin.
    pub fn runs(&self) -> bool {
        self.machine == Machine::Up
    }

    /// Whether ingest, enrich, the sweep or a wake-up is at work.
    pub fn is_at_work(&self) -> bool {
        self.workers.each().iter().any(|w| w.is_busy())
            || self.ingest != Ingest::Idle
            || self.sweep != Sweep::Idle
            || self.wake != Wake::Idle
    }

    /// Whether the event has a message that will be received.
    pub fn has_message(&self, rev: Rev) -> bool {
        let mut messages = self.queue.each();
        messages.any(|(_, m)| m.is_alive() && m.rev == rev)
    }
}
