//! Salesforce's outbound messages: SOAP with up to a hundred notifications of one record each. They are not signed: the organization's id in
//! the message and a token in the query of the URL say who sends. A message may hold the sender's live session, which is cut out.

mod soap;

use super::event::{LeadIds, parse_object, refuse_reserved};
use super::intake::{Intake, Secret, SignedRequest, is_any_of};
use super::members::Members;
use super::person::{join_as, know_as};
use super::{Acknowledgement, Delivery, Event, EventFilter, Extracted, Kind, Sample, Unverified};
use crate::json::{Object, raw_text};
use crate::lead::id::EventId;
use crate::limits::{BODY_BYTES_MAX, SPLIT_BYTES_MAX};
use crate::problem::Problem;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::{SignedDuration, Timestamp};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use quick_xml::escape::escape;
use serde::Serialize;
use serde_json::{Value, json};
use soap::{Message, NotSoap, Record};
use std::borrow::Cow;
use std::iter::once;

const TOKEN: &str = "token";
const NOTIFICATION_XML: &str = "notification_xml";
/// Where a sample leaves room for the organization's id.
const ORGANIZATION_ROOM: &str = "<OrganizationId/>";

pub(super) struct Salesforce;

/// Who may send: an organization, with a token.
struct Organization {
    /// Its id of 18 characters.
    id: Secret,
    tokens: Vec<Secret>,
}

/// A notification as it is stored.
#[derive(Serialize)]
struct Stored<'a> {
    organization_id: &'a str,
    action_id: &'a str,
    notification_xml: &'a str,
}

impl Kind for Salesforce {
    fn name(&self) -> &'static str {
        "salesforce"
    }

    fn configure(&self, members: &mut Members<'_>) -> Option<Box<dyn Intake>> {
        let id = members.text("organization_id");
        let is_id = id.as_deref().and_then(to_18);
        if id.is_some() && is_id.is_none() {
            members.wrong("organization_id is not 15 or 18 letters and digits, as Company Information shows it");
        }
        let form = "a text without white space";
        let tokens = members.secrets("tokens", form, |token| {
            let is_token = !token.is_empty() && !token.contains(char::is_whitespace);
            is_token.then(|| token.as_bytes().to_vec())
        });
        Some(Box::new(Organization {
            id: Secret::new(is_id?.into_bytes()),
            tokens: tokens?,
        }))
    }

    fn make_secret(&self, random: [u8; 32]) -> String {
        URL_SAFE_NO_PAD.encode(random)
    }

    fn example(&self, secret: &str) -> Value {
        json!({ "organization_id": "00D000000000001EAA", "tokens": [secret] })
    }

    fn events(&self) -> Option<&'static [&'static str]> {
        Some(&["Lead"])
    }

    /// The answer that the WSDL names; without it Salesforce comes again for a day.
    fn acknowledgement(&self) -> Option<Acknowledgement> {
        Some(Acknowledgement {
            content_type: "text/xml",
            body: concat!(
                r#"<?xml version="1.0" encoding="UTF-8"?>"#,
                r#"<soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/"><soapenv:Body>"#,
                r#"<notificationsResponse xmlns="http://soap.sforce.com/2005/09/outbound"><Ack>true</Ack></notificationsResponse>"#,
                "</soapenv:Body></soapenv:Envelope>"
            ),
        })
    }

    fn content_type(&self) -> &'static str {
        "text/xml; charset=utf-8"
    }

    fn signs_body(&self) -> bool {
        false
    }

    /// A record that was deleted since is empty: it has no type, and is no event.
    fn parse(&self, element: &[u8], filter: EventFilter<'_>) -> Result<Extracted, Problem> {
        let stored = parse_object(element)?;
        let xml = stored.text(NOTIFICATION_XML).ok_or(Problem::InvalidEvent)?;
        let record = Record::read(&xml).map_err(|NotSoap| Problem::InvalidEvent)?;
        let object = record.object.ok_or(Problem::InvalidEvent)?;
        if !filter.takes(&object) {
            return Ok(Extracted::ignored(&object));
        }
        if element.len() > BODY_BYTES_MAX {
            return Err(Problem::TooLarge);
        }
        let mut fields = record.fields.ok_or(Problem::InvalidEvent)?;
        refuse_reserved(&fields)?;
        let id = fields.text("Id").ok_or(Problem::InvalidLeadId)?;
        let id = to_18(&id).unwrap_or(id);
        let mut ids = LeadIds::default();
        ids.add(&raw_text(&id))?;
        know_person(&mut fields);
        Ok(Extracted::Event(Box::new(Event {
            lead_id: ids.named_in(&mut fields)?,
            event_id: record.id.and_then(|id| EventId::parse(&id).ok()),
            time: None,
            is_time_fixed: false,
            fields,
        })))
    }

    /// Another attempt brings the record as it is by then.
    fn transport(&self) -> &'static [&'static str] {
        &[NOTIFICATION_XML]
    }

    fn sample(&self, lead: &Sample) -> Vec<u8> {
        let [id, name, email] = [lead.event_id.as_str(), &lead.name, &lead.email].map(escape);
        let lead_id = &lead.lead_id;
        let xml = format!(
            r#"<?xml version="1.0" encoding="UTF-8"?>
<soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/" xmlns:xsd="http://www.w3.org/2001/XMLSchema" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"><soapenv:Body><notifications xmlns="http://soap.sforce.com/2005/09/outbound">{ORGANIZATION_ROOM}<ActionId>04k000000000001AAA</ActionId><SessionId xsi:nil="true"/><Notification><Id>{id}</Id><sObject xsi:type="sf:Lead" xmlns:sf="urn:sobject.enterprise.soap.sforce.com"><sf:Id>{lead_id}</sf:Id><sf:Name>{name}</sf:Name><sf:Email>{email}</sf:Email><sf:Status>Open</sf:Status></sObject></Notification></notifications></soapenv:Body></soapenv:Envelope>"#
        );
        xml.into_bytes()
    }
}

impl Intake for Organization {
    fn secrets(&self) -> usize {
        self.tokens.len()
    }

    /// The token first: without it no body is read.
    fn verify(
        &self,
        delivery: &Delivery<'_>,
        _tolerance: SignedDuration,
    ) -> Result<Option<EventId>, Unverified> {
        let token = delivery
            .parameter(TOKEN)
            .ok_or(Unverified::MemberMissing(TOKEN))?;
        if !is_any_of(&self.tokens, &token) {
            return Err(Unverified::Mismatch);
        }
        let message = Message::read(delivery.body).map_err(|NotSoap| Unverified::Unreadable)?;
        let organization = message.organization_id.as_deref().and_then(to_18);
        let organization = organization.ok_or(Unverified::MemberMissing("OrganizationId"))?;
        if self.id.is(organization.as_bytes()) {
            Ok(None)
        } else {
            Err(Unverified::Mismatch)
        }
    }

    fn sign(&self, _event_id: &EventId, body: Vec<u8>, _now: Timestamp) -> Option<SignedRequest> {
        let [id, token] = [&self.id, self.tokens.first()?]
            .map(|secret| String::from_utf8(secret.expose().to_vec()));
        let own = format!("<OrganizationId>{}</OrganizationId>", id.ok()?);
        let body = String::from_utf8(body)
            .ok()
            .filter(|body| body.contains(ORGANIZATION_ROOM))?;
        Some(SignedRequest {
            headers: Vec::new(),
            query: format!(
                "{TOKEN}={}",
                utf8_percent_encode(&token.ok()?, NON_ALPHANUMERIC)
            ),
            body: body.replacen(ORGANIZATION_ROOM, &own, 1).into_bytes(),
        })
    }

    fn clean<'a>(&self, body: &'a [u8]) -> Cow<'a, [u8]> {
        let Ok(Message { credentials, .. }) = Message::read(body) else {
            // Nothing unreadable is verified.
            return Cow::Owned(Vec::new());
        };
        let starts = once(0).chain(credentials.iter().map(|range| range.end));
        let ends = credentials
            .iter()
            .map(|range| range.start)
            .chain(once(body.len()));
        let kept = starts
            .zip(ends)
            .filter_map(|(start, end)| body.get(start..end));
        Cow::Owned(kept.flatten().copied().collect())
    }

    fn split<'a>(&self, body: &'a [u8]) -> Result<Vec<Cow<'a, [u8]>>, Problem> {
        let message = Message::read(body).map_err(|NotSoap| Problem::InvalidEvent)?;
        let mut elements = Vec::with_capacity(message.notifications.len());
        let mut bytes = 0;
        for notification_xml in &message.notifications {
            let stored = Stored {
                organization_id: message.organization_id.as_deref().unwrap_or_default(),
                action_id: message.action_id.as_deref().unwrap_or_default(),
                notification_xml,
            };
            let element = serde_json::to_vec(&stored).expect("texts always serialise");
            bytes += element.len();
            if bytes > SPLIT_BYTES_MAX {
                return Err(Problem::TooLarge);
            }
            elements.push(Cow::Owned(element));
        }
        Ok(elements)
    }
}

fn know_person(fields: &mut Object) {
    know_as(fields, "display_name", &["Name"]);
    join_as(fields, "display_name", &["FirstName", "LastName"]);
    know_as(fields, "lead_email", &["Email"]);
    know_as(fields, "phone", &["Phone", "MobilePhone"]);
    know_as(fields, "company", &["Company"]);
    know_as(fields, "message", &["Description"]);
}

/// An id in its form of 18 characters, which is the same whatever becomes of upper and lower case. The form of 15 names the same record.
pub(super) fn to_18(id: &str) -> Option<String> {
    let is_plain = id.bytes().all(|byte| byte.is_ascii_alphanumeric());
    match id.len() {
        18 if is_plain => Some(id.to_owned()),
        15 if is_plain => {
            let suffix = id.as_bytes().chunks(5).map(check_character);
            Some(id.chars().chain(suffix).collect())
        }
        _ => None,
    }
}

/// One character for which of five are in upper case, the first as the lowest bit.
fn check_character(five: &[u8]) -> char {
    let bits = five.iter().rev().fold(0, |bits, byte| {
        bits << 1 | u8::from(byte.is_ascii_uppercase())
    });
    char::from(if bits < 26 {
        b'A' + bits
    } else {
        b'0' + bits - 26
    })
}
