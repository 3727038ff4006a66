//! What can go wrong with a call.

use leadwire_pipeline::testkit::{Call, Fault};
use std::collections::BTreeMap;

/// What kind of call it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// It changes nothing.
    Read,
    /// It changes something.
    Write,
    /// A conditional write.
    Conditional,
    /// It sends a mail.
    Mail,
    /// The same on one machine, whose mail server may take its time: from the final dot on.
    LoggedMail,
    /// It writes a row of that machine's mail log.
    Row,
    /// The queue's own delete after a worker's answer: there is no process of ours to die.
    Delete,
}

impl Kind {
    /// The kind of a call on a port.
    pub(crate) fn of(call: &Call) -> Self {
        match call {
            Call::Get(..) | Call::List(..) => Self::Read,
            Call::Create(..) | Call::Replace(..) => Self::Conditional,
            Call::Put(..)
            | Call::Accept(..)
            | Call::Erase(..)
            | Call::Send(_)
            | Call::SetVisibility(_)
            | Call::TakeDead
            | Call::DeleteDead(_) => Self::Write,
            Call::Mail(..) => Self::Mail,
            Call::LogMail(..) => Self::Row,
        }
    }

    /// What can go wrong with such a call.
    pub fn faults(self) -> &'static [Fault] {
        use Fault::{Busy, Conflict, DiesAfter, DiesBefore, Fails, LateReply, ReplyLost, TooLate};
        match self {
            Self::Read => &[Fails, TooLate, DiesBefore],
            Self::Write => &[Fails, ReplyLost, TooLate, DiesBefore, DiesAfter],
            Self::Conditional => &[Fails, ReplyLost, TooLate, DiesBefore, DiesAfter, Conflict],
            Self::Mail => &[Fails, ReplyLost, TooLate, DiesBefore, DiesAfter, Busy],
            Self::LoggedMail => &[
                Fails, ReplyLost, TooLate, DiesBefore, DiesAfter, Busy, LateReply, LateReply,
            ],
            Self::Row => &[Fails, DiesBefore, DiesAfter],
            Self::Delete => &[Fails],
        }
    }

    /// The same, with what is no fault and may happen to it all the same.
    pub(crate) fn explored(self) -> impl Iterator<Item = Fault> {
        let unsent = matches!(self, Self::Mail | Self::LoggedMail).then_some(Fault::Unsent);
        self.faults().iter().copied().chain(unsent)
    }
}

/// The faults of a schedule: by the number of the call, in the order in which calls are made.
pub type Schedule = BTreeMap<usize, Fault>;
