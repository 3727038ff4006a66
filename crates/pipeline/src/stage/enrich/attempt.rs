//! One record's attempt: the steps of docs/PROTOCOL.md, Enrich, in their order.

use super::claim::{self, Vacancy};
use super::context::{Context, Failed, Snapshot, Step};
use super::record::{Done, Outcome};
use super::{document, notify, suppress};
use crate::ledger::ClaimState;
use crate::observe::EnrichmentBegan;
use crate::port::{Home, PortError};
use crate::settings::RECORD_DEADLINE;
use jiff::Timestamp;
use leadwire_domain::claim::Settled;
use leadwire_domain::wait::{DeferReason, WaitKind, decide_early_wait};
use std::time::Duration;

/// Seconds after which a record comes back that found no time left in its invocation.
const NO_TIME_SECONDS: u32 = 1;

/// Runs the steps to an outcome. `remaining` is what is left of the invocation.
pub(super) async fn run<H: Home>(mut cx: Context<'_, H>, remaining: Duration) -> Outcome {
    match steps(&mut cx, remaining).await {
        Ok(outcome) => outcome,
        Err(Failed { reason, call }) => {
            if let Some(error) = &call {
                cx.report_failed_call(error);
            }
            Outcome::Failed(reason)
        }
    }
}

async fn steps<H: Home>(cx: &mut Context<'_, H>, remaining: Duration) -> Result<Outcome, Failed> {
    let now = cx.now();
    let not_before = cx.trigger.facts.as_ref().map(|facts| facts.not_before);
    if let Some(seconds) = not_before.and_then(|time| decide_early_wait(now, time)) {
        return cx.defer(DeferReason::TooEarly, seconds).await;
    }
    if remaining < RECORD_DEADLINE {
        return cx.defer(DeferReason::NoTimeLeft, NO_TIME_SECONDS).await;
    }
    let (claim, snapshot) = load(cx).await?;
    let vacancy = match stop_if_over(cx, claim).await? {
        Step::Go(vacancy) => vacancy,
        Step::End(outcome) => return Ok(outcome),
    };
    let snapshot = snapshot.map_err(Failed::store)?;
    report_beginning(cx, now);
    let document = match document::obtain(cx, snapshot).await? {
        Step::Go(document) => document,
        Step::End(outcome) => return Ok(outcome),
    };
    if let Step::End(outcome) = suppress::stop_if_silent(cx, &document, &vacancy).await? {
        return Ok(outcome);
    }
    let held = match claim::take(cx, vacancy).await? {
        Step::Go(held) => held,
        Step::End(outcome) => return Ok(outcome),
    };
    notify::send(cx, &document, held).await
}

/// Steps b and c: everything that is known, in one round trip. `mail/X` is read on every receive: a message that comes after a lead was
/// forgotten must not write its data again. An event that has come to its end needs nothing else, nor its errors.
async fn load<H: Home>(
    cx: &Context<'_, H>,
) -> Result<(ClaimState, Result<Snapshot, PortError>), Failed> {
    let (ledger, name) = (cx.ledger(), cx.name());
    let fetch_owner = async {
        let facts = cx.trigger.facts.as_ref()?;
        Some(ledger.owner(&facts.lead_id).await)
    };
    let (claim, document, raw, owner) = tokio::join!(
        ledger.claim(name),
        ledger.document(name),
        ledger.raw(name),
        fetch_owner,
    );
    let snapshot = document.and_then(|document| {
        let raw = raw?;
        Ok(Snapshot {
            document,
            raw,
            owner,
        })
    });
    Ok((claim.map_err(Failed::store)?, snapshot))
}

/// Step b: an event that has come to its end, or that another worker is at, needs nothing from this one. A revision also reads the claim of
/// its event: a forgotten lead is forgotten in every revision.
async fn stop_if_over<H: Home>(
    cx: &Context<'_, H>,
    claim: ClaimState,
) -> Result<Step<Vacancy>, Failed> {
    if cx.name().revision() > 0 {
        let event = cx.name().clone().with_revision(0);
        let of_event = cx.ledger().claim(&event).await;
        let of_event = of_event.and_then(ClaimState::readable);
        if of_event.map_err(Failed::store)?.settled() == Some(Settled::Forgotten) {
            return Ok(Step::End(cx.acked(Done::Forgotten)));
        }
    }
    claim::decide(cx, claim).await
}

/// Reported once for an event: on the first receive that found it neither early nor over. A replay's delay would say nothing.
fn report_beginning<H: Home>(cx: &Context<'_, H>, now: Timestamp) {
    let waiting = &cx.trigger.waiting;
    let is_first = cx.name().revision() == 0
        && cx.record.receive_count <= 1
        && waiting.kind == WaitKind::Early
        && matches!(
            waiting.reason,
            None | Some(DeferReason::TooEarly | DeferReason::NoTimeLeft)
        );
    if let (true, Some(facts)) = (is_first, &cx.trigger.facts) {
        EnrichmentBegan {
            subject: cx.subject(),
            source: facts.source,
            delay: now.duration_since(facts.accepted_at),
            lag: now.duration_since(facts.not_before),
        }
        .emit();
    }
}
