//! `failed/X`: why an event failed, or a message that names none.

use super::{Kind, Ledger, Read};
use crate::port::{Bucket, NewObject, ObjectStore, PortError};
use leadwire_domain::failure::FailureRecord;
use leadwire_domain::key::{EventName, FAILED, failed_message_key};
use leadwire_domain::limits::MESSAGE_BYTES_MAX;
use std::sync::LazyLock;

const READ: &str = "read the failure";

/// A stored failure.
#[derive(Clone, Debug, PartialEq)]
pub struct Failure {
    /// Its key, `failed/….json`.
    pub key: String,
    /// The event; absent where its message named none.
    pub name: Option<EventName>,
    /// What was recorded; absent where it cannot be read.
    pub record: Option<FailureRecord>,
}

impl<S: ObjectStore> Ledger<'_, S> {
    /// Reads the failure of an event.
    pub async fn failure(self, name: &EventName) -> Result<Option<Failure>, PortError> {
        self.failure_at(Kind::Failure.key(name)).await
    }

    /// Reads the failure under a key of a listing.
    pub(super) async fn failure_at(self, key: String) -> Result<Option<Failure>, PortError> {
        let at = (Bucket::Enriched, &*key);
        let record = match self.read(READ, at, MESSAGE_BYTES_MAX).await? {
            Read::Found(object) => serde_json::from_slice(&object.bytes).ok(),
            Read::TooLarge => None,
            Read::Missing => return Ok(None),
        };
        Ok(Some(Failure {
            name: event_of(&key),
            key,
            record,
        }))
    }

    /// Records a failure, over an earlier one: of an event, else of a message.
    pub(crate) async fn put_failure(
        self,
        name: Option<&EventName>,
        failure: &FailureRecord,
    ) -> Result<(), PortError> {
        let key = name.map_or_else(
            || failed_message_key(&failure.message_id),
            |name| Kind::Failure.key(name),
        );
        let bytes = serde_json::to_vec(failure).expect("plain fields always serialise");
        let object = NewObject::of(bytes);
        self.store.put(Bucket::Enriched, &key, object).await
    }
}

/// The event of a failure's key; none where it is a message's that names no event.
pub(super) fn event_of(key: &str) -> Option<EventName> {
    static OF_MESSAGE: LazyLock<String> = LazyLock::new(|| format!("{FAILED}message-"));
    let name = Kind::Failure.parse(key).ok()?;
    (!key.starts_with(OF_MESSAGE.as_str())).then_some(name)
}
