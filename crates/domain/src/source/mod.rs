//! Sources: who sends events. A kind of source is one file here and one line in the registry; nothing else names a kind.

pub mod canary;
mod close;
mod config;
mod delivery;
mod document;
mod event;
mod forms;
mod generic;
mod signature;
mod standard;
mod webhooks;

pub use config::{Key, SignedHeaders, SourceConfig};
pub use delivery::{Delivery, Headers, Unverified, Verified};
pub use document::{Sources, SourcesError};
pub use event::{Event, EventFilter, Extracted};

use crate::json::Object;
use crate::lead::document::Enriched;
use crate::lead::id::{EventId, LeadId};
use crate::limits::EVENTS_MAX;
use crate::problem::Problem;
use event::{LeadIds, parse_object};
use jiff::Timestamp;
use signature::Scheme;
use std::borrow::Cow;
use std::fmt;

/// What is known of one kind of source. Its methods without a body are what a new file must say.
trait Kind: Sync {
    /// Its name in paths, configuration, documents and metrics.
    fn name(&self) -> &'static str;

    /// How its requests are verified.
    fn scheme(&self) -> &'static dyn Scheme;

    /// Reads a webhook's body. Its type is decided before anything else is demanded, so that a type that is not taken is never an error.
    fn parse(&self, body: &[u8], filter: EventFilter<'_>) -> Result<Extracted, Problem>;

    /// The body that the CRM would send for a lead.
    fn sample(&self, lead: &Sample) -> Vec<u8>;

    /// The elements of a request, one for each event, in their order: the request's own bytes wherever the CRM sends each event whole.
    fn split<'a>(&self, body: &'a [u8]) -> Result<Vec<Cow<'a, [u8]>>, Problem> {
        Ok(vec![Cow::Borrowed(body)])
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

/// Makes [`Source`] of the list of kinds.
macro_rules! registry {
    ($($variant:ident => $kind:expr,)+) => {
        /// A source of events: the `{source}` of `/ingest/{source}`. Its name and its kind are one today.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Source {
            $(
                #[doc = concat!("The kind `", stringify!($kind), "`.")]
                $variant,
            )+
        }

        impl Source {
            /// Every source, in the order in which they are asked whether they recognise a document.
            pub const ALL: [Self; [$(stringify!($variant)),+].len()] = [$(Self::$variant),+];

            fn kind(self) -> &'static dyn Kind {
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
    Canary => canary::Canary,
}

/// The source of `/ingest` itself, and of what is labelled with no known source.
impl Default for Source {
    fn default() -> Self {
        Self::Generic
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
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

impl Source {
    /// The source's name in paths, configuration, documents and metrics.
    pub fn as_str(self) -> &'static str {
        self.kind().name()
    }

    /// The name of its kind, by which its events are read again.
    pub fn kind_name(self) -> &'static str {
        self.kind().name()
    }

    /// A source of that kind, if there is the kind.
    pub fn of_kind(kind: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|source| source.kind_name() == kind)
    }

    /// The source of that name, if there is one.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|source| source.as_str() == name)
    }

    /// The source that a stored document names: the default's where that is none.
    pub fn of_document(document: &Enriched) -> Self {
        Self::from_name(&document.provenance.source).unwrap_or_default()
    }

    /// The source of a path: `/ingest` is the default's, and `/ingest/{source}` that of each other one.
    pub fn of_path(path: &str) -> Option<Self> {
        let rest = path.strip_prefix("/ingest")?;
        let rest = rest.strip_suffix('/').unwrap_or(rest);
        if rest.is_empty() {
            return Some(Self::default());
        }
        Self::from_name(rest.strip_prefix('/')?).filter(|source| *source != Self::default())
    }

    /// The sources that an operator configures.
    pub fn configurable() -> impl Iterator<Item = Self> {
        Self::ALL
            .into_iter()
            .filter(|source| source.is_configurable())
    }

    /// Whether an operator configures it in the sources document.
    pub fn is_configurable(self) -> bool {
        !self.is_synthetic()
    }

    /// Whether its leads are made up by us, as the canary's are.
    pub fn is_synthetic(self) -> bool {
        self.kind().is_synthetic()
    }

    /// Whether its events count in metrics. What does not is logged all the same, and counted by `CanaryMailed` alone.
    pub fn is_metered(self) -> bool {
        !self.is_synthetic()
    }

    /// The form of its secrets, in words.
    pub fn secret_form(self) -> &'static str {
        self.kind().scheme().secret_form()
    }

    /// The key of a secret, where it has the form of this source.
    pub fn parse_key(self, secret: &str) -> Option<Key> {
        let bytes = self.kind().scheme().decode_secret(secret)?;
        Some(Key::new(self, bytes))
    }

    /// A secret of this source's form, from random bytes.
    pub fn make_secret(self, random: [u8; 32]) -> String {
        self.kind().scheme().encode_secret(random)
    }

    /// The elements of a request's body, 1 to [`EVENTS_MAX`]. Each is read by [`Source::parse`], and is an event or none by itself.
    pub fn split(self, body: &[u8]) -> Result<Vec<Cow<'_, [u8]>>, Problem> {
        let elements = self.kind().split(body)?;
        match elements.len() {
            0 => Err(Problem::InvalidEvent),
            1..=EVENTS_MAX => Ok(elements),
            _ => Err(Problem::TooManyEvents),
        }
    }

    /// Reads an event as this source sends it.
    pub fn parse(self, body: &[u8], filter: EventFilter<'_>) -> Result<Extracted, Problem> {
        let mut extracted = self.kind().parse(body, filter)?;
        if let Extracted::Event(event) = &mut extracted {
            if !self.admits(&event.lead_id) {
                return Err(Problem::InvalidLeadId);
            }
            // Another source's event at the open address keeps what its own form fixes.
            event.is_time_fixed |= self.kind().fixes_time();
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
        let transport = form.kind().transport();
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
        let source = Self::recognise(&parse_object(body)?);
        match source.parse(body, EventFilter::All)? {
            Extracted::Event(event) => Ok((source, *event)),
            Extracted::Ignored(_) => Err(Problem::InvalidEvent),
        }
    }

    /// The lead's e-mail address and phone where this source's events have them within others of their fields.
    pub(crate) fn contact(self, fields: &Object) -> Contact {
        self.kind().contact(fields)
    }

    /// The body that this source would send for a lead.
    pub fn sample(self, lead: &Sample) -> Vec<u8> {
        self.kind().sample(lead)
    }

    /// Whether a signed body came to the default address and is an event of a source that has an address of its own.
    pub fn is_misdirected(self, body: &[u8]) -> bool {
        self == Self::default() && parse_object(body).is_ok_and(|top| guest(&top).is_some())
    }

    /// Whether the headers came to the default address and hold the signature of a source that has an address of its own.
    fn is_signed_for_another(self, headers: &dyn Headers) -> bool {
        let holds = |source: Self| {
            let header = source.kind().signature_header();
            header.is_some_and(|name| headers.get(name).is_some())
        };
        self == Self::default() && !holds(self) && Self::ALL.into_iter().any(holds)
    }

    fn recognise(top: &Object) -> Self {
        let mut all = Self::ALL.into_iter();
        all.find(|source| source.kind().recognises(top))
            .unwrap_or_default()
    }

    /// A reserved lead belongs to its source, and its source to that lead.
    fn admits(self, lead_id: &LeadId) -> bool {
        let reserved = |source: Self| source.kind().reserved_lead();
        match reserved(self) {
            Some(own) => own == lead_id.as_str(),
            None => !Self::ALL
                .into_iter()
                .any(|source| reserved(source) == Some(lead_id.as_str())),
        }
    }
}

/// The source whose event this is, where it is also taken at the open address.
fn guest(top: &Object) -> Option<Source> {
    let source = Source::recognise(top);
    source.kind().is_taken_at_open_address().then_some(source)
}

#[cfg(test)]
mod tests;
