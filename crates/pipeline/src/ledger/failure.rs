//! `failed/X`: why an event failed, or a message that names none.

use super::{ClaimState, Kind, Ledger, Read};
use crate::port::{Bucket, NewObject, ObjectStore, PortError};
use leadwire_domain::effect::{EffectId, EffectState, not_happened};
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
    /// Those of the recorded effects that have not happened since.
    pub effects: Vec<EffectId>,
}

impl<S: ObjectStore> Ledger<'_, S> {
    /// Reads the failure of an event.
    pub async fn failure(self, name: &EventName) -> Result<Option<Failure>, PortError> {
        self.failure_at(Kind::Failure.key(name)).await
    }

    /// Reads the failure under a key of a listing.
    pub(super) async fn failure_at(self, key: String) -> Result<Option<Failure>, PortError> {
        let at = (Bucket::Enriched, &*key);
        let record: Option<FailureRecord> = match self.read(READ, at, MESSAGE_BYTES_MAX).await? {
            Read::Found(object) => serde_json::from_slice(&object.bytes).ok(),
            Read::TooLarge => None,
            Read::Missing => return Ok(None),
        };
        let recorded = record.as_ref().map(|record| record.effects.clone());
        Ok(Some(Failure {
            name: event_of(&key),
            key,
            effects: recorded.unwrap_or_default(),
            record,
        }))
    }

    /// What is left of a failure beside its event's claim, which says what became of each effect since. Nothing is, where the event is settled,
    /// or where all that had failed happened and others are open.
    pub(super) async fn left_of(self, failure: Failure) -> Result<Option<Failure>, PortError> {
        let Some(name) = failure
            .name
            .as_ref()
            .filter(|_| !failure.effects.is_empty())
        else {
            return Ok(Some(failure));
        };
        let claim = match self.claim(name).await? {
            ClaimState::Claimed(claim, _) => claim,
            ClaimState::Settled(..) => return Ok(None),
            ClaimState::Absent | ClaimState::Unreadable(_) => return Ok(Some(failure)),
        };
        let said = claim.effects_of(&failure.effects);
        let effects = not_happened(&failure.effects, &said);
        let mut states = said.values().map(|effect| effect.state);
        let is_over = effects.is_empty() && states.any(|state| state == EffectState::Sent);
        Ok((!is_over).then_some(Failure { effects, ..failure }))
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
