//! Zoho CRM's notifications: `{"module","operation","ids":[…],"affected_values":[…],"channel_id","server_time","token",…}`, one body for
//! several records. The token in the body says who sends, so the body is read, strictly and within its bounds, before it is trusted.

use super::event::{LeadIds, parse_millis, parse_object, refuse_reserved};
use super::intake::{Intake, Secret, SignedRequest, is_any_of};
use super::members::Members;
use super::person::{join_as, know_as};
use super::{Delivery, Event, EventFilter, Extracted, Kind, Sample, Unverified};
use crate::json::{Object, Spans, shown};
use crate::lead::id::{EventId, LeadId};
use crate::limits::{EVENTS_MAX, SPLIT_BYTES_MAX};
use crate::problem::Problem;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::{SignedDuration, Timestamp};
use serde_json::value::RawValue;
use serde_json::{Value, json};
use std::borrow::Cow;
use std::collections::BTreeMap;

const TOKEN: &str = "token";
const IDS: &str = "ids";
const VALUES: &str = "affected_values";
/// Where the list of values says whose they are, and what they are.
const RECORD_ID: &str = "record_id";
const RECORD_VALUES: &str = "values";
const CHANNEL: &str = "channel_id";
const SERVER_TIME: &str = "server_time";
/// It happens to a record once.
const INSERT: &str = "insert";
/// Zoho takes no longer token, in characters.
const TOKEN_CHARS_MAX: usize = 50;

pub(super) struct Zoho;

/// Who may send.
struct Tokens(Vec<Secret>);

impl Kind for Zoho {
    fn name(&self) -> &'static str {
        "zoho"
    }

    fn configure(&self, members: &mut Members<'_>) -> Option<Box<dyn Intake>> {
        let form = "a text of 1 to 50 characters, as Zoho takes it";
        let tokens = members.secrets("tokens", form, |token| {
            let is_token = (1..=TOKEN_CHARS_MAX).contains(&token.chars().count());
            is_token.then(|| token.as_bytes().to_vec())
        })?;
        Some(Box::new(Tokens(tokens)))
    }

    fn make_secret(&self, random: [u8; 32]) -> String {
        URL_SAFE_NO_PAD.encode(random)
    }

    fn example(&self, secret: &str) -> Value {
        json!({ "tokens": [secret] })
    }

    fn events(&self) -> Option<&'static [&'static str]> {
        Some(&["Leads.insert"])
    }

    fn signs_body(&self) -> bool {
        false
    }

    fn parse(&self, element: &[u8], filter: EventFilter<'_>) -> Result<Extracted, Problem> {
        let top = parse_object(element)?;
        let [module, operation] =
            ["module", "operation"].map(|name| top.text(name).ok_or(Problem::InvalidEvent));
        let (module, operation) = (module?, operation?);
        let event_type = format!("{module}.{operation}");
        if !filter.takes(&event_type) {
            return Ok(Extracted::ignored(&event_type));
        }
        let ids = top.items(IDS);
        let [id] = &ids[..] else {
            return Err(Problem::InvalidLeadId);
        };
        let mut ids = LeadIds::default();
        ids.add(id)?;
        let mut fields = values(&top);
        refuse_reserved(&fields)?;
        know_person(&mut fields);
        let lead_id = ids.named_in(&mut fields)?;
        Ok(Extracted::Event(Box::new(Event {
            event_id: identity(&top, &operation, &lead_id),
            time: parse_millis(&top, SERVER_TIME),
            is_time_fixed: false,
            lead_id,
            fields,
        })))
    }

    fn sample(&self, lead: &Sample) -> Vec<u8> {
        let values = json!({ "Full_Name": lead.name, "Email": lead.email });
        let body = json!({
            SERVER_TIME: lead.made_at.map(Timestamp::as_millisecond),
            "module": "Leads",
            IDS: [lead.lead_id],
            VALUES: [{ RECORD_ID: lead.lead_id, RECORD_VALUES: values }],
            "operation": INSERT,
            // A record is inserted once, so that only another channel makes another event of it.
            CHANNEL: lead.event_id,
        });
        body.to_string().into_bytes()
    }

    /// When it was sent.
    fn transport(&self) -> &'static [&'static str] {
        &[SERVER_TIME]
    }
}

impl Intake for Tokens {
    fn secrets(&self) -> usize {
        self.0.len()
    }

    fn verify(
        &self,
        delivery: &Delivery<'_>,
        _tolerance: SignedDuration,
    ) -> Result<Option<EventId>, Unverified> {
        let top = Object::parse(delivery.body);
        let top = top.map_err(|_quotes_nothing| Unverified::Unreadable)?;
        let token = top.text(TOKEN).ok_or(Unverified::MemberMissing(TOKEN))?;
        if is_any_of(&self.0, token.as_bytes()) {
            Ok(None)
        } else {
            Err(Unverified::Mismatch)
        }
    }

    fn sign(&self, _event_id: &EventId, body: Vec<u8>, _now: Timestamp) -> Option<SignedRequest> {
        let token = String::from_utf8(self.0.first()?.expose().to_vec()).ok()?;
        let mut body: Value = serde_json::from_slice(&body).ok()?;
        body.as_object_mut()?.insert(TOKEN.to_owned(), token.into());
        Some(SignedRequest {
            headers: Vec::new(),
            query: String::new(),
            body: body.to_string().into_bytes(),
        })
    }

    fn clean<'a>(&self, body: &'a [u8]) -> Cow<'a, [u8]> {
        let spans = Spans::of(body);
        // Nothing unreadable is verified.
        Cow::Owned(spans.map_or_else(|_| Vec::new(), |spans| spans.without(TOKEN).into_bytes()))
    }

    /// One body for each id, with the values of its record alone.
    fn split<'a>(&self, body: &'a [u8]) -> Result<Vec<Cow<'a, [u8]>>, Problem> {
        let top = parse_object(body)?;
        let spans = Spans::of(body).map_err(|_read_before| Problem::InvalidJson)?;
        let is_list = top.get(IDS).is_some_and(|ids| ids.get().starts_with('['));
        if !is_list {
            return Ok(vec![Cow::Borrowed(body)]);
        }
        let (ids, values) = (top.items(IDS), top.items(VALUES));
        if ids.len() > EVENTS_MAX {
            return Err(Problem::TooManyEvents);
        }
        let owned = by_record(&values);
        let mut elements = Vec::with_capacity(ids.len());
        let mut bytes = 0;
        for id in ids {
            let own = shown(&id).and_then(|id| owned.get(&id));
            let own = own.map(|own| own.join(",")).unwrap_or_default();
            let (ids, own) = (format!("[{}]", id.get()), format!("[{own}]"));
            let element = spans.with(&[(IDS, &ids), (VALUES, &own)]);
            bytes += element.len();
            if bytes > SPLIT_BYTES_MAX {
                return Err(Problem::TooLarge);
            }
            elements.push(Cow::Owned(element.into_bytes()));
        }
        Ok(elements)
    }
}

/// The items of the list of values, by the record that each is of.
fn by_record(values: &[Box<RawValue>]) -> BTreeMap<String, Vec<&str>> {
    let mut found = BTreeMap::<_, Vec<_>>::new();
    for item in values {
        let object = Object::parse(item.get().as_bytes()).ok();
        if let Some(record) = object.and_then(|object| object.shown(RECORD_ID)) {
            found.entry(record).or_default().push(item.get());
        }
    }
    found
}

/// The fields that changed, where the notification has them.
fn values(top: &Object) -> Object {
    let first = top.items(VALUES).into_iter().next();
    let first = first.and_then(|item| Object::parse(item.get().as_bytes()).ok());
    let values = first.and_then(|item| item.object(RECORD_VALUES));
    values.unwrap_or_default()
}

fn know_person(fields: &mut Object) {
    know_as(fields, "display_name", &["Full_Name"]);
    join_as(fields, "display_name", &["First_Name", "Last_Name"]);
    know_as(fields, "lead_email", &["Email"]);
    know_as(fields, "phone", &["Phone", "Mobile"]);
    know_as(fields, "company", &["Company"]);
    know_as(fields, "message", &["Description"]);
}

/// What is the same in every delivery of an event, and in no other event. A record changes often, and only the time tells the changes apart.
fn identity(top: &Object, operation: &str, lead_id: &LeadId) -> Option<EventId> {
    let channel = top.shown(CHANNEL).unwrap_or_default();
    let once = format!("{channel}|{operation}|{lead_id}");
    let id = if operation == INSERT {
        once
    } else {
        format!("{once}|{}", top.shown(SERVER_TIME)?)
    };
    EventId::parse(&id).ok()
}
