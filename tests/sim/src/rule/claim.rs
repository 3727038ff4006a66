//! What may be written at `mail/X` over what, and by whom.

use super::effect::{Answer, is_same};
use super::{Breach, Documents, End, Held, Ledger, Seen, Writing};
use crate::setting::Operation;
use leadwire_domain::claim::{Claim, Says, Settled};
use leadwire_domain::effect::{Effect, EffectId, EffectState, Effects};
use leadwire_domain::message::Notify;
use leadwire_pipeline::port::StoredObject;

impl Ledger {
    /// What lies at `mail/X` was written by a process.
    pub(super) fn claim_written(
        &mut self,
        name: &str,
        object: &StoredObject,
        documents: &Documents,
        writing: &Writing,
    ) -> Result<(), Breach> {
        let before = self.seen.remove(name);
        if object.bytes.is_empty() {
            self.seen.insert(name.to_owned(), Seen::Marker);
            return self.settled(name, (before, object), documents, writing);
        }
        let claim: Claim = serde_json::from_slice(&object.bytes)
            .map_err(|error| format!("mail/ of {name}: {error}"))?;
        let checked = match &before {
            Some(Seen::Marker) => Err(format!("P4: {name} is claimed after its end")),
            Some(Seen::Claim(held)) if held.claim.token == claim.token => {
                self.seen.insert(name.to_owned(), Seen::Claim(held.clone()));
                self.own_write(name, (held, &claim), documents, writing)
            }
            Some(Seen::Claim(held)) => self.taken(name, (held, &claim), documents, writing),
            None => Self::made(name, &claim, documents),
        };
        let held = Held {
            claim,
            process: writing.process,
            boot: writing.boot,
        };
        self.seen.insert(name.to_owned(), Seen::Claim(held));
        checked
    }

    /// The first claim names no effect; but of a document of the first edition it names all, and that they are sent for the first time.
    fn made(name: &str, claim: &Claim, documents: &Documents) -> Result<(), Breach> {
        match &claim.says {
            Says::First => Ok(()),
            Says::Named(effects)
                if documents.notify().is_none()
                    && effects.values().all(|effect| *effect == Effect::first()) =>
            {
                Ok(())
            }
            Says::Named(_) | Says::Old(_) => {
                Err(format!("P4: the first claim of {name} names effects"))
            }
        }
    }

    /// A claim is another's: only once the lease of the one before is over, or its whole machine is gone, or nothing was being sent.
    fn taken(
        &mut self,
        name: &str,
        (held, claim): (&Held, &Claim),
        documents: &Documents,
        writing: &Writing,
    ) -> Result<(), Breach> {
        // The latest that a clock of this world shows.
        let latest = writing.now.checked_add(writing.skew);
        let is_leased = latest.unwrap_or(writing.now) < held.claim.lease_until;
        if held.claim.is_sending() && is_leased && held.boot == writing.lives {
            return Err(format!("P4: {name} is taken from a worker that lives"));
        }
        let listed = documents
            .notify()
            .unwrap_or_else(|| match &held.claim.says {
                Says::Named(effects) if !effects.is_empty() => held.claim.named(),
                Says::First | Says::Named(_) | Says::Old(_) => claim.named(),
            });
        let said = said_before(&held.claim, &listed, documents);
        match (&claim.says, writing.operation) {
            (_, Some(Operation::Resolve)) => self.resolved_to(name, &said, claim),
            (Says::Named(after), None) => {
                let said = self.without_unsent(name, said, (&held.claim, claim))?;
                self.check_takeover(name, &listed, (said, after))
            }
            (Says::First, None) if self.may_have_sent(name) => Err(format!(
                "P4: {name} is claimed as never sent, and may have been"
            )),
            (Says::First, None) if held.claim.proves_document() => {
                Err(format!("P4: {name} is claimed over what its claim said"))
            }
            (Says::First, None) => Ok(()),
            (Says::Old(_) | Says::First | Says::Named(_), _) => {
                Err(format!("P4: {name} is claimed by who must not"))
            }
        }
    }

    /// Who takes a claim over counts the doubts that its dead holder left, and begins what is open; what was refused only where nothing is.
    fn check_takeover(
        &self,
        name: &str,
        listed: &[EffectId],
        (said, after): (Effects, &Effects),
    ) -> Result<(), Breach> {
        let mut expected: Effects = said
            .into_iter()
            .map(|(id, effect)| (id, self.abandoned(effect)))
            .collect();
        let has_open = expected.values().any(|effect| effect.state.is_open());
        for effect in expected.values_mut() {
            let is_begun = if has_open {
                effect.state.is_open()
            } else {
                effect.state == EffectState::Refused
            };
            if is_begun {
                effect.state = EffectState::Sending;
                effect.attempt += 1;
            }
        }
        let mut wrong = listed.iter().filter(|id| {
            let (wanted, found) = (expected.get(*id), after.get(*id));
            !wanted
                .zip(found)
                .is_some_and(|(wanted, found)| is_same(wanted, found))
        });
        match wrong.next() {
            Some(id) => Err(format!(
                "P4: {id} of {name} is taken over as {:?}, not as {:?}",
                after.get(id),
                expected.get(id)
            )),
            None => Ok(()),
        }
    }

    fn abandoned(&self, effect: Effect) -> Effect {
        if effect.state != EffectState::Sending {
            return effect;
        }
        let doubts = effect.doubts + 1;
        let state = self.doubted(doubts);
        Effect {
            state,
            doubts,
            ..effect
        }
    }

    fn doubted(&self, doubts: u32) -> EffectState {
        if self.parks || doubts >= 2 {
            EffectState::Parked
        } else {
            EffectState::Doubt
        }
    }

    /// An operator says what became of what is parked, and of nothing else.
    fn resolved_to(&mut self, name: &str, said: &Effects, claim: &Claim) -> Result<(), Breach> {
        if !self.resolved.contains(name) {
            return Err(format!("P4: {name} is parked and nobody resolved it"));
        }
        let after = claim.effects_of(&said.keys().cloned().collect::<Vec<_>>());
        if claim.named().is_empty() {
            // Of the first edition: every receiver of today is sent to.
            self.resent_to_all(name);
        }
        for (id, before) in said {
            let Some(after) = after.get(id) else { continue };
            if is_same(before, after) {
                continue;
            }
            match (before.state, after.state) {
                (EffectState::Parked, EffectState::Sent) if self.mails_to(name, id) > 0 => {}
                (EffectState::Parked, EffectState::Idle) if after.doubts == 0 => {
                    self.resent(name, id);
                }
                _ => return Err(format!("P4: {id} of {name} is resolved to {after:?}")),
            }
        }
        Ok(())
    }

    /// A holder writes what became of the effects that it was sending, and nothing of any other.
    fn own_write(
        &mut self,
        name: &str,
        (held, claim): (&Held, &Claim),
        documents: &Documents,
        writing: &Writing,
    ) -> Result<(), Breach> {
        let listed = documents.notify().unwrap_or_else(|| claim.named());
        let said = held.claim.effects_of(&listed);
        let after = claim.effects_of(&listed);
        let is_given_back = !self.has_asked(name, &claim.token);
        for (id, before) in &said {
            let Some(after) = after.get(id) else { continue };
            if is_same(before, after) {
                continue;
            }
            if before.state != EffectState::Sending {
                return Err(format!(
                    "P4: {id} of {name} is {before:?} and is written over as {after:?}"
                ));
            }
            let answer = self.answer(name, id, &claim.token);
            self.check_result((name, id), (before, after), answer, is_given_back)?;
            let is_sent = after.state == EffectState::Sent;
            self.recorded(writing.process, name, id, is_sent);
        }
        Ok(())
    }

    /// What is written of an effect is what its service said.
    fn check_result(
        &self,
        (name, id): (&str, &EffectId),
        (before, after): (&Effect, &Effect),
        answer: Option<Answer>,
        is_given_back: bool,
    ) -> Result<(), Breach> {
        let is_doubt = matches!(answer, Some(Answer::Lost | Answer::Taken));
        let unsent = if before.doubts > 0 {
            EffectState::Doubt
        } else {
            EffectState::Idle
        };
        let doubts = after.doubts;
        let is_unsent = answer == Some(Answer::Unsent) || (is_given_back && answer.is_none());
        let attempt = before.attempt - u32::from(is_unsent && after.state == unsent);
        let is_right = match after.state {
            EffectState::Sent => answer == Some(Answer::Taken) && doubts == before.doubts,
            EffectState::Refused => answer == Some(Answer::Refused) && doubts == before.doubts,
            EffectState::Dropped => answer.is_none() && self.is_gone(id),
            EffectState::Idle if answer == Some(Answer::Busy) => doubts == before.doubts,
            EffectState::Idle | EffectState::Doubt if is_unsent => {
                after.state == unsent && doubts == before.doubts
            }
            EffectState::Doubt | EffectState::Parked => {
                is_doubt && doubts == before.doubts + 1 && after.state == self.doubted(doubts)
            }
            EffectState::Idle | EffectState::Sending => false,
        };
        if is_right && after.attempt == attempt {
            return Ok(());
        }
        Err(format!(
            "P4: {id} of {name} was {answer:?} and becomes {after:?}, after {before:?}"
        ))
    }

    /// The marker of an end was written.
    fn settled(
        &mut self,
        name: &str,
        (before, marker): (Option<Seen>, &StoredObject),
        documents: &Documents,
        writing: &Writing,
    ) -> Result<(), Breach> {
        let state = marker.metadata.get("state");
        let how = state.and_then(|state| Settled::from_name(state));
        let how = how.unwrap_or(Settled::Sent);
        let was = self.end_as(name, how);
        match (how, &before) {
            (Settled::Forgotten, _) if writing.operation == Some(Operation::Forget) => Ok(()),
            (Settled::Forgotten, _) => Err(format!("forget: a worker forgets {name}")),
            (_, Some(Seen::Marker)) => Err(match was {
                Some(End::Forgotten) => format!("forget: {name} has another end afterwards"),
                _ => format!("P4: {name} is settled after its end"),
            }),
            (Settled::Silent, _) => self.check_silence(name, documents),
            (Settled::Sent, Some(Seen::Claim(held))) => {
                let told = marker.metadata.get("told").map(String::as_str);
                self.check_told(name, (held, told), documents, writing)
            }
            (Settled::Sent, None) => Err(format!("P4: {name} is settled without a claim")),
        }
    }

    fn check_silence(&self, name: &str, documents: &Documents) -> Result<(), Breach> {
        let (is_old, _) = documents.is_old_and_new();
        match self.orders.get(name) {
            None | Some(Notify::Force) => Err(format!("replay: {name} is silent and was to mail")),
            Some(Notify::IfChanged) if !is_old => {
                Err(format!("replay: {name} is silent about a change"))
            }
            Some(Notify::IfChanged | Notify::Never) => Ok(()),
        }
    }

    /// A marker says what became of each effect: all were sent or dropped, and one was sent.
    fn check_told(
        &mut self,
        name: &str,
        (held, told): (&Held, Option<&str>),
        documents: &Documents,
        writing: &Writing,
    ) -> Result<(), Breach> {
        let is_resolve = writing.operation == Some(Operation::Resolve);
        if !is_resolve && held.process != writing.process {
            return Err(format!("P4: {name} is settled by who does not hold it"));
        }
        let listed = documents
            .notify()
            .unwrap_or_else(|| match &held.claim.says {
                Says::Old(_) => vec![EffectId::everybody()],
                Says::First | Says::Named(_) => held.claim.named(),
            });
        if is_resolve && told.is_none() && listed == [EffectId::everybody()] {
            // A marker without `told`: every effect was sent.
            return Ok(());
        }
        let told = told.unwrap_or_default();
        if told.len() != listed.len() || !told.contains('s') {
            return Err(format!(
                "P4: {name} has {listed:?} and its marker says {told:?}"
            ));
        }
        let said = held.claim.effects_of(&listed);
        for (id, letter) in listed.iter().zip(told.chars()) {
            let state = said.get(id).map(|effect| effect.state);
            let answer = self.answer(name, id, &held.claim.token);
            let is_true = match (letter, state) {
                ('s', Some(EffectState::Sent)) | ('d', Some(EffectState::Dropped)) => true,
                ('s', Some(EffectState::Sending)) => answer == Some(Answer::Taken),
                ('s', Some(EffectState::Parked)) => is_resolve && self.resolved.contains(name),
                ('d', Some(EffectState::Sending)) => answer.is_none() && self.is_gone(id),
                _ => false,
            };
            if !is_true || (letter == 's' && self.mails_to(name, id) == 0) {
                return Err(format!(
                    "P4: {id} of {name} was {state:?} and {answer:?}, and its marker says {letter}"
                ));
            }
            self.recorded(writing.process, name, id, true);
        }
        Ok(())
    }

    /// The claims that a process left behind although it ended in good order.
    pub(crate) fn left_by(&self, process: u32) -> Vec<String> {
        let of_it = self.seen.iter().filter(|(_, seen)| {
            matches!(seen, Seen::Claim(held) if held.process == process && held.claim.is_sending())
        });
        of_it.map(|(name, _)| name.clone()).collect()
    }
}

/// What a claim says, for who takes it over. A claim without effects beside a document of the first edition was never sent from: it is
/// written again with its effects named before anything is.
fn said_before(claim: &Claim, listed: &[EffectId], documents: &Documents) -> Effects {
    let is_of_first_edition = documents.own.is_some() && documents.notify().is_none();
    if claim.says == Says::First && is_of_first_edition {
        let idle = listed.iter();
        return idle.map(|id| (id.clone(), Effect::default())).collect();
    }
    claim.effects_of(listed)
}
