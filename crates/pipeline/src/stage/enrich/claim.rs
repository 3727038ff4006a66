//! Step d: the claim. Between a claim and its marker only one living worker may send (docs/PROTOCOL.md).

use super::context::{Context, Failed, Step, counts_for_slo, later};
use super::record::{Done, Outcome};
use crate::ledger::ClaimState;
use crate::observe::{ClaimParked, EmailAmbiguous};
use crate::port::{ETag, Home, PortError};
use crate::settings::AmbiguousPolicy;
use jiff::Timestamp;
use leadwire_domain::claim::{Claim, ClaimDecision, Sending, Settled, decide_claim};
use leadwire_domain::failure::FailureReason;
use leadwire_domain::wait::{DeferReason, seconds_until};

/// Seconds after which a record comes back whose claim another worker wrote and let go of meanwhile.
const LOST_RACE_SECONDS: u32 = 1;

/// A claim that an attempt may take.
pub(super) enum Vacancy {
    /// There is none yet.
    Absent,
    /// The mail was definitely not taken; it is taken for this attempt.
    Idle { etag: ETag, attempt: u32 },
    /// Its holder is dead, after so many attempts, and whether it sent is not known.
    Stale {
        etag: ETag,
        attempt: u32,
        is_reported: bool,
    },
}

/// A claim that this attempt holds.
pub(super) struct Held {
    pub(super) etag: ETag,
    pub(super) claim: Sending,
}

/// Whether the claim may be taken. What is settled or parked is acknowledged, and what another worker holds is waited for.
pub(super) async fn decide<H: Home>(
    cx: &Context<'_, H>,
    claim: ClaimState,
) -> Result<Step<Vacancy>, Failed> {
    let (claim, etag) = match claim {
        ClaimState::Absent => return Ok(Step::Go(Vacancy::Absent)),
        ClaimState::Settled(marker, _) => {
            return Ok(Step::End(cx.acked(done_before(marker.how))));
        }
        ClaimState::Unreadable(_) => return Err(Failed::store(ClaimState::unreadable())),
        ClaimState::Claimed(claim, etag) => (claim, etag),
    };
    let boot = cx.config.boot.as_deref();
    match decide_claim(&claim, &cx.token, cx.now(), boot) {
        ClaimDecision::Parked => Ok(Step::End(cx.acked(Done::ParkedBefore))),
        ClaimDecision::Wait { until } => wait(cx, until).await,
        ClaimDecision::Take { attempt } => Ok(Step::Go(Vacancy::Idle { etag, attempt })),
        ClaimDecision::Stale { attempt } => Ok(Step::Go(Vacancy::Stale {
            etag,
            attempt,
            is_reported: matches!(&claim, Claim::Sending(sending) if sending.doubted),
        })),
        // No attempt reads its own claim before it has written one.
        ClaimDecision::Mine => wait(cx, cx.now()).await,
    }
}

/// What a settled marker means for a record that meets it.
pub(super) fn done_before(settled: Settled) -> Done {
    match settled {
        Settled::Sent => Done::MailedBefore,
        Settled::Forgotten => Done::Forgotten,
        Settled::Silent => Done::SilentBefore,
    }
}

/// Comes back when the other worker's lease is over.
async fn wait<H: Home>(cx: &Context<'_, H>, until: Timestamp) -> Result<Step<Vacancy>, Failed> {
    let seconds = seconds_until(cx.now(), until).saturating_add(1);
    let deferred = cx.defer(DeferReason::ClaimLive, seconds).await;
    deferred.map(Step::End)
}

/// Takes the claim: the attempt that wrote it may send. A dead worker's doubt is parked, where the configuration says so.
pub(super) async fn take<H: Home>(
    cx: &Context<'_, H>,
    vacancy: Vacancy,
) -> Result<Step<Held>, Failed> {
    let (etag, attempt, is_unreported) = match vacancy {
        Vacancy::Absent => (None, 1, false),
        Vacancy::Idle { etag, attempt } => (Some(etag), attempt, false),
        Vacancy::Stale {
            etag,
            attempt,
            is_reported,
        } => {
            if cx.config.ambiguous == AmbiguousPolicy::Park {
                let parked = park(cx, &etag, attempt, is_reported).await;
                return parked.map(Step::End);
            }
            (Some(etag), attempt.saturating_add(1), !is_reported)
        }
    };
    let claim = Sending {
        token: cx.token.clone(),
        lease_until: later(cx.now(), cx.config.lease_seconds),
        attempt,
        boot: cx.config.boot.clone(),
        doubted: false,
    };
    let sending = Claim::Sending(claim.clone());
    let ledger = cx.ledger();
    let written = ledger.write_claim(cx.name(), etag.as_ref(), &sending);
    let taken = match written.await {
        Ok(Some(etag)) => Step::Go(Held { etag, claim }),
        lost => read_back(cx, lost.err()).await?,
    };
    if is_unreported && matches!(taken, Step::Go(_)) {
        report_doubt(cx);
    }
    Ok(taken)
}

/// Another worker was faster, or the reply was lost: what is stored decides. It is not written again: the record comes back instead.
async fn read_back<H: Home>(
    cx: &Context<'_, H>,
    error: Option<PortError>,
) -> Result<Step<Held>, Failed> {
    if let Some(error) = &error {
        cx.report_failed_call(error);
    }
    let stored = cx.ledger().claim(cx.name()).await.map_err(Failed::store)?;
    if let ClaimState::Claimed(Claim::Sending(claim), etag) = &stored
        && claim.token == cx.token
    {
        return Ok(Step::Go(Held {
            etag: etag.clone(),
            claim: claim.clone(),
        }));
    }
    match decide(cx, stored).await? {
        Step::End(outcome) => Ok(Step::End(outcome)),
        Step::Go(_) if error.is_some() => Err(FailureReason::StoreUnavailable.into()),
        Step::Go(_) => {
            let deferred = cx.defer(DeferReason::ClaimLive, LOST_RACE_SECONDS).await;
            deferred.map(Step::End)
        }
    }
}

/// Parks a doubtful mail: first where it is listed, then the claim itself. The other order could leave a parked mail without a reason.
async fn park<H: Home>(
    cx: &Context<'_, H>,
    etag: &ETag,
    attempt: u32,
    is_reported: bool,
) -> Result<Outcome, Failed> {
    let (ledger, name) = (cx.ledger(), cx.name());
    let reason = FailureReason::MailAmbiguous;
    let failure = cx.record.failure(reason, Some(cx.trigger), cx.now());
    let written = ledger.put_failure(Some(name), &failure).await;
    written.map_err(Failed::store)?;
    let parked = Claim::Parked {
        parked_at: cx.now(),
        attempt,
    };
    match ledger.write_claim(name, Some(etag), &parked).await {
        Ok(Some(_)) => {}
        Ok(None) if is_stored(cx, &parked).await => {}
        Ok(None) => return Err(FailureReason::StoreUnavailable.into()),
        Err(error) if is_stored(cx, &parked).await => cx.report_failed_call(&error),
        Err(error) => return Err(Failed::store(error)),
    }
    ClaimParked {
        subject: cx.subject(),
        counted: counts_for_slo(cx.trigger),
    }
    .emit();
    if !is_reported {
        report_doubt(cx);
    }
    Ok(Outcome::Done(Done::Parked))
}

/// Whether a write whose reply was lost, or that met its own effect, took effect.
async fn is_stored<H: Home>(cx: &Context<'_, H>, written: &Claim) -> bool {
    let stored = cx.ledger().claim(cx.name()).await;
    matches!(stored, Ok(ClaimState::Claimed(claim, _)) if claim == *written)
}

/// Reports that it is not known whether the mail went out.
pub(super) fn report_doubt<H: Home>(cx: &Context<'_, H>) {
    let subject = cx.subject();
    EmailAmbiguous { subject }.emit();
}
