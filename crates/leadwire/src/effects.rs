//! The effects of an event, as a person and a program see them: to whom, how far each has come, and why.
//!
//! A receiver is shown by its address where this home knows it: the operator configured it. It stands on the terminal and on the pages, and
//! in no line that is logged.

use crate::duration::render;
use crate::output::{BAD, DIM, GOOD, PLAIN, WAIT, plural};
use anstyle::Style;
use jiff::Timestamp;
use leadwire_domain::channel::{self, Addressee, ChannelKind};
use leadwire_domain::effect::{Effect, EffectId, EffectState};
use leadwire_domain::notice::EmailAddress;
use leadwire_pipeline::ledger::ClaimState;
use leadwire_pipeline::ledger::history::EventHistory;
use serde::Serialize;

/// The addresses that this home knows.
#[derive(Clone, Debug, Default)]
pub(crate) struct Receivers(Vec<EmailAddress>);

impl Receivers {
    /// Those of the configuration.
    pub(crate) fn new(configured: Vec<EmailAddress>) -> Self {
        Self(configured)
    }

    /// The address of an effect, where it is one that is known: of the configuration, of the document, or the canary's.
    fn address(&self, effect: &EffectId, owner: Option<&EmailAddress>) -> Option<String> {
        let all = channel::Receivers {
            team: &self.0,
            notify_owner: true,
        };
        let of = |is_canary| all.address(effect, Addressee { owner, is_canary });
        let address = of(false).or_else(|| of(true))?;
        Some(address.expose().to_owned())
    }
}

/// One effect.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct EffectLine {
    effect: EffectId,
    channel: String,
    kind: &'static str,
    /// The address, else the digest that stands for it. Absent where one effect stands for every receiver.
    receiver: Option<String>,
    pub(crate) state: EffectState,
    attempt: Option<u32>,
    doubts: Option<u32>,
    message_id: Option<String>,
    pub(crate) at: Option<Timestamp>,
    detail: Option<String>,
}

/// The effects of an event, in the document's order.
pub(crate) fn effects_of(event: &EventHistory, receivers: &Receivers) -> Vec<EffectLine> {
    let effects = event.effects();
    // A marker says no more of an effect than what became of it, and when all was settled.
    let is_settled = matches!(event.claim, ClaimState::Settled(..));
    let owner = event.owner.as_ref();
    let line = |(id, effect): (&EffectId, &Effect)| EffectLine {
        effect: id.clone(),
        channel: id.channel().to_owned(),
        kind: ChannelKind::of(id).name(),
        receiver: receivers
            .address(id, owner)
            .or_else(|| id.digest().map(str::to_owned)),
        state: effect.state,
        attempt: (!is_settled).then_some(effect.attempt),
        doubts: (!is_settled).then_some(effect.doubts),
        message_id: effect.message_id.clone(),
        at: effect.at,
        detail: effect.detail.clone(),
    };
    effects.each().map(line).collect()
}

impl EffectLine {
    /// Channel and receiver.
    pub(crate) fn who(&self) -> String {
        match &self.receiver {
            Some(receiver) => format!("{} {receiver}", self.channel),
            None => "every receiver".to_owned(),
        }
    }

    /// How far it has come, for a person.
    pub(crate) fn words(&self) -> &'static str {
        match self.state {
            EffectState::Idle => "not sent yet",
            EffectState::Sending => "being sent",
            EffectState::Doubt => "in doubt, to be sent once more",
            EffectState::Sent => "sent",
            EffectState::Refused => "refused",
            EffectState::Dropped => "dropped, no longer configured",
            EffectState::Parked => "parked, may have arrived",
        }
    }

    pub(crate) fn style(&self) -> Style {
        match self.state {
            EffectState::Sent => GOOD,
            EffectState::Refused | EffectState::Parked => BAD,
            EffectState::Doubt => WAIT,
            EffectState::Dropped => DIM,
            EffectState::Idle | EffectState::Sending => PLAIN,
        }
    }

    /// After how many attempts and doubts, and what the service said.
    pub(crate) fn tries(&self) -> String {
        let attempts = self.attempt.filter(|count| *count > 0);
        let doubts = self.doubts.filter(|count| *count > 0);
        let parts = [
            attempts.map(|count| plural(count, "attempt")),
            doubts.map(|count| format!("{count} in doubt")),
            self.detail.clone(),
        ];
        parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
    }

    /// The step of its event's way that it makes, where it has come so far: what, and more about it.
    pub(crate) fn step(
        &self,
        accepted_at: Option<Timestamp>,
        is_only: bool,
    ) -> Option<(Timestamp, &'static str, String)> {
        let at = self.at?;
        let took = accepted_at.map(|accepted| render(at.duration_since(accepted)));
        let (what, text) = match self.state {
            EffectState::Sent => ("mailed", took.map(|took| format!("{took} after it came"))),
            EffectState::Refused => ("refused", self.detail.clone()),
            EffectState::Dropped => ("dropped", Some("no longer configured".to_owned())),
            EffectState::Parked | EffectState::Doubt => {
                let what = if self.state == EffectState::Parked {
                    "parked"
                } else {
                    "in doubt"
                };
                (what, Some("whether it was taken is not known".to_owned()))
            }
            EffectState::Idle | EffectState::Sending => return None,
        };
        let who = (!is_only).then(|| self.who());
        let text = who.into_iter().chain(text).collect::<Vec<_>>().join(", ");
        Some((at, what, text))
    }
}

#[cfg(test)]
pub(crate) mod tests;
