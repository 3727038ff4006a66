//! Objects in memory, with Amazon S3's semantics.

use crate::port::{
    Bucket, Created, ETag, Fetched, ListPage, Listed, Metadata, NewObject, ObjectVersions,
    Replaced, StoredObject,
};
use jiff::Timestamp;
use std::collections::{BTreeMap, BTreeSet};

/// Entries of a listing's page.
const PAGE: usize = 1000;

/// Where an object lies.
pub(super) type Key = (Bucket, String);

/// Objects in memory.
#[derive(Debug)]
pub(super) struct Objects {
    current: BTreeMap<Key, StoredObject>,
    /// Earlier versions, the newest last; nothing where they are not kept.
    older: BTreeMap<Key, Vec<StoredObject>>,
    pub(super) keeps_versions: bool,
    pub(super) page: usize,
    written: u64,
}

impl Default for Objects {
    fn default() -> Self {
        Self {
            current: BTreeMap::new(),
            older: BTreeMap::new(),
            keeps_versions: false,
            page: PAGE,
            written: 0,
        }
    }
}

pub(super) fn at(bucket: Bucket, key: &str) -> Key {
    (bucket, key.to_owned())
}

impl Objects {
    pub(super) fn peek(&self, at: &Key) -> Option<&StoredObject> {
        self.current.get(at)
    }

    pub(super) fn get(&self, at: &Key, bytes_max: usize) -> Fetched {
        match self.peek(at) {
            Some(object) if object.bytes.len() > bytes_max => Fetched::TooLarge,
            Some(object) => Fetched::Found(object.clone()),
            None => Fetched::Missing,
        }
    }

    /// The newest version that has bytes, also one that a deletion or an empty object hides.
    pub(super) fn get_any_version(&self, at: &Key, bytes_max: usize) -> Fetched {
        let older = self.older.get(at).into_iter().flatten().rev();
        let mut versions = self.peek(at).into_iter().chain(older);
        match versions.find(|version| !version.bytes.is_empty()) {
            Some(version) if version.bytes.len() > bytes_max => Fetched::TooLarge,
            Some(version) => Fetched::Found(version.clone()),
            None => Fetched::Missing,
        }
    }

    pub(super) fn put(&mut self, at: &Key, object: NewObject, now: Timestamp) -> ETag {
        self.written += 1;
        let etag = ETag(format!("v{}", self.written));
        let NewObject { bytes, metadata } = object;
        let stored = StoredObject {
            bytes,
            etag: etag.clone(),
            metadata,
            last_modified: now,
        };
        let replaced = self.current.insert(at.clone(), stored);
        self.keep(at, replaced);
        etag
    }

    pub(super) fn create(&mut self, at: &Key, object: NewObject, now: Timestamp) -> Created {
        if self.peek(at).is_some() {
            return Created::Exists;
        }
        Created::New(self.put(at, object, now))
    }

    pub(super) fn replace(
        &mut self,
        at: &Key,
        etag: &ETag,
        object: NewObject,
        now: Timestamp,
    ) -> Replaced {
        let current = self.peek(at).map(|object| &object.etag);
        if current != Some(etag) {
            return Replaced::Changed;
        }
        Replaced::New(self.put(at, object, now))
    }

    pub(super) fn remove(&mut self, at: &Key) {
        let removed = self.current.remove(at);
        self.keep(at, removed);
    }

    fn keep(&mut self, at: &Key, object: Option<StoredObject>) {
        if let Some(object) = object.filter(|_| self.keeps_versions) {
            self.older.entry(at.clone()).or_default().push(object);
        }
    }

    /// Deletes every version. Returns how many there were.
    pub(super) fn erase(&mut self, at: &Key) -> u64 {
        let versions = self.versions(at);
        self.current.remove(at);
        self.older.remove(at);
        count(versions)
    }

    /// Deletes every version but the object that is there. Returns how many there were.
    pub(super) fn erase_hidden(&mut self, at: &Key) -> u64 {
        count(self.older.remove(at).map_or(0, |older| older.len()))
    }

    pub(super) fn versions(&self, at: &Key) -> usize {
        let older = self.older.get(at).map_or(0, Vec::len);
        older + usize::from(self.peek(at).is_some())
    }

    pub(super) fn under<'a>(
        &'a self,
        bucket: Bucket,
        prefix: &'a str,
    ) -> impl Iterator<Item = (&'a String, &'a StoredObject)> {
        under(&self.current, bucket, prefix)
    }

    /// What is left under a prefix.
    pub(super) fn list_versions(&self, bucket: Bucket, prefix: &str) -> Vec<ObjectVersions> {
        let current = under(&self.current, bucket, prefix).map(|(key, _)| key);
        let older = under(&self.older, bucket, prefix).map(|(key, _)| key);
        let keys: BTreeSet<&String> = current.chain(older).collect();
        let object = |key: &String| {
            let at = at(bucket, key);
            ObjectVersions {
                key: key.clone(),
                size: self.peek(&at).map(|object| count(object.bytes.len())),
                hidden: count(self.older.get(&at).map_or(0, Vec::len)),
            }
        };
        keys.into_iter().map(object).collect()
    }

    pub(super) fn list(&self, bucket: Bucket, prefix: &str, after: Option<&str>) -> ListPage {
        let mut entries: Vec<Listed> = self
            .under(bucket, prefix)
            .filter(|(key, _)| after.is_none_or(|after| key.as_str() > after))
            .map(|(key, object)| Listed {
                key: key.clone(),
                size: count(object.bytes.len()),
                last_modified: object.last_modified,
            })
            .take(self.page + 1)
            .collect();
        let more = entries.len() > self.page;
        entries.truncate(self.page);
        ListPage { entries, more }
    }
}

fn count(number: usize) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}

fn under<'a, T>(
    objects: &'a BTreeMap<Key, T>,
    bucket: Bucket,
    prefix: &'a str,
) -> impl Iterator<Item = (&'a String, &'a T)> {
    objects
        .range(at(bucket, prefix)..)
        .take_while(move |((of, key), _)| *of == bucket && key.starts_with(prefix))
        .map(|((_, key), object)| (key, object))
}

impl NewObject {
    /// An object with metadata, for tests.
    pub fn with_metadata(bytes: Vec<u8>, metadata: Metadata) -> Self {
        Self { bytes, metadata }
    }
}
