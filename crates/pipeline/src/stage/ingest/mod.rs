//! `ingest`: verify, split, parse, store, queue, answer — in this order, and 202 only when the bytes of every event are stored and its
//! trigger is queued.
//!
//! This file verifies. `take.rs` takes the request's elements one by one and answers; `element.rs` reads one of them, and `store_once.rs`
//! stores its event.

mod again;
mod answer;
mod challenge;
mod element;
mod refusal;
mod request;
mod seen;
mod store_once;
mod take;

pub use again::Again;
pub use answer::{AcceptedEvent, Answer, RefusedElement};
pub use request::Request;

use crate::observe::SourcesReloaded;
use crate::port::{Clock as _, Entropy, Home, SecretStore};
use crate::secrets::SecretCache;
use crate::settings::{INGEST_DEADLINE, IngestConfig};
use crate::trace::TraceContext;
use leadwire_domain::problem::Problem;
use leadwire_domain::source::{Source, SourceConfig, SourceKind, SourceName, Unverified, Verified};
use refusal::Refusal;
use seen::Seen;
use std::sync::Arc;
use tokio::time::Instant;

/// The stage that takes webhooks.
#[derive(Debug)]
pub struct Ingest<H, S> {
    home: Arc<H>,
    secrets: Arc<SecretCache<S>>,
    canary: Option<Arc<SecretCache<S>>>,
    config: IngestConfig,
    seen: Arc<Seen>,
}

/// A request that may be read.
struct Trusted<'a> {
    request: &'a Request<'a>,
    /// The source that verified it.
    config: SourceConfig,
    verified: Verified<'a>,
}

impl<H: Home, S: SecretStore> Ingest<H, S> {
    /// A stage over a home.
    pub fn new(home: Arc<H>, secrets: SecretCache<S>, config: IngestConfig) -> Self {
        Self {
            home,
            secrets: Arc::new(secrets),
            canary: None,
            config,
            seen: Arc::default(),
        }
    }

    /// The same stage over other ports to the same home.
    pub fn over<O: Home>(&self, home: Arc<O>) -> Ingest<O, S> {
        Ingest {
            home,
            secrets: Arc::clone(&self.secrets),
            canary: self.canary.clone(),
            config: self.config.clone(),
            seen: Arc::clone(&self.seen),
        }
    }

    /// Takes the canary too, with the secret of `secrets` ([`SecretCache::of_canary`]).
    #[must_use]
    pub fn with_canary(mut self, secrets: SecretCache<S>) -> Self {
        self.canary = Some(Arc::new(secrets));
        self
    }

    /// Reads the sources again: somebody says that they changed. Where they cannot be read, that is reported, and those from before stay.
    pub async fn reload(&self) {
        if self.secrets.reload(self.home.clock().now()).await.is_ok() {
            SourcesReloaded {}.emit();
        }
    }

    /// Answers one webhook. Everything that can go wrong is an answer.
    pub async fn handle(&self, request: Request<'_>) -> Answer {
        let deadline = Instant::now() + INGEST_DEADLINE;
        let request = self.traced(request);
        let Some(name) = SourceName::of_path(request.path) else {
            return Refusal::from(Problem::NotFound).answer(None);
        };
        if request.method == "GET" {
            return self.challenged(name, &request, deadline).await;
        }
        let trusted = match within(deadline, self.verify(name, &request)).await {
            Ok(trusted) => trusted,
            Err(refusal) => {
                let source = self.known(name);
                return Answer {
                    source,
                    ..refusal.answer(source)
                };
            }
        };
        let source = Some(trusted.config.source());
        // Boxed: it is large, and would be moved several times before it begins.
        let taken = within(deadline, Box::pin(self.take(&trusted))).await;
        let answer = taken.unwrap_or_else(|refusal| refusal.answer(source));
        if self.is_news(&trusted) {
            Box::pin(self.record_seen(&trusted, deadline)).await;
        }
        Answer {
            source,
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
        name: SourceName,
        request: &'a Request<'a>,
    ) -> Result<Trusted<'a>, Refusal> {
        let delivery = request.delivery();
        delivery.check_shape()?;
        let secrets = self.secrets_of(name).ok_or(Unverified::NotConfigured)?;
        let now = request.received_at;
        let mut sources = secrets.current(now).await?;
        let mut outcome = sources.verify(name, &delivery);
        let may_be_old = [Unverified::Mismatch, Unverified::NotConfigured];
        if outcome.as_ref().is_err_and(|why| may_be_old.contains(why))
            && let Some(fresh) = secrets.refreshed(now, &sources).await
        {
            sources = fresh;
            outcome = sources.verify(name, &delivery);
        }
        let (config, verified) = outcome?;
        Ok(Trusted {
            request,
            config: config.clone(),
            verified,
        })
    }

    /// Where the secrets of a source are kept: the canary's apart from the others'.
    fn secrets_of(&self, name: SourceName) -> Option<&SecretCache<S>> {
        if name == Source::from(SourceKind::Canary).name() {
            self.canary.as_deref()
        } else {
            Some(&self.secrets)
        }
    }

    /// The source of that name, as far as it is known without asking for the secrets. What is not configured is not named in lines and
    /// spans: anyone can ask for any. The canary is ours, also where it is off: no metric counts it.
    fn known(&self, name: SourceName) -> Option<Source> {
        let canary = Source::from(SourceKind::Canary);
        if name == canary.name() {
            return Some(canary);
        }
        let known = self.secrets_of(name)?.known()?;
        Some(known.get(name)?.source())
    }
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
