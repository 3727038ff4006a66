//! How a record ends, by what its claim says of the effects: acknowledged, put back, or failed.

use super::context::{Context, Failed, counts_for_slo};
use super::record::{Done, Outcome};
use crate::observe::LeadParked;
use crate::port::{Entropy, Home};
use leadwire_domain::effect::{EffectId, Effects, Standing, standing};
use leadwire_domain::failure::FailureReason;
use leadwire_domain::wait::{DeferReason, decide_doubt_wait, decide_mail_wait, decide_unsent_wait};

/// Ends an attempt whose claim says this of the document's effects. `has_acted`: whether this attempt has changed it.
pub(super) async fn of_attempt<H: Home>(
    cx: &mut Context<'_, H>,
    (listed, effects): (&[EffectId], &Effects),
    has_acted: bool,
) -> Result<Outcome, Failed> {
    cx.progress.effects_known(listed, effects);
    match standing(listed, effects) {
        Standing::Settled { .. } => Ok(Outcome::Done(Done::Mailed)),
        Standing::Open { doubt } => wait(cx, doubt).await,
        Standing::Refused => Err(FailureReason::MailRefused.into()),
        Standing::NoReceiver => Err(FailureReason::NoReceiver.into()),
        Standing::Parked => park(cx, has_acted).await,
    }
}

/// Something is open: a doubt is sent once more, whenever that is; a busy service is waited for as long as is configured.
async fn wait<H: Home>(cx: &Context<'_, H>, doubt: bool) -> Result<Outcome, Failed> {
    let [jitter, ..] = cx.home.entropy().bits();
    let waiting = &cx.trigger.waiting;
    if doubt {
        let seconds = decide_doubt_wait(waiting, jitter);
        return cx.defer(DeferReason::InDoubt, seconds).await;
    }
    let window = cx.config.mail_wait_seconds;
    match decide_mail_wait(cx.now(), window, waiting, jitter) {
        Some(seconds) => cx.defer(DeferReason::MailUnavailable, seconds).await,
        None => Err(FailureReason::MailUnavailable.into()),
    }
}

/// Nothing of what is open was sent, for want of a turn or of time. That was no attempt, and no service was busy: no window for one begins,
/// and none ends it.
pub(super) async fn unsent<H: Home>(cx: &Context<'_, H>) -> Result<Outcome, Failed> {
    let [jitter, ..] = cx.home.entropy().bits();
    let seconds = decide_unsent_wait(&cx.trigger.waiting, jitter);
    cx.defer_unsent(seconds).await
}

/// What is parked is a person's business: `failed/X` says so before the record is acknowledged, at every receive, since the attempt before
/// may have died between the two.
async fn park<H: Home>(cx: &Context<'_, H>, has_acted: bool) -> Result<Outcome, Failed> {
    let reason = FailureReason::MailAmbiguous;
    let known = Some((cx.trigger, cx.progress.not_happened()));
    let failure = cx.record.failure(reason, known, cx.now());
    let written = cx.ledger().put_failure(Some(cx.name()), &failure).await;
    written.map_err(Failed::store)?;
    if has_acted {
        LeadParked {
            subject: cx.subject(),
            counted: counts_for_slo(cx.trigger),
        }
        .emit();
        return Ok(Outcome::Done(Done::Parked));
    }
    Ok(cx.acked(Done::Parked))
}
