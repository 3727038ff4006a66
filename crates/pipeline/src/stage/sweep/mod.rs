//! `sweep`: finds events that have lost their trigger and enqueues them again. In normal operation it finds nothing.
//!
//! Four sorted listings — `raw/`, `mail/`, `failed/`, `swept/` — are merged on the event's name, so that no object is read but for what is found,
//! and for what has failed and is not settled.
//! The cost grows with the objects kept: one request per thousand of them.

mod open;

use crate::ledger::queue::fresh_message;
use crate::ledger::{Kind, Ledger};
use crate::observe::{CallFailed, EventSwept, Subject, SweepFinished};
use crate::port::{Clock, DelayQueue, Home, PortError};
use crate::settings::SweepConfig;
use jiff::{SignedDuration, Timestamp};
use leadwire_domain::failure::{FailureReason, FailureRecord};
use leadwire_domain::key::{EventName, RAW};
use leadwire_domain::message::TriggerFacts;
use serde::Serialize;
use std::sync::Arc;

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

/// The events that have lost their trigger.
#[derive(Default)]
struct Lost {
    /// Raw objects that were listed.
    examined: u64,
    found: u64,
    /// The first of them.
    names: Vec<EventName>,
    /// Why it is not known of one whether it has failed for good.
    error: Option<PortError>,
}

/// What was done about an event that has lost its trigger.
enum Requeued {
    Sent,
    /// It had been enqueued twice already.
    GivenUp,
    /// Its raw object is gone since it was listed.
    Gone,
}

/// Why an event could not be enqueued again.
struct RequeueError {
    cause: PortError,
    /// Whether the queue takes nothing: each further event would only use up one of its counts.
    is_queue_down: bool,
}

impl From<PortError> for RequeueError {
    fn from(cause: PortError) -> Self {
        Self {
            cause,
            is_queue_down: false,
        }
    }
}

impl<H: Home> Sweep<H> {
    /// A stage over a home.
    pub fn new(home: Arc<H>, config: SweepConfig) -> Self {
        Self { home, config }
    }

    /// Sweeps once. What was done before an error is done; the next sweep goes on.
    pub async fn run(&self, mode: SweepMode) -> Result<SweepReport, PortError> {
        let lost = self.find(mode).await?;
        let names = lost.names.iter();
        let mut report = SweepReport {
            examined: lost.examined,
            found: lost.found,
            refused: mode == SweepMode::Send && lost.names.len() > self.config.max,
            keys: names
                .take(self.config.max)
                .map(EventName::raw_key)
                .collect(),
            ..SweepReport::default()
        };
        let mut first_error = lost.error;
        if mode == SweepMode::DryRun {
            return first_error.map_or(Ok(report), Err);
        }
        let names = if report.refused {
            Vec::new()
        } else {
            lost.names
        };
        for name in &names {
            match self.enqueue_again(name).await {
                Ok(Requeued::Sent) => report.sent += 1,
                Ok(Requeued::GivenUp) => report.given_up += 1,
                Ok(Requeued::Gone) => {}
                // One event that cannot be read or counted must not keep the others waiting.
                Err(error) => {
                    report_failed_call(&error.cause);
                    first_error = first_error.or(Some(error.cause));
                    if error.is_queue_down {
                        break;
                    }
                }
            }
        }
        SweepFinished {
            examined: report.examined,
            found: report.found,
            sent: report.sent,
            given_up: report.given_up,
            refused: report.refused,
        }
        .emit();
        first_error.map_or(Ok(report), Err)
    }

    /// The events without an end that are old enough to have lost their trigger. Unless confirmed, one more than may be sent is enough to
    /// remember.
    async fn find(&self, mode: SweepMode) -> Result<Lost, PortError> {
        let now = self.home.clock().now();
        let keep = if mode == SweepMode::Confirm {
            usize::MAX
        } else {
            self.config.max.saturating_add(1)
        };
        let ledger = self.ledger();
        let mut raw = ledger.list(Kind::Raw);
        let mut mail = ledger.list(Kind::Claim);
        let mut failed = ledger.list(Kind::Failure);
        let mut swept = ledger.list(Kind::Swept);
        let mut lost = Lost::default();
        while let Some(object) = raw.next().await? {
            // A tombstone: the event is forgotten.
            if object.size == 0 {
                continue;
            }
            lost.examined += 1;
            let name = object.key.strip_prefix(RAW).unwrap_or_default();
            let claim = mail.seek(name).await?.map(|claim| claim.size);
            let is_settled = claim == Some(0);
            let has_failed = failed.seek(name).await?.is_some();
            // What was enqueued again a while ago may wait as long as a new event may: its trigger is not lost yet.
            let count = swept.seek(name).await?;
            let is_under_way = count.is_some_and(|count| !self.is_lost(now, count.last_modified));
            let is_claimed = claim.is_some();
            if is_settled
                || (has_failed && !is_claimed)
                || is_under_way
                || !self.is_due(now, object.last_modified)
            {
                continue;
            }
            let Ok(name) = EventName::parse_raw_key(&object.key) else {
                continue;
            };
            if has_failed && !self.is_open(&name, &mut lost.error).await {
                continue;
            }
            lost.found += 1;
            if lost.names.len() < keep {
                lost.names.push(name);
            }
        }
        Ok(lost)
    }

    /// Whether an event that failed still has an effect that is open. One that cannot be read is left alone this time.
    async fn is_open(&self, name: &EventName, first_error: &mut Option<PortError>) -> bool {
        match open::is_open_beside_failure(self.ledger(), name).await {
            Ok(is_open) => is_open,
            Err(error) => {
                report_failed_call(&error);
                first_error.get_or_insert(error);
                false
            }
        }
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
    async fn enqueue_again(&self, name: &EventName) -> Result<Requeued, RequeueError> {
        let ledger = self.ledger();
        let Some(raw) = ledger.raw(name).await?.stored() else {
            return Ok(Requeued::Gone);
        };
        // An object that was put by hand gets the bare form.
        let facts = raw.facts(self.config.delay_seconds);
        let times = ledger.times_swept(name).await? + 1;
        let given_up = times > open::SENDS_MAX;
        if given_up {
            self.give_up(name, facts.as_ref()).await?;
        } else {
            ledger.put_swept(name, times).await?;
            let message = fresh_message(name.clone(), facts.clone(), raw.trace());
            let sent = self.home.queue().send(message).await;
            sent.map_err(|cause| RequeueError {
                cause,
                is_queue_down: true,
            })?;
        }
        EventSwept {
            subject: Subject::of_facts(facts.as_ref()),
            s3_key: &name.raw_key(),
            times,
            given_up,
        }
        .emit();
        Ok(if given_up {
            Requeued::GivenUp
        } else {
            Requeued::Sent
        })
    }

    /// What failed keeps its reason, which says more: the count alone says that it was given up.
    async fn give_up(
        &self,
        name: &EventName,
        facts: Option<&TriggerFacts>,
    ) -> Result<(), PortError> {
        let ledger = self.ledger();
        if ledger.failure(name).await?.is_some() {
            return ledger.put_swept(name, open::SENDS_MAX + 1).await;
        }
        // There is no message to name.
        let failure = FailureRecord {
            v: 1,
            reason: FailureReason::SweptOut,
            receives: 0,
            failed_at: self.home.clock().now(),
            message_id: String::new(),
            s3_key: Some(name.raw_key()),
            lead_id: facts.map(|facts| facts.lead_id.clone()),
            event_id: facts.map(|facts| facts.event_id.clone()),
            revision: 0,
            effects: Vec::new(),
        };
        ledger.put_failure(Some(name), &failure).await
    }

    fn ledger(&self) -> Ledger<'_, H::Store> {
        Ledger::new(self.home.store())
    }
}

fn report_failed_call(error: &PortError) {
    CallFailed {
        subject: Subject::default(),
        error,
    }
    .emit();
}
