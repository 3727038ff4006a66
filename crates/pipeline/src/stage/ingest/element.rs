//! One element of a request: an event, or none by itself.

use super::refusal::Refusal;
use super::store_once::{NewEvent, StoredEvent};
use super::{Ingest, Trusted};
use crate::observe::{CallFailed, RequestIgnored, Subject};
use crate::port::{Bucket, Entropy, Home, NewObject, ObjectStore, PortError, SecretStore};
use crate::trace;
use leadwire_domain::key::{Identity, quarantine_key};
use leadwire_domain::lead::id::{EventId, Sha256Hex};
use leadwire_domain::problem::Problem;
use leadwire_domain::source::{Event, Extracted};
use tracing::Span;

/// The header that gives an event without an id of its own one.
const IDEMPOTENCY_KEY: &str = "idempotency-key";

/// An element, as it lies in its request.
#[derive(Clone, Copy, Debug)]
pub(super) struct Element<'a> {
    /// Its place.
    pub(super) index: usize,
    /// Whether there are others.
    pub(super) has_others: bool,
    /// The event's own bytes.
    pub(super) body: &'a [u8],
}

/// What an element came to.
#[derive(Debug)]
pub(super) enum Taken {
    /// An event that is stored.
    Stored(Box<TakenEvent>),
    /// An event of a type that is not taken.
    Ignored(String),
    /// No event. It was reported.
    Refused(Problem),
}

/// An event that is stored, and not queued yet.
#[derive(Debug)]
pub(super) struct TakenEvent {
    pub(super) event_id: EventId,
    pub(super) stored: StoredEvent,
}

/// The id that a request gives those of its events that have none.
#[derive(Clone, Debug)]
pub(super) struct RequestId {
    id: Option<EventId>,
    /// Whether the sender chose one that is no id.
    pub(super) is_key_ignored: bool,
}

impl RequestId {
    /// The signed id, else the one that the sender chose.
    pub(super) fn of(trusted: &Trusted<'_>) -> Self {
        let headers = trusted.request.headers;
        let key = headers.get(IDEMPOTENCY_KEY);
        let key = key.and_then(|key| EventId::parse(key).ok());
        Self {
            is_key_ignored: key.is_none() && headers.contains(IDEMPOTENCY_KEY),
            id: trusted.verified.event_id.clone().or(key),
        }
    }

    fn of_element(&self, element: Element<'_>) -> Option<EventId> {
        let id = self.id.as_ref()?;
        Some(if element.has_others {
            id.of_element(element.index)
        } else {
            id.clone()
        })
    }
}

impl<H: Home, S: SecretStore> Ingest<H, S> {
    /// Reads an element, and stores its event. The span of a request with several events names none of them.
    pub(super) async fn take_element(
        &self,
        trusted: &Trusted<'_>,
        request_id: &RequestId,
        element: Element<'_>,
    ) -> Result<Taken, Refusal> {
        let source = trusted.source;
        let filter = trusted.sources.filter(source);
        let parsed = if trusted.verified.is_signed && source.is_misdirected(element.body) {
            Err(Problem::WrongSource)
        } else {
            source.parse(element.body, filter)
        };
        match parsed {
            Ok(Extracted::Event(event)) => {
                let event_id = event.event_id.clone();
                let given = event_id.or_else(|| request_id.of_element(element));
                let taken = self.store(trusted, element, &event, given).await?;
                Ok(Taken::Stored(Box::new(taken)))
            }
            Ok(Extracted::Ignored(event_type)) => {
                RequestIgnored { source }.emit();
                Ok(Taken::Ignored(event_type))
            }
            Err(problem) => {
                let refusal = self.quarantine(trusted, problem, element.body).await?;
                Ok(Taken::Refused(refusal.report(Some(source))))
            }
        }
    }

    /// What is signed and no event is kept before it is refused: a CRM that changes its format loses nothing. Unsigned bytes are not kept.
    pub(super) async fn quarantine(
        &self,
        trusted: &Trusted<'_>,
        problem: Problem,
        body: &[u8],
    ) -> Result<Refusal, Refusal> {
        if !trusted.verified.is_signed {
            return Ok(problem.into());
        }
        let key = quarantine_key(Sha256Hex::of(body));
        let (store, object) = (self.home.store(), NewObject::of(body.to_vec()));
        let put = store.put(Bucket::Enriched, &key, object).await;
        put.map_err(|error| unavailable(Subject::default(), error))?;
        Ok(Refusal::quarantined(problem, key))
    }

    async fn store(
        &self,
        trusted: &Trusted<'_>,
        element: Element<'_>,
        event: &Event,
        given: Option<EventId>,
    ) -> Result<TakenEvent, Refusal> {
        let (request, source) = (trusted.request, trusted.source);
        let has_own_id = given.is_some();
        let event_id = given.unwrap_or_else(|| EventId::from_random(self.home.entropy().bits()));
        if !element.has_others {
            let span = Span::current();
            span.record(trace::LEAD_ID, event.lead_id.as_str());
            span.record(trace::EVENT_ID, event_id.as_str());
        }
        let new = NewEvent {
            lead_id: &event.lead_id,
            identity: Identity {
                source,
                event_id: &event_id,
            },
            time: event.time,
            is_time_fixed: event.is_time_fixed,
            has_own_id,
            body: element.body,
            sha256: Sha256Hex::of(element.body),
            received_at: request.received_at,
            trace: &request.trace,
        };
        let stored = new.store_once(&*self.home).await;
        let subject = Subject::of(&event.lead_id, &event_id, source);
        let stored = stored.map_err(|error| unavailable(subject, error))?;
        Ok(TakenEvent { event_id, stored })
    }
}

/// Reports a call that failed, so that the request cannot be taken.
pub(super) fn unavailable(subject: Subject<'_>, error: PortError) -> Refusal {
    CallFailed {
        subject,
        error: &error,
    }
    .emit();
    error.into()
}
