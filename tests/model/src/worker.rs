//! An enrich worker: where it is and what it knows.

use crate::fact::{Doc, Lookup, Reason, Wait};
use crate::pair::Rev;
use crate::queue::Slot;

/// What a worker knows of `mail/X`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Seen {
    /// Not read.
    #[default]
    Unread,
    /// To be claimed against this version (0: absent, by `If-None-Match`).
    Free(u8),
    /// A stale claim of this version.
    Stale(u8),
    /// A live claim of another worker.
    Live,
    /// Settled or parked: nothing to do.
    Closed,
}

/// What a worker knows of the documents.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Found {
    /// Not read.
    #[default]
    Unread,
    /// The enriched document is stored.
    Stored(Doc),
    /// The raw object and this lookup.
    Raw(Lookup),
    /// Neither an enriched nor a raw object.
    Nothing,
}

/// One of the two conditional writes of a worker.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Write {
    /// To be sent.
    #[default]
    Todo,
    /// 412, or no reply: to be read back.
    Check,
    /// Stored, or found stored.
    Done,
    /// Not to be had.
    Lost,
}

/// Where an enrich worker is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Step {
    /// No record.
    #[default]
    Idle,
    /// `GET mail/X`; and `GET enriched/X`, `raw/X`, lookup.
    Read,
    /// `PUT enriched/X` and `PUT mail/X`.
    Write,
    /// `SendEmail`.
    Send,
    /// `PUT mail/X` settled, `If-Match`.
    Settle,
    /// `GET mail/X` after a settling PUT without a reply.
    CheckSettled,
    /// `PUT mail/X.r1` settled, silent, `If-None-Match`.
    Quiet,
    /// `GET mail/X.r1` after a silent PUT without a reply, or that met another's.
    CheckQuiet,
    /// `PUT mail/X` idle, `If-Match`, after a definite refusal; then failed for this reason, or deferred.
    Release(Option<Reason>),
    /// `SendMessage` of the copy.
    Copy(Wait),
    /// `DeleteMessage` of the record.
    Ack,
    /// `PUT failed/X` with this reason, and report the record as failed.
    WriteFailed(Reason),
    /// `PUT failed/X` with `mail_ambiguous`.
    ParkReason,
    /// `PUT mail/X` parked, `If-Match`.
    ParkClaim,
    /// Broken variants: `PUT failed/X` when the record was already reported.
    WriteFailedLate(Reason),
    /// Broken variants: `SendMessage` of a copy whose record was already acked.
    CopyLate(Wait),
}

/// An enrich worker: one record in one invocation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Worker {
    /// Where it is.
    pub step: Step,
    /// The message that it holds.
    pub slot: Slot,
    /// The revision that the message names, and that it works on.
    pub rev: Rev,
    /// It was at work when forget marked the event.
    pub old: bool,
    /// What it knows of `mail/X`.
    pub seen: Seen,
    /// What it knows of the documents.
    pub found: Found,
    /// Its merge, or the stored document once it knows that.
    pub doc: Option<Doc>,
    /// Its `PUT enriched/X`.
    pub doc_write: Write,
    /// Its `PUT mail/X`.
    pub claim_write: Write,
    /// The version of `mail/X` that it wrote: its token. 0 is none.
    pub token: u8,
}

impl Worker {
    /// The same worker at a step to which nothing that it has read matters any more.
    #[must_use]
    pub fn turned_to(self, step: Step) -> Self {
        Self {
            step,
            slot: self.slot,
            rev: self.rev,
            old: self.old,
            ..Self::default()
        }
    }

    /// Whether it is at work.
    pub fn is_busy(&self) -> bool {
        self.step != Step::Idle
    }
}
