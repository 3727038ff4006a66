//! `mail/X`: the claim, and the marker that it ends as.

use super::{Kind, Ledger, Read};
use crate::port::{
    Created, ETag, Metadata, NewObject, ObjectStore, PortError, Replaced, StoredObject,
};
use jiff::Timestamp;
use leadwire_domain::claim::{Claim, Says, Settled};
use leadwire_domain::effect::{Effect, EffectId};
use leadwire_domain::key::EventName;
use leadwire_domain::limits::CLAIM_BYTES_MAX;

/// How it ended.
const STATE: &str = "state";
/// When.
const SETTLED_AT: &str = "settled-at";
/// What became of each effect of the document.
const TOLD: &str = "told";
/// The service's id of the only effect.
const MESSAGE_ID: &str = "message-id";
/// The event's identity on a forgotten marker, so that the event is known when it comes again: its dedupe key.
const IDENTITY: &str = "identity";
/// Characters of a service's id that are stored.
const MESSAGE_ID_CHARS_MAX: usize = 200;
const READ: &str = "read the mail claim";
const WRITE: &str = "write the mail claim";

/// What lies at `mail/X`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum ClaimState {
    /// Nothing yet.
    #[default]
    Absent,
    /// The event has come to its end.
    Settled(Marker, ETag),
    /// Something is open, was refused, or waits for a person.
    Claimed(Claim, ETag),
    /// Something that is neither a claim nor a marker; its version is known where it is no larger than a claim.
    Unreadable(Option<ETag>),
}

impl ClaimState {
    /// How the event ended, where it has.
    pub fn settled(&self) -> Option<Settled> {
        match self {
            Self::Settled(marker, _) => Some(marker.how),
            Self::Absent | Self::Claimed(..) | Self::Unreadable(_) => None,
        }
    }

    /// The effects that it names.
    pub fn named(&self) -> Vec<EffectId> {
        match self {
            Self::Claimed(claim, _) => claim.named(),
            Self::Absent | Self::Settled(..) | Self::Unreadable(_) => Vec::new(),
        }
    }

    /// The same; what cannot be read is an error.
    pub(crate) fn readable(self) -> Result<Self, PortError> {
        match self {
            Self::Unreadable(_) => Err(Self::unreadable()),
            Self::Absent | Self::Settled(..) | Self::Claimed(..) => Ok(self),
        }
    }

    /// The error of a claim that cannot be read.
    pub(crate) fn unreadable() -> PortError {
        PortError::permanent(READ, "it is neither a claim nor a marker")
    }

    fn decode(object: &StoredObject) -> Self {
        let etag = object.etag.clone();
        if object.bytes.is_empty() {
            return Self::Settled(Marker::decode(object), etag);
        }
        match serde_json::from_slice(&object.bytes) {
            Ok(claim) => Self::Claimed(claim, etag),
            Err(_not_a_claim) => Self::Unreadable(Some(etag)),
        }
    }
}

/// The empty object that ends an event, with how and when in its metadata.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Marker {
    /// How it ended.
    pub how: Settled,
    /// When.
    pub at: Timestamp,
    /// What became of each effect of the document, a letter each. A marker that does not say it is older: every effect was sent.
    pub told: Option<String>,
    /// The service's id of the only effect, where there was one.
    pub message_id: Option<String>,
    /// The identity of a forgotten event, where it was known: its dedupe key.
    pub identity: Option<String>,
}

impl Marker {
    /// A marker without an id of a mail or an identity.
    pub fn new(how: Settled, at: Timestamp) -> Self {
        Self {
            how,
            at,
            told: None,
            message_id: None,
            identity: None,
        }
    }

    /// An empty object is settled whatever its metadata say. The safe reading is that the mail went out.
    fn decode(object: &StoredObject) -> Self {
        let text = |name: &str| object.metadata.get(name);
        Self {
            how: text(STATE)
                .and_then(|state| Settled::from_name(state))
                .unwrap_or(Settled::Sent),
            at: text(SETTLED_AT)
                .and_then(|at| at.parse().ok())
                .unwrap_or(object.last_modified),
            told: text(TOLD).cloned(),
            message_id: text(MESSAGE_ID).cloned(),
            identity: text(IDENTITY).cloned(),
        }
    }

    fn encode(&self) -> NewObject {
        let mut metadata = Metadata::from([
            (STATE.to_owned(), self.how.as_str().to_owned()),
            (SETTLED_AT.to_owned(), self.at.to_string()),
        ]);
        if let Some(told) = &self.told {
            metadata.insert(TOLD.to_owned(), told.clone());
        }
        if let Some(id) = &self.message_id {
            metadata.insert(MESSAGE_ID.to_owned(), short_id(id));
        }
        if let Some(identity) = &self.identity {
            metadata.insert(IDENTITY.to_owned(), identity.clone());
        }
        NewObject {
            bytes: Vec::new(),
            metadata,
        }
    }
}

/// The claim as it is stored, with ids of bounded length, so that any number of effects fits.
fn encode(claim: &Claim) -> Result<Vec<u8>, PortError> {
    let mut claim = claim.clone();
    if let Says::Named(effects) = &mut claim.says {
        for Effect { message_id, .. } in effects.values_mut() {
            *message_id = message_id.take().map(|id| short_id(&id));
        }
    }
    serde_json::to_vec(&claim).map_err(|error| PortError::permanent(WRITE, error))
}

fn short_id(id: &str) -> String {
    let ascii = id.chars().filter(char::is_ascii_graphic);
    ascii.take(MESSAGE_ID_CHARS_MAX).collect()
}

impl<S: ObjectStore> Ledger<'_, S> {
    /// Reads `mail/X`.
    pub async fn claim(self, name: &EventName) -> Result<ClaimState, PortError> {
        Ok(
            match self
                .read_kind(READ, Kind::Claim, name, CLAIM_BYTES_MAX)
                .await?
            {
                Read::Found(object) => ClaimState::decode(&object),
                Read::Missing => ClaimState::Absent,
                Read::TooLarge => ClaimState::Unreadable(None),
            },
        )
    }

    /// Writes a claim over the version that was read, or where there is none. Returns its own version; none where another was faster.
    pub(crate) async fn write_claim(
        self,
        name: &EventName,
        over: Option<&ETag>,
        claim: &Claim,
    ) -> Result<Option<ETag>, PortError> {
        let object = NewObject::of(encode(claim)?);
        self.write_at_claim(name, over, object).await
    }

    /// Settles an event in the same way.
    pub(crate) async fn settle(
        self,
        name: &EventName,
        over: Option<&ETag>,
        marker: &Marker,
    ) -> Result<Option<ETag>, PortError> {
        self.write_at_claim(name, over, marker.encode()).await
    }

    async fn write_at_claim(
        self,
        name: &EventName,
        over: Option<&ETag>,
        object: NewObject,
    ) -> Result<Option<ETag>, PortError> {
        let (bucket, key) = (Kind::Claim.bucket(), Kind::Claim.key(name));
        Ok(match over {
            None => match self.store.create(bucket, &key, object).await? {
                Created::New(etag) => Some(etag),
                Created::Exists => None,
            },
            Some(over) => match self.store.replace(bucket, &key, over, object).await? {
                Replaced::New(etag) => Some(etag),
                Replaced::Changed => None,
            },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use leadwire_domain::effect::{Answer, EffectState};
    use leadwire_domain::limits::{DETAIL_CHARS_MAX, EFFECTS_MAX};

    /// The longest instant in JSON.
    fn instant() -> Timestamp {
        "2026-11-23T06:50:00.123456789Z".parse().unwrap()
    }

    /// A claim of the longest tokens whose every effect, of the longest name, was tried as often as can be counted and was answered so.
    fn longest(answer: &Answer) -> Claim {
        let tried = Effect {
            attempt: u32::MAX,
            doubts: u32::MAX,
            ..Effect::first()
        };
        let effects = (0..EFFECTS_MAX).map(|number| {
            let id = format!("{}:{number:016x}", "c".repeat(32));
            let effect = tried.clone().answered(answer, u32::MAX, instant());
            (EffectId::parse(&id).unwrap(), effect)
        });
        Claim {
            token: "f".repeat(32),
            lease_until: instant(),
            boot: Some("f".repeat(32)),
            says: Says::Named(effects.collect()),
        }
    }

    /// The claim as a reader finds it.
    #[track_caller]
    fn stored(claim: &Claim) -> Claim {
        let bytes = encode(claim).unwrap();
        assert!(bytes.len() <= CLAIM_BYTES_MAX, "{} bytes", bytes.len());
        serde_json::from_slice(&bytes).unwrap()
    }

    #[test]
    fn a_claim_of_the_most_effects_with_the_longest_names_ids_and_details_is_one_that_is_read() {
        // Each character takes two bytes in JSON.
        let detail = "\"".repeat(DETAIL_CHARS_MAX);
        for answer in [
            Answer::Refused(Some(detail.clone())),
            Answer::Lost(Some(detail.clone())),
            Answer::Busy(Some(detail)),
            Answer::Taken("\"".repeat(MESSAGE_ID_CHARS_MAX)),
            Answer::Unsent,
            Answer::Dropped,
        ] {
            let claim = longest(&answer);
            assert_eq!(claim.named().len(), 50);
            assert_eq!(stored(&claim), claim, "{answer:?}");
        }
    }

    #[test]
    fn a_service_s_id_is_stored_short_and_visible_so_that_its_claim_can_be_read() {
        let long = format!("é\u{1}{}", "\\".repeat(10_000));
        let Says::Named(effects) = stored(&longest(&Answer::Taken(long))).says else {
            unreachable!("it names them")
        };
        for effect in effects.values() {
            assert_eq!(effect.state, EffectState::Sent);
            assert_eq!(effect.message_id, Some("\\".repeat(200)));
        }
    }
}
