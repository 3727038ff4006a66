//! The merge of an event with its owner file (CONTRACT §5): one lead, nothing invented, nothing lost.

use crate::id::LeadId;
use crate::json::Object;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Which side a value came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Side {
    /// The webhook.
    Event,
    /// The owner file.
    Lookup,
}

/// A field on which the sides disagree. It names the field and the side kept, never the values.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Conflict {
    /// The field.
    pub field: String,
    /// The side whose value was kept.
    pub kept: Side,
}

/// A merged lead.
#[derive(Clone, Debug)]
pub struct Merged {
    /// The fields, `lead_id` among them as a string.
    pub fields: Object,
    /// For each of the known fields that is there: which side it came from.
    pub from: BTreeMap<String, Side>,
    /// Where the sides disagreed.
    pub conflicts: Vec<Conflict>,
}

/// Two sides that must not be merged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MergeError {
    /// The owner file has no valid lead id.
    #[error("the owner file has no valid lead_id")]
    NoLeadId,
    /// The owner file is another lead's.
    #[error("the owner file is another lead's")]
    OtherLead,
    /// The owner file has a member `_leadwire`.
    #[error("the owner file has a member _leadwire, which is reserved")]
    Reserved,
}

/// Merges the fields of an event of `lead_id` with its owner file; `None` where the owner is missing and the lead is mailed as unassigned.
pub fn merge(_lead_id: &LeadId, _event: &Object, _lookup: Option<&Object>) -> Result<Merged, MergeError> {
    todo!()
}
