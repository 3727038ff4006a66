//! What lies in the store and is read again: claims, failures, enriched documents.

use crate::input::{now, text};
use crate::mail::check_mail;
use leadwire_domain::claim::{Claim, ClaimDecision, Settled, decide_claim};
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
    let json = serde_json::to_vec(claim).expect("plain fields always serialise");
    assert_eq!(serde_json::from_slice(&json).ok().as_ref(), Some(claim));
    let of = |token| decide_claim(claim, token, now(), None);
    let may_send = |decision: &ClaimDecision| {
        !matches!(decision, ClaimDecision::Wait { .. } | ClaimDecision::Parked)
    };
    let [one, other] = [of("one"), of("other")];
    match claim {
        Claim::Sending(sending) if now() < sending.lease_until => {
            assert!(
                !(may_send(&one) && may_send(&other)),
                "two may send at once"
            );
        }
        Claim::Parked { .. } => assert!(!may_send(&one)),
        Claim::Sending(_) | Claim::Idle { .. } => assert!(may_send(&one) && may_send(&other)),
    }
}
