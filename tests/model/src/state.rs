//! Everything that a moment of the model consists of.

pub(crate) use crate::fact::{Doc, Lookup, Phase, Reason, Ses, Wait};
pub(crate) use crate::ghost::Ghost;
pub(crate) use crate::worker::{Found, Seen, Step, Worker, Write};

use crate::action::Reply;
use crate::bounds::Bounds;
use crate::pair::{Pair, Rev, WorkerId};
use crate::queue::{Queue, Slot};

/// What `mail/X` says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Claim {
    /// There is no such object.
    #[default]
    Absent,
    /// Somebody sends, and the lease is not over.
    Live,
    /// Somebody was sending, and the lease is over.
    Stale,
    /// Released after a definite refusal: nothing was sent under it.
    Idle,
    /// Settled: sent.
    Sent,
    /// Settled: forgotten on request.
    Forgotten,
    /// Parked for a person.
    Parked,
    /// Settled: a replay that mails nobody.
    Silent,
}

/// The object `mail/X`. Each write gives a new version, which stands for its `ETag` and its token.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Mail {
    /// What it says.
    pub claim: Claim,
    /// How often it was written.
    pub version: u8,
}

impl Mail {
    /// Writes it.
    pub fn put(&mut self, claim: Claim) {
        self.claim = claim;
        self.version += 1;
    }

    /// An empty object: nothing is left to do.
    pub fn is_settled(self) -> bool {
        matches!(self.claim, Claim::Sent | Claim::Forgotten | Claim::Silent)
    }
}

/// Where an ingest request is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum IngestStep {
    /// No request.
    #[default]
    Idle,
    /// `GET mail/X`: was the event forgotten?
    CheckForgotten,
    /// `PUT raw/X` if absent.
    PutRaw,
    /// `SendMessage` with what is left of the delay.
    Send,
    /// 202.
    Accept,
    /// 503.
    Refuse,
}

/// The ingest process. One request at a time; `naming` has concurrent ones.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Ingest {
    /// Where it is.
    pub step: IngestStep,
    /// It was at work when forget marked the event.
    pub old: bool,
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

/// Where forget is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Forget {
    /// Not asked for.
    #[default]
    Never,
    /// `PUT mail/X` settled, forgotten; a live claim is waited for.
    Mark,
    /// One lease goes by.
    Wait,
    /// Delete `raw/X`, every version.
    DeleteRaw,
    /// Delete `enriched/X` and its revisions, every version.
    DeleteDocs,
    /// Complete.
    Done,
}

/// One moment.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct State {
    /// The time.
    pub phase: Phase,
    /// The CRM has had its 202.
    pub answered: bool,
    /// The ingest process.
    pub ingest: Ingest,
    /// `raw/X` is stored.
    pub raw: bool,
    /// The lookup file.
    pub lookup: Lookup,
    /// SES.
    pub ses: Ses,
    /// `enriched/X`, `enriched/X.r1`.
    pub docs: Pair<Option<Doc>>,
    /// `mail/X`, `mail/X.r1`.
    pub mail: Pair<Mail>,
    /// `failed/X`, `failed/X.r1`.
    pub failed: Pair<Option<Reason>>,
    /// The count in `swept/X`.
    pub swept: u8,
    /// The messages.
    pub queue: Queue,
    /// The enrich workers.
    pub workers: Pair<Worker>,
    /// The sweep.
    pub sweep: Sweep,
    /// The forget command.
    pub forget: Forget,
    /// What may still happen.
    pub left: Bounds,
    /// What has happened.
    pub ghost: Ghost,
}

impl State {
    /// Whether a busy worker holds the claim that `mail/` of this revision shows.
    pub fn holder_works(&self, rev: Rev) -> bool {
        let version = self.mail[rev].version;
        let mut workers = self.workers.each().into_iter();
        workers.any(|w| w.is_busy() && w.rev == rev && w.token == version)
    }

    /// How many workers hold the message.
    pub fn holders(&self, slot: Slot) -> usize {
        let workers = self.workers.each().into_iter();
        workers.filter(|w| w.is_busy() && w.slot == slot).count()
    }

    /// A worker that has nothing to do.
    pub fn idle_worker(&self) -> Option<WorkerId> {
        WorkerId::ALL
            .into_iter()
            .find(|&id| !self.workers[id].is_busy())
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

    /// Whether ingest, enrich or the sweep is at work.
    pub fn is_at_work(&self) -> bool {
        self.workers.each().iter().any(|w| w.is_busy())
            || self.ingest.step != IngestStep::Idle
            || self.sweep != Sweep::Idle
    }
}
