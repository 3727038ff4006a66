//! Step c: the one enriched document of an event. Whoever comes second uses the stored one, never a merge of its own.

use super::attempt::{Attempt, Found, Stop};
use super::record::Outcome;
use crate::config::OwnerMissingPolicy;
use crate::ledger::raw::{Raw, label};
use crate::observe::{CallFailed, LeadEnriched, LookupDenied, Subject};
use crate::port::{Bucket, Created, Fetched, Home, NewObject, ObjectStore, PortError};
use jiff::Timestamp;
use leadwire_domain::failure::FailureReason;
use leadwire_domain::json::Object;
use leadwire_domain::key::lookup_key;
use leadwire_domain::lead::document::{Enriched, Provenance, parse_enriched, render_enriched};
use leadwire_domain::lead::merge::{MergeError, merge};
use leadwire_domain::limits::{LOOKUP_BYTES_MAX, OBJECT_BYTES_MAX};
use leadwire_domain::source::Source;
use leadwire_domain::wait::{DeferReason, decide_owner_wait};

/// A stored document, read.
pub(super) struct Document {
    pub(super) lead: Enriched,
    /// As it is stored.
    pub(super) bytes: Vec<u8>,
}

impl Document {
    /// Where the event came from: what is stored says so, and nothing else.
    pub(super) fn source(&self) -> Source {
        Source::from_name(&self.lead.provenance.source).unwrap_or(Source::Generic)
    }
}

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
        let document = match &found.enriched {
            Fetched::Found(stored) => parse_document(stored.bytes.clone()),
            Fetched::Missing => self.make_document(found).await,
            Fetched::Denied => Err(denied("read the enriched document")),
            Fetched::TooLarge => Err(failed(FailureReason::EnrichedInvalid)),
        }?;
        self.source.get_or_init(|| document.source());
        Ok(document)
    }

    async fn make_document(&self, found: Found) -> Result<Document, Stop> {
        let raw = self.read_raw(&found.raw)?;
        let owner = self.owner(&raw, found.lookup).await?;
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
        let key = self.trigger.name.enriched_key();
        let created = self
            .home
            .store()
            .create(Bucket::Enriched, &key, NewObject::of(bytes.clone()))
            .await;
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
        let stored = self
            .home
            .store()
            .get(Bucket::Enriched, &key, OBJECT_BYTES_MAX)
            .await;
        match stored.map_err(|error| Stop::Call(FailureReason::StoreUnavailable, error))? {
            Fetched::Found(stored) => {
                // Its own document, whose reply was lost: nobody else merged at this very instant.
                if stored.bytes == bytes {
                    event.emit();
                }
                parse_document(stored.bytes)
            }
            Fetched::Missing | Fetched::Denied | Fetched::TooLarge => {
                Err(failed(FailureReason::StoreUnavailable))
            }
        }
    }

    fn read_raw(&self, raw: &Fetched) -> Result<Raw, Stop> {
        match raw {
            Fetched::Found(stored) => {
                let raw = label(stored, &self.trigger.name.to_string())
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
            Fetched::Missing => Err(failed(FailureReason::RawMissing)),
            Fetched::Denied => Err(denied("read the raw object")),
            Fetched::TooLarge => Err(failed(FailureReason::RawInvalid)),
        }
    }

    /// The owner file; `None` where it is missing for good and the lead is mailed as unassigned.
    async fn owner(
        &self,
        raw: &Raw,
        looked_up: Option<Result<Fetched, PortError>>,
    ) -> Result<Option<Owner>, Stop> {
        let look = if let Some(look) = looked_up {
            look
        } else {
            let key = lookup_key(&raw.lead_id);
            let store = self.home.store();
            store.get(Bucket::Lookup, &key, LOOKUP_BYTES_MAX).await
        };
        let lookup = look.map_err(|error| Stop::Call(FailureReason::StoreUnavailable, error))?;
        match lookup {
            Fetched::Found(stored) => {
                let fields = Object::parse(&stored.bytes)
                    .map_err(|_invalid| failed(FailureReason::LookupInvalid))?;
                Ok(Some(Owner {
                    fields,
                    etag: stored.etag.0.clone(),
                    modified_at: stored.last_modified,
                }))
            }
            Fetched::TooLarge => Err(failed(FailureReason::LookupInvalid)),
            Fetched::Denied => {
                LookupDenied {
                    subject: self.subject(),
                }
                .emit();
                self.owner_absent(raw).await
            }
            Fetched::Missing => self.owner_absent(raw).await,
        }
    }

    /// Waiting is not failing: the owner may be assigned late. Only at the end of the window it counts as missing.
    async fn owner_absent(&self, raw: &Raw) -> Result<Option<Owner>, Stop> {
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

pub(super) fn parse_document(bytes: Vec<u8>) -> Result<Document, Stop> {
    let lead = parse_enriched(&bytes).map_err(|_invalid| failed(FailureReason::EnrichedInvalid))?;
    Ok(Document { lead, bytes })
}

pub(super) fn denied(action: &'static str) -> Stop {
    Stop::Call(
        FailureReason::StoreUnavailable,
        PortError::permanent(action, "access denied"),
    )
}
