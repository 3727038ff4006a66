//! What lies at `mail/X`, read.

use crate::port::{Bucket, ETag, Fetched, Home, ObjectStore, PortError, StoredObject};
use leadwire_domain::claim::{Claim, META_STATE, Settled};
use leadwire_domain::limits::MESSAGE_BYTES_MAX;

/// What lies at `mail/X`.
#[derive(Clone, Debug)]
pub(super) enum MailState {
    /// Nothing yet.
    Absent,
    /// The event has come to its end.
    Settled(Settled),
    /// Someone is at it, was at it, or it is parked.
    Claimed(Claim, ETag),
}

/// Reads `mail/X`.
pub(super) async fn fetch_mail_state<H: Home>(home: &H, key: &str) -> Result<MailState, PortError> {
    match home
        .store()
        .get(Bucket::Enriched, key, MESSAGE_BYTES_MAX)
        .await?
    {
        Fetched::Found(object) => read(&object),
        Fetched::Missing => Ok(MailState::Absent),
        Fetched::Denied => Err(PortError::permanent("read the mail claim", "access denied")),
        Fetched::TooLarge => Err(PortError::permanent(
            "read the mail claim",
            "larger than a claim can be",
        )),
    }
}

fn read(object: &StoredObject) -> Result<MailState, PortError> {
    if object.bytes.is_empty() {
        // An empty object is settled whatever its metadata say: the safe reading is that the mail went out.
        let state = object
            .metadata
            .get(META_STATE)
            .and_then(|state| Settled::from_name(state));
        return Ok(MailState::Settled(state.unwrap_or(Settled::Sent)));
    }
    let claim = serde_json::from_slice(&object.bytes)
        .map_err(|error| PortError::permanent("read the mail claim", error))?;
    Ok(MailState::Claimed(claim, object.etag.clone()))
}
