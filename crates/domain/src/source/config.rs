//! What one source is configured with: how it verifies, and what it takes.

use super::intake::{Intake, SignedRequest};
use super::members::Members;
use super::reading::Reading;
use super::{Delivery, EventFilter, Sample, Source, SourceKind, Unverified, Verified};
use crate::hint;
use crate::json::Object;
use crate::lead::id::EventId;
use crate::limits::{EVENTS_MAX, SEEN_MINUTES, SILENCE_HOURS_MAX};
use crate::problem::Problem;
use jiff::{SignedDuration, Timestamp};
use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

/// The member that says a source's kind.
pub(super) const KIND: &str = "kind";
const EVENTS: &str = "events";
const TOLERANCE: &str = "tolerance_seconds";
const STATUS: &str = "status";
const SILENCE: &str = "silence_hours";
/// How far a signature's time may be from now, either way, unless the document says otherwise.
const TOLERANCE_DEFAULT: SignedDuration = SignedDuration::from_secs(300);
/// What a request is answered with of which an event is taken.
const ACCEPTED: u16 = 202;
/// What it may be answered with for a sender that counts this alone.
const OK: u16 = 200;

/// One configured source.
#[derive(Clone)]
pub struct SourceConfig {
    source: Source,
    /// None where it is open: unsigned requests are taken.
    intake: Option<Arc<dyn Intake>>,
    /// The event types that are taken; every one where there is no list.
    events: Option<Arc<[String]>>,
    tolerance: SignedDuration,
    status: u16,
    /// How long nothing verified may come before that is an alarm; none where that is none.
    silence: Option<SignedDuration>,
}

/// Whether a signature's time counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verifying {
    /// As at the door.
    Timely,
    /// Any time will do.
    Timeless,
}

impl SourceConfig {
    /// A source that takes unsigned requests.
    pub(super) fn open(source: Source) -> Self {
        Self {
            source,
            intake: None,
            events: source.kind().default_events().map(Arc::from),
            tolerance: TOLERANCE_DEFAULT,
            status: ACCEPTED,
            silence: None,
        }
    }

    /// Reads the members of a source; else every mistake in them.
    pub(super) fn parse(source: Source, members: &Object) -> Result<Self, Vec<String>> {
        Self::parse_reading(source, members, None)
    }

    /// The same, where secrets are read in this way: to find a mistake.
    pub(super) fn parse_reading(
        source: Source,
        members: &Object,
        reading: Option<Reading>,
    ) -> Result<Self, Vec<String>> {
        let mut members = Members::new(members).reading(reading);
        // It was read already.
        let _kind: Option<String> = members.optional(KIND, "a text");
        let intake = source.kind().definition().configure(&mut members);
        let events = members.optional(EVENTS, "a list of texts");
        let tolerance: Option<u32> = members.optional(TOLERANCE, "a whole number of seconds");
        let status = members.optional(STATUS, "202 or 200");
        if status.is_some_and(|status| ![ACCEPTED, OK].contains(&status)) {
            members.wrong(format!("{STATUS} is not 202 or 200"));
        }
        let silence = silence(&mut members);
        let mistakes = members.end();
        match intake {
            Some(intake) if mistakes.is_empty() => Ok(Self {
                intake: Some(intake.into()),
                events: events
                    .or_else(|| source.kind().default_events())
                    .map(Arc::from),
                tolerance: tolerance.map_or(TOLERANCE_DEFAULT, |seconds| {
                    SignedDuration::from_secs(i64::from(seconds))
                }),
                status: status.unwrap_or(ACCEPTED),
                silence,
                source,
            }),
            _ => Err(mistakes),
        }
    }

    /// Its name and kind.
    pub fn source(&self) -> Source {
        self.source
    }

    /// Its kind.
    pub fn kind(&self) -> SourceKind {
        self.source.kind()
    }

    /// Whether unsigned requests are taken.
    pub fn is_open(&self) -> bool {
        self.intake.is_none()
    }

    /// How many secrets are active; several during a rotation.
    pub fn secrets(&self) -> usize {
        self.intake.as_ref().map_or(0, |intake| intake.secrets())
    }

    /// The event types that it takes; every one where there is no list.
    pub fn events(&self) -> Option<&[String]> {
        self.events.as_deref()
    }

    /// The same, as a filter.
    pub fn filter(&self) -> EventFilter<'_> {
        self.events().map_or(EventFilter::All, EventFilter::Types)
    }

    /// How far a signature's time may be from now, either way.
    pub fn tolerance(&self) -> SignedDuration {
        self.tolerance
    }

    /// The status of the answer to a request of which an event is taken.
    pub fn status(&self) -> u16 {
        self.status
    }

    /// How long nothing verified may come before that is an alarm; none where that is none.
    pub fn silence(&self) -> Option<SignedDuration> {
        self.silence
    }

    /// Whether nothing verified has come for so long that it is an alarm, where `seen_at` is what was recorded last. Something may have come
    /// since, for as long as nothing more is recorded: an alarm is rather late than wrong.
    pub fn is_silent(&self, seen_at: Timestamp, now: Timestamp) -> bool {
        let unrecorded = SignedDuration::from_mins(SEEN_MINUTES.into());
        self.silence
            .is_some_and(|silence| now.duration_since(seen_at) > silence + unrecorded)
    }

    /// Verifies a request. An open source needs no signature; any other fails closed.
    pub fn verify<'a>(&self, delivery: &Delivery<'a>) -> Result<Verified<'a>, Unverified> {
        self.verify_as(delivery, Verifying::Timely)
    }

    /// The same, where the time may be left out of account: to find a mistake.
    pub(super) fn verify_as<'a>(
        &self,
        delivery: &Delivery<'a>,
        verifying: Verifying,
    ) -> Result<Verified<'a>, Unverified> {
        let Some(intake) = &self.intake else {
            return Ok(Verified {
                is_signed: false,
                event_id: None,
                body: Cow::Borrowed(delivery.body),
            });
        };
        if self.kind().is_signed_for_another(delivery.headers) {
            return Err(Unverified::Misdirected);
        }
        let tolerance = match verifying {
            Verifying::Timely => self.tolerance,
            Verifying::Timeless => SignedDuration::MAX,
        };
        Ok(Verified {
            is_signed: true,
            event_id: intake.verify(delivery, tolerance)?,
            body: intake.clean(delivery.body),
        })
    }

    /// The elements of a verified body, at most [`EVENTS_MAX`]. Each is read by [`SourceKind::parse`], and is an event or none by itself.
    pub fn split<'a>(&self, body: &'a [u8]) -> Result<Vec<Cow<'a, [u8]>>, Problem> {
        let elements = match &self.intake {
            Some(intake) => intake.split(body)?,
            None => vec![Cow::Borrowed(body)],
        };
        if elements.len() > EVENTS_MAX {
            return Err(Problem::TooManyEvents);
        }
        Ok(elements)
    }

    /// The request that its CRM would send with this body. `None` where it is open, or cannot sign the id: Standard Webhooks forbid a
    /// full stop.
    pub fn sign(&self, event_id: &EventId, body: Vec<u8>, now: Timestamp) -> Option<SignedRequest> {
        self.intake.as_ref()?.sign(event_id, body, now)
    }

    /// The request that its CRM would send for this lead.
    pub fn sample(&self, lead: &Sample, now: Timestamp) -> Option<SignedRequest> {
        let own = self.intake.as_ref();
        let own = own.and_then(|intake| intake.sample(lead, self.events()));
        let body = own.unwrap_or_else(|| self.kind().sample(lead));
        self.sign(&lead.event_id, body, now)
    }

    /// More on why an element is no event, where there is more to say: of a place that its own declaration names, or of what the body has instead.
    pub fn hint(&self, problem: Problem, element: &[u8]) -> Option<String> {
        let own = self.intake.as_ref();
        let own = own.and_then(|intake| intake.hint(problem, element));
        own.or_else(|| hint::of(problem, element))
    }

    /// How its elements are read, where that is its own matter: stored beside each, for [`SourceKind::parse_mapped`].
    pub fn mapping(&self) -> Option<&str> {
        self.intake.as_ref()?.mapping()
    }

    /// The answer to a GET by which a sender finds out whose the address is, where the source has one.
    pub fn challenge(&self, delivery: &Delivery<'_>) -> Option<Result<String, Unverified>> {
        self.intake.as_ref()?.challenge(delivery)
    }
}

fn silence(members: &mut Members<'_>) -> Option<SignedDuration> {
    let form = format!("a whole number of hours, 1 to {SILENCE_HOURS_MAX}");
    let hours: u16 = members.optional(SILENCE, &form)?;
    if !(1..=SILENCE_HOURS_MAX).contains(&hours) {
        members.wrong(format!("{SILENCE} is not {form}"));
    }
    Some(SignedDuration::from_hours(hours.into()))
}

impl fmt::Debug for SourceConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SourceConfig")
            .field("source", &self.source)
            .field("secrets", &format_args!("{} ***", self.secrets()))
            .field("events", &self.events)
            .field("tolerance", &self.tolerance)
            .field("status", &self.status)
            .field("silence", &self.silence)
            .finish_non_exhaustive()
    }
}
