//! `mail/X`: the claim, and the marker that it ends as.

use super::{Kind, Ledger, Read};
use crate::port::{
    Created, ETag, Metadata, NewObject, ObjectStore, PortError, Replaced, StoredObject,
};
use jiff::Timestamp;
use leadwire_domain::claim::{Claim, Settled};
use leadwire_domain::key::EventName;
use leadwire_domain::limits::MESSAGE_BYTES_MAX;

/// How it ended.
const STATE: &str = "state";
/// When.
const SETTLED_AT: &str = "settled-at";
/// The mail's id.
const MESSAGE_ID: &str = "message-id";
/// The event's identity on a forgotten marker, so that the event is known when it comes again: its dedupe key.
const IDENTITY: &str = "identity";
/// Characters of a mail's id that are stored.
const MESSAGE_ID_CHARS_MAX: usize = 200;
const READ: &str = "read the mail claim";

/// What lies at `mail/X`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum ClaimState {
    /// Nothing yet.
    #[default]
    Absent,
    /// The event has come to its end.
    Settled(Marker, ETag),
    /// A worker sends, or sent without recording it; the mail was not taken; or a person must decide.
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
    /// The mail's id, where one was sent.
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
            message_id: text(MESSAGE_ID).cloned(),
            identity: text(IDENTITY).cloned(),
        }
    }

    fn encode(&self) -> NewObject {
        let mut metadata = Metadata::from([
            (STATE.to_owned(), self.how.as_str().to_owned()),
            (SETTLED_AT.to_owned(), self.at.to_string()),
        ]);
        if let Some(id) = &self.message_id {
            let ascii = id.chars().filter(char::is_ascii_graphic);
            metadata.insert(
                MESSAGE_ID.to_owned(),
                ascii.take(MESSAGE_ID_CHARS_MAX).collect(),
            );
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

impl<S: ObjectStore> Ledger<'_, S> {
    /// Reads `mail/X`.
    pub async fn claim(self, name: &EventName) -> Result<ClaimState, PortError> {
        Ok(
            match self
                .read_kind(READ, Kind::Claim, name, MESSAGE_BYTES_MAX)
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
        let bytes = serde_json::to_vec(claim).expect("plain fields always serialise");
        self.write_at_claim(name, over, NewObject::of(bytes)).await
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
