//! That a source is heard from: recorded for those that have `silence_hours`, and for no other. The sweep looks how long ago that was.

use super::{Ingest, Trusted};
use crate::ledger::Ledger;
use crate::observe::SeenNotRecorded;
use crate::port::{Home, PortError, SecretStore};
use jiff::{SignedDuration, Timestamp};
use leadwire_domain::limits::SEEN_MINUTES;
use leadwire_domain::source::SourceName;
use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use tokio::time::{Instant, timeout_at};

/// When this process recorded each source last.
#[derive(Debug, Default)]
pub(super) struct Seen(Mutex<BTreeMap<SourceName, Timestamp>>);

impl Seen {
    /// Whether a source is to be recorded now. Then it is not for a while, also where recording it fails: a store in trouble is not asked by
    /// every request.
    fn is_due(&self, source: SourceName, now: Timestamp) -> bool {
        let interval = SignedDuration::from_mins(SEEN_MINUTES.into());
        let mut recorded = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let last = recorded.get(&source);
        // In either order: a clock that was set back must not end the recording.
        let is_due = last.is_none_or(|last| now.duration_since(*last).abs() >= interval);
        if is_due {
            recorded.insert(source, now);
        }
        is_due
    }
}

impl<H: Home, S: SecretStore> Ingest<H, S> {
    /// Whether it is to be recorded that this request came.
    pub(super) fn is_news(&self, trusted: &Trusted<'_>) -> bool {
        let config = &trusted.config;
        trusted.verified.is_signed
            && config.silence().is_some()
            && self
                .seen
                .is_due(config.source().name(), trusted.request.received_at)
    }

    /// Records it. The request is answered as it would be without: what goes wrong here is a line.
    pub(super) async fn record_seen(&self, trusted: &Trusted<'_>, deadline: Instant) {
        let source = trusted.config.source();
        let put = Ledger::new(self.home.store()).put_seen(source.name());
        let late = || PortError::transient("put object", "it took longer than its request may");
        let put = timeout_at(deadline, put).await;
        if let Err(error) = put.unwrap_or_else(|_elapsed| Err(late())) {
            let error = &error;
            SeenNotRecorded { source, error }.emit();
        }
    }
}
