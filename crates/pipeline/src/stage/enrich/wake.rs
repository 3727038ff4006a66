//! The wake-up: an owner file appeared, and whatever waits for it goes on at once. A hint and no more: where it is lost, or comes early or
//! twice, the event's own message waits as it would, and what is woken in vain is gone.

use super::Enrich;
use super::context::{Failed, guarded, later};
use super::record::{Done, Outcome, Record};
use crate::ledger::queue::wake_up;
use crate::ledger::{DocumentState, Ledger};
use crate::observe::{LeadWoken, Subject, WakeUpFailed};
use crate::port::{Clock, DelayQueue, Home};
use crate::settings::{EnrichConfig, RECORD_DEADLINE};
use crate::trace::{self, TraceContext};
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use jiff::{SignedDuration, Timestamp};
use leadwire_domain::failure::FailureReason;
use leadwire_domain::key::EventName;
use leadwire_domain::lead::id::LeadId;
use leadwire_domain::message::TriggerFacts;
use leadwire_domain::notification::S3Notification;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::OnceCell;

/// Events older than this wait no more: the longest wait is two and a half hours, and a day is added below.
const EVENTS_SINCE: SignedDuration = SignedDuration::from_hours(3 * 24);
/// So long after the end of its window an event is woken still: its message may be a dead letter by then, and its owner is known now.
const GRACE: SignedDuration = SignedDuration::from_hours(24);
/// Events of one lead that are looked at side by side.
const LOOKS_AT_ONCE: usize = 10;

/// The leads of a batch whose owner files appeared. Each is looked at once, however often it is named.
#[derive(Debug, Default)]
pub(super) struct Wakes(Mutex<BTreeMap<LeadId, Arc<OnceCell<Woken>>>>);

/// What came of looking for the events of a lead.
type Woken = Result<(), FailureReason>;

impl Wakes {
    fn of(&self, lead_id: LeadId) -> Arc<OnceCell<Woken>> {
        let mut wakes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(wakes.entry(lead_id).or_default())
    }
}

/// An event that waits for its owner.
struct Waiting {
    name: EventName,
    facts: TriggerFacts,
    trace: TraceContext,
}

impl<H: Home> Enrich<H> {
    /// S3 says that objects were written. What is no owner file in the owners' bucket is none of ours.
    pub(super) async fn notified(
        &self,
        record: &Record,
        notification: &S3Notification,
        remaining: Duration,
        wakes: &Wakes,
    ) -> Outcome {
        let bucket = self.owner_bucket.as_deref();
        let owners = bucket.map(|bucket| notification.owners(bucket));
        for lead_id in owners.into_iter().flatten() {
            if remaining < RECORD_DEADLINE {
                return Outcome::Failed(FailureReason::DeadlineExceeded);
            }
            let woken = wakes.of(lead_id.clone());
            let woken = woken.get_or_init(|| self.wake(&lead_id));
            if let Err(reason) = *woken.await {
                record.span.record(trace::ERROR_TYPE, reason.code());
                record.span.record(trace::STATUS, trace::FAILED);
                return Outcome::Failed(reason);
            }
        }
        Outcome::Done(Done::Woken)
    }

    /// Wakes whatever waits for this lead's owner file. What goes wrong is logged; it may be tried again.
    pub async fn wake(&self, lead_id: &LeadId) -> Result<(), FailureReason> {
        let work = wake(&*self.home, &self.config, lead_id);
        let failed = match guarded(RECORD_DEADLINE, work).await {
            Ok(Ok(())) => return Ok(()),
            Ok(Err(failed)) => failed,
            Err(reason) => reason.into(),
        };
        WakeUpFailed {
            subject: Subject {
                lead_id: Some(lead_id),
                ..Subject::default()
            },
            reason: failed.reason,
            error: failed.call.as_ref(),
        }
        .emit();
        Err(failed.reason)
    }
}

/// Sends a message of each event that waits. One page of the listing is enough: no lead that people call has so many events.
async fn wake<H: Home>(home: &H, config: &EnrichConfig, lead_id: &LeadId) -> Result<(), Failed> {
    let now = home.clock().now();
    let since = now.checked_sub(EVENTS_SINCE).unwrap_or(Timestamp::MIN);
    let events = Ledger::new(home.store()).events_since(lead_id, since);
    let events = events.await.map_err(Failed::store)?;
    let looks = events
        .into_iter()
        .map(|name| find(home, config, (lead_id, name), now));
    let found: Vec<Option<Waiting>> = stream::iter(looks)
        .buffered(LOOKS_AT_ONCE)
        .try_collect()
        .await?;
    // One by one: each goes on in its own event's trace.
    for event in found.into_iter().flatten() {
        let subject = Subject::of_facts(Some(&event.facts));
        let message = wake_up(event.name, event.facts.clone(), event.trace);
        let sent = home.queue().send(message).await;
        sent.map_err(|error| Failed::call(FailureReason::QueueUnavailable, error))?;
        LeadWoken { subject }.emit();
    }
    Ok(())
}

/// The event, where it waits for the owner: one that is not due yet is woken by its own message, and one that has its document needs no
/// owner any more. What was put by hand has no labels, and nobody knows since when it waits.
async fn find<H: Home>(
    home: &H,
    config: &EnrichConfig,
    (lead_id, name): (&LeadId, EventName),
    now: Timestamp,
) -> Result<Option<Waiting>, Failed> {
    let ledger = Ledger::new(home.store());
    let document = ledger.document(&name).await.map_err(Failed::store)?;
    if !matches!(document, DocumentState::Absent) {
        return Ok(None);
    }
    let raw = ledger.raw(&name).await.map_err(Failed::store)?.stored();
    let Some(raw) = raw else { return Ok(None) };
    let facts = raw.facts(config.delay_seconds);
    let waits = |facts: &TriggerFacts| facts.lead_id == *lead_id && is_awaited(facts, config, now);
    Ok(facts.filter(waits).map(|facts| Waiting {
        name,
        facts,
        trace: raw.trace(),
    }))
}

/// Whether the wait for the owner has begun, and is not long over.
fn is_awaited(facts: &TriggerFacts, config: &EnrichConfig, now: Timestamp) -> bool {
    let window_end = later(facts.not_before, config.owner_wait_seconds);
    facts.not_before <= now && now.duration_since(window_end) < GRACE
}
