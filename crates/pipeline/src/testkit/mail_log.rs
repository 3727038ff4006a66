//! The mail log of one machine, as `crates/local` has it: a row of each attempt, written before its final dot, and what became of it.

use crate::port::{BegunMail, Mail, MailOutcome};
use leadwire_domain::effect::EffectId;
use std::collections::{BTreeMap, BTreeSet};

/// Whose row it is: an attempt's at an effect.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Row {
    /// The tag of the event, or of its revision.
    pub event: String,
    /// The effect.
    pub effect: EffectId,
    /// The attempt.
    pub attempt: u32,
}

impl Row {
    pub(super) fn of(mail: &Mail) -> Self {
        Self {
            event: mail.event.clone(),
            effect: mail.effect.clone(),
            attempt: mail.attempt,
        }
    }
}

/// What a row says of its attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Logged {
    /// It may be taken from now on.
    Sending,
    /// It was taken, under this id.
    Accepted(String),
    /// It was definitely not taken.
    NotTaken,
    /// Whether it was taken is not known.
    Unknown,
}

impl Logged {
    /// What is written of an attempt that ended so.
    pub fn of(outcome: &MailOutcome) -> Self {
        match outcome {
            MailOutcome::Accepted(id) => Self::Accepted(id.clone()),
            MailOutcome::Throttled(_) | MailOutcome::Busy(_) | MailOutcome::Refused(_) => {
                Self::NotTaken
            }
            MailOutcome::Ambiguous(_) => Self::Unknown,
        }
    }

    /// The id under which it was taken.
    fn id(&self) -> Option<String> {
        if let Self::Accepted(id) = self {
            Some(id.clone())
        } else {
            None
        }
    }

    /// Whether its mail may be out without anybody's knowing it.
    pub fn may_be_out(&self) -> bool {
        matches!(self, Self::Sending | Self::Unknown)
    }
}

/// The log.
#[derive(Debug, Default)]
pub(super) struct MailLog {
    /// The runs that write rows.
    boots: BTreeSet<String>,
    rows: BTreeMap<Row, Logged>,
}

impl MailLog {
    pub(super) fn add_boot(&mut self, boot: &str) {
        self.boots.insert(boot.to_owned());
    }

    pub(super) fn write(&mut self, row: Row, logged: Logged) {
        self.rows.insert(row, logged);
    }

    /// The id under which a mail was accepted, in whatever attempt.
    pub(super) fn accepted(&self, mail: &Mail) -> Option<String> {
        let rows = self.rows.iter();
        let mut its = rows
            .filter(|(row, _)| row.event == mail.event && row.effect == mail.effect)
            .map(|(_, logged)| logged);
        its.find_map(Logged::id)
    }

    pub(super) fn may_be_out(&self, mail: BegunMail<'_>) -> bool {
        let row = Row {
            event: mail.event.to_owned(),
            effect: mail.effect.clone(),
            attempt: mail.attempt,
        };
        !self.boots.contains(mail.boot) || self.rows.get(&row).is_some_and(Logged::may_be_out)
    }
}
