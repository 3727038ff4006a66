//! The marker: `mail/X`, settled as forgotten. Enrichment, a redrive and the bare form acknowledge such an event, the sweep passes it over,
//! and ingest does not store it again.

use super::{Forget, FoundEvent};
use crate::port::{
    Bucket, Clock, Created, ETag, Eraser, Fetched, Home, Metadata, NewObject, ObjectStore,
    PortError, Replaced, StoredObject,
};
use jiff::Timestamp;
use leadwire_domain::claim::{META_IDENTITY, META_SETTLED_AT, META_STATE, Settled};
use leadwire_domain::key::EventName;
use leadwire_domain::limits::MESSAGE_BYTES_MAX;

/// Writes that may lose against workers before it gives up. An event has few.
const MARK_TRIES: u32 = 16;
const ACTION: &str = "mark the event as forgotten";

impl<H: Home> Forget<H>
where
    H::Store: Eraser,
{
    /// Marks an event and the claims of its revisions. Says since when it is forgotten.
    pub(super) async fn mark(&self, event: &FoundEvent) -> Result<Timestamp, PortError> {
        let at = self
            .settle(&event.name, event.identity.as_deref(), true)
            .await?;
        self.mark_revisions(&event.name).await?;
        Ok(at)
    }

    /// A revision that was never claimed needs no marker: its event's is looked at first.
    pub(super) async fn mark_revisions(&self, name: &EventName) -> Result<(), PortError> {
        for revision in self.revisions(name).await? {
            self.settle(&revision, None, false).await?;
        }
        Ok(())
    }

    /// Settles a claim as forgotten, whatever it was. A live one need not be waited for: its worker ends within the lease that is waited
    /// anyway, and finds the marker instead of its claim.
    async fn settle(
        &self,
        name: &EventName,
        identity: Option<&str>,
        is_made: bool,
    ) -> Result<Timestamp, PortError> {
        let (store, key) = (self.home.store(), name.mail_key());
        for _ in 0..MARK_TRIES {
            let there = match store.get(Bucket::Enriched, &key, MESSAGE_BYTES_MAX).await? {
                Fetched::Found(there) => Some(there),
                Fetched::Missing if is_made => None,
                Fetched::Missing => return Ok(self.home.clock().now()),
                Fetched::Denied | Fetched::TooLarge => {
                    return Err(PortError::permanent(ACTION, "denied or too large"));
                }
            };
            if let Some(at) = there.as_ref().and_then(|there| marked(there, identity)) {
                return Ok(at);
            }
            let now = self.home.clock().now();
            let etag = there.map(|there| there.etag);
            if self.write(&key, etag, marker(identity, now)).await? {
                return Ok(now);
            }
        }
        Err(PortError::transient(
            ACTION,
            "others keep writing its claim",
        ))
    }

    async fn write(
        &self,
        key: &str,
        over: Option<ETag>,
        marker: NewObject,
    ) -> Result<bool, PortError> {
        let store = self.home.store();
        Ok(match over {
            None => {
                let created = store.create(Bucket::Enriched, key, marker).await?;
                matches!(created, Created::New(_))
            }
            Some(etag) => {
                let replaced = store.replace(Bucket::Enriched, key, &etag, marker).await?;
                matches!(replaced, Replaced::New(_))
            }
        })
    }
}

/// Since when it is forgotten, where it is and says as much as we know.
fn marked(there: &StoredObject, identity: Option<&str>) -> Option<Timestamp> {
    let text = |name: &str| there.metadata.get(name).map(String::as_str);
    let is_marked = there.bytes.is_empty()
        && text(META_STATE) == Some(Settled::Forgotten.as_str())
        && (identity.is_none() || text(META_IDENTITY) == identity);
    is_marked.then(|| {
        text(META_SETTLED_AT)
            .and_then(|at| at.parse().ok())
            .unwrap_or(there.last_modified)
    })
}

fn marker(identity: Option<&str>, now: Timestamp) -> NewObject {
    let mut metadata = Metadata::from([
        (
            META_STATE.to_owned(),
            Settled::Forgotten.as_str().to_owned(),
        ),
        (META_SETTLED_AT.to_owned(), now.to_string()),
    ]);
    if let Some(identity) = identity {
        metadata.insert(META_IDENTITY.to_owned(), identity.to_owned());
    }
    NewObject {
        bytes: Vec::new(),
        metadata,
    }
}
