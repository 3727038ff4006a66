//! A sorted listing that is read page by page.

use crate::port::{Bucket, Home, ListPage, Listed, ObjectStore, PortError};
use std::collections::VecDeque;

/// A sorted listing under a prefix. It holds one page at a time, whatever the bucket holds.
pub(crate) struct Listing<'a, H> {
    home: &'a H,
    bucket: Bucket,
    prefix: String,
    page: VecDeque<Listed>,
    last: Option<String>,
    more: bool,
}

impl<'a, H: Home> Listing<'a, H> {
    pub(crate) fn new(home: &'a H, bucket: Bucket, prefix: impl Into<String>) -> Self {
        Self {
            home,
            bucket,
            prefix: prefix.into(),
            page: VecDeque::new(),
            last: None,
            more: true,
        }
    }

    /// The next entry.
    pub(crate) async fn next(&mut self) -> Result<Option<Listed>, PortError> {
        self.fill().await?;
        Ok(self.page.pop_front())
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
                .home
                .store()
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
