//! What is sent, and what must come of it.

use serde_json::{Value, json};

/// The instant of every event of the one lead: as hard as it gets, since each must find a key of its own.
const INSTANT: &str = "2026-11-23T06:50:00.123456";

/// One event.
#[derive(Clone, Debug)]
pub struct Event {
    /// Its lead.
    pub lead_id: String,
    /// Its own id.
    pub event_id: String,
    /// The lead's name in it.
    pub name: String,
    /// The body as it is posted.
    pub body: String,
}

impl Event {
    /// The flat form; the event's id goes into the header `Idempotency-Key`.
    pub fn flat(lead_id: &str, event_id: &str) -> Self {
        let name = format!("Lead {event_id}");
        let body = json!({
            "lead_id": lead_id, "display_name": name, "lead_email": format!("{lead_id}@example.com"),
            "status_label": "Potential", "funnel": "Direct VSL", "note": "Called twice, speaks Portuguese, wants an offer by Friday.",
        });
        Self::new((lead_id, event_id), name, &body)
    }

    /// Close's form, always at the same instant.
    pub fn close(lead_id: &str, event_id: &str) -> Self {
        let name = format!("Lead {event_id}");
        let body = json!({"subscription_id": "whsub_1Load", "event": {
            "id": event_id, "date_created": INSTANT, "object_type": "lead", "action": "created",
            "object_id": lead_id, "lead_id": lead_id, "data": {"id": lead_id, "display_name": name},
        }});
        Self::new((lead_id, event_id), name, &body)
    }

    fn new((lead_id, event_id): (&str, &str), name: String, body: &Value) -> Self {
        Self {
            lead_id: lead_id.to_owned(),
            event_id: event_id.to_owned(),
            name,
            body: body.to_string(),
        }
    }

    /// The whole request, as bytes of HTTP/1.1.
    pub fn request(&self) -> Vec<u8> {
        let Self { event_id, body, .. } = self;
        format!(
            "POST /ingest HTTP/1.1\r\nHost: load\r\nContent-Type: application/json\r\nIdempotency-Key: {event_id}\r\n\
             Content-Length: {}\r\n\r\n{body}",
            body.len()
        )
        .into_bytes()
    }
}

/// Who owns a lead, as its file says.
pub fn owner(lead_id: &str) -> String {
    format!("Owner of {lead_id}")
}
