//! What `forget` deletes by. One version of each object is kept here, so that a deletion leaves nothing but what [`LocalHome::scrub`] ends.
//!
//! [`LocalHome::scrub`]: crate::LocalHome::scrub

use super::SqliteStore;
use leadwire_pipeline::port::{Bucket, Eraser, Fetched, ObjectStore as _, PortError};

impl Eraser for SqliteStore {
    async fn remains(&self, bucket: Bucket, prefix: &str) -> Result<Vec<String>, PortError> {
        let mut keys: Vec<String> = Vec::new();
        loop {
            let after = keys.last().map(String::as_str);
            let page = self.list(bucket, prefix, after).await?;
            keys.extend(page.entries.into_iter().map(|entry| entry.key));
            if !page.more {
                return Ok(keys);
            }
        }
    }

    async fn get_remains(
        &self,
        bucket: Bucket,
        key: &str,
        bytes_max: usize,
    ) -> Result<Fetched, PortError> {
        self.get(bucket, key, bytes_max).await
    }

    async fn erase(&self, bucket: Bucket, key: &str) -> Result<u64, PortError> {
        let existed = match bucket {
            Bucket::Lookup => self.lookup.remove(key).await?,
            Bucket::Raw | Bucket::Enriched => self.delete(bucket, key).await?,
        };
        Ok(u64::from(existed))
    }
}
