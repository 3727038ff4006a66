//! What `forget` deletes by. The buckets keep versions, so an object goes version by version, the newest last: nothing that a deletion hid
//! shows again on the way. The buckets' policies allow only the operator's role to do so.

use super::{S3Store, read};
use crate::classify::{code, failed, port_error, status};
use aws_sdk_s3::primitives::DateTime;
use leadwire_pipeline::port::{
    Bucket, Eraser, Fetched, ObjectStore as _, ObjectVersions, PortError,
};

/// A version of an object, or the mark of a deletion.
struct Version {
    key: String,
    id: String,
    /// None of the mark of a deletion.
    size: Option<u64>,
    /// Whether it is the one that counts, and since when: versions may be of one instant.
    age: (bool, i128),
}

impl Version {
    /// Whether a read finds it.
    fn is_there(&self) -> bool {
        self.size.is_some() && self.age.0
    }
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
                .set_expected_bucket_owner(self.owner());
            let page = request.send().await.map_err(failed(action))?;
            versions.extend(page.versions().iter().filter_map(|version| {
                let age = age(version.is_latest(), version.last_modified());
                let size = version.size().and_then(|size| u64::try_from(size).ok());
                let size = Some(size.unwrap_or_default());
                version_of(version.key(), version.version_id(), size, age)
            }));
            versions.extend(page.delete_markers().iter().filter_map(|marker| {
                let age = age(marker.is_latest(), marker.last_modified());
                version_of(marker.key(), marker.version_id(), None, age)
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

    /// Deletes the versions of one object that are not spared, the newest last.
    async fn erase_versions(
        &self,
        bucket: Bucket,
        key: &str,
        is_spared: fn(&Version) -> bool,
    ) -> Result<u64, PortError> {
        let action = "delete a version";
        let mut erased = 0;
        let versions = self.versions_of(bucket, key).await?.into_iter().rev();
        for version in versions.filter(|version| !is_spared(version)) {
            let request = self
                .client
                .delete_object()
                .bucket(self.name(bucket, action)?)
                .key(key)
                .version_id(version.id)
                .set_expected_bucket_owner(self.owner());
            request.send().await.map_err(failed(action))?;
            erased += 1;
        }
        Ok(erased)
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
    size: Option<u64>,
    age: (bool, i128),
) -> Option<Version> {
    Some(Version {
        key: key?.to_owned(),
        id: id.unwrap_or("null").to_owned(),
        size,
        age,
    })
}

impl Eraser for S3Store {
    async fn list_versions(
        &self,
        bucket: Bucket,
        prefix: &str,
    ) -> Result<Vec<ObjectVersions>, PortError> {
        let mut left: Vec<ObjectVersions> = Vec::new();
        for version in self.versions(bucket, prefix).await? {
            if left.last().is_none_or(|last| last.key != version.key) {
                left.push(ObjectVersions {
                    key: version.key.clone(),
                    size: None,
                    hidden: 0,
                });
            }
            let Some(object) = left.last_mut() else {
                continue;
            };
            if version.is_there() {
                object.size = version.size;
            } else {
                object.hidden += 1;
            }
        }
        Ok(left)
    }

    async fn get_any_version(
        &self,
        bucket: Bucket,
        key: &str,
        bytes_max: usize,
    ) -> Result<Fetched, PortError> {
        let action = "read an older version";
        match self.get(bucket, key, bytes_max).await? {
            Fetched::Missing => {}
            Fetched::Found(object) if object.bytes.is_empty() => {}
            fetched @ (Fetched::Found(_) | Fetched::TooLarge | Fetched::Denied) => {
                return Ok(fetched);
            }
        }
        let versions = self.versions_of(bucket, key).await?;
        let has_bytes = |version: &Version| version.size.is_some_and(|size| size > 0);
        let Some(version) = versions.into_iter().find(has_bytes) else {
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
        self.erase_versions(bucket, key, |_version| false).await
    }

    async fn erase_hidden(&self, bucket: Bucket, key: &str) -> Result<u64, PortError> {
        self.erase_versions(bucket, key, Version::is_there).await
    }
}
