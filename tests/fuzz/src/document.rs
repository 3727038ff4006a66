//! What lies in the store and is read again: claims, failures, enriched documents.

use crate::input::{now, text};
use crate::mail::check_mail;
use leadwire_domain::claim::{Claim, Says, Settled, Takeover};
use leadwire_domain::effect::{EffectId, EffectState};
use leadwire_domain::failure::FailureRecord;
use leadwire_domain::json::Object;
use leadwire_domain::lead::document::parse_enriched;

/// Any bytes in place of a stored document are read as one, which says the same when it is written again, or as none.
pub fn stored_document(data: &[u8]) {
    if let Ok(claim) = serde_json::from_slice::<Claim>(data) {
        check_claim(&claim);
    }
    if let Ok(failure) = serde_json::from_slice::<FailureRecord>(data) {
        let json = serde_json::to_vec(&failure).expect("plain fields always serialise");
        assert_eq!(serde_json::from_slice(&json).ok(), Some(failure));
    }
    if let Ok(lead) = parse_enriched(data) {
        assert!(Object::parse(data).is_ok());
        assert_eq!(lead.provenance.schema, 1);
        check_mail(&lead);
    }
    let name = text(data);
    if let Some(settled) = Settled::from_name(&name) {
        assert_eq!(settled.as_str(), name);
    }
}

fn check_claim(claim: &Claim) {
    // What version 1 said is read, and never written.
    let json = serde_json::to_vec(claim).ok();
    let again = json.and_then(|json| serde_json::from_slice(&json).ok());
    let written = (!matches!(claim.says, Says::Old(_))).then_some(claim);
    assert_eq!(again.as_ref(), written);
    // Named or not, each effect of a document stands somewhere, and what is sent was open or refused.
    let mut listed = claim.named();
    listed.push(EffectId::everybody());
    listed.dedup();
    for doubts_max in [1, 2] {
        let taken = Takeover::new(
            &claim.effects_of(&listed),
            listed.clone(),
            doubts_max,
            now(),
        );
        for id in &taken.todo {
            let effect = taken.effects.get(id).expect("it is one of them");
            assert_eq!(effect.state, EffectState::Sending);
            assert!(effect.attempt > 0);
        }
        let is_open = |state: EffectState| state.is_open();
        let open = taken
            .effects
            .values()
            .filter(|effect| is_open(effect.state))
            .count();
        assert_eq!(open, taken.todo.len());
    }
    if claim.is_live(now(), None) {
        assert!(claim.is_sending() && now() < claim.lease_until);
    }
}
