//! The ledger: the only code that knows the keys, the metadata and the JSON of stored objects.
//!
//! Each kind of object has one decoder and one writer here. A call that the store denies is an error, except for owner files, which belong
//! to others: where listing is not allowed, S3 answers 403 for a file that is missing.

mod claim;
mod dedupe;
mod document;
mod effects;
mod failure;
pub mod history;
mod left;
mod listing;
mod number;
mod owner;
mod pages;
mod progress;
mod quarantine;
pub mod queue;
mod raw;
mod seen;
mod swept;
mod walk;

pub use claim::{ClaimState, Marker};
pub(crate) use dedupe::{FirstDelivery, new_dedupe};
pub use document::{Document, DocumentState};
pub use effects::EventEffects;
pub use failure::Failure;
pub use listing::Listing;
pub(crate) use number::ReplayNumber;
pub use owner::{Owner, OwnerState};
pub(crate) use pages::{Pages, Span, fill};
pub(crate) use progress::{Mark, Progress};
pub(crate) use quarantine::NewQuarantined;
pub use quarantine::{Place, Quarantined};
pub(crate) use raw::NewRaw;
pub use raw::{Raw, RawEvent, RawState, Tombstone};
pub(crate) use walk::{Group, Walk};

use crate::port::{
    Bucket, Created, Fetched, Listed, NewObject, ObjectStore, PortError, StoredObject,
};
use leadwire_domain::key::{ENRICHED, EventName, FAILED, KeyError, MAIL, RAW, REPLAY, SWEPT};

/// Whether a listing shows a mark: an empty object, which at `raw/X` is the tombstone of a forgotten event, and at `mail/X` the marker of one
/// that has ended.
pub(crate) fn is_mark(entry: &Listed) -> bool {
    entry.size == 0
}

/// The kinds of objects that are named after an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// What came in.
    Raw,
    /// The enriched document.
    Document,
    /// The claim, and the marker that it ends as.
    Claim,
    /// Why it failed.
    Failure,
    /// How often the sweep enqueued it.
    Swept,
    /// The number of a replay.
    Replay,
}

impl Kind {
    /// The prefix of its keys.
    fn prefix(self) -> &'static str {
        match self {
            Self::Raw => RAW,
            Self::Document => ENRICHED,
            Self::Claim => MAIL,
            Self::Failure => FAILED,
            Self::Swept => SWEPT,
            Self::Replay => REPLAY,
        }
    }

    /// The bucket that it lies in.
    pub fn bucket(self) -> Bucket {
        match self {
            Self::Raw => Bucket::Raw,
            Self::Document | Self::Claim | Self::Failure | Self::Swept | Self::Replay => {
                Bucket::Enriched
            }
        }
    }

    /// The key of an event's object of this kind.
    pub fn key(self, name: &EventName) -> String {
        match self {
            Self::Raw => name.raw_key(),
            Self::Document | Self::Claim | Self::Failure | Self::Swept | Self::Replay => {
                name.key(self.prefix())
            }
        }
    }

    /// The event that a key of this kind names.
    pub fn parse(self, key: &str) -> Result<EventName, KeyError> {
        EventName::parse_key(self.prefix(), key)
    }
}

/// Stored objects, read and written as what they mean.
#[derive(Debug)]
pub struct Ledger<'a, S> {
    store: &'a S,
}

impl<S> Clone for Ledger<'_, S> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<S> Copy for Ledger<'_, S> {}

/// An object that is to be decoded.
enum Read {
    Found(StoredObject),
    Missing,
    TooLarge,
}

impl<'a, S: ObjectStore> Ledger<'a, S> {
    /// The ledger over a home's store.
    pub fn new(store: &'a S) -> Self {
        Self { store }
    }

    /// Whether an event has an object of this kind. It is listed, not read.
    pub async fn exists(self, kind: Kind, name: &EventName) -> Result<bool, PortError> {
        let key = kind.key(name);
        let page = self.store.list(kind.bucket(), &key, None).await?;
        Ok(page.entries.iter().any(|entry| entry.key == key))
    }

    async fn read(
        self,
        action: &'static str,
        (bucket, key): (Bucket, &str),
        bytes_max: usize,
    ) -> Result<Read, PortError> {
        match self.store.get(bucket, key, bytes_max).await? {
            Fetched::Found(object) => Ok(Read::Found(object)),
            Fetched::Missing => Ok(Read::Missing),
            Fetched::TooLarge => Ok(Read::TooLarge),
            Fetched::Denied => Err(PortError::permanent(action, "access denied")),
        }
    }
    /// Reads an event's object of a kind.
    async fn read_kind(
        self,
        action: &'static str,
        kind: Kind,
        name: &EventName,
        bytes_max: usize,
    ) -> Result<Read, PortError> {
        let at = (kind.bucket(), &*kind.key(name));
        self.read(action, at, bytes_max).await
    }

    async fn create(
        self,
        kind: Kind,
        name: &EventName,
        object: NewObject,
    ) -> Result<Created, PortError> {
        let (bucket, key) = (kind.bucket(), kind.key(name));
        self.store.create(bucket, &key, object).await
    }
}
