//! The enriched document: the merged lead at top level, and the member `_leadwire` for ours (docs/PROTOCOL.md, Enriched document).

use crate::address::EmailAddress;
use crate::effect::EffectId;
use crate::json::Object;
use crate::lead::field::{KNOWN, LEAD_ID, OURS};
use crate::lead::id::{EventId, LeadId, Sha256Hex};
use crate::lead::merge::{Conflict, Merged, Side};
use crate::lead::owner::{OWNER_EMAIL, OwnerDefect, owner_address};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use std::collections::BTreeMap;
use std::fmt;

/// Where a document comes from: the member `_leadwire`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Provenance {
    /// The version of the document, 1.
    pub schema: u32,
    /// Which event it is.
    pub event_id: EventId,
    /// The source's name.
    pub source: String,
    /// Its kind, where that is another than the name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
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
    /// The effects that the event has, decided when the document was made. A document of the first edition names none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub notify: Option<Vec<EffectId>>,
}

/// A stored document, as the mail needs it. Its `Debug` shows ids only.
#[derive(Clone)]
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
    /// The owner's address, only where the owner file gave one that can be read (promise P7).
    pub owner_email: Option<EmailAddress>,
    /// Where it comes from.
    pub provenance: Provenance,
    /// Every field, verbatim.
    pub fields: Object,
}

impl fmt::Debug for Enriched {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Enriched")
            .field("lead_id", &self.lead_id)
            .field("provenance", &self.provenance)
            .finish_non_exhaustive()
    }
}

/// A stored document that is not one of ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not an enriched document of schema 1")]
pub struct EnrichedError;

/// The version of the document that this code writes and reads.
pub const SCHEMA: u32 = 1;

/// Writes the document: the known fields in a fixed order, the others by name, then `_leadwire` made of `provenance` and what the merge says of sides.
pub fn render_enriched(merged: &Merged, provenance: &Provenance) -> Vec<u8> {
    let ours = Provenance {
        from: merged.from.clone(),
        conflicts: merged.conflicts.clone(),
        ..provenance.clone()
    };
    let ours = serde_json::value::to_raw_value(&ours).expect("plain fields always serialise");
    let shown_first = |name: &str| name == LEAD_ID || KNOWN.contains(&name);
    let known = [LEAD_ID]
        .into_iter()
        .chain(KNOWN)
        .filter_map(|name| Some((name, merged.fields.get(name)?)));
    let others = merged
        .fields
        .iter()
        .filter(|(name, _)| !shown_first(name) && *name != OURS);
    let mut document = String::from("{");
    for (name, value) in known.chain(others) {
        push_member(&mut document, name, value);
        document.push(',');
    }
    push_member(&mut document, OURS, &ours);
    document.push('}');
    document.into_bytes()
}

fn push_member(document: &mut String, name: &str, value: &RawValue) {
    document.push_str(crate::json::raw_text(name).get());
    document.push(':');
    document.push_str(value.get());
}

/// Reads a stored document.
pub fn parse_enriched(bytes: &[u8]) -> Result<Enriched, EnrichedError> {
    let fields = Object::parse(bytes).map_err(|_not_json| EnrichedError)?;
    let lead_id = fields.get(LEAD_ID).ok_or(EnrichedError)?;
    // A document has the id that it lies under, and never what that stands for.
    let is_ours = LeadId::external_in(lead_id).is_none();
    let lead_id = LeadId::from_json(lead_id).ok().filter(|_| is_ours);
    let lead_id = lead_id.ok_or(EnrichedError)?;
    let ours = fields.get(OURS).ok_or(EnrichedError)?;
    let provenance: Provenance =
        serde_json::from_str(ours.get()).map_err(|_other_shape| EnrichedError)?;
    if provenance.schema != SCHEMA {
        return Err(EnrichedError);
    }
    Ok(Enriched {
        lead_id,
        display_name: fields.shown("display_name"),
        lead_email: fields.shown("lead_email"),
        lead_owner: fields.shown("lead_owner"),
        funnel: fields.shown("funnel"),
        status_label: fields.shown("status_label"),
        date_created: fields.shown("date_created"),
        owner_email: owner_email(&fields, &provenance.from).unwrap_or_default(),
        provenance,
        fields,
    })
}

/// The owner's address among a lead's fields, only where the owner file gave it (promise P7).
pub fn owner_email(
    fields: &Object,
    from: &BTreeMap<String, Side>,
) -> Result<Option<EmailAddress>, OwnerDefect> {
    if from.get(OWNER_EMAIL) == Some(&Side::Lookup) {
        owner_address(fields)
    } else {
        Ok(None)
    }
}

#[cfg(test)]
mod tests;
