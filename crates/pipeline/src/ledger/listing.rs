//! Sorted listings, read page by page.

use super::{Kind, Ledger, is_mark};
use crate::port::{Bucket, ListPage, Listed, ObjectStore, PortError};
use jiff::Timestamp;
use leadwire_domain::key::{BASE, EventName, RAW};
use leadwire_domain::lead::id::LeadId;
use std::collections::VecDeque;

/// A sorted listing under a prefix. It holds one page at a time, whatever the bucket holds.
#[derive(Debug)]
pub struct Listing<'a, S> {
    store: &'a S,
    bucket: Bucket,
    prefix: String,
    page: VecDeque<Listed>,
    last: Option<String>,
    more: bool,
}

impl<'a, S: ObjectStore> Ledger<'a, S> {
    /// Every object of a kind.
    pub fn list(self, kind: Kind) -> Listing<'a, S> {
        Listing::new(self.store, kind.bucket(), kind.prefix())
    }

    /// Those whose keys begin as a lead's do. Other leads' keys begin so too; what is stored says whose an event is.
    pub fn list_lead(self, kind: Kind, lead_id: &LeadId) -> Listing<'a, S> {
        let prefix = EventName::key_prefix(kind.prefix(), lead_id);
        Listing::new(self.store, kind.bucket(), prefix)
    }

    /// The events of a lead since then, those of one page: by their names, which time fixes. A tombstone is none.
    pub(crate) async fn events_since(
        self,
        lead_id: &LeadId,
        since: Timestamp,
    ) -> Result<Vec<EventName>, PortError> {
        let prefix = EventName::key_prefix(RAW, lead_id);
        let before = EventName::key_before(RAW, lead_id, since);
        let page = self.store.list(Bucket::Raw, &prefix, Some(&before)).await?;
        let stored = page.entries.iter().filter(|entry| !is_mark(entry));
        let names = stored.filter_map(|entry| Kind::Raw.parse(&entry.key).ok());
        Ok(names.filter(|name| name.may_be_of(lead_id)).collect())
    }

    /// Every owner file.
    pub fn list_owners(self) -> Listing<'a, S> {
        Listing::new(self.store, Bucket::Lookup, "")
    }

    /// The names of an event and of all its revisions that have an object of a kind, by key.
    pub async fn revisions(
        self,
        kind: Kind,
        event: &EventName,
    ) -> Result<Vec<EventName>, PortError> {
        let prefix = event.revisions_prefix(kind.prefix());
        let mut listing = Listing::new(self.store, kind.bucket(), prefix);
        let mut names = Vec::new();
        while let Some(entry) = listing.next().await? {
            names.extend(kind.parse(&entry.key));
        }
        Ok(names)
    }

    /// The raw objects whose names do not begin as ours do: a person put them.
    pub(crate) async fn raw_named_by_hand(self) -> Result<Vec<EventName>, PortError> {
        let ours = format!("{RAW}{BASE}");
        // The character that follows '_': every key of ours comes before it.
        let past = format!("{}`", ours.trim_end_matches('_'));
        let mut names = Vec::new();
        let mut after: Option<String> = None;
        loop {
            let page = self.store.list(Bucket::Raw, RAW, after.as_deref()).await?;
            let Some(last) = page.entries.last().map(|entry| entry.key.clone()) else {
                return Ok(names);
            };
            let by_hand = page.entries.iter();
            let by_hand = by_hand.filter(|entry| !entry.key.starts_with(&ours));
            names.extend(by_hand.filter_map(|entry| EventName::parse_raw_key(&entry.key).ok()));
            let is_at_ours = last.starts_with(&ours) && after.as_ref() != Some(&past);
            if !page.more && !is_at_ours {
                return Ok(names);
            }
            // Ours are many, and lie together: they are passed in one step.
            after = Some(if is_at_ours { past.clone() } else { last });
        }
    }
}

impl<'a, S: ObjectStore> Listing<'a, S> {
    pub(super) fn new(store: &'a S, bucket: Bucket, prefix: impl Into<String>) -> Self {
        Self {
            store,
            bucket,
            prefix: prefix.into(),
            page: VecDeque::new(),
            last: None,
            more: true,
        }
    }

    /// The next entry.
    pub async fn next(&mut self) -> Result<Option<Listed>, PortError> {
        self.fill().await?;
        Ok(self.page.pop_front())
    }

    /// Every entry that is left.
    pub async fn all(mut self) -> Result<Vec<Listed>, PortError> {
        let mut entries = Vec::new();
        while let Some(entry) = self.next().await? {
            entries.push(entry);
        }
        Ok(entries)
    }

    /// The next entry, which stays the next.
    pub(crate) async fn peek(&mut self) -> Result<Option<&Listed>, PortError> {
        self.fill().await?;
        Ok(self.page.front())
    }

    /// The entry of that name under the prefix, if there is one. Names must be asked for in ascending order.
    pub(crate) async fn seek(&mut self, name: &str) -> Result<Option<Listed>, PortError> {
        loop {
            self.fill().await?;
            let Some(entry) = self.page.front() else {
                return Ok(None);
            };
            match entry
                .key
                .strip_prefix(self.prefix.as_str())
                .unwrap_or_default()
                .cmp(name)
            {
                std::cmp::Ordering::Less => {
                    self.page.pop_front();
                }
                std::cmp::Ordering::Equal => return Ok(self.page.pop_front()),
                std::cmp::Ordering::Greater => return Ok(None),
            }
        }
    }

    async fn fill(&mut self) -> Result<(), PortError> {
        while self.page.is_empty() && self.more {
            let ListPage { entries, more } = self
                .store
                .list(self.bucket, &self.prefix, self.last.as_deref())
                .await?;
            self.last = entries
                .last()
                .map(|entry| entry.key.clone())
                .or_else(|| self.last.take());
            // A page without entries cannot be gone past, whatever the store says of more.
            self.more = more && !entries.is_empty();
            self.page = entries.into();
        }
        Ok(())
    }
}
