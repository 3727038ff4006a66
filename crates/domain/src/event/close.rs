//! Close's events: `{"event":{"id","date_created","object_type","action","lead_id","object_id","data":{…}},"subscription_id"}`.

use super::{Event, LEAD_ID, LeadIds, Parsed, Take, parse_time, refuse_reserved};
use crate::json::Object;
use crate::lead::id::EventId;
use crate::problem::Problem;

/// Whether this is a Close event rather than a flat form that happens to have a member `event`.
pub(super) fn is_shape(top: &Object) -> bool {
    top.get(LEAD_ID).is_none()
        && top
            .object("event")
            .is_some_and(|event| kind(&event).is_some())
}

/// Reads an event. Its type is decided before anything else is demanded, so that another type is never an error: Close pauses a
/// subscription whose events are refused.
pub(super) fn parse(top: &Object, take: Take<'_>) -> Result<Parsed, Problem> {
    let event = top.object("event").ok_or(Problem::InvalidEvent)?;
    let kind = kind(&event).ok_or(Problem::InvalidEvent)?;
    if !take.takes(&kind) {
        return Ok(Parsed::Ignored);
    }
    // A deleted lead's data is null: there is nothing to enrich.
    let mut fields = event.object("data").ok_or(Problem::InvalidEvent)?;
    refuse_reserved(&fields)?;
    let mut ids = LeadIds::default();
    ids.add_member(top, LEAD_ID)?;
    ids.add_member(&event, LEAD_ID)?;
    ids.add_member(&fields, LEAD_ID)?;
    if is_about_a_lead(&event) {
        ids.add_member(&event, "object_id")?;
        ids.add_member(&fields, "id")?;
    }
    let lead_id = ids.only()?;
    fields.set_text(LEAD_ID, lead_id.as_str());
    let event_id = parse_event_id(&event)?;
    let time = parse_time(&event, "date_created")?;
    Ok(Parsed::Event(Box::new(Event {
        lead_id,
        event_id,
        time,
        fields,
    })))
}

/// The lead ids that a Close event names inside a document which is taken as a flat form.
pub(super) fn add_hints(top: &Object, ids: &mut LeadIds) {
    let Some(event) = top.object("event").filter(is_about_a_lead) else {
        return;
    };
    ids.add_hint(&event, "object_id");
    if let Some(data) = event.object("data") {
        ids.add_hint(&data, "id");
        ids.add_hint(&data, LEAD_ID);
    }
}

/// The event's type, `lead.created`.
fn kind(event: &Object) -> Option<String> {
    Some(format!(
        "{}.{}",
        event.text("object_type")?,
        event.text("action")?
    ))
}

fn is_about_a_lead(event: &Object) -> bool {
    event.text("object_type").as_deref() == Some("lead")
}

fn parse_event_id(event: &Object) -> Result<Option<EventId>, Problem> {
    let Some(value) = event.get("id").filter(|value| value.get() != "null") else {
        return Ok(None);
    };
    let text: String =
        serde_json::from_str(value.get()).map_err(|_not_text| Problem::InvalidEventId)?;
    EventId::parse(&text)
        .map(Some)
        .map_err(|_invalid| Problem::InvalidEventId)
}
