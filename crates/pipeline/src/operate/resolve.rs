//! Parked effects: whether they happened is not known, and a person decides (docs/PROTOCOL.md, Parked).

use crate::ledger::queue::fresh_message;
use crate::ledger::{ClaimState, EventEffects, Kind, Ledger, Marker, is_mark};
use crate::port::{Clock, DelayQueue, ETag, Entropy, Home, PortError};
use jiff::Timestamp;
use leadwire_domain::claim::{Claim, Says, Settled};
use leadwire_domain::effect::{Effect, EffectId, EffectState, Effects, Standing};
use leadwire_domain::key::EventName;

/// An event with parked effects.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parked {
    /// The event, or the replay of it.
    pub name: EventName,
    /// Since when.
    pub parked_at: Timestamp,
    /// Attempts at the parked effects, the most of any; the outcome of the last is not known.
    pub attempt: u32,
    /// The parked effects.
    pub effects: Vec<EffectId>,
}

/// What a person found out about the parked effects of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resolution {
    /// They happened.
    Sent,
    /// They did not, and are to be sent.
    Resend,
}

/// What became of a resolution.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resolved {
    /// They are marked as sent now, and the event is settled.
    MarkedSent,
    /// They are marked as sent now; others of the event are open or were refused.
    MarkedSentOthersLeft,
    /// They are given back and a message is queued: the pipeline sends them.
    Queued,
    /// The event had come to its end before.
    SettledBefore(Settled),
    /// Nothing of it is parked.
    NotParked,
    /// A worker is at it: its lease is waited for, and then it is resolved again.
    BeingSent,
    /// Somebody else changed it meanwhile.
    ChangedMeanwhile,
}

/// Every event with parked effects, by name. A settled marker is empty, so that only claims are read.
pub async fn list_parked<H: Home>(home: &H) -> Result<Vec<Parked>, PortError> {
    let mut parked = Vec::new();
    let ledger = Ledger::new(home.store());
    let mut claims = ledger.list(Kind::Claim);
    while let Some(entry) = claims.next().await? {
        let Ok(name) = Kind::Claim.parse(&entry.key) else {
            continue;
        };
        if is_mark(&entry) {
            continue;
        }
        let claim = ledger.claim(&name).await?.readable()?;
        let Some(open) = Open::of(home, &name, claim).await? else {
            continue;
        };
        let effects = open.parked();
        if !effects.is_empty() {
            let said = effects.iter().filter_map(|id| open.effects.said.get(id));
            let attempts = said.map(|effect| effect.attempt);
            parked.push(Parked {
                name,
                parked_at: open.effects.parked_since().unwrap_or(entry.last_modified),
                attempt: attempts.max().unwrap_or_default(),
                effects,
            });
        }
    }
    Ok(parked)
}

/// A claim that is not settled, with the effects that it speaks of.
struct Open {
    claim: Claim,
    etag: ETag,
    effects: EventEffects,
}

impl Open {
    /// What a claim that was read leaves open.
    async fn of<H: Home>(
        home: &H,
        name: &EventName,
        claim: ClaimState,
    ) -> Result<Option<Self>, PortError> {
        let ledger = Ledger::new(home.store());
        let ClaimState::Claimed(said, etag) = &claim else {
            return Ok(None);
        };
        let document = ledger.document(name).await?;
        Ok(Some(Self {
            effects: EventEffects::of(&document, &claim),
            claim: said.clone(),
            etag: etag.clone(),
        }))
    }

    fn parked(&self) -> Vec<EffectId> {
        self.effects.with(|state| state == EffectState::Parked)
    }
}

/// Resolves what is parked of an event. The claim changes first, and only over the version that was read; the message comes second. A crash
/// between the two leaves effects that are given back without a message: resolving again sends one.
pub async fn resolve<H: Home>(
    home: &H,
    name: &EventName,
    resolution: Resolution,
) -> Result<Resolved, PortError> {
    let ledger = Ledger::new(home.store());
    let claim = ledger.claim(name).await?.readable()?;
    if let Some(settled) = claim.settled() {
        return Ok(Resolved::SettledBefore(settled));
    }
    let Some(open) = Open::of(home, name, claim).await? else {
        return Ok(Resolved::NotParked);
    };
    if open.claim.is_live(home.clock().now(), None) {
        return Ok(Resolved::BeingSent);
    }
    let parked = open.parked();
    let has_open = !open.effects.with(EffectState::is_open).is_empty();
    match resolution {
        // They were given back before, and the message may never have been sent.
        Resolution::Resend if parked.is_empty() && has_open => enqueue(home, name).await,
        _ if parked.is_empty() => Ok(Resolved::NotParked),
        Resolution::Resend => {
            let given_back = open.changed(&parked, |effect| Effect {
                state: EffectState::Idle,
                doubts: 0,
                ..effect
            });
            if open.write(home, name, given_back).await? {
                enqueue(home, name).await
            } else {
                Ok(Resolved::ChangedMeanwhile)
            }
        }
        Resolution::Sent => {
            let now = home.clock().now();
            let sent = open.changed(&parked, |effect| Effect {
                state: EffectState::Sent,
                at: Some(now),
                ..effect
            });
            let is_settled = matches!(sent.standing(), Standing::Settled { .. });
            Ok(match open.write(home, name, sent).await? {
                true if is_settled => Resolved::MarkedSent,
                true => Resolved::MarkedSentOthersLeft,
                false => Resolved::ChangedMeanwhile,
            })
        }
    }
}

impl Open {
    fn changed(&self, which: &[EffectId], change: impl Fn(Effect) -> Effect) -> EventEffects {
        let said = self.effects.said.clone().into_iter();
        let said = said.map(|(id, effect)| {
            let is_one = which.contains(&id);
            (id, if is_one { change(effect) } else { effect })
        });
        EventEffects {
            said: said.collect(),
            ..self.effects.clone()
        }
    }

    /// Writes what the effects are from now on, over the version that was read: the marker, where nothing is left to do. Where the reply is
    /// lost, or says that another version is there, what is stored decides whether it was written.
    async fn write<H: Home>(
        &self,
        home: &H,
        name: &EventName,
        effects: EventEffects,
    ) -> Result<bool, PortError> {
        let ledger = Ledger::new(home.store());
        let settled = match effects.standing() {
            Standing::Settled { letters } => Some(Marker {
                told: (!effects.is_of_everybody).then_some(letters),
                ..Marker::new(Settled::Sent, home.clock().now())
            }),
            Standing::Open { .. } | Standing::Refused | Standing::Parked | Standing::NoReceiver => {
                None
            }
        };
        // What stands for every receiver names none: each one that there is today is idle.
        let said = if effects.is_of_everybody {
            Effects::default()
        } else {
            effects.said
        };
        let token = u128::from_be_bytes(home.entropy().bits());
        let claim = Claim {
            token: format!("{token:032x}"),
            says: Says::Named(said),
            ..self.claim.clone()
        };
        let written = match &settled {
            Some(marker) => ledger.settle(name, Some(&self.etag), marker).await,
            None => ledger.write_claim(name, Some(&self.etag), &claim).await,
        };
        if matches!(written, Ok(Some(_))) {
            return Ok(true);
        }
        let is_stored = match ledger.claim(name).await?.readable()? {
            ClaimState::Settled(marker, _) => settled.is_some() && marker.how == Settled::Sent,
            ClaimState::Claimed(stored, _) => stored.token == claim.token,
            ClaimState::Absent | ClaimState::Unreadable(_) => false,
        };
        match written {
            Err(error) if !is_stored => Err(error),
            _ => Ok(is_stored),
        }
    }
}

/// An operator's bare message: processed at once, left out of the objective, which has counted the event as not mailed already.
async fn enqueue<H: Home>(home: &H, name: &EventName) -> Result<Resolved, PortError> {
    let raw = Ledger::new(home.store()).raw(name).await?.stored();
    let trace = raw.map(|raw| raw.trace()).unwrap_or_default();
    let message = fresh_message(name.clone(), None, trace);
    home.queue().send(message).await?;
    Ok(Resolved::Queued)
}
