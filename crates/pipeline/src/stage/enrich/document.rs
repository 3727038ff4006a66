//! Step c: the one enriched document of an event. An attempt that finds one stored uses that, never a merge of its own.

use super::context::{Context, Failed, Snapshot, Step};
use super::owner::{self, OwnerFile};
use crate::ledger::{Document, DocumentState, OwnerState, RawEvent, RawState};
use crate::observe::{LeadEnriched, Subject};
use crate::port::{Created, Home, PortError};
use leadwire_domain::failure::FailureReason;
use leadwire_domain::lead::document::{Provenance, render_enriched};
use leadwire_domain::lead::merge::{MergeError, Merged, merge};

/// The stored document, or the one that this attempt makes and stores.
pub(super) async fn obtain<H: Home>(
    cx: &mut Context<'_, H>,
    snapshot: Snapshot,
) -> Result<Step<Document>, Failed> {
    let Snapshot {
        document,
        raw,
        owner,
    } = snapshot;
    let document = match document {
        DocumentState::Stored(document) => *document,
        DocumentState::Invalid => return Err(FailureReason::EnrichedInvalid.into()),
        DocumentState::Absent => match make(cx, raw, owner).await? {
            Step::Go(document) => document,
            Step::End(outcome) => return Ok(Step::End(outcome)),
        },
    };
    cx.progress.source_read(document.source());
    Ok(Step::Go(document))
}

async fn make<H: Home>(
    cx: &mut Context<'_, H>,
    raw: RawState,
    owner: Option<Result<OwnerState, PortError>>,
) -> Result<Step<Document>, Failed> {
    let raw = read_raw(cx, raw)?;
    let owner = match owner::obtain(cx, &raw, owner).await? {
        Step::Go(owner) => owner,
        Step::End(outcome) => return Ok(Step::End(outcome)),
    };
    let fields = owner.as_ref().map(|owner| &owner.fields);
    let merged = tracing::info_span!("merge")
        .in_scope(|| merge(&raw.lead_id, &raw.fields, fields))
        .map_err(|error| match error {
            MergeError::OtherLead => FailureReason::LookupMismatch,
            MergeError::NoLeadId | MergeError::Reserved => FailureReason::LookupInvalid,
        })?;
    let provenance = provenance(cx, &raw, owner.as_ref(), &merged);
    let enriched = LeadEnriched {
        subject: Subject::of(&raw.lead_id, &raw.event_id, raw.source),
        conflicts: merged.conflicts.len(),
        owner_found: owner.is_some(),
    };
    let bytes = render_enriched(&merged, &provenance);
    store(cx, bytes, enriched).await.map(Step::Go)
}

/// The event in the raw object, which must be the one that the message means.
fn read_raw<H: Home>(cx: &mut Context<'_, H>, raw: RawState) -> Result<RawEvent, Failed> {
    let raw = match raw {
        RawState::Stored(raw) => raw.event().ok_or(FailureReason::RawInvalid)?,
        RawState::Absent | RawState::Forgotten(_) => return Err(FailureReason::RawMissing.into()),
        RawState::TooLarge => return Err(FailureReason::RawInvalid.into()),
    };
    cx.progress.source_read(raw.source);
    let agrees = cx.trigger.facts.as_ref().is_none_or(|facts| {
        facts.sha256 == raw.sha256
            && facts.lead_id == raw.lead_id
            && facts.source.is_synthetic() == raw.source.is_synthetic()
    });
    if agrees {
        Ok(raw)
    } else {
        Err(FailureReason::RawInvalid.into())
    }
}

fn provenance<H: Home>(
    cx: &Context<'_, H>,
    raw: &RawEvent,
    owner: Option<&OwnerFile>,
    merged: &Merged,
) -> Provenance {
    Provenance {
        schema: 1,
        event_id: raw.event_id.clone(),
        source: raw.source.to_string(),
        raw_key: cx.name().raw_key(),
        raw_sha256: raw.sha256,
        accepted_at: raw.accepted_at,
        enriched_at: cx.now(),
        lookup_etag: owner.map(|owner| owner.etag.clone()),
        lookup_modified_at: owner.map(|owner| owner.modified_at),
        from: merged.from.clone(),
        conflicts: merged.conflicts.clone(),
    }
}

/// Creates `enriched/X`; where it is there already, or the reply was lost, the stored one counts.
async fn store<H: Home>(
    cx: &Context<'_, H>,
    bytes: Vec<u8>,
    enriched: LeadEnriched<'_>,
) -> Result<Document, Failed> {
    let ledger = cx.ledger();
    match ledger.create_document(cx.name(), bytes.clone()).await {
        Ok(Created::New(_)) => {
            enriched.emit();
            let document = Document::parse(bytes);
            return document.ok_or(FailureReason::EnrichedInvalid.into());
        }
        Ok(Created::Exists) => {}
        Err(error) => cx.report_failed_call(&error),
    }
    match ledger.document(cx.name()).await.map_err(Failed::store)? {
        DocumentState::Stored(stored) => {
            // Its own document, whose reply was lost: no other merge was at this very instant.
            if stored.bytes() == bytes {
                enriched.emit();
            }
            Ok(*stored)
        }
        DocumentState::Invalid => Err(FailureReason::EnrichedInvalid.into()),
        DocumentState::Absent => Err(FailureReason::StoreUnavailable.into()),
    }
}
