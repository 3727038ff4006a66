//! `enrich`: each record by itself — wait for its time, join the owner's data, store the one document, claim, tell each receiver once,
//! settle.
//!
//! This file keeps records apart from each other. A record's steps are listed in `attempt.rs`, and each has its file, in this order:
//! `look.rs`, `document.rs` and `owner.rs`, `suppress.rs`, `write.rs` and `claim.rs`, `send.rs`, `settle.rs`, `end.rs`. A record may also be
//! S3's notification that an owner file was written: `wake.rs`.

mod attempt;
mod claim;
mod context;
mod document;
mod end;
mod look;
mod owner;
mod progress;
mod record;
mod send;
mod settle;
mod suppress;
mod wake;
mod write;

pub use record::{Done, Outcome, Record};

use crate::ledger::{Ledger, RawState};
use crate::observe::{BadMessage, CallFailed, CanaryFailed, FailureNotRecorded, RecordFailed};
use crate::port::{Clock, DelayQueue, Entropy, Home, PortError};
use crate::settings::EnrichConfig;
use crate::trace;
use context::{Context, counts_for_slo, guarded};
use futures_util::future::join_all;
use leadwire_domain::failure::FailureReason;
use leadwire_domain::message::Trigger;
use leadwire_domain::notification::S3Notification;
use leadwire_domain::source::Source;
use progress::Progress;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;
use tracing::Instrument as _;
use wake::Wakes;

/// How long recording a failure may take, beyond a record's own deadline.
const CONCLUDE_DEADLINE: Duration = Duration::from_secs(5);

/// Effects that are under way at once, of all records of a batch.
const SENDS_AT_ONCE: usize = 10;

/// The stage that enriches and notifies.
#[derive(Debug)]
pub struct Enrich<H> {
    home: Arc<H>,
    config: EnrichConfig,
    /// The name of the bucket whose notifications count; none where there is no such bucket.
    owner_bucket: Option<String>,
}

impl<H: Home> Enrich<H> {
    /// A stage over a home.
    pub fn new(home: Arc<H>, config: EnrichConfig) -> Self {
        Self {
            home,
            config,
            owner_bucket: None,
        }
    }

    /// The same stage, which is notified of owner files in the bucket of this name.
    #[must_use]
    pub fn with_owner_bucket(self, name: Option<String>) -> Self {
        Self {
            owner_bucket: name,
            ..self
        }
    }

    /// Works on a batch, all records at once, each by itself. `remaining` is what is left of the invocation.
    pub async fn handle_batch(
        &self,
        records: Vec<Record>,
        remaining: Duration,
    ) -> Vec<(String, Outcome)> {
        let sends = &Semaphore::new(SENDS_AT_ONCE);
        let wakes = &Wakes::default();
        join_all(records.into_iter().map(|record| async move {
            // Boxed: it is large, and would be moved several times before it begins.
            let work = Box::pin(self.handle(&record, remaining, (sends, wakes)));
            let outcome = work.instrument(record.span.clone()).await;
            record.span.record(trace::OUTCOME, outcome.word());
            (record.message_id, outcome)
        }))
        .await
    }

    /// One record: neither a panic nor a hang of it touches another.
    async fn handle(
        &self,
        record: &Record,
        remaining: Duration,
        (sends, wakes): (&Semaphore, &Wakes),
    ) -> Outcome {
        let trigger = match Trigger::parse(&record.body) {
            Ok(trigger) => trigger,
            Err(error) => {
                if let Some(notification) = S3Notification::parse(&record.body) {
                    return self.notified(record, &notification, remaining, wakes).await;
                }
                BadMessage {
                    message_id: &record.message_id,
                    error: &error,
                }
                .emit();
                let failed = Outcome::Failed(FailureReason::BadMessage);
                return self.conclude(record, None, failed).await;
            }
        };
        if let Some(facts) = &trigger.facts {
            record.span.record(trace::LEAD_ID, facts.lead_id.as_str());
            record.span.record(trace::EVENT_ID, facts.event_id.as_str());
            record.span.record(trace::SOURCE, facts.source.as_str());
        }
        let mut progress = Progress::default();
        let cx = Context::new(
            (&*self.home, &self.config),
            sends,
            (record, &trigger),
            &mut progress,
        );
        let work = Box::pin(attempt::run(cx, remaining));
        let ended = guarded(self.config.pace.record, work).await;
        let outcome = ended.unwrap_or_else(|reason| progress.abort_outcome(&trigger, reason));
        self.conclude(record, Some((&trigger, &progress)), outcome)
            .await
    }

    /// A failure is recorded before it is reported; where even that fails, it is logged and reported all the same.
    async fn conclude(
        &self,
        record: &Record,
        known: Option<(&Trigger, &Progress)>,
        outcome: Outcome,
    ) -> Outcome {
        if let Outcome::Failed(reason) = outcome {
            let subject = known
                .map(|(trigger, progress)| progress.subject(trigger))
                .unwrap_or_default();
            let is_final = record.receive_count >= self.config.max_receive_count;
            let is_recorded = reason.is_permanent() || is_final;
            if is_recorded
                && known.is_some_and(|(trigger, progress)| trigger.once && !progress.has_document())
            {
                return context::acked(subject, Done::LeftWaiting);
            }
            let work = async {
                if !is_recorded {
                    self.shorten_visibility(record).await?;
                } else if self.is_forgotten(known).await {
                    return Ok(Some(Done::Forgotten));
                } else {
                    self.write_failure(record, known, reason).await?;
                }
                Ok(None)
            };
            let concluded = guarded(CONCLUDE_DEADLINE, work).await;
            if let Ok(Ok(Some(done))) = concluded {
                return context::acked(subject, done);
            }
            record.span.record(trace::ERROR_TYPE, reason.code());
            record.span.record(trace::STATUS, trace::FAILED);
            let message_id = &record.message_id;
            if let Ok(Err(error)) = &concluded {
                CallFailed { subject, error }.emit();
            }
            if is_recorded && !matches!(concluded, Ok(Ok(_))) {
                FailureNotRecorded {
                    subject,
                    message_id,
                    reason,
                }
                .emit();
            }
            if is_recorded && subject.source.is_some_and(Source::is_synthetic) {
                CanaryFailed {
                    subject,
                    message_id,
                    reason,
                }
                .emit();
                return Outcome::Done(Done::CanaryFailed);
            }
            RecordFailed {
                subject,
                message_id,
                reason,
                receives: record.receive_count,
                is_final,
                // Beside a wake-up there is the event's own message, which counts.
                counted: known.is_some_and(|(trigger, _)| counts_for_slo(trigger) && !trigger.once),
            }
            .emit();
        }
        outcome
    }

    /// Whether the event has a tombstone: an attempt that failed before it could see that leaves nothing of the event behind. Where that
    /// cannot be read, the failure is recorded, and a further run of forget finds it.
    async fn is_forgotten(&self, known: Option<(&Trigger, &Progress)>) -> bool {
        let Some((trigger, _)) = known else {
            return false;
        };
        let raw = Ledger::new(self.home.store()).raw(&trigger.name).await;
        matches!(raw, Ok(RawState::Forgotten(_)))
    }

    async fn write_failure(
        &self,
        record: &Record,
        known: Option<(&Trigger, &Progress)>,
        reason: FailureReason,
    ) -> Result<(), PortError> {
        let name = known.map(|(trigger, _)| &trigger.name);
        let known = known.map(|(trigger, progress)| (trigger, progress.not_happened()));
        let failure = record.failure(reason, known, self.home.clock().now());
        let ledger = Ledger::new(self.home.store());
        ledger.put_failure(name, &failure).await
    }

    /// One 503 must not cost the queue's whole visibility. Spacing only: no promise rests on it.
    async fn shorten_visibility(&self, record: &Record) -> Result<(), PortError> {
        let retry = self.config.retry_seconds;
        if record.receive_count > 1 || retry == 0 {
            return Ok(());
        }
        let [jitter, ..] = self.home.entropy().bits();
        let seconds = retry + retry * u32::from(jitter) / 512;
        let queue = self.home.queue();
        queue.set_visibility(&record.receipt_handle, seconds).await
    }
}
