//! Step c: the one enriched document of an event. Whoever comes second uses the stored one, never a merge of its own.

use super::attempt::{Attempt, Found, Stop};
use super::record::Outcome;
use crate::config::OwnerMissingPolicy;
use crate::ledger::{Document, DocumentState, OwnerState, RawEvent, RawState};
use crate::observe::{CallFailed, LeadEnriched, LookupDenied, Subject};
use crate::port::{Created, Home, PortError};
use jiff::Timestamp;
use leadwire_domain::failure::FailureReason;
use leadwire_domain::json::Object;
use leadwire_domain::lead::document::{Provenance, render_enriched};
use leadwire_domain::lead::merge::{MergeError, merge};
use leadwire_domain::source::Source;
use leadwire_domain::wait::{DeferReason, decide_owner_wait};

/// An owner file, read.
struct Owner {
    fields: Object,
    etag: String,
    modified_at: Timestamp,
}

pub(super) fn failed(reason: FailureReason) -> Stop {
    Stop::With(Outcome::Failed(reason))
}

impl<H: Home> Attempt<'_, H> {
    /// The stored document, or the one that this attempt makes and stores.
    pub(super) async fn document(&self, found: Found) -> Result<Document, Stop> {
        let Found {
            document,
            raw,
            owner,
            ..
        } = found;
        let document = match document.map_err(unavailable)? {
            DocumentState::Stored(document) => *document,
            DocumentState::Absent => self.make_document(raw, owner).await?,
            DocumentState::Invalid => return Err(failed(FailureReason::EnrichedInvalid)),
        };
        self.source.get_or_init(|| document.source());
        Ok(document)
    }

    async fn make_document(
        &self,
        raw: Result<RawState, PortError>,
        owner: Option<Result<OwnerState, PortError>>,
    ) -> Result<Document, Stop> {
        let raw = self.read_raw(raw.map_err(unavailable)?)?;
        let owner = self.owner(&raw, owner).await?;
        let owner_fields = owner.as_ref().map(|owner| &owner.fields);
        let merged = tracing::info_span!("merge")
            .in_scope(|| merge(&raw.lead_id, &raw.fields, owner_fields))
            .map_err(|error| match error {
                MergeError::OtherLead => failed(FailureReason::LookupMismatch),
                MergeError::NoLeadId | MergeError::Reserved => failed(FailureReason::LookupInvalid),
            })?;
        let provenance = Provenance {
            schema: 1,
            event_id: raw.event_id.clone(),
            source: raw.source.to_string(),
            raw_key: self.trigger.name.raw_key(),
            raw_sha256: raw.sha256,
            accepted_at: raw.accepted_at,
            enriched_at: self.now(),
            lookup_etag: owner.as_ref().map(|owner| owner.etag.clone()),
            lookup_modified_at: owner.as_ref().map(|owner| owner.modified_at),
            from: merged.from.clone(),
            conflicts: merged.conflicts.clone(),
        };
        let bytes = render_enriched(&merged, &provenance);
        let event = LeadEnriched {
            subject: Subject {
                lead_id: Some(&raw.lead_id),
                event_id: Some(&raw.event_id),
                source: Some(raw.source),
            },
            conflicts: merged.conflicts.len(),
            owner_found: owner.is_some(),
        };
        self.store_document(bytes, event).await
    }

    /// Creates `enriched/X`; where it is there already, or the reply was lost, the stored one counts.
    async fn store_document(
        &self,
        bytes: Vec<u8>,
        event: LeadEnriched<'_>,
    ) -> Result<Document, Stop> {
        let (ledger, name) = (self.ledger(), &self.trigger.name);
        let created = ledger.create_document(name, bytes.clone()).await;
        if matches!(created, Ok(Created::New(_))) {
            event.emit();
            return parse_document(bytes);
        }
        if let Err(error) = &created {
            CallFailed {
                subject: self.subject(),
                error,
            }
            .emit();
        }
        match ledger.document(name).await.map_err(unavailable)? {
            DocumentState::Stored(stored) => {
                // Its own document, whose reply was lost: nobody else merged at this very instant.
                if stored.bytes() == bytes {
                    event.emit();
                }
                Ok(*stored)
            }
            DocumentState::Invalid => Err(failed(FailureReason::EnrichedInvalid)),
            DocumentState::Absent => Err(failed(FailureReason::StoreUnavailable)),
        }
    }

    fn read_raw(&self, raw: RawState) -> Result<RawEvent, Stop> {
        match raw {
            RawState::Stored(stored) => {
                let raw = stored
                    .event()
                    .ok_or_else(|| failed(FailureReason::RawInvalid))?;
                self.source.get_or_init(|| raw.source);
                let expected = self.trigger.facts.as_ref();
                let agrees = expected.is_none_or(|facts| {
                    facts.sha256 == raw.sha256
                        && facts.lead_id == raw.lead_id
                        && (facts.source == Source::Canary) == (raw.source == Source::Canary)
                });
                if agrees {
                    Ok(raw)
                } else {
                    Err(failed(FailureReason::RawInvalid))
                }
            }
            RawState::Absent => Err(failed(FailureReason::RawMissing)),
            RawState::TooLarge => Err(failed(FailureReason::RawInvalid)),
        }
    }

    /// The owner file; `None` where it is missing for good and the lead is mailed as unassigned.
    async fn owner(
        &self,
        raw: &RawEvent,
        looked_up: Option<Result<OwnerState, PortError>>,
    ) -> Result<Option<Owner>, Stop> {
        let look = if let Some(look) = looked_up {
            look
        } else {
            self.ledger().owner(&raw.lead_id).await
        };
        match look.map_err(unavailable)? {
            OwnerState::Stored(stored) => {
                let fields = stored.fields();
                Ok(Some(Owner {
                    fields: fields.ok_or_else(|| failed(FailureReason::LookupInvalid))?,
                    etag: stored.etag,
                    modified_at: stored.modified_at,
                }))
            }
            OwnerState::TooLarge => Err(failed(FailureReason::LookupInvalid)),
            OwnerState::Denied => {
                LookupDenied {
                    subject: self.subject(),
                }
                .emit();
                self.owner_absent(raw).await
            }
            OwnerState::Absent => self.owner_absent(raw).await,
        }
    }

    /// Waiting is not failing: the owner may be assigned late. Only at the end of the window it counts as missing.
    async fn owner_absent(&self, raw: &RawEvent) -> Result<Option<Owner>, Stop> {
        let window_end = self.owner_window_end(raw.accepted_at);
        if let Some(seconds) = decide_owner_wait(self.now(), window_end, &self.trigger.waiting) {
            return Err(match self.defer(DeferReason::OwnerAbsent, seconds).await {
                Ok(outcome) => Stop::With(outcome),
                Err(stop) => stop,
            });
        }
        match self.config.owner_missing {
            OwnerMissingPolicy::Dlq => Err(failed(FailureReason::OwnerMissing)),
            OwnerMissingPolicy::Mail => Ok(None),
        }
    }
}

fn parse_document(bytes: Vec<u8>) -> Result<Document, Stop> {
    Document::parse(bytes).ok_or_else(|| failed(FailureReason::EnrichedInvalid))
}

fn unavailable(error: PortError) -> Stop {
    Stop::Call(FailureReason::StoreUnavailable, error)
}
