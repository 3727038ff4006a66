//! Sources: who sends events. A source has a name, of the sources document, and a kind. A kind is one file here and one line in the
//! registry; nothing else names a kind.
//!
//! # How a kind is written
//!
//! One file, `hubspot.rs`, with a unit struct that is `Kind` and a struct with the decoded secrets that is `Intake`; one line in the
//! registry below. The laws of `tests/registry.rs` and the fuzz targets then try it like every other.
//! - `Kind::configure` asks `Members` for each of its members once, notes what is wrong, and makes the intake. What it does not ask for
//!   is a mistake by itself. `kind`, `events`, `tolerance_seconds`, `status` and `silence_hours` are read for every kind.
//! - `Intake::verify` sees method, query, headers, body and time; `Intake::clean` cuts out a secret that stands in the body;
//!   `Intake::split` gives the elements, which may be made and need not be slices. An element is what is stored.
//! - `Kind::parse` reads an element, at the door and again from the store, where no configuration is known. It decides the type before
//!   anything else, and puts what the CRM says of a person under the known names.
//! - `Kind::sample` gives a body that it takes, and `Intake::sign` makes it the whole request, query and body tokens included.

mod basic;
pub mod canary;
pub mod check;
mod close;
mod config;
mod custom;
mod delivery;
mod document;
mod event;
mod forms;
mod generic;
mod hubspot;
mod intake;
mod members;
mod name;
mod person;
mod pipedrive;
mod pointer;
mod reading;
mod salesforce;
mod signature;
mod standard;
mod webhooks;
mod zoho;

pub use config::SourceConfig;
pub use delivery::{Delivery, Headers, Unverified, Verified, header_value};
pub use document::{Sources, SourcesError};
pub use event::{Event, EventFilter, Extracted};
pub use intake::SignedRequest;
pub use name::{Source, SourceName, SourceNameError};

use crate::json::Object;
use crate::lead::id::{EventId, LeadId};
use crate::problem::Problem;
use event::{LeadIds, parse_object};
use intake::Intake;
use jiff::Timestamp;
use members::Members;
use serde_json::{Value, json};
use std::fmt;

/// What is known of one kind of source. Its methods without a body are what a new file must say.
trait Kind: Sync {
    /// Its name in configuration, labels and metrics, and the name of a source that says no other.
    fn name(&self) -> &'static str;

    /// Reads the members of a source of this kind. `None` where something is wrong, which was noted then.
    fn configure(&self, members: &mut Members<'_>) -> Option<Box<dyn Intake>>;

    /// A secret of its form, from random bytes.
    fn make_secret(&self, random: [u8; 32]) -> String;

    /// Reads an element of a request. Its type is decided before anything else is demanded, so that a type that is not taken is never an
    /// error.
    fn parse(&self, element: &[u8], filter: EventFilter<'_>) -> Result<Extracted, Problem>;

    /// The same by a mapping that is stored beside the element ([`Intake::mapping`]), where a kind has any.
    fn parse_mapped(
        &self,
        element: &[u8],
        _mapping: &str,
        filter: EventFilter<'_>,
    ) -> Result<Extracted, Problem> {
        self.parse(element, filter)
    }

    /// The body that the CRM would send for a lead, but for what only a configured source knows.
    fn sample(&self, lead: &Sample) -> Vec<u8>;

    /// The members of a source of this kind that has this secret, as an operator writes them.
    fn example(&self, secret: &str) -> Value {
        json!({ "secrets": [secret] })
    }

    /// The event types that are taken unless `events` says otherwise; every one where there is no list.
    fn events(&self) -> Option<&'static [&'static str]> {
        Some(&["lead.created"])
    }

    /// What its CRM must read to count a request as taken, with status 200, in place of our JSON.
    fn acknowledgement(&self) -> Option<Acknowledgement> {
        None
    }

    /// The type of its bodies.
    fn content_type(&self) -> &'static str {
        "application/json"
    }

    /// Whether what it is verified by covers the body's bytes. A password or a token does not.
    fn signs_body(&self) -> bool {
        true
    }

    /// Whether the form of its events fixes their time, so that every delivery of an event brings the same one.
    fn fixes_time(&self) -> bool {
        false
    }

    /// The members at the top of its events that belong to a delivery, and not to the event.
    fn transport(&self) -> &'static [&'static str] {
        &[]
    }

    /// Whether its leads are made up by us: no metric but one counts them, no operator configures it, and the CRM has none of them.
    fn is_synthetic(&self) -> bool {
        false
    }

    /// The one lead that it sends events of, and no other kind may.
    fn reserved_lead(&self) -> Option<&'static str> {
        None
    }

    /// Whether a document that nothing labels is one of its events.
    fn recognises(&self, _top: &Object) -> bool {
        false
    }

    /// Whether its events are also taken, unsigned, at the open address `/ingest` of a `dev` stack.
    fn is_taken_at_open_address(&self) -> bool {
        false
    }

    /// The header that holds its signature, where no other kind and no proxy uses that header.
    fn signature_header(&self) -> Option<&'static str> {
        None
    }

    /// The lead's e-mail address and phone where its events have them within others of their fields.
    fn contact(&self, _fields: &Object) -> Contact {
        Contact::default()
    }

    /// Adds the lead ids that its events would name inside a document which is read as the flat form.
    fn add_hints(&self, _top: &Object, _ids: &mut LeadIds) {}
}

/// Makes [`SourceKind`] of the list of kinds.
macro_rules! registry {
    ($($variant:ident => $kind:expr,)+) => {
        /// A kind of source: what it is configured with, how it is verified and read. Its values are a dimension of metrics.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum SourceKind {
            $(
                #[doc = concat!("The kind `", stringify!($kind), "`.")]
                $variant,
            )+
        }

        impl SourceKind {
            /// Every kind, in the order in which they are asked whether they recognise a document.
            pub const ALL: [Self; [$(stringify!($variant)),+].len()] = [$(Self::$variant),+];

            fn definition(self) -> &'static dyn Kind {
                match self {
                    $(Self::$variant => &$kind,)+
                }
            }
        }
    };
}

registry! {
    Generic => generic::Generic,
    Close => close::Close,
    Standard => standard::Standard,
    HubSpot => hubspot::HubSpot,
    Pipedrive => pipedrive::Pipedrive,
    Salesforce => salesforce::Salesforce,
    Zoho => zoho::Zoho,
    Custom => custom::Custom,
    Canary => canary::Canary,
}

/// The kind of `/ingest` itself.
impl Default for SourceKind {
    fn default() -> Self {
        Self::Generic
    }
}

impl fmt::Display for SourceKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// What a CRM must read to count a request as taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Acknowledgement {
    /// The type of the body.
    pub content_type: &'static str,
    /// The body.
    pub body: &'static str,
}

/// How a lead can be reached.
#[derive(Clone, Default, PartialEq, Eq)]
pub(crate) struct Contact {
    pub(crate) email: Option<String>,
    pub(crate) phone: Option<String>,
}

/// A lead that `leadwire send` and the tests make up.
#[derive(Clone, Debug)]
pub struct Sample {
    /// Its id.
    pub lead_id: LeadId,
    /// Its name.
    pub name: String,
    /// Its own address.
    pub email: String,
    /// The event's id.
    pub event_id: EventId,
    /// When it is said to be made; a sample that is sent again under its event id has none, so that its bytes are the same.
    pub made_at: Option<Timestamp>,
}

impl SourceKind {
    /// Its name in configuration, labels and metrics.
    pub fn name(self) -> &'static str {
        self.definition().name()
    }

    /// The kind of that name, if there is one.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    /// The kinds that an operator configures.
    pub fn configurable() -> impl Iterator<Item = Self> {
        Self::ALL.into_iter().filter(|kind| !kind.is_synthetic())
    }

    /// Whether its leads are made up by us, as the canary's are.
    pub fn is_synthetic(self) -> bool {
        self.definition().is_synthetic()
    }

    /// The event types that are taken unless a source says otherwise; every one where there is no list.
    pub fn default_events(self) -> Option<Vec<String>> {
        let events = self.definition().events()?;
        Some(events.iter().map(ToString::to_string).collect())
    }

    /// What its CRM must read to count a request as taken, with status 200, in place of our JSON.
    pub fn acknowledgement(self) -> Option<Acknowledgement> {
        self.definition().acknowledgement()
    }

    /// The type of its bodies.
    pub fn content_type(self) -> &'static str {
        self.definition().content_type()
    }

    /// Whether what it is verified by covers the body's bytes.
    pub fn signs_body(self) -> bool {
        self.definition().signs_body()
    }

    /// A secret of its form, from random bytes.
    pub fn make_secret(self, random: [u8; 32]) -> String {
        self.definition().make_secret(random)
    }

    /// The members of a source of this kind that has this secret, as an operator writes them.
    pub fn example_members(self, secret: &str) -> Value {
        self.definition().example(secret)
    }

    /// Reads an event as a source of this kind sends it.
    pub fn parse(self, element: &[u8], filter: EventFilter<'_>) -> Result<Extracted, Problem> {
        self.parse_mapped(element, None, filter)
    }

    /// The same, by the mapping of its source, where it has one ([`SourceConfig::mapping`]).
    pub fn parse_mapped(
        self,
        element: &[u8],
        mapping: Option<&str>,
        filter: EventFilter<'_>,
    ) -> Result<Extracted, Problem> {
        let kind = self.definition();
        let mut extracted = match mapping {
            Some(mapping) => kind.parse_mapped(element, mapping, filter),
            None => kind.parse(element, filter),
        }?;
        if let Extracted::Event(event) = &mut extracted {
            if !self.admits(&event.lead_id) {
                return Err(Problem::InvalidLeadId);
            }
            // Another kind's event at the open address keeps what its own form fixes.
            event.is_time_fixed |= self.definition().fixes_time();
        }
        Ok(extracted)
    }

    /// Whether two deliveries of one event say the same, whatever belongs to the delivery alone.
    pub fn is_same_content(self, one: &[u8], other: &[u8]) -> bool {
        if one == other {
            return true;
        }
        let (Ok(one), Ok(other)) = (parse_object(one), parse_object(other)) else {
            return false;
        };
        let form = if self == Self::default() {
            guest(&one).unwrap_or(self)
        } else {
            self
        };
        let transport = form.definition().transport();
        let content = |object: &Object| -> Vec<(String, String)> {
            let members = object.iter();
            let own = members.filter(|(name, _)| !transport.contains(name));
            own.map(|(name, value)| (name.to_owned(), value.get().to_owned()))
                .collect()
        };
        !transport.is_empty() && content(&one) == content(&other)
    }

    /// Reads a raw object that nothing labels, by its shape.
    pub fn parse_unlabelled(body: &[u8]) -> Result<(Self, Event), Problem> {
        let kind = Self::recognise(&parse_object(body)?);
        match kind.parse(body, EventFilter::All)? {
            Extracted::Event(event) => Ok((kind, *event)),
            Extracted::Ignored(_) => Err(Problem::InvalidEvent),
        }
    }

    /// The lead's e-mail address and phone where this kind's events have them within others of their fields.
    pub(crate) fn contact(self, fields: &Object) -> Contact {
        self.definition().contact(fields)
    }

    /// The body that a source of this kind would send for a lead, unsigned.
    pub fn sample(self, lead: &Sample) -> Vec<u8> {
        self.definition().sample(lead)
    }

    /// Whether a signed body came to a source of the default kind and is an event of a kind that has an address of its own.
    pub fn is_misdirected(self, body: &[u8]) -> bool {
        self == Self::default() && parse_object(body).is_ok_and(|top| guest(&top).is_some())
    }

    /// Whether the headers came to a source of the default kind and hold the signature of a kind that has an address of its own.
    fn is_signed_for_another(self, headers: &dyn Headers) -> bool {
        let holds = |kind: Self| {
            let header = kind.definition().signature_header();
            header.is_some_and(|name| headers.get(name).is_some())
        };
        self == Self::default() && !holds(self) && Self::ALL.into_iter().any(holds)
    }

    fn recognise(top: &Object) -> Self {
        let mut all = Self::ALL.into_iter();
        all.find(|kind| kind.definition().recognises(top))
            .unwrap_or_default()
    }

    /// A reserved lead belongs to its kind, and its kind to that lead.
    fn admits(self, lead_id: &LeadId) -> bool {
        let reserved = |kind: Self| kind.definition().reserved_lead();
        match reserved(self) {
            Some(own) => own == lead_id.as_str(),
            None => !Self::ALL
                .into_iter()
                .any(|kind| reserved(kind) == Some(lead_id.as_str())),
        }
    }
}

/// The kind whose event this is, where it is also taken at the open address.
fn guest(top: &Object) -> Option<SourceKind> {
    let kind = SourceKind::recognise(top);
    kind.definition().is_taken_at_open_address().then_some(kind)
}

#[cfg(test)]
mod tests;
