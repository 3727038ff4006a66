//! The effects of an event, and what is stored of each: named by its document, told by its claim.

use super::ClaimState;
use jiff::Timestamp;
use leadwire_domain::claim::Settled;
use leadwire_domain::effect::{
    Effect, EffectId, EffectState, Effects, Standing, standing, told_effects,
};

/// What is stored of the effects of an event or revision.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EventEffects {
    /// The effects, in the document's order.
    pub listed: Vec<EffectId>,
    /// What is said of each.
    pub said: Effects,
}

impl EventEffects {
    /// Those of a document that names `notify`. Of the first edition, whose documents name none, the claim's list stands for it; where that
    /// names none either, one stands for everybody.
    pub fn new(notify: Option<&[EffectId]>, claim: &ClaimState) -> Self {
        let named = match claim {
            ClaimState::Claimed(claim, _) => claim.named(),
            ClaimState::Absent | ClaimState::Settled(..) | ClaimState::Unreadable(_) => Vec::new(),
        };
        let listed = match notify {
            Some(notify) => notify.to_vec(),
            None if named.is_empty() => vec![EffectId::everybody()],
            None => named,
        };
        let said = match claim {
            ClaimState::Claimed(claim, _) => claim.effects_of(&listed),
            ClaimState::Settled(marker, _) if marker.how == Settled::Sent => {
                let told = told_effects(&listed, marker.told.as_deref()).into_iter();
                let of = |state| Effect {
                    state,
                    at: Some(marker.at),
                    message_id: marker.message_id.clone().filter(|_| listed.len() == 1),
                    ..Effect::default()
                };
                told.map(|(id, state)| (id, of(state))).collect()
            }
            // Forgotten, or a silent replay: nobody is told.
            ClaimState::Settled(..) => return Self::default(),
            ClaimState::Absent | ClaimState::Unreadable(_) => {
                let idle = listed.iter();
                idle.map(|id| (id.clone(), Effect::default())).collect()
            }
        };
        Self { listed, said }
    }

    /// Where the event stands.
    pub fn standing(&self) -> Standing {
        standing(&self.listed, &self.said)
    }

    /// Since when what is left of the event waits for a person, where it does and where that is known.
    pub fn parked_since(&self) -> Option<Option<Timestamp>> {
        (self.standing() == Standing::Parked).then(|| {
            let parked = self.said.values();
            let parked = parked.filter(|effect| effect.state == EffectState::Parked);
            parked.filter_map(|effect| effect.at).max()
        })
    }
}
