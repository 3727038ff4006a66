//! Objects in memory, with Amazon S3's semantics.

use crate::port::{
    Bucket, Created, ETag, Fetched, ListPage, Listed, Metadata, NewObject, Replaced, StoredObject,
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

    /// The newest version, also one that a deletion hides.
    pub(super) fn get_remains(&self, at: &Key, bytes_max: usize) -> Fetched {
        let newest = self.older.get(at).and_then(|older| older.last());
        match (self.get(at, bytes_max), newest) {
            (Fetched::Missing, Some(newest)) => Fetched::Found(newest.clone()),
            (current, _) => current,
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
        u64::try_from(versions).unwrap_or(u64::MAX)
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

    /// The keys under a prefix of which anything is left.
    pub(super) fn remains(&self, bucket: Bucket, prefix: &str) -> Vec<String> {
        let current = under(&self.current, bucket, prefix).map(|(key, _)| key);
        let older = under(&self.older, bucket, prefix).map(|(key, _)| key);
        let keys: BTreeSet<&String> = current.chain(older).collect();
        keys.into_iter().cloned().collect()
    }

    pub(super) fn list(&self, bucket: Bucket, prefix: &str, after: Option<&str>) -> ListPage {
        let mut entries: Vec<Listed> = self
            .under(bucket, prefix)
            .filter(|(key, _)| after.is_none_or(|after| key.as_str() > after))
            .map(|(key, object)| Listed {
                key: key.clone(),
                size: u64::try_from(object.bytes.len()).unwrap_or(u64::MAX),
                last_modified: object.last_modified,
            })
            .take(self.page + 1)
            .collect();
        let more = entries.len() > self.page;
        entries.truncate(self.page);
        ListPage { entries, more }
    }
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
