//! One record's attempt: the steps of docs/PROTOCOL.md, Enrich, in their order.

use super::context::{Context, Failed, Step};
use super::document::{self, Source};
use super::look::{self, Known, Look};
use super::record::Outcome;
use super::write::{NewClaim, Prepared};
use super::{end, send, suppress, write};
use crate::ledger::{ClaimState, Document, DocumentState, RawState};
use crate::observe::EnrichmentBegan;
use crate::port::{BegunMail, ETag, Home, Mailer as _};
use jiff::Timestamp;
use leadwire_domain::claim::{Claim, Says, Takeover};
use leadwire_domain::effect::{Effect, EffectState, Effects, Standing, standing};
use leadwire_domain::failure::FailureReason;
use leadwire_domain::wait::{DeferReason, NO_TIME_SECONDS, WaitKind, decide_early_wait};
use std::time::Duration;

/// Seconds after which a record comes back whose claim others wrote and let go of, twice.
const LOST_RACE_SECONDS: u32 = 1;

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
    let began = cx.now();
    let not_before = cx.trigger.facts.as_ref().map(|facts| facts.not_before);
    if let Some(seconds) = not_before.and_then(|time| decide_early_wait(began, time)) {
        return cx.defer(DeferReason::TooEarly, seconds).await;
    }
    if remaining < cx.config.pace.record {
        return cx.defer(DeferReason::NoTimeLeft, NO_TIME_SECONDS).await;
    }
    for is_last_look in [false, true] {
        let looked = if is_last_look {
            look::all(cx).await?
        } else {
            look::first(cx).await?
        };
        let look = match looked {
            Step::Go(look) => look,
            Step::End(outcome) => return Ok(outcome),
        };
        let is_draft = matches!(look, Look::Draft(_));
        let prepared = match prepare(cx, look, began).await? {
            Step::Go(Some(prepared)) => prepared,
            Step::Go(None) if is_last_look => return Err(FailureReason::StoreUnavailable.into()),
            Step::Go(None) => continue,
            Step::End(outcome) => return Ok(outcome),
        };
        let written = write::both(cx, prepared).await;
        // What was not read before may turn out to be over.
        if is_draft && !matches!(written, Ok(Step::End(_))) {
            report_beginning(cx, began);
        }
        match written? {
            Step::Go(Some(held)) => return send::all(cx, held).await,
            Step::Go(None) => {}
            Step::End(outcome) => return Ok(outcome),
        }
    }
    cx.defer(DeferReason::ClaimLive, LOST_RACE_SECONDS).await
}

/// What is to be stored before anything is sent. `None` where the reads do not belong together, and all is read again.
async fn prepare<H: Home>(
    cx: &mut Context<'_, H>,
    look: Look,
    began: Timestamp,
) -> Result<Step<Option<Prepared>>, Failed> {
    let Known {
        claim,
        document,
        raw,
        owner,
    } = match look {
        Look::Draft(draft) => {
            return Ok(Step::Go(Some(Prepared {
                document: Source::Draft(draft),
                over: None,
                claim: NewClaim::First,
            })));
        }
        Look::Known(known) => *known,
    };
    let claim = match claim {
        ClaimState::Claimed(claim, etag) => Some((claim, etag)),
        ClaimState::Absent | ClaimState::Settled(..) | ClaimState::Unreadable(_) => None,
    };
    let (document, raw) = (
        document.map_err(Failed::store)?,
        raw.map_err(Failed::store)?,
    );
    report_beginning(cx, began);
    let document = match document {
        DocumentState::Stored(document) => Source::Stored(document),
        DocumentState::Invalid => return Err(FailureReason::EnrichedInvalid.into()),
        DocumentState::Absent => {
            // Its writer had seen a document: it was stored after this attempt looked for it.
            let proves_document = claim
                .as_ref()
                .is_some_and(|(claim, _)| claim.proves_document());
            if proves_document && matches!(raw, RawState::Stored(_)) {
                return Ok(Step::Go(None));
            }
            match document::make(cx, raw, owner).await? {
                Step::Go(draft) => Source::Draft(Box::new(draft)),
                Step::End(outcome) => return Ok(Step::End(outcome)),
            }
        }
    };
    let document = match suppress::stop_if_silent(cx, document, claim.as_ref()).await? {
        Step::Go(document) => document,
        Step::End(outcome) => return Ok(Step::End(outcome)),
    };
    match document {
        Source::Stored(document) => resume(cx, document, claim).await,
        // A claim beside no document was never sent from: taking it over is no doubt.
        Source::Draft(draft) => Ok(Step::Go(Some(Prepared {
            document: Source::Draft(draft),
            over: claim.map(|(_, etag)| etag),
            claim: NewClaim::First,
        }))),
    }
}

/// The document is stored, and no worker is at the event.
async fn resume<H: Home>(
    cx: &mut Context<'_, H>,
    document: Box<Document>,
    claim: Option<(Claim, ETag)>,
) -> Result<Step<Option<Prepared>>, Failed> {
    cx.progress.source_read(document.source());
    let (claim, over) = claim.unzip();
    let Some(said) = said_of_effects(cx, &document, claim.as_ref()) else {
        return Ok(Step::Go(Some(Prepared {
            document: Source::Stored(document),
            over,
            claim: NewClaim::First,
        })));
    };
    let said = without_unsent(cx, claim.as_ref(), said).await?;
    let listed = match document.notify() {
        Some(notify) => notify.to_vec(),
        None => said.keys().cloned().collect(),
    };
    let takeover = Takeover::new(&said, listed, cx.config.ambiguous.doubts_max(), cx.now());
    let (listed, effects) = (&takeover.listed, &takeover.effects);
    // Where every effect was sent the marker may be missing still.
    let is_settled = matches!(standing(listed, effects), Standing::Settled { .. });
    if !takeover.is_written() && !is_settled {
        let ended = end::of_attempt(cx, (listed, effects), false).await;
        return ended.map(Step::End);
    }
    Ok(Step::Go(Some(Prepared {
        document: Source::Stored(document),
        over,
        claim: NewClaim::Named(takeover),
    })))
}

/// What a claim of another run of the home says, less what that run had not begun to hand over when it died: a death before that is no
/// doubt.
async fn without_unsent<H: Home>(
    cx: &Context<'_, H>,
    claim: Option<&Claim>,
    mut said: Effects,
) -> Result<Effects, Failed> {
    let Some(boot) = claim.and_then(|claim| claim.dead_boot(cx.config.boot.as_deref())) else {
        return Ok(said);
    };
    let event = cx.name().tag();
    for (id, effect) in &mut said {
        if effect.state != EffectState::Sending {
            continue;
        }
        let begun = BegunMail {
            event: &event,
            effect: id,
            attempt: effect.attempt,
            boot,
        };
        let may_be_out = cx.home.mailer().may_be_out(begun).await;
        if !may_be_out.map_err(Failed::store)? {
            *effect = effect.clone().given_back();
        }
    }
    Ok(said)
}

/// What the claim says of the stored document's effects. `None` where there is no claim, and the first one need name none.
fn said_of_effects<H: Home>(
    cx: &Context<'_, H>,
    document: &Document,
    claim: Option<&Claim>,
) -> Option<Effects> {
    if let Some(notify) = document.notify() {
        return Some(claim?.effects_of(notify));
    }
    // Of the first edition. The list of a claim stands for its own; a claim that names none was never sent from.
    let named = claim.map(Claim::named).unwrap_or_default();
    let listed = if named.is_empty() {
        document::effects_of_today(cx, document)
    } else {
        named
    };
    match claim.filter(|claim| claim.says != Says::First) {
        Some(claim) => Some(claim.effects_of(&listed)),
        None => Some(
            listed
                .into_iter()
                .map(|id| (id, Effect::default()))
                .collect(),
        ),
    }
}

/// Reported once for an event: on the first receive that found it neither early nor over. A replay's delay would say nothing, nor a
/// wake-up's: the event's own message came before.
fn report_beginning<H: Home>(cx: &mut Context<'_, H>, now: Timestamp) {
    let waiting = &cx.trigger.waiting;
    let is_first = cx.progress.begins()
        && cx.name().revision() == 0
        && !cx.trigger.once
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
