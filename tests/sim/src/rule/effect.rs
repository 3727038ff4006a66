//! What is known of each effect: how often it was sent, how often it was in doubt, and what its service said.

use super::{Breach, Held, Ledger, Seen};
use leadwire_domain::claim::Says;
use leadwire_domain::effect::{Effect, EffectId, EffectState, Effects};
use leadwire_domain::wait::Waiting;
use leadwire_pipeline::testkit::Fault;

/// An effect of an event, or of a replay, by name.
pub(super) type Key = (String, EffectId);

/// What the service said of an effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    Taken,
    Busy,
    /// Nothing was: it was not asked.
    Unsent,
    Refused,
    /// The sender does not know.
    Lost,
}

impl Answer {
    fn of(fault: Option<Fault>) -> Self {
        match fault {
            None | Some(Fault::LateReply) => Self::Taken,
            Some(Fault::Busy | Fault::Throttled) => Self::Busy,
            Some(Fault::Unsent) => Self::Unsent,
            Some(Fault::Refused) => Self::Refused,
            Some(_) => Self::Lost,
        }
    }
}

/// A channel of an effect stands for all of its receivers among those that are gone.
fn channel_of(effect: &EffectId) -> &str {
    effect.channel()
}

impl Ledger {
    /// A service was asked for an effect.
    pub fn asked(&mut self, name: &str, effect: &EffectId, fault: Option<Fault>) {
        let token = self.held(name).map(|held| held.claim.token.clone());
        let answer = Answer::of(fault);
        if matches!(answer, Answer::Busy | Answer::Lost) {
            self.busy.insert(name.to_owned());
        }
        let token = token.unwrap_or_default();
        // What was throttled and got no further turn was asked all the same.
        if answer == Answer::Unsent && self.answer(name, effect, &token) == Some(Answer::Busy) {
            return;
        }
        self.answers.insert(key(name, effect), (token, answer));
    }

    /// Whoever sent a mail of an event waits for its reply no more.
    pub(crate) fn reply_lost(&mut self, name: &str) {
        self.busy.insert(name.to_owned());
    }

    /// A wait for mail begins with a busy service or a lost reply (P6), never with a lack of turns or of time.
    pub(crate) fn check_mail_wait(&self, name: &str, waiting: &Waiting) -> Result<(), Breach> {
        if waiting.mail_since.is_none() || self.busy.contains(name) {
            return Ok(());
        }
        Err(format!(
            "P6: {name} waits for mail, and no service was busy"
        ))
    }

    /// What the service said under the claim of a token, where it was asked.
    pub(super) fn answer(&self, name: &str, effect: &EffectId, token: &str) -> Option<Answer> {
        let (of, answer) = self.answers.get(&key(name, effect))?;
        (of == token).then_some(*answer)
    }

    /// Whether any effect of an event was asked for under the claim of a token.
    pub(super) fn has_asked(&self, name: &str, token: &str) -> bool {
        let of_name = |(of, _): &Key| of == name;
        let mut answers = self.answers.iter().filter(|(key, _)| of_name(key));
        answers.any(|(_, (of, answer))| of == token && *answer != Answer::Unsent)
    }

    /// The claim that is there.
    pub(super) fn held(&self, name: &str) -> Option<&Held> {
        match self.seen.get(name)? {
            Seen::Claim(held) => Some(held),
            Seen::Marker => None,
        }
    }

    /// A receiver is taken out of the configuration: an effect's name, or a channel's.
    pub(crate) fn receiver_gone(&mut self, receiver: &str) {
        self.gone.insert(receiver.to_owned());
    }

    /// Whether the receiver of an effect was ever missing in the configuration.
    pub(super) fn is_gone(&self, effect: &EffectId) -> bool {
        self.gone.contains(effect.as_str()) || self.gone.contains(channel_of(effect))
    }

    /// How often an effect was sent.
    pub fn mails_to(&self, name: &str, effect: &EffectId) -> u32 {
        let own = self.mails.get(&key(name, effect)).copied().unwrap_or(0);
        own + self.old_mails(name)
    }

    fn old_mails(&self, name: &str) -> u32 {
        self.old_mails.get(name).copied().unwrap_or(0)
    }

    /// Mails of an event, to all its receivers.
    pub fn mails(&self, name: &str) -> u32 {
        let of_name = self.mails.iter().filter(|((of, _), _)| of == name);
        self.old_mails(name) + of_name.map(|(_, count)| *count).sum::<u32>()
    }

    /// Whether an effect of an event was sent, or may have been.
    pub(super) fn may_have_sent(&self, name: &str) -> bool {
        let mut doubts = self.doubts.keys();
        self.mails(name) > 0 || doubts.any(|(of, _)| of == name)
    }

    /// An effect is under way of which nobody will know.
    pub fn doubt(&mut self, name: &str, effect: &EffectId) {
        *self.doubts.entry(key(name, effect)).or_default() += 1;
    }

    /// A mail went out, and its sender knows.
    pub(super) fn sent_clean(&mut self, process: u32, name: &str, effect: &EffectId) {
        let unsettled = self.unsettled.entry(process).or_default();
        unsettled.insert(key(name, effect));
    }

    /// How many processes have sent an effect and not written that down yet.
    pub(super) fn open_sends(&self, name: &str, effect: &EffectId) -> usize {
        let key = key(name, effect);
        let open = self.unsettled.values();
        open.filter(|effects| effects.contains(&key)).count()
    }

    /// A process has written down what became of an effect.
    pub(super) fn recorded(&mut self, process: u32, name: &str, effect: &EffectId, is_sent: bool) {
        let unsettled = self.unsettled.get_mut(&process);
        let was_open = unsettled.is_some_and(|effects| effects.remove(&key(name, effect)));
        if was_open && !is_sent {
            // The reply was later than its sender waits.
            self.doubt(name, effect);
        }
    }

    /// A process died: whatever it sent and did not write down is in doubt.
    pub fn died(&mut self, process: u32) {
        for (name, effect) in self.unsettled.remove(&process).into_iter().flatten() {
            self.doubt(&name, &effect);
        }
    }

    /// An effect is sent once, once more after a doubt, and never a third time; each resend of an operator's allows the same again. Where
    /// doubts are parked, never a second time.
    pub(super) fn check_count(&self, name: &str, effect: &EffectId) -> Result<(), Breach> {
        let count = |map: &std::collections::BTreeMap<Key, u32>| {
            map.get(&key(name, effect)).copied().unwrap_or(0)
        };
        let mails = self.mails_to(name, effect);
        let resent = self.old_resends.get(name).copied().unwrap_or(0);
        let doubts = count(&self.doubts) + self.old_mails(name);
        let resends = count(&self.resends) + resent;
        if mails > 1 + doubts + resends || self.open_sends(name, effect) > 1 {
            return Err(format!(
                "P4: {name} has {mails} mails to {effect} and {doubts} doubts"
            ));
        }
        let most = if self.parks { 1 } else { 2 };
        // The first edition did not stop at the second.
        let most = most.max(self.old_mails(name)) + most * resends;
        if mails > most {
            return Err(format!("P4: {name} has {mails} mails to {effect}"));
        }
        Ok(())
    }

    /// An operator gave an effect back.
    pub(super) fn resent(&mut self, name: &str, effect: &EffectId) {
        *self.resends.entry(key(name, effect)).or_default() += 1;
    }

    /// An operator gave an event of the first edition back, for all of its receivers.
    pub(super) fn resent_to_all(&mut self, name: &str) {
        *self.old_resends.entry(name.to_owned()).or_default() += 1;
    }

    /// The parked effects of an event.
    pub fn parked(&self, name: &str, listed: &[EffectId]) -> Vec<EffectId> {
        self.in_state(name, listed, EffectState::Parked)
    }

    /// The effects of an event that its claim says are in a state.
    pub(crate) fn in_state(
        &self,
        name: &str,
        listed: &[EffectId],
        state: EffectState,
    ) -> Vec<EffectId> {
        let said = self.said(name, listed);
        let is_in = |id: &&EffectId| said.get(*id).is_some_and(|effect| effect.state == state);
        listed.iter().filter(is_in).cloned().collect()
    }

    /// What the claim that is there says of the effects.
    pub(crate) fn said(&self, name: &str, listed: &[EffectId]) -> Effects {
        let held = self.held(name);
        held.map_or_else(Effects::default, |held| held.claim.effects_of(listed))
    }

    /// The effects of an event: those that its document names; of the first edition those that its claim does, or one for everybody.
    pub fn listed(&self, name: &str, notify: Option<Vec<EffectId>>) -> Vec<EffectId> {
        notify.unwrap_or_else(|| match self.held(name).map(|held| &held.claim.says) {
            Some(Says::Named(effects)) => effects.keys().cloned().collect(),
            Some(Says::Old(_)) => vec![EffectId::everybody()],
            Some(Says::First) | None => Vec::new(),
        })
    }
}

pub(super) fn key(name: &str, effect: &EffectId) -> Key {
    (name.to_owned(), effect.clone())
}

/// Whether two say the same of an effect, but for words.
pub(super) fn is_same(one: &Effect, other: &Effect) -> bool {
    let of = |effect: &Effect| (effect.state, effect.attempt, effect.doubts);
    of(one) == of(other)
}
