//! How far an attempt has come: what counts when it is cut off by a panic or its deadline.

use super::record::Outcome;
use crate::observe::{EmailAmbiguous, Subject};
use leadwire_domain::failure::FailureReason;
use leadwire_domain::message::Trigger;
use leadwire_domain::source::Source;

/// How far an attempt has come.
#[derive(Debug, Default)]
pub(super) struct Progress {
    /// Where the event came from, by what is stored, once that was read: a bare message does not say it.
    source: Option<Source>,
    doubt: Doubt,
}

/// Whether the mail may have gone out without a marker that says so.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Doubt {
    #[default]
    None,
    Open,
    /// It may have, and that was reported.
    Reported,
}

impl Progress {
    /// Whom and what the record is about.
    pub(super) fn subject<'a>(&self, trigger: &'a Trigger) -> Subject<'a> {
        let said = Subject::of_facts(trigger.facts.as_ref());
        Subject {
            source: self.source.or(said.source),
            ..said
        }
    }

    /// The source was read. The first object that says it counts.
    pub(super) fn source_read(&mut self, source: Source) {
        self.source.get_or_insert(source);
    }

    /// The mail is about to be sent.
    pub(super) fn sending(&mut self) {
        self.doubt = Doubt::Open;
    }

    /// The mail was definitely not taken.
    pub(super) fn not_taken(&mut self) {
        self.doubt = Doubt::None;
    }

    /// Whether the mail went out is not known, and that was reported.
    pub(super) fn doubt_reported(&mut self) {
        self.doubt = Doubt::Reported;
    }

    /// The outcome of an attempt that was cut off: where the mail may be out, that is what counts.
    pub(super) fn abort_outcome(&self, trigger: &Trigger, reason: FailureReason) -> Outcome {
        match self.doubt {
            Doubt::None => return Outcome::Failed(reason),
            Doubt::Open => {
                let subject = self.subject(trigger);
                EmailAmbiguous { subject }.emit();
            }
            Doubt::Reported => {}
        }
        Outcome::Failed(FailureReason::MailAmbiguous)
    }
}
