//! What a CRM sent, read strictly.

use crate::id::{EventId, LeadId};
use crate::json::Object;
use crate::problem::Problem;
use crate::source::Source;
use jiff::Timestamp;

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

/// Reads a webhook's body as `source` sends it. Generic takes the flat form or a Close event.
pub fn parse_event(_source: Source, _body: &[u8], _take: Take<'_>) -> Result<Parsed, Problem> {
    todo!()
}

/// Whether a body has the shape of a Close event, whatever address it came to.
pub fn is_close_event(_body: &[u8]) -> bool {
    todo!()
}

/// Reads a raw object that nobody labelled, by its shape: a Close event, the envelope of Standard Webhooks, or the flat form.
pub fn parse_stored(_body: &[u8]) -> Result<(Source, Event), Problem> {
    todo!()
}
