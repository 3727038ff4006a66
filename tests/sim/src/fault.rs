//! What can go wrong with a call.

use std::collections::BTreeMap;

/// What goes wrong with one call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fault {
    /// It fails and has no effect.
    Fails,
    /// It takes effect and its reply is lost.
    ReplyLost,
    /// It takes effect long after its caller has given up.
    Late,
    /// Its process dies before it takes effect.
    DiesBefore,
    /// Its process dies after it took effect.
    DiesAfter,
    /// The mail service is busy: a definite refusal that may pass.
    Busy,
    /// A store answers 409: another write is under way. It has no effect.
    Conflict,
}

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
    /// The queue's own delete after a worker's answer: there is no process of ours to die.
    Delete,
}

impl Kind {
    /// What can go wrong with such a call.
    pub fn faults(self) -> &'static [Fault] {
        match self {
            Self::Read => &[Fault::Fails, Fault::Late, Fault::DiesBefore],
            Self::Write => &[
                Fault::Fails,
                Fault::ReplyLost,
                Fault::Late,
                Fault::DiesBefore,
                Fault::DiesAfter,
            ],
            Self::Conditional => &[
                Fault::Fails,
                Fault::ReplyLost,
                Fault::Late,
                Fault::DiesBefore,
                Fault::DiesAfter,
                Fault::Conflict,
            ],
            Self::Mail => &[
                Fault::Fails,
                Fault::ReplyLost,
                Fault::Late,
                Fault::DiesBefore,
                Fault::DiesAfter,
                Fault::Busy,
            ],
            Self::Delete => &[Fault::Fails],
        }
    }
}

/// The faults of a schedule: by the number of the call, in the order in which calls are made.
pub type Script = BTreeMap<usize, Fault>;
