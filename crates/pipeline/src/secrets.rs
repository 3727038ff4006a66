//! The sources document, and the canary's secret, cached: fetched again when it is old, and at most once a minute when a signature does not match, so that a
//! rotated secret works at once and a flood of forgeries costs nothing.

use crate::observe::SourcesUnavailable;
use crate::port::{PortError, SecretStore};
use jiff::{SignedDuration, Timestamp};
use leadwire_domain::source::{Sources, canary};
use std::sync::{Arc, Mutex, PoisonError};

/// A document older than this is fetched again; where that fails, the old one is kept.
const MAX_AGE: SignedDuration = SignedDuration::from_mins(5);
/// A signature that does not match fetches at most this often.
const REFRESH_INTERVAL: SignedDuration = SignedDuration::from_mins(1);

/// The sources, fetched when needed.
#[derive(Debug)]
pub struct SecretCache<S> {
    store: S,
    form: Form,
    state: Mutex<State>,
}

/// What the store's text is.
#[derive(Clone, Copy, Debug)]
enum Form {
    /// The sources document.
    Document { open_without: bool },
    /// The canary's secret.
    Canary,
}

#[derive(Debug, Default)]
struct State {
    sources: Option<Arc<Sources>>,
    tried_at: Option<Timestamp>,
}

impl<S: SecretStore> SecretCache<S> {
    /// Where no document is configured, a `dev` environment takes the unsigned `generic` source and any other takes nothing.
    pub fn new(store: S, environment: &str) -> Self {
        let open_without = environment == "dev";
        Self::of(store, Form::Document { open_without })
    }

    /// The canary's secret. It is apart from the sources document, so that trouble with the one never touches the other.
    pub fn of_canary(store: S) -> Self {
        Self::of(store, Form::Canary)
    }

    fn of(store: S, form: Form) -> Self {
        Self {
            store,
            form,
            state: Mutex::default(),
        }
    }

    /// The sources now. It fails only where none could ever be fetched: failing open is not possible.
    pub async fn current(&self, now: Timestamp) -> Result<Arc<Sources>, PortError> {
        let (cached, tried_at) = self.cached();
        match cached {
            Some(sources) if tried_at.is_some_and(|at| is_within(now, at, MAX_AGE)) => Ok(sources),
            Some(sources) => Ok(self.fetch(now).await.unwrap_or(sources)),
            None => self.fetch(now).await,
        }
    }

    /// The sources that were read last, however old.
    pub fn known(&self) -> Option<Arc<Sources>> {
        self.cached().0
    }

    /// Newer sources after a mismatch, or `None` where a fetch would come too soon, failed, or changed nothing.
    pub async fn refreshed(&self, now: Timestamp, stale: &Arc<Sources>) -> Option<Arc<Sources>> {
        let (_, tried_at) = self.cached();
        if tried_at.is_some_and(|at| is_within(now, at, REFRESH_INTERVAL)) {
            return None;
        }
        self.fetch(now).await.ok().filter(|fresh| fresh != stale)
    }

    /// Reads the sources again because somebody says that they changed. Where that fails, those that were read before stay.
    pub async fn reload(&self, now: Timestamp) -> Result<(), PortError> {
        self.fetch(now).await.map(drop)
    }

    fn cached(&self) -> (Option<Arc<Sources>>, Option<Timestamp>) {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        (state.sources.clone(), state.tried_at)
    }

    async fn fetch(&self, now: Timestamp) -> Result<Arc<Sources>, PortError> {
        self.state
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .tried_at = Some(now);
        match self.fetch_document().await {
            Ok(sources) => {
                let sources = Arc::new(sources);
                self.state
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .sources = Some(Arc::clone(&sources));
                Ok(sources)
            }
            Err(error) => {
                let is_kept = self.cached().0.is_some();
                SourcesUnavailable {
                    error: &error,
                    is_kept,
                }
                .emit();
                Err(error)
            }
        }
    }

    async fn fetch_document(&self) -> Result<Sources, PortError> {
        match (self.store.fetch().await?, self.form) {
            (Some(json), Form::Document { .. }) => Sources::parse(&json)
                .map_err(|error| PortError::permanent("read the sources document", error)),
            (Some(text), Form::Canary) => canary::parse_secret(&text)
                .map(|config| Sources::only(config, &text))
                .map_err(|error| PortError::permanent("read the canary's secret", error)),
            (None, Form::Document { open_without: true }) => Ok(Sources::open_dev()),
            (None, Form::Document { .. } | Form::Canary) => Ok(Sources::default()),
        }
    }
}

/// Whether two times lie within a duration of each other, in either order: a clock that was set back must not freeze the cache.
fn is_within(now: Timestamp, then: Timestamp, limit: SignedDuration) -> bool {
    now.duration_since(then).abs() < limit
}
