//! What was kept in quarantine, taken once more: read by the code and the configuration of today, and stored and queued as if it came now.
//! Nobody is verified here: that was done when it came, and what was kept was signed.

use super::element::{Element, RequestId, TakenEvent};
use super::{AcceptedEvent, Ingest, RefusedElement, Request, Trusted};
use crate::ledger::{Place, Quarantined};
use crate::port::{Clock as _, Home, PortError, SecretStore};
use crate::trace::TraceContext;
use leadwire_domain::lead::id::{EventId, Sha256Hex};
use leadwire_domain::source::{Event, Extracted, Headers, SourceConfig, SourceName, Verified};
use std::borrow::Cow;

/// What became of it.
#[derive(Clone, Debug, Default)]
pub struct Again {
    /// The events that are stored and queued.
    pub accepted: Vec<AcceptedEvent>,
    /// The types in it that its source is not configured to take.
    pub ignored: Vec<String>,
    /// What is no event still.
    pub refused: Vec<RefusedElement>,
}

impl Again {
    /// Whether all that can be taken of it was: what is still refused of several is in quarantine by itself.
    pub fn is_over(&self) -> bool {
        !self.accepted.is_empty()
    }
}

/// A request whose headers are gone.
struct NoHeaders;

impl Headers for NoHeaders {
    fn get(&self, _name: &str) -> Option<&str> {
        None
    }
}

const ACTION: &str = "take it again";

impl<H: Home, S: SecretStore> Ingest<H, S> {
    /// Takes it, or changes nothing.
    pub async fn again(&self, quarantined: &Quarantined) -> Result<Again, PortError> {
        let now = self.home.clock().now();
        let request = self.traced(Request {
            method: "POST",
            path: "",
            called: "",
            query: "",
            headers: &NoHeaders,
            body: &quarantined.bytes,
            received_at: now,
            trace: TraceContext::default(),
        });
        let sources = self.secrets.current(now).await?;
        let name = name_of(quarantined)?;
        let why = || PortError::permanent(ACTION, format!("the source {name} is not configured"));
        let trusted = Trusted {
            request: &request,
            config: sources.get(name).ok_or_else(why)?.clone(),
            verified: Verified {
                is_signed: true,
                event_id: quarantined.request_id(),
                body: Cow::Borrowed(&quarantined.bytes),
            },
        };
        self.take_again(&trusted, quarantined).await
    }

    async fn take_again(
        &self,
        trusted: &Trusted<'_>,
        quarantined: &Quarantined,
    ) -> Result<Again, PortError> {
        let mut again = Again::default();
        let refuse = |index, problem, body: &[u8]| RefusedElement {
            index,
            problem,
            hint: trusted.config.hint(problem, body),
        };
        let elements = match elements(&trusted.config, quarantined) {
            Ok(elements) => elements,
            Err(problem) => {
                again.refused.push(refuse(0, problem, &quarantined.bytes));
                return Ok(again);
            }
        };
        let mut events = Vec::new();
        for (place, body) in &elements {
            match trusted.read(body) {
                Ok(Extracted::Event(event)) => events.push((*place, body, event)),
                Ok(Extracted::Ignored(event_type)) => again.ignored.push(event_type),
                Err(problem) => again.refused.push(refuse(place.index, problem, body)),
            }
        }
        if events.is_empty() {
            return Ok(again);
        }
        let request_id = RequestId::of(trusted);
        // What is left of a request that is taken apart only now is kept by itself, before the whole is deleted.
        for refused in again.refused.iter().filter(|_| elements.len() > 1) {
            let found = elements
                .iter()
                .find(|(place, _)| place.index == refused.index);
            if let Some((place, body)) = found {
                let kept =
                    self.quarantine(trusted, &request_id, refused.problem, (Some(*place), body));
                kept.await.map_err(|refusal| refusal.into_error(ACTION))?;
            }
        }
        let mut taken = Vec::new();
        for (place, body, event) in events {
            let element = Element { place, body };
            let event_id = event_id(&event, &request_id, element, quarantined);
            let stored = self.store(trusted, element, &event, Some(event_id));
            taken.push(stored.await.map_err(|refusal| refusal.into_error(ACTION))?);
        }
        let queued = self.enqueue(trusted, &taken).await;
        queued.map_err(|refusal| refusal.into_error(ACTION))?;
        self.report(trusted, &taken);
        let entry = |event: &TakenEvent| self.entry(event, false);
        again.accepted = taken.iter().map(entry).collect();
        Ok(again)
    }
}

/// The name of its source. What an older version kept does not say which.
fn name_of(quarantined: &Quarantined) -> Result<SourceName, PortError> {
    let unknown = || {
        PortError::permanent(
            ACTION,
            "what is kept does not say which source it came from; post its bytes again",
        )
    };
    let name = quarantined.source().ok_or_else(unknown)?;
    SourceName::parse(name).map_err(|_no_name| unknown())
}

type Elements<'a> = Vec<(Place, Cow<'a, [u8]>)>;

/// The element that it is, or those that the request holds.
fn elements<'a>(
    config: &SourceConfig,
    quarantined: &'a Quarantined,
) -> Result<Elements<'a>, leadwire_domain::problem::Problem> {
    let bytes = &*quarantined.bytes;
    if let Some(place) = quarantined.place() {
        return Ok(vec![(place, Cow::Borrowed(bytes))]);
    }
    let bodies = config.split(bytes)?;
    let has_others = bodies.len() > 1;
    let places = (0..).map(|index| Place { index, has_others });
    Ok(places.zip(bodies).collect())
}

/// The event's id; where neither it nor its request has one, one that every try makes alike, so that a try which was cut off makes no second
/// event.
fn event_id(
    event: &Event,
    request_id: &RequestId,
    element: Element<'_>,
    quarantined: &Quarantined,
) -> EventId {
    let given = event.event_id.clone();
    given
        .or_else(|| request_id.of_element(element))
        .unwrap_or_else(|| {
            let received_at = quarantined.received_at();
            let text = format!("{} {received_at} {}", quarantined.key, element.place.index);
            EventId::from_digest(Sha256Hex::of(text.as_bytes()))
        })
}
