//! Any sender, without code: a declaration says how its requests are verified (`custom/verify.rs`) and how they are read
//! (`custom/mapping.rs`). It is a document that is interpreted, and no language: there are no expressions in it.

mod digest;
mod each;
mod form;
mod header;
mod mapping;
mod sample;
mod template;
mod verify;

use super::intake::{Intake, Secret, SignedRequest, is_any_of};
use super::members::Members;
use super::{Delivery, EventFilter, Extracted, Kind, Sample, Unverified};
use crate::lead::id::EventId;
use crate::problem::Problem;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use each::{EACH, Each};
use jiff::{SignedDuration, Timestamp};
use mapping::{Format, Mapping};
use serde_json::{Value, json};
use std::borrow::Cow;
use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};
use verify::Verify;

const CHALLENGE: &str = "challenge";

pub(super) struct Custom;

/// A declared source.
struct Declared {
    verify: Verify,
    mapping: Mapping,
    /// The text of the mapping, as it is stored.
    label: String,
    each: Each,
    challenge: Option<Challenge>,
}

/// A GET that is answered with a value of its own query, to who knows a token.
struct Challenge {
    query: &'static str,
    token_query: &'static str,
    tokens: Vec<Secret>,
}

impl Kind for Custom {
    fn name(&self) -> &'static str {
        "custom"
    }

    fn configure(&self, members: &mut Members<'_>) -> Option<Box<dyn Intake>> {
        let mapping = Mapping::read(members);
        let format = mapping
            .as_ref()
            .map_or(Format::Json, |mapping| mapping.format);
        let each = Each::read(members);
        if !each.is_body() && format == Format::Form {
            members.wrong(format!(
                "{EACH} needs format json: a form has no lists of events"
            ));
        }
        let verify = Verify::read(members, format);
        let challenge = members.object((CHALLENGE, "/challenge/"), Challenge::read);
        let mapping = mapping?;
        if members.has("events") && !mapping.has_type() {
            members.wrong("has events and no type, so that no event would be taken");
        }
        let label = mapping.label();
        mapping::check_length(members, &label);
        Some(Box::new(Declared {
            verify: verify?,
            label,
            each,
            challenge,
            mapping,
        }))
    }

    fn make_secret(&self, random: [u8; 32]) -> String {
        URL_SAFE_NO_PAD.encode(random)
    }

    fn example(&self, secret: &str) -> Value {
        json!({
            "verify": {
                "scheme": "hmac-sha256", "header": "X-Signature", "prefix": "sha256=",
                "signed": "{timestamp}.{body}", "timestamp": "X-Timestamp", "secrets": [secret],
            },
            "fields": {
                "lead_id": "/lead_id", "event_id": "/event_id", "display_name": "/display_name",
                "lead_email": "/lead_email",
            },
        })
    }

    fn events(&self) -> Option<&'static [&'static str]> {
        None
    }

    /// As the flat form: it has no label.
    fn parse(&self, element: &[u8], filter: EventFilter<'_>) -> Result<Extracted, Problem> {
        let filter = match filter {
            // Nothing says where a type would stand.
            EventFilter::All | EventFilter::Types(_) => EventFilter::All,
        };
        Mapping::default().parse(element, filter)
    }

    fn parse_mapped(
        &self,
        element: &[u8],
        mapping: &str,
        filter: EventFilter<'_>,
    ) -> Result<Extracted, Problem> {
        match Mapping::of_label(mapping) {
            Some(mapping) => mapping.parse(element, filter),
            None => self.parse(element, filter),
        }
    }

    fn sample(&self, lead: &Sample) -> Vec<u8> {
        json!({
            "lead_id": lead.lead_id, "event_id": lead.event_id, "display_name": lead.name,
            "lead_email": lead.email, "created": lead.made_at,
        })
        .to_string()
        .into_bytes()
    }
}

impl Intake for Declared {
    fn secrets(&self) -> usize {
        self.verify.secrets().len()
    }

    fn verify(
        &self,
        delivery: &Delivery<'_>,
        tolerance: SignedDuration,
    ) -> Result<Option<EventId>, Unverified> {
        self.verify.check(delivery, tolerance, &self.mapping)?;
        Ok(None)
    }

    fn sign(&self, _event_id: &EventId, body: Vec<u8>, now: Timestamp) -> Option<SignedRequest> {
        let signed = self.verify.sign(body, now, self.mapping.format)?;
        Some(SignedRequest {
            headers: signed.headers,
            query: signed.query,
            body: signed.body,
        })
    }

    fn clean<'a>(&self, body: &'a [u8]) -> Cow<'a, [u8]> {
        self.verify.clean(body, self.mapping.format)
    }

    fn mapping(&self) -> Option<&str> {
        Some(&self.label)
    }

    fn sample(&self, lead: &Sample, events: Option<&[String]>) -> Option<Vec<u8>> {
        let event_type = events.and_then(<[_]>::first).map(String::as_str);
        let values = self.mapping.sample(lead, event_type);
        Some(sample::body(self.mapping.format, &values, &self.each))
    }

    fn hint(&self, problem: Problem, element: &[u8]) -> Option<String> {
        (problem == Problem::InvalidLeadId).then(|| self.mapping.hint(element))?
    }

    fn challenge(&self, delivery: &Delivery<'_>) -> Option<Result<String, Unverified>> {
        self.challenge
            .as_ref()
            .map(|challenge| challenge.answer(delivery))
    }

    fn split<'a>(&self, body: &'a [u8]) -> Result<Vec<Cow<'a, [u8]>>, Problem> {
        self.each.split(body)
    }
}

impl Challenge {
    fn read(members: &mut Members<'_>) -> Option<Self> {
        let (query, token_query) = (members.text("query"), members.text("token_query"));
        let tokens = verify::tokens(members);
        Some(Self {
            query: kept(&query?),
            token_query: kept(&token_query?),
            tokens: tokens?,
        })
    }

    fn answer(&self, delivery: &Delivery<'_>) -> Result<String, Unverified> {
        let token = delivery.parameter(self.token_query);
        let token = token.ok_or(Unverified::MemberMissing(self.token_query))?;
        if !is_any_of(&self.tokens, &token) {
            return Err(Unverified::Mismatch);
        }
        let value = delivery.parameter(self.query);
        let value = value.and_then(|value| String::from_utf8(value).ok());
        value.ok_or(Unverified::MemberMissing(self.query))
    }
}

/// A declared name, kept for as long as the process runs: lines say which header or parameter was missing, and a declaration has few.
fn kept(name: &str) -> &'static str {
    static NAMES: Mutex<BTreeSet<&'static str>> = Mutex::new(BTreeSet::new());
    let mut names = NAMES.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(kept) = names.get(name) {
        return kept;
    }
    let kept: &'static str = Box::leak(name.to_owned().into_boxed_str());
    names.insert(kept);
    kept
}

/// A header's name, as headers are asked for.
fn header_name(name: &str) -> &'static str {
    kept(&name.to_ascii_lowercase())
}

fn is_header_name(name: &str) -> bool {
    let is_token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    (1..=128).contains(&name.len()) && name.bytes().all(is_token)
}
