//! One element of a request: an event, or none by itself.

use super::refusal::Refusal;
use super::store_once::{NewEvent, StoredEvent};
use super::{Ingest, Trusted};
use crate::ledger::{Ledger, NewQuarantined, Place};
use crate::observe::{CallFailed, RequestIgnored, Subject};
use crate::port::{Acceptance, Accepted, Entropy, Home, ObjectStore, PortError, SecretStore};
use crate::trace;
use leadwire_domain::key::Identity;
use leadwire_domain::lead::id::{EventId, Sha256Hex};
use leadwire_domain::problem::Problem;
use leadwire_domain::source::{Event, Extracted};
use tracing::Span;

/// The header that gives an event without an id of its own one.
const IDEMPOTENCY_KEY: &str = "idempotency-key";

/// An element, as it lies in its request.
#[derive(Clone, Copy, Debug)]
pub(super) struct Element<'a> {
    pub(super) place: Place,
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
    /// No event. It was reported; the reason, and what else there is to say.
    Refused(Problem, Option<String>),
}

/// An event that is stored.
#[derive(Debug)]
pub(super) struct TakenEvent {
    pub(super) event_id: EventId,
    pub(super) stored: StoredEvent,
    /// Whether its trigger is queued already.
    pub(super) is_queued: bool,
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

    pub(super) fn of_element(&self, element: Element<'_>) -> Option<EventId> {
        let id = self.id.as_ref()?;
        Some(if element.place.has_others {
            id.of_element(element.place.index)
        } else {
            id.clone()
        })
    }
}

impl Trusted<'_> {
    /// Reads an element, by what its source is configured to take.
    pub(super) fn read(&self, body: &[u8]) -> Result<Extracted, Problem> {
        let (kind, filter) = (self.config.kind(), self.config.filter());
        if self.verified.is_signed && kind.is_misdirected(body) {
            return Err(Problem::WrongSource);
        }
        kind.parse_mapped(body, self.config.mapping(), filter)
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
        let source = trusted.config.source();
        match trusted.read(element.body) {
            Ok(Extracted::Event(event)) => {
                let event_id = event.event_id.clone();
                let given = event_id.or_else(|| request_id.of_element(element));
                let taken = self.store(trusted, element, &event, given).await?;
                Ok(Taken::Stored(Box::new(taken)))
            }
            Ok(Extracted::Ignored(event_type)) => {
                RequestIgnored {
                    source,
                    event_type: &event_type,
                }
                .emit();
                Ok(Taken::Ignored(event_type))
            }
            Err(problem) => {
                let kept = (Some(element.place), element.body);
                let refusal = self.quarantine(trusted, request_id, problem, kept).await?;
                let (problem, hint) = refusal.report(Some(source));
                Ok(Taken::Refused(problem, hint))
            }
        }
    }

    /// What is signed and no event is kept before it is refused: a CRM that changes its format loses nothing. Unsigned bytes are not kept.
    pub(super) async fn quarantine(
        &self,
        trusted: &Trusted<'_>,
        request_id: &RequestId,
        problem: Problem,
        (place, body): (Option<Place>, &[u8]),
    ) -> Result<Refusal, Refusal> {
        let hint = trusted.config.hint(problem, body);
        if !trusted.verified.is_signed {
            return Ok(Refusal::of_body(problem, hint, None));
        }
        let new = NewQuarantined {
            source: trusted.config.source(),
            received_at: trusted.request.received_at,
            problem,
            request_id: request_id.id.as_ref(),
            place,
            body,
        };
        let put = Ledger::new(self.home.store()).put_quarantined(&new).await;
        let key = put.map_err(|error| unavailable(Subject::default(), error))?;
        Ok(Refusal::of_body(problem, hint, Some(key)))
    }

    pub(super) async fn store(
        &self,
        trusted: &Trusted<'_>,
        element: Element<'_>,
        event: &Event,
        given: Option<EventId>,
    ) -> Result<TakenEvent, Refusal> {
        let (request, source) = (trusted.request, trusted.config.source());
        let has_own_id = given.is_some();
        let event_id = given.unwrap_or_else(|| EventId::from_random(self.home.entropy().bits()));
        if !element.place.has_others {
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
            mapping: trusted.config.mapping(),
            body: element.body,
            sha256: Sha256Hex::of(element.body),
            received_at: request.received_at,
            trace: &request.trace,
        };
        let subject = Subject::of(&event.lead_id, &event_id, source);
        let taken = match self.accept(trusted, &new).await {
            Ok(Some(taken)) => Ok(taken),
            // Where a home accepts at once, nearly no event comes here, and none should carry the room for it.
            Ok(None) => {
                let stored = Box::pin(new.store_once(&*self.home)).await;
                stored.map(|stored| TakenEvent {
                    event_id: event_id.clone(),
                    stored,
                    is_queued: false,
                })
            }
            Err(error) => Err(error),
        };
        taken.map_err(|error| unavailable(subject, error))
    }

    /// Stores and queues an event of which nothing is there yet, where the home can do both at once. None where it cannot, or where something
    /// is there: what that is, a step at a time finds out.
    async fn accept(
        &self,
        trusted: &Trusted<'_>,
        new: &NewEvent<'_>,
    ) -> Result<Option<TakenEvent>, PortError> {
        let store = self.home.store();
        if !store.accepts() {
            return Ok(None);
        }
        let (stored, objects) = new.as_new();
        let taken = TakenEvent {
            event_id: new.identity.event_id.clone(),
            stored,
            is_queued: true,
        };
        let message = self.message(trusted, &taken);
        let accepted = store.accept(Acceptance { objects, message }).await?;
        Ok((accepted == Accepted::New).then_some(taken))
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
