//! Close: events `{"event":{"id","date_created","object_type","action","lead_id","object_id","data":{…}},"subscription_id"}`, signed by
//! `close-sig-hash`, the lower-case hex of HMAC-SHA256 over the timestamp and the body with nothing between them.

use super::event::{LEAD_ID, LeadIds, parse_object, parse_time, refuse_reserved};
use super::intake::{Intake, Secret, SignedRequest};
use super::members::Members;
use super::signature::{Claims, mac, parse_hex, parse_seconds, require};
use super::{Contact, Delivery, Event, EventFilter, Extracted, Kind, Sample, Unverified};
use crate::json::Object;
use crate::lead::id::EventId;
use crate::problem::Problem;
use hmac::Mac;
use jiff::{SignedDuration, Timestamp};
use serde_json::json;

const HASH: &str = "close-sig-hash";
const TIMESTAMP: &str = "close-sig-timestamp";
/// Which subscription delivers it.
const SUBSCRIPTION: &str = "subscription_id";
const DIGEST_BYTES: usize = 32;

pub(super) struct Close;

impl Kind for Close {
    fn name(&self) -> &'static str {
        "close"
    }

    fn configure(&self, members: &mut Members<'_>) -> Option<Box<dyn Intake>> {
        let secrets = members.secrets("secrets", "64 hexadecimal digits", decode_secret)?;
        Some(Box::new(Signed { secrets }))
    }

    fn make_secret(&self, random: [u8; 32]) -> String {
        hex::encode(random)
    }

    /// Close pauses a subscription whose events are refused, so another type is never an error.
    fn parse(&self, body: &[u8], filter: EventFilter<'_>) -> Result<Extracted, Problem> {
        let top = parse_object(body)?;
        let event = top.object("event").ok_or(Problem::InvalidEvent)?;
        let event_type = event_type(&event).ok_or(Problem::InvalidEvent)?;
        if !filter.takes(&event_type) {
            return Ok(Extracted::ignored(&event_type));
        }
        // A deleted lead's data is null: there is nothing to enrich.
        let mut fields = event.object("data").ok_or(Problem::InvalidEvent)?;
        refuse_reserved(&fields)?;
        let mut ids = LeadIds::default();
        ids.add_member(&top, LEAD_ID)?;
        ids.add_member(&event, LEAD_ID)?;
        ids.add_member(&fields, LEAD_ID)?;
        if is_about_a_lead(&event) {
            ids.add_member(&event, "object_id")?;
            ids.add_member(&fields, "id")?;
        }
        let lead_id = ids.named_in(&mut fields)?;
        let event_id = parse_event_id(&event)?;
        let time = parse_time(&event, "date_created");
        Ok(Extracted::Event(Box::new(Event {
            lead_id,
            event_id,
            time,
            is_time_fixed: false,
            fields,
        })))
    }

    fn sample(&self, lead: &Sample) -> Vec<u8> {
        let event = json!({
            SUBSCRIPTION: "whsub_sample",
            "event": {
                "id": lead.event_id,
                "date_created": lead.made_at,
                "object_type": "lead",
                "action": "created",
                "object_id": lead.lead_id,
                "lead_id": lead.lead_id,
                "data": {
                    "id": lead.lead_id,
                    "display_name": lead.name,
                    "lead_email": lead.email,
                    "status_label": "Potential",
                    "date_created": lead.made_at,
                },
            },
        });
        event.to_string().into_bytes()
    }

    /// An event of Close rather than a flat form that happens to have a member `event`.
    fn recognises(&self, top: &Object) -> bool {
        top.get(LEAD_ID).is_none()
            && top
                .object("event")
                .is_some_and(|event| event_type(&event).is_some())
    }

    /// `date_created` is part of the event, and the same in every delivery.
    fn fixes_time(&self) -> bool {
        true
    }

    /// Two subscriptions deliver one event, each under its own id.
    fn transport(&self) -> &'static [&'static str] {
        &[SUBSCRIPTION]
    }

    fn is_taken_at_open_address(&self) -> bool {
        true
    }

    fn signature_header(&self) -> Option<&'static str> {
        Some(HASH)
    }

    /// The first contact's first address and number.
    fn contact(&self, fields: &Object) -> Contact {
        let first = |object: &Object, list: &str| {
            let item = object.items(list).into_iter().next()?;
            Object::parse(item.get().as_bytes()).ok()
        };
        let Some(contact) = first(fields, "contacts") else {
            return Contact::default();
        };
        let member = |list, name| first(&contact, list)?.shown(name);
        Contact {
            email: member("emails", "email"),
            phone: member("phones", "phone"),
        }
    }

    fn add_hints(&self, top: &Object, ids: &mut LeadIds) {
        let Some(event) = top.object("event").filter(is_about_a_lead) else {
            return;
        };
        ids.add_hint(&event, "object_id");
        if let Some(data) = event.object("data") {
            ids.add_hint(&data, "id");
            ids.add_hint(&data, LEAD_ID);
        }
    }
}

/// A source that Close signs.
struct Signed {
    secrets: Vec<Secret>,
}

impl Intake for Signed {
    fn secrets(&self) -> usize {
        self.secrets.len()
    }

    fn verify(
        &self,
        delivery: &Delivery<'_>,
        tolerance: SignedDuration,
    ) -> Result<Option<EventId>, Unverified> {
        let hash = require(delivery.headers, HASH)?;
        let timestamp = require(delivery.headers, TIMESTAMP)?;
        let time = parse_seconds(TIMESTAMP, timestamp)?;
        let signature = parse_hex(HASH, hash)?;
        let claims = Claims {
            event_id: None,
            time,
            parts: vec![timestamp.as_bytes(), delivery.body],
            signatures: vec![signature],
        };
        claims.verify(&self.secrets, delivery.received_at, tolerance)
    }

    fn sign(&self, _event_id: &EventId, body: Vec<u8>, now: Timestamp) -> Option<SignedRequest> {
        let timestamp = now.as_second().to_string();
        let secret = self.secrets.first()?;
        let digest = mac(secret.expose(), &[timestamp.as_bytes(), &body])
            .finalize()
            .into_bytes();
        Some(SignedRequest {
            headers: vec![(HASH, hex::encode(digest)), (TIMESTAMP, timestamp)],
            query: String::new(),
            body,
        })
    }
}

/// The digits are decoded: they are not the key themselves, as a common mistake has it.
fn decode_secret(secret: &str) -> Option<Vec<u8>> {
    let key = hex::decode(secret).ok()?;
    (key.len() == DIGEST_BYTES).then_some(key)
}

/// The event's type, `lead.created`.
fn event_type(event: &Object) -> Option<String> {
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
