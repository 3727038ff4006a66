//! The owner file, which may come late: waiting is not failing.

use super::context::{Context, Failed, Step, later};
use super::record::Done;
use crate::ledger::{Owner, OwnerState, RawEvent};
use crate::observe::LookupDenied;
use crate::port::{Home, PortError};
use crate::settings::OwnerMissingPolicy;
use jiff::Timestamp;
use leadwire_domain::failure::FailureReason;
use leadwire_domain::json::Object;
use leadwire_domain::wait::{DeferReason, decide_owner_wait};

/// An owner file, read.
pub(super) struct OwnerFile {
    pub(super) fields: Object,
    pub(super) etag: String,
    pub(super) modified_at: Timestamp,
}

impl OwnerFile {
    /// Its fields, where it has any.
    pub(super) fn read(owner: &Owner) -> Result<Self, FailureReason> {
        Ok(Self {
            fields: owner.fields().ok_or(FailureReason::LookupInvalid)?,
            etag: owner.etag.clone(),
            modified_at: owner.modified_at,
        })
    }
}

/// The owner file; `None` where it is missing for good and the lead is mailed as unassigned.
pub(super) async fn obtain<H: Home>(
    cx: &Context<'_, H>,
    raw: &RawEvent,
    loaded: Option<Result<OwnerState, PortError>>,
) -> Result<Step<Option<OwnerFile>>, Failed> {
    let owner = match loaded {
        Some(owner) => owner,
        None => cx.ledger().owner(&raw.lead_id).await,
    };
    match owner.map_err(Failed::store)? {
        OwnerState::Stored(owner) => Ok(Step::Go(Some(OwnerFile::read(&owner)?))),
        OwnerState::TooLarge => Err(FailureReason::LookupInvalid.into()),
        OwnerState::Denied => {
            let subject = cx.subject();
            LookupDenied { subject }.emit();
            wait(cx, raw.accepted_at).await
        }
        OwnerState::Absent => wait(cx, raw.accepted_at).await,
    }
}

/// Only at the end of the window the file counts as missing. A wake-up leaves that to the event's own message.
async fn wait<H: Home>(
    cx: &Context<'_, H>,
    accepted_at: Timestamp,
) -> Result<Step<Option<OwnerFile>>, Failed> {
    if cx.trigger.once {
        return Ok(Step::End(cx.acked(Done::LeftWaiting)));
    }
    let facts = cx.trigger.facts.as_ref();
    let not_before = facts.map_or_else(
        || later(accepted_at, cx.config.delay_seconds),
        |facts| facts.not_before,
    );
    let window_end = later(not_before, cx.config.owner_wait_seconds);
    if let Some(seconds) = decide_owner_wait(cx.now(), window_end, &cx.trigger.waiting) {
        let deferred = cx.defer(DeferReason::OwnerAbsent, seconds).await;
        return deferred.map(Step::End);
    }
    match cx.config.owner_missing {
        OwnerMissingPolicy::Dlq => Err(FailureReason::OwnerMissing.into()),
        OwnerMissingPolicy::Mail => Ok(Step::Go(None)),
    }
}
