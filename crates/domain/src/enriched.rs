//! The enriched document: the merged lead at top level, and the member `_leadwire` for ours (CONTRACT §5).

use crate::id::{EventId, LeadId, Sha256Hex};
use crate::merge::{Conflict, Merged, Side};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The member's name that is ours.
pub const OURS: &str = "_leadwire";

/// Where a document comes from: the member `_leadwire`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Provenance {
    /// The version of the document, 1.
    pub schema: u32,
    /// Which event it is.
    pub event_id: EventId,
    /// The source's name.
    pub source: String,
    /// The raw object.
    pub raw_key: String,
    /// Its digest.
    pub raw_sha256: Sha256Hex,
    /// When the webhook was accepted.
    pub accepted_at: Timestamp,
    /// When it was merged.
    pub enriched_at: Timestamp,
    /// The owner file's version, where there was one.
    pub lookup_etag: Option<String>,
    /// When the owner file was written, where there was one; the mail is in time from then on.
    #[serde(default)]
    pub lookup_modified_at: Option<Timestamp>,
    /// Which side each known field came from.
    pub from: BTreeMap<String, Side>,
    /// Where the sides disagreed.
    pub conflicts: Vec<Conflict>,
}

/// A stored document, as the mail needs it.
#[derive(Clone, Debug)]
pub struct Enriched {
    /// Whom it is about.
    pub lead_id: LeadId,
    /// The texts of the known fields that are there and not empty.
    pub display_name: Option<String>,
    /// The lead's own address, shown, never written to.
    pub lead_email: Option<String>,
    /// The owner's name.
    pub lead_owner: Option<String>,
    /// The funnel.
    pub funnel: Option<String>,
    /// The status.
    pub status_label: Option<String>,
    /// When the CRM created the lead, as it says it.
    pub date_created: Option<String>,
    /// The owner's address, only where the owner file gave it (CONTRACT P7).
    pub owner_email: Option<String>,
    /// Where it comes from.
    pub provenance: Provenance,
}

/// A stored document that is not one of ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not an enriched document of schema 1")]
pub struct EnrichedError;

/// Writes the document: the known fields in a fixed order, the others by name, then `_leadwire` made of `provenance` and what the merge says of sides.
pub fn render_enriched(_merged: &Merged, _provenance: &Provenance) -> Vec<u8> {
    todo!()
}

/// Reads a stored document.
pub fn parse_enriched(_bytes: &[u8]) -> Result<Enriched, EnrichedError> {
    todo!()
}
