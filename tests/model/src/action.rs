//! Everything that can happen next, and how a trace shows it.

use crate::pair::{Rev, WorkerId};
use crate::queue::Slot;
use crate::state::State;
use std::fmt::Debug;

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

/// One line of a trace: the action, and everything that it changed.
pub(crate) fn describe(before: &State, action: Action, after: &State) -> String {
    let pairs = facts(before).into_iter().zip(facts(after));
    let changes = pairs.filter(|(was, is)| was != is);
    let changes = changes.map(|((name, was), (_, is))| format!(", {name} {was} → {is}"));
    format!("{action:?}{}", changes.collect::<String>())
}

/// What a trace shows of a state, by name.
fn facts(state: &State) -> Vec<(String, String)> {
    let mut facts: Vec<(String, &dyn Debug)> = vec![
        ("time".to_owned(), &state.phase),
        ("ingest".to_owned(), &state.ingest.step),
        ("sweep".to_owned(), &state.sweep),
        ("forget".to_owned(), &state.forget),
        ("raw/X".to_owned(), &state.raw),
    ];
    for id in WorkerId::ALL {
        facts.push((format!("worker {id:?}"), &state.workers[id].step));
    }
    for (rev, name) in [(Rev::Base, "X"), (Rev::Replay, "X.r1")] {
        facts.push((format!("enriched/{name}"), &state.docs[rev]));
        facts.push((format!("mail/{name}"), &state.mail[rev].claim));
        facts.push((format!("failed/{name}"), &state.failed[rev]));
        facts.push((format!("mails of {name}"), &state.ghost.mails[rev]));
    }
    let shown = facts.into_iter();
    shown
        .map(|(name, fact)| (name, format!("{fact:?}")))
        .collect()
}
