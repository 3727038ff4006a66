//! `ingest`: verify, parse, store, queue, answer — in this order, and 202 only when the bytes are stored and the trigger is queued.

mod answer;
mod refusal;
mod request;
mod store_once;

pub use answer::{AcceptedEvent, Answer};
pub use request::Request;

use crate::observe::{CallFailed, LeadAccepted, RequestIgnored, Subject};
use crate::port::{
    Bucket, Clock, DelayQueue, Entropy, Home, NewObject, ObjectStore, OutgoingMessage, PortError,
    SecretStore,
};
use crate::secrets::SecretCache;
use crate::settings::{INGEST_DEADLINE, IngestConfig};
use crate::trace::{self, TraceContext};
use jiff::{SignedDuration, Timestamp};
use leadwire_domain::key::{Identity, quarantine_key};
use leadwire_domain::lead::id::{EventId, Sha256Hex};
use leadwire_domain::limits::QUEUE_DELAY_SECONDS_MAX;
use leadwire_domain::message::{Notify, Trigger, TriggerFacts};
use leadwire_domain::problem::Problem;
use leadwire_domain::source::{Event, Extracted, Source, Sources, Unverified, Verified};
use leadwire_domain::wait::{Waiting, seconds_until};
use refusal::Refusal;
use std::sync::Arc;
use store_once::{NewEvent, StoredEvent};
use tokio::time::Instant;
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

/// A request that may be read.
struct Trusted<'a> {
    request: &'a Request<'a>,
    source: Source,
    /// The sources that verified it.
    sources: Arc<Sources>,
    verified: Verified,
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
    pub async fn handle(&self, request: Request<'_>) -> Answer {
        let deadline = Instant::now() + INGEST_DEADLINE;
        let request = self.traced(request);
        let Some(source) = Source::of_path(request.path) else {
            return Refusal::from(Problem::NotFound).answer(None);
        };
        let trusted = match within(deadline, self.verify(source, &request)).await {
            Ok(trusted) => trusted,
            Err(refusal) => return refusal.answer(Some(source)),
        };
        let taken = within(deadline, self.take(&trusted)).await;
        let answer = taken.unwrap_or_else(|refusal| refusal.answer(Some(source)));
        Answer {
            is_verified: trusted.verified.is_signed,
            ..answer
        }
    }

    /// The request with a trace, its own or one that is started here.
    fn traced<'a>(&self, mut request: Request<'a>) -> Request<'a> {
        if request.trace.traceparent.is_none() {
            let entropy = self.home.entropy();
            let seconds = u32::try_from(request.received_at.as_second()).unwrap_or_default();
            request.trace = TraceContext::start(seconds, entropy.bits(), entropy.bits());
        }
        request
    }

    /// Nothing of the body is read before this. A mismatch fetches rotated secrets, once.
    async fn verify<'a>(
        &self,
        source: Source,
        request: &'a Request<'a>,
    ) -> Result<Trusted<'a>, Refusal> {
        request.check_shape()?;
        let secrets = if source.is_configurable() {
            Some(&self.secrets)
        } else {
            self.canary.as_ref()
        };
        let secrets = secrets.ok_or(Unverified::NotConfigured)?;
        let now = request.received_at;
        let delivery = request.delivery();
        let mut sources = secrets.current(now).await?;
        let mut outcome = sources.verify(source, &delivery);
        let may_be_old = [Unverified::Mismatch, Unverified::NotConfigured];
        if outcome.as_ref().is_err_and(|why| may_be_old.contains(why))
            && let Some(fresh) = secrets.refreshed(now, &sources).await
        {
            outcome = fresh.verify(source, &delivery);
            sources = fresh;
        }
        Ok(Trusted {
            request,
            source,
            sources,
            verified: outcome?,
        })
    }

    /// Parses and accepts what the request holds.
    async fn take(&self, trusted: &Trusted<'_>) -> Result<Answer, Refusal> {
        match self.parse(trusted).await? {
            Extracted::Event(event) => {
                let accepted = self.accept(trusted, &event).await?;
                Ok(Answer::accepted(&[accepted]))
            }
            Extracted::Ignored => {
                Span::current().record(trace::OUTCOME, "ignored");
                let source = trusted.source;
                RequestIgnored { source }.emit();
                Ok(Answer::ignored())
            }
        }
    }

    /// A signed request that does not parse is kept before its 400: a CRM that changes its format loses nothing. Unsigned bytes are not
    /// kept.
    async fn parse(&self, trusted: &Trusted<'_>) -> Result<Extracted, Refusal> {
        let (source, body) = (trusted.source, trusted.request.body);
        let is_signed = trusted.verified.is_signed;
        let parsed = if is_signed && source.is_misdirected(body) {
            Err(Problem::WrongSource)
        } else {
            source.parse(body, trusted.sources.filter(source))
        };
        match parsed {
            Err(problem) if is_signed => Err(self.quarantine(problem, body).await),
            other => Ok(other?),
        }
    }

    async fn quarantine(&self, problem: Problem, body: &[u8]) -> Refusal {
        let key = quarantine_key(Sha256Hex::of(body));
        let (store, object) = (self.home.store(), NewObject::of(body.to_vec()));
        match store.put(Bucket::Enriched, &key, object).await {
            Ok(()) => Refusal::quarantined(problem, key),
            Err(error) => unavailable(Subject::default(), error),
        }
    }

    /// Stores and queues one event.
    async fn accept(&self, trusted: &Trusted<'_>, event: &Event) -> Result<AcceptedEvent, Refusal> {
        let (request, source) = (trusted.request, trusted.source);
        let given = given_id(event, trusted)?;
        let has_own_id = given.is_some();
        let event_id = given.unwrap_or_else(|| EventId::from_random(self.home.entropy().bits()));
        let subject = Subject::of(&event.lead_id, &event_id, source);
        let span = Span::current();
        span.record(trace::LEAD_ID, event.lead_id.as_str());
        span.record(trace::EVENT_ID, event_id.as_str());
        let new = NewEvent {
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
        let stored = new.store_once(&*self.home).await;
        let stored = stored.map_err(|error| unavailable(subject, error))?;
        let not_before = self.not_before(stored.accepted_at);
        let now = self.home.clock().now();
        let wait_seconds = seconds_until(now, not_before).min(QUEUE_DELAY_SECONDS_MAX);
        if !stored.settled {
            let queued = self.enqueue(&new, &stored, wait_seconds).await;
            queued.map_err(|error| unavailable(subject, error))?;
        }
        let s3_key = stored.name.raw_key();
        let duplicate = stored.duplicate;
        let outcome = if duplicate { "duplicate" } else { "accepted" };
        span.record(trace::OUTCOME, outcome);
        LeadAccepted {
            subject,
            source,
            s3_key: &s3_key,
            duplicate,
            conflicting: stored.conflicting,
            latency: self.home.clock().now().duration_since(request.received_at),
            wait_seconds,
        }
        .emit();
        Ok(AcceptedEvent {
            enrich_not_before: not_before,
            lead_id: event.lead_id.clone(),
            event_id: event_id.clone(),
            s3_key,
            duplicate,
        })
    }

    async fn enqueue(
        &self,
        new: &NewEvent<'_>,
        stored: &StoredEvent,
        delay_seconds: u32,
    ) -> Result<(), PortError> {
        let trigger = Trigger {
            name: stored.name.clone(),
            facts: Some(TriggerFacts {
                lead_id: new.lead_id.clone(),
                event_id: new.identity.event_id.clone(),
                source: new.identity.source,
                sha256: stored.sha256,
                accepted_at: stored.accepted_at,
                not_before: self.not_before(stored.accepted_at),
                notify: Notify::Force,
            }),
            waiting: Waiting::default(),
        };
        let message = OutgoingMessage {
            body: trigger.body(),
            delay_seconds,
            trace: new.trace.clone(),
        };
        self.home.queue().send(message).await
    }

    fn not_before(&self, accepted_at: Timestamp) -> Timestamp {
        let delay = SignedDuration::from_secs(i64::from(self.config.delay_seconds));
        accepted_at.checked_add(delay).unwrap_or(accepted_at)
    }
}

/// The CRM's own id, else the signed one, else the one that the sender chose for this request.
fn given_id(event: &Event, trusted: &Trusted<'_>) -> Result<Option<EventId>, Problem> {
    let own = event.event_id.as_ref();
    if let Some(id) = own.or(trusted.verified.event_id.as_ref()) {
        return Ok(Some(id.clone()));
    }
    let key = trusted.request.headers.get(IDEMPOTENCY_KEY);
    key.map(EventId::parse)
        .transpose()
        .map_err(|_not_an_id| Problem::InvalidEventId)
}

/// Reports a call that failed, so that the request cannot be taken.
fn unavailable(subject: Subject<'_>, error: PortError) -> Refusal {
    CallFailed {
        subject,
        error: &error,
    }
    .emit();
    error.into()
}

/// What a step comes to before the deadline.
async fn within<T>(
    deadline: Instant,
    step: impl Future<Output = Result<T, Refusal>>,
) -> Result<T, Refusal> {
    let ended = tokio::time::timeout_at(deadline, step).await;
    let late = "storing and queueing took longer than 4 s";
    ended.unwrap_or_else(|_elapsed| Err(Refusal::unavailable(late)))
}
