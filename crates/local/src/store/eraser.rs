//! What `forget` deletes by. One version of each object is kept here, so that a deletion leaves nothing but what [`LocalHome::scrub`] ends.
//!
//! [`LocalHome::scrub`]: crate::LocalHome::scrub

use super::SqliteStore;
use leadwire_pipeline::port::{
    Bucket, Eraser, Fetched, ObjectStore as _, ObjectVersions, PortError,
};

impl Eraser for SqliteStore {
    async fn list_versions(
        &self,
        bucket: Bucket,
        prefix: &str,
    ) -> Result<Vec<ObjectVersions>, PortError> {
        let mut left: Vec<ObjectVersions> = Vec::new();
        loop {
            let after = left.last().map(|last| last.key.as_str());
            let page = self.list(bucket, prefix, after).await?;
            left.extend(page.entries.into_iter().map(|entry| ObjectVersions {
                key: entry.key,
                size: Some(entry.size),
                hidden: 0,
            }));
            if !page.more {
                return Ok(left);
            }
        }
    }

    async fn get_any_version(
        &self,
        bucket: Bucket,
        key: &str,
        bytes_max: usize,
    ) -> Result<Fetched, PortError> {
        let fetched = self.get(bucket, key, bytes_max).await?;
        let is_empty = matches!(&fetched, Fetched::Found(object) if object.bytes.is_empty());
        Ok(if is_empty { Fetched::Missing } else { fetched })
    }

    async fn erase(&self, bucket: Bucket, key: &str) -> Result<u64, PortError> {
        let existed = match bucket {
            Bucket::Lookup => self.lookup.remove(key).await?,
            Bucket::Raw | Bucket::Enriched => self.delete(bucket, key).await?,
        };
        Ok(u64::from(existed))
    }

    /// What was overwritten is gone. Its view goes before this returns.
    async fn erase_hidden(&self, _bucket: Bucket, _key: &str) -> Result<u64, PortError> {
        self.views.shown().await;
        Ok(0)
    }
}
