//! Steps c and d: document and claim are written at once. Nothing is sent unless both were seen stored.

use super::claim::{self, Written};
use super::context::{Context, Failed, Step};
use super::document::{self, Source};
use crate::ledger::{ClaimState, Document};
use crate::observe::{EffectParked, EmailAmbiguous};
use crate::port::{ETag, Home};
use leadwire_domain::claim::{Says, Takeover};
use leadwire_domain::effect::{Effect, EffectId, Effects};
use leadwire_domain::failure::FailureReason;

/// What is to be stored before anything is sent.
pub(super) struct Prepared {
    pub(super) document: Source,
    /// The claim that is written over, where there is one.
    pub(super) over: Option<ETag>,
    pub(super) claim: NewClaim,
}

/// The claim that is to be written.
pub(super) enum NewClaim {
    /// It names no effect: each one of the stored document is sent for the first time, also of another worker's document.
    First,
    /// The effects of the document by name, over what a claim before said of them.
    Named(Takeover),
}

/// A claim that this attempt holds, beside the stored document.
pub(super) struct Held {
    pub(super) document: Document,
    pub(super) etag: ETag,
    /// The effects of the document, in its order.
    pub(super) listed: Vec<EffectId>,
    /// What the claim says of them.
    pub(super) effects: Effects,
    /// Those that are to be sent.
    pub(super) todo: Vec<EffectId>,
}

/// Stores both. `None` where another worker was faster and has let go again: then everything is read again.
pub(super) async fn both<H: Home>(
    cx: &mut Context<'_, H>,
    prepared: Prepared,
) -> Result<Step<Option<Held>>, Failed> {
    let Prepared {
        document,
        over,
        claim,
    } = prepared;
    let says = match &claim {
        NewClaim::First => Says::First,
        NewClaim::Named(takeover) => Says::Named(takeover.effects.clone()),
    };
    let body = claim::of(cx, says);
    let (document, written) = tokio::join!(
        document::store(cx, document),
        claim::write(cx, over.as_ref(), &body)
    );
    match (document, written) {
        (Ok(document), Written::Held(etag)) => {
            cx.progress.source_read(document.source());
            if let NewClaim::Named(takeover) = &claim {
                report_doubts(cx, takeover);
            }
            let held = hold(cx, document, etag, claim).await?;
            Ok(Step::Go(Some(held)))
        }
        (Err(failed), Written::Held(_)) => {
            claim::give_back(cx).await;
            Err(failed)
        }
        (document, Written::Theirs(theirs)) => {
            if let Some(outcome) = claim::stop_if_over(cx, &theirs).await? {
                return Ok(Step::End(outcome));
            }
            document.map(|_stored| Step::Go(None))
        }
        (document, Written::Unknown(error)) => {
            claim::give_back(cx).await;
            match error {
                Some(error) => Err(Failed::store(error)),
                // Another write was under way and left nothing.
                None => document.map(|_stored| Step::Go(None)),
            }
        }
    }
}

/// Reports what a dead worker left: it was sending, and it is not known whether it sent.
fn report_doubts<H: Home>(cx: &Context<'_, H>, takeover: &Takeover) {
    let subject = cx.subject();
    for effect in &takeover.doubted {
        EmailAmbiguous { subject, effect }.emit();
    }
    for effect in &takeover.parked {
        EffectParked { subject, effect }.emit();
    }
}

/// The effects that are to be sent under the claim. A document of the first edition names none: the claim is written again and names
/// today's, before any is sent.
async fn hold<H: Home>(
    cx: &Context<'_, H>,
    document: Document,
    etag: ETag,
    claim: NewClaim,
) -> Result<Held, Failed> {
    let of_names = |names: &[EffectId]| -> Effects {
        let names = names.iter();
        names.map(|id| (id.clone(), Effect::first())).collect()
    };
    let (etag, listed, effects, todo) = match claim {
        NewClaim::Named(takeover) => (etag, takeover.listed, takeover.effects, takeover.todo),
        NewClaim::First => {
            if let Some(notify) = document.notify() {
                (etag, notify.to_vec(), of_names(notify), notify.to_vec())
            } else {
                let effects = of_names(&document::effects_of_today(cx, &document));
                let etag = name_effects(cx, &etag, effects.clone()).await?;
                // In the order of the claim, which stands for the document's.
                let names: Vec<EffectId> = effects.keys().cloned().collect();
                (etag, names.clone(), effects, names)
            }
        }
    };
    Ok(Held {
        document,
        etag,
        listed,
        effects,
        todo,
    })
}

async fn name_effects<H: Home>(
    cx: &Context<'_, H>,
    etag: &ETag,
    effects: Effects,
) -> Result<ETag, Failed> {
    let claim = claim::of(cx, Says::Named(effects));
    let error = match claim::write(cx, Some(etag), &claim).await {
        Written::Held(etag) => return Ok(etag),
        Written::Theirs(ClaimState::Settled(..)) => None,
        Written::Theirs(_) => {
            claim::give_back(cx).await;
            None
        }
        Written::Unknown(error) => {
            claim::give_back(cx).await;
            error
        }
    };
    Err(error.map_or(FailureReason::StoreUnavailable.into(), Failed::store))
}
