//! Objects: reading, conditional writing, and deleting for good.

use super::{
    Bucket, Created, ETag, Fetched, ListPage, Listed, NewObject, OutgoingMessage, PortError,
    Replaced,
};
use std::future::Future;

/// Objects by bucket and key: Amazon S3's semantics, strongly consistent, conditional writes atomic per key.
pub trait ObjectStore: Send + Sync {
    /// Reads an object of at most `bytes_max` bytes.
    fn get(
        &self,
        bucket: Bucket,
        key: &str,
        bytes_max: usize,
    ) -> impl Future<Output = Result<Fetched, PortError>> + Send;
    /// Writes an object only where there is none (`If-None-Match: *`).
    fn create(
        &self,
        bucket: Bucket,
        key: &str,
        object: NewObject,
    ) -> impl Future<Output = Result<Created, PortError>> + Send;
    /// Writes an object only over the version `etag` (`If-Match`).
    fn replace(
        &self,
        bucket: Bucket,
        key: &str,
        etag: &ETag,
        object: NewObject,
    ) -> impl Future<Output = Result<Replaced, PortError>> + Send;
    /// Writes an object whatever is there.
    fn put(
        &self,
        bucket: Bucket,
        key: &str,
        object: NewObject,
    ) -> impl Future<Output = Result<(), PortError>> + Send;
    /// Lists keys that begin with `prefix` and come after `after`, sorted in byte order: one page, as large as the store likes.
    fn list(
        &self,
        bucket: Bucket,
        prefix: &str,
        after: Option<&str>,
    ) -> impl Future<Output = Result<ListPage, PortError>> + Send;
    /// Whether objects and messages lie in one place, so that [`accept`](Self::accept) takes both in one transaction.
    fn accepts(&self) -> bool {
        false
    }
    /// Creates objects and sends a message, all or nothing. Only where [`accepts`](Self::accepts) says so.
    fn accept(
        &self,
        _acceptance: Acceptance,
    ) -> impl Future<Output = Result<Accepted, PortError>> + Send {
        async {
            let reason = "objects and messages lie apart here";
            Err(PortError::permanent("accept", reason))
        }
    }
    /// At most `limit` objects with bytes whose keys begin with `prefix`, those created last first. None where the store has no such order,
    /// and a listing of everything must be read.
    fn newest(
        &self,
        _bucket: Bucket,
        _prefix: &str,
        _limit: usize,
    ) -> impl Future<Output = Result<Option<Vec<Listed>>, PortError>> + Send {
        async { Ok(None) }
    }
}

/// What a new event leaves: its objects, each under a key that holds none, and its trigger.
#[derive(Clone, Debug)]
pub struct Acceptance {
    /// Bucket, key and bytes.
    pub objects: Vec<(Bucket, String, NewObject)>,
    /// The trigger.
    pub message: OutgoingMessage,
}

/// What came of an acceptance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Accepted {
    /// Everything is stored and queued.
    New,
    /// A key holds an object already. Nothing was stored or queued.
    Exists,
}

/// What is left of an object, deleted or not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObjectVersions {
    /// Its key.
    pub key: String,
    /// The size of the object that is there; none where a deletion hides it.
    pub size: Option<u64>,
    /// Older versions, and marks of a deletion.
    pub hidden: u64,
}

/// Deletes objects for good, with all that is left of them. Only a person who forgets a lead does so: no stage has this port, and no
/// function the right.
pub trait Eraser: Send + Sync {
    /// What is left under `prefix`, sorted by key.
    fn list_versions(
        &self,
        bucket: Bucket,
        prefix: &str,
    ) -> impl Future<Output = Result<Vec<ObjectVersions>, PortError>> + Send;
    /// Reads the newest version that has bytes, also one that a deletion or an empty object hides.
    fn get_any_version(
        &self,
        bucket: Bucket,
        key: &str,
        bytes_max: usize,
    ) -> impl Future<Output = Result<Fetched, PortError>> + Send;
    /// Deletes every version of an object and every mark of a deletion. Returns how many there were; none is no error.
    fn erase(
        &self,
        bucket: Bucket,
        key: &str,
    ) -> impl Future<Output = Result<u64, PortError>> + Send;
    /// The same, but for the object that is there.
    fn erase_hidden(
        &self,
        bucket: Bucket,
        key: &str,
    ) -> impl Future<Output = Result<u64, PortError>> + Send;
}
