//! HubSpot: an array of up to a hundred events `{"portalId","subscriptionType","objectId","eventId","occurredAt",…}`, signed with the app's
//! client secret over the URL that HubSpot was given. Nothing of the request's own URL counts: a stage or a proxy changes it.
//!
//! - v3: `x-hubspot-signature-v3`, base64 of HMAC-SHA256 over method, URL, body and time, and `x-hubspot-request-timestamp` in milliseconds;
//! - v2, v1: `x-hubspot-signature`, lower-case hex of the SHA-256 of secret, method, URL and body, or of secret and body.
//!
//! An event has no word about the person: name and address come with the owner file.

use super::event::{LeadIds, parse_millis, parse_object};
use super::intake::{Intake, Secret, SignedRequest};
use super::members::Members;
use super::signature::{Claims, mac, parse_hex, require};
use super::{
    Delivery, Event, EventFilter, Extracted, Headers, Kind, Sample, Unverified, forms, signature,
};
use crate::json::Object;
use crate::lead::id::EventId;
use crate::problem::Problem;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::Mac;
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::borrow::Cow;
use subtle::ConstantTimeEq;

const SIGNATURE_V3: &str = "x-hubspot-signature-v3";
const TIMESTAMP: &str = "x-hubspot-request-timestamp";
const SIGNATURE: &str = "x-hubspot-signature";
const VERSION: &str = "x-hubspot-signature-version";
/// What it signs as the method.
const METHOD: &str = "POST";
/// What makes an event itself: its id alone is not unique.
const IDENTITY: [&str; 5] = [
    "portalId",
    "subscriptionType",
    "objectId",
    EVENT_ID,
    "occurredAt",
];
const EVENT_ID: &str = "eventId";
/// What an event says of the lead, and not of itself.
const FACTS: [&str; 2] = ["propertyName", "propertyValue"];
/// What HubSpot decodes in a URL before it signs it.
const DECODED: [(&str, char); 12] = [
    ("3A", ':'),
    ("2F", '/'),
    ("3F", '?'),
    ("40", '@'),
    ("21", '!'),
    ("24", '$'),
    ("27", '\''),
    ("28", '('),
    ("29", ')'),
    ("2A", '*'),
    ("2C", ','),
    ("3B", ';'),
];

pub(super) struct HubSpot;

/// A way to sign, the best last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Version {
    V1,
    V2,
    V3,
}

/// An app of HubSpot's, which is what has webhooks.
struct App {
    secrets: Vec<Secret>,
    /// The URL that HubSpot was given, and as it signs it.
    urls: [String; 2],
    versions: Vec<Version>,
}

impl Kind for HubSpot {
    fn name(&self) -> &'static str {
        "hubspot"
    }

    fn configure(&self, members: &mut Members<'_>) -> Option<Box<dyn Intake>> {
        let form = "the app's client secret, without white space";
        let secrets = members.secrets("secrets", form, decode_secret);
        let url = members.text("url");
        let url = url.filter(|url| {
            let is_url = is_url(url);
            if !is_url {
                members.wrong("url is not the https:// address that HubSpot calls");
            }
            is_url
        });
        let versions = members.optional("versions", "a list of \"v3\", \"v2\" and \"v1\"");
        let versions = versions.unwrap_or_else(|| vec![Version::V3]);
        if versions.is_empty() {
            members.wrong("versions is empty, so every request would be refused");
        }
        let url = url?;
        Some(Box::new(App {
            secrets: secrets?,
            urls: [decode(&url), url],
            versions,
        }))
    }

    fn make_secret(&self, random: [u8; 32]) -> String {
        hex::encode(random)
    }

    fn example(&self, secret: &str) -> Value {
        json!({ "secrets": [secret], "url": "https://leads.example.com/ingest/hubspot" })
    }

    fn events(&self) -> Option<&'static [&'static str]> {
        Some(&["contact.creation", "object.creation"])
    }

    /// HubSpot retries whatever is refused, so another type is never an error.
    fn parse(&self, element: &[u8], filter: EventFilter<'_>) -> Result<Extracted, Problem> {
        let event = parse_object(element)?;
        let event_type = event
            .text("subscriptionType")
            .ok_or(Problem::InvalidEvent)?;
        if !filter.takes(&event_type) {
            return Ok(Extracted::ignored(&event_type));
        }
        let mut ids = LeadIds::default();
        ids.add_member(&event, "objectId")?;
        let mut fields = Object::default();
        for name in FACTS {
            if let Some(fact) = event.get(name) {
                fields.set(name, fact.to_owned());
            }
        }
        Ok(Extracted::Event(Box::new(Event {
            lead_id: ids.named_in(&mut fields)?,
            event_id: identity(&event)?,
            time: parse_millis(&event, "occurredAt"),
            is_time_fixed: false,
            fields,
        })))
    }

    fn sample(&self, lead: &Sample) -> Vec<u8> {
        let event = json!({
            EVENT_ID: lead.event_id,
            "subscriptionId": 12345,
            "portalId": 62515,
            "appId": 54321,
            "occurredAt": lead.made_at.map(Timestamp::as_millisecond),
            "subscriptionType": "contact.creation",
            "attemptNumber": 0,
            "objectId": lead.lead_id,
            "changeSource": "CRM",
            "changeFlag": "NEW",
        });
        json!([event]).to_string().into_bytes()
    }

    /// `occurredAt` is part of the event, and the same in every delivery.
    fn fixes_time(&self) -> bool {
        true
    }

    fn transport(&self) -> &'static [&'static str] {
        &["attemptNumber"]
    }

    fn signature_header(&self) -> Option<&'static str> {
        Some(SIGNATURE_V3)
    }
}

impl Intake for App {
    fn secrets(&self) -> usize {
        self.secrets.len()
    }

    /// Where v3 is taken and its header is there, nothing else counts: HubSpot sends the older one beside it.
    fn verify(
        &self,
        delivery: &Delivery<'_>,
        tolerance: SignedDuration,
    ) -> Result<Option<EventId>, Unverified> {
        let older = self.older(delivery.headers)?;
        let is_v3_sent = delivery.headers.contains(SIGNATURE_V3);
        if self.versions.contains(&Version::V3) && (is_v3_sent || older.is_empty()) {
            self.verify_v3(delivery, tolerance)
        } else {
            self.verify_older(&older, delivery)
        }
    }

    fn sign(&self, _event_id: &EventId, body: Vec<u8>, now: Timestamp) -> Option<SignedRequest> {
        let secret = self.secrets.first()?;
        let [url, _] = &self.urls;
        let headers = match self.versions.iter().max()? {
            Version::V3 => {
                let time = now.as_millisecond().to_string();
                let parts = [METHOD.as_bytes(), url.as_bytes(), &body, time.as_bytes()];
                let digest = mac(secret.expose(), &parts).finalize().into_bytes();
                vec![(SIGNATURE_V3, STANDARD.encode(digest)), (TIMESTAMP, time)]
            }
            older @ (Version::V1 | Version::V2) => {
                let digest = older.digest(secret, METHOD, url, &body);
                vec![
                    (SIGNATURE, hex::encode(digest)),
                    (VERSION, older.name().to_owned()),
                ]
            }
        };
        Some(SignedRequest {
            headers,
            query: String::new(),
            body,
        })
    }

    fn split<'a>(&self, body: &'a [u8]) -> Result<Vec<Cow<'a, [u8]>>, Problem> {
        forms::split_array(body)
    }
}

impl App {
    fn verify_v3(
        &self,
        delivery: &Delivery<'_>,
        tolerance: SignedDuration,
    ) -> Result<Option<EventId>, Unverified> {
        let signature = require(delivery.headers, SIGNATURE_V3)?;
        let timestamp = require(delivery.headers, TIMESTAMP)?;
        let signature = STANDARD.decode(signature);
        let signature =
            signature.map_err(|_quotes_input| Unverified::HeaderMalformed(SIGNATURE_V3))?;
        let time = signature::parse_millis(TIMESTAMP, timestamp)?;
        let claims = |url: &String| {
            let claims = Claims {
                event_id: None,
                time,
                parts: vec![
                    delivery.method.as_bytes(),
                    url.as_bytes(),
                    delivery.body,
                    timestamp.as_bytes(),
                ],
                signatures: vec![signature.clone()],
            };
            claims.verify(&self.secrets, delivery.received_at, tolerance)
        };
        let [one, other] = self.urls.each_ref().map(claims);
        one.or(other)
    }

    fn verify_older(
        &self,
        versions: &[Version],
        delivery: &Delivery<'_>,
    ) -> Result<Option<EventId>, Unverified> {
        let signature = parse_hex(SIGNATURE, require(delivery.headers, SIGNATURE)?)?;
        let mut is_found = false;
        for (version, secret) in versions.iter().flat_map(|version| {
            let secrets = self.secrets.iter();
            secrets.map(move |secret| (version, secret))
        }) {
            for url in &self.urls {
                let digest = version.digest(secret, delivery.method, url, delivery.body);
                is_found |= bool::from(digest.as_slice().ct_eq(&signature));
            }
        }
        if is_found {
            Ok(None)
        } else {
            Err(Unverified::Mismatch)
        }
    }

    /// The versions before v3 by which a request may be signed: those that are taken, and of them the one that it names.
    fn older(&self, headers: &dyn Headers) -> Result<Vec<Version>, Unverified> {
        let taken = self.versions.iter().copied();
        let mut older: Vec<_> = taken.filter(|version| *version < Version::V3).collect();
        if !older.is_empty() && headers.contains(VERSION) {
            let named = require(headers, VERSION)?;
            older.retain(|version| version.name() == named);
        }
        Ok(older)
    }
}

impl Version {
    fn name(self) -> &'static str {
        match self {
            Self::V1 => "v1",
            Self::V2 => "v2",
            Self::V3 => "v3",
        }
    }

    /// What stands in the header of a version before v3.
    fn digest(self, secret: &Secret, method: &str, url: &str, body: &[u8]) -> [u8; 32] {
        let mut hash = Sha256::new_with_prefix(secret.expose());
        if self != Self::V1 {
            hash.update(method);
            hash.update(url);
        }
        hash.update(body);
        hash.finalize().into()
    }
}

fn decode_secret(secret: &str) -> Option<Vec<u8>> {
    let is_plain = !secret.is_empty() && !secret.contains(char::is_whitespace);
    is_plain.then(|| secret.as_bytes().to_vec())
}

fn is_url(url: &str) -> bool {
    let mut starts = ["https://", "http://"].into_iter();
    let has_host = starts.any(|start| url.strip_prefix(start).is_some_and(|rest| !rest.is_empty()));
    has_host && !url.contains('#') && url.bytes().all(|byte| byte.is_ascii_graphic())
}

/// A URL as HubSpot signs it: some characters that are encoded in it are decoded, others stay.
fn decode(url: &str) -> String {
    let mut decoded = String::with_capacity(url.len());
    let mut rest = url;
    while let Some((before, after)) = rest.split_once('%') {
        decoded.push_str(before);
        let code = after.get(..2).unwrap_or_default();
        let mut table = DECODED.iter();
        if let Some((_, character)) = table.find(|(hex, _)| hex.eq_ignore_ascii_case(code)) {
            decoded.push(*character);
            rest = after.get(2..).unwrap_or_default();
        } else {
            decoded.push('%');
            rest = after;
        }
    }
    decoded + rest
}

/// What is the same in every delivery of an event, and in no other event.
fn identity(event: &Object) -> Result<Option<EventId>, Problem> {
    if event.shown(EVENT_ID).is_none() {
        return Ok(None);
    }
    let parts = IDENTITY.map(|name| event.shown(name).unwrap_or_default());
    let id = EventId::parse(&parts.join("|"));
    id.map(Some).map_err(|_invalid| Problem::InvalidEventId)
}
