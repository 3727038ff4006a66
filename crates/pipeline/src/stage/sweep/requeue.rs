//! What is done about an event that has lost its trigger: it is counted, then enqueued; the third time it is given up.

use super::{Sweep, open, report_failed_call};
use crate::ledger::Raw;
use crate::ledger::queue::fresh_message;
use crate::observe::{EventSwept, Subject};
use crate::port::{Clock as _, DelayQueue as _, Home, PortError};
use crate::settings::RECORD_DEADLINE;
use futures_util::future::join_all;
use leadwire_domain::failure::{FailureReason, FailureRecord};
use leadwire_domain::key::EventName;
use leadwire_domain::message::TriggerFacts;
use tokio::time::{Instant, timeout};

/// Events that are enqueued at once.
const SENDS_AT_ONCE: usize = 16;

/// What was done about the events that have lost their trigger.
#[derive(Default)]
pub(super) struct Dealt {
    pub(super) sent: u64,
    pub(super) given_up: u64,
    pub(super) errors: Vec<PortError>,
    /// Whether the time was over before the last of them.
    pub(super) is_cut_off: bool,
}

/// What was done about one.
enum Requeued {
    Sent,
    /// It had been enqueued twice already.
    GivenUp,
    /// Its raw object is gone since it was listed, or it was forgotten.
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

/// What is written of an event before anything is sent.
enum Note {
    /// How often it was enqueued.
    Count(u32),
    /// It is given up.
    SweptOut,
}

impl<H: Home, S> Sweep<H, S> {
    /// Enqueues them again: the first alone, since it shows whether the queue takes anything. One event that cannot be read or counted does
    /// not keep the others waiting. What has begun is not broken off: a count without a message would cost the event its time.
    pub(super) async fn deal_with(&self, names: &[EventName], until: Option<Instant>) -> Dealt {
        let mut dealt = Dealt::default();
        let (first, others) = names.split_at(names.len().min(1));
        for some in [first].into_iter().chain(others.chunks(SENDS_AT_ONCE)) {
            if !some.is_empty() && until.is_some_and(|until| Instant::now() >= until) {
                dealt.is_cut_off = true;
                break;
            }
            let sends = some.iter().map(|name| self.enqueue_again(name));
            let mut is_queue_down = false;
            for result in join_all(sends).await {
                match result {
                    Ok(Requeued::Sent) => dealt.sent += 1,
                    Ok(Requeued::GivenUp) => dealt.given_up += 1,
                    Ok(Requeued::Gone) => {}
                    Err(error) => {
                        report_failed_call(&error.cause);
                        is_queue_down |= error.is_queue_down;
                        dealt.errors.push(error.cause);
                    }
                }
            }
            if is_queue_down {
                break;
            }
        }
        dealt
    }

    /// Counts first, then sends: what circles is given up at the third time.
    async fn enqueue_again(&self, name: &EventName) -> Result<Requeued, RequeueError> {
        let times = self.ledger().times_swept(name).await? + 1;
        let given_up = times > open::SENDS_MAX;
        let note = if given_up {
            self.note_of_giving_up(name).await?
        } else {
            Note::Count(times)
        };
        let Some(raw) = self.write(name, note).await? else {
            return Ok(Requeued::Gone);
        };
        // An object that was put by hand gets the bare form.
        let facts = raw.facts(self.config.delay_seconds);
        if !given_up {
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
    async fn note_of_giving_up(&self, name: &EventName) -> Result<Note, PortError> {
        Ok(match self.ledger().failure(name).await? {
            Some(_) => Note::Count(open::SENDS_MAX + 1),
            None => Note::SweptOut,
        })
    }

    /// Writes the note of an event whose raw object is there, and gives that back. A sweep may run longer than `forget` waits for, so the
    /// tombstone is looked for right before the write, and both are over within a record's time, which is shorter than a lease: whatever
    /// was written of an event that is being forgotten was there before `forget` deletes.
    async fn write(&self, name: &EventName, note: Note) -> Result<Option<Raw>, PortError> {
        let look_and_write = async {
            let ledger = self.ledger();
            let Some(raw) = ledger.raw(name).await?.stored() else {
                return Ok(None);
            };
            match note {
                Note::Count(times) => ledger.put_swept(name, times).await?,
                Note::SweptOut => {
                    let facts = raw.facts(self.config.delay_seconds);
                    let failure = self.swept_out(name, facts.as_ref());
                    ledger.put_failure(Some(name), &failure).await?;
                }
            }
            Ok(Some(raw))
        };
        let ended = timeout(RECORD_DEADLINE, look_and_write).await;
        ended.unwrap_or_else(|_elapsed| {
            let action = "count what had lost its trigger";
            Err(PortError::transient(action, "it took too long"))
        })
    }

    fn swept_out(&self, name: &EventName, facts: Option<&TriggerFacts>) -> FailureRecord {
        FailureRecord {
            v: 1,
            reason: FailureReason::SweptOut,
            receives: 0,
            failed_at: self.home.clock().now(),
            // There is no message to name.
            message_id: String::new(),
            s3_key: Some(name.raw_key()),
            lead_id: facts.map(|facts| facts.lead_id.clone()),
            event_id: facts.map(|facts| facts.event_id.clone()),
            revision: 0,
            effects: Vec::new(),
        }
    }
}
