//! Pipedrive's webhooks, version 2: `{"data":{…},"previous","meta":{"entity","action","entity_id","id","timestamp",…}}`. They are not
//! signed: HTTP Basic says who sends.
//!
//! Ten first attempts that fail ban a webhook for half an hour, and what happens then is lost. So whatever names its lead is taken: an id or
//! a time that cannot be read refuses nothing.

use super::basic;
use super::event::{LeadIds, parse_millis, parse_object, parse_time, refuse_reserved};
use super::intake::{Intake, Secret, SignedRequest, is_any_of};
use super::members::Members;
use super::person::know_as;
use super::{Delivery, Event, EventFilter, Extracted, Kind, Sample, Unverified};
use crate::json::{Object, raw_text};
use crate::lead::id::EventId;
use crate::problem::Problem;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::{SignedDuration, Timestamp};
use serde_json::value::RawValue;
use serde_json::{Value, json};

const TIMESTAMP: &str = "timestamp";

pub(super) struct Pipedrive;

/// Who may send: user and password, as Basic joins them.
struct Callers(Vec<Secret>);

impl Kind for Pipedrive {
    fn name(&self) -> &'static str {
        "pipedrive"
    }

    fn configure(&self, members: &mut Members<'_>) -> Option<Box<dyn Intake>> {
        Some(Box::new(Callers(basic::callers(members)?)))
    }

    fn make_secret(&self, random: [u8; 32]) -> String {
        URL_SAFE_NO_PAD.encode(random)
    }

    fn example(&self, secret: &str) -> Value {
        json!({ "user": "leadwire", "passwords": [secret] })
    }

    fn events(&self) -> Option<&'static [&'static str]> {
        Some(&["lead.create", "person.create"])
    }

    fn signs_body(&self) -> bool {
        false
    }

    fn parse(&self, element: &[u8], filter: EventFilter<'_>) -> Result<Extracted, Problem> {
        let top = parse_object(element)?;
        let meta = top.object("meta").ok_or(Problem::InvalidEvent)?;
        let [entity, action] =
            ["entity", "action"].map(|name| meta.text(name).ok_or(Problem::InvalidEvent));
        let event_type = format!("{}.{}", entity?, action?);
        if !filter.takes(&event_type) {
            return Ok(Extracted::ignored(&event_type));
        }
        // What is deleted has no data, and still has an id.
        let mut fields = top.object("data").unwrap_or_default();
        refuse_reserved(&fields)?;
        let mut ids = LeadIds::default();
        ids.add_member(&meta, "entity_id")?;
        ids.add_member(&fields, "id")?;
        let lead_id = ids.named_in(&mut fields)?;
        // A lead has a title, a person a name.
        know_as(&mut fields, "display_name", &["title", "name"]);
        for (known, list) in [("lead_email", "emails"), ("phone", "phones")] {
            if let Some(first) = primary(&fields, list) {
                fields.set(known, raw_text(&first));
            }
        }
        let event_id = meta.shown("id").and_then(|id| EventId::parse(&id).ok());
        Ok(Extracted::Event(Box::new(Event {
            lead_id,
            event_id,
            time: parse_moment(&meta),
            is_time_fixed: false,
            fields,
        })))
    }

    fn sample(&self, lead: &Sample) -> Vec<u8> {
        let body = json!({
            "data": {
                "id": lead.lead_id,
                "name": lead.name,
                "emails": [{ "label": "work", "value": lead.email, "primary": true }],
                "add_time": lead.made_at,
            },
            "previous": null,
            "meta": {
                "action": "create",
                "entity": "person",
                "entity_id": lead.lead_id,
                "id": lead.event_id,
                TIMESTAMP: lead.made_at,
                "version": "2.0",
                "attempt": 1,
            },
        });
        body.to_string().into_bytes()
    }

    /// It holds the number of the attempt.
    fn transport(&self) -> &'static [&'static str] {
        &["meta"]
    }
}

impl Intake for Callers {
    fn secrets(&self) -> usize {
        self.0.len()
    }

    fn verify(
        &self,
        delivery: &Delivery<'_>,
        _tolerance: SignedDuration,
    ) -> Result<Option<EventId>, Unverified> {
        let caller = basic::caller(delivery.headers)?;
        if is_any_of(&self.0, &caller) {
            Ok(None)
        } else {
            Err(Unverified::Mismatch)
        }
    }

    fn sign(&self, _event_id: &EventId, body: Vec<u8>, _now: Timestamp) -> Option<SignedRequest> {
        let caller = basic::header(self.0.first()?.expose());
        Some(SignedRequest {
            headers: vec![(basic::AUTHORIZATION, caller)],
            query: String::new(),
            body,
        })
    }
}

/// When it happened: as Pipedrive sends it, or in the seconds or milliseconds that it has sent before.
fn parse_moment(meta: &Object) -> Option<Timestamp> {
    let seconds = || {
        let seconds = meta.shown(TIMESTAMP)?.parse().ok()?;
        Timestamp::from_second(seconds)
            .ok()
            .filter(|time| *time >= Timestamp::UNIX_EPOCH)
    };
    // Seconds would be January 1970 in milliseconds.
    let millis = || parse_millis(meta, TIMESTAMP).filter(|time| time.as_second() > 10_000_000);
    parse_time(meta, TIMESTAMP).or_else(millis).or_else(seconds)
}

/// The value of the item that is the primary one of a list, else of the first.
fn primary(fields: &Object, list: &str) -> Option<String> {
    let items = fields.items(list);
    let objects = items
        .iter()
        .filter_map(|item| Object::parse(item.get().as_bytes()).ok());
    let said: Vec<(bool, String)> = objects
        .filter_map(|item| {
            let is_primary = item.get("primary").map(RawValue::get) == Some("true");
            Some((is_primary, item.shown("value")?))
        })
        .collect();
    let primary = said.iter().find(|(is_primary, _)| *is_primary);
    Some(primary.or(said.first())?.1.clone())
}
