//! Step c: the one enriched document of an event. An attempt that finds one stored uses that, never a merge of its own.

use super::context::{Context, Failed, Step};
use super::owner::{self, OwnerFile};
use crate::ledger::{Document, DocumentState, Owner, OwnerState, Raw, RawEvent, RawState};
use crate::observe::{LeadEmpty, LeadEnriched, OwnerEmailInvalid, Subject};
use crate::port::{Created, Home, PortError};
use leadwire_domain::channel::Addressee;
use leadwire_domain::effect::EffectId;
use leadwire_domain::failure::FailureReason;
use leadwire_domain::lead::document::{Provenance, owner_email, render_enriched};
use leadwire_domain::lead::merge::{Merged, merge};
use leadwire_domain::lead::owner::{OwnerDefect, OwnerFileError};
use leadwire_domain::notice::{EmailAddress, is_empty_lead};

/// The document of an attempt.
pub(super) enum Source {
    /// It is to be stored, where there is none.
    Draft(Box<Draft>),
    /// It is stored.
    Stored(Box<Document>),
}

/// A document that was made and is not stored yet.
pub(super) struct Draft {
    raw: RawEvent,
    bytes: Vec<u8>,
    conflicts: usize,
    owner_found: bool,
}

/// What bytes and owner file make, where they do.
pub(super) fn draft_at_once<H: Home>(
    cx: &mut Context<'_, H>,
    raw: &Raw,
    owner: &Owner,
) -> Result<Draft, FailureReason> {
    let raw = agreed(cx, raw.event())?;
    let owner = OwnerFile::read(owner)?;
    draft(cx, raw, Some(&owner))
}

/// What bytes and owner file make; where the owner file is absent, it is waited for.
pub(super) async fn make<H: Home>(
    cx: &mut Context<'_, H>,
    raw: RawState,
    owner: Option<Result<OwnerState, PortError>>,
) -> Result<Step<Draft>, Failed> {
    let raw = match raw {
        RawState::Stored(raw) => agreed(cx, raw.event())?,
        RawState::Absent | RawState::Forgotten(_) => return Err(FailureReason::RawMissing.into()),
        RawState::TooLarge => return Err(FailureReason::RawInvalid.into()),
    };
    let owner = match owner::obtain(cx, &raw, owner).await? {
        Step::Go(owner) => owner,
        Step::End(outcome) => return Ok(Step::End(outcome)),
    };
    Ok(Step::Go(draft(cx, raw, owner.as_ref())?))
}

/// The event in the raw object, which must be the one that the message means.
fn agreed<H: Home>(
    cx: &mut Context<'_, H>,
    raw: Option<RawEvent>,
) -> Result<RawEvent, FailureReason> {
    let raw = raw.ok_or(FailureReason::RawInvalid)?;
    cx.progress.source_read(raw.source);
    let agrees = cx.trigger.facts.as_ref().is_none_or(|facts| {
        facts.sha256 == raw.sha256
            && facts.lead_id == raw.lead_id
            && facts.source.is_synthetic() == raw.source.is_synthetic()
    });
    agrees.then_some(raw).ok_or(FailureReason::RawInvalid)
}

fn draft<H: Home>(
    cx: &Context<'_, H>,
    raw: RawEvent,
    owner: Option<&OwnerFile>,
) -> Result<Draft, FailureReason> {
    let fields = owner.map(|owner| &owner.fields);
    let merged = tracing::info_span!("merge")
        .in_scope(|| merge(&raw.lead_id, &raw.fields, fields))
        .map_err(OwnerFileError::from)?;
    let provenance = provenance(cx, &raw, owner, &merged);
    Ok(Draft {
        bytes: render_enriched(&merged, &provenance),
        conflicts: merged.conflicts.len(),
        owner_found: owner.is_some(),
        raw,
    })
}

fn provenance<H: Home>(
    cx: &Context<'_, H>,
    raw: &RawEvent,
    owner: Option<&OwnerFile>,
    merged: &Merged,
) -> Provenance {
    let owner_email = owner_email(&merged.fields, &merged.from);
    let is_canary = raw.source.is_synthetic();
    Provenance {
        schema: 1,
        event_id: raw.event_id.clone(),
        source: raw.source.to_string(),
        kind: raw.source.kind_label().map(str::to_owned),
        raw_key: cx.name().raw_key(),
        raw_sha256: raw.sha256,
        accepted_at: raw.accepted_at,
        enriched_at: cx.now(),
        lookup_etag: owner.map(|owner| owner.etag.clone()),
        lookup_modified_at: owner.map(|owner| owner.modified_at),
        from: merged.from.clone(),
        conflicts: merged.conflicts.clone(),
        notify: Some(effects(cx, owner_email, is_canary)),
    }
}

/// The effects of a document that is made now.
fn effects<H: Home>(
    cx: &Context<'_, H>,
    owner_email: Result<Option<EmailAddress>, OwnerDefect>,
    is_canary: bool,
) -> Vec<EffectId> {
    if owner_email.is_err() && cx.config.notify_owner {
        let subject = cx.subject();
        OwnerEmailInvalid { subject }.emit();
    }
    let owner = owner_email.unwrap_or_default();
    cx.config.receivers().effects(Addressee {
        owner: owner.as_ref(),
        is_canary,
    })
}

/// The effects of a document of the first edition, which names none: those of today's configuration.
pub(super) fn effects_of_today<H: Home>(cx: &Context<'_, H>, document: &Document) -> Vec<EffectId> {
    let owner_email = Ok(document.lead.owner_email.clone());
    effects(cx, owner_email, document.source().is_synthetic())
}

/// A document was made. One that says nothing of its lead looks handled, and is not: it is counted.
fn report(enriched: LeadEnriched<'_>, document: &Document) {
    let subject = enriched.subject;
    enriched.emit();
    if is_empty_lead(&document.lead) {
        LeadEmpty { subject }.emit();
    }
}

/// Creates `enriched/X`; where it is there already, or the reply was lost, the stored one counts.
pub(super) async fn store<H: Home>(
    cx: &Context<'_, H>,
    document: Source,
) -> Result<Document, Failed> {
    let draft = match document {
        Source::Stored(document) => return Ok(*document),
        Source::Draft(draft) => draft,
    };
    let Draft {
        raw,
        bytes,
        conflicts,
        owner_found,
    } = *draft;
    let enriched = LeadEnriched {
        subject: Subject::of(&raw.lead_id, &raw.event_id, raw.source),
        conflicts,
        owner_found,
    };
    let ledger = cx.ledger();
    match ledger.create_document(cx.name(), bytes.clone()).await {
        Ok(Created::New(_)) => {
            let document = Document::parse(bytes);
            let document = document.ok_or(FailureReason::EnrichedInvalid)?;
            report(enriched, &document);
            return Ok(document);
        }
        Ok(Created::Exists) => {}
        Err(error) => cx.report_failed_call(&error),
    }
    match ledger.document(cx.name()).await.map_err(Failed::store)? {
        DocumentState::Stored(stored) => {
            // Its own document, whose reply was lost: no other merge was at this very instant.
            if stored.bytes() == bytes {
                report(enriched, &stored);
            }
            Ok(*stored)
        }
        DocumentState::Invalid => Err(FailureReason::EnrichedInvalid.into()),
        DocumentState::Absent => Err(FailureReason::StoreUnavailable.into()),
    }
}
