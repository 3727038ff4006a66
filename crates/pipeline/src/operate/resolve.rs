//! Parked mails: nobody knows whether they went out, and a person decides (docs/PROTOCOL.md, Parked mails).

use crate::ledger::claim::{MailState, claim_object, fetch_mail_state, settled_marker};
use crate::ledger::listing::Listing;
use crate::port::{
    Bucket, Clock, DelayQueue, ETag, Fetched, Home, NewObject, ObjectStore, OutgoingMessage,
    PortError, Replaced,
};
use crate::trace::{TRACEPARENT, TraceContext};
use jiff::Timestamp;
use leadwire_domain::claim::{Claim, Settled};
use leadwire_domain::key::{EventName, MAIL};
use leadwire_domain::limits::OBJECT_BYTES_MAX;
use leadwire_domain::message::Trigger;
use leadwire_domain::wait::Waiting;

/// A parked mail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parked {
    /// Its event, or the replay of it.
    pub name: EventName,
    /// Since when.
    pub parked_at: Timestamp,
    /// Attempts, of which nobody knows the outcome of the last one.
    pub attempt: u32,
}

/// What a person found out about a parked mail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resolution {
    /// It went out.
    Sent,
    /// It did not, and is to be sent.
    Resend,
}

/// What became of a resolution.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resolved {
    /// It is settled as sent now.
    MarkedSent,
    /// Its claim is given back and its message queued: the pipeline mails it.
    Queued,
    /// It had come to its end before.
    SettledBefore(Settled),
    /// It is not parked.
    NotParked,
    /// Somebody else changed it meanwhile.
    ChangedMeanwhile,
}

/// Every parked mail, by name. A settled marker is empty, so that only claims are read.
pub async fn list_parked<H: Home>(home: &H) -> Result<Vec<Parked>, PortError> {
    let mut parked = Vec::new();
    let mut mail = Listing::new(home, Bucket::Enriched, MAIL);
    while let Some(entry) = mail.next().await? {
        let Ok(name) = EventName::parse_key(MAIL, &entry.key) else {
            continue;
        };
        if entry.size == 0 {
            continue;
        }
        if let MailState::Claimed(Claim::Parked { parked_at, attempt }, _) =
            fetch_mail_state(home, &entry.key).await?
        {
            parked.push(Parked {
                name,
                parked_at,
                attempt,
            });
        }
    }
    Ok(parked)
}

/// Resolves one. The claim changes first, and only over the version that was read; the message comes second. A crash between the two leaves a
/// claim that is given back without a message: resolving it again sends one.
pub async fn resolve<H: Home>(
    home: &H,
    name: &EventName,
    resolution: Resolution,
) -> Result<Resolved, PortError> {
    match (fetch_mail_state(home, &name.mail_key()).await?, resolution) {
        (MailState::Settled(settled), _) => Ok(Resolved::SettledBefore(settled)),
        (MailState::Claimed(Claim::Parked { .. }, etag), Resolution::Sent) => {
            let marker = settled_marker(Settled::Sent, None, home.clock().now());
            let is_sent = |state: &MailState| matches!(state, MailState::Settled(Settled::Sent));
            let is_ours = replace(home, name, &etag, marker, is_sent).await?;
            Ok(if is_ours {
                Resolved::MarkedSent
            } else {
                Resolved::ChangedMeanwhile
            })
        }
        (MailState::Claimed(Claim::Parked { attempt, .. }, etag), Resolution::Resend) => {
            let idle = claim_object(&Claim::Idle { attempt });
            let is_idle = |state: &MailState| matches!(state, MailState::Claimed(Claim::Idle { attempt: found }, _) if *found == attempt);
            if !replace(home, name, &etag, idle, is_idle).await? {
                return Ok(Resolved::ChangedMeanwhile);
            }
            enqueue(home, name).await
        }
        // It was given back before, and its message may never have been sent.
        (MailState::Claimed(Claim::Idle { .. }, _), Resolution::Resend) => {
            enqueue(home, name).await
        }
        (MailState::Absent | MailState::Claimed(..), _) => Ok(Resolved::NotParked),
    }
}

/// Writes over the version that was read. Where the reply is lost, or says that another version is there, what lies there decides.
async fn replace<H: Home>(
    home: &H,
    name: &EventName,
    etag: &ETag,
    object: NewObject,
    is_written: impl Fn(&MailState) -> bool,
) -> Result<bool, PortError> {
    let key = name.mail_key();
    let replaced = home
        .store()
        .replace(Bucket::Enriched, &key, etag, object)
        .await;
    if matches!(replaced, Ok(Replaced::New(_))) {
        return Ok(true);
    }
    let lies_there = is_written(&fetch_mail_state(home, &key).await?);
    match replaced {
        Err(error) if !lies_there => Err(error),
        _ => Ok(lies_there),
    }
}

/// An operator's bare message: processed at once, left out of the objective, which has counted the mail as not sent already.
async fn enqueue<H: Home>(home: &H, name: &EventName) -> Result<Resolved, PortError> {
    let raw = home
        .store()
        .get(Bucket::Raw, &name.raw_key(), OBJECT_BYTES_MAX)
        .await?;
    let trace = match raw {
        Fetched::Found(raw) => raw.metadata.get(TRACEPARENT).cloned(),
        Fetched::Missing | Fetched::Denied | Fetched::TooLarge => None,
    };
    let trigger = Trigger {
        name: name.clone(),
        facts: None,
        waiting: Waiting::default(),
    };
    let message = OutgoingMessage {
        body: trigger.body(),
        delay_seconds: 0,
        trace: trace.map(TraceContext::of_traceparent).unwrap_or_default(),
    };
    home.queue().send(message).await?;
    Ok(Resolved::Queued)
}
