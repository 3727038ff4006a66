//! What an object store takes and gives.

use jiff::Timestamp;
use std::collections::BTreeMap;

/// The three buckets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Bucket {
    /// What came in, verbatim.
    Raw,
    /// The owner files, written by others.
    Lookup,
    /// Everything that is ours: documents, claims, failures, counts.
    Enriched,
}

/// A version of an object, as the store names it, without quotes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ETag(pub String);

/// User metadata of an object: lower-case names without `x-amz-meta-`, values of visible ASCII.
pub type Metadata = BTreeMap<String, String>;

/// An object that was read.
#[derive(Clone, Debug)]
pub struct StoredObject {
    /// Its bytes.
    pub bytes: Vec<u8>,
    /// Its version.
    pub etag: ETag,
    /// Its metadata.
    pub metadata: Metadata,
    /// When it was written, by the store's clock.
    pub last_modified: Timestamp,
}

/// An object to be written.
#[derive(Clone, Debug, Default)]
pub struct NewObject {
    /// Its bytes.
    pub bytes: Vec<u8>,
    /// Its metadata.
    pub metadata: Metadata,
}

impl NewObject {
    /// An object without metadata.
    pub fn of(bytes: Vec<u8>) -> Self {
        Self {
            bytes,
            metadata: Metadata::new(),
        }
    }
}

/// What reading an object gave.
#[derive(Clone, Debug)]
pub enum Fetched {
    /// It is there.
    Found(StoredObject),
    /// It is not there.
    Missing,
    /// The store does not say whether it is there (S3 answers 403 for a missing key where listing is not allowed).
    Denied,
    /// It is larger than the limit given, and was not read.
    TooLarge,
}

/// What a conditional create (`If-None-Match: *`) gave.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Created {
    /// It was created by this call.
    New(ETag),
    /// Something is there, or was being written (412, 409). It may be this caller's own, after a lost reply: read it back.
    Exists,
}

/// What a conditional replace (`If-Match`) gave.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Replaced {
    /// It was replaced by this call.
    New(ETag),
    /// Another version is there (412, 409, 404). It may be this caller's own, after a lost reply: read it back.
    Changed,
}

/// An entry of a listing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// The whole key.
    pub key: String,
    /// Its size in bytes.
    pub size: u64,
    /// When it was written.
    pub last_modified: Timestamp,
}

/// One page of a listing, sorted by key in byte order.
#[derive(Clone, Debug, Default)]
pub struct ListPage {
    /// The entries.
    pub entries: Vec<Listed>,
    /// Whether there are more after the last one.
    pub more: bool,
}
