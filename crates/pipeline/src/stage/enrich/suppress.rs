//! A replay that may stay silent: whether it has something new to say, and its end without a mail.

use super::claim::done_before;
use super::context::{Context, Failed, Step};
use super::document::{self, Source};
use super::record::{Done, Outcome};
use crate::ledger::{Document, DocumentState, Marker};
use crate::observe::ReplaySettled;
use crate::port::{ETag, Home};
use leadwire_domain::claim::{Claim, Settled};
use leadwire_domain::failure::FailureReason;
use leadwire_domain::lead::change::diff;
use leadwire_domain::limits::REVISIONS_BACK_MAX;
use leadwire_domain::message::Notify;

/// Ends a silent replay; every other attempt goes on. Of a replay that may be silent the document is stored first, and by itself.
pub(super) async fn stop_if_silent<H: Home>(
    cx: &mut Context<'_, H>,
    document: Source,
    claim: Option<&(Claim, ETag)>,
) -> Result<Step<Source>, Failed> {
    if cx.trigger.notify() == Notify::Force {
        return Ok(Step::Go(document));
    }
    let document = document::store(cx, document).await?;
    let is_sent = match (cx.trigger.notify(), claim) {
        // A claim is only made after a change was found. Another replay may have stored that since; it is sent all the same.
        (Notify::Force, _) | (Notify::IfChanged, Some(_)) => true,
        (Notify::Never, _) => false,
        (Notify::IfChanged, None) => has_changed(cx, &document).await?,
    };
    if is_sent {
        return Ok(Step::Go(Source::Stored(Box::new(document))));
    }
    settle(cx, claim.map(|(_, etag)| etag)).await.map(Step::End)
}

/// Whether the document says anything but the one before it: the newest that an earlier revision stored. Where there is none any more,
/// everything is new.
async fn has_changed<H: Home>(cx: &Context<'_, H>, document: &Document) -> Result<bool, Failed> {
    let fields = |document: &Document| document.fields().ok_or(FailureReason::EnrichedInvalid);
    let revision = cx.name().revision();
    let earlier = (1..revision).rev().take(REVISIONS_BACK_MAX).chain([0]);
    for earlier in earlier {
        let name = cx.name().clone().with_revision(earlier);
        match cx.ledger().document(&name).await.map_err(Failed::store)? {
            DocumentState::Stored(before) => {
                let changes = diff(&fields(&before)?, &fields(document)?);
                return Ok(!changes.is_empty());
            }
            DocumentState::Absent => {}
            DocumentState::Invalid => return Err(FailureReason::EnrichedInvalid.into()),
        }
    }
    Ok(true)
}

/// The end without a mail. Nothing was sent, so that a write that fails is only tried again by the next receive.
async fn settle<H: Home>(cx: &Context<'_, H>, over: Option<&ETag>) -> Result<Outcome, Failed> {
    let marker = Marker::new(Settled::Silent, cx.now());
    match cx.ledger().settle(cx.name(), over, &marker).await {
        Ok(Some(_)) => {}
        // Another worker was faster, or this one's own reply was lost.
        unsure => {
            if let Err(error) = &unsure {
                cx.report_failed_call(error);
            }
            let claim = cx.ledger().claim(cx.name()).await.map_err(Failed::store)?;
            match claim.settled() {
                Some(Settled::Silent) => {}
                Some(settled) => return Ok(cx.acked(done_before(settled))),
                None => return Err(FailureReason::StoreUnavailable.into()),
            }
        }
    }
    ReplaySettled {
        subject: cx.subject(),
        revision: cx.name().revision(),
        notify: cx.trigger.notify(),
    }
    .emit();
    Ok(Outcome::Done(Done::Silent))
}
