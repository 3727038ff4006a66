//! Step d: the claim. Between a claim and its marker only one living worker may send (docs/PROTOCOL.md).

use super::context::{Context, Failed, later};
use super::record::{Done, Outcome};
use crate::ledger::ClaimState;
use crate::port::{ETag, Home, PortError};
use jiff::Timestamp;
use leadwire_domain::claim::{Claim, Says, Settled};
use leadwire_domain::wait::{DeferReason, seconds_until};
use std::time::Duration;

/// The first pause before a write is tried again that nothing else is left to do after; it doubles. The record's deadline ends it.
pub(super) const PAUSE: Duration = Duration::from_millis(200);

/// What became of the write of a claim.
pub(super) enum Written {
    /// It is this attempt's.
    Held(ETag),
    /// Another's is there.
    Theirs(ClaimState),
    /// It failed, and what is stored does not say.
    Unknown(Option<PortError>),
}

/// What is settled is acknowledged, and what another worker holds is waited for.
pub(super) async fn stop_if_over<H: Home>(
    cx: &Context<'_, H>,
    claim: &ClaimState,
) -> Result<Option<Outcome>, Failed> {
    match claim {
        ClaimState::Settled(marker, _) => Ok(Some(cx.acked(done_before(marker.how)))),
        ClaimState::Unreadable(_) => Err(Failed::store(ClaimState::unreadable())),
        ClaimState::Claimed(claim, _) if claim.is_live(cx.now(), cx.config.boot.as_deref()) => {
            wait(cx, claim.lease_until).await.map(Some)
        }
        ClaimState::Absent | ClaimState::Claimed(..) => Ok(None),
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
async fn wait<H: Home>(cx: &Context<'_, H>, until: Timestamp) -> Result<Outcome, Failed> {
    let seconds = seconds_until(cx.now(), until).saturating_add(1);
    cx.defer(DeferReason::ClaimLive, seconds).await
}

/// A claim of this attempt.
pub(super) fn of<H: Home>(cx: &Context<'_, H>, says: Says) -> Claim {
    Claim {
        token: cx.token.clone(),
        lease_until: later(cx.now(), cx.config.lease_seconds),
        boot: cx.config.boot.clone(),
        says,
    }
}

/// Writes a claim over the version that was read, or where there is none: who wrote it may send. Where another worker was faster or the
/// reply was lost, what is stored decides.
pub(super) async fn write<H: Home>(
    cx: &Context<'_, H>,
    over: Option<&ETag>,
    claim: &Claim,
) -> Written {
    let ledger = cx.ledger();
    let error = match ledger.write_claim(cx.name(), over, claim).await {
        Ok(Some(etag)) => return Written::Held(etag),
        Ok(None) => None,
        Err(error) => {
            cx.report_failed_call(&error);
            Some(error)
        }
    };
    match ledger.claim(cx.name()).await.and_then(ClaimState::readable) {
        // Each write of an attempt names other effects.
        Ok(ClaimState::Claimed(stored, etag))
            if stored.token == claim.token && stored.named() == claim.named() =>
        {
            Written::Held(etag)
        }
        Ok(ClaimState::Absent) => Written::Unknown(error),
        // Nothing was written, and no other was faster.
        Ok(ClaimState::Claimed(_, etag)) if error.is_some() && Some(&etag) == over => {
            Written::Unknown(error)
        }
        Ok(theirs) => Written::Theirs(theirs),
        Err(unread) => {
            cx.report_failed_call(&unread);
            Written::Unknown(error.or(Some(unread)))
        }
    }
}

/// Gives the claim up before the first send, so that it is no doubt: tried until the record's deadline.
pub(super) async fn give_back<H: Home>(cx: &Context<'_, H>) {
    let (ledger, name) = (cx.ledger(), cx.name());
    let mut pause = PAUSE;
    loop {
        let written = match ledger.claim(name).await {
            Ok(ClaimState::Claimed(claim, etag)) if claim.token == cx.token => {
                let idle = claim.given_back(cx.now());
                ledger.write_claim(name, Some(&etag), &idle).await
            }
            // It was never written, or is another's by now.
            Ok(_) => return,
            Err(error) => Err(error),
        };
        match written {
            Ok(Some(_)) => return,
            Ok(None) => {}
            Err(error) => cx.report_failed_call(&error),
        }
        tokio::time::sleep(pause).await;
        pause *= 2;
    }
}
