//! Everything that can happen next, and how a trace tells it.

use crate::pair::{Rev, WorkerId};
use crate::protocol::Protocol;
use crate::queue::Slot;
use crate::state::{Forget, IngestStep, Ses, State, Step, Sweep, Write};

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

/// One line of a trace.
pub(crate) fn describe(
    protocol: &Protocol,
    before: &State,
    action: Action,
    after: &State,
) -> String {
    let (who, what) = tell(protocol, before, action);
    let mut notes = Vec::new();
    if after.ghost.mails != before.ghost.mails {
        notes.push("a mail goes out".to_owned());
    }
    for rev in Rev::ALL {
        if before.mail[rev].claim != after.mail[rev].claim {
            notes.push(format!("mail/{rev} {:?}", after.mail[rev].claim));
        }
        if before.docs[rev] != after.docs[rev] {
            notes.push(format!("enriched/{rev} {}", shown(after.docs[rev])));
        }
        if before.failed[rev] != after.failed[rev] {
            notes.push(format!("failed/{rev} {}", shown(after.failed[rev])));
        }
    }
    if before.raw != after.raw {
        notes.push(
            if after.raw {
                "raw/X stored"
            } else {
                "raw/X gone"
            }
            .to_owned(),
        );
    }
    if let Action::Deliver(_, id, _)
    | Action::Read(id, _)
    | Action::Do(id, _)
    | Action::Claim(id, _) = action
        && after.workers[id].step != before.workers[id].step
    {
        notes.push(format!("→ {:?}", after.workers[id].step));
    }
    format!("{who:<10} {what:<64} {}", notes.join(", "))
        .trim_end()
        .to_owned()
}

fn tell(protocol: &Protocol, before: &State, action: Action) -> (String, String) {
    let world = |text: &str| ("world".to_owned(), text.to_owned());
    match action {
        Action::Tick => {
            let next = before.phase.next().unwrap_or(before.phase);
            world(&format!("time passes: {:?} → {next:?}", before.phase))
        }
        Action::LeaseEnds(rev) => world(&format!("the lease of mail/{rev} ends")),
        Action::Post => ("CRM".to_owned(), "posts the event".to_owned()),
        Action::Ingest(reply) => ("ingest".to_owned(), with_reply(ingest_call(before), reply)),
        Action::LookupCured => world("the owner's lookup file is there and right"),
        Action::LookupChanges => world("the lookup file changes"),
        Action::SesThrottles => world("SES begins to throttle"),
        Action::SesRecovers => world("SES accepts mail again"),
        Action::Deliver(slot, id, delivery) => {
            let message = before.queue.get(slot);
            let how = match delivery {
                Delivery::Regular => "",
                Delivery::Early => " before its time",
                Delivery::Again => " twice: A and B work on it",
            };
            let receives = message.receives + u8::from(delivery != Delivery::Again);
            let text = format!(
                "receives {} (hop {}, receive {receives}){how}",
                message.rev, message.hops
            );
            (id.to_string(), text)
        }
        Action::NoTime(id) => (id.to_string(), "has no time left for the record".to_owned()),
        Action::Read(id, Get::Mail) => (id.to_string(), "GET mail/…".to_owned()),
        Action::Read(id, Get::Docs) => (id.to_string(), "GET enriched/…, raw/X, lookup".to_owned()),
        Action::Do(id, reply) => {
            let call = worker_call(before, id);
            (id.to_string(), with_reply(&call, reply))
        }
        Action::Claim(id, reply) => {
            let call = if before.workers[id].claim_write == Write::Check {
                "GET mail/… (read back)".to_owned()
            } else {
                format!("PUT mail/… {}", protocol.claim_text(before, id))
            };
            (id.to_string(), with_reply(&call, reply))
        }
        Action::SweepStarts => (
            "sweep".to_owned(),
            "lists raw/, mail/, failed/ and finds X".to_owned(),
        ),
        Action::SweepGoesOn => ("sweep".to_owned(), sweep_call(before).to_owned()),
        Action::ForgetStarts => ("operator".to_owned(), "asks to forget the lead".to_owned()),
        Action::ForgetGoesOn => ("forget".to_owned(), forget_call(before).to_owned()),
        Action::Redrive => (
            "operator".to_owned(),
            "redrives the dead letter queue".to_owned(),
        ),
        Action::Replay => (
            "operator".to_owned(),
            "replays the event as X.r1".to_owned(),
        ),
        Action::PrefixLost => world("all of mail/ is lost"),
        Action::Purge => world("the queue is purged"),
        Action::Crash(process) => {
            let who = match process {
                Process::Ingest => "ingest".to_owned(),
                Process::Enrich(id) => id.to_string(),
                Process::Sweep => "sweep".to_owned(),
                Process::Forget => "forget".to_owned(),
            };
            (who, "dies".to_owned())
        }
    }
}

fn shown<T: std::fmt::Debug>(value: Option<T>) -> String {
    value.map_or("gone".to_owned(), |value| format!("{value:?}"))
}

fn with_reply(call: &str, reply: Reply) -> String {
    match reply {
        Reply::Answer => call.to_owned(),
        Reply::Lost => format!("{call}: done, its reply lost"),
        Reply::Error => format!("{call}: error, nothing done"),
    }
}

fn ingest_call(state: &State) -> &'static str {
    match state.ingest.step {
        IngestStep::Idle => "idle",
        IngestStep::CheckForgotten => "GET mail/X (forgotten?)",
        IngestStep::PutRaw => "PUT raw/X if absent",
        IngestStep::Send => "SendMessage",
        IngestStep::Accept => "answers 202",
        IngestStep::Refuse => "answers 503",
    }
}

fn worker_call(state: &State, id: WorkerId) -> String {
    let worker = &state.workers[id];
    match worker.step {
        Step::Idle | Step::Read => "reads".to_owned(),
        Step::Write if worker.doc_write == Write::Check => "GET enriched/… (read back)".to_owned(),
        Step::Write => format!("PUT enriched/… {} if absent", shown(worker.doc)),
        Step::Send => match state.ses {
            Ses::Up => "SendEmail".to_owned(),
            Ses::Throttling => "SendEmail: throttled".to_owned(),
            Ses::Refusing => "SendEmail: rejected".to_owned(),
        },
        Step::Settle => "PUT mail/… settled".to_owned(),
        Step::CheckSettled | Step::CheckQuiet => "GET mail/… (read back)".to_owned(),
        Step::Quiet => "PUT mail/… settled, silent, if absent".to_owned(),
        Step::Release(_) => "PUT mail/… idle".to_owned(),
        Step::Copy(wait) | Step::CopyLate(wait) => format!("SendMessage of the copy ({wait:?})"),
        Step::Ack => "DeleteMessage".to_owned(),
        Step::WriteFailed(reason) => format!("PUT failed/… {reason:?}, reports the record"),
        Step::WriteFailedLate(reason) => format!("PUT failed/… {reason:?}"),
        Step::ParkReason => "PUT failed/… MailAmbiguous".to_owned(),
        Step::ParkClaim => "PUT mail/… parked".to_owned(),
    }
}

fn sweep_call(state: &State) -> &'static str {
    match state.sweep {
        Sweep::Idle => "idle",
        Sweep::Count | Sweep::CountLate => "counts in swept/X",
        Sweep::Send => "SendMessage",
        Sweep::GiveUp => "PUT failed/X SweptOut",
    }
}

fn forget_call(state: &State) -> &'static str {
    match state.forget {
        Forget::Never | Forget::Done => "idle",
        Forget::Mark => "PUT mail/X settled, forgotten",
        Forget::Wait => "one lease has gone by",
        Forget::DeleteRaw => "deletes raw/X",
        Forget::DeleteDocs => "deletes enriched/X and its revisions",
    }
}
