//! The merge of an event with its owner file (docs/PROTOCOL.md, Enriched document): one lead, nothing invented, nothing lost.

use crate::json::{Object, is_empty, is_same, raw_text};
use crate::lead::field::{EXTERNAL_ID, KNOWN, LEAD_ID, OURS};
use crate::lead::id::LeadId;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use std::collections::{BTreeMap, BTreeSet};

/// Facts of the event: its side comes first. Everywhere else the owner file does.
const FACTS: [&str; 3] = ["display_name", "status_label", "date_created"];

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
    /// The owner file has no lead id, or a side's is not valid.
    #[error("the owner file has no valid lead_id")]
    NoLeadId,
    /// The owner file, or the event, is another lead's.
    #[error("the two sides are of two leads")]
    OtherLead,
    /// A side has a member `_leadwire`.
    #[error("a side has a member _leadwire, which is reserved")]
    Reserved,
}

/// Merges the fields of an event of `lead_id` with its owner file; `None` where the owner is missing and the lead is mailed as unassigned.
pub fn merge(
    lead_id: &LeadId,
    event: &Object,
    lookup: Option<&Object>,
) -> Result<Merged, MergeError> {
    check_side(lead_id, event)?;
    if let Some(lookup) = lookup {
        lookup.get(LEAD_ID).ok_or(MergeError::NoLeadId)?;
        check_side(lead_id, lookup)?;
    }
    let none = Object::default();
    let lookup = lookup.unwrap_or(&none);
    let mut merged = Merged {
        fields: Object::default(),
        from: BTreeMap::new(),
        conflicts: Vec::new(),
    };
    let names: BTreeSet<&str> = event
        .iter()
        .chain(lookup.iter())
        .map(|(name, _)| name)
        .collect();
    let external = External::find(lead_id, event, lookup);
    let is_ours = |name: &str| name == LEAD_ID || (name == EXTERNAL_ID && external.is_some());
    for name in names.into_iter().filter(|name| !is_ours(name)) {
        let sides = Sides {
            event: event.get(name),
            lookup: lookup.get(name),
        };
        let Some((kept, value)) = sides.choose(name) else {
            continue;
        };
        if sides.disagree() {
            merged.conflicts.push(Conflict {
                field: name.to_owned(),
                kept,
            });
        }
        if KNOWN.contains(&name) {
            merged.from.insert(name.to_owned(), kept);
        }
        merged.fields.set(name, value.to_owned());
    }
    merged.fields.set_text(LEAD_ID, lead_id.as_str());
    if let Some(external) = external {
        external.write(&mut merged, [event, lookup]);
    }
    Ok(merged)
}

/// The CRM's own id of a lead whose id is a stand-in.
struct External {
    text: Box<RawValue>,
    side: Side,
}

impl External {
    /// It is the one text that the stand-in is made of, wherever a side has it.
    fn find(lead_id: &LeadId, event: &Object, lookup: &Object) -> Option<Self> {
        let places = [LEAD_ID, EXTERNAL_ID].into_iter();
        let places = places.flat_map(|name| {
            [
                (Side::Event, event.get(name)),
                (Side::Lookup, lookup.get(name)),
            ]
        });
        let mut texts =
            places.filter_map(|(side, value)| Some((side, LeadId::external_in(value?)?)));
        let is_its = |text: &str| LeadId::from_text(text).is_ok_and(|id| id == *lead_id);
        let (side, text) = texts.find(|(_, text)| is_its(text))?;
        Some(Self {
            text: raw_text(&text),
            side,
        })
    }

    /// A field of that name that says something else gives way, and the document says so.
    fn write(self, merged: &mut Merged, sides: [&Object; 2]) {
        let mut fields = sides.into_iter().filter_map(|side| side.get(EXTERNAL_ID));
        if fields.any(|value| !is_empty(value) && !is_same(value, &self.text)) {
            merged.conflicts.push(Conflict {
                field: EXTERNAL_ID.to_owned(),
                kept: self.side,
            });
        }
        merged.fields.set(EXTERNAL_ID, self.text);
    }
}

/// A side that says whose it is is this lead's, and has no member of ours.
pub(super) fn check_side(lead_id: &LeadId, side: &Object) -> Result<(), MergeError> {
    if side.get(OURS).is_some() {
        return Err(MergeError::Reserved);
    }
    match side.get(LEAD_ID).map(LeadId::from_json) {
        Some(Err(_)) => Err(MergeError::NoLeadId),
        Some(Ok(found)) if found != *lead_id => Err(MergeError::OtherLead),
        Some(Ok(_)) | None => Ok(()),
    }
}

/// What the two sides say of one field.
struct Sides<'a> {
    event: Option<&'a RawValue>,
    lookup: Option<&'a RawValue>,
}

impl<'a> Sides<'a> {
    /// The first choice unless it is absent or empty and the other side is not.
    fn choose(&self, name: &str) -> Option<(Side, &'a RawValue)> {
        let event = self.event.map(|value| (Side::Event, value));
        let lookup = self.lookup.map(|value| (Side::Lookup, value));
        let (first, second) = if FACTS.contains(&name) {
            (event, lookup)
        } else {
            (lookup, event)
        };
        let full = |side: &(Side, &RawValue)| !is_empty(side.1);
        first
            .filter(full)
            .or_else(|| second.filter(full))
            .or(first)
            .or(second)
    }

    fn disagree(&self) -> bool {
        match (self.event, self.lookup) {
            (Some(event), Some(lookup)) => {
                !is_empty(event) && !is_empty(lookup) && !is_same(event, lookup)
            }
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests;
