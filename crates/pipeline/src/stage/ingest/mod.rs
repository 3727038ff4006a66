//! `ingest`: verify, parse, store, queue, answer — in this order, and 202 only when the bytes are stored and the trigger is queued.

mod answer;
mod request;
mod store_once;

pub use answer::{AcceptedEvent, Answer};
pub use request::Request;

use crate::config::{INGEST_DEADLINE, IngestConfig};
use crate::observe::{
    CallFailed, LeadAccepted, Rejection, RequestIgnored, RequestRejected, Subject,
};
use crate::port::{
    Bucket, Clock, DelayQueue, Entropy, Home, NewObject, ObjectStore, OutgoingMessage, PortError,
    SecretStore,
};
use crate::secrets::SecretCache;
use crate::trace::{self, TraceContext};
use jiff::{SignedDuration, Timestamp};
use leadwire_domain::event::{Event, Parsed, Take, is_close_event, parse_event};
use leadwire_domain::key::{Identity, quarantine_key};
use leadwire_domain::lead::id::{EventId, Sha256Hex};
use leadwire_domain::limits::QUEUE_DELAY_SECONDS_MAX;
use leadwire_domain::message::{Notify, Trigger, TriggerFacts};
use leadwire_domain::problem::Problem;
use leadwire_domain::signature::{Headers, Unverified, Verified, verify};
use leadwire_domain::source::{Source, SourceConfig, Sources};
use leadwire_domain::wait::{Waiting, seconds_until};
use std::sync::Arc;
use store_once::{NewEvent, StoredEvent};
use tracing::Span;

/// The header that gives an event without an id of its own one.
const IDEMPOTENCY_KEY: &str = "idempotency-key";

/// The stage that takes webhooks.
#[derive(Debug)]
pub struct Ingest<H, S> {
    home: Arc<H>,
    secrets: SecretCache<S>,
    canary: Option<SecretCache<S>>,
    config: IngestConfig,
}

/// A request whose sender is known, or need not be.
struct Trusted {
    config: SourceConfig,
    /// The id that the signature covers.
    event_id: Option<EventId>,
    /// Whether a signature was checked.
    signed: bool,
}

/// Why a request is refused, and what else to say of it in the log.
struct Refusal {
    reason: Rejection,
    cause: Option<String>,
    quarantined: Option<String>,
}

impl From<Problem> for Refusal {
    fn from(problem: Problem) -> Self {
        Self {
            reason: problem.into(),
            cause: None,
            quarantined: None,
        }
    }
}

impl Refusal {
    fn because(reason: impl Into<Rejection>, cause: impl Into<String>) -> Self {
        Self {
            reason: reason.into(),
            cause: Some(cause.into()),
            quarantined: None,
        }
    }
}

impl<H: Home, S: SecretStore> Ingest<H, S> {
    /// A stage over a home.
    pub fn new(home: Arc<H>, secrets: SecretCache<S>, config: IngestConfig) -> Self {
        Self {
            home,
            secrets,
            canary: None,
            config,
        }
    }

    /// Takes the canary too, with the secret of `secrets` ([`SecretCache::of_canary`]).
    #[must_use]
    pub fn with_canary(mut self, secrets: SecretCache<S>) -> Self {
        self.canary = Some(secrets);
        self
    }

    /// Answers one webhook. Everything that can go wrong is an answer.
    pub async fn handle(&self, mut request: Request<'_>) -> Answer {
        if request.trace.traceparent.is_none() {
            let entropy = self.home.entropy();
            let seconds = u32::try_from(request.received_at.as_second()).unwrap_or_default();
            request.trace = TraceContext::start(seconds, entropy.bits(), entropy.bits());
        }
        let mut is_verified = false;
        let answer = self.answer(&request, &mut is_verified).await;
        Answer {
            is_verified,
            ..answer
        }
    }

    async fn answer(&self, request: &Request<'_>, is_verified: &mut bool) -> Answer {
        let source = match request.route() {
            Ok(source) => source,
            Err((source, problem)) => return refuse(source, &problem.into()),
        };
        let taken = self.take(source, request, is_verified);
        match tokio::time::timeout(INGEST_DEADLINE, taken).await {
            Ok(Ok(Some(event))) => Answer::accepted(&[event]),
            Ok(Ok(None)) => {
                Span::current().record(trace::OUTCOME, "ignored");
                RequestIgnored { source }.emit();
                Answer::ignored()
            }
            Ok(Err(refusal)) => refuse(Some(source), &refusal),
            Err(_elapsed) => refuse(
                Some(source),
                &Refusal::because(
                    Problem::Unavailable,
                    "storing and queueing took longer than 4 s",
                ),
            ),
        }
    }

    /// Verify, parse, store, queue. `None` is an event of a type that is not taken.
    async fn take(
        &self,
        source: Source,
        request: &Request<'_>,
        is_verified: &mut bool,
    ) -> Result<Option<AcceptedEvent>, Refusal> {
        let trusted = self.verify(source, request).await?;
        *is_verified = trusted.signed;
        let event = match parse(source, request.body, &trusted) {
            Ok(Parsed::Event(event)) => event,
            Ok(Parsed::Ignored) => return Ok(None),
            Err(problem) => return Err(self.quarantine(problem, &trusted, request).await),
        };
        let given = event_id(&event, trusted.event_id, request.headers)?;
        let has_own_id = given.is_some();
        let event_id = given.unwrap_or_else(|| EventId::from_random(self.home.entropy().bits()));
        let arrival = NewEvent {
            lead_id: &event.lead_id,
            identity: Identity {
                source,
                event_id: &event_id,
            },
            time: event.time,
            has_own_id,
            body: request.body,
            received_at: request.received_at,
            trace: &request.trace,
        };
        let subject = Subject {
            lead_id: Some(&event.lead_id),
            event_id: Some(&event_id),
            source: Some(source),
        };
        let span = Span::current();
        span.record(trace::LEAD_ID, event.lead_id.as_str());
        span.record(trace::EVENT_ID, event_id.as_str());
        let stored = self.store_and_queue(&arrival).await;
        let (placed, wait_seconds) = stored.map_err(|error| {
            CallFailed {
                subject,
                error: &error,
            }
            .emit();
            Refusal::because(Problem::Unavailable, error.to_string())
        })?;
        let s3_key = placed.name.raw_key();
        let outcome = if placed.duplicate {
            "duplicate"
        } else {
            "accepted"
        };
        span.record(trace::OUTCOME, outcome);
        LeadAccepted {
            subject,
            source,
            s3_key: &s3_key,
            duplicate: placed.duplicate,
            conflicting: placed.conflicting,
            latency: self.home.clock().now().duration_since(request.received_at),
            wait_seconds,
        }
        .emit();
        Ok(Some(AcceptedEvent {
            enrich_not_before: self.not_before(placed.accepted_at),
            lead_id: event.lead_id.clone(),
            event_id: event_id.clone(),
            s3_key,
            duplicate: placed.duplicate,
        }))
    }

    /// Nothing of the body is read before this. A mismatch looks once for rotated secrets.
    async fn verify(&self, source: Source, request: &Request<'_>) -> Result<Trusted, Refusal> {
        let now = request.received_at;
        let secrets = if source == Source::Canary {
            self.canary.as_ref()
        } else {
            Some(&self.secrets)
        };
        let refuse = |why: Unverified| Refusal::because(unverified(why), why.to_string());
        let secrets = secrets.ok_or_else(|| refuse(Unverified::NotConfigured))?;
        let sources = secrets
            .current(now)
            .await
            .map_err(|error| Refusal::because(Problem::Unavailable, error.to_string()))?;
        if sources.is_open(source) {
            return Ok(Trusted {
                config: SourceConfig::default(),
                event_id: None,
                signed: false,
            });
        }
        if source == Source::Generic && is_signed_by_close(request.headers) {
            return Err(Problem::WrongSource.into());
        }
        let first = check(&sources, source, request);
        let outcome = match first {
            Err(Unverified::Mismatch | Unverified::NotConfigured) => {
                match secrets.refreshed(now, &sources).await {
                    Some(fresh) => check(&fresh, source, request),
                    None => first,
                }
            }
            other => other,
        };
        outcome.map_err(refuse)
    }

    /// A verified request that does not parse is kept before its 400: a CRM that changes its format loses nothing. Bytes that nobody
    /// vouches for are not kept.
    async fn quarantine(
        &self,
        problem: Problem,
        trusted: &Trusted,
        request: &Request<'_>,
    ) -> Refusal {
        if !trusted.signed {
            return problem.into();
        }
        let key = quarantine_key(Sha256Hex::of(request.body));
        match self
            .home
            .store()
            .put(Bucket::Enriched, &key, NewObject::of(request.body.to_vec()))
            .await
        {
            Ok(()) => Refusal {
                reason: problem.into(),
                cause: None,
                quarantined: Some(key),
            },
            Err(error) => {
                CallFailed {
                    subject: Subject::default(),
                    error: &error,
                }
                .emit();
                Refusal::because(Problem::Unavailable, error.to_string())
            }
        }
    }

    async fn store_and_queue(
        &self,
        arrival: &NewEvent<'_>,
    ) -> Result<(StoredEvent, u32), PortError> {
        let placed = arrival.store_once(&*self.home).await?;
        let not_before = self.not_before(placed.accepted_at);
        let wait_seconds =
            seconds_until(self.home.clock().now(), not_before).min(QUEUE_DELAY_SECONDS_MAX);
        if !placed.settled {
            let trigger = Trigger {
                name: placed.name.clone(),
                facts: Some(TriggerFacts {
                    lead_id: arrival.lead_id.clone(),
                    event_id: arrival.identity.event_id.clone(),
                    source: arrival.identity.source,
                    sha256: placed.sha256,
                    accepted_at: placed.accepted_at,
                    not_before,
                    notify: Notify::Force,
                }),
                waiting: Waiting::default(),
            };
            let message = OutgoingMessage {
                body: trigger.body(),
                delay_seconds: wait_seconds,
                trace: arrival.trace.clone(),
            };
            self.home.queue().send(message).await?;
        }
        Ok((placed, wait_seconds))
    }

    fn not_before(&self, accepted_at: Timestamp) -> Timestamp {
        let delay = SignedDuration::from_secs(i64::from(self.config.delay_seconds));
        accepted_at.checked_add(delay).unwrap_or(accepted_at)
    }
}

fn check(sources: &Sources, source: Source, request: &Request<'_>) -> Result<Trusted, Unverified> {
    let config = sources.get(source).ok_or(Unverified::NotConfigured)?;
    let Verified { event_id } = verify(
        source,
        config,
        request.headers,
        request.body,
        request.received_at,
    )?;
    Ok(Trusted {
        config: config.clone(),
        event_id,
        signed: true,
    })
}

/// A source without secrets is not one whose secret is wrong.
fn unverified(why: Unverified) -> Rejection {
    match why {
        Unverified::NotConfigured => Rejection::NotConfigured,
        Unverified::Header | Unverified::Stale | Unverified::Mismatch => {
            Rejection::Problem(Problem::Unverified)
        }
    }
}

fn parse(source: Source, body: &[u8], trusted: &Trusted) -> Result<Parsed, Problem> {
    if source == Source::Generic && trusted.signed && is_close_event(body) {
        return Err(Problem::WrongSource);
    }
    parse_event(source, body, Take::Types(&trusted.config.events))
}

/// Close signs with headers of its own, so that its event at the generic address can be told before anything is parsed.
fn is_signed_by_close(headers: &dyn Headers) -> bool {
    headers.get("close-sig-hash").is_some() && headers.get("webhook-signature").is_none()
}

/// The CRM's own id, else the signed one, else the one that the sender chose for this request.
fn event_id(
    event: &Event,
    signed: Option<EventId>,
    headers: &dyn Headers,
) -> Result<Option<EventId>, Problem> {
    if let Some(id) = event.event_id.clone().or(signed) {
        return Ok(Some(id));
    }
    headers
        .get(IDEMPOTENCY_KEY)
        .map(EventId::parse)
        .transpose()
        .map_err(|_not_an_id| Problem::InvalidEventId)
}

fn refuse(source: Option<Source>, refusal: &Refusal) -> Answer {
    RequestRejected {
        source,
        reason: refusal.reason,
        cause: refusal.cause.as_deref(),
        quarantined: refusal.quarantined.as_deref(),
    }
    .emit();
    let problem = refusal.reason.problem();
    let span = Span::current();
    span.record(trace::OUTCOME, "refused");
    span.record(trace::ERROR_TYPE, problem.code());
    Answer::problem(problem)
}
