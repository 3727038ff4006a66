//! `quarantine/<sha256>`: what a source signed and is no event. Its labels say how it came, so that it can be read again as if it came now.

use super::{Ledger, Listing, Read};
use crate::port::{Bucket, Eraser, Metadata, NewObject, ObjectStore, PortError, StoredObject};
use jiff::Timestamp;
use leadwire_domain::key::{QUARANTINE, quarantine_key};
use leadwire_domain::lead::id::{EventId, Sha256Hex};
use leadwire_domain::limits::OBJECT_BYTES_MAX;
use leadwire_domain::problem::Problem;
use leadwire_domain::source::Source;

const SOURCE: &str = "source";
const KIND: &str = "kind";
const RECEIVED_AT: &str = "received-at";
const PROBLEM: &str = "problem";
/// The id of its request, where that has one.
const REQUEST_ID: &str = "request-id";
/// Its place in a request; without it, it is the whole request.
const INDEX: &str = "index";
/// Whether the request holds others.
const HAS_OTHERS: &str = "has-others";
const READ: &str = "read from the quarantine";

/// Where an element stands in its request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// From 0.
    pub index: usize,
    /// Whether there are others.
    pub has_others: bool,
}

/// What is to be kept.
#[derive(Clone, Copy, Debug)]
pub(crate) struct NewQuarantined<'a> {
    pub(crate) source: Source,
    pub(crate) received_at: Timestamp,
    pub(crate) problem: Problem,
    pub(crate) request_id: Option<&'a EventId>,
    /// None for a request that could not be taken apart.
    pub(crate) place: Option<Place>,
    pub(crate) body: &'a [u8],
}

/// What was kept.
#[derive(Clone, Debug)]
pub struct Quarantined {
    /// Its key.
    pub key: String,
    /// Its bytes.
    pub bytes: Vec<u8>,
    labels: Metadata,
    last_modified: Timestamp,
}

impl NewQuarantined<'_> {
    fn labels(&self) -> Metadata {
        let labels = [
            (SOURCE, self.source.to_string()),
            (KIND, self.source.kind().to_string()),
            (RECEIVED_AT, self.received_at.to_string()),
            (PROBLEM, self.problem.code().to_owned()),
        ];
        let id = self.request_id.map(|id| (REQUEST_ID, id.to_string()));
        let place = self.place.into_iter().flat_map(|place| {
            let has_others = place.has_others.to_string();
            [(INDEX, place.index.to_string()), (HAS_OTHERS, has_others)]
        });
        let labels = labels.into_iter().chain(id).chain(place);
        labels
            .map(|(name, value)| (name.to_owned(), value))
            .collect()
    }
}

impl Quarantined {
    fn decode(key: &str, object: StoredObject) -> Self {
        Self {
            key: key.to_owned(),
            bytes: object.bytes,
            labels: object.metadata,
            last_modified: object.last_modified,
        }
    }

    /// The name of its source. What an older version kept has none.
    pub fn source(&self) -> Option<&str> {
        self.label(SOURCE)
    }

    /// The kind of its source.
    pub fn kind(&self) -> Option<&str> {
        self.label(KIND)
    }

    /// When it came.
    pub fn received_at(&self) -> Timestamp {
        let labelled = self.label(RECEIVED_AT).and_then(|at| at.parse().ok());
        labelled.unwrap_or(self.last_modified)
    }

    /// Why it was refused.
    pub fn problem(&self) -> Option<Problem> {
        self.label(PROBLEM)?.parse().ok()
    }

    /// The id of its request.
    pub fn request_id(&self) -> Option<EventId> {
        EventId::parse(self.label(REQUEST_ID)?).ok()
    }

    /// Its place in the request; none where it is the whole request.
    pub fn place(&self) -> Option<Place> {
        Some(Place {
            index: self.label(INDEX)?.parse().ok()?,
            has_others: self.label(HAS_OTHERS) == Some("true"),
        })
    }

    fn label(&self, name: &str) -> Option<&str> {
        self.labels.get(name).map(String::as_str)
    }
}

impl<'a, S: ObjectStore> Ledger<'a, S> {
    /// Everything in quarantine, by key.
    pub fn list_quarantine(self) -> Listing<'a, S> {
        Listing::new(self.store, Bucket::Enriched, QUARANTINE)
    }

    /// What lies under a key of the quarantine.
    pub async fn quarantined(self, key: &str) -> Result<Option<Quarantined>, PortError> {
        let read = self.read(READ, (Bucket::Enriched, key), OBJECT_BYTES_MAX);
        match read.await? {
            Read::Found(object) => Ok(Some(Quarantined::decode(key, object))),
            Read::Missing => Ok(None),
            Read::TooLarge => Err(PortError::permanent(READ, "larger than a request can be")),
        }
    }

    /// Puts it, over the same bytes of an earlier request. Returns its key.
    pub(crate) async fn put_quarantined(
        self,
        new: &NewQuarantined<'_>,
    ) -> Result<String, PortError> {
        let key = quarantine_key(Sha256Hex::of(new.body));
        let object = NewObject {
            bytes: new.body.to_vec(),
            metadata: new.labels(),
        };
        self.store.put(Bucket::Enriched, &key, object).await?;
        Ok(key)
    }
}

impl<S: ObjectStore + Eraser> Ledger<'_, S> {
    /// Deletes what was taken since.
    pub(crate) async fn erase_quarantined(self, key: &str) -> Result<(), PortError> {
        self.store.erase(Bucket::Enriched, key).await.map(drop)
    }
}
