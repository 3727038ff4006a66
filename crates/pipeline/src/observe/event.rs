//! An event as a value, and the macro in which each has its one entry: its line, its metrics, and its words for a person.

use super::metric::Metrics;
use super::words::Words;
use leadwire_domain::lead::id::{EventId, LeadId};
use leadwire_domain::message::TriggerFacts;
use leadwire_domain::source::Source;
use leadwire_domain::source::canary;
use std::borrow::Cow;
use std::error::Error;
use tracing::Level;

/// Something that happened.
pub trait Event {
    /// What is true of each such event.
    fn facts(&self) -> &'static EventFacts;

    /// The level of its line, and the message.
    fn line(&self) -> (Level, Cow<'_, str>);

    /// Whom and what it is about.
    fn subject(&self) -> Subject<'_> {
        Subject::default()
    }

    /// The further fields of its line, in their order.
    fn fields(&self, _put: &mut dyn FnMut(&'static str, FieldValue<'_>)) {}

    /// What it counts and measures.
    fn measure(&self, _metrics: &mut Metrics) {}

    /// What a person reads on the console of one machine.
    fn words(&self) -> Words {
        Words::Generic
    }
}

/// What is true of each event of one kind: the catalogue, as documents and checks read it.
#[derive(Clone, Copy, Debug)]
pub struct EventFacts {
    /// Its name on lines.
    pub name: &'static str,
    /// The module that emits it, as filters name it.
    pub target: &'static str,
    /// The levels that its line may have.
    pub levels: &'static [Level],
    /// The further fields that its line may have.
    pub fields: &'static [&'static str],
    /// What happened, a sentence or two.
    pub about: &'static str,
}

/// Whom and what an event is about: the ids at the top level of its line. `trace_id` and `span_id` are added by the telemetry room, from the
/// span that is open.
#[derive(Clone, Copy, Debug, Default)]
pub struct Subject<'a> {
    /// The lead, where it is known.
    pub lead_id: Option<&'a LeadId>,
    /// The event, where it is known.
    pub event_id: Option<&'a EventId>,
    /// Where it came from, where that is known: it decides whether the event counts in metrics.
    pub source: Option<Source>,
}

impl<'a> Subject<'a> {
    /// An event that is known.
    pub(crate) fn of(lead_id: &'a LeadId, event_id: &'a EventId, source: Source) -> Self {
        Self {
            lead_id: Some(lead_id),
            event_id: Some(event_id),
            source: Some(source),
        }
    }

    /// What a message says of its event, where it says anything.
    pub(crate) fn of_facts(facts: Option<&'a TriggerFacts>) -> Self {
        let of = |facts: &'a TriggerFacts| Self::of(&facts.lead_id, &facts.event_id, facts.source);
        facts.map(of).unwrap_or_default()
    }

    /// The lead id as text.
    pub fn lead(&self) -> Option<&'a str> {
        self.lead_id.map(LeadId::as_str)
    }

    /// The event id as text.
    pub fn event(&self) -> Option<&'a str> {
        self.event_id.map(EventId::as_str)
    }

    /// Whether what happens to it counts in metrics. Whatever is not known to be unmetered does.
    pub(super) fn is_metered(&self) -> bool {
        self.source.is_none_or(Source::is_metered)
    }

    /// Whether it is the canary. The lead id is enough: it is reserved.
    pub(super) fn is_canary(&self) -> bool {
        self.lead() == Some(canary::LEAD_ID)
    }
}

/// The value of a field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FieldValue<'a> {
    /// The line does not have the field.
    Absent,
    /// Text.
    Text(Cow<'a, str>),
    /// A number.
    Number(u64),
    /// Yes or no.
    Flag(bool),
}

impl<'a> From<&'a str> for FieldValue<'a> {
    fn from(text: &'a str) -> Self {
        Self::Text(Cow::Borrowed(text))
    }
}

impl From<String> for FieldValue<'_> {
    fn from(text: String) -> Self {
        Self::Text(Cow::Owned(text))
    }
}

impl From<u64> for FieldValue<'_> {
    fn from(number: u64) -> Self {
        Self::Number(number)
    }
}

impl From<u32> for FieldValue<'_> {
    fn from(number: u32) -> Self {
        Self::Number(number.into())
    }
}

impl From<usize> for FieldValue<'_> {
    fn from(number: usize) -> Self {
        Self::Number(u64::try_from(number).unwrap_or(u64::MAX))
    }
}

impl From<bool> for FieldValue<'_> {
    fn from(flag: bool) -> Self {
        Self::Flag(flag)
    }
}

impl<'a, T: Into<FieldValue<'a>>> From<Option<T>> for FieldValue<'a> {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Absent, Into::into)
    }
}

/// Whole milliseconds for a field, never below zero.
pub(super) fn whole_millis(time: jiff::SignedDuration) -> u64 {
    u64::try_from(time.as_millis().max(0)).unwrap_or(u64::MAX)
}

/// An error with its whole chain, in one line.
pub(super) fn chain(error: &(dyn Error + 'static)) -> String {
    let causes = std::iter::successors(Some(error), |&error| error.source());
    let chain: Vec<String> = causes.map(ToString::to_string).collect();
    chain.join(": ")
}
