//! Objects in SQLite.

use leadwire_pipeline::port::{Bucket, Created, ETag, Fetched, ListPage, NewObject, ObjectStore, PortError, Replaced};

/// The buckets `Raw` and `Enriched` in SQLite, and `Lookup` as a folder.
#[derive(Clone, Debug)]
pub struct SqliteStore {}

impl SqliteStore {
    /// Deletes an object and its view. For `forget` alone; a missing object is no error. Says whether there was one.
    pub async fn delete(&self, bucket: Bucket, key: &str) -> Result<bool, PortError> {
        todo!()
    }
}

impl ObjectStore for SqliteStore {
    async fn get(&self, bucket: Bucket, key: &str, bytes_max: usize) -> Result<Fetched, PortError> {
        todo!()
    }
    async fn create(&self, bucket: Bucket, key: &str, object: NewObject) -> Result<Created, PortError> {
        todo!()
    }
    async fn replace(&self, bucket: Bucket, key: &str, etag: &ETag, object: NewObject) -> Result<Replaced, PortError> {
        todo!()
    }
    async fn put(&self, bucket: Bucket, key: &str, object: NewObject) -> Result<(), PortError> {
        todo!()
    }
    async fn list(&self, bucket: Bucket, prefix: &str, after: Option<&str>) -> Result<ListPage, PortError> {
        todo!()
    }
}
