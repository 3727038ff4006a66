//! What lies at `mail/X`: read, and as it is written.

use crate::port::{Bucket, ETag, Fetched, Home, NewObject, ObjectStore, PortError, StoredObject};
use jiff::Timestamp;
use leadwire_domain::claim::{Claim, META_MESSAGE_ID, META_SETTLED_AT, META_STATE, Settled};
use leadwire_domain::limits::MESSAGE_BYTES_MAX;

/// What lies at `mail/X`.
#[derive(Clone, Debug)]
pub(crate) enum MailState {
    /// Nothing yet.
    Absent,
    /// The event has come to its end.
    Settled(Settled),
    /// Someone is at it, was at it, or it is parked.
    Claimed(Claim, ETag),
}

/// Reads `mail/X`.
pub(crate) async fn fetch_mail_state<H: Home>(home: &H, key: &str) -> Result<MailState, PortError> {
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

/// The empty object that ends an event, with how and when in its metadata.
pub(crate) fn settled_marker(how: Settled, message_id: Option<&str>, at: Timestamp) -> NewObject {
    let ascii = |id: &str| {
        id.chars()
            .filter(char::is_ascii_graphic)
            .take(200)
            .collect()
    };
    let id = message_id.map(|id| (META_MESSAGE_ID.to_owned(), ascii(id)));
    let metadata = [
        (META_STATE.to_owned(), how.as_str().to_owned()),
        (META_SETTLED_AT.to_owned(), at.to_string()),
    ];
    NewObject {
        bytes: Vec::new(),
        metadata: metadata.into_iter().chain(id).collect(),
    }
}

/// A claim as it is stored.
pub(crate) fn claim_object(claim: &Claim) -> NewObject {
    NewObject::of(serde_json::to_vec(claim).expect("plain fields always serialise"))
}
