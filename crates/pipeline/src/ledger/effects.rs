//! The effects of an event, and what is stored of each: named by its document, with a state in its claim.

use super::{ClaimState, DocumentState};
use jiff::Timestamp;
use leadwire_domain::claim::Settled;
use leadwire_domain::effect::{
    Effect, EffectId, EffectState, Effects, Standing, settled_effects, standing,
};

/// What is stored of the effects of an event or revision.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EventEffects {
    /// The effects, in the document's order.
    pub listed: Vec<EffectId>,
    /// What is said of each.
    pub said: Effects,
    /// Whether neither document nor claim names them, as in the first edition: the one that is listed stands for every receiver.
    pub is_of_everybody: bool,
}

impl EventEffects {
    /// Those of a document that names `notify`. Of the first edition, whose documents name none, the claim's list stands for it; where that
    /// names none either, one stands for everybody.
    pub fn new(notify: Option<&[EffectId]>, claim: &ClaimState) -> Self {
        let named = claim.named();
        let is_of_everybody = notify.is_none() && named.is_empty();
        let listed = match notify {
            Some(notify) => notify.to_vec(),
            None if named.is_empty() => vec![EffectId::everybody()],
            None => named,
        };
        let said = match claim {
            ClaimState::Claimed(claim, _) => claim.effects_of(&listed),
            ClaimState::Settled(marker, _) if marker.how == Settled::Sent => {
                // One that stands for everybody was sent, since one of them was.
                let letters = marker.told.as_deref().filter(|_| !is_of_everybody);
                let settled = settled_effects(&listed, letters).into_iter();
                let of = |state| Effect {
                    state,
                    at: Some(marker.at),
                    message_id: marker.message_id.clone().filter(|_| listed.len() == 1),
                    ..Effect::default()
                };
                settled.map(|(id, state)| (id, of(state))).collect()
            }
            // Forgotten, or a silent replay: nothing is sent.
            ClaimState::Settled(..) => return Self::default(),
            ClaimState::Absent | ClaimState::Unreadable(_) => {
                let idle = listed.iter();
                idle.map(|id| (id.clone(), Effect::default())).collect()
            }
        };
        Self {
            listed,
            said,
            is_of_everybody,
        }
    }

    /// Those of what was read. What is no document names none.
    pub fn of(document: &DocumentState, claim: &ClaimState) -> Self {
        let notify = match document {
            DocumentState::Stored(document) => document.notify(),
            DocumentState::Absent | DocumentState::Invalid => None,
        };
        Self::new(notify, claim)
    }

    /// The effects in the document's order, each with what is said of it.
    pub fn each(&self) -> impl Iterator<Item = (&EffectId, &Effect)> {
        let listed = self.listed.iter();
        listed.filter_map(|id| Some((id, self.said.get(id)?)))
    }

    /// Those in such a state.
    pub fn with(&self, is_meant: impl Fn(EffectState) -> bool) -> Vec<EffectId> {
        let meant = self.each().filter(|(_, effect)| is_meant(effect.state));
        meant.map(|(id, _)| id.clone()).collect()
    }

    /// How many are in this state.
    pub fn count(&self, state: EffectState) -> usize {
        self.each()
            .filter(|(_, effect)| effect.state == state)
            .count()
    }

    /// Where the event stands.
    pub fn standing(&self) -> Standing {
        standing(&self.listed, &self.said)
    }

    /// Since when what is parked of the event waits for a person, where something is and that is known.
    pub fn parked_since(&self) -> Option<Timestamp> {
        let parked = self.said.values();
        let parked = parked.filter(|effect| effect.state == EffectState::Parked);
        parked.filter_map(|effect| effect.at).max()
    }
}
