//! The envelope of Standard Webhooks: `{"type","timestamp","data":{the flat form}}`. Its id stands in the signed headers.

use super::{Event, LEAD_ID, LeadIds, Parsed, Take, parse_time, refuse_reserved};
use crate::json::Object;
use crate::problem::Problem;

/// Whether this is an envelope rather than a flat form that happens to have a member `type`.
pub(super) fn is_envelope(top: &Object) -> bool {
    top.text("type").is_some() && (top.get("data").is_some() || top.get(LEAD_ID).is_none())
}

/// Reads an envelope. Its type is decided before anything else is demanded, so that another type is never an error.
pub(super) fn parse(top: &Object, take: Take<'_>) -> Result<Parsed, Problem> {
    let kind = top.text("type").ok_or(Problem::InvalidEvent)?;
    if !take.takes(&kind) {
        return Ok(Parsed::Ignored);
    }
    let mut fields = top.object("data").ok_or(Problem::InvalidEvent)?;
    refuse_reserved(&fields)?;
    let mut ids = LeadIds::default();
    ids.add_member(top, LEAD_ID)?;
    ids.add_member(&fields, LEAD_ID)?;
    let lead_id = ids.only()?;
    fields.set_text(LEAD_ID, lead_id.as_str());
    let time = parse_time(top, "timestamp")?;
    Ok(Parsed::Event(Box::new(Event {
        lead_id,
        event_id: None,
        time,
        fields,
    })))
}
