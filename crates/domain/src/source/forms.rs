//! The forms of our own: the flat form, and the envelope of Standard Webhooks around it, `{"type","timestamp","data":{the flat form}}`.

use super::event::{LEAD_ID, LeadIds, parse_object, parse_time, refuse_reserved};
use super::{Event, EventFilter, Extracted, Sample, SourceKind};
use crate::json::{Object, without_byte_order_mark};
use crate::problem::Problem;
use serde_json::value::RawValue;
use serde_json::{Value, json};
use std::borrow::Cow;

/// Whether this is an envelope rather than a flat form that happens to have a member `type`.
pub(super) fn is_envelope(top: &Object) -> bool {
    top.text("type").is_some() && (top.get("data").is_some() || top.get(LEAD_ID).is_none())
}

/// The items of an array, each as it came; a body that is no array is one element. What is wrong with an item is said when it is read, so
/// that it keeps no other from being taken.
pub(super) fn split_array(body: &[u8]) -> Result<Vec<Cow<'_, [u8]>>, Problem> {
    let text = without_byte_order_mark(body);
    if !text.trim_ascii_start().starts_with(b"[") {
        return Ok(vec![Cow::Borrowed(body)]);
    }
    let items: Vec<&RawValue> =
        serde_json::from_slice(text).map_err(|_quotes_input| Problem::InvalidJson)?;
    if items.is_empty() {
        return Err(Problem::InvalidEvent);
    }
    let elements = items.into_iter().map(|item| item.get().as_bytes());
    Ok(elements.map(Cow::Borrowed).collect())
}

/// Reads an envelope, or else the flat form.
pub(super) fn parse_either(body: &[u8], filter: EventFilter<'_>) -> Result<Extracted, Problem> {
    let top = parse_object(body)?;
    if is_envelope(&top) {
        parse_envelope(&top, filter)
    } else {
        parse_flat(top)
    }
}

/// The id of an envelope is in the signed headers.
fn parse_envelope(top: &Object, filter: EventFilter<'_>) -> Result<Extracted, Problem> {
    let event_type = top.text("type").ok_or(Problem::InvalidEvent)?;
    if !filter.takes(&event_type) {
        return Ok(Extracted::ignored(&event_type));
    }
    let mut fields = top.object("data").ok_or(Problem::InvalidEvent)?;
    refuse_reserved(&fields)?;
    let mut ids = LeadIds::default();
    ids.add_member(top, LEAD_ID)?;
    ids.add_member(&fields, LEAD_ID)?;
    let lead_id = ids.named_in(&mut fields)?;
    let time = parse_time(top, "timestamp");
    Ok(Extracted::Event(Box::new(Event {
        lead_id,
        event_id: None,
        time,
        is_time_fixed: false,
        fields,
    })))
}

/// The flat form has neither an id nor a time of its own: `date_created` is when the lead was made, and a form's constant member must
/// never make two leads one event.
pub(super) fn parse_flat(top: Object) -> Result<Extracted, Problem> {
    refuse_reserved(&top)?;
    let mut ids = LeadIds::default();
    ids.add_member(&top, LEAD_ID)?;
    if ids.is_empty() {
        return Err(Problem::InvalidLeadId);
    }
    for nested in ["event", "data"]
        .into_iter()
        .filter_map(|name| top.object(name))
    {
        ids.add_hint(&nested, LEAD_ID);
    }
    for kind in SourceKind::ALL {
        kind.definition().add_hints(&top, &mut ids);
    }
    Ok(Extracted::Event(Box::new(Event {
        lead_id: ids.only()?,
        event_id: None,
        time: None,
        is_time_fixed: false,
        fields: top,
    })))
}

/// A lead in the flat form.
pub(super) fn sample_flat(lead: &Sample) -> Value {
    json!({
        "lead_id": lead.lead_id,
        "display_name": lead.name,
        "lead_email": lead.email,
        "status_label": "Potential",
        "date_created": lead.made_at,
    })
}

/// A lead in an envelope.
pub(super) fn sample_envelope(lead: &Sample) -> Value {
    json!({ "type": "lead.created", "timestamp": lead.made_at, "data": sample_flat(lead) })
}
