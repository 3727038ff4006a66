//! Everything that can happen next.

use crate::effect::EffectId;
use crate::pair::{Rev, WorkerId};
use crate::queue::Slot;

/// How a call ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reply {
    /// It is answered: yes, 412 or refused, as the state has it.
    Answer,
    /// The effect takes place and the reply is lost.
    Lost,
    /// No effect, an error (of a mail service: one that tells nothing).
    Error,
}

/// What a worker reads at the start; both at once, so in either order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Get {
    /// `mail/X`.
    Mail,
    /// `raw/X`, `enriched/X` and the owner file.
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
    /// A wake-up; its notification comes again.
    Wake,
    /// One machine: all of them but forget, which is a command.
    Machine,
    /// The forget command; it is run again from its start.
    Forget,
}

/// One step of the whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// The CRM posts the event.
    Post,
    /// Ingest does its next call.
    Ingest(Reply),
    /// A message is received.
    Deliver(Slot, WorkerId, Delivery),
    /// A worker finds no time left for the record.
    NoTime(WorkerId),
    /// A worker reads raw object and owner file.
    Glance(WorkerId),
    /// A worker reads.
    Read(WorkerId, Get),
    /// A worker is denied access to `mail/X`.
    Denied(WorkerId),
    /// A worker does its next call (the document's, where two are open).
    Do(WorkerId, Reply),
    /// A worker puts its claim.
    Claim(WorkerId, Reply),
    /// One machine: a worker writes into the mail log that it sends an effect.
    Log(WorkerId, EffectId),
    /// A worker sends an effect.
    Send(WorkerId, EffectId, Reply),
    /// A worker gets no turn at the service of an effect.
    NoTurn(WorkerId, EffectId),
    /// A worker writes the answers that it has, while another effect is under way.
    Record(WorkerId),
    /// The sweep lists, and finds the event.
    SweepStarts,
    /// The sweep does its next call.
    SweepGoesOn,
    /// A notification of an owner file is received, and the lead's events are listed.
    WakeStarts,
    /// The wake-up does its next call.
    WakeGoesOn(Reply),
    /// An operator asks to forget the lead.
    ForgetStarts,
    /// Forget does its next call.
    ForgetGoesOn,
    /// An operator replays the event.
    Replay,
    /// A process dies.
    Crash(Process),
    /// Something outside the protocol.
    Outside(Outside),
}

/// What no process of the protocol does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outside {
    /// The next phase begins.
    Tick,
    /// The lease of this claim ends.
    LeaseEnds(Rev),
    /// The owner file comes, or is put right.
    LookupCured,
    /// The owner file changes.
    LookupChanges,
    /// The owner file goes away.
    LookupVanishes,
    /// Other receivers are configured.
    ConfigChanges,
    /// A service begins to throttle, or to refuse.
    Turns(EffectId),
    /// A service accepts again.
    Recovers(EffectId),
    /// An operator has a parked effect sent once more.
    Resend(Rev, EffectId),
    /// An operator redrives the dead letter queue.
    Redrive,
    /// One machine: SIGTERM.
    Stop,
    /// The process that was stopped ends.
    End,
    /// It comes back.
    Boot,
    /// All of `mail/` is lost.
    PrefixLost,
    /// The queue is purged.
    Purge,
}
