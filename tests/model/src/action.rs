//! Everything that can happen next.

use crate::pair::{Rev, WorkerId};
use crate::queue::Slot;

/// How a call ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reply {
    /// It is answered: yes, 412 or refused, as the state has it.
    Answer,
    /// The effect takes place and the reply is lost.
    Lost,
    /// No effect, an error (of SES: one that tells nothing).
    Error,
}

/// What a worker reads at the start; both at once, so in either order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Get {
    /// `mail/X` (and that of the base for a replay).
    Mail,
    /// `enriched/X`, `raw/X` and the lookup.
    Docs,
}

/// How a message comes to a worker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Delivery {
    /// As it should.
    Regular,
    /// Before its delay is over.
    Early,
    /// A second time, while the first receiver works.
    Again,
}

/// A process that can die.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Process {
    /// Ingest.
    Ingest,
    /// An enrich worker.
    Enrich(WorkerId),
    /// The sweep.
    Sweep,
    /// The forget command; it is run again from its start.
    Forget,
}

/// One step of the whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// The next phase begins.
    Tick,
    /// The lease of this claim ends.
    LeaseEnds(Rev),
    /// The CRM posts the event.
    Post,
    /// Ingest does its next call.
    Ingest(Reply),
    /// The lookup file comes, or is put right.
    LookupCured,
    /// The lookup file changes.
    LookupChanges,
    /// SES begins to throttle.
    SesThrottles,
    /// SES accepts again.
    SesRecovers,
    /// A message is received.
    Deliver(Slot, WorkerId, Delivery),
    /// A worker finds no time left for the record.
    NoTime(WorkerId),
    /// A worker reads.
    Read(WorkerId, Get),
    /// A worker does its next call (the document's, where two are open).
    Do(WorkerId, Reply),
    /// A worker puts or reads back its claim.
    Claim(WorkerId, Reply),
    /// The sweep lists, and finds the event.
    SweepStarts,
    /// The sweep does its next call.
    SweepGoesOn,
    /// An operator asks to forget the lead.
    ForgetStarts,
    /// Forget does its next call.
    ForgetGoesOn,
    /// An operator redrives the dead letter queue.
    Redrive,
    /// An operator replays the event.
    Replay,
    /// All of `mail/` is lost.
    PrefixLost,
    /// The queue is purged.
    Purge,
    /// A process dies.
    Crash(Process),
}
