//! Whether an event that failed has an effect that is open all the same: its last receive failed, and its dead letter may be gone.

use crate::ledger::{ClaimState, DocumentState, EventEffects, Ledger};
use crate::port::{ObjectStore, PortError};
use leadwire_domain::claim::{Claim, Says};
use leadwire_domain::effect::EffectState;
use leadwire_domain::failure::FailureReason;
use leadwire_domain::key::EventName;

/// How often an event is enqueued again before it is given up.
pub(super) const SENDS_MAX: u32 = 2;

/// An open effect is not failed. What was given up before stays so, else it would be found for ever.
pub(super) async fn is_open_beside_failure<S: ObjectStore>(
    ledger: Ledger<'_, S>,
    name: &EventName,
) -> Result<bool, PortError> {
    let claim = ledger.claim(name).await?;
    // A claim of the first edition does not tell what was refused from what was busy, and what failed then is in the dead letters.
    let says_which = |claim: &Claim| !matches!(claim.says, Says::Old(_));
    if !matches!(&claim, ClaimState::Claimed(claim, _) if says_which(claim)) {
        return Ok(false);
    }
    // Without a document there is no effect yet, and the reason says why.
    let document = ledger.document(name).await?;
    if !matches!(document, DocumentState::Stored(_)) {
        return Ok(false);
    }
    let open = EventEffects::of(&document, &claim).with(EffectState::is_open);
    Ok(!open.is_empty() && !is_given_up(ledger, name).await?)
}

async fn is_given_up<S: ObjectStore>(
    ledger: Ledger<'_, S>,
    name: &EventName,
) -> Result<bool, PortError> {
    if ledger.times_swept(name).await? > SENDS_MAX {
        return Ok(true);
    }
    let failure = ledger.failure(name).await?;
    let record = failure.and_then(|failure| failure.record);
    Ok(record.is_some_and(|record| record.reason == FailureReason::SweptOut))
}
