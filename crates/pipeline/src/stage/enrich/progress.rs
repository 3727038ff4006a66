//! How far an attempt has come: what counts when it is cut off by a panic or its deadline, and what a failure names.

use super::record::Outcome;
use crate::observe::{EmailAmbiguous, Subject};
use leadwire_domain::effect::{EffectId, Effects, not_happened};
use leadwire_domain::failure::FailureReason;
use leadwire_domain::message::Trigger;
use leadwire_domain::source::Source;
use std::collections::BTreeSet;

/// How far an attempt has come.
#[derive(Debug, Default)]
pub(super) struct Progress {
    /// Where the event came from, by what is stored, once that was read: a bare message does not say it.
    source: Option<Source>,
    /// Whether its beginning was reported.
    has_begun: bool,
    /// The effects of the document, and what is known of them.
    effects: Option<(Vec<EffectId>, Effects)>,
    /// Effects that may have been taken without a claim that says so.
    unrecorded: BTreeSet<EffectId>,
    /// Whether one of them is in doubt, and that was reported.
    has_doubt: bool,
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

    /// Whether the attempt begins to do something now: once.
    pub(super) fn begins(&mut self) -> bool {
        !std::mem::replace(&mut self.has_begun, true)
    }

    /// What is known of the document's effects by now.
    pub(super) fn effects_known(&mut self, listed: &[EffectId], effects: &Effects) {
        self.effects = Some((listed.to_vec(), effects.clone()));
    }

    /// An effect is about to be sent.
    pub(super) fn sending(&mut self, effect: &EffectId) {
        self.unrecorded.insert(effect.clone());
    }

    /// An effect was definitely not taken, or its claim says that it was.
    pub(super) fn is_certain(&mut self, effect: &EffectId) {
        self.unrecorded.remove(effect);
    }

    /// Whether an effect was taken is not known, and that was reported.
    pub(super) fn doubt_reported(&mut self, effect: &EffectId) {
        self.unrecorded.remove(effect);
        self.has_doubt = true;
    }

    /// The claim says what became of every effect.
    pub(super) fn recorded(&mut self) {
        self.unrecorded.clear();
        self.has_doubt = false;
    }

    /// Whether a document was found or stored: from then on its effects are known.
    pub(super) fn has_document(&self) -> bool {
        self.effects.is_some()
    }

    /// The effects that did not happen, as far as that is known.
    pub(super) fn not_happened(&self) -> Vec<EffectId> {
        let effects = self.effects.as_ref();
        effects.map_or_else(Vec::new, |(listed, effects)| not_happened(listed, effects))
    }

    /// The outcome of an attempt that was cut off: where an effect may have happened, that is what counts.
    pub(super) fn abort_outcome(&self, trigger: &Trigger, reason: FailureReason) -> Outcome {
        for effect in &self.unrecorded {
            let subject = self.subject(trigger);
            EmailAmbiguous { subject, effect }.emit();
        }
        if self.unrecorded.is_empty() && !self.has_doubt {
            Outcome::Failed(reason)
        } else {
            Outcome::Failed(FailureReason::MailAmbiguous)
        }
    }
}
