//! Parked mails: their delivery is not confirmed, and a person decides (docs/PROTOCOL.md, Parked mails).

use crate::ledger::queue::fresh_message;
use crate::ledger::{ClaimState, Kind, Ledger, Marker};
use crate::port::{Clock, DelayQueue, ETag, Home, PortError};
use jiff::Timestamp;
use leadwire_domain::claim::{Claim, Settled};
use leadwire_domain::key::EventName;

/// A parked mail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parked {
    /// Its event, or the replay of it.
    pub name: EventName,
    /// Since when.
    pub parked_at: Timestamp,
    /// Attempts, the outcome of the last of which is not known.
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
    let ledger = Ledger::new(home.store());
    let mut claims = ledger.list(Kind::Claim);
    while let Some(entry) = claims.next().await? {
        let Ok(name) = Kind::Claim.parse(&entry.key) else {
            continue;
        };
        if entry.size == 0 {
            continue;
        }
        if let ClaimState::Claimed(Claim::Parked { parked_at, attempt }, _) =
            ledger.claim(&name).await?.readable()?
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
    let ledger = Ledger::new(home.store());
    match (ledger.claim(name).await?.readable()?, resolution) {
        (ClaimState::Settled(marker, _), _) => Ok(Resolved::SettledBefore(marker.how)),
        (ClaimState::Claimed(Claim::Parked { .. }, etag), Resolution::Sent) => {
            let marker = Marker::new(Settled::Sent, home.clock().now());
            let written = ledger.settle(name, Some(&etag), &marker).await;
            let is_sent = |claim: &ClaimState| claim.settled() == Some(Settled::Sent);
            let is_ours = is_stored(home, name, written, is_sent).await?;
            Ok(if is_ours {
                Resolved::MarkedSent
            } else {
                Resolved::ChangedMeanwhile
            })
        }
        (ClaimState::Claimed(Claim::Parked { attempt, .. }, etag), Resolution::Resend) => {
            let idle = Claim::Idle { attempt };
            let written = ledger.write_claim(name, Some(&etag), &idle).await;
            let is_idle = |claim: &ClaimState| matches!(claim, ClaimState::Claimed(found, _) if *found == idle);
            if !is_stored(home, name, written, is_idle).await? {
                return Ok(Resolved::ChangedMeanwhile);
            }
            enqueue(home, name).await
        }
        // It was given back before, and its message may never have been sent.
        (ClaimState::Claimed(Claim::Idle { .. }, _), Resolution::Resend) => {
            enqueue(home, name).await
        }
        (ClaimState::Absent | ClaimState::Unreadable(_) | ClaimState::Claimed(..), _) => {
            Ok(Resolved::NotParked)
        }
    }
}

/// Whether a claim was written over the version that was read. Where the reply is lost, or says that another version is there, what is
/// stored decides.
async fn is_stored<H: Home>(
    home: &H,
    name: &EventName,
    written: Result<Option<ETag>, PortError>,
    is_written: impl Fn(&ClaimState) -> bool,
) -> Result<bool, PortError> {
    if matches!(written, Ok(Some(_))) {
        return Ok(true);
    }
    let claim = Ledger::new(home.store()).claim(name).await?.readable()?;
    let is_stored = is_written(&claim);
    match written {
        Err(error) if !is_stored => Err(error),
        _ => Ok(is_stored),
    }
}

/// An operator's bare message: processed at once, left out of the objective, which has counted the mail as not sent already.
async fn enqueue<H: Home>(home: &H, name: &EventName) -> Result<Resolved, PortError> {
    let raw = Ledger::new(home.store()).raw(name).await?.stored();
    let trace = raw.map(|raw| raw.trace()).unwrap_or_default();
    let message = fresh_message(name.clone(), None, trace);
    home.queue().send(message).await?;
    Ok(Resolved::Queued)
}
