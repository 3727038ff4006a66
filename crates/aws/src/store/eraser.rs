//! What `forget` deletes by. The buckets keep versions, so an object goes version by version, the newest last: nothing that a deletion hid
//! shows again on the way. The buckets' policies allow only the operator's role to do so.

use super::{S3Store, read};
use crate::classify::{code, failed, port_error, status};
use aws_sdk_s3::primitives::DateTime;
use leadwire_pipeline::port::{Bucket, Eraser, Fetched, ObjectStore as _, PortError};

/// A version of an object, or the mark of a deletion.
struct Version {
    key: String,
    id: String,
    has_bytes: bool,
    /// Whether it is the one that counts, and since when: versions may be of one instant.
    age: (bool, i128),
}

impl S3Store {
    /// Every version under a prefix, by key, and the newest first.
    async fn versions(&self, bucket: Bucket, prefix: &str) -> Result<Vec<Version>, PortError> {
        let action = "list versions";
        let mut versions = Vec::new();
        let (mut key, mut id) = (None, None);
        loop {
            let request = self
                .client
                .list_object_versions()
                .bucket(self.name(bucket, action)?)
                .prefix(prefix)
                .set_key_marker(key.take())
                .set_version_id_marker(id.take())
                .set_expected_bucket_owner(self.owner(bucket));
            let page = request.send().await.map_err(failed(action))?;
            versions.extend(page.versions().iter().filter_map(|version| {
                let age = age(version.is_latest(), version.last_modified());
                version_of(version.key(), version.version_id(), true, age)
            }));
            versions.extend(page.delete_markers().iter().filter_map(|marker| {
                let age = age(marker.is_latest(), marker.last_modified());
                version_of(marker.key(), marker.version_id(), false, age)
            }));
            key = page.next_key_marker().map(str::to_owned);
            id = page.next_version_id_marker().map(str::to_owned);
            if page.is_truncated() != Some(true) || key.is_none() {
                break;
            }
        }
        versions.sort_by(|a, b| a.key.cmp(&b.key).then(b.age.cmp(&a.age)));
        Ok(versions)
    }

    /// The versions of one object. A longer key begins alike.
    async fn versions_of(&self, bucket: Bucket, key: &str) -> Result<Vec<Version>, PortError> {
        let mut versions = self.versions(bucket, key).await?;
        versions.retain(|version| version.key == key);
        Ok(versions)
    }
}

fn age(is_latest: Option<bool>, modified_at: Option<&DateTime>) -> (bool, i128) {
    let at = modified_at.map_or(0, DateTime::as_nanos);
    (is_latest == Some(true), at)
}

/// Where versions never were kept, an object has the one version `null`.
fn version_of(
    key: Option<&str>,
    id: Option<&str>,
    has_bytes: bool,
    age: (bool, i128),
) -> Option<Version> {
    Some(Version {
        key: key?.to_owned(),
        id: id.unwrap_or("null").to_owned(),
        has_bytes,
        age,
    })
}

impl Eraser for S3Store {
    async fn remains(&self, bucket: Bucket, prefix: &str) -> Result<Vec<String>, PortError> {
        let versions = self.versions(bucket, prefix).await?;
        let mut keys: Vec<String> = versions.into_iter().map(|version| version.key).collect();
        keys.dedup();
        Ok(keys)
    }

    async fn get_remains(
        &self,
        bucket: Bucket,
        key: &str,
        bytes_max: usize,
    ) -> Result<Fetched, PortError> {
        let action = "read an older version";
        let current = self.get(bucket, key, bytes_max).await?;
        if !matches!(current, Fetched::Missing) {
            return Ok(current);
        }
        let versions = self.versions_of(bucket, key).await?;
        let Some(version) = versions.into_iter().find(|version| version.has_bytes) else {
            return Ok(Fetched::Missing);
        };
        let request = self.read(bucket, key, action)?;
        match request.version_id(version.id).send().await {
            Ok(output) => read(output, bytes_max, action).await,
            Err(error) => match (status(&error), code(&error)) {
                (Some(404), Some("NoSuchVersion" | "NoSuchKey")) => Ok(Fetched::Missing),
                _ => Err(port_error(action, &error)),
            },
        }
    }

    async fn erase(&self, bucket: Bucket, key: &str) -> Result<u64, PortError> {
        let action = "delete a version";
        let mut erased = 0;
        for version in self.versions_of(bucket, key).await?.into_iter().rev() {
            let request = self
                .client
                .delete_object()
                .bucket(self.name(bucket, action)?)
                .key(key)
                .version_id(version.id)
                .set_expected_bucket_owner(self.owner(bucket));
            request.send().await.map_err(failed(action))?;
            erased += 1;
        }
        Ok(erased)
    }
}
