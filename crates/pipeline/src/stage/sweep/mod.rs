//! `sweep`: finds events that have lost their trigger and enqueues them again. In normal operation it finds nothing.
//!
//! Four sorted listings — `raw/`, `mail/`, `failed/`, `swept/` — are merged on the event's name, so that no object is read but for what is found.
//! The cost grows with the objects kept: one request per thousand of them.

use crate::config::SweepConfig;
use crate::ledger::failure::swept_out_object;
use crate::ledger::listing::Listing;
use crate::observe::{CallFailed, EventSwept, Subject, SweepFinished};
use crate::port::{
    Bucket, Clock, DelayQueue, Fetched, Home, NewObject, ObjectStore, OutgoingMessage, PortError,
    StoredObject,
};
use crate::stage::ingest::place::meta;
use crate::trace::{TRACEPARENT, TraceContext};
use jiff::{SignedDuration, Timestamp};
use leadwire_domain::key::{EventName, FAILED, MAIL, RAW, SWEPT};
use leadwire_domain::lead::id::{EventId, LeadId, Sha256Hex};
use leadwire_domain::limits::{MESSAGE_BYTES_MAX, OBJECT_BYTES_MAX};
use leadwire_domain::message::{Notify, Trigger, TriggerFacts};
use leadwire_domain::source::Source;
use leadwire_domain::wait::Waiting;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// How often an event is enqueued again before it is given up.
const SENDS_MAX: u32 = 2;

/// What a sweep may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SweepMode {
    /// Enqueue again what is found, unless it is more than `SWEEP_MAX`.
    Send,
    /// Only look.
    DryRun,
    /// Enqueue again whatever is found: an operator has looked.
    Confirm,
}

/// What a sweep found and did.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct SweepReport {
    /// Raw objects that were looked at.
    pub examined: u64,
    /// Events that had lost their trigger.
    pub found: u64,
    /// Events that were enqueued again.
    pub sent: u64,
    /// Events that were given up: they had been enqueued twice already.
    pub given_up: u64,
    /// Whether nothing was sent because too many were found.
    pub refused: bool,
    /// The keys of what was found, at most `SWEEP_MAX` of them.
    pub keys: Vec<String>,
}

/// The stage that sweeps.
#[derive(Debug)]
pub struct Sweep<H> {
    home: Arc<H>,
    config: SweepConfig,
}

/// Why an event could not be enqueued again.
enum Trouble {
    /// Something about this event.
    Event(PortError),
    /// The queue takes nothing.
    Queue(PortError),
}

impl From<PortError> for Trouble {
    fn from(error: PortError) -> Self {
        Self::Event(error)
    }
}

/// What `swept/X` counts.
#[derive(Serialize, Deserialize)]
struct Count {
    count: u32,
}

impl<H: Home> Sweep<H> {
    /// A stage over a home.
    pub fn new(home: Arc<H>, config: SweepConfig) -> Self {
        Self { home, config }
    }

    /// Sweeps once. What was done before an error is done; the next sweep goes on.
    pub async fn run(&self, mode: SweepMode) -> Result<SweepReport, PortError> {
        let mut report = SweepReport::default();
        let lost = self.find(mode, &mut report).await?;
        report.refused = mode == SweepMode::Send && lost.len() > self.config.max;
        report.keys = lost
            .iter()
            .take(self.config.max)
            .map(EventName::raw_key)
            .collect();
        let mut first_error = None;
        if mode != SweepMode::DryRun && !report.refused {
            for name in &lost {
                let (error, goes_on) = match self.enqueue_again(name, &mut report).await {
                    Ok(()) => continue,
                    // One event that cannot be read or counted must not keep the others waiting.
                    Err(Trouble::Event(error)) => (error, true),
                    // Without a queue each further event would only use up one of its counts.
                    Err(Trouble::Queue(error)) => (error, false),
                };
                CallFailed {
                    subject: Subject::default(),
                    error: &error,
                }
                .emit();
                first_error = first_error.or(Some(error));
                if !goes_on {
                    break;
                }
            }
        }
        if mode != SweepMode::DryRun {
            let SweepReport {
                examined,
                found,
                sent,
                given_up,
                refused,
                ..
            } = report;
            SweepFinished {
                examined,
                found,
                sent,
                given_up,
                refused,
            }
            .emit();
        }
        first_error.map_or(Ok(report), Err)
    }

    /// The events without an end that are old enough to have lost their trigger. Unless confirmed, one more than may be sent is enough to
    /// remember.
    async fn find(
        &self,
        mode: SweepMode,
        report: &mut SweepReport,
    ) -> Result<Vec<EventName>, PortError> {
        let now = self.home.clock().now();
        let keep = if mode == SweepMode::Confirm {
            usize::MAX
        } else {
            self.config.max.saturating_add(1)
        };
        let mut raw = Listing::new(&*self.home, Bucket::Raw, RAW);
        let mut mail = Listing::new(&*self.home, Bucket::Enriched, MAIL);
        let mut failed = Listing::new(&*self.home, Bucket::Enriched, FAILED);
        let mut swept = Listing::new(&*self.home, Bucket::Enriched, SWEPT);
        let mut lost = Vec::new();
        while let Some(object) = raw.next().await? {
            report.examined += 1;
            let name = object.key.strip_prefix(RAW).unwrap_or_default();
            let is_settled = mail
                .seek(name)
                .await?
                .is_some_and(|marker| marker.size == 0);
            let has_failed = failed.seek(name).await?.is_some();
            // What was enqueued again a while ago may wait as long as a new event may: its trigger is not lost yet.
            let is_under_way = swept
                .seek(name)
                .await?
                .is_some_and(|count| !self.is_lost(now, count.last_modified));
            if is_settled || has_failed || is_under_way || !self.is_due(now, object.last_modified) {
                continue;
            }
            if let Ok(name) = EventName::parse_raw_key(&object.key) {
                report.found += 1;
                if lost.len() < keep {
                    lost.push(name);
                }
            }
        }
        Ok(lost)
    }

    /// Old enough to have lost its trigger, and young enough to matter.
    fn is_due(&self, now: Timestamp, stored_at: Timestamp) -> bool {
        let limit = SignedDuration::from_hours(24 * i64::from(self.config.max_age_days));
        self.is_lost(now, stored_at) && now.duration_since(stored_at) < limit
    }

    fn is_lost(&self, now: Timestamp, enqueued_at: Timestamp) -> bool {
        now.duration_since(enqueued_at) > self.config.lost_after()
    }

    /// Counts first, then sends: what circles is given up at the third time.
    async fn enqueue_again(
        &self,
        name: &EventName,
        report: &mut SweepReport,
    ) -> Result<(), Trouble> {
        let store = self.home.store();
        let raw = match store
            .get(Bucket::Raw, &name.raw_key(), OBJECT_BYTES_MAX)
            .await?
        {
            Fetched::Found(raw) => raw,
            Fetched::Missing | Fetched::Denied | Fetched::TooLarge => return Ok(()),
        };
        let trace = raw.metadata.get(TRACEPARENT).cloned();
        let trace = trace.map(TraceContext::of_traceparent).unwrap_or_default();
        let facts = self.facts(&raw);
        let subject = Subject {
            lead_id: facts.as_ref().map(|f| &f.lead_id),
            event_id: facts.as_ref().map(|f| &f.event_id),
            source: facts.as_ref().map(|f| f.source),
        };
        let times = self.times_swept(name).await? + 1;
        let given_up = times > SENDS_MAX;
        if given_up {
            self.give_up(name, facts.as_ref()).await?;
            report.given_up += 1;
        } else {
            let count =
                serde_json::to_vec(&Count { count: times }).expect("plain fields always serialise");
            store
                .put(Bucket::Enriched, &name.swept_key(), NewObject::of(count))
                .await?;
            let trigger = Trigger {
                name: name.clone(),
                facts: facts.clone(),
                waiting: Waiting::default(),
            };
            let message = OutgoingMessage {
                body: trigger.body(),
                delay_seconds: 0,
                trace: trace.clone(),
            };
            let sent = self.home.queue().send(message).await;
            sent.map_err(Trouble::Queue)?;
            report.sent += 1;
        }
        EventSwept {
            subject,
            s3_key: &name.raw_key(),
            times,
            given_up,
        }
        .emit();
        Ok(())
    }

    async fn times_swept(&self, name: &EventName) -> Result<u32, PortError> {
        match self
            .home
            .store()
            .get(Bucket::Enriched, &name.swept_key(), MESSAGE_BYTES_MAX)
            .await?
        {
            Fetched::Found(object) => {
                let count: Count = serde_json::from_slice(&object.bytes)
                    .map_err(|error| PortError::permanent("read the sweeper's count", error))?;
                Ok(count.count)
            }
            Fetched::Missing => Ok(0),
            Fetched::Denied | Fetched::TooLarge => Err(PortError::permanent(
                "read the sweeper's count",
                "denied or too large",
            )),
        }
    }

    async fn give_up(
        &self,
        name: &EventName,
        facts: Option<&TriggerFacts>,
    ) -> Result<(), PortError> {
        let failure = swept_out_object(name.raw_key(), facts, self.home.clock().now());
        self.home
            .store()
            .put(Bucket::Enriched, &name.failed_key(), failure)
            .await
    }

    /// The trigger as ingest made it, from the raw object's metadata; an object that was put by hand gets the bare form.
    fn facts(&self, raw: &StoredObject) -> Option<TriggerFacts> {
        let text = |key: &str| raw.metadata.get(key);
        let accepted_at: Timestamp = text(meta::ACCEPTED_AT)?.parse().ok()?;
        let delay = SignedDuration::from_secs(i64::from(self.config.delay_seconds));
        Some(TriggerFacts {
            lead_id: LeadId::parse(text(meta::LEAD_ID)?).ok()?,
            event_id: EventId::parse(text(meta::EVENT_ID)?).ok()?,
            source: Source::from_name(text(meta::SOURCE)?)?,
            sha256: Sha256Hex::of(&raw.bytes),
            accepted_at,
            not_before: accepted_at.checked_add(delay).unwrap_or(accepted_at),
            notify: Notify::Force,
        })
    }
}
