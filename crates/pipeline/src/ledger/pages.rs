//! Sorted listings of a span of names, walked side by side, each read ahead by a page.

use super::{Kind, Ledger};
use crate::port::{ListPage, Listed, ObjectStore, PortError};
use futures_util::FutureExt as _;
use futures_util::future::{BoxFuture, poll_fn};
use serde::{Deserialize, Serialize};
use std::cmp::Ordering;
use std::collections::VecDeque;
use std::task::{Context, Poll};

/// The names between two others: after the one, up to and including the other. A name is a key without its kind's prefix.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Span {
    /// The name that comes before the first; none at the beginning.
    pub(crate) after: Option<String>,
    /// The last name; none at the end.
    pub(crate) until: Option<String>,
}

impl Span {
    /// Whether a name lies strictly between its two ends, so that it can be divided there.
    pub(crate) fn is_inside(&self, name: &str) -> bool {
        self.after.as_deref().is_none_or(|after| after < name)
            && self.until.as_deref().is_none_or(|until| name < until)
    }
}

/// The page after the one that is worked on.
enum Ahead<'a> {
    Coming(BoxFuture<'a, Result<ListPage, PortError>>),
    Here(VecDeque<Listed>),
    Over,
}

/// The listing of one kind within a span.
pub(crate) struct Pages<'a, S> {
    store: &'a S,
    kind: Kind,
    until: Option<String>,
    page: VecDeque<Listed>,
    ahead: Ahead<'a>,
    /// Whether there is a page after the one ahead, and the key that it comes after.
    next: Option<String>,
}

impl<'a, S: ObjectStore> Ledger<'a, S> {
    /// Every object of a kind whose name lies in a span.
    pub(crate) fn pages(self, kind: Kind, span: &Span) -> Pages<'a, S> {
        let prefix = kind.prefix();
        let key = |name: &String| format!("{prefix}{name}");
        let mut pages = Pages {
            store: self.store,
            kind,
            until: span.until.as_ref().map(key),
            page: VecDeque::new(),
            ahead: Ahead::Over,
            next: None,
        };
        pages.ahead = pages.ask(span.after.as_ref().map(key));
        pages
    }
}

impl<'a, S: ObjectStore> Pages<'a, S> {
    /// The name of the next entry.
    pub(crate) fn name(&self) -> Option<&str> {
        let entry = self.page.front();
        entry.map(|entry| name_of(self.kind, &entry.key))
    }

    /// Whether there is no entry any more.
    pub(crate) fn is_over(&self) -> bool {
        self.page.is_empty() && matches!(self.ahead, Ahead::Over)
    }

    /// Takes the next entry.
    pub(crate) fn take(&mut self) -> Option<Listed> {
        self.page.pop_front()
    }

    /// Whether the page has come to its end.
    pub(crate) fn is_page_over(&self) -> bool {
        self.page.is_empty()
    }

    /// Passes every entry before a name. Names must be asked for in ascending order. Returns whether the listing has come so far: else it
    /// must be filled first.
    pub(crate) fn pass(&mut self, name: &str) -> bool {
        while self.name().is_some_and(|next| next < name) {
            self.page.pop_front();
        }
        !self.page.is_empty() || self.is_over()
    }

    /// Takes the entry of a name that [`Self::pass`] has come to, if there is one.
    pub(crate) fn take_at(&mut self, name: &str) -> Option<Listed> {
        match self.name()?.cmp(name) {
            Ordering::Equal => self.take(),
            Ordering::Less | Ordering::Greater => None,
        }
    }

    fn ask(&self, after: Option<String>) -> Ahead<'a> {
        let (store, kind) = (self.store, self.kind);
        let page = async move {
            let (bucket, prefix) = (kind.bucket(), kind.prefix());
            store.list(bucket, prefix, after.as_deref()).await
        };
        Ahead::Coming(page.boxed())
    }

    /// Keeps what lies in the span, and notes where the page after it begins.
    fn keep(&mut self, page: ListPage) -> VecDeque<Listed> {
        let ListPage { mut entries, more } = page;
        let last = entries.last().map(|entry| entry.key.clone());
        let until = self.until.as_deref();
        let is_past = |key: &str| until.is_some_and(|until| key > until);
        // A page without entries cannot be gone past, whatever the store says of more.
        self.next = last.filter(|last| more && until.is_none_or(|until| **last < *until));
        let kept = entries.partition_point(|entry| !is_past(&entry.key));
        entries.truncate(kept);
        entries.into()
    }

    /// Goes on with the page ahead, and is ready where there is an entry, or none is left.
    fn poll_fill(&mut self, context: &mut Context<'_>) -> Poll<Result<(), PortError>> {
        loop {
            if let Ahead::Coming(page) = &mut self.ahead
                && let Poll::Ready(page) = page.poll_unpin(context)
            {
                self.ahead = Ahead::Over;
                self.ahead = Ahead::Here(self.keep(page?));
            }
            if !self.page.is_empty() {
                return Poll::Ready(Ok(()));
            }
            match std::mem::replace(&mut self.ahead, Ahead::Over) {
                Ahead::Over => return Poll::Ready(Ok(())),
                coming @ Ahead::Coming(_) => {
                    self.ahead = coming;
                    return Poll::Pending;
                }
                Ahead::Here(page) => {
                    self.page = page;
                    if let Some(last) = self.next.take() {
                        self.ahead = self.ask(Some(last));
                    }
                }
            }
        }
    }
}

/// Waits until each listing has an entry, or none left. All of them read ahead meanwhile.
pub(crate) async fn fill<S: ObjectStore, const N: usize>(
    listings: &mut [Pages<'_, S>; N],
) -> Result<(), PortError> {
    poll_fn(|context| {
        let mut all = Poll::Ready(Ok(()));
        for listing in listings.iter_mut() {
            match listing.poll_fill(context) {
                Poll::Ready(Ok(())) => {}
                Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                Poll::Pending => all = Poll::Pending,
            }
        }
        all
    })
    .await
}

fn name_of(kind: Kind, key: &str) -> &str {
    key.strip_prefix(kind.prefix()).unwrap_or(key)
}
