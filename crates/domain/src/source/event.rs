//! What a CRM sent, read strictly: what the kinds have in common.

use crate::json::{JsonError, Object};
use crate::lead::field::OURS;
use crate::lead::id::{EventId, LeadId};
use crate::limits::EVENT_TYPE_CHARS_MAX;
use crate::problem::Problem;
use jiff::civil::DateTime;
use jiff::{Timestamp, tz::Offset};
use serde_json::value::RawValue;

/// One event of one lead.
#[derive(Clone, Debug)]
pub struct Event {
    /// The lead that it is about.
    pub lead_id: LeadId,
    /// The id that the body gives it; headers may give it one too.
    pub event_id: Option<EventId>,
    /// The event's own time, where it has one that can be read.
    pub time: Option<Timestamp>,
    /// Whether the event's form fixes that time, so that a retry brings the same one again.
    pub is_time_fixed: bool,
    /// The lead's fields for the merge: the flat form itself, Close's `event.data`, the envelope's `data`.
    pub fields: Object,
}

/// What a well-formed body holds.
#[derive(Clone, Debug)]
pub enum Extracted {
    /// An event that this source takes.
    Event(Box<Event>),
    /// An event of a type that this source is not configured to take: the type, in the CRM's own word.
    Ignored(String),
}

impl Extracted {
    pub(super) fn ignored(event_type: &str) -> Self {
        Self::Ignored(event_type.chars().take(EVENT_TYPE_CHARS_MAX).collect())
    }
}

/// Which event types are taken.
#[derive(Clone, Copy, Debug)]
pub enum EventFilter<'a> {
    /// Every type: a raw object was taken already.
    All,
    /// These types. The flat form has no type and is always taken.
    Types(&'a [String]),
}

impl EventFilter<'_> {
    pub(super) fn takes(self, kind: &str) -> bool {
        match self {
            Self::All => true,
            Self::Types(types) => types.iter().any(|taken| taken == kind),
        }
    }
}

/// The member that names an event's lead.
pub(super) const LEAD_ID: &str = "lead_id";

pub(super) fn parse_object(body: &[u8]) -> Result<Object, Problem> {
    Object::parse(body).map_err(|error| match error {
        JsonError::CutOff | JsonError::Invalid => Problem::InvalidJson,
        JsonError::TooDeep => Problem::TooDeep,
        JsonError::DuplicateKey => Problem::DuplicateKey,
        JsonError::NotObject => Problem::InvalidEvent,
    })
}

pub(super) fn refuse_reserved(fields: &Object) -> Result<(), Problem> {
    match fields.get(OURS) {
        Some(_) => Err(Problem::ReservedField),
        None => Ok(()),
    }
}

/// The time in a member, where it can be read: RFC 3339, or without an offset in UTC, as Close sends it. No CRM is older than the epoch.
/// A lead is never refused for its time.
pub(super) fn parse_time(object: &Object, name: &str) -> Option<Timestamp> {
    read_time(&object.text(name)?)
}

fn read_time(text: &str) -> Option<Timestamp> {
    let naive = || {
        let time = text.parse::<DateTime>().ok()?;
        Offset::UTC.to_timestamp(time).ok()
    };
    let time = text.parse::<Timestamp>().ok().or_else(naive);
    time.filter(|time| *time >= Timestamp::UNIX_EPOCH)
}

/// A time as anybody writes it: as in [`parse_time`], or ten digits of seconds or thirteen of milliseconds since the epoch.
pub(super) fn moment(text: &str) -> Option<Timestamp> {
    let number = || text.parse().ok();
    match (text.len(), text.bytes().all(|byte| byte.is_ascii_digit())) {
        (10, true) => Timestamp::from_second(number()?).ok(),
        (13, true) => Timestamp::from_millisecond(number()?).ok(),
        _ => read_time(text),
    }
}

/// The time in a member of milliseconds since the epoch, as a number or its text.
pub(super) fn parse_millis(object: &Object, name: &str) -> Option<Timestamp> {
    let millis = object.shown(name)?.parse().ok()?;
    let time = Timestamp::from_millisecond(millis).ok();
    time.filter(|time| *time >= Timestamp::UNIX_EPOCH)
}

/// The lead ids that one event names, wherever they stand.
#[derive(Default)]
pub(super) struct LeadIds {
    found: Vec<LeadId>,
    /// The id as the CRM writes it, where it goes by another.
    external: Option<String>,
}

impl LeadIds {
    /// Adds a member that must be a lead id where it is there.
    pub(super) fn add_member(&mut self, object: &Object, name: &str) -> Result<(), Problem> {
        if let Some(value) = object.get(name).filter(|value| value.get() != "null") {
            self.add(value)?;
        }
        Ok(())
    }

    /// Adds a value that must be a lead id.
    pub(super) fn add(&mut self, value: &RawValue) -> Result<(), Problem> {
        let id = LeadId::from_json(value).map_err(|_invalid| Problem::InvalidLeadId)?;
        self.found.push(id);
        self.external = self.external.take().or_else(|| LeadId::external_in(value));
        Ok(())
    }

    /// Adds a member that counts only where it is a lead id.
    pub(super) fn add_hint(&mut self, object: &Object, name: &str) {
        self.found.extend(
            object
                .get(name)
                .and_then(|value| LeadId::from_json(value).ok()),
        );
    }

    pub(super) fn is_empty(&self) -> bool {
        self.found.is_empty()
    }

    /// The one id on which all agree, which the fields name as the CRM writes it.
    pub(super) fn named_in(self, fields: &mut Object) -> Result<LeadId, Problem> {
        let external = self.external.clone();
        let lead_id = self.only()?;
        let text = external.as_deref().unwrap_or_else(|| lead_id.as_str());
        fields.set_text(LEAD_ID, text);
        Ok(lead_id)
    }

    /// The one id on which all agree.
    pub(super) fn only(mut self) -> Result<LeadId, Problem> {
        self.found.dedup();
        let first = self.found.pop().ok_or(Problem::InvalidLeadId)?;
        if self.found.is_empty() {
            Ok(first)
        } else {
            Err(Problem::ConflictingLeadIds)
        }
    }
}
