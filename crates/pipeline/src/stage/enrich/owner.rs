//! The owner file, which may come late, or be unfinished yet: waiting is not failing.

use super::context::{Context, Failed, Step, later};
use super::record::Done;
use crate::ledger::{Owner, OwnerState, RawEvent};
use crate::observe::{LookupDenied, OwnerFileUnusable};
use crate::port::{Home, PortError};
use crate::settings::OwnerMissingPolicy;
use jiff::Timestamp;
use leadwire_domain::failure::FailureReason;
use leadwire_domain::json::Object;
use leadwire_domain::lead::owner::OwnerFileError;
use leadwire_domain::wait::{DeferReason, decide_owner_wait};

/// An owner file, read.
pub(super) struct OwnerFile {
    pub(super) fields: Object,
    pub(super) etag: String,
    pub(super) modified_at: Timestamp,
}

impl OwnerFile {
    /// A file that can be used.
    pub(super) fn read(owner: &Owner) -> Result<Self, OwnerFileError> {
        Ok(Self {
            fields: owner.fields()?,
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
        OwnerState::Stored(owner) => match OwnerFile::read(&owner) {
            Ok(owner) => Ok(Step::Go(Some(owner))),
            Err(OwnerFileError::Unfinished) => {
                let waits = wait(cx, raw.accepted_at, DeferReason::OwnerUnfinished).await?;
                waits.ok_or_else(|| unusable(cx, OwnerFileError::Unfinished))
            }
            Err(error) => Err(unusable(cx, error)),
        },
        OwnerState::TooLarge => Err(unusable(cx, OwnerFileError::TooLarge)),
        OwnerState::Denied => {
            let subject = cx.subject();
            LookupDenied { subject }.emit();
            wait_for_one(cx, raw.accepted_at).await
        }
        OwnerState::Absent => wait_for_one(cx, raw.accepted_at).await,
    }
}

fn unusable<H: Home>(cx: &Context<'_, H>, error: OwnerFileError) -> Failed {
    let subject = cx.subject();
    OwnerFileUnusable { subject, error }.emit();
    FailureReason::from(error).into()
}

/// Only at the end of the window a file that is absent counts as missing.
async fn wait_for_one<H: Home>(
    cx: &Context<'_, H>,
    accepted_at: Timestamp,
) -> Result<Step<Option<OwnerFile>>, Failed> {
    if let Some(deferred) = wait(cx, accepted_at, DeferReason::OwnerAbsent).await? {
        return Ok(deferred);
    }
    match cx.config.owner_missing {
        OwnerMissingPolicy::Dlq => Err(FailureReason::OwnerMissing.into()),
        OwnerMissingPolicy::Mail => Ok(Step::Go(None)),
    }
}

/// Puts the message back, or `None` where the window is over. A wake-up leaves all that to the event's own message.
async fn wait<H: Home>(
    cx: &Context<'_, H>,
    accepted_at: Timestamp,
    reason: DeferReason,
) -> Result<Option<Step<Option<OwnerFile>>>, Failed> {
    if cx.trigger.once {
        return Ok(Some(Step::End(cx.acked(Done::LeftWaiting))));
    }
    let facts = cx.trigger.facts.as_ref();
    let not_before = facts.map_or_else(
        || later(accepted_at, cx.config.delay_seconds),
        |facts| facts.not_before,
    );
    let window_end = later(not_before, cx.config.owner_wait_seconds);
    let Some(seconds) = decide_owner_wait(cx.now(), window_end, &cx.trigger.waiting) else {
        return Ok(None);
    };
    let deferred = cx.defer(reason, seconds).await?;
    Ok(Some(Step::End(deferred)))
}
