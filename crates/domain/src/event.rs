//! What a CRM sent, read strictly.

mod close;
mod standard;

use crate::canary;
use crate::json::{JsonError, Object};
use crate::lead::document::OURS;
use crate::lead::id::{EventId, LeadId};
use crate::problem::Problem;
use crate::source::Source;
use jiff::civil::DateTime;
use jiff::{Timestamp, tz::Offset};

/// One event of one lead.
#[derive(Clone, Debug)]
pub struct Event {
    /// Whom it is about.
    pub lead_id: LeadId,
    /// The id that the body gives it; headers may give it one too.
    pub event_id: Option<EventId>,
    /// The event's own time, where it has one.
    pub time: Option<Timestamp>,
    /// The lead's fields for the merge: the flat form itself, Close's `event.data`, the envelope's `data`.
    pub fields: Object,
}

/// What became of a body that is well formed.
#[derive(Clone, Debug)]
pub enum Parsed {
    /// An event that this source takes.
    Event(Box<Event>),
    /// An event of a type that this source is not configured to take.
    Ignored,
}

/// Which event types are taken.
#[derive(Clone, Copy, Debug)]
pub enum Take<'a> {
    /// Every type: a raw object was taken already.
    All,
    /// These types. The flat form has no type and is always taken.
    Types(&'a [String]),
}

impl Take<'_> {
    fn takes(self, kind: &str) -> bool {
        match self {
            Self::All => true,
            Self::Types(types) => types.iter().any(|taken| taken == kind),
        }
    }
}

/// The name of the member that says whom an event is about.
const LEAD_ID: &str = "lead_id";

/// Reads a webhook's body as `source` sends it. Generic takes the flat form or a Close event.
pub fn parse_event(source: Source, body: &[u8], take: Take<'_>) -> Result<Parsed, Problem> {
    let top = parse_object(body)?;
    let parsed = match source {
        Source::Close => close::parse(&top, take),
        Source::Generic if close::is_shape(&top) => close::parse(&top, take),
        Source::Standard | Source::Canary if standard::is_envelope(&top) => {
            standard::parse(&top, take)
        }
        Source::Generic | Source::Standard | Source::Canary => parse_flat(top),
    }?;
    if let Parsed::Event(event) = &parsed {
        canary::check(source, event)?;
    }
    Ok(parsed)
}

/// Whether a body has the shape of a Close event, whatever address it came to.
pub fn is_close_event(body: &[u8]) -> bool {
    Object::parse(body).is_ok_and(|top| close::is_shape(&top))
}

/// Reads a raw object that nobody labelled, by its shape: a Close event, the envelope of Standard Webhooks, or the flat form.
pub fn parse_stored(body: &[u8]) -> Result<(Source, Event), Problem> {
    let top = parse_object(body)?;
    let (source, parsed) = if close::is_shape(&top) {
        (Source::Close, close::parse(&top, Take::All)?)
    } else if standard::is_envelope(&top) {
        (Source::Standard, standard::parse(&top, Take::All)?)
    } else {
        (Source::Generic, parse_flat(top)?)
    };
    match parsed {
        Parsed::Event(event) => {
            canary::check(source, &event)?;
            Ok((source, *event))
        }
        Parsed::Ignored => Err(Problem::InvalidEvent),
    }
}

/// The flat form has neither an id nor a time of its own: `date_created` is when the lead was made, and a form's constant member must
/// never make two leads one event.
fn parse_flat(top: Object) -> Result<Parsed, Problem> {
    refuse_reserved(&top)?;
    let mut ids = LeadIds::default();
    ids.add_member(&top, LEAD_ID)?;
    if ids.is_empty() {
        return Err(Problem::InvalidLeadId);
    }
    for nested in ["event", "data"]
        .into_iter()
        .filter_map(|name| top.object(name))
    {
        ids.add_hint(&nested, LEAD_ID);
    }
    close::add_hints(&top, &mut ids);
    Ok(Parsed::Event(Box::new(Event {
        lead_id: ids.only()?,
        event_id: None,
        time: None,
        fields: top,
    })))
}

fn parse_object(body: &[u8]) -> Result<Object, Problem> {
    Object::parse(body).map_err(|error| match error {
        JsonError::Invalid => Problem::InvalidJson,
        JsonError::TooDeep => Problem::TooDeep,
        JsonError::DuplicateKey => Problem::DuplicateKey,
        JsonError::NotObject => Problem::InvalidEvent,
    })
}

fn refuse_reserved(fields: &Object) -> Result<(), Problem> {
    match fields.get(OURS) {
        Some(_) => Err(Problem::ReservedField),
        None => Ok(()),
    }
}

/// The time in a member: RFC 3339, or without an offset in UTC, as Close sends it. No CRM is older than the epoch.
fn parse_time(object: &Object, name: &str) -> Result<Option<Timestamp>, Problem> {
    let Some(value) = object.get(name).filter(|value| value.get() != "null") else {
        return Ok(None);
    };
    let text: String =
        serde_json::from_str(value.get()).map_err(|_not_text| Problem::InvalidTime)?;
    let zoned = text.parse::<Timestamp>().ok();
    let naive = || {
        Offset::UTC
            .to_timestamp(text.parse::<DateTime>().ok()?)
            .ok()
    };
    zoned
        .or_else(naive)
        .filter(|time| *time >= Timestamp::UNIX_EPOCH)
        .map(Some)
        .ok_or(Problem::InvalidTime)
}

/// The lead ids that one event names, wherever they stand.
#[derive(Default)]
struct LeadIds {
    found: Vec<LeadId>,
}

impl LeadIds {
    /// Adds a member that must be a lead id where it is there.
    fn add_member(&mut self, object: &Object, name: &str) -> Result<(), Problem> {
        if let Some(value) = object.get(name).filter(|value| value.get() != "null") {
            self.found
                .push(LeadId::from_json(value).map_err(|_invalid| Problem::InvalidLeadId)?);
        }
        Ok(())
    }

    /// Adds a member that counts only where it is a lead id.
    fn add_hint(&mut self, object: &Object, name: &str) {
        self.found.extend(
            object
                .get(name)
                .and_then(|value| LeadId::from_json(value).ok()),
        );
    }

    fn is_empty(&self) -> bool {
        self.found.is_empty()
    }

    /// The one id on which all agree.
    fn only(mut self) -> Result<LeadId, Problem> {
        self.found.dedup();
        let first = self.found.pop().ok_or(Problem::InvalidLeadId)?;
        if self.found.is_empty() {
            Ok(first)
        } else {
            Err(Problem::ConflictingLeadIds)
        }
    }
}

#[cfg(test)]
mod tests;
