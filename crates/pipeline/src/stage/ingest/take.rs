//! All elements of a request: stored at once, queued together, answered together.

use super::answer::{AcceptedEvent, Answer, RefusedElement};
use super::element::{Element, RequestId, Taken, TakenEvent, unavailable};
use super::refusal::{Refusal, refuse};
use super::{Ingest, Trusted};
use crate::ledger::Place;
use crate::observe::{LeadAccepted, Subject};
use crate::port::{Clock, DelayQueue, Home, OutgoingMessage, SecretStore};
use crate::trace;
use futures_util::{StreamExt as _, stream};
use jiff::{SignedDuration, Timestamp};
use leadwire_domain::limits::QUEUE_DELAY_SECONDS_MAX;
use leadwire_domain::message::{Notify, Trigger, TriggerFacts};
use leadwire_domain::wait::{Waiting, seconds_until};
use std::borrow::Cow;
use std::collections::BTreeSet;
use tracing::Span;

/// Events of one request that are stored at once: enough to hide the way to the store, few enough for its connections.
const EVENTS_AT_ONCE: usize = 16;
/// What an event's entry says where its request has an `Idempotency-Key` that is no id.
const KEY_IGNORED: &[&str] = &["idempotency_key_ignored"];

/// What a request came to.
#[derive(Debug, Default)]
struct Sorted {
    events: Vec<TakenEvent>,
    /// The types that are not taken, each once.
    types: Vec<String>,
    refused: Vec<RefusedElement>,
}

impl<H: Home, S: SecretStore> Ingest<H, S> {
    /// Takes whatever the request holds. Where one event cannot be assured the whole request is to be sent again, and the retry finds the
    /// others as duplicates.
    pub(super) async fn take(&self, trusted: &Trusted<'_>) -> Result<Answer, Refusal> {
        let body = &*trusted.verified.body;
        let request_id = RequestId::of(trusted);
        let elements = match trusted.config.split(body) {
            Ok(elements) => elements,
            Err(problem) => {
                let kept = self.quarantine(trusted, &request_id, problem, (None, body));
                return Err(kept.await?);
            }
        };
        let has_others = elements.len() > 1;
        let take = |(index, body)| {
            let body: &Cow<'_, [u8]> = body;
            let place = Place { index, has_others };
            let element = Element { place, body };
            self.take_element(trusted, &request_id, element)
        };
        let taken = if let [only] = &*elements {
            vec![take((0, only)).await]
        } else {
            let taking: Vec<_> = elements.iter().enumerate().map(take).collect();
            let taking = stream::iter(taking).buffered(EVENTS_AT_ONCE);
            // Nearly every request has one, and should not carry the room for several.
            Box::pin(taking.collect()).await
        };
        let (mut sorted, failed) = Sorted::of(taken);
        // None is given up because another failed: its sender may never come again.
        self.enqueue(trusted, &sorted.events).await?;
        sorted.mark_repeated();
        let Some(refusal) = failed else {
            return Ok(self.conclude(trusted, &request_id, &sorted));
        };
        // The retry finds duplicates of them: each event is counted once, when it is stored and queued first.
        for event in sorted.events.iter().filter(|event| !event.stored.duplicate) {
            self.report_event(trusted, event, None);
        }
        Err(refusal)
    }

    /// Sends the trigger of each event, with what is left of its delay; for a duplicate too, since the first delivery may have come no
    /// further than this one.
    pub(super) async fn enqueue(
        &self,
        trusted: &Trusted<'_>,
        events: &[TakenEvent],
    ) -> Result<(), Refusal> {
        let unqueued = events
            .iter()
            .filter(|event| !event.is_queued && !event.stored.forgotten);
        let mut messages: Vec<_> = unqueued.map(|event| self.message(trusted, event)).collect();
        let queue = self.home.queue();
        let sent = if messages.len() > 1 {
            queue.send_all(messages).await
        } else if let Some(message) = messages.pop() {
            queue.send(message).await
        } else {
            Ok(())
        };
        let subject = match events {
            [event] => Subject::of(
                &event.stored.lead_id,
                &event.event_id,
                trusted.config.source(),
            ),
            _ => Subject::default(),
        };
        sent.map_err(|error| unavailable(subject, error))
    }

    pub(super) fn message(&self, trusted: &Trusted<'_>, event: &TakenEvent) -> OutgoingMessage {
        let TakenEvent {
            event_id, stored, ..
        } = event;
        let trigger = Trigger {
            name: stored.name.clone(),
            facts: Some(TriggerFacts {
                lead_id: stored.lead_id.clone(),
                event_id: event_id.clone(),
                source: trusted.config.source(),
                sha256: stored.sha256,
                accepted_at: stored.accepted_at,
                not_before: self.not_before(stored.accepted_at),
                notify: Notify::Force,
            }),
            waiting: Waiting::default(),
            once: false,
        };
        OutgoingMessage {
            body: trigger.body(),
            delay_seconds: self.delay_left(stored.accepted_at),
            trace: trusted.request.trace.clone(),
        }
    }

    fn conclude(&self, trusted: &Trusted<'_>, request_id: &RequestId, sorted: &Sorted) -> Answer {
        let acknowledgement = trusted.config.kind().acknowledgement();
        if !sorted.events.is_empty() {
            self.report(trusted, &sorted.events);
            let entries = sorted.events.iter();
            let entries: Vec<_> = entries
                .map(|event| self.entry(event, request_id.is_key_ignored))
                .collect();
            let accepted = Answer::accepted(trusted.config.status(), &entries, &sorted.refused);
            return accepted.acknowledged(acknowledgement);
        }
        match sorted.refused.first() {
            Some(first) if sorted.types.is_empty() => refuse(first.problem, first.hint.as_deref()),
            _ => {
                Span::current().record(trace::OUTCOME, "ignored");
                let ignored = Answer::ignored(&sorted.types, &sorted.refused);
                ignored.acknowledged(acknowledgement)
            }
        }
    }

    /// Reports every event by itself.
    pub(super) fn report(&self, trusted: &Trusted<'_>, events: &[TakenEvent]) {
        let is_duplicate = events.iter().all(|event| event.stored.duplicate);
        let outcome = if is_duplicate {
            "duplicate"
        } else {
            "accepted"
        };
        Span::current().record(trace::OUTCOME, outcome);
        for (place, event) in events.iter().enumerate() {
            self.report_event(trusted, event, (place == 0).then_some(events.len()));
        }
    }

    /// Reports one event; `of_request` is how many its request brought, and said of the first of them alone.
    fn report_event(&self, trusted: &Trusted<'_>, event: &TakenEvent, of_request: Option<usize>) {
        let (stored, source) = (&event.stored, trusted.config.source());
        let now = self.home.clock().now();
        LeadAccepted {
            subject: Subject::of(&event.stored.lead_id, &event.event_id, source),
            source,
            s3_key: &stored.name.raw_key(),
            duplicate: stored.duplicate,
            conflicting: stored.conflicting,
            latency: now.duration_since(trusted.request.received_at),
            wait_seconds: self.delay_left(stored.accepted_at),
            of_request,
        }
        .emit();
    }

    pub(super) fn entry(&self, event: &TakenEvent, is_key_ignored: bool) -> AcceptedEvent {
        AcceptedEvent {
            enrich_not_before: self.not_before(event.stored.accepted_at),
            lead_id: event.stored.lead_id.clone(),
            event_id: event.event_id.clone(),
            s3_key: event.stored.name.raw_key(),
            duplicate: event.stored.duplicate,
            warnings: if is_key_ignored { KEY_IGNORED } else { &[] },
        }
    }

    fn not_before(&self, accepted_at: Timestamp) -> Timestamp {
        let delay = SignedDuration::from_secs(i64::from(self.config.delay_seconds));
        accepted_at.checked_add(delay).unwrap_or(accepted_at)
    }

    fn delay_left(&self, accepted_at: Timestamp) -> u32 {
        let now = self.home.clock().now();
        seconds_until(now, self.not_before(accepted_at)).min(QUEUE_DELAY_SECONDS_MAX)
    }
}

impl Sorted {
    /// What was taken of each element, and the first failure where there is one.
    fn of(taken: Vec<Result<Taken, Refusal>>) -> (Self, Option<Refusal>) {
        let (mut sorted, mut failed) = (Self::default(), None);
        for (index, taken) in taken.into_iter().enumerate() {
            match taken {
                Ok(Taken::Stored(event)) => sorted.events.push(*event),
                Ok(Taken::Ignored(event_type)) if sorted.types.contains(&event_type) => {}
                Ok(Taken::Ignored(event_type)) => sorted.types.push(event_type),
                Ok(Taken::Refused(problem, hint)) => {
                    let refused = RefusedElement {
                        index,
                        problem,
                        hint,
                    };
                    sorted.refused.push(refused);
                }
                Err(refusal) => failed = failed.or(Some(refusal)),
            }
        }
        (sorted, failed)
    }

    /// An event that stands in its request twice was stored once: the first is it, whichever came to the store first.
    fn mark_repeated(&mut self) {
        let mut names = BTreeSet::new();
        for event in &mut self.events {
            event.stored.duplicate |= !names.insert(event.stored.name.clone());
        }
    }
}
