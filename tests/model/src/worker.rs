//! An enrich worker: where it is and what it knows.

use crate::claim::{Claim, Mail};
use crate::effect::Answer;
use crate::fact::{Doc, Lookup, Reason, Wait};
use crate::pair::{Pair, Rev};
use crate::queue::Slot;

/// What a worker has found under `raw/X`, `enriched/X` and the owner file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Found {
    /// The event was forgotten.
    Tombstone,
    /// The enriched document is stored.
    Stored(Doc),
    /// The raw object and this owner file.
    Raw(Lookup),
    /// Neither an enriched nor a raw object.
    Nothing,
}

/// One of the two conditional writes of a worker. "Exists" is read back at once: what was written never goes away,
/// so that a later read back sees no more than a later write.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Write {
    /// To be sent.
    #[default]
    Todo,
    /// Seen stored.
    Done,
    /// Another's is there.
    Theirs,
    /// Refused, or the reply was lost and the read back failed too.
    Unknown,
}

/// What is left to do for an effect in this attempt.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Plan {
    /// Nothing, or its answer is recorded.
    #[default]
    Nothing,
    /// To be sent.
    Todo,
    /// One machine: being sent, as the mail log says.
    Logged,
    /// Answered, not yet recorded.
    Got(Answer),
    /// Given back unsent, and recorded.
    GivenBack,
}

impl Plan {
    /// Whether the effect was given back unsent.
    pub fn is_given_back(self) -> bool {
        matches!(self, Self::GivenBack | Self::Got(Answer::Unsent))
    }
}

/// How an attempt ends that gave its claim up before the first send.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum GivenUp {
    /// A write or its read back failed.
    Failed,
    /// There was no time left to send anything.
    Unsent,
}

/// Where an enrich worker is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Step {
    /// No record.
    #[default]
    Idle,
    /// `GET raw/X` and the owner file: the first receive.
    Glance,
    /// `GET mail/X`; and `GET raw/X`, `enriched/X`, the owner file.
    Read,
    /// `PUT enriched/X` and `PUT mail/X`.
    Write,
    /// `PUT mail/X` with its effects named: the stored document names none.
    Name,
    /// The effects.
    Send,
    /// `PUT mail/X` with every answer, `If-Match`.
    Settle,
    /// `PUT mail/X.r1` settled, silent, `If-None-Match`.
    Quiet,
    /// `PUT mail/X` given back, `If-Match`.
    GiveBack(GivenUp),
    /// `SendMessage` of the copy.
    Copy(Wait),
    /// `DeleteMessage` of the record.
    Ack,
    /// `PUT failed/X` with this reason, and report the record as failed.
    WriteFailed(Reason),
    /// `PUT failed/X` with what is parked, and acknowledge the record.
    ParkReason,
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
    /// It was at work when forget wrote the later of its two marks.
    pub old: bool,
    /// Ghost: the event was settled when the record was received.
    pub late: bool,
    /// What it has read of `mail/X`.
    pub seen: Option<Mail>,
    /// What it has read of the rest.
    pub found: Option<Found>,
    /// Its merge, or the stored document once it knows that.
    pub doc: Option<Doc>,
    /// Its `PUT enriched/X`.
    pub doc_write: Write,
    /// Its `PUT mail/X`.
    pub claim_write: Write,
    /// What that says.
    pub next: Claim,
    /// The version of `mail/X` that it wrote: its token. 0 is none.
    pub token: u8,
    /// What is left to do for each effect.
    pub plan: Pair<Plan>,
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
            late: self.late,
            ..Self::default()
        }
    }

    /// The same worker as the holder of its claim.
    #[must_use]
    pub fn holding(self, step: Step) -> Self {
        Self {
            doc: self.doc,
            token: self.token,
            plan: self.plan,
            ..self.turned_to(step)
        }
    }

    /// Whether it is at work.
    pub fn is_busy(&self) -> bool {
        self.step != Step::Idle
    }

    /// Whether it has read a part of what it reads at once.
    pub fn is_amid_reads(&self) -> bool {
        self.step == Step::Read && self.seen.is_some() != self.found.is_some()
    }
}
