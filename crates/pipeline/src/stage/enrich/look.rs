//! Step b: what is stored of an event is read, and says whether there is anything left to do.

use super::claim;
use super::context::{Context, Failed, Step};
use super::document::{self, Draft};
use super::record::{Done, Outcome};
use crate::ledger::{ClaimState, DocumentState, OwnerState, RawState};
use crate::port::{Home, PortError};
use leadwire_domain::wait::WaitKind;

/// What was found.
pub(super) enum Look {
    /// Bytes and owner file are there, and make a document. Nothing else was read.
    Draft(Box<Draft>),
    /// Everything that is known, of an event that no worker is at and that has not come to its end.
    Known(Box<Known>),
}

/// Everything that is known of an event.
pub(super) struct Known {
    pub(super) claim: ClaimState,
    pub(super) document: Result<DocumentState, PortError>,
    pub(super) raw: Result<RawState, PortError>,
    /// The owner file, where the message says whose it is. It is not needed, nor its errors, where there is a document.
    pub(super) owner: Option<Result<OwnerState, PortError>>,
}

/// The first receive of an event's own message is the only one, nearly always: it does not read what it is about to write. Whatever it
/// meets then, all is read before anything is decided, waited for or reported.
pub(super) async fn first<H: Home>(cx: &mut Context<'_, H>) -> Result<Step<Look>, Failed> {
    let Some(facts) = cx.trigger.facts.as_ref().filter(|_| is_first(cx)) else {
        return all(cx).await;
    };
    let ledger = cx.ledger();
    let (raw, owner) = tokio::join!(ledger.raw(cx.name()), ledger.owner(&facts.lead_id));
    if let (Ok(RawState::Stored(raw)), Ok(OwnerState::Stored(owner))) = (&raw, &owner)
        && let Ok(draft) = document::draft_at_once(cx, raw, owner)
    {
        return Ok(Step::Go(Look::Draft(Box::new(draft))));
    }
    if is_forgotten(&raw) {
        return Ok(Step::End(cx.acked(Done::Forgotten)));
    }
    let (claim, document) = tokio::join!(ledger.claim(cx.name()), ledger.document(cx.name()));
    let known = Known {
        claim: claim.map_err(Failed::store)?,
        document,
        raw,
        owner: Some(owner),
    };
    known_or_over(cx, known).await
}

/// Every other receive: everything that is known, in one round trip.
pub(super) async fn all<H: Home>(cx: &Context<'_, H>) -> Result<Step<Look>, Failed> {
    let (ledger, name) = (cx.ledger(), cx.name());
    let fetch_owner = async {
        let facts = cx.trigger.facts.as_ref()?;
        Some(ledger.owner(&facts.lead_id).await)
    };
    let (claim, document, raw, owner) = tokio::join!(
        ledger.claim(name),
        ledger.document(name),
        ledger.raw(name),
        fetch_owner,
    );
    if is_forgotten(&raw) {
        return Ok(Step::End(cx.acked(Done::Forgotten)));
    }
    let known = Known {
        claim: claim.map_err(Failed::store)?,
        document,
        raw,
        owner,
    };
    known_or_over(cx, known).await
}

/// Whether no other attempt can have written anything yet, as far as the message knows.
fn is_first<H: Home>(cx: &Context<'_, H>) -> bool {
    let waiting = &cx.trigger.waiting;
    let has_waited = waiting.hop > 0 || waiting.kind != WaitKind::Early;
    cx.record.receive_count <= 1 && !has_waited && cx.name().revision() == 0
}

/// A forgotten event has a tombstone in place of its bytes, which its revisions ask too. Nothing else matters then.
fn is_forgotten(raw: &Result<RawState, PortError>) -> bool {
    matches!(raw, Ok(RawState::Forgotten(_)))
}

/// An event that has come to its end, or that another worker is at, needs nothing from this one, nor the errors of anything else that was
/// read.
async fn known_or_over<H: Home>(cx: &Context<'_, H>, known: Known) -> Result<Step<Look>, Failed> {
    let stopped: Option<Outcome> = claim::stop_if_over(cx, &known.claim).await?;
    Ok(match stopped {
        Some(outcome) => Step::End(outcome),
        None => Step::Go(Look::Known(Box::new(known))),
    })
}
